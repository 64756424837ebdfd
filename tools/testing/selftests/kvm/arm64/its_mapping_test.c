// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_mapping_test - what an ITS's commands do to its mappings and to LPIs
 *
 * Commands come from the VMM's side. Where LPIs are is read from the pending tables
 * or, where that does not show it, taken by a guest.
 */
#include "fail_nth.h"
#include "its_machine.h"
#include "its_taker.h"
#include "gic.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

/* What few commands do, step by step. */

FIXTURE(map)
{
	struct its_vmm its;
	u64 bad;
};

FIXTURE_SETUP(map)
{
	create_machine(&self->its);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(map)
{
	its_vmm_destroy(&self->its);
}

/* MAPC with V=0 leaves events without a collection, and a new one is another. */
TEST_F(map, collection_does_not_come_back)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	its_vmm_mapc(v, 1, 1, false);
	EXPECT_EQ(0, signal_event(v, DEV, 1));
	its_vmm_mapc(v, 1, 1, true);
	EXPECT_EQ(0, signal_event(v, DEV, 1));
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, 0));
	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(101), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(101), 1);
	EXPECT_BAD(0, self->bad, v);

	its_vmm_movi(v, DEV, 1, 2);
	EXPECT_BAD(1, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV, 1));
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
}

/* It leaves what is pending, too. */
TEST_F(map, collection_gone_leaves_pending)
{
	ASSERT_EQ(1, signal_event(&self->its, DEV, 1));
	its_vmm_mapc(&self->its, 1, 1, false);
	EXPECT_EQ(1, pending_on(&self->its, LPI(1)));
}

/* All events of a collection, of any device, and no other follow it. */
TEST_F(map, collection_moves)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(101), 0);
	ASSERT_EQ(1, signal_event(v, DEV_EMPTY, 0));
	its_vmm_mapc(v, 1, 2, true);
	EXPECT_EQ(2, pending_on(v, LPI(100)));
	its_vmm_clear(v, DEV_EMPTY, 0);

	EXPECT_DELIVERS(v, DEV, 1, LPI(1), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(101), 0);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, DEV, 2, LPI(2), 2);
	EXPECT_BAD(0, self->bad, v);
}

/* MAPTI makes the collection, a later MAPC gives it its target. */
TEST_F(map, collection_of_mapti)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), ICID_NEW);
	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(101), ICID_NEW);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, 0));
	its_vmm_mapc(v, ICID_NEW, 2, true);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(101), 2);
	EXPECT_BAD(0, self->bad, v);
}

/* MAPD of a mapped device takes all its events away, and only its. */
TEST_F(map, device_mapped_again)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(100), 1);
	its_vmm_mapd(v, DEV, true);
	for (u32 i = 0; i < EVENT_PAST; i++)
		EXPECT_EQ(0, signal_event(v, DEV, i));
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(100), 1);
	EXPECT_BAD(0, self->bad, v);

	its_vmm_mapti(v, DEV, 1, LPI(101), 2);
	EXPECT_DELIVERS(v, DEV, 1, LPI(101), 2);
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(map, device_unmapped)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapd(v, DEV, false);
	EXPECT_EQ(0, signal_event(v, DEV, 0));
	its_vmm_mapd(v, DEV, false);
	EXPECT_BAD(0, self->bad, v);
	its_vmm_mapti(v, DEV, 0, LPI(0), 0);
	EXPECT_BAD(1, self->bad, v);
	its_vmm_mapd(v, DEV, true);
	EXPECT_EQ(0, signal_event(v, DEV, 0));
	its_vmm_mapti(v, DEV, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
	EXPECT_BAD(1, self->bad, v);
}

/* MOVALL does not change where MSIs go, whichever collection they have. */
TEST_F(map, movall)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapc(v, ICID_NEW, 1, true);
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), ICID_NEW);
	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(101), 2);
	its_vmm_movall(v, 1, 0);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, DEV, 1, LPI(1), 1);
	EXPECT_DELIVERS(v, DEV, 2, LPI(2), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(101), 2);

	/* The collection stays. */
	its_vmm_mapti(v, DEV_EMPTY, 2, LPI(102), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 2, LPI(102), 1);
	EXPECT_BAD(0, self->bad, v);
}

/* Two events with one LPI: the last command that names a collection has its way. */
TEST_F(map, shared_lpi)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(0), 0);
	its_vmm_movi(v, DEV_EMPTY, 0, 2);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(0), 2);
	its_vmm_mapc(v, 0, 1, true);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(0), 1);

	its_vmm_discard(v, DEV, 0);
	EXPECT_EQ(0, signal_event(v, DEV, 0));
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(0), 1);
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(map, shared_lpi_other_collection)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(0), 2);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(0), 2);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 2);
	EXPECT_BAD(0, self->bad, v);
}

/* There are no LPIs at all: PROPBASER has too few bits. */
TEST_F(map, no_lpis)
{
	its_vmm_mapd(&self->its, DEV, false);
	set_intid_bits(&self->its, 13);
	its_vmm_mapd(&self->its, DEV, true);
	its_vmm_mapti(&self->its, DEV, 0, LPI(0), 0);
	EXPECT_BAD(1, self->bad, &self->its);
	EXPECT_EQ(0, signal_event(&self->its, DEV, 0));
}

