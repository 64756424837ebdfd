// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_tables_restore_test - an ITS restores tables that it cannot trust
 *
 * A model reads the same tables, and says which MSIs are delivered then, or that they
 * are refused. After a refusal the ITS is as it is after reset.
 *
 * Environment: ITS_TABLES_SEED, ITS_TABLES_ROUNDS for random corruption.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "its_vmm.h"
#include "its_tables_rig.h"
#include "kselftest_harness.h"
#include "kvm_util.h"

#define SLOW		300	/* s: the test is not quick on a debug kernel */
#define RANDOM_ROUNDS	3000
#define NR_WORKERS	16
#define NR_RACES	4
#define RACE_NS		NSEC_PER_SEC

/* Tables that are in order, with a device table of one level or two. */

static const struct word image[] = {
	{ COLLECTION_AT(0), CTE(0, 0) },
	{ COLLECTION_AT(1), CTE(1, 1) },
	{ COLLECTION_AT(2), CTE(CTE_NO_TARGET, 2) },
	{ COLLECTION_AT(3), CTE(3, 8191) },
	{ ITE_AT(0, 1), ITE(2, 8193, 0) },
	{ ITE_AT(0, 3), ITE(28, 8192, 1) },
	{ ITE_AT(0, 31), ITE(0, 8195, 8191) },
	{ ITE_AT(1, 0), ITE(0, 9000, 2) },
	{ ITE_AT(2, 5), ITE(1, 65535, 1) },
	{ ITE_AT(2, 6), ITE(0, 10000, 0) },
	{ ITE_AT(3, 1), ITE(0, 12345, 1) },
};

static const struct word flat_image[] = {
	{ DEVICE_AT(2), DTE(5, ITT_GPA(0), 5) },
	{ DEVICE_AT(7), DTE(8093, ITT_GPA(1), 1) },
	{ DEVICE_AT(8100), DTE(91, ITT_GPA(2), 12) },
	{ DEVICE_AT(8191), DTE(0, ITT_GPA(3), 2) },
};

static const struct word indirect_image[] = {
	{ DEVICE_AT(0), L1E(LEVEL2_GPA(0)) },
	{ DEVICE_AT(1), L1E(LEVEL2_GPA(1)) },
	{ LEVEL2_AT(0, 2), DTE(5, ITT_GPA(0), 5) },
	{ LEVEL2_AT(0, 7), DTE(8093, ITT_GPA(1), 1) },
	{ LEVEL2_AT(0, 8100), DTE(100, ITT_GPA(2), 12) },
	{ LEVEL2_AT(1, 8), DTE(0, ITT_GPA(3), 2) },
};

static void put_words(const struct word *words, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		*word_at(words[i].offset) = words[i].value;
}

static void put_image(bool indirect)
{
	put_words(image, ARRAY_SIZE(image));
	if (indirect)
		put_words(indirect_image, ARRAY_SIZE(indirect_image));
	else
		put_words(flat_image, ARRAY_SIZE(flat_image));
	rig_set_basers(1, indirect, 1);
}

static void put_only_image(bool indirect)
{
	rig_clear_memory();
	put_image(indirect);
}

/* What the document promises of a reset. */
static const struct {
	u32 offset;
	u64 mask;
	u64 value;
} reset_registers[] = {
	{ GITS_CTLR, ~0u, GITS_CTLR_QUIESCENT },
	{ GITS_CBASER, ~0ULL, 0 },
	{ GITS_CREADR, ~0ULL, 0 },
	{ GITS_CWRITER, ~0ULL, 0 },
	{ GITS_BASER, GITS_BASER_VALID, 0 },
	{ GITS_BASER + 8, GITS_BASER_VALID, 0 },
};

/* A restore that failed is a reset. */
static void check_registers(struct __test_metadata *_metadata)
{
	for (u32 i = 0; i < ARRAY_SIZE(reset_registers); i++) {
		u64 value = its_vmm_its_read(&rig.v, reset_registers[i].offset);

		EXPECT_EQ(reset_registers[i].value, value & reset_registers[i].mask) {
			TH_LOG("register %#x", reset_registers[i].offset);
		}
	}
}

/* None of the events that tables named, good or bad, leads anywhere. */
static void check_nothing_mapped(struct __test_metadata *_metadata)
{
	for (u32 i = 0; i < rig.model.nr_events; i++) {
		const struct scene_event *e = &rig.model.events[i];

		ASSERT_EQ(0, its_vmm_signal(&rig.v, e->devid, e->event, KVM_MSI_VALID_DEVID)) {
			TH_LOG("DeviceID %#x, EventID %#x", e->devid, e->event);
		}
	}
}

static void check_commands(struct __test_metadata *_metadata)
{
	static const struct scene_event events[] = {
		{ .devid = 2, .event = 1, .lpi = 8193, .target = SCENE_VCPU + 1 },
		{ .devid = 7, .event = 1, .lpi = 8192, .target = SCENE_VCPU + 1 },
	};

	its_vmm_mapc(&rig.v, 0, 1, true);
	for (u32 i = 0; i < ARRAY_SIZE(events); i++) {
		rig_mapd(events[i].devid, ITT(8 + i), 4);
		its_vmm_mapti(&rig.v, events[i].devid, events[i].event, events[i].lpi, 0);
	}
	forget_pending();
	check_events(_metadata, events, ARRAY_SIZE(events));
}

