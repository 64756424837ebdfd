// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_tables_test - an ITS's tables, saved to guest memory
 *
 * They are compared byte by byte with those that Linux 6.12 saves, and restored: in
 * the ITS that saved them, in that of another VM, and from what Linux 6.12 saved.
 */
#include <stdlib.h>

#include "its_vmm.h"
#include "its_tables_scenes.h"
#include "its_tables_fixture.h"
#include "its_tables_rig.h"
#include "kselftest_harness.h"
#include "kvm_util.h"

#define SLOW		300	/* s: the test is not quick on a debug kernel */

/* What the tests fill memory with. It is an entry of no table. */
#define NOT_SAVED	0x7e5700000000ab1eULL

/* Entries that are valid, and lead on to the next. */
#define GARBAGE_DTE	DTE(1, ITT_GPA(9), 3)
#define GARBAGE_ITE	ITE(1, 60000, 0)
#define GARBAGE_CTE	CTE(0, 77)

/* Whole scenes. */

FIXTURE(scene)
{
	struct scene_list *list;
	u64 *fixture;
};

FIXTURE_VARIANT(scene)
{
	u32 nr;
};

FIXTURE_VARIANT_ADD(scene, nothing) { NOTHING };
FIXTURE_VARIANT_ADD(scene, one_event) { ONE_EVENT };
FIXTURE_VARIANT_ADD(scene, collections) { COLLECTIONS };
FIXTURE_VARIANT_ADD(scene, no_events) { NO_EVENTS };
FIXTURE_VARIANT_ADD(scene, flat_sparse) { FLAT_SPARSE };
FIXTURE_VARIANT_ADD(scene, indirect_sparse) { INDIRECT_SPARSE };
FIXTURE_VARIANT_ADD(scene, indirect_dense) { INDIRECT_DENSE };
FIXTURE_VARIANT_ADD(scene, event_gaps) { EVENT_GAPS };
FIXTURE_VARIANT_ADD(scene, itt_sizes) { ITT_SIZES };
FIXTURE_VARIANT_ADD(scene, thousands) { THOUSANDS };
FIXTURE_VARIANT_ADD(scene, descending) { DESCENDING };
FIXTURE_VARIANT_ADD(scene, never_mapped) { NEVER_MAPPED };
FIXTURE_VARIANT_ADD(scene, gone_first) { GONE_FIRST };
FIXTURE_VARIANT_ADD(scene, gone_middle) { GONE_MIDDLE };
FIXTURE_VARIANT_ADD(scene, gone_last) { GONE_LAST };
FIXTURE_VARIANT_ADD(scene, shared_lpi) { SHARED_LPI };
FIXTURE_VARIANT_ADD(scene, reused) { REUSED };
FIXTURE_VARIANT_ADD(scene, reused_indirect) { REUSED_INDIRECT };

static void fill_run(u64 *memory, const struct scene_run *run)
{
	for (u32 i = 0; i <= run->more; i++)
		memory[(run->offset + i * run->stride) / sizeof(*memory)] =
			run->value + i * run->delta;
}

static void fill_fixture(u32 nr, u64 *memory)
{
	for (u32 i = 0; i < ARRAY_SIZE(its_tables_fixture); i++)
		if (its_tables_fixture[i].scene == nr)
			fill_run(memory, &its_tables_fixture[i]);
}

FIXTURE_SETUP(scene)
{
	const struct scene *scene = &scenes[variant->nr];

	self->list = scene_list(scene);
	self->fixture = calloc(1, SCENE_SIZE);
	ASSERT_NE(NULL, self->fixture);
	fill_fixture(variant->nr, self->fixture);
}

FIXTURE_TEARDOWN(scene)
{
	its_vmm_destroy(&rig.v);
	free(self->fixture);
	free(self->list);
}

static void rig_set_scene_basers(const struct scene *scene)
{
	rig_set_basers(scene->device_pages, scene->level2, scene->collection_pages);
}

/* The rig with the scene mapped. */
static void rig_map_scene(const struct scene *scene, const struct scene_list *list)
{
	rig.memory = scene_create(&rig.v, scene, list);
	rig_init();
	rig_set_scene_basers(scene);
}

/* The memory as Linux 6.12 has it. */
static void compare_with_fixture(struct __test_metadata *_metadata, const struct scene *scene,
				 const u64 *fixture)
{
	u64 unsure = scene->stale_next ? ITE(0xffff, 0, 0) : 0, differ;
	const u64 *memory = rig.memory;

	for (u32 i = 0; i < SCENE_SIZE / sizeof(*memory); i++) {
		differ = memory[i] ^ fixture[i];
		if (!differ)
			continue;
		if (fixture[i] && i * sizeof(*memory) >= SCENE_ITTS)
			differ &= ~unsure;
		ASSERT_EQ(0, differ) {
			TH_LOG("offset %#lx: expected %#lx, saved %#lx", i * sizeof(*memory),
			       fixture[i], memory[i]);
		}
	}
}