/* An INT that nobody takes is no error. */
TEST_F(map, int_lpis_off)
{
	its_vmm_redist_write(&self->its, 1, GICR_CTLR, 0);
	its_vmm_int(&self->its, DEV, 1);
	its_vmm_redist_write(&self->its, 1, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	EXPECT_EQ(NOWHERE, pending_on(&self->its, LPI(1)));
	EXPECT_BAD(0, self->bad, &self->its);
	its_vmm_int(&self->its, DEV, 1);
	EXPECT_EQ(1, pending_on(&self->its, LPI(1)));
}

/* Pending LPIs, which do not run, whether or not they could. */

FIXTURE(pending)
{
	struct its_vmm its;
};

/* @config: Byte of the LPIs in the configuration table. */
FIXTURE_VARIANT(pending)
{
	u8 config;
};

FIXTURE_VARIANT_ADD(pending, disabled) { .config = 0 };
FIXTURE_VARIANT_ADD(pending, enabled) { .config = LPI_ENABLED };

FIXTURE_SETUP(pending)
{
	its_vmm_create(&self->its, NR_VCPUS);
	its_vmm_dist_write(&self->its, GICD_CTLR, GICD_CTLR_ENABLE_SS_G1);
	for (u32 i = 0; i < 400; i++)
		its_vmm_set_config(&self->its, LPI(i), variant->config);
	map_machine(&self->its);
	for (u32 i = 0; i < NR_VCPUS; i++) {
		ASSERT_EQ(1, signal_event(&self->its, DEV, i));
		ASSERT_EQ(i, pending_on(&self->its, LPI(i)));
	}
}

FIXTURE_TEARDOWN(pending)
{
	its_vmm_destroy(&self->its);
}

/* Where the three LPIs are, a digit each; 9 is nowhere. */
static u32 places(struct its_vmm *v)
{
	u32 digits = 0;

	for (u32 i = 0; i < NR_VCPUS; i++) {
		int vcpu = pending_on(v, LPI(i));

		digits = digits * 10 + (vcpu == NOWHERE ? 9 : vcpu);
	}
	return digits;
}

TEST_F(pending, clear)
{
	its_vmm_clear(&self->its, DEV, 1);
	EXPECT_EQ(92, places(&self->its));
}

TEST_F(pending, int)
{
	its_vmm_clear(&self->its, DEV, 1);
	its_vmm_int(&self->its, DEV, 1);
	EXPECT_EQ(12, places(&self->its));
}

TEST_F(pending, movi)
{
	its_vmm_movi(&self->its, DEV, 1, 0);
	EXPECT_EQ(2, places(&self->its));
	its_vmm_movi(&self->its, DEV, 1, 2);
	EXPECT_EQ(22, places(&self->its));
}

TEST_F(pending, movall)
{
	/* Saved, an LPI is where MSIs go. */
	its_vmm_movall(&self->its, 1, 2);
	EXPECT_EQ(12, places(&self->its));
	its_vmm_movall(&self->its, 2, 0);
	EXPECT_EQ(12, places(&self->its));
}

TEST_F(pending, mapc)
{
	its_vmm_mapc(&self->its, 1, 0, true);
	EXPECT_EQ(2, places(&self->its));
}

TEST_F(pending, inv)
{
	its_vmm_inv(&self->its, DEV, 1);
	its_vmm_invall(&self->its, 2);
	its_vmm_sync(&self->its);
	EXPECT_EQ(12, places(&self->its));
}

/* An event that is mapped anew with its LPI finds nothing of the past. */
TEST_F(pending, discard)
{
	its_vmm_discard(&self->its, DEV, 1);
	EXPECT_EQ(92, places(&self->its));
	its_vmm_mapti(&self->its, DEV, 1, LPI(1), 1);
	EXPECT_EQ(92, places(&self->its));
}

TEST_F(pending, discard_then_other_event)
{
	its_vmm_discard(&self->its, DEV, 1);
	its_vmm_mapti(&self->its, DEV_EMPTY, 0, LPI(1), 2);
	EXPECT_EQ(92, places(&self->its));
	EXPECT_EQ(1, signal_event(&self->its, DEV_EMPTY, 0));
	EXPECT_EQ(22, places(&self->its));
}

static void remap_machine(struct its_vmm *v)
{
	its_vmm_mapd(v, DEV, true);
	for (u32 i = 0; i < NR_VCPUS; i++)
		its_vmm_mapti(v, DEV, i, LPI(i), i);
}

TEST_F(pending, unmapd)
{
	its_vmm_mapd(&self->its, DEV, false);
	EXPECT_EQ(999, places(&self->its));
	remap_machine(&self->its);
	EXPECT_EQ(999, places(&self->its));
}

TEST_F(pending, mapd_again)
{
	remap_machine(&self->its);
	EXPECT_EQ(999, places(&self->its));
}

/* A device table elsewhere is one without devices. */
TEST_F(pending, new_device_table)
{
	struct its_vmm *v = &self->its;
	u64 baser = its_vmm_its_read(v, GITS_BASER);

	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_BASER, baser + 1);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(999, places(v));
	remap_machine(v);
	EXPECT_EQ(999, places(v));
}

