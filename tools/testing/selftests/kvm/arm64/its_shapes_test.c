// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shapes_test - an ITS's tables in guest memory, of all sizes and shapes
 *
 * Each has an ID for which there is an entry, and one for which there is none:
 * past the table's end, where a level 1 entry is not valid, or where guest memory
 * has ended. None of them is written to, beyond the entry of an ID.
 */
#include "its_machine.h"
#include "kselftest_harness.h"

#define NO_ID		(~0u)

/* Device and collection tables of all shapes. */

#define NR_L1		9			/* entries that a row can have */

/**
 * struct shape - A table, and what it has room for.
 * @pages: Of 64 KiB.
 * @at: Offset in the scratch memory.
 * @flags: Of GITS_BASER.
 * @l1: First entries of a level 1 table, their addresses as offsets in the
 *	scratch memory.
 * @good: An ID that the table has an entry for, the last before @bad, or NO_ID.
 * @entry: Its offset in the scratch memory, if the table is indirect.
 * @bad: An ID for which it has none, or NO_ID.
 */
struct shape {
	u32 pages;
	u64 at;
	u64 flags;
	u64 l1[NR_L1];
	u32 good;
	u64 entry;
	u32 bad;
};

#define FLAT(_pages, _at, _good, _bad)	\
	.pages = (_pages), .at = (_at), .good = (_good), .bad = (_bad)
#define INDIRECT(_at, _good, _entry, _bad, ...)				\
	.pages = 1, .at = (_at), .flags = GITS_BASER_INDIRECT,		\
	.l1 = { __VA_ARGS__ }, .good = (_good), .entry = (_entry), .bad = (_bad)
#define L1(_at)		(VALID | (_at))
#define L1_INVALID(_at)	(_at)

static u64 entry_at(const struct shape *shape)
{
	if (shape->flags & GITS_BASER_INDIRECT)
		return shape->entry;
	return shape->at + shape->good * 8ULL;
}

/* Makes it the table that GITS_BASER<n> has. */
static void set_table(struct its_vmm *v, u32 n, const struct shape *shape)
{
	u64 *l1 = v->scratch + shape->at;
	u64 baser = VALID | shape->flags | (v->scratch_gpa + shape->at) | (shape->pages - 1);

	for (u32 i = 0; i < NR_L1; i++) {
		if (shape->l1[i])
			l1[i] = shape->l1[i] + v->scratch_gpa;
	}
	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_BASER + n * 8, baser);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

FIXTURE(devices)
{
	struct its_vmm its;
	u64 bad;
};

FIXTURE_VARIANT(devices)
{
	struct shape shape;
};

#define DEVICES_SHAPE(_name)	FIXTURE_VARIANT_ADD(devices, _name)

DEVICES_SHAPE(one_page) { .shape = { FLAT(1, PAGE(1), 8191, 8192) } };
DEVICES_SHAPE(two_pages) { .shape = { FLAT(2, PAGE(1), 16383, 16384) } };
DEVICES_SHAPE(eight_pages) { .shape = { FLAT(8, PAGE(1), 65535, 65536) } };
DEVICES_SHAPE(more_than_ids) { .shape = { FLAT(9, PAGE(1), 65535, 65536) } };
DEVICES_SHAPE(all_pages) { .shape = { FLAT(256, 0, 65535, 65536) } };
DEVICES_SHAPE(last_page) { .shape = { FLAT(1, LAST_PAGE, 8191, 8192) } };
DEVICES_SHAPE(past_last_page) { .shape = { FLAT(2, LAST_PAGE, 8191, 8192) } };
DEVICES_SHAPE(not_memory) { .shape = { FLAT(1, PAST, NO_ID, 0) } };
DEVICES_SHAPE(not_memory_last) { .shape = { FLAT(1, PAST, NO_ID, 8191) } };

DEVICES_SHAPE(l1_full) {
	.shape = { INDIRECT(PAGE(1), 65535, PAGE(10) - 8, 65536,
			    L1(PAGE(2)), L1(PAGE(3)), L1(PAGE(4)), L1(PAGE(5)), L1(PAGE(6)),
			    L1(PAGE(7)), L1(PAGE(8)), L1(PAGE(9)), L1(PAGE(10))) },
};