/* Save to memory that has nothing else but where level 2 is. */
static void save_anew(struct __test_metadata *_metadata, const struct scene *scene)
{
	rig_clear_memory();
	scene_fill_level1(scene, rig.memory);
	ASSERT_EQ(0, rig_save());
}

TEST_F_TIMEOUT(scene, saved, SLOW)
{
	const struct scene *scene = &scenes[variant->nr];

	rig_map_scene(scene, self->list);
	ASSERT_EQ(0, rig_save());
	compare_with_fixture(_metadata, scene, self->fixture);
	ASSERT_EQ(0, rig_save());
	compare_with_fixture(_metadata, scene, self->fixture);
	check_events(_metadata, self->list->events, self->list->nr_events);
}

TEST_F_TIMEOUT(scene, fixture_restored, SLOW)
{
	const struct scene *scene = &scenes[variant->nr];

	rig_create();
	rig_set_scene_basers(scene);
	fill_fixture(variant->nr, rig.memory);
	ASSERT_EQ(0, rig_restore());
	check_events(_metadata, self->list->events, self->list->nr_events);
	compare_with_fixture(_metadata, scene, self->fixture);
	save_anew(_metadata, scene);
	compare_with_fixture(_metadata, scene, self->fixture);
}

/* Some events are pending when the tables are saved. */
static void save_all(struct __test_metadata *_metadata, const struct scene_list *list)
{
	for (u32 i = 0; i < list->nr_events; i += 3)
		if (delivers(&list->events[i]))
			send_event(_metadata, &list->events[i]);
	check_pending(_metadata);
	ASSERT_EQ(0, rig_save());
}

/* KVM has the pending state of the LPIs, not only the tables. */
static void check_restored(struct __test_metadata *_metadata, const struct scene_list *list)
{
	for (u32 i = 0; i < SCENE_VCPUS; i++)
		scene_clear(pending_table(i), PENDING_WORDS * sizeof(u64));
	check_pending(_metadata);
	check_events(_metadata, list->events, list->nr_events);
}

TEST_F_TIMEOUT(scene, reset_and_restored, SLOW)
{
	const struct scene *scene = &scenes[variant->nr];

	rig_map_scene(scene, self->list);
	save_all(_metadata, self->list);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_restored(_metadata, self->list);
	save_anew(_metadata, scene);
	compare_with_fixture(_metadata, scene, self->fixture);
}

/* What a VMM sends along with the memory. */
static const u32 its_registers[] = {
	GITS_CBASER, GITS_BASER, GITS_BASER + 8, GITS_CREADR, GITS_CWRITER, GITS_IIDR,
};