TEST_F(pending, unmapc)
{
	its_vmm_mapc(&self->its, 1, 1, false);
	EXPECT_EQ(12, places(&self->its));
	its_vmm_clear(&self->its, DEV, 1);
	EXPECT_EQ(92, places(&self->its));
}

/* Pending tables as a guest has them before it maps its LPIs. */

static void set_pending_bit(struct its_vmm *v, u32 vcpu, u32 lpi)
{
	u8 *table = its_vmm_hva(v, ITS_VMM_PENDING + vcpu);

	table[lpi / 8] |= BIT(lpi % 8);
}

TEST_F(map, pending_bit_is_consumed)
{
	struct its_vmm *v = &self->its;

	for (u32 lpi = LPI(96); lpi < LPI(104); lpi++)
		set_pending_bit(v, 1, lpi);
	set_pending_bit(v, 0, LPI(100));
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_TRUE(its_vmm_pending(v, 1, LPI(100)));
	EXPECT_TRUE(its_vmm_saved(v, 1, LPI(99)));
	EXPECT_TRUE(its_vmm_saved(v, 1, LPI(101)));
	EXPECT_TRUE(its_vmm_saved(v, 0, LPI(100)));

	/* It's this event's, and once cleared it doesn't come back. */
	its_vmm_clear(v, DEV_EMPTY, 0);
	EXPECT_FALSE(its_vmm_pending(v, 1, LPI(100)));
	its_vmm_discard(v, DEV_EMPTY, 0);
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_FALSE(its_vmm_pending(v, 1, LPI(100)));
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(map, pending_bit_of_mapi)
{
	set_pending_bit(&self->its, 1, LPI(100));
	its_vmm_mapi(&self->its, DEV_LPIS, LPI(100), 1);
	EXPECT_EQ(1, pending_on(&self->its, LPI(100)));
}

/* No target, no pending table to read. */
TEST_F(map, pending_bit_without_target)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < NR_VCPUS; i++)
		set_pending_bit(v, i, LPI(100));
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), ICID_NEW);
	for (u32 i = 0; i < NR_VCPUS; i++)
		EXPECT_TRUE(its_vmm_saved(v, i, LPI(100)));
	EXPECT_EQ(NOWHERE, pending_on(v, LPI(100)));
}

/* The LPI is mapped already: its state is KVM's, not that of the table. */
TEST_F(map, pending_bit_of_mapped_lpi)
{
	set_pending_bit(&self->its, 0, LPI(0));
	its_vmm_mapti(&self->its, DEV_EMPTY, 0, LPI(0), 0);
	EXPECT_TRUE(its_vmm_saved(&self->its, 0, LPI(0)));
	EXPECT_EQ(NOWHERE, pending_on(&self->its, LPI(0)));
}

/* A command that fails reads none either. */
TEST_F(map, pending_bit_of_bad_command)
{
	set_pending_bit(&self->its, 0, LPI(100));
	its_vmm_mapti(&self->its, DEV, EVENT_PAST, LPI(100), 0);
	its_vmm_mapti(&self->its, DEV, 0, LPI(100), 0);
	EXPECT_TRUE(its_vmm_saved(&self->its, 0, LPI(100)));
}

/*
 * A guest may queue thousands of commands for one exit, and a dirty ring has room for few
 * pages. A VMM may also have the queue go on while no vCPU runs: then there is no ring.
 */
TEST_F(map, commands_write_no_memory)
{
	struct its_vmm *v = &self->its;

	for (u32 lpi = LPI(100); lpi < LPI(104); lpi++)
		set_pending_bit(v, 1, lpi);
	ASSERT_EQ(0, its_vmm_dirty(v));

	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	its_vmm_mapti(v, DEV_EMPTY, 1, LPI(101), ICID_NEW);
	its_vmm_mapi(v, DEV_LPIS, LPI(102), 1);
	its_vmm_int(v, DEV_EMPTY, 0);
	its_vmm_movi(v, DEV_EMPTY, 0, 2);
	its_vmm_movall(v, 2, 1);
	its_vmm_inv(v, DEV_EMPTY, 0);
	its_vmm_invall(v, 1);
	its_vmm_clear(v, DEV_EMPTY, 0);
	its_vmm_discard(v, DEV_EMPTY, 0);
	its_vmm_mapc(v, ICID_NEW, 1, true);
	its_vmm_mapc(v, ICID_NEW, 2, true);
	its_vmm_mapc(v, ICID_NEW, 2, false);
	its_vmm_mapd(v, DEV_EMPTY, false);
	its_vmm_mapd(v, DEV_EMPTY, true);
	its_vmm_sync(v);
	its_vmm_redist_write(v, 1, GICR_CTLR, 0);
	its_vmm_redist_write(v, 1, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	EXPECT_EQ(0, its_vmm_dirty(v));
	EXPECT_BAD(0, self->bad, v);

	/* What a save writes is seen. */
	its_vmm_save_pending(v);
	EXPECT_LT(0, its_vmm_dirty(v));
}

/* Entries in guest memory. */

/* What is unmapped is left out of the next save: no command has a table to write. */
TEST_F(map, unmaps_without_writing)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		memset(its_vmm_hva(v, tables[i]), 0xa5, USED_SIZE);
	copy_tables(v);
	its_vmm_discard(v, DEV, 1);
	its_vmm_discard(v, DEV, EVENT_REMOVED);
	its_vmm_discard(v, DEV, EVENT_NO_TARGET);
	its_vmm_mapd(v, DEV, false);
	its_vmm_mapd(v, DEV_UNMAPPED, false);
	EXPECT_BAD(0, self->bad, v);
	check_tables(_metadata, v);
}