DEVICES_SHAPE(l1_empty) { .shape = { INDIRECT(PAGE(1), NO_ID, 0, 0) } };
DEVICES_SHAPE(l1_first) {
	.shape = { INDIRECT(PAGE(1), 8191, PAGE(3) - 8, 8192, L1(PAGE(2))) },
};

DEVICES_SHAPE(l1_not_first) {
	.shape = { INDIRECT(PAGE(1), 8192, PAGE(2), 8191, 0, L1(PAGE(2))) },
};

DEVICES_SHAPE(l1_not_valid) {
	.shape = { INDIRECT(PAGE(1), 0, PAGE(2), 8192, L1(PAGE(2)), L1_INVALID(PAGE(3))) },
};

DEVICES_SHAPE(l1_gap) {
	.shape = { INDIRECT(PAGE(1), 16384, PAGE(3), 16383, L1(PAGE(2)), 0, L1(PAGE(3))) },
};

/* Bits of the address that are below 64 KiB don't count. */
DEVICES_SHAPE(l1_low_bits) {
	.shape = { INDIRECT(PAGE(1), 1, PAGE(2) + 8, 8192, L1(PAGE(2) | 0xffff)) },
};

DEVICES_SHAPE(l1_on_last_page) {
	.shape = { INDIRECT(LAST_PAGE, 8191, PAGE(3) - 8, 8192, L1(PAGE(2))) },
};

DEVICES_SHAPE(l1_not_memory) { .shape = { INDIRECT(PAST, NO_ID, 0, 0) } };
DEVICES_SHAPE(l2_on_last_page) {
	.shape = { INDIRECT(PAGE(1), 8191, PAST - 8, 8192, L1(LAST_PAGE)) },
};

DEVICES_SHAPE(l2_past_last_page) {
	.shape = { INDIRECT(PAGE(1), 8191, PAST - 8, 8192, L1(LAST_PAGE), L1(PAST)) },
};

DEVICES_SHAPE(l2_not_memory) { .shape = { INDIRECT(PAGE(1), NO_ID, 0, 0, L1(PAST)) } };

/* The highest address that an entry can hold. */
DEVICES_SHAPE(l2_far_away) {
	.shape = { INDIRECT(PAGE(1), NO_ID, 0, 0, L1(BIT_ULL(51) - SZ_2G)) },
};

