/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of ITS tables share: a VM with memory for them, its ITS's registers as
 * a VMM saves and restores them, and the MSIs that are delivered. No vCPU runs, so
 * LPIs stay pending and are read from the pending tables.
 */
#ifndef SELFTEST_KVM_ITS_TABLES_RIG_H
#define SELFTEST_KVM_ITS_TABLES_RIG_H

#include "its_tables_model.h"
#include "its_tables_scenes.h"
#include "its_vmm.h"
#include "kselftest_harness.h"

#define PENDING_WORDS	(END_LPI / 64)

/**
 * struct pending - Which LPIs are pending, as pending tables.
 * @tables: Each vCPU's.
 * @unsure: LPIs that events of different targets share: they may be in either's.
 */
struct pending {
	u64 tables[SCENE_VCPUS][PENDING_WORDS];
	u64 unsure[PENDING_WORDS];
};

/**
 * struct rig - A VM with memory for tables.
 * @v: The VM.
 * @memory: The memory at SCENE_GPA.
 * @cbaser: Its GITS_CBASER, since a reset forgets it.
 * @baser: GITS_BASER0 and 1 for the next restore.
 * @expected: LPIs that are to be pending.
 * @model: What the tables say.
 */
struct rig {
	struct its_vmm v;
	void *memory;
	u64 cbaser;
	u64 baser[2];
	struct pending expected;
	struct model model;
};

static struct rig rig;

/* As scene_clear(). */
static inline void copy_words(u64 *to, const u64 *from, u32 nr)
{
	while (nr--)
		*to++ = *from++;
}

static inline void rig_clear_memory(void)
{
	scene_clear(rig.memory, SCENE_SIZE);
}

static inline void rig_set_basers(u32 device_pages, bool indirect, u32 collection_pages)
{
	rig.baser[0] = scene_baser(SCENE_GPA + SCENE_DEVICES, device_pages, indirect);
	rig.baser[1] = scene_baser(SCENE_GPA + SCENE_COLLECTIONS, collection_pages, false);
}

/* For a rig whose VM is there, with its memory. */
static inline void rig_init(void)
{
	struct its_vmm *v = &rig.v;

	rig.cbaser = its_vmm_its_read(v, GITS_CBASER);
	rig_set_basers(1, false, 1);
	rig.model.end_lpi = END_LPI;
	rig.model.memory[0] = (struct model_memory) { SCENE_GPA, SCENE_SIZE, rig.memory };
	rig.model.memory[1] = (struct model_memory) {
		v->ram_gpa, v->scratch - v->ram + ITS_VMM_SCRATCH_SIZE, v->ram,
	};
}

static inline u64 *word_at(u32 offset)
{
	return rig.memory + offset;
}

static inline void rig_enable(void)
{
	its_vmm_its_write(&rig.v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* All registers but GITS_CTLR, with an empty queue. */
static inline void rig_write_registers(void)
{
	its_vmm_its_write(&rig.v, GITS_CTLR, 0);
	its_vmm_its_write(&rig.v, GITS_CBASER, rig.cbaser);
	its_vmm_its_write(&rig.v, GITS_BASER, rig.baser[0]);
	its_vmm_its_write(&rig.v, GITS_BASER + 8, rig.baser[1]);
}

static inline int rig_save(void)
{
	return its_vmm_ctrl(&rig.v, KVM_DEV_ARM_ITS_SAVE_TABLES);
}

static inline void rig_reset(void)
{
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&rig.v, KVM_DEV_ARM_ITS_CTRL_RESET));
}

/* A VM whose ITS is reset, with memory for its tables. */
static inline void rig_create(void)
{
	its_vmm_create(&rig.v, SCENE_VCPUS);
	rig.memory = scene_add_memory(&rig.v);
	rig_init();
	rig_reset();
}