TEST_F(map, maps_without_writing)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		memset(its_vmm_hva(v, tables[i]), 0xa5, USED_SIZE);
	copy_tables(v);
	map_machine(v);
	its_vmm_movi(v, DEV, 0, 1);
	its_vmm_movall(v, 0, 1);
	its_vmm_int(v, DEV, 0);
	its_vmm_clear(v, DEV, 0);
	its_vmm_inv(v, DEV, 0);
	its_vmm_invall(v, 0);
	its_vmm_sync(v);
	its_vmm_mapc(v, 2, 0, false);
	check_tables(_metadata, v);
}

/* A save and the entries that went before it: what was unmapped stays so. */
TEST_F(map, unmapped_does_not_come_back)
{
	struct its_vmm *v = &self->its;

	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	its_vmm_discard(v, DEV, 1);
	its_vmm_mapd(v, DEV_LPIS, false);
	its_vmm_discard(v, DEV, EVENT_REMOVED);
	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	its_vmm_enable(v);
	its_vmm_its_write(v, GITS_CTLR, 0);
	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);

	EXPECT_EQ(0, signal_event(v, DEV, 1));
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, DEV, 2, LPI(2), 2);
	self->bad = bad_commands(v);
	its_vmm_mapi(v, DEV_LPIS, LPI(100), 0);
	EXPECT_BAD(1, self->bad, v);
}

/* Several ITSes. */

#define NR_ITS		3

FIXTURE(several)
{
	struct its_vmm its;
	u64 bad;
};

/* The same IDs for each, but the nth has ICID 0 on vCPU n, and an LPI of its own. */
FIXTURE_SETUP(several)
{
	struct its_vmm *v = &self->its;

	its_vmm_create_vm(v, NR_VCPUS);
	its_vmm_add_gic(v);
	for (u32 n = 0; n < NR_ITS; n++)
		its_vmm_add_its(v);
	its_vmm_enable(v);
	for (u32 n = 0; n < NR_ITS; n++) {
		its_vmm_select(v, n);
		for (u32 i = 0; i < NR_VCPUS; i++)
			its_vmm_mapc(v, i, (i + n) % NR_VCPUS, true);
		its_vmm_mapd(v, DEV, true);
		its_vmm_mapti(v, DEV, 0, LPI(n), 0);
	}
	self->bad = bad_commands(v);
}

FIXTURE_TEARDOWN(several)
{
	its_vmm_destroy(&self->its);
}

/* All but the nth, which has lost its first event. */
static void check_others(struct __test_metadata *_metadata, struct its_vmm *v, u32 lost)
{
	for (u32 n = 0; n < NR_ITS; n++) {
		its_vmm_select(v, n);
		if (n != lost)
			EXPECT_DELIVERS(v, DEV, 0, LPI(n), n);
		else
			EXPECT_EQ(0, signal_event(v, DEV, 0));
	}
}

TEST_F(several, same_ids)
{
	check_others(_metadata, &self->its, NR_ITS);
	EXPECT_BAD(0, self->bad, &self->its);
}

TEST_F(several, discard)
{
	its_vmm_select(&self->its, 1);
	its_vmm_discard(&self->its, DEV, 0);
	check_others(_metadata, &self->its, 1);
	EXPECT_BAD(0, self->bad, &self->its);
}

TEST_F(several, unmapd)
{
	its_vmm_select(&self->its, 1);
	its_vmm_mapd(&self->its, DEV, false);
	check_others(_metadata, &self->its, 1);
	EXPECT_BAD(0, self->bad, &self->its);
}

TEST_F(several, unmapc)
{
	its_vmm_select(&self->its, 1);
	its_vmm_mapc(&self->its, 0, 0, false);
	check_others(_metadata, &self->its, 1);
	EXPECT_BAD(0, self->bad, &self->its);
}

TEST_F(several, disabled)
{
	its_vmm_select(&self->its, 1);
	its_vmm_its_write(&self->its, GITS_CTLR, 0);
	check_others(_metadata, &self->its, 1);
	its_vmm_select(&self->its, 1);
	its_vmm_its_write(&self->its, GITS_CTLR, GITS_CTLR_ENABLE);
	check_others(_metadata, &self->its, NR_ITS);
	its_vmm_select(&self->its, 1);
	EXPECT_EQ(0, its_vmm_ctrl(&self->its, KVM_DEV_ARM_ITS_CTRL_RESET));
	check_others(_metadata, &self->its, 1);
}