/* In a new VM that has the memory of the old one. */
static int migrate(void)
{
	u64 values[ARRAY_SIZE(its_registers)];
	struct its_vmm old = rig.v;
	int ret;

	for (u32 i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = its_vmm_its_read(&old, its_registers[i]);

	its_vmm_create_vm(&rig.v, SCENE_VCPUS);
	copy_words(rig.v.ram, old.ram, (old.scratch - old.ram) / sizeof(u64));
	copy_words(scene_add_memory(&rig.v), rig.memory, SCENE_SIZE / sizeof(u64));
	rig.memory = addr_gpa2hva(rig.v.vm, SCENE_GPA);
	its_vmm_destroy(&old);

	its_vmm_add_gic(&rig.v);
	its_vmm_add_its(&rig.v);
	its_vmm_enable(&rig.v);
	its_vmm_its_write(&rig.v, GITS_CTLR, 0);
	for (u32 i = 0; i < ARRAY_SIZE(values); i++)
		its_vmm_its_write(&rig.v, its_registers[i], values[i]);
	ret = its_vmm_ctrl(&rig.v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	rig_enable();
	return ret;
}

TEST_F_TIMEOUT(scene, migrated, SLOW)
{
	const struct scene *scene = &scenes[variant->nr];

	rig_map_scene(scene, self->list);
	save_all(_metadata, self->list);
	ASSERT_EQ(0, migrate());
	check_restored(_metadata, self->list);
	save_anew(_metadata, scene);
	compare_with_fixture(_metadata, scene, self->fixture);
}

/*
 * Tables that have something else in them before they are saved: what the guest wrote
 * there, or what an earlier save left of what is unmapped since.
 */

static void fill_with(u32 from, u32 to, u64 word)
{
	for (u32 i = from; i < to; i += sizeof(u64))
		*word_at(i) = word;
}

/* What level 1 has no use for leads out of memory. */
static void fill_level1(const struct scene *scene)
{
	for (u32 i = 0; i < ITS_L1_ENTRIES; i++)
		if (!(scene->level2 & BIT(i)))
			*word_at(DEVICE_AT(i)) = L1E(NO_MEMORY + i * SZ_64K);
}

static void fill_tables(const struct scene *scene, u64 dte, u64 ite, u64 cte)
{
	if (scene->level2)
		fill_level1(scene);
	else
		fill_with(SCENE_DEVICES, SCENE_COLLECTIONS, dte);
	fill_with(SCENE_COLLECTIONS, SCENE_LEVEL2, cte);
	fill_with(SCENE_LEVEL2, SCENE_ITTS, dte);
	fill_with(SCENE_ITTS, SCENE_SIZE, ite);
}

/* Events that a restore can bring back: those in a collection. */
static u32 nr_saved(const struct scene_list *list)
{
	u32 nr = 0;

	for (u32 i = 0; i < list->nr_events; i++)
		nr += list->events[i].target != SCENE_GONE;
	return nr;
}

static void check_saved_over(struct __test_metadata *_metadata, const struct scene_list *list)
{
	ASSERT_EQ(0, rig_save());
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(nr_saved(list), rig.model.nr_events);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_events(_metadata, list->events, list->nr_events);
	check_model(_metadata);
}

TEST_F_TIMEOUT(scene, saved_over_garbage, SLOW)
{
	const struct scene *scene = &scenes[variant->nr];

	rig_map_scene(scene, self->list);
	fill_tables(scene, GARBAGE_DTE, GARBAGE_ITE, GARBAGE_CTE);
	check_saved_over(_metadata, self->list);
	fill_tables(scene, ~0ULL, ~0ULL, ~0ULL);
	check_saved_over(_metadata, self->list);
}

FIXTURE(tables)
{
};

FIXTURE_SETUP(tables)
{
	rig_create();
}

FIXTURE_TEARDOWN(tables)
{
	its_vmm_destroy(&rig.v);
}

/* Saved tables of what was unmapped, moved away or is out of reach. */

#define NR_SPARSE	5

static const u32 sparse[NR_SPARSE] = { 0, 1, 9, 30, 31 };

/* Where the saved ITE of each leads to the next that has a collection. */
static void check_itt(struct __test_metadata *_metadata, u32 gone)
{
	u64 expected;

	for (u32 i = 0, next; i < NR_SPARSE; i++) {
		next = i + 1;
		while (next < NR_SPARSE && gone >> next & 1)
			next++;
		next = next < NR_SPARSE ? sparse[next] - sparse[i] : 0;
		expected = gone >> i & 1 ? 0 : ITE(next, 8192 + i, 0);
		ASSERT_EQ(expected, *word_at(ITE_AT(0, sparse[i]))) {
			TH_LOG("event %u, unmapped: %#x", i, gone);
		}
	}
}

/* Collection 1 goes, and with it the mapping of the events @gone. */
static void save_without(struct __test_metadata *_metadata, u32 gone)
{
	for (u32 i = 0; i < NR_SPARSE; i++)
		*word_at(ITE_AT(0, sparse[i])) = GARBAGE_ITE;
	its_vmm_mapc(&rig.v, 0, 0, true);
	its_vmm_mapc(&rig.v, 1, 1, true);
	rig_mapd(2, ITT(0), 5);
	for (u32 i = 0; i < NR_SPARSE; i++)
		its_vmm_mapti(&rig.v, 2, sparse[i], 8192 + i, gone >> i & 1);
	its_vmm_mapc(&rig.v, 1, 0, false);
	ASSERT_EQ(0, rig_save());
}

TEST_F_TIMEOUT(tables, saved_without_collection, SLOW)
{
	rig_start();
	for (u32 gone = 0; gone < BIT(NR_SPARSE); gone++) {
		save_without(_metadata, gone);
		for (u32 i = 0; i < NR_SPARSE; i++) {
			ASSERT_EQ(!(gone >> i & 1), !!*word_at(ITE_AT(0, sparse[i]))) {
				TH_LOG("event %u, unmapped: %#x", i, gone);
			}
		}
		ASSERT_EQ(0, expect_restore());
		ASSERT_EQ(NR_SPARSE - __builtin_popcount(gone), rig.model.nr_events);
		ASSERT_EQ(0, rig_reset_and_restore());
		check_model(_metadata);
	}
}

TEST_F_TIMEOUT(tables, saved_next_offsets, SLOW)
{
	rig_start();
	for (u32 gone = 0; gone < BIT(NR_SPARSE); gone++) {
		save_without(_metadata, gone);
		check_itt(_metadata, gone);
	}
}

#define NR_REACHABLE	4

static const u32 reachable[NR_REACHABLE] = { 5, 8192 + 6, 8192 + 7, 32768 + 9 };

/* The DTE's offset, which is in the page of level 2 that the index names. */
static u32 reachable_dte(u32 i)
{
	return LEVEL2(reachable[i] / ITS_PAGE_ENTRIES) +
	       reachable[i] % ITS_PAGE_ENTRIES * ITS_ENTRY_SIZE;
}

static void check_dtes(struct __test_metadata *_metadata, u32 l1)
{
	for (u32 i = 0, next; i < NR_REACHABLE; i++) {
		bool gone = reachable[i] / ITS_PAGE_ENTRIES == l1;
		u64 expected;

		next = i + 1;
		while (next < NR_REACHABLE && reachable[next] / ITS_PAGE_ENTRIES == l1)
			next++;
		next = next < NR_REACHABLE ? min_t(u32, reachable[next] - reachable[i], 0x3fff) : 0;
		expected = gone ? NOT_SAVED : DTE(next, ITT_GPA(i), 5);
		ASSERT_EQ(expected, *word_at(reachable_dte(i))) {
			TH_LOG("DeviceID %#x, without level 1 entry %u", reachable[i], l1);
		}
	}
}

static void map_reachable(void)
{
	for (u32 i = 0; i < NR_REACHABLE; i++)
		*word_at(DEVICE_AT(reachable[i] / ITS_PAGE_ENTRIES)) =
			L1E(LEVEL2_GPA(reachable[i] / ITS_PAGE_ENTRIES));
	its_vmm_mapc(&rig.v, 0, 2, true);
	for (u32 i = 0; i < NR_REACHABLE; i++) {
		*word_at(reachable_dte(i)) = NOT_SAVED;
		rig_mapd(reachable[i], ITT(i), 5);
		its_vmm_mapti(&rig.v, reachable[i], i, 8192 + i, 0);
	}
}

/* The guest makes an entry of level 1 invalid, or leads it astray. */
static void check_unreachable(struct __test_metadata *_metadata, u32 l1, u64 l1e)
{
	map_reachable();
	*word_at(DEVICE_AT(l1)) = l1e;
	ASSERT_EQ(0, rig_save());
	check_dtes(_metadata, l1);

	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(NR_REACHABLE - (l1 == 1 ? 2 : 1), rig.model.nr_events);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

TEST_F_TIMEOUT(tables, saved_unreachable_devices, SLOW)
{
	static const u32 l1[] = { 0, 1, 4 };

	rig_set_basers(1, true, 1);
	rig_start();
	for (u32 i = 0; i < ARRAY_SIZE(l1); i++) {
		check_unreachable(_metadata, l1[i], 0);
		check_unreachable(_metadata, l1[i], LEVEL2_GPA(l1[i]));
		check_unreachable(_metadata, l1[i], L1E(NO_MEMORY));
		check_unreachable(_metadata, l1[i], L1E(GENMASK_ULL(51, 16)));
	}
	/* Back in reach, they are saved again. */
	map_reachable();
	*word_at(DEVICE_AT(1)) = 0;
	ASSERT_EQ(0, rig_save());
	*word_at(DEVICE_AT(1)) = L1E(LEVEL2_GPA(1));
	check_saved(_metadata, NR_REACHABLE);
}

/* What was saved and is unmapped does not come back once the tables are saved again. */

enum removal { DISCARDED, DEVICE_UNMAPPED, COLLECTION_UNMAPPED };

#define NR_DEVICES	3
#define NR_EVENTS	3
#define DEVID(_i)	((_i) * 4000 + 1)

static void remove_event(const struct scene_event *event, enum removal how)
{
	switch (how) {
	case DISCARDED:
		its_vmm_discard(&rig.v, event->devid, event->event);
		break;
	case DEVICE_UNMAPPED:
		its_vmm_mapd_itt(&rig.v, event->devid, 0, 5, false);
		break;
	case COLLECTION_UNMAPPED:
		its_vmm_mapc(&rig.v, event->icid, 0, false);
		break;
	}
}

static bool is_removed(const struct scene_event *event, const struct scene_event *removed,
		       enum removal how)
{
	if (how == COLLECTION_UNMAPPED)
		return event->icid == removed->icid;
	return event->devid == removed->devid &&
	       (how == DEVICE_UNMAPPED || event->event == removed->event);
}

static void map_nine_events(struct scene_event *events)
{
	for (u32 i = 0; i < NR_EVENTS; i++)
		its_vmm_mapc(&rig.v, i, i, true);
	for (u32 i = 0; i < NR_DEVICES * NR_EVENTS; i++) {
		events[i] = (struct scene_event) {
			.devid = DEVID(i / NR_EVENTS),
			.event = i % NR_EVENTS * 7,
			.lpi = 8192 + i,
			.icid = (i / NR_EVENTS + i) % NR_EVENTS,
		};
		events[i].target = SCENE_VCPU + events[i].icid;
		if (i % NR_EVENTS == 0)
			rig_mapd(events[i].devid, ITT(i), 5);
		its_vmm_mapti(&rig.v, events[i].devid, events[i].event, events[i].lpi,
			      events[i].icid);
	}
}

static void check_removal(struct __test_metadata *_metadata, u32 nr, enum removal how)
{
	struct scene_event events[NR_DEVICES * NR_EVENTS], removed;

	map_nine_events(events);
	ASSERT_EQ(0, rig_save());
	removed = events[nr];
	remove_event(&removed, how);
	ASSERT_EQ(0, rig_save());
	ASSERT_EQ(0, rig_reset_and_restore());
	for (u32 i = 0; i < ARRAY_SIZE(events); i++)
		if (is_removed(&events[i], &removed, how))
			events[i].target = SCENE_END;
	check_events(_metadata, events, ARRAY_SIZE(events));
}

static void check_removals(struct __test_metadata *_metadata, bool indirect)
{
	rig_set_basers(2, indirect, 1);
	for (u32 i = 0; indirect && i < ITS_L1_ENTRIES; i++)
		*word_at(DEVICE_AT(i)) = L1E(LEVEL2_GPA(i));
	rig_start();
	for (u32 i = 0; i < NR_DEVICES * NR_EVENTS; i++) {
		check_removal(_metadata, i, DISCARDED);
		if (i % NR_EVENTS)
			continue;
		check_removal(_metadata, i, DEVICE_UNMAPPED);
		check_removal(_metadata, i, COLLECTION_UNMAPPED);
	}
}

TEST_F_TIMEOUT(tables, removed_stays_away, SLOW)
{
	check_removals(_metadata, false);
}

TEST_F_TIMEOUT(tables, removed_stays_away_indirect, SLOW)
{
	check_removals(_metadata, true);
}

/* Unmapping, and what it depends on: nothing in guest memory. */

#define NR_UNMAPPED	6

static void map_for_unmapping(void)
{
	its_vmm_mapc(&rig.v, 0, 0, true);
	for (u32 i = 0; i < NR_UNMAPPED; i++) {
		rig_mapd(i, ITT(i), 5);
		its_vmm_mapti(&rig.v, i, 1, 8192 + 2 * i, 0);
		its_vmm_mapti(&rig.v, i, 2, 8193 + 2 * i, 0);
	}
}

/* Half of the devices go as a whole. */
static void unmap_all_events(void)
{
	for (u32 i = 0; i < NR_UNMAPPED; i++) {
		if (i % 2) {
			its_vmm_mapd_itt(&rig.v, i, 0, 5, false);
			continue;
		}
		its_vmm_discard(&rig.v, i, 1);
		its_vmm_discard(&rig.v, i, 2);
	}
}

static void check_all_unmapped(struct __test_metadata *_metadata)
{
	for (u32 i = 0; i < 2 * NR_UNMAPPED; i++) {
		ASSERT_EQ(0, its_vmm_signal(&rig.v, i / 2, 1 + i % 2, KVM_MSI_VALID_DEVID)) {
			TH_LOG("DeviceID %u, EventID %u", i / 2, 1 + i % 2);
		}
	}
}

/* How many pages of the tables KVM has written since the last time. */
static u32 nr_dirty(void)
{
	unsigned long bitmap[SCENE_SIZE / SZ_4K / BITS_PER_LONG] = { };
	u32 nr = 0;

	kvm_vm_get_dirty_log(rig.v.vm, SCENE_SLOT, bitmap);
	for (u32 i = 0; i < ARRAY_SIZE(bitmap); i++)
		nr += __builtin_popcountl(bitmap[i]);
	return nr;
}

/* So that there is no limit on how many of the dirty pages one queue of commands makes. */
TEST_F_TIMEOUT(tables, unmapping_writes_nothing, SLOW)
{
	rig_start();
	map_for_unmapping();
	ASSERT_EQ(0, rig_save());
	vm_mem_region_set_flags(rig.v.vm, SCENE_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	nr_dirty();
	unmap_all_events();
	its_vmm_mapc(&rig.v, 0, 0, false);
	EXPECT_EQ(0, nr_dirty());
	check_all_unmapped(_metadata);
}

/* Some flags of a slot do not change as long as there is the slot. */
static void replace_slot(u32 flags)
{
	vm_set_user_memory_region(rig.v.vm, SCENE_SLOT, 0, SCENE_GPA, 0, rig.memory);
	vm_set_user_memory_region(rig.v.vm, SCENE_SLOT, flags, SCENE_GPA, SCENE_SIZE, rig.memory);
}

TEST_F_TIMEOUT(tables, unmapped_in_read_only_memory, SLOW)
{
	u64 bad;

	rig_start();
	map_for_unmapping();
	ASSERT_EQ(0, rig_save());
	bad = its_vmm_stat(&rig.v, "its_bad_commands");
	replace_slot(KVM_MEM_READONLY);
	unmap_all_events();
	check_all_unmapped(_metadata);
	EXPECT_EQ(bad, its_vmm_stat(&rig.v, "its_bad_commands"));

	replace_slot(0);
	check_saved(_metadata, 0);
}

/* Memory goes and comes back; the guest has unmapped meanwhile. */
TEST_F_TIMEOUT(tables, unmapped_without_level_1, SLOW)
{
	rig_set_basers(1, true, 1);
	*word_at(DEVICE_AT(0)) = L1E(LEVEL2_GPA(0));
	rig_start();
	map_for_unmapping();
	ASSERT_EQ(0, rig_save());
	*word_at(DEVICE_AT(0)) = 0;
	unmap_all_events();
	check_all_unmapped(_metadata);
	*word_at(DEVICE_AT(0)) = L1E(LEVEL2_GPA(0));
	check_saved(_metadata, 0);
	check_all_unmapped(_metadata);
}

/* Where there is nothing to clear, saving writes the entries of what is mapped alone. */
TEST_F_TIMEOUT(tables, saved_pages, SLOW)
{
	rig_set_basers(8, false, 1);
	rig_start();
	its_vmm_mapc(&rig.v, 0, 0, true);
	rig_mapd(40000, ITT(0), 16);
	vm_mem_region_set_flags(rig.v.vm, SCENE_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	nr_dirty();

	/* A DTE, and a CTE. */
	ASSERT_EQ(0, rig_save());
	EXPECT_EQ(2, nr_dirty());

	/* Also a DTE, an ITE and a CTE that are not true. */
	*word_at(DEVICE_AT(1)) = GARBAGE_DTE;
	*word_at(ITE_AT(0, 50000)) = GARBAGE_ITE;
	*word_at(COLLECTION_AT(1)) = GARBAGE_CTE;
	ASSERT_EQ(0, rig_save());
	EXPECT_EQ(4, nr_dirty());

	/* What is not valid, or not read, is left alone. */
	*word_at(DEVICE_AT(1)) = ~BIT_ULL(63);
	*word_at(ITE_AT(0, 50000)) = ITE(0xffff, 0, 0xffff);
	*word_at(DEVICE_AT(40001)) = GARBAGE_DTE;
	*word_at(DEVICE_AT(65535)) = GARBAGE_DTE;
	*word_at(COLLECTION_AT(8000)) = GARBAGE_CTE;
	ASSERT_EQ(0, rig_save());
	EXPECT_EQ(2, nr_dirty());
	check_saved(_metadata, 0);
}

/* Tables that the guest has put where it has no memory, or none that can be written. */

static const struct scene_event lone_event = {
	.devid = 8192 + 5, .event = 3, .lpi = 8192, .target = SCENE_VCPU + 1,
};

#define ROM_GPA		(SCENE_GPA + SZ_1G)
#define ROM_SLOT	(SCENE_SLOT + 1)

/* Its words are valid in any table. */
static void add_rom(void)
{
	u64 *rom;

	vm_userspace_mem_region_add(rig.v.vm, VM_MEM_SRC_ANONYMOUS, ROM_GPA, ROM_SLOT,
				    SZ_64K / rig.v.vm->page_size, KVM_MEM_READONLY);
	rom = addr_gpa2hva(rig.v.vm, ROM_GPA);
	for (u32 i = 0; i < SZ_64K / sizeof(*rom); i++)
		rom[i] = GARBAGE_DTE;
}

/* Level 2 of what comes before it, and the ITTs of devices without events. */
TEST_F_TIMEOUT(tables, saved_beside_no_memory, SLOW)
{
	static const u64 nowhere[] = { 0, NO_MEMORY, ROM_GPA, GENMASK_ULL(51, 16) };

	add_rom();
	rig_set_basers(1, true, 1);
	for (u32 i = 0; i < ARRAY_SIZE(nowhere); i++) {
		*word_at(DEVICE_AT(0)) = L1E(nowhere[i]);
		*word_at(DEVICE_AT(1)) = L1E(LEVEL2_GPA(1));
		rig_start();
		its_vmm_mapc(&rig.v, 0, 1, true);
		its_vmm_mapd_itt(&rig.v, 8192 + 1, nowhere[i], 16, true);
		rig_mapd(lone_event.devid, ITT(0), 5);
		its_vmm_mapti(&rig.v, lone_event.devid, lone_event.event, lone_event.lpi, 0);
		ASSERT_EQ(0, rig_save());
		ASSERT_EQ(0, rig_reset_and_restore()) {
			TH_LOG("at %#lx", nowhere[i]);
		}
		check_events(_metadata, &lone_event, 1);
		rig_reset();
	}
}

/* Whole tables. Nothing can be mapped there, so there is nothing that is not saved. */
TEST_F_TIMEOUT(tables, saved_to_no_memory, SLOW)
{
	static const u64 nowhere[] = { 0, NO_MEMORY, ROM_GPA, GENMASK_ULL(47, 16) };

	add_rom();
	for (u32 i = 0; i < 3 * ARRAY_SIZE(nowhere); i++) {
		u64 gpa = nowhere[i / 3];

		rig_set_basers(1, false, 1);
		if (i % 3 == 2)
			rig.baser[1] = scene_baser(gpa, 1, false);
		else
			rig.baser[0] = scene_baser(gpa, 1, i % 3);
		rig_start();
		its_vmm_mapc(&rig.v, 0, 1, true);
		rig_mapd(1, ITT(0), 5);
		its_vmm_mapti(&rig.v, 1, 1, 8192, 0);
		EXPECT_EQ(0, its_vmm_signal(&rig.v, 1, 1, KVM_MSI_VALID_DEVID));
		ASSERT_EQ(0, rig_save()) {
			TH_LOG("table %u at %#lx", i % 3, gpa);
		}
		ASSERT_EQ(0, rig_reset_and_restore()) {
			TH_LOG("table %u at %#lx", i % 3, gpa);
		}
		rig_reset();
	}
}

/* Collections are saved from the table's start on, whatever their ICIDs are. */
TEST_F_TIMEOUT(tables, collections_without_start, SLOW)
{
	rig.baser[1] = scene_baser(SCENE_GPA - SZ_64K, 2, false);
	rig_start();
	its_vmm_mapc(&rig.v, ITS_PAGE_ENTRIES, 1, true);
	rig_mapd(1, ITT(0), 5);
	its_vmm_mapti(&rig.v, 1, 1, 8192, ITS_PAGE_ENTRIES);
	EXPECT_EQ(0, its_vmm_signal(&rig.v, 1, 1, KVM_MSI_VALID_DEVID));
	check_saved(_metadata, 0);
}

/* The guest takes away what the LPIs of some events need. */
TEST_F_TIMEOUT(tables, saved_past_idbits, SLOW)
{
	static const u32 intids[] = { 16384, 8192, 65535, 16383, 40000 };

	rig_start();
	its_vmm_mapc(&rig.v, 0, 1, true);
	rig_mapd(1, ITT(0), 5);
	for (u32 i = 0; i < ARRAY_SIZE(intids); i++)
		its_vmm_mapti(&rig.v, 1, i, intids[i], 0);
	rig_limit_intids(14);
	ASSERT_EQ(0, rig_save());
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(2, rig.model.nr_events);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

/* Tables that the guest changes under what is mapped. */

FIXTURE(baser)
{
};

/*
 * @nr: Which GITS_BASERn the guest writes.
 * @change: Bits that change.
 */
FIXTURE_VARIANT(baser)
{
	u32 nr;
	u64 change;
};

FIXTURE_VARIANT_ADD(baser, devices_same) { 0, 0 };
FIXTURE_VARIANT_ADD(baser, devices_larger) { 0, 2 };
FIXTURE_VARIANT_ADD(baser, devices_smaller) { 0, 1 };
FIXTURE_VARIANT_ADD(baser, devices_address) { 0, SZ_128K };
FIXTURE_VARIANT_ADD(baser, devices_indirect) { 0, GITS_BASER_INDIRECT };
FIXTURE_VARIANT_ADD(baser, devices_invalid) { 0, GITS_BASER_VALID };
FIXTURE_VARIANT_ADD(baser, collections_same) { 1, 0 };
FIXTURE_VARIANT_ADD(baser, collections_larger) { 1, 2 };
FIXTURE_VARIANT_ADD(baser, collections_smaller) { 1, 1 };
FIXTURE_VARIANT_ADD(baser, collections_address) { 1, SZ_128K };
FIXTURE_VARIANT_ADD(baser, collections_invalid) { 1, GITS_BASER_VALID };

FIXTURE_SETUP(baser)
{
	rig_create();
	rig_set_basers(2, false, 2);
	rig_start();
	its_vmm_mapc(&rig.v, 0, 0, true);
	rig_mapd(1, ITT(0), 5);
	rig_mapd(8191, ITT(1), 5);
	rig_mapd(8192, ITT(2), 5);
	its_vmm_mapti(&rig.v, 1, 2, 8192, 0);
	its_vmm_mapti(&rig.v, 8191, 2, 8193, 0);
	its_vmm_mapti(&rig.v, 8192, 2, 8194, 0);
}

FIXTURE_TEARDOWN(baser)
{
	its_vmm_destroy(&rig.v);
}

static void fill(u32 from, u32 to)
{
	for (u32 i = from; i < to; i += sizeof(u64))
		*word_at(i) = NOT_SAVED;
}

/* How many words of a region are not what it was filled with. */
static u32 count_written(u32 from, u32 to)
{
	u32 written = 0;

	for (u32 i = from; i < to; i += sizeof(u64))
		written += *word_at(i) != NOT_SAVED;
	return written;
}

static int signal_each(void)
{
	return its_vmm_signal(&rig.v, 1, 2, KVM_MSI_VALID_DEVID) +
	       its_vmm_signal(&rig.v, 8191, 2, KVM_MSI_VALID_DEVID) +
	       its_vmm_signal(&rig.v, 8192, 2, KVM_MSI_VALID_DEVID);
}

/* As many DTEs, and ITEs with a collection, are saved as are left; a CTE, and the end. */
TEST_F_TIMEOUT(baser, changed, SLOW)
{
	bool same = !variant->change, devices = variant->nr == 0;
	u64 reg = rig.baser[variant->nr] ^ variant->change;
	u32 ctes = same || devices ? 2 : reg & GITS_BASER_VALID ? 1 : 0;

	ASSERT_EQ(3, signal_each());
	its_vmm_its_write(&rig.v, GITS_CTLR, 0);
	its_vmm_its_write(&rig.v, GITS_BASER + variant->nr * 8, reg);
	fill(0, SCENE_SIZE);
	ASSERT_EQ(0, rig_save());
	EXPECT_EQ(same || !devices ? 3 : 0, count_written(SCENE_DEVICES, SCENE_COLLECTIONS));
	EXPECT_EQ(ctes, count_written(SCENE_COLLECTIONS, SCENE_LEVEL2));
	EXPECT_EQ(same ? 3 : 0, count_written(SCENE_ITTS, SCENE_SIZE));

	/* Gone is gone, even if the tables are what they were. */
	its_vmm_its_write(&rig.v, GITS_BASER + variant->nr * 8, rig.baser[variant->nr]);
	rig_enable();
	EXPECT_EQ(same ? 3 : 0, signal_each());
}

/* Each of them in the table, in the order in which they were mapped. */
static void check_ctes(struct __test_metadata *_metadata, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(CTE(i % SCENE_VCPUS, nr - 1 - i), *word_at(COLLECTION_AT(i))) {
			TH_LOG("entry %u", i);
		}
	}
}

static void map_collections(u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		scene_queue_mapc(&rig.v, nr - 1 - i, i % SCENE_VCPUS, true);
	its_vmm_submit(&rig.v);
}

/* A full table ends where the memory does that it was given. */
TEST_F_TIMEOUT(tables, collections_fill_table, SLOW)
{
	const struct scene_event events[] = {
		{ .devid = 2, .event = 1, .lpi = 8192, .icid = 0, .target = SCENE_VCPU + 3 },
		{ .devid = 2, .event = 2, .lpi = 8193, .icid = 8191, .target = SCENE_VCPU },
	};

	rig_start();
	map_collections(ITS_PAGE_ENTRIES);
	its_vmm_mapc(&rig.v, ITS_PAGE_ENTRIES, 0, true);
	rig_mapd(2, ITT(0), 5);
	for (u32 i = 0; i < ARRAY_SIZE(events); i++)
		its_vmm_mapti(&rig.v, 2, events[i].event, events[i].lpi, events[i].icid);
	its_vmm_mapti(&rig.v, 2, 3, 8194, ITS_PAGE_ENTRIES);

	fill(SCENE_COLLECTIONS, SCENE_LEVEL2);
	ASSERT_EQ(0, rig_save());
	check_ctes(_metadata, ITS_PAGE_ENTRIES);
	EXPECT_EQ(0, count_written(SCENE_COLLECTIONS + SZ_64K, SCENE_LEVEL2));
	ASSERT_EQ(0, rig_reset_and_restore());
	check_events(_metadata, events, ARRAY_SIZE(events));
}

/* More collections than the table has room for once it is made smaller. */
TEST_F_TIMEOUT(tables, collections_outgrow_table, SLOW)
{
	rig_set_basers(1, false, 2);
	rig_start();
	map_collections(ITS_PAGE_ENTRIES + 100);

	rig_set_basers(1, false, 1);
	its_vmm_its_write(&rig.v, GITS_CTLR, 0);
	its_vmm_its_write(&rig.v, GITS_BASER + 8, rig.baser[1]);
	fill(SCENE_COLLECTIONS, SCENE_LEVEL2);
	ASSERT_EQ(0, rig_save());
	EXPECT_EQ(0, *word_at(COLLECTION_AT(0)));
	EXPECT_EQ(1, count_written(SCENE_COLLECTIONS, SCENE_LEVEL2));

	/* They are gone, and it can be used. */
	*word_at(COLLECTION_AT(0)) = 0;
	rig_enable();
	its_vmm_mapc(&rig.v, 8191, 2, true);
	rig_mapd(2, ITT(0), 5);
	its_vmm_mapti(&rig.v, 2, 1, 8192, 8191);
	its_vmm_mapti(&rig.v, 2, 2, 8193, 5);
	check_saved(_metadata, 2);
}

TEST_HARNESS_MAIN