/* Restore as a VMM does: 0 or -errno. */
static inline int rig_restore(void)
{
	int ret;

	rig_write_registers();
	ret = its_vmm_ctrl(&rig.v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	if (!ret)
		rig_enable();
	return ret;
}

static inline int rig_reset_and_restore(void)
{
	rig_reset();
	return rig_restore();
}

/* What is mapped is so no longer if the tables are others. */
static inline void rig_start(void)
{
	rig_write_registers();
	rig_enable();
}

static inline void rig_mapd(u32 devid, u32 itt, u32 bits)
{
	its_vmm_mapd_itt(&rig.v, devid, SCENE_GPA + itt, bits, true);
}

/* Pending LPIs. */

static inline void set_bit_of(u64 *table, u32 lpi)
{
	table[lpi / 64] |= BIT_ULL(lpi % 64);
}

/* The guest leaves room for INTIDs of @bits only. */
static inline void rig_limit_intids(u32 bits)
{
	for (u32 i = 0; i < SCENE_VCPUS; i++)
		its_vmm_redist_write(&rig.v, i, GICR_CTLR, 0);
	its_vmm_redist_write(&rig.v, 0, GICR_PROPBASER,
			     its_vmm_gpa(&rig.v, ITS_VMM_CONFIG) | (bits - 1));
	for (u32 i = 0; i < SCENE_VCPUS; i++)
		its_vmm_redist_write(&rig.v, i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	rig.model.end_lpi = BIT(bits);
}

static inline bool delivers(const struct scene_event *event)
{
	return event->target >= SCENE_VCPU;
}

static inline void expect_event(const struct scene_event *event)
{
	if (delivers(event))
		set_bit_of(rig.expected.tables[event->target - SCENE_VCPU], event->lpi);
}

static inline u64 *pending_table(u32 vcpu)
{
	return its_vmm_hva(&rig.v, ITS_VMM_PENDING + vcpu);
}

/* Forget what is pending: here and in the tables, not in the ITS. */
static inline void forget_pending(void)
{
	for (u32 i = 0; i < SCENE_VCPUS; i++) {
		scene_clear(pending_table(i), sizeof(rig.expected.tables[i]));
		scene_clear(rig.expected.tables[i], sizeof(rig.expected.tables[i]));
	}
}

/* The LPIs of @events that go to more than one place. */
static inline void find_unsure(const struct scene_event *events, u32 nr)
{
	static u8 targets[END_LPI];

	scene_clear(rig.expected.unsure, sizeof(rig.expected.unsure));
	for (u32 i = 0; i < nr; i++)
		targets[events[i].lpi] = events[i].target;
	for (u32 i = 0; i < nr; i++)
		if (targets[events[i].lpi] != events[i].target)
			set_bit_of(rig.expected.unsure, events[i].lpi);
}

static inline void compare_pending(struct __test_metadata *_metadata, u32 vcpu, const u64 *expected)
{
	const u64 *saved = pending_table(vcpu);

	for (u32 i = 0; i < PENDING_WORDS; i++) {
		u64 sure = ~rig.expected.unsure[i];

		ASSERT_EQ(expected[i] & sure, saved[i] & sure) {
			TH_LOG("vCPU %u, LPIs from %u on", vcpu, i * 64);
		}
	}
}

static inline void check_pending(struct __test_metadata *_metadata)
{
	its_vmm_save_pending(&rig.v);
	for (u32 i = 0; i < SCENE_VCPUS; i++)
		compare_pending(_metadata, i, rig.expected.tables[i]);
}

static inline void send_event(struct __test_metadata *_metadata, const struct scene_event *event)
{
	int ret = its_vmm_signal(&rig.v, event->devid, event->event, KVM_MSI_VALID_DEVID);

	ASSERT_EQ(delivers(event), ret) {
		TH_LOG("DeviceID %#x, EventID %#x", event->devid, event->event);
	}
	expect_event(event);
}

static inline void queue_clear(const struct scene_event *event)
{
	its_vmm_queue(&rig.v, (u64)event->devid << 32 | GITS_CMD_CLEAR, event->event, 0);
}

static inline void clear_events(const struct scene_event *events, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		queue_clear(&events[i]);
	its_vmm_submit(&rig.v);
	forget_pending();
}

static inline bool has_event(const struct scene_event *events, u32 nr, u32 devid, u32 event)
{
	for (u32 i = 0; i < nr; i++)
		if (events[i].devid == devid && events[i].event == event)
			return true;
	return false;
}

/* Neighbours of events are not mapped but where they are events too. */
static inline void check_gaps(struct __test_metadata *_metadata,
			      const struct scene_event *events, u32 nr)
{
	for (u32 i = 0; i < nr; i += max(nr / 64, 1u)) {
		for (u32 j = 0; j < 4; j++) {
			u32 devid = events[i].devid + (j == 0) - (j == 1);
			u32 event = events[i].event + (j == 2) - (j == 3);

			if (has_event(events, nr, devid, event))
				continue;
			ASSERT_EQ(0, its_vmm_signal(&rig.v, devid, event, KVM_MSI_VALID_DEVID)) {
				TH_LOG("DeviceID %#x, EventID %#x", devid, event);
			}
		}
	}
}

/* Those with a bit set in their number, from 1 on. */
static inline void check_some_events(struct __test_metadata *_metadata,
				     const struct scene_event *events, u32 nr, u32 bit)
{
	for (u32 i = 0; i < nr; i++)
		if ((i + 1) >> bit & 1)
			send_event(_metadata, &events[i]);
	check_pending(_metadata);
	for (u32 i = 0; i < nr; i++)
		if ((i + 1) >> bit & 1)
			queue_clear(&events[i]);
	its_vmm_submit(&rig.v);
	forget_pending();
}

/*
 * Each event sends its own LPI to its own vCPU. They are sent together, but no two of
 * them each time.
 */
static inline void check_events(struct __test_metadata *_metadata,
				const struct scene_event *events, u32 nr)
{
	find_unsure(events, nr);
	clear_events(events, nr);
	for (u32 bit = 0; nr >> bit; bit++)
		check_some_events(_metadata, events, nr, bit);
	check_gaps(_metadata, events, nr);
	check_pending(_metadata);
}

/* Tables that are written by hand, with a device table of one level or two. */

struct word {
	u32 offset;
	u64 value;
};

/* Offsets of entries; of ITTs, and of the pages of level 2. */
#define DEVICE_AT(_devid)	(SCENE_DEVICES + (_devid) * ITS_ENTRY_SIZE)
#define COLLECTION_AT(_i)	(SCENE_COLLECTIONS + (_i) * ITS_ENTRY_SIZE)
#define LEVEL2(_i)		(SCENE_LEVEL2 + (_i) * SZ_64K)
#define LEVEL2_AT(_i, _devid)	(LEVEL2(_i) + (_devid) * ITS_ENTRY_SIZE)
#define ITT(_i)			(SCENE_ITTS + (_i) * SZ_64K)
#define ITE_AT(_i, _event)	(ITT(_i) + (_event) * ITS_ENTRY_SIZE)
#define ITT_GPA(_i)		(SCENE_GPA + ITT(_i))
#define LEVEL2_GPA(_i)		(SCENE_GPA + LEVEL2(_i))
#define LAST_PAGE		(SCENE_SIZE - SZ_64K)
#define NO_MEMORY		(SCENE_GPA + SCENE_SIZE)

/* What the model makes of the tables as they are now. */
static inline int expect_restore(void)
{
	rig.model.baser[0] = rig.baser[0];
	rig.model.baser[1] = rig.baser[1];
	model_restore(&rig.model);
	return rig.model.err;
}

/* What was restored is what the model has, and no more. */
static inline void check_model(struct __test_metadata *_metadata)
{
	check_events(_metadata, rig.model.events, rig.model.nr_events);
}

/* Save, and restore what the model finds in the tables. */
static inline void check_saved(struct __test_metadata *_metadata, u32 events)
{
	ASSERT_EQ(0, rig_save());
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(events, rig.model.nr_events);
	check_model(_metadata);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

#endif /* SELFTEST_KVM_ITS_TABLES_RIG_H */