/* Queues are apart; the counter is the VM's. */
TEST_F(several, bad_commands)
{
	for (u32 n = 0; n < NR_ITS; n++) {
		its_vmm_select(&self->its, n);
		its_vmm_int(&self->its, DEV_UNMAPPED, n);
		EXPECT_BAD(n + 1, self->bad, &self->its);
		EXPECT_TRUE(queue_empty(&self->its));
	}
	check_others(_metadata, &self->its, NR_ITS);
}

/* Nor does MOVALL change where MSIs go by way of other ITSes. */
TEST_F(several, movall)
{
	struct its_vmm *v = &self->its;

	its_vmm_select(v, 2);
	its_vmm_movall(v, 0, 1);
	its_vmm_select(v, 0);
	EXPECT_DELIVERS(v, DEV, 0, LPI(0), 0);
	its_vmm_select(v, 1);
	EXPECT_DELIVERS(v, DEV, 0, LPI(1), 1);
	its_vmm_select(v, 2);
	EXPECT_DELIVERS(v, DEV, 0, LPI(2), 2);
	EXPECT_BAD(0, self->bad, v);
}

/* The ITSes agree where the LPI goes, until one of them moves it for all. */
TEST_F(several, shared_lpi)
{
	struct its_vmm *v = &self->its;

	for (u32 n = 0; n < NR_ITS; n++) {
		its_vmm_select(v, n);
		its_vmm_mapti(v, DEV, 2, LPI(200), (NR_VCPUS - n) % NR_VCPUS);
		EXPECT_DELIVERS(v, DEV, 2, LPI(200), 0);
	}
	its_vmm_movi(v, DEV, 2, 0);
	for (u32 n = 0; n < NR_ITS; n++) {
		its_vmm_select(v, n);
		EXPECT_DELIVERS(v, DEV, 2, LPI(200), 2);
	}
	its_vmm_discard(v, DEV, 2);
	its_vmm_select(v, 0);
	EXPECT_DELIVERS(v, DEV, 2, LPI(200), 2);
	EXPECT_BAD(0, self->bad, v);
}

/* As seen by a guest, which takes one LPI at a time. */

FIXTURE(guest)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_SETUP(guest)
{
	set_up_guest(&self->its, self->vcpus, guest_takes);
}

FIXTURE_TEARDOWN(guest)
{
	its_vmm_destroy(&self->its);
}

TEST_F(guest, takes_each)
{
	for (u32 i = 0; i < NR_GUEST_VCPUS * EVENTS_PER_VCPU; i++) {
		u32 vcpu = i / EVENTS_PER_VCPU;

		EXPECT_EQ(1, signal_event(&self->its, DEV, i));
		EXPECT_TAKES_NONE(!vcpu);
		EXPECT_TAKES(vcpu, LPI(i));
		EXPECT_TAKES_NONE(vcpu);
	}
}

TEST_F(guest, int)
{
	its_vmm_int(&self->its, DEV, 1);
	its_vmm_int(&self->its, DEV, EVENTS_PER_VCPU);
	EXPECT_TAKES(0, LPI(1));
	EXPECT_TAKES(1, LPI(EVENTS_PER_VCPU));
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
}

/* Disabled, it stays pending until INV has it looked at again. */
TEST_F(guest, inv)
{
	struct its_vmm *v = &self->its;

	its_vmm_set_config(v, LPI(0), 0xa0);
	its_vmm_inv(v, DEV, 0);
	EXPECT_EQ(1, signal_event(v, DEV, 0));
	EXPECT_EQ(1, signal_event(v, DEV, 1));
	EXPECT_TAKES(0, LPI(1));
	EXPECT_TAKES_NONE(0);
	its_vmm_set_config(v, LPI(0), LPI_ENABLED);
	its_vmm_inv(v, DEV, 0);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
}

TEST_F(guest, invall)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < NR_GUEST_VCPUS * EVENTS_PER_VCPU; i++)
		its_vmm_set_config(v, LPI(i), 0xa0);
	its_vmm_invall(v, 0);
	its_vmm_invall(v, 1);
	for (u32 i = 0; i < NR_GUEST_VCPUS * EVENTS_PER_VCPU; i++)
		EXPECT_EQ(1, signal_event(v, DEV, i));
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);

	/* Priorities against the order of INTIDs. */
	for (u32 i = 0; i < NR_GUEST_VCPUS * EVENTS_PER_VCPU; i++)
		its_vmm_set_config(v, LPI(i), LPI_ENABLED - i * 8);
	its_vmm_invall(v, 0);
	its_vmm_invall(v, 1);
	for (u32 i = EVENTS_PER_VCPU; i--; ) {
		EXPECT_TAKES(0, LPI(i));
		EXPECT_TAKES(1, LPI(EVENTS_PER_VCPU + i));
	}
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
}

/* LPIs all over the configuration table, to its last byte. */
#define NR_SPREAD	300
#define SPREAD_LPI(i)	(LAST_LPI - (i) * 190)

static void map_spread(struct its_vmm *v)
{
	its_vmm_mapd_itt(v, DEV_EMPTY, v->scratch_gpa, 16, true);
	for (u32 i = 0; i < NR_SPREAD; i++)
		its_vmm_mapti(v, DEV_EMPTY, i, SPREAD_LPI(i), i % NR_GUEST_VCPUS);
}