FIXTURE_SETUP(devices)
{
	create_machine(&self->its);
	set_table(&self->its, 0, &variant->shape);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(devices)
{
	its_vmm_destroy(&self->its);
}

/* Devices of another table are unmapped: the event is, too. */
TEST_F(devices, good)
{
	u64 *entry = self->its.scratch + entry_at(&variant->shape);
	u32 devid = variant->shape.good;
	struct its_vmm *v = &self->its;
	u64 itt = its_vmm_gpa(v, ITS_VMM_ITTS);

	if (devid == NO_ID)
		SKIP(return, "no such DeviceID");

	EXPECT_EQ(0, signal_event(v, DEV, 0));
	its_vmm_mapd_itt(v, devid, itt, 5, true);
	its_vmm_mapti(v, devid, 0, LPI(100), 1);
	EXPECT_DELIVERS(v, devid, 0, LPI(100), 1);
	EXPECT_BAD(0, self->bad, v);

	/* Its entry, and no other. */
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(VALID | itt >> 8 << 5 | 4, *entry);
	its_vmm_mapd_itt(v, devid, itt, 5, false);
	EXPECT_EQ(VALID | itt >> 8 << 5 | 4, *entry);
	EXPECT_EQ(0, signal_event(v, devid, 0));
	entry[-1] = ~BIT_ULL(63);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(0, *entry);
	EXPECT_EQ(~BIT_ULL(63), entry[-1]);
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(devices, bad)
{
	struct its_vmm *v = &self->its;
	u64 itt = its_vmm_gpa(v, ITS_VMM_ITTS);
	u32 devid = variant->shape.bad;

	its_vmm_mapd_itt(v, devid, itt, 5, true);
	EXPECT_BAD(1, self->bad, v);
	its_vmm_mapti(v, devid, 0, LPI(100), 1);
	EXPECT_BAD(2, self->bad, v);
	EXPECT_EQ(0, signal_event(v, devid, 0));
	its_vmm_mapd_itt(v, devid, itt, 5, false);
	EXPECT_BAD(3, self->bad, v);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_TRUE(queue_empty(v));
}

/* The table gives way under a device: it can't be saved, but it can be unmapped. */
TEST_F(devices, shrinks)
{
	struct its_vmm *v = &self->its;
	u32 devid = variant->shape.good;
	u64 *l1 = v->scratch + variant->shape.at;

	if (devid == NO_ID || !(variant->shape.flags & GITS_BASER_INDIRECT))
		SKIP(return, "no level 1 table");

	its_vmm_mapd_itt(v, devid, its_vmm_gpa(v, ITS_VMM_ITTS), 5, true);
	its_vmm_mapti(v, devid, 0, LPI(100), 1);
	l1[devid / IDS_PER_PAGE] = 0;
	EXPECT_DELIVERS(v, devid, 0, LPI(100), 1);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_BAD(0, self->bad, v);
	its_vmm_mapd_itt(v, devid, its_vmm_gpa(v, ITS_VMM_ITTS), 5, false);
	EXPECT_BAD(0, self->bad, v);
	EXPECT_EQ(0, signal_event(v, devid, 0));

	/* It is not mapped, and can't be. */
	its_vmm_mapd_itt(v, devid, its_vmm_gpa(v, ITS_VMM_ITTS), 5, false);
	EXPECT_BAD(1, self->bad, v);
}

FIXTURE(collections)
{
	struct its_vmm its;
	u64 bad;
};

FIXTURE_VARIANT(collections)
{
	struct shape shape;
};

#define COLLECTIONS_SHAPE(_name)	FIXTURE_VARIANT_ADD(collections, _name)

COLLECTIONS_SHAPE(one_page) { .shape = { FLAT(1, PAGE(1), 8191, 8192) } };
COLLECTIONS_SHAPE(two_pages) { .shape = { FLAT(2, PAGE(1), 16383, 16384) } };
COLLECTIONS_SHAPE(eight_pages) { .shape = { FLAT(8, PAGE(1), 65535, NO_ID) } };
COLLECTIONS_SHAPE(all_pages) { .shape = { FLAT(256, 0, 65535, NO_ID) } };
COLLECTIONS_SHAPE(last_page) { .shape = { FLAT(1, LAST_PAGE, 8191, 8192) } };
COLLECTIONS_SHAPE(past_last_page) { .shape = { FLAT(2, LAST_PAGE, 8191, 8192) } };
COLLECTIONS_SHAPE(not_memory) { .shape = { FLAT(1, PAST, NO_ID, 0) } };
/* There are no indirect ones: the bit is ignored. */
COLLECTIONS_SHAPE(indirect) {
	.shape = { FLAT(1, PAGE(1), 8191, 8192), .flags = GITS_BASER_INDIRECT },
};

FIXTURE_SETUP(collections)
{
	create_machine(&self->its);
	set_table(&self->its, 1, &variant->shape);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(collections)
{
	its_vmm_destroy(&self->its);
}

/* Collections of another table are unmapped; events have none. */
TEST_F(collections, good)
{
	struct its_vmm *v = &self->its;
	u32 icid = variant->shape.good;

	if (icid == NO_ID)
		SKIP(return, "no such ICID");

	EXPECT_EQ(0, signal_event(v, DEV, 0));
	its_vmm_mapti(v, DEV, EVENT_UNMAPPED, LPI(100), icid);
	its_vmm_mapc(v, icid, 1, true);
	EXPECT_DELIVERS(v, DEV, EVENT_UNMAPPED, LPI(100), 1);
	EXPECT_EQ(0, signal_event(v, DEV, 0));
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(collections, bad)
{
	struct its_vmm *v = &self->its;
	u32 icid = variant->shape.bad;

	if (icid == NO_ID)
		SKIP(return, "no such ICID");

	its_vmm_mapc(v, icid, 1, true);
	EXPECT_BAD(1, self->bad, v);
	its_vmm_mapti(v, DEV, EVENT_UNMAPPED, LPI(100), icid);
	EXPECT_BAD(2, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV, EVENT_UNMAPPED));
	its_vmm_invall(v, icid);
	EXPECT_BAD(3, self->bad, v);
	its_vmm_mapc(v, icid, 1, false);
	EXPECT_BAD(3, self->bad, v);
}

/* ITTs. */

FIXTURE(itt)
{
	struct its_vmm its;
	u64 bad;
};

/*
 * @bits: EventID bits of the device.
 * @at: Offset of its ITT in the scratch memory.
 * @good, @bad: An EventID with an ITE, and one that has none, or NO_ID.
 */
FIXTURE_VARIANT(itt)
{
	u32 bits;
	u64 at;
	u32 good;
	u32 bad;
};

#define ITT(_bits, _at, _good, _bad)	\
	.bits = (_bits), .at = (_at), .good = (_good), .bad = (_bad)

FIXTURE_VARIANT_ADD(itt, bits_1) { ITT(1, PAGE(1), 1, 2) };
FIXTURE_VARIANT_ADD(itt, bits_5) { ITT(5, PAGE(1), 31, 32) };
FIXTURE_VARIANT_ADD(itt, bits_15) { ITT(15, PAGE(1), 32767, 32768) };
FIXTURE_VARIANT_ADD(itt, bits_16) { ITT(16, PAGE(1), 65535, 65536) };
FIXTURE_VARIANT_ADD(itt, aligned_256) { ITT(5, PAGE(1) + 256, 31, 32) };
FIXTURE_VARIANT_ADD(itt, low_bits) { ITT(5, PAGE(1) + 255, 31, 32) };
FIXTURE_VARIANT_ADD(itt, last_256) { ITT(5, PAST - 256, 31, 32) };
FIXTURE_VARIANT_ADD(itt, last_page) { ITT(13, LAST_PAGE, 8191, 8192) };
FIXTURE_VARIANT_ADD(itt, past_last_page) { ITT(14, LAST_PAGE, 8191, 8192) };
FIXTURE_VARIANT_ADD(itt, past_last_256) { ITT(16, PAST - 256, 31, 32) };
FIXTURE_VARIANT_ADD(itt, not_memory) { ITT(5, PAST, NO_ID, 0) };
FIXTURE_VARIANT_ADD(itt, far_away) { ITT(5, BIT_ULL(51) - SZ_2G, NO_ID, 0) };

FIXTURE_SETUP(itt)
{
	create_machine(&self->its);
	/* They have their ITTs in the same memory. */
	its_vmm_mapd(&self->its, DEV_LAST, false);
	its_vmm_mapd(&self->its, DEV_LPIS, false);
	its_vmm_mapd_itt(&self->its, DEV_EMPTY, self->its.scratch_gpa + variant->at,
			 variant->bits, true);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(itt)
{
	its_vmm_destroy(&self->its);
}

TEST_F(itt, good)
{
	u64 *ite = self->its.scratch + (variant->at & ~255) + variant->good * 8ULL;
	struct its_vmm *v = &self->its;

	if (variant->good == NO_ID)
		SKIP(return, "no such EventID");

	its_vmm_mapti(v, DEV_EMPTY, variant->good, LPI(100), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, variant->good, LPI(100), 1);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ((u64)LPI(100) << 16 | 1, *ite);
	its_vmm_discard(v, DEV_EMPTY, variant->good);
	EXPECT_EQ((u64)LPI(100) << 16 | 1, *ite);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, variant->good));
	ite[-1] = GENMASK_ULL(63, 48);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(0, *ite);
	EXPECT_EQ(GENMASK_ULL(63, 48), ite[-1]);
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(itt, bad)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, variant->bad, LPI(100), 1);
	EXPECT_BAD(1, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, variant->bad));
	its_vmm_discard(v, DEV_EMPTY, variant->bad);
	EXPECT_BAD(2, self->bad, v);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
}

TEST_HARNESS_MAIN