/* After a restore that failed: nothing is mapped, and the ITS is as good as new. */
static void check_after_failure(struct __test_metadata *_metadata, bool indirect)
{
	u64 baser[] = { rig.baser[0], rig.baser[1] };

	check_registers(_metadata);
	rig_start();
	check_nothing_mapped(_metadata);

	rig_set_basers(1, false, 1);
	rig_clear_memory();
	if (baser[0] != rig.baser[0] || baser[1] != rig.baser[1])
		rig_start();
	check_commands(_metadata);

	put_image(indirect);
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

FIXTURE(restore)
{
};

/*
 * @indirect: The device table has two levels.
 * @put: Changes to the image, up to one without a value at the offset 0.
 * @baser: GITS_BASER0 and 1, where they are others.
 * @err: What RESTORE_TABLES returns; if 0, the model says what is mapped.
 */
FIXTURE_VARIANT(restore)
{
	bool indirect;
	struct word put[4];
	u64 baser[2];
	int err;
};

#define BAD_DEVICE(_dte)	.put = { { DEVICE_AT(7), _dte } }, .err = -EINVAL
#define BAD_EVENT(_event, _ite)	.put = { { ITE_AT(0, _event), _ite } }, .err = -EINVAL
#define BAD_COLLECTION(_cte)	.put = { { COLLECTION_AT(1), _cte } }, .err = -EINVAL

FIXTURE_VARIANT_ADD(restore, flat) { };
FIXTURE_VARIANT_ADD(restore, indirect) { .indirect = true };

/* Sizes of ITTs. */
FIXTURE_VARIANT_ADD(restore, dte_16_bits) {
	.put = { { DEVICE_AT(7), DTE(8093, ITT_GPA(1), 16) } },
};

FIXTURE_VARIANT_ADD(restore, dte_17_bits) { BAD_DEVICE(DTE(8093, ITT_GPA(1), 17)) };
FIXTURE_VARIANT_ADD(restore, dte_32_bits) { BAD_DEVICE(DTE(8093, ITT_GPA(1), 32)) };
FIXTURE_VARIANT_ADD(restore, dte_17_bits_indirect) {
	.indirect = true,
	.put = { { LEVEL2_AT(1, 8), DTE(0, ITT_GPA(3), 17) } },
	.err = -EINVAL,
};

/* Next-offsets of devices: past the end of a table they end it. */
FIXTURE_VARIANT_ADD(restore, dte_next_past_table) {
	.put = { { DEVICE_AT(8191), DTE(0x3fff, ITT_GPA(3), 2) } },
};

FIXTURE_VARIANT_ADD(restore, dte_next_just_past_table) {
	.put = { { DEVICE_AT(8191), DTE(1, ITT_GPA(3), 2) } },
};

FIXTURE_VARIANT_ADD(restore, dte_next_past_table_early) {
	.put = { { DEVICE_AT(7), DTE(0x3fff, ITT_GPA(1), 1) } },
};

FIXTURE_VARIANT_ADD(restore, dte_next_past_last_table) {
	.indirect = true,
	.put = {
		{ DEVICE_AT(1), 0 }, { DEVICE_AT(7), L1E(LEVEL2_GPA(1)) },
		{ LEVEL2_AT(1, 8), DTE(0x3fff, ITT_GPA(3), 2) },
	},
};

FIXTURE_VARIANT_ADD(restore, dte_next_short) {
	.put = { { DEVICE_AT(2), DTE(1, ITT_GPA(0), 5) }, { DEVICE_AT(3), ~BIT_ULL(63) } },
};

FIXTURE_VARIANT_ADD(restore, dte_next_0_early) {
	.put = { { DEVICE_AT(7), DTE(0, ITT_GPA(1), 1) } },
};

FIXTURE_VARIANT_ADD(restore, dte_next_0_early_indirect) {
	.indirect = true,
	.put = { { LEVEL2_AT(0, 8100), DTE(0, ITT_GPA(2), 12) } },
};

/* ITTs that are no memory, or run out of it: there is no event where none could be saved. */
FIXTURE_VARIANT_ADD(restore, itt_no_memory) {
	.put = { { DEVICE_AT(7), DTE(8093, NO_MEMORY, 1) } },
};

FIXTURE_VARIANT_ADD(restore, itt_at_0) {
	.put = { { DEVICE_AT(7), DTE(8093, 0, 1) } },
};

FIXTURE_VARIANT_ADD(restore, itt_at_most) {
	.put = { { DEVICE_AT(7), DTE(8093, GENMASK_ULL(51, 8), 16) } },
};

FIXTURE_VARIANT_ADD(restore, itt_runs_out) {
	.put = { { DEVICE_AT(7), DTE(8093, NO_MEMORY - 256, 16) } },
};

FIXTURE_VARIANT_ADD(restore, itt_runs_out_unused) {
	.put = {
		{ DEVICE_AT(7), DTE(8093, NO_MEMORY - 256, 16) },
		{ SCENE_SIZE - 8, ITE(0, 9000, 1) },
	},
};

/* INTIDs */
FIXTURE_VARIANT_ADD(restore, ite_lpi_1) { BAD_EVENT(3, ITE(28, 1, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_lpi_8191) { BAD_EVENT(3, ITE(28, 8191, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_lpi_65536) { BAD_EVENT(3, ITE(28, 65536, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_lpi_24_bits) { BAD_EVENT(3, ITE(28, 0x1002000, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_lpi_max) { BAD_EVENT(3, ITE(28, 0xffffffff, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_lpi_0) {
	.put = { { ITE_AT(0, 3), ITE(0xfff0, 0, 5) } },
};

/* ICIDs: no such collection, none of the table has it, none that is read has. */
FIXTURE_VARIANT_ADD(restore, ite_icid_unknown) { BAD_EVENT(31, ITE(0, 8195, 5)) };
FIXTURE_VARIANT_ADD(restore, ite_icid_max) { BAD_EVENT(31, ITE(0, 8195, 0xffff)) };
FIXTURE_VARIANT_ADD(restore, ite_icid_past_end) { BAD_COLLECTION(0) };

/* EventIDs past the ITT. */
FIXTURE_VARIANT_ADD(restore, ite_next_past_itt) { BAD_EVENT(3, ITE(29, 8192, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_next_far_past_itt) { BAD_EVENT(3, ITE(0xffff, 8192, 1)) };
FIXTURE_VARIANT_ADD(restore, ite_next_past_itt_last) { BAD_EVENT(31, ITE(1, 8195, 8191)) };
FIXTURE_VARIANT_ADD(restore, ite_next_short) {
	.put = { { ITE_AT(0, 3), ITE(1, 8192, 1) } },
};

FIXTURE_VARIANT_ADD(restore, ite_next_0_early) {
	.put = { { ITE_AT(0, 3), ITE(0, 8192, 1) } },
};

/* Collections. */
FIXTURE_VARIANT_ADD(restore, cte_vcpu_absent) { BAD_COLLECTION(CTE(SCENE_VCPUS, 1)) };
FIXTURE_VARIANT_ADD(restore, cte_vcpu_most) { BAD_COLLECTION(CTE(0xfffffffe, 1)) };
FIXTURE_VARIANT_ADD(restore, cte_icid_past_table) { BAD_COLLECTION(CTE(1, 8192)) };
FIXTURE_VARIANT_ADD(restore, cte_icid_max) { BAD_COLLECTION(CTE(1, 0xffff)) };
FIXTURE_VARIANT_ADD(restore, cte_duplicate) {
	.put = { { COLLECTION_AT(4), CTE(1, 1) } },
	.err = -EEXIST,
};

FIXTURE_VARIANT_ADD(restore, cte_duplicate_target) {
	.put = { { COLLECTION_AT(4), CTE(0, 1) } },
	.err = -EEXIST,
};

FIXTURE_VARIANT_ADD(restore, cte_duplicate_no_target) {
	.put = { { COLLECTION_AT(4), CTE(1, 2) } },
	.err = -EEXIST,
};

/* RES0 is not looked at. */
FIXTURE_VARIANT_ADD(restore, cte_res0) {
	.put = { { COLLECTION_AT(1), CTE(1, 1) | GENMASK_ULL(62, 52) } },
};

/* Level 1. */
FIXTURE_VARIANT_ADD(restore, l1_no_memory) {
	.indirect = true, .put = { { DEVICE_AT(0), L1E(NO_MEMORY) } },
};

FIXTURE_VARIANT_ADD(restore, l1_at_0) {
	.indirect = true, .put = { { DEVICE_AT(0), L1E(0ULL) } },
};

FIXTURE_VARIANT_ADD(restore, l1_at_most) {
	.indirect = true, .put = { { DEVICE_AT(0), L1E(GENMASK_ULL(51, 16)) } },
};

FIXTURE_VARIANT_ADD(restore, l1_last_page) {
	.indirect = true,
	.put = {
		{ DEVICE_AT(1), L1E(SCENE_GPA + LAST_PAGE) },
		{ SCENE_SIZE - 8, DTE(0, ITT_GPA(3), 2) },
	},
};

FIXTURE_VARIANT_ADD(restore, l1_last_page_next) {
	.indirect = true,
	.put = {
		{ DEVICE_AT(1), L1E(SCENE_GPA + LAST_PAGE) },
		{ SCENE_SIZE - 8, DTE(0x3fff, ITT_GPA(3), 2) },
	},
};

FIXTURE_VARIANT_ADD(restore, l1_past_last_device) {
	.indirect = true,
	.put = { { DEVICE_AT(1), 0 }, { DEVICE_AT(8), L1E(LEVEL2_GPA(1)) } },
	.err = -EINVAL,
};

/* What follows the last device is the first collection. */
FIXTURE_VARIANT_ADD(restore, devices_past_last_device) {
	.put = { { DEVICE_AT(8191), DTE(0x3fff, ITT_GPA(3), 2) } },
	.baser = { [0] = GITS_BASER_VALID | SCENE_GPA | SCENE_DEVICES | 8 },
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(restore, l1_other_bits) {
	.indirect = true,
	.put = { { DEVICE_AT(1), L1E(LEVEL2_GPA(1)) | GENMASK_ULL(62, 52) | 0xffff } },
};

FIXTURE_VARIANT_ADD(restore, l1_same_page) {
	.indirect = true,
	.put = { { DEVICE_AT(1), L1E(LEVEL2_GPA(0)) }, { DEVICE_AT(4), L1E(LEVEL2_GPA(0)) } },
};

/* Tables that are part of each other. */
FIXTURE_VARIANT_ADD(restore, l1_is_level_2) {
	.indirect = true, .put = { { DEVICE_AT(0), L1E(SCENE_GPA + SCENE_DEVICES) } },
};

FIXTURE_VARIANT_ADD(restore, level_2_is_collections) {
	.indirect = true, .put = { { DEVICE_AT(0), L1E(SCENE_GPA + SCENE_COLLECTIONS) } },
};

FIXTURE_VARIANT_ADD(restore, itt_is_devices) {
	BAD_DEVICE(DTE(8093, SCENE_GPA + SCENE_DEVICES, 13)),
};

FIXTURE_VARIANT_ADD(restore, itt_is_collections) {
	BAD_DEVICE(DTE(8093, SCENE_GPA + SCENE_COLLECTIONS, 4)),
};

FIXTURE_VARIANT_ADD(restore, collections_are_devices) {
	.baser = { [1] = GITS_BASER_VALID | SCENE_GPA | SCENE_DEVICES },
	.err = -EINVAL,
};

FIXTURE_VARIANT_ADD(restore, devices_are_collections) {
	.baser = { [0] = GITS_BASER_VALID | SCENE_GPA | SCENE_COLLECTIONS },
};

FIXTURE_VARIANT_ADD(restore, same_itt) {
	.put = {
		{ DEVICE_AT(7), DTE(8093, ITT_GPA(0), 5) },
		{ DEVICE_AT(8100), DTE(91, ITT_GPA(0), 5) },
	},
};

FIXTURE_VARIANT_ADD(restore, itts_overlap) {
	.put = {
		{ DEVICE_AT(7), DTE(8093, ITT_GPA(2), 3) },
		{ ITT(2) - 256, ITE(37, 20000, 1) },
		{ DEVICE_AT(8191), DTE(0, ITT_GPA(2) - 256, 6) },
	},
};

/* Whole tables. */
FIXTURE_VARIANT_ADD(restore, devices_no_memory) {
	.baser = { [0] = GITS_BASER_VALID | NO_MEMORY },
};

FIXTURE_VARIANT_ADD(restore, devices_no_memory_indirect) {
	.baser = { [0] = GITS_BASER_VALID | GITS_BASER_INDIRECT | NO_MEMORY },
};

FIXTURE_VARIANT_ADD(restore, devices_run_out) {
	.baser = { [0] = GITS_BASER_VALID | (SCENE_GPA + LAST_PAGE) | 1 },
};

FIXTURE_VARIANT_ADD(restore, collections_no_memory) {
	.baser = { [1] = GITS_BASER_VALID | NO_MEMORY }, .err = -EINVAL,
};

FIXTURE_VARIANT_ADD(restore, no_devices) {
	.baser = { [0] = SCENE_GPA | SCENE_DEVICES },
};

FIXTURE_VARIANT_ADD(restore, no_collections) {
	.baser = { [1] = SCENE_GPA | SCENE_COLLECTIONS }, .err = -EINVAL,
};

FIXTURE_SETUP(restore)
{
	rig_create();
	put_image(variant->indirect);
	for (u32 i = 0; i < ARRAY_SIZE(variant->put); i++)
		if (variant->put[i].offset || variant->put[i].value)
			*word_at(variant->put[i].offset) = variant->put[i].value;
	for (u32 i = 0; i < ARRAY_SIZE(rig.baser); i++)
		if (variant->baser[i])
			rig.baser[i] = variant->baser[i];
}

FIXTURE_TEARDOWN(restore)
{
	its_vmm_destroy(&rig.v);
}

TEST_F_TIMEOUT(restore, tables, SLOW)
{
	int ret;

	ASSERT_EQ(variant->err, expect_restore());
	ret = rig_restore();
	if (ret || !rig.model.unsure)
		EXPECT_EQ(variant->err, ret);
	if (!ret)
		check_model(_metadata);
	else
		check_after_failure(_metadata, variant->indirect);
}

/* One after the other. */

static void check_exists(struct __test_metadata *_metadata)
{
	ASSERT_EQ(-EEXIST, its_vmm_ctrl(&rig.v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	check_after_failure(_metadata, false);
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

TEST_F_TIMEOUT(tables, restored_twice, SLOW)
{
	put_image(false);
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(0, rig_restore());
	check_exists(_metadata);
}

TEST_F_TIMEOUT(tables, restored_over_collection, SLOW)
{
	put_image(false);
	ASSERT_EQ(0, expect_restore());
	rig_start();
	its_vmm_mapc(&rig.v, 1, 1, true);
	check_exists(_metadata);
}

/* Without collections there are no events, but devices. */
TEST_F_TIMEOUT(tables, restored_over_device, SLOW)
{
	*word_at(DEVICE_AT(2)) = DTE(0, ITT_GPA(0), 5);
	ASSERT_EQ(0, expect_restore());
	rig_start();
	rig_mapd(2, ITT(0), 5);
	check_exists(_metadata);
}

TEST_F_TIMEOUT(tables, restored_devices_twice, SLOW)
{
	*word_at(DEVICE_AT(2)) = DTE(0, ITT_GPA(0), 5);
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(0, rig_restore());
	check_exists(_metadata);
}

/* Guest memory that cannot be accessed, although there is some. */

struct place {
	u32 offset;
	bool indirect;
};

static const struct place places[] = {
	{ DEVICE_AT(0), false }, { DEVICE_AT(8100), false }, { COLLECTION_AT(0), false },
	{ ITT(0), false }, { ITT(3), false },
	{ DEVICE_AT(0), true }, { LEVEL2(0), true }, { LEVEL2_AT(0, 8100), true },
	{ LEVEL2(1), true },
};

/* The page that the place is in. */
static void protect(const struct place *place, int prot)
{
	u64 page = rig.v.vm->page_size;

	TEST_ASSERT(!mprotect(rig.memory + (place->offset & ~(page - 1)), page, prot),
		    "mprotect, errno %d", errno);
}

TEST_F_TIMEOUT(tables, restored_unreadable, SLOW)
{
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		put_only_image(places[i].indirect);
		ASSERT_EQ(0, expect_restore());
		protect(&places[i], PROT_NONE);
		ASSERT_EQ(-EFAULT, rig_reset_and_restore()) {
			TH_LOG("place %u", i);
		}
		protect(&places[i], PROT_READ | PROT_WRITE);
		check_after_failure(_metadata, places[i].indirect);
	}
}

/* A save that fails takes nothing from the ITS. */
TEST_F_TIMEOUT(tables, saved_unwritable, SLOW)
{
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		/* Save does not write to it. */
		if (places[i].indirect && places[i].offset == DEVICE_AT(0))
			continue;
		put_only_image(places[i].indirect);
		ASSERT_EQ(0, expect_restore());
		ASSERT_EQ(0, rig_reset_and_restore());
		protect(&places[i], PROT_READ);
		ASSERT_EQ(-EFAULT, rig_save()) {
			TH_LOG("place %u", i);
		}
		check_model(_metadata);
		protect(&places[i], PROT_READ | PROT_WRITE);
		ASSERT_EQ(0, rig_save());
		ASSERT_EQ(0, rig_reset_and_restore());
		check_model(_metadata);
	}
}

#define EXTRA_GPA	(SCENE_GPA + SZ_1G)
#define EXTRA_SLOT	(SCENE_SLOT + 1)

/* Of less than the 64 KiB that tables come in, if the host's pages are small. */
static void *add_extra_memory(u64 size)
{
	vm_userspace_mem_region_add(rig.v.vm, VM_MEM_SRC_ANONYMOUS, EXTRA_GPA, EXTRA_SLOT,
				    size / rig.v.vm->page_size, 0);
	return addr_gpa2hva(rig.v.vm, EXTRA_GPA);
}

static const struct scene_event two_events[] = {
	{ .devid = 1, .event = 4, .lpi = 8192, .target = SCENE_VCPU + 1 },
	{ .devid = 2, .event = 9, .lpi = 8193, .target = SCENE_VCPU + 1 },
};

/* The first event in an ITT at EXTRA_GPA, the other elsewhere. */
static void map_two_events(void)
{
	its_vmm_mapc(&rig.v, 0, 1, true);
	its_vmm_mapd_itt(&rig.v, 1, EXTRA_GPA, 5, true);
	rig_mapd(2, ITT(0), 5);
	for (u32 i = 0; i < ARRAY_SIZE(two_events); i++)
		its_vmm_mapti(&rig.v, two_events[i].devid, two_events[i].event,
			      two_events[i].lpi, 0);
}

TEST_F_TIMEOUT(tables, saved_to_itt_gone, SLOW)
{
	add_extra_memory(SZ_64K);
	rig_start();
	map_two_events();
	ASSERT_EQ(0, rig_save());

	vm_mem_region_delete(rig.v.vm, EXTRA_SLOT);
	EXPECT_EQ(-EFAULT, rig_save());
	check_events(_metadata, two_events, ARRAY_SIZE(two_events));
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(1, rig.model.nr_events);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

/* Nothing can be told of its devices, but the rest can. */
TEST_F_TIMEOUT(tables, saved_to_level_2_gone, SLOW)
{
	add_extra_memory(SZ_64K);
	rig_set_basers(1, true, 1);
	*word_at(DEVICE_AT(0)) = L1E(EXTRA_GPA);
	*word_at(DEVICE_AT(1)) = L1E(LEVEL2_GPA(1));
	rig_start();
	its_vmm_mapc(&rig.v, 0, 1, true);
	rig_mapd(2, ITT(0), 5);
	rig_mapd(8192 + 7, ITT(1), 5);
	its_vmm_mapti(&rig.v, 2, 1, 8192, 0);
	its_vmm_mapti(&rig.v, 8192 + 7, 1, 8193, 0);

	vm_mem_region_delete(rig.v.vm, EXTRA_SLOT);
	ASSERT_EQ(0, rig_save());
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(1, rig.model.nr_events);
	ASSERT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);
}

/* Entries that a table has no memory for. */

static bool devid_accepted(u32 devid)
{
	rig_mapd(devid, ITT(0), 5);
	its_vmm_mapti(&rig.v, devid, 1, 8192, 0);
	return its_vmm_signal(&rig.v, devid, 1, KVM_MSI_VALID_DEVID) == 1;
}

TEST_F_TIMEOUT(tables, level_2_at_end_of_memory, SLOW)
{
	rig_set_basers(1, true, 1);
	*word_at(DEVICE_AT(0)) = L1E(SCENE_GPA + LAST_PAGE);
	*word_at(DEVICE_AT(1)) = L1E(NO_MEMORY);
	rig_start();
	its_vmm_mapc(&rig.v, 0, 1, true);
	EXPECT_TRUE(devid_accepted(0));
	EXPECT_TRUE(devid_accepted(8191));
	EXPECT_FALSE(devid_accepted(8192));
	EXPECT_FALSE(devid_accepted(16383));
	EXPECT_FALSE(devid_accepted(16384));
	check_saved(_metadata, 2);
}

TEST_F_TIMEOUT(tables, level_2_runs_out, SLOW)
{
	if (rig.v.vm->page_size > SZ_32K)
		SKIP(return, "pages are too large");
	add_extra_memory(SZ_32K);
	rig_set_basers(1, true, 1);
	*word_at(DEVICE_AT(0)) = L1E(EXTRA_GPA);
	rig.model.memory[2] = (struct model_memory) {
		EXTRA_GPA, SZ_32K, addr_gpa2hva(rig.v.vm, EXTRA_GPA),
	};
	rig_start();
	its_vmm_mapc(&rig.v, 0, 1, true);
	EXPECT_TRUE(devid_accepted(1));
	EXPECT_TRUE(devid_accepted(4095));
	EXPECT_FALSE(devid_accepted(4096));
	EXPECT_FALSE(devid_accepted(8191));
	check_saved(_metadata, 2);
}

TEST_F_TIMEOUT(tables, itt_runs_out, SLOW)
{
	rig_start();
	its_vmm_mapc(&rig.v, 0, 1, true);
	rig_mapd(1, SCENE_SIZE - 256, 16);
	its_vmm_mapti(&rig.v, 1, 31, 8192, 0);
	its_vmm_mapti(&rig.v, 1, 32, 8193, 0);
	its_vmm_mapti(&rig.v, 1, 65535, 8194, 0);
	check_saved(_metadata, 1);
}

/* The limits are those of the redistributors. */
TEST_F_TIMEOUT(tables, lpi_past_idbits, SLOW)
{
	rig_limit_intids(14);

	put_image(false);
	*word_at(ITE_AT(2, 5)) = ITE(1, 16383, 1);
	ASSERT_EQ(0, expect_restore());
	EXPECT_EQ(0, rig_reset_and_restore());
	check_model(_metadata);

	*word_at(ITE_AT(2, 5)) = ITE(1, 16384, 1);
	ASSERT_EQ(-EINVAL, expect_restore());
	EXPECT_EQ(-EINVAL, rig_reset_and_restore());
}

/* As many DTEs in a page that all entries of level 1 name, as many events in the ITT. */
static void put_many_events(u32 devices, u32 events)
{
	rig_clear_memory();
	rig_set_basers(1, true, 1);
	*word_at(COLLECTION_AT(0)) = CTE(1, 0);
	for (u32 i = 0; i < ITS_L1_ENTRIES; i++)
		*word_at(DEVICE_AT(i)) = L1E(LEVEL2_GPA(0));
	for (u32 i = 0; i < devices; i++)
		*word_at(LEVEL2_AT(0, i)) = DTE(1, ITT_GPA(0), 11);
	*word_at(LEVEL2_AT(0, devices - 1)) = DTE(0x3fff, ITT_GPA(0), 11);
	for (u32 i = 0; i < events; i++)
		*word_at(ITE_AT(0, i)) = ITE(i + 1 < events, 8192 + i, 0);
}

TEST_F_TIMEOUT(tables, many_events_of_few_entries, SLOW)
{
	put_many_events(ITS_MAX_EVENTS / 2048 / ITS_L1_ENTRIES, 2048);
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(ITS_MAX_EVENTS, rig.model.nr_events);
	EXPECT_EQ(0, rig_reset_and_restore());
	for (u32 i = 0; i < ITS_MAX_EVENTS; i += 1023)
		send_event(_metadata, &rig.model.events[i]);
	check_pending(_metadata);
}

TEST_F_TIMEOUT(tables, too_many_events, SLOW)
{
	put_many_events(ITS_MAX_EVENTS / 2048 / ITS_L1_ENTRIES + 1, 2048);
	ASSERT_EQ(-ENOSPC, expect_restore());
	ASSERT_EQ(-ENOSPC, rig_reset_and_restore());
	rig.model.nr_events = 64;
	check_after_failure(_metadata, true);
}

/* Random changes to good tables. */

/**
 * struct hostile - Tables that are changed at random.
 * @words: What they are.
 * @nr: How many words.
 * @changed: Offsets of those that were changed.
 * @nr_changed: How many.
 * @rng: Chooses.
 */
struct hostile {
	struct word words[64];
	u32 nr;
	u32 changed[8];
	u32 nr_changed;
	struct kvm_random_state rng;
};

static u32 below(struct hostile *h, u32 end)
{
	return kvm_random_u32(&h->rng) % end;
}

static void hostile_add(struct hostile *h, const struct word *words, u32 nr)
{
	TEST_ASSERT(h->nr + nr <= ARRAY_SIZE(h->words), "too many words");
	for (u32 i = 0; i < nr; i++)
		h->words[h->nr++] = words[i];
}

static void hostile_init(struct hostile *h, bool indirect, u32 seed)
{
	*h = (struct hostile) { .rng = new_kvm_random_state(seed) };
	hostile_add(h, image, ARRAY_SIZE(image));
	if (indirect)
		hostile_add(h, indirect_image, ARRAY_SIZE(indirect_image));
	else
		hostile_add(h, flat_image, ARRAY_SIZE(flat_image));
}

static const u32 lpis[] = { 0, 1, 8191, 8192, 8193, 9000, 65535, 65536, 0xffffffff };
static const u32 nexts[] = { 0, 1, 2, 4, 28, 91, 0x1fff, 0x3fff, 0xffff };

/* Any of the kinds of entries, whatever the word is. */
static u64 corrupt(struct hostile *h, u64 word)
{
	switch (below(h, 10)) {
	case 0:
		return kvm_random_u64(&h->rng);
	case 1:
		return h->words[below(h, h->nr)].value;
	case 2:
		return 0;
	case 3:
		return (word & ~GENMASK_ULL(47, 16)) | (u64)lpis[below(h, ARRAY_SIZE(lpis))] << 16;
	case 4:
		return (word & ~GENMASK_ULL(63, 48)) |
		       (u64)nexts[below(h, ARRAY_SIZE(nexts))] << 48;
	case 5:
		return (word & ~GENMASK_ULL(62, 49)) |
		       (u64)(nexts[below(h, ARRAY_SIZE(nexts))] & 0x3fff) << 49;
	case 6:
		return (word & ~0x1fULL) | below(h, 32);
	case 7:
		return word ^ (u64)(below(h, 32) + 1) << 13;	/* a page of 64 KiB, in a DTE */
	default:
		return word ^ BIT_ULL(below(h, 64));
	}
}

/* One of the words, or one that is near. */
static u32 choose(struct hostile *h)
{
	u32 offset = h->words[below(h, h->nr)].offset;

	if (below(h, 4))
		return offset;
	return max_t(int, 0, (int)offset + ((int)below(h, 9) - 4) * ITS_ENTRY_SIZE);
}

static void hostile_change(struct hostile *h)
{
	for (u32 i = 0; i < h->nr_changed; i++)
		*word_at(h->changed[i]) = 0;
	put_words(h->words, h->nr);

	h->nr_changed = 1 + below(h, 4);
	for (u32 i = 0; i < h->nr_changed; i++) {
		h->changed[i] = choose(h);
		*word_at(h->changed[i]) = corrupt(h, *word_at(h->changed[i]));
	}
}

/* LPIs that the tables name, or would name, are pending at any vCPU. */
static void hostile_pend(struct hostile *h)
{
	forget_pending();
	for (u32 i = 0; i < 4; i++) {
		u32 vcpu = below(h, SCENE_VCPUS), lpi = ITE_LPI(h->words[below(h, h->nr)].value);

		if (lpi < FIRST_LPI || lpi >= END_LPI)
			continue;
		set_bit_of(rig.expected.tables[vcpu], lpi);
		set_bit_of(pending_table(vcpu), lpi);
	}
}

/* Clear the bits that were read for events that are mapped: KVM has them, and saves them. */
static void forget_loaded(void)
{
	for (u32 i = 0; i < rig.model.nr_events; i++) {
		const struct scene_event *e = &rig.model.events[i];

		if (delivers(e))
			pending_table(e->target - SCENE_VCPU)[e->lpi / 64] &= ~BIT_ULL(e->lpi % 64);
	}
}

static void check_restored_model(struct __test_metadata *_metadata)
{
	find_unsure(rig.model.events, rig.model.nr_events);
	forget_loaded();
	check_pending(_metadata);
	for (u32 i = 0; i < rig.model.nr_events; i++)
		send_event(_metadata, &rig.model.events[i]);
	check_pending(_metadata);
}

static bool documented(int ret)
{
	return ret == 0 || ret == -EINVAL || ret == -EEXIST || ret == -EFAULT || ret == -ENOSPC;
}

static void check_round(struct __test_metadata *_metadata, struct hostile *h)
{
	int expected, ret;

	hostile_change(h);
	hostile_pend(h);
	expected = expect_restore();
	ret = rig_restore();
	ASSERT_TRUE(documented(ret)) {
		TH_LOG("errno %d", -ret);
	}
	if (!rig.model.unsure)
		ASSERT_EQ(!expected, !ret) {
			TH_LOG("expected %d", expected);
		}
	if (!ret && !rig.model.unsure)
		check_restored_model(_metadata);
	if (!ret)
		rig_reset();
	else
		check_registers(_metadata);
}

static u32 setting(const char *name, u32 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 0) : otherwise;
}

static u32 random_seed(void)
{
	u32 seed;

	TEST_ASSERT(getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "getrandom");
	return setting("ITS_TABLES_SEED", seed);
}

FIXTURE(hostile)
{
	struct hostile h;
	bool indirect;
	u32 seed;
	u32 rounds;
	u32 *seeds;
	pid_t workers[NR_WORKERS];
};

FIXTURE_VARIANT(hostile)
{
	bool indirect;
};

FIXTURE_VARIANT_ADD(hostile, flat) { false };
FIXTURE_VARIANT_ADD(hostile, indirect) { true };

FIXTURE_SETUP(hostile)
{
	self->indirect = variant->indirect;
	self->seed = random_seed();
	hostile_init(&self->h, self->indirect, self->seed);
	self->seeds = mmap(NULL, NR_WORKERS * sizeof(*self->seeds), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->seeds);
	TH_LOG("ITS_TABLES_SEED=%u", self->seed);
}

FIXTURE_TEARDOWN(hostile)
{
	munmap(self->seeds, NR_WORKERS * sizeof(*self->seeds));
}

/* A worker's @seed is shared: the test tells it if the worker fails. */
typedef void work_fn(struct __test_metadata *_metadata, FIXTURE_DATA(hostile) * self, u32 *seed);

/*
 * Have a process of its own work on a VM. Most of the time goes with waiting for
 * grace periods, which many VMs can do together, and a VM belongs to the process that
 * made it. What the harness knows of a test is for one process at a time.
 */
static void start_worker(struct __test_metadata *_metadata, FIXTURE_DATA(hostile) * self,
			 u32 nr, work_fn *work)
{
	static struct __test_metadata own;

	self->seeds[nr] = self->seed;
	self->workers[nr] = fork();
	TEST_ASSERT(self->workers[nr] >= 0, "fork, errno %d", errno);
	if (self->workers[nr])
		return;

	own = *_metadata;
	own.teardown_fn = NULL;	/* belongs to the test's process */
	rig_create();
	rig_set_basers(1, self->indirect, 1);
	work(&own, self, &self->seeds[nr]);
	_exit(own.exit_code);
}

static void wait_for_workers(struct __test_metadata *_metadata, FIXTURE_DATA(hostile) * self,
			     u32 nr)
{
	int status;

	for (u32 i = 0; i < nr; i++) {
		ASSERT_EQ(self->workers[i], waitpid(self->workers[i], &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("failed with ITS_TABLES_SEED=%u", self->seeds[i]);
		}
	}
}

static void do_rounds(struct __test_metadata *_metadata, FIXTURE_DATA(hostile) * self, u32 *seed)
{
	for (; self->rounds && !_metadata->exit_code; self->rounds--) {
		self->h.rng = new_kvm_random_state(*seed);
		check_round(_metadata, &self->h);
		if (!_metadata->exit_code)
			++*seed;
	}
}

/* Each round has a seed of its own, which repeats it with ITS_TABLES_ROUNDS=1. */
TEST_F_TIMEOUT(hostile, corrupted, SLOW)
{
	u32 rounds = setting("ITS_TABLES_ROUNDS", RANDOM_ROUNDS), nr;

	self->rounds = DIV_ROUND_UP(rounds, NR_WORKERS);
	nr = DIV_ROUND_UP(rounds, self->rounds);
	for (u32 i = 0; i < nr; i++, self->seed += self->rounds)
		start_worker(_metadata, self, i, do_rounds);
	wait_for_workers(_metadata, self, nr);
}

/* Another thread changes the tables while they are read. */

struct racer {
	struct hostile h;
	bool stop;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct hostile *h = &racer->h;

	while (!READ_ONCE(racer->stop)) {
		const struct word *word = &h->words[below(h, h->nr)];
		u64 value = below(h, 8) ? word->value : corrupt(h, word->value);

		WRITE_ONCE(*word_at(word->offset), value);
	}
	return NULL;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void restore_while_changed(struct __test_metadata *_metadata, FIXTURE_DATA(hostile) * self,
				  u32 *seed)
{
	struct racer racer = { .h = self->h };
	u64 end = now_ns() + RACE_NS;
	pthread_t thread;
	int ret;

	racer.h.rng = new_kvm_random_state(*seed);
	TEST_ASSERT(!pthread_create(&thread, NULL, race, &racer), "pthread_create");
	while (now_ns() < end) {
		ret = rig_restore();
		ASSERT_TRUE(documented(ret)) {
			TH_LOG("errno %d", -ret);
		}
		rig_reset();
	}
	WRITE_ONCE(racer.stop, true);
	pthread_join(thread, NULL);

	put_only_image(self->indirect);
	ASSERT_EQ(0, expect_restore());
	ASSERT_EQ(0, rig_restore());
	check_model(_metadata);
}

TEST_F_TIMEOUT(hostile, changed_while_read, SLOW)
{
	for (u32 i = 0; i < NR_RACES; i++, self->seed++)
		start_worker(_metadata, self, i, restore_while_changed);
	wait_for_workers(_metadata, self, NR_RACES);
}

TEST_HARNESS_MAIN