TEST_F_TIMEOUT(guest, invall_spread, SLOW)
{
	struct its_vmm *v = &self->its;
	u32 taken;

	map_spread(v);
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < NR_SPREAD; i++) {
			its_vmm_set_config(v, SPREAD_LPI(i), i % 3 == round ? LPI_ENABLED : 0xa0);
			EXPECT_EQ(1, signal_event(v, DEV_EMPTY, i));
		}
		for (u32 vcpu = 0; vcpu < NR_GUEST_VCPUS; vcpu++) {
			its_vmm_invall(v, vcpu);
			for (taken = 0; take(self->vcpus[vcpu]) != IAR_SPURIOUS; taken++)
				;
			EXPECT_EQ(NR_SPREAD / 3 / NR_GUEST_VCPUS, taken);
		}
		its_vmm_save_pending(v);
		for (u32 i = 0; i < NR_SPREAD; i++) {
			ASSERT_EQ(i % 3 != round,
				  its_vmm_saved(v, i % NR_GUEST_VCPUS, SPREAD_LPI(i))) {
				TH_LOG("round %u, LPI %u", round, SPREAD_LPI(i));
			}
		}
	}
}

/* Mapping reads the configuration as well. */
TEST_F(guest, mapti_reads_config)
{
	struct its_vmm *v = &self->its;

	its_vmm_discard(v, DEV, 0);
	its_vmm_set_config(v, LPI(0), 0xa0);
	its_vmm_mapti(v, DEV, 0, LPI(0), 0);
	EXPECT_EQ(1, signal_event(v, DEV, 0));
	EXPECT_TAKES_NONE(0);
	its_vmm_discard(v, DEV, 0);
	its_vmm_set_config(v, LPI(0), LPI_ENABLED);
	its_vmm_mapti(v, DEV, 0, LPI(0), 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_EQ(1, signal_event(v, DEV, 0));
	EXPECT_TAKES(0, LPI(0));
}

/* Events 0 and 1 are pending for vCPU 0 when a command comes; who takes them? */

static void make_pending(struct __test_metadata *_metadata, struct its_vmm *v)
{
	EXPECT_EQ(1, signal_event(v, DEV, 0));
	EXPECT_EQ(1, signal_event(v, DEV, 1));
}

/* vCPU 0 runs last: nobody has to wait for it to hand over what it had. */
static void check_taken(struct __test_metadata *_metadata, FIXTURE_DATA(guest) * self,
			u32 first, u32 second)
{
	for (u32 vcpu = NR_GUEST_VCPUS; vcpu--; ) {
		if (vcpu == first)
			EXPECT_TAKES(vcpu, LPI(0));
		if (vcpu == second)
			EXPECT_TAKES(vcpu, LPI(1));
		EXPECT_TAKES_NONE(vcpu);
	}
}

#define NOBODY	NR_GUEST_VCPUS

TEST_F(guest, movi_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_movi(&self->its, DEV, 0, 1);
	check_taken(_metadata, self, 1, 0);
}

TEST_F(guest, movall_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_movall(&self->its, 0, 1);
	check_taken(_metadata, self, 1, 1);
}

/* Of whichever collection, and of no other vCPU. */
TEST_F(guest, movall_pending_of_all)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapc(v, ICID_NEW, 0, true);
	its_vmm_movi(v, DEV, 1, ICID_NEW);
	make_pending(_metadata, v);
	EXPECT_EQ(1, signal_event(v, DEV, EVENTS_PER_VCPU));
	its_vmm_movall(v, 1, 0);
	its_vmm_movall(v, 0, 1);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_TAKES(1, LPI(1));
	EXPECT_TAKES(1, LPI(EVENTS_PER_VCPU));
	EXPECT_TAKES_NONE(1);
}

TEST_F(guest, mapc_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_mapc(&self->its, 0, 1, true);
	check_taken(_metadata, self, 1, 1);
}

TEST_F(guest, unmapc_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_mapc(&self->its, 0, 0, false);
	check_taken(_metadata, self, 0, 0);
}

TEST_F(guest, clear_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_clear(&self->its, DEV, 0);
	check_taken(_metadata, self, NOBODY, 0);
}

TEST_F(guest, discard_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_discard(&self->its, DEV, 0);
	check_taken(_metadata, self, NOBODY, 0);
}

TEST_F(guest, discard_pending_and_map)
{
	make_pending(_metadata, &self->its);
	its_vmm_discard(&self->its, DEV, 0);
	its_vmm_mapti(&self->its, DEV, 0, LPI(0), 1);
	check_taken(_metadata, self, NOBODY, 0);
}

TEST_F(guest, discard_pending_and_signal)
{
	make_pending(_metadata, &self->its);
	its_vmm_discard(&self->its, DEV, 0);
	its_vmm_mapti(&self->its, DEV, 0, LPI(0), 1);
	EXPECT_EQ(1, signal_event(&self->its, DEV, 0));
	check_taken(_metadata, self, 1, 0);
}

/* What has been sent elsewhere is not the old vCPU's to lose. */
TEST_F(guest, movi_pending_and_disable)
{
	struct its_vmm *v = &self->its;

	make_pending(_metadata, v);
	its_vmm_movi(v, DEV, 0, 1);
	its_vmm_redist_write(v, 0, GICR_CTLR, 0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_TAKES_NONE(1);
	EXPECT_TAKES_NONE(0);
	its_vmm_redist_write(v, 0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	EXPECT_TAKES_NONE(0);
	EXPECT_EQ(1, signal_event(v, DEV, 1));
	EXPECT_TAKES(0, LPI(1));
}

/* A vCPU whose LPIs are disabled gets it once they are enabled. */
TEST_F(guest, movi_pending_to_disabled)
{
	struct its_vmm *v = &self->its;

	its_vmm_redist_write(v, 1, GICR_CTLR, 0);
	make_pending(_metadata, v);
	its_vmm_movi(v, DEV, 0, 1);
	EXPECT_TAKES_NONE(1);
	EXPECT_EQ(0, signal_event(v, DEV, 0));
	EXPECT_TAKES(0, LPI(1));
	EXPECT_TAKES_NONE(0);
	its_vmm_redist_write(v, 1, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_TAKES_NONE(1);
}

/* The redistributor's registers do what INV and INVALL do, and only for LPIs. */
TEST_F(guest, invlpir_invallr)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < 2; i++)
		its_vmm_set_config(v, LPI(i), 0xa0);
	its_vmm_redist_write(v, 0, GICR_INVLPIR, LPI(0));
	its_vmm_redist_write(v, 0, GICR_INVLPIR, 0);
	its_vmm_redist_write(v, 0, GICR_INVLPIR, 8191);
	its_vmm_redist_write(v, 0, GICR_INVLPIR, LAST_LPI - 1);
	make_pending(_metadata, v);
	EXPECT_TAKES(0, LPI(1));
	EXPECT_TAKES_NONE(0);

	its_vmm_set_config(v, LPI(0), LPI_ENABLED);
	its_vmm_redist_write(v, 0, GICR_INVALLR, 0);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_EQ(1, signal_event(v, DEV, 1));
	EXPECT_TAKES_NONE(0);
}

TEST_F(guest, unmapd_pending)
{
	make_pending(_metadata, &self->its);
	its_vmm_mapd(&self->its, DEV, false);
	check_taken(_metadata, self, NOBODY, NOBODY);
}

TEST_F(guest, unmapd_pending_and_map)
{
	make_pending(_metadata, &self->its);
	its_vmm_mapd(&self->its, DEV, false);
	map_guest_events(&self->its);
	check_taken(_metadata, self, NOBODY, NOBODY);
}

/* The vCPU has it in its list registers when it goes. */
TEST_F(guest, discard_seen)
{
	struct its_vmm *v = &self->its;

	its_vmm_set_config(v, LPI(0), LPI_ENABLED - 8);
	its_vmm_set_config(v, LPI(1), LPI_ENABLED);
	its_vmm_invall(v, 0);
	make_pending(_metadata, v);
	EXPECT_TAKES(0, LPI(0));
	its_vmm_discard(v, DEV, 1);
	EXPECT_TAKES_NONE(0);
	its_vmm_mapti(v, DEV, 1, LPI(1), 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_EQ(1, signal_event(v, DEV, 1));
	EXPECT_TAKES(0, LPI(1));
}

TEST_F(guest, movi_seen)
{
	struct its_vmm *v = &self->its;

	its_vmm_set_config(v, LPI(0), LPI_ENABLED - 8);
	its_vmm_invall(v, 0);
	make_pending(_metadata, v);
	EXPECT_TAKES(0, LPI(0));
	its_vmm_movi(v, DEV, 1, 1);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(1));
	EXPECT_TAKES_NONE(1);
}

/*
 * An LPI that is mapped anew begins anew. The vCPU has acknowledged the LPI, and does
 * not end it, when the mapping goes: a guest that is reset in its interrupt handler.
 */

#define ICC_AP1R0_EL1	(3u << 14 | 12u << 7 | 9u << 3)

/* Acknowledges what is pending, and ends nothing. */
static void guest_without_end(void)
{
	gic_init(GIC_V3, NR_GUEST_VCPUS);
	GUEST_SYNC(0);

	for (;;)
		GUEST_SYNC(gic_get_and_ack_irq());
}

/* The guest's reset, as far as a vCPU's CPU interface keeps what it has acknowledged. */
static void reset_cpu_interface(struct its_vmm *v, u64 vcpu)
{
	u64 none = 0;

	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			    vcpu << 32 | ICC_AP1R0_EL1, &none);
}

static void do_ctrl(struct its_vmm *v, u64 attr)
{
	TEST_ASSERT_EQ(0, its_vmm_ctrl(v, attr));
}

/* The queue is empty after a reset, and starts at its beginning. */
static void lose_by_its_reset(struct its_vmm *v)
{
	do_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET);
	v->cwriter = 0;
	its_vmm_enable(v);
}

static void lose_by_unmapd(struct its_vmm *v)
{
	its_vmm_mapd(v, DEV, false);
}

static void lose_by_discard(struct its_vmm *v)
{
	its_vmm_discard(v, DEV, 0);
	its_vmm_discard(v, DEV, 1);
	its_vmm_mapd(v, DEV, false);
}

static void lose_by_lpis_off(struct its_vmm *v)
{
	its_vmm_redist_write(v, 0, GICR_CTLR, 0);
	its_vmm_mapd(v, DEV, false);
	its_vmm_redist_write(v, 0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

/* The mapping stays. */
static void lose_by_lpis_off_and_on(struct its_vmm *v)
{
	its_vmm_redist_write(v, 0, GICR_CTLR, 0);
	its_vmm_redist_write(v, 0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

static void lose_by_save_and_restore(struct its_vmm *v)
{
	do_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES);
	lose_by_its_reset(v);
	do_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
}

FIXTURE(renew)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_VARIANT(renew)
{
	void (*lose)(struct its_vmm *v);
	bool mapped;	/* still, or again */
	u32 vcpu;	/* that the LPI then goes to */
};

FIXTURE_VARIANT_ADD(renew, its_reset) { .lose = lose_by_its_reset };
FIXTURE_VARIANT_ADD(renew, its_reset_other) { .lose = lose_by_its_reset, .vcpu = 1 };
FIXTURE_VARIANT_ADD(renew, unmapd) { .lose = lose_by_unmapd };
FIXTURE_VARIANT_ADD(renew, unmapd_other) { .lose = lose_by_unmapd, .vcpu = 1 };
FIXTURE_VARIANT_ADD(renew, discard) { .lose = lose_by_discard };
FIXTURE_VARIANT_ADD(renew, discard_other) { .lose = lose_by_discard, .vcpu = 1 };
FIXTURE_VARIANT_ADD(renew, lpis_off) { .lose = lose_by_lpis_off };
FIXTURE_VARIANT_ADD(renew, lpis_off_other) { .lose = lose_by_lpis_off, .vcpu = 1 };
FIXTURE_VARIANT_ADD(renew, lpis_off_and_on) { .lose = lose_by_lpis_off_and_on, .mapped = true };
FIXTURE_VARIANT_ADD(renew, save_and_restore) { .lose = lose_by_save_and_restore, .mapped = true };

FIXTURE_SETUP(renew)
{
	set_up_guest(&self->its, self->vcpus, guest_without_end);
}

FIXTURE_TEARDOWN(renew)
{
	its_vmm_destroy(&self->its);
}

/* Nothing of what was acknowledged or pending is left, and each MSI is taken. */
TEST_F(renew, takes)
{
	struct its_vmm *v = &self->its;

	make_pending(_metadata, v);
	EXPECT_TAKES(0, LPI(0));
	variant->lose(v);
	reset_cpu_interface(v, 0);
	clear_pending_tables(v);
	if (!variant->mapped) {
		map_guest_events(v);
		its_vmm_movi(v, DEV, 0, variant->vcpu);
		EXPECT_TAKES_NONE(0);
		EXPECT_TAKES_NONE(1);
	}
	for (u32 i = 0; i < 3; i++) {
		EXPECT_EQ(1, signal_event(v, DEV, 0));
		EXPECT_TAKES(variant->vcpu, LPI(0));
		reset_cpu_interface(v, variant->vcpu);
	}
}

/*
 * Without memory a command does nothing, and the next ones are processed. The LPI of
 * another event, which the new one shares, stays as it is.
 */
#define NO_MEMORY_ICID	NR_GUEST_VCPUS
#define NO_MEMORY_LPI	LPI(NR_GUEST_VCPUS * EVENTS_PER_VCPU)
#define NO_MEMORY_MAX	16384

static void map_two_events(struct its_vmm *v)
{
	its_vmm_mapc(v, NO_MEMORY_ICID, 0, true);
	its_vmm_mapd_itt(v, DEV_EMPTY, v->scratch_gpa, 5, true);
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(0), NO_MEMORY_ICID);
	its_vmm_mapti(v, DEV_EMPTY, 1, NO_MEMORY_LPI, NO_MEMORY_ICID);
}

TEST_F_TIMEOUT(guest, no_memory, SLOW)
{
	struct its_vmm *v = &self->its;
	int fd = fail_after_open();
	u32 bytes, refused = 0;

	if (fd < 0)
		SKIP(return, "no failslab");
	its_vmm_set_config(v, NO_MEMORY_LPI, LPI_ENABLED);
	for (bytes = 0; bytes < NO_MEMORY_MAX; bytes += 64) {
		EXPECT_EQ(1, signal_event(v, DEV, 0));
		fail_after(fd, bytes);
		map_two_events(v);
		fail_after_stop(fd);
		ASSERT_TRUE(its_vmm_pending(v, 0, LPI(0)));
		if (signal_event(v, DEV_EMPTY, 0) && signal_event(v, DEV_EMPTY, 1))
			break;
		refused++;
		its_vmm_mapd_itt(v, DEV_EMPTY, v->scratch_gpa, 5, false);
		its_vmm_mapc(v, NO_MEMORY_ICID, 0, false);
	}
	fail_after_close(fd);
	EXPECT_LT(10, refused);
	EXPECT_GT(NO_MEMORY_MAX, bytes);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES(0, NO_MEMORY_LPI);
	EXPECT_TAKES_NONE(0);
	TH_LOG("%u bytes, refused %u times with less", bytes, refused);
}

TEST_HARNESS_MAIN
