// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_pending_test - the pending tables, and LPIs that are pending over all that happens
 *
 * A pending table is a redistributor's while its LPIs are enabled, and a bit of it counts
 * once. What is pending is what a guest takes: looking by saving the tables changes them.
 */
#include <pthread.h>

#include "fail_nth.h"
#include "its_machine.h"
#include "its_taker.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "processor.h"
#include "ucall.h"

#define EVENT		0
#define ICID		0	/* leads to vCPU 0, and ICID 1 to vCPU 1 */

#define LPIS_DISABLED	"msi_lpis_disabled"

/* The tables, from the VMM's side. */

static u8 *table_byte(struct its_vmm *v, u32 vcpu, u32 lpi)
{
	return its_vmm_hva(v, ITS_VMM_PENDING + vcpu) + lpi / 8;
}

static void set_bit_in(struct its_vmm *v, u32 vcpu, u32 lpi)
{
	*table_byte(v, vcpu, lpi) |= BIT(lpi % 8);
}

static void set_pendbaser(struct its_vmm *v, u32 vcpu, u64 pendbaser)
{
	its_vmm_redist_write(v, vcpu, GICR_PENDBASER, pendbaser);
	its_vmm_redist_write(v, vcpu, GICR_PENDBASER + 4, pendbaser >> 32);
}

static void lpis_off(struct its_vmm *v, u32 vcpu)
{
	its_vmm_redist_write(v, vcpu, GICR_CTLR, 0);
}

static void lpis_on(struct its_vmm *v, u32 vcpu)
{
	its_vmm_redist_write(v, vcpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

static void lpis_on_with(struct its_vmm *v, u32 vcpu, u64 flags)
{
	set_pendbaser(v, vcpu, its_vmm_gpa(v, ITS_VMM_PENDING + vcpu) | flags);
	lpis_on(v, vcpu);
}

static void map(struct its_vmm *v)
{
	its_vmm_mapti(v, DEV, EVENT, LPI(0), ICID);
}

static void unmap(struct its_vmm *v)
{
	its_vmm_discard(v, DEV, EVENT);
}

static void ctrl(struct its_vmm *v, u64 attr)
{
	TEST_ASSERT_EQ(0, its_vmm_ctrl(v, attr));
}

static void save(struct its_vmm *v)
{
	its_vmm_save_pending(v);
	ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES);
}

static void reset(struct its_vmm *v)
{
	ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET);
	v->cwriter = 0;
}

/* As a VMM does, but for the redistributors. */
static void restore(struct its_vmm *v)
{
	u64 baser = GITS_BASER_VALID | GITS_BASER_PAGE_SIZE_64K;
	u64 cbaser = GITS_CBASER_VALID | (SZ_64K / SZ_4K - 1);

	its_vmm_its_write(v, GITS_CBASER, cbaser | its_vmm_gpa(v, ITS_VMM_COMMANDS));
	its_vmm_its_write(v, GITS_BASER, baser | its_vmm_gpa(v, ITS_VMM_DEVICES));
	its_vmm_its_write(v, GITS_BASER + 8, baser | its_vmm_gpa(v, ITS_VMM_COLLECTIONS));
	ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* Event 0 and its LPI are not mapped, and neither vCPU has its LPIs enabled. */
static void set_up_off(struct its_vmm *v, struct kvm_vcpu *vcpus[])
{
	set_up_guest(v, vcpus, guest_takes);
	unmap(v);
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		lpis_off(v, i);
}

/* One MSI is taken, once, and by this vCPU. */
#define EXPECT_WORKS(vcpu)						\
	do {								\
		EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));	\
		EXPECT_TAKES(vcpu, LPI(0));				\
		EXPECT_TAKES_NONE(0);					\
		EXPECT_TAKES_NONE(1);					\
	} while (0)

/* A redistributor whose LPIs are disabled has no pending table. */

FIXTURE(off)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/* @pendbaser: An offset in the scratch memory, whose first page is not zero. */
FIXTURE_VARIANT(off)
{
	u64 pendbaser;
};

FIXTURE_VARIANT_ADD(off, no_memory) { .pendbaser = PAST };
FIXTURE_VARIANT_ADD(off, not_a_table) { .pendbaser = 0 };

FIXTURE_SETUP(off)
{
	struct its_vmm *v = &self->its;

	set_up_off(v, self->vcpus);
	for (u32 i = 0; i < SZ_64K / sizeof(u64); i++)
		((u64 *)v->scratch)[i] = ~0ULL;
	set_pendbaser(v, 0, v->scratch_gpa + variant->pendbaser);
}

FIXTURE_TEARDOWN(off)
{
	its_vmm_destroy(&self->its);
}

static void check_untouched(struct __test_metadata *_metadata, struct its_vmm *v)
{
	for (u32 i = 0; i < SZ_64K / sizeof(u64); i++) {
		ASSERT_EQ(~0ULL, ((u64 *)v->scratch)[i]) {
			TH_LOG("word %u", i);
		}
	}
}

TEST_F(off, map)
{
	struct its_vmm *v = &self->its;
	u64 bad = bad_commands(v), dropped;

	map(v);
	EXPECT_BAD(0, bad, v);
	check_untouched(_metadata, v);
	dropped = its_vmm_stat(v, LPIS_DISABLED);
	EXPECT_EQ(0, signal_event(v, DEV, EVENT));
	EXPECT_EQ(dropped + 1, its_vmm_stat(v, LPIS_DISABLED));

	lpis_on_with(v, 0, 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
	check_untouched(_metadata, v);
}

/* Nor one to save to. */
TEST_F(off, save)
{
	struct its_vmm *v = &self->its;
	int ret;

	lpis_on(v, 1);
	map(v);
	ret = __kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	EXPECT_EQ(0, ret) {
		TH_LOG("errno %d", errno);
	}
	check_untouched(_metadata, v);
}

/* The configuration is what the table says when LPIs are enabled. */
TEST_F(off, config)
{
	struct its_vmm *v = &self->its;

	its_vmm_set_config(v, LPI(0), 0xa0);
	map(v);
	its_vmm_set_config(v, LPI(0), LPI_ENABLED);
	lpis_on_with(v, 0, 0);
	EXPECT_WORKS(0);
}

/* What the guest says is zero is not read. */

FIXTURE(ptz)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_VARIANT(ptz)
{
	bool map_first;
};

FIXTURE_VARIANT_ADD(ptz, mapped_before) { .map_first = true };
FIXTURE_VARIANT_ADD(ptz, mapped_after) { .map_first = false };

FIXTURE_SETUP(ptz)
{
	struct its_vmm *v = &self->its;

	set_up_off(v, self->vcpus);
	set_bit_in(v, 0, LPI(0));
	set_bit_in(v, 0, LPI(100));
	if (variant->map_first)
		map(v);
	lpis_on_with(v, 0, GICR_PENDBASER_PTZ);
	if (!variant->map_first)
		map(v);
}

FIXTURE_TEARDOWN(ptz)
{
	its_vmm_destroy(&self->its);
}

TEST_F(ptz, reads_none)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES_NONE(0);
	unmap(v);
	map(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* The register does not say so after a restore: the table has to. */
TEST_F(ptz, saves_zeroes)
{
	struct its_vmm *v = &self->its;

	save(v);
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(100)));
	reset(v);
	lpis_off(v, 0);
	lpis_on_with(v, 0, 0);
	restore(v);
	its_vmm_set_config(v, LPI(100), LPI_ENABLED);
	its_vmm_mapti(v, DEV, EVENT + 10, LPI(100), ICID);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

TEST_F(ptz, msi)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(1, signal_event(v, DEV, EVENT));
	save(v);
	EXPECT_TRUE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
}

/* A bit counts once, whenever its LPI is mapped. */

FIXTURE(bit)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/* @load: Enables LPIs, and maps the event, with the bit set. */
FIXTURE_VARIANT(bit)
{
	void (*load)(struct its_vmm *v);
};

static void load_on_map(struct its_vmm *v)
{
	lpis_on(v, 0);
	map(v);
}

static void load_map_on(struct its_vmm *v)
{
	map(v);
	lpis_on(v, 0);
}

static void load_twice_on_map(struct its_vmm *v)
{
	lpis_on(v, 0);
	lpis_off(v, 0);
	lpis_on(v, 0);
	map(v);
}

/* What has been read, and is not taken yet, is the table's again while LPIs are off. */
static void load_map_on_off_on(struct its_vmm *v)
{
	map(v);
	lpis_on(v, 0);
	lpis_off(v, 0);
	lpis_on(v, 0);
}

static void load_on_map_off_on(struct its_vmm *v)
{
	lpis_on(v, 0);
	map(v);
	lpis_off(v, 0);
	lpis_on(v, 0);
}

static void load_on_map_off_map_on(struct its_vmm *v)
{
	lpis_on(v, 0);
	map(v);
	lpis_off(v, 0);
	unmap(v);
	map(v);
	lpis_on(v, 0);
}

/* An MSI for an LPI that is pending already is one with it. */
static void load_on_map_msi(struct its_vmm *v)
{
	lpis_on(v, 0);
	map(v);
	signal_event(v, DEV, EVENT);
}

FIXTURE_VARIANT_ADD(bit, on_map) { load_on_map };
FIXTURE_VARIANT_ADD(bit, map_on) { load_map_on };
FIXTURE_VARIANT_ADD(bit, on_off_on_map) { load_twice_on_map };
FIXTURE_VARIANT_ADD(bit, map_on_off_on) { load_map_on_off_on };
FIXTURE_VARIANT_ADD(bit, on_map_off_on) { load_on_map_off_on };
FIXTURE_VARIANT_ADD(bit, on_map_off_map_on) { load_on_map_off_map_on };
FIXTURE_VARIANT_ADD(bit, on_map_msi) { load_on_map_msi };

FIXTURE_SETUP(bit)
{
	set_up_off(&self->its, self->vcpus);
	set_bit_in(&self->its, 0, LPI(0));
	variant->load(&self->its);
}

FIXTURE_TEARDOWN(bit)
{
	its_vmm_destroy(&self->its);
}

TEST_F(bit, is_taken_once)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
	unmap(v);
	map(v);
	EXPECT_TAKES_NONE(0);
	lpis_off(v, 0);
	lpis_on(v, 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

TEST_F(bit, is_cleared_once)
{
	struct its_vmm *v = &self->its;

	its_vmm_clear(v, DEV, EVENT);
	EXPECT_TAKES_NONE(0);
	lpis_off(v, 0);
	lpis_on(v, 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* The mapping goes, and what was pending with it, in the saved tables as well. */
TEST_F(bit, is_unmapped_once)
{
	struct its_vmm *v = &self->its;

	unmap(v);
	save(v);
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(0)));
	map(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

TEST_F(bit, is_saved)
{
	struct its_vmm *v = &self->its;

	save(v);
	EXPECT_TRUE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_TAKES(0, LPI(0));
	save(v);
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* It is the redistributor's to write while LPIs are on: what comes later is not read. */
TEST_F(bit, comes_late)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	unmap(v);
	set_bit_in(v, 0, LPI(0));
	map(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* And the guest's while they are off. */
TEST_F(bit, is_set_again)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	lpis_off(v, 0);
	*table_byte(v, 0, LPI(0)) = 0;
	lpis_on(v, 0);
	EXPECT_TAKES_NONE(0);
	lpis_off(v, 0);
	set_bit_in(v, 0, LPI(0));
	lpis_on(v, 0);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* A table elsewhere is another one. */
TEST_F(bit, is_of_another_table)
{
	struct its_vmm *v = &self->its;
	u8 *byte = v->scratch + LPI(0) / 8;

	EXPECT_TAKES(0, LPI(0));
	save(v);
	*byte = BIT(LPI(0) % 8);
	lpis_off(v, 0);
	set_pendbaser(v, 0, v->scratch_gpa);
	lpis_on(v, 0);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
}

/* A VMM saves the tables whenever it stops the VM, which then goes on. */

FIXTURE(resumed)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/* @then: What the guest does after it has taken the LPI. */
FIXTURE_VARIANT(resumed)
{
	void (*then)(struct its_vmm *v);
};

static void then_nothing(struct its_vmm *v)
{
}

static void then_map(struct its_vmm *v)
{
	unmap(v);
	map(v);
}

static void then_mapd(struct its_vmm *v)
{
	its_vmm_mapd(v, DEV, true);
	map(v);
}

static void then_mapi_at_other(struct its_vmm *v)
{
	unmap(v);
	its_vmm_mapti(v, DEV, EVENT, LPI(0), 1);
	unmap(v);
	map(v);
}

static void then_off_on(struct its_vmm *v)
{
	lpis_off(v, 0);
	lpis_on(v, 0);
}

static void then_off_on_map(struct its_vmm *v)
{
	unmap(v);
	then_off_on(v);
	map(v);
}

static void then_off_map_on(struct its_vmm *v)
{
	lpis_off(v, 0);
	then_map(v);
	lpis_on(v, 0);
}

static void then_off_on_off_on(struct its_vmm *v)
{
	then_off_on(v);
	then_off_on(v);
}

static void then_movi(struct its_vmm *v)
{
	its_vmm_movi(v, DEV, EVENT, 1);
	save(v);
	then_off_on(v);
	its_vmm_movi(v, DEV, EVENT, 0);
	then_off_on(v);
}

static void then_save(struct its_vmm *v)
{
	unmap(v);
	save(v);
	map(v);
}

FIXTURE_VARIANT_ADD(resumed, nothing) { then_nothing };
FIXTURE_VARIANT_ADD(resumed, map) { then_map };
FIXTURE_VARIANT_ADD(resumed, mapd) { then_mapd };
FIXTURE_VARIANT_ADD(resumed, map_at_other) { then_mapi_at_other };
FIXTURE_VARIANT_ADD(resumed, off_on) { then_off_on };
FIXTURE_VARIANT_ADD(resumed, off_on_map) { then_off_on_map };
FIXTURE_VARIANT_ADD(resumed, off_map_on) { then_off_map_on };
FIXTURE_VARIANT_ADD(resumed, off_on_off_on) { then_off_on_off_on };
FIXTURE_VARIANT_ADD(resumed, movi) { then_movi };
FIXTURE_VARIANT_ADD(resumed, save) { then_save };

FIXTURE_SETUP(resumed)
{
	set_up_guest(&self->its, self->vcpus, guest_takes);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
	save(&self->its);
	EXPECT_TRUE(its_vmm_saved(&self->its, 0, LPI(0)));
}

FIXTURE_TEARDOWN(resumed)
{
	its_vmm_destroy(&self->its);
}

TEST_F(resumed, takes_once)
{
	EXPECT_TAKES(0, LPI(0));
	variant->then(&self->its);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

/* Saved again, and restored: the table that was is not there to be read. */
TEST_F(resumed, saves_truth)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	variant->then(v);
	unmap(v);
	save(v);
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_FALSE(its_vmm_saved(v, 1, LPI(0)));
}

/* It is pending without that as well; a save is no reason to keep it. */
TEST_F(resumed, off_takes_it_away)
{
	then_off_on(&self->its);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* A restored VM takes what was pending, once, in whatever order it is restored. */

FIXTURE(restored)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/* @by: What the VMM does after the ITS's reset; LPIs are enabled then. */
FIXTURE_VARIANT(restored)
{
	void (*by)(struct its_vmm *v);
};

static void by_restore(struct its_vmm *v)
{
	restore(v);
}

static void by_off_on_restore(struct its_vmm *v)
{
	then_off_on(v);
	restore(v);
}

static void by_off_on_off_on_restore(struct its_vmm *v)
{
	then_off_on_off_on(v);
	restore(v);
}

static void by_off_restore_on(struct its_vmm *v)
{
	lpis_off(v, 0);
	restore(v);
	lpis_on(v, 0);
}

static void by_off_restore_on_off_on(struct its_vmm *v)
{
	by_off_restore_on(v);
	then_off_on(v);
}

static void by_restore_off_on(struct its_vmm *v)
{
	restore(v);
	then_off_on(v);
}

static void by_off_on_restore_off_on(struct its_vmm *v)
{
	by_off_on_restore(v);
	then_off_on(v);
}

static void by_all_off_on_restore(struct its_vmm *v)
{
	lpis_off(v, 1);
	by_off_on_restore(v);
	lpis_on(v, 1);
}

FIXTURE_VARIANT_ADD(restored, restore) { by_restore };
FIXTURE_VARIANT_ADD(restored, off_on_restore) { by_off_on_restore };
FIXTURE_VARIANT_ADD(restored, off_on_off_on_restore) { by_off_on_off_on_restore };
FIXTURE_VARIANT_ADD(restored, off_restore_on) { by_off_restore_on };
FIXTURE_VARIANT_ADD(restored, off_restore_on_off_on) { by_off_restore_on_off_on };
FIXTURE_VARIANT_ADD(restored, restore_off_on) { by_restore_off_on };
FIXTURE_VARIANT_ADD(restored, off_on_restore_off_on) { by_off_on_restore_off_on };
FIXTURE_VARIANT_ADD(restored, all_off_on_restore) { by_all_off_on_restore };

FIXTURE_SETUP(restored)
{
	set_up_guest(&self->its, self->vcpus, guest_takes);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
}

FIXTURE_TEARDOWN(restored)
{
	its_vmm_destroy(&self->its);
}

static void check_restored(struct __test_metadata *_metadata, FIXTURE_DATA(restored) * self,
			   void (*by)(struct its_vmm *v))
{
	struct its_vmm *v = &self->its;

	save(v);
	reset(v);
	by(v);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
	unmap(v);
	map(v);
	EXPECT_TAKES_NONE(0);
	then_off_on(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

TEST_F(restored, takes_once)
{
	check_restored(_metadata, self, variant->by);
}

/* The VM has been stopped before, or restored before. */
TEST_F(restored, takes_once_again)
{
	save(&self->its);
	check_restored(_metadata, self, variant->by);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
	check_restored(_metadata, self, variant->by);
}

TEST_F(restored, takes_none_that_was_taken)
{
	struct its_vmm *v = &self->its;

	save(v);
	EXPECT_TAKES(0, LPI(0));
	save(v);
	reset(v);
	variant->by(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* The LPI is not mapped when it is saved: its bit is for the one who maps it. */
TEST_F(restored, keeps_bit_of_unmapped)
{
	struct its_vmm *v = &self->its;

	unmap(v);
	set_bit_in(v, 0, LPI(100));
	save(v);
	EXPECT_TRUE(its_vmm_saved(v, 0, LPI(100)));
	reset(v);
	variant->by(v);
	its_vmm_set_config(v, LPI(100), LPI_ENABLED);
	its_vmm_mapti(v, DEV, EVENT, LPI(100), ICID);
	EXPECT_TAKES(0, LPI(100));
	EXPECT_TAKES_NONE(0);
}

/* Setting EnableLPIs replaces what is pending, but for what has been sent there. */

FIXTURE(on)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_VARIANT(on)
{
	void (*bring)(struct its_vmm *v);
	u64 flags;
};

static void bring_none(struct its_vmm *v)
{
	its_vmm_clear(v, DEV, EVENT);
}

static void bring_movi(struct its_vmm *v)
{
	its_vmm_movi(v, DEV, EVENT, 1);
}

static void bring_mapc(struct its_vmm *v)
{
	its_vmm_mapc(v, ICID, 1, true);
}

static void bring_movall(struct its_vmm *v)
{
	its_vmm_movall(v, 0, 1);
}

#define PTZ .flags = GICR_PENDBASER_PTZ
FIXTURE_VARIANT_ADD(on, none) { bring_none };
FIXTURE_VARIANT_ADD(on, none_ptz) { bring_none, PTZ };
FIXTURE_VARIANT_ADD(on, movi) { bring_movi };
FIXTURE_VARIANT_ADD(on, movi_ptz) { bring_movi, PTZ };
FIXTURE_VARIANT_ADD(on, mapc) { bring_mapc };
FIXTURE_VARIANT_ADD(on, mapc_ptz) { bring_mapc, PTZ };
FIXTURE_VARIANT_ADD(on, movall) { bring_movall };
FIXTURE_VARIANT_ADD(on, movall_ptz) { bring_movall, PTZ };

#define FIRST	EVENTS_PER_VCPU		/* of vCPU 1's events */

/* LPI(FIRST) is pending when LPIs go off, LPI(FIRST + 1) in the table. */
FIXTURE_SETUP(on)
{
	struct its_vmm *v = &self->its;

	set_up_guest(v, self->vcpus, guest_takes);
	EXPECT_EQ(1, signal_event(v, DEV, EVENT));
	EXPECT_EQ(1, signal_event(v, DEV, FIRST));
	lpis_off(v, 1);
	set_bit_in(v, 1, LPI(FIRST + 1));
	variant->bring(v);
	lpis_on_with(v, 1, variant->flags);
}

FIXTURE_TEARDOWN(on)
{
	its_vmm_destroy(&self->its);
}

TEST_F(on, replaces)
{
	u32 taken[3] = { }, intid;

	EXPECT_TAKES_NONE(0);
	while ((intid = take(self->vcpus[1])) != IAR_SPURIOUS) {
		u32 n = intid == LPI(0) ? 0 : intid == LPI(FIRST + 1) ? 1 : 2;

		ASSERT_EQ(0, taken[n]++);
	}
	EXPECT_EQ(variant->bring != bring_none, taken[0]);
	EXPECT_EQ(!variant->flags, taken[1]);
	EXPECT_EQ(0, taken[2]);
	EXPECT_EQ(1, signal_event(&self->its, DEV, FIRST));
	EXPECT_TAKES(1, LPI(FIRST));
	EXPECT_TAKES_NONE(1);
}

/* MOVALL moves what is pending; MAPC says where MSIs go. */

FIXTURE(moved)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_SETUP(moved)
{
	set_up_guest(&self->its, self->vcpus, guest_takes);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
	its_vmm_movall(&self->its, 0, 1);
}

FIXTURE_TEARDOWN(moved)
{
	its_vmm_destroy(&self->its);
}

TEST_F(moved, taken)
{
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

TEST_F(moved, back)
{
	its_vmm_movall(&self->its, 1, 0);
	EXPECT_TAKES_NONE(1);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_WORKS(0);
}

TEST_F(moved, not_by_another)
{
	its_vmm_movall(&self->its, 0, 1);
	EXPECT_TAKES(1, LPI(0));
	its_vmm_movall(&self->its, 0, 1);
	its_vmm_movall(&self->its, 1, 0);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

TEST_F(moved, movi)
{
	its_vmm_movi(&self->its, DEV, EVENT, 1);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_WORKS(1);
}

TEST_F(moved, clear)
{
	its_vmm_clear(&self->its, DEV, EVENT);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

TEST_F(moved, discard)
{
	then_map(&self->its);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

/* What has been moved away is not the old vCPU's to lose, but the new one's. */
TEST_F(moved, disabled)
{
	then_off_on(&self->its);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_WORKS(0);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
	its_vmm_movall(&self->its, 0, 1);
	lpis_off(&self->its, 1);
	lpis_on(&self->its, 1);
	EXPECT_TAKES_NONE(1);
	EXPECT_WORKS(0);
}

/* MOVI changes the redistributor, or nothing: it takes nothing back. */
TEST_F(moved, movi_to_same)
{
	its_vmm_movi(&self->its, DEV, EVENT, ICID);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_WORKS(0);
}

/* Disabled in its configuration, it is moved all the same. */
TEST_F(moved, inv)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(1, LPI(0));
	its_vmm_set_config(v, LPI(0), 0xa0);
	its_vmm_inv(v, DEV, EVENT);
	EXPECT_EQ(1, signal_event(v, DEV, EVENT));
	its_vmm_movall(v, 0, 1);
	its_vmm_set_config(v, LPI(0), LPI_ENABLED);
	its_vmm_invall(v, ICID);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_WORKS(0);
}

/* In the tables, it is its target's. */
TEST_F(moved, save)
{
	struct its_vmm *v = &self->its;

	save(v);
	EXPECT_TRUE(its_vmm_saved(v, 0, LPI(0)));
	EXPECT_FALSE(its_vmm_saved(v, 1, LPI(0)));
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES(1, LPI(0));
	EXPECT_WORKS(0);
}

TEST_F(moved, restore)
{
	struct its_vmm *v = &self->its;

	save(v);
	reset(v);
	restore(v);
	EXPECT_TAKES_NONE(1);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_WORKS(0);
}

/* MSIs while the distributor delivers nothing. */

FIXTURE(dist)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/*
 * @then: Sends the LPI to vCPU @vcpu meanwhile.
 * @by_guest: A guest's write enables it, not userspace's.
 */
FIXTURE_VARIANT(dist)
{
	void (*then)(struct its_vmm *v);
	u32 vcpu;
	bool by_guest;
	bool waits;
};

#define BY_GUEST .by_guest = true
#define WAITS BY_GUEST, .waits = true
FIXTURE_VARIANT_ADD(dist, userspace) { then_nothing };
FIXTURE_VARIANT_ADD(dist, userspace_movi) { bring_movi, .vcpu = 1 };
FIXTURE_VARIANT_ADD(dist, userspace_mapc) { bring_mapc, .vcpu = 1 };
FIXTURE_VARIANT_ADD(dist, userspace_movall) { bring_movall, .vcpu = 1 };
FIXTURE_VARIANT_ADD(dist, guest) { then_nothing, BY_GUEST };
FIXTURE_VARIANT_ADD(dist, guest_movi) { bring_movi, .vcpu = 1, BY_GUEST };
FIXTURE_VARIANT_ADD(dist, guest_mapc) { bring_mapc, .vcpu = 1, BY_GUEST };
FIXTURE_VARIANT_ADD(dist, guest_movall) { bring_movall, .vcpu = 1, BY_GUEST };
FIXTURE_VARIANT_ADD(dist, waits) { then_nothing, WAITS };
FIXTURE_VARIANT_ADD(dist, waits_movi) { bring_movi, .vcpu = 1, WAITS };

#define DIST_ON		(GICD_CTLR_ENABLE_SS_G1 | GICD_CTLR_ARE_NS)

/* Told by the test, each vCPU for itself. */
enum { TAKE, WAIT, ENABLE, LPIS_OFF, RACE };
static u32 orders[NR_GUEST_VCPUS];
static u32 *host_orders;

/* Of the race of INVLPIR with INVALL. */
static struct {
	u64 config;	/* where the guest has the byte of the LPI */
	u64 all;	/* what INVALLR is written: 0, which writeq() takes from memory only */
	u64 lpi;
	u32 arrived;
	u32 delay;
} race;

static void guest_race(u32 cpu);

static u32 guest_do(u32 cpu)
{
	u32 intid = IAR_SPURIOUS;

	switch (READ_ONCE(orders[cpu])) {
	case TAKE:
		intid = gic_get_and_ack_irq();
		break;
	case WAIT:
		/* IRQs are masked: what is pending ends it. */
		while ((intid = gic_get_and_ack_irq()) == IAR_SPURIOUS)
			wfi();
		break;
	case ENABLE:
		writel(DIST_ON, GICD_BASE_GVA + GICD_CTLR);
		break;
	case LPIS_OFF:
		/* Of vCPU 0. */
		writel(0, GICR_BASE_GVA + GICR_CTLR);
		break;
	case RACE:
		guest_race(cpu);
		break;
	}
	return intid;
}

static void guest_obeys(void)
{
	u32 cpu = guest_get_vcpuid();

	gic_init(GIC_V3, NR_GUEST_VCPUS);
	GUEST_SYNC(0);

	for (;;) {
		u32 intid = guest_do(cpu);

		if (intid != IAR_SPURIOUS)
			gic_set_eoi(intid);
		GUEST_SYNC(intid);
	}
}

static void order(u32 vcpu, u32 what)
{
	WRITE_ONCE(host_orders[vcpu], what);
}

static void set_up_obedient(struct its_vmm *v, struct kvm_vcpu *vcpus[])
{
	set_up_guest(v, vcpus, guest_obeys);
	host_orders = addr_gva2hva(v->vm, (u64)orders);
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		order(i, TAKE);
}

FIXTURE_SETUP(dist)
{
	struct its_vmm *v = &self->its;

	set_up_obedient(v, self->vcpus);
	its_vmm_dist_write(v, GICD_CTLR, 0);
	EXPECT_EQ(1, signal_event(v, DEV, EVENT));
	EXPECT_TAKES_NONE(0);
	variant->then(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_TAKES_NONE(1);
}

FIXTURE_TEARDOWN(dist)
{
	its_vmm_destroy(&self->its);
}

static void *take_thread(void *vcpu)
{
	return (void *)(u64)take(vcpu);
}

static void enable_by_guest(FIXTURE_DATA(dist) * self, u32 vcpu)
{
	order(vcpu, ENABLE);
	take(self->vcpus[vcpu]);
	order(vcpu, TAKE);
}

/* The vCPU is in its WFI, most likely, when the other one enables the distributor. */
static u32 wait_and_enable(FIXTURE_DATA(dist) * self, u32 vcpu)
{
	pthread_t thread;
	void *intid;

	order(vcpu, WAIT);
	TEST_ASSERT_EQ(0, pthread_create(&thread, NULL, take_thread, self->vcpus[vcpu]));
	usleep(50 * 1000);
	enable_by_guest(self, !vcpu);
	TEST_ASSERT_EQ(0, pthread_join(thread, &intid));
	order(vcpu, TAKE);
	return (u64)intid;
}

TEST_F(dist, delivers)
{
	if (variant->waits) {
		EXPECT_EQ(LPI(0), wait_and_enable(self, variant->vcpu));
	} else {
		if (variant->by_guest)
			enable_by_guest(self, !variant->vcpu);
		else
			its_vmm_dist_write(&self->its, GICD_CTLR, DIST_ON);
		EXPECT_TAKES(variant->vcpu, LPI(0));
	}
	EXPECT_TAKES_NONE(variant->vcpu);
	EXPECT_TAKES_NONE(!variant->vcpu);
}

/*
 * When the guest clears EnableLPIs, an LPI that it has taken since a save is not pending in
 * its table any more. A later save leaves the table alone.
 */

FIXTURE(given_back)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

/* @by: What the VMM does after the ITS's reset; LPIs are disabled then. */
FIXTURE_VARIANT(given_back)
{
	void (*by)(struct its_vmm *v);
};

static void by_on_restore(struct its_vmm *v)
{
	lpis_on(v, 0);
	restore(v);
}

static void by_restore_on(struct its_vmm *v)
{
	restore(v);
	lpis_on(v, 0);
}

FIXTURE_VARIANT_ADD(given_back, on_restore) { by_on_restore };
FIXTURE_VARIANT_ADD(given_back, restore_on) { by_restore_on };

FIXTURE_SETUP(given_back)
{
	set_up_obedient(&self->its, self->vcpus);
	EXPECT_EQ(1, signal_event(&self->its, DEV, EVENT));
	save(&self->its);
	EXPECT_TRUE(its_vmm_saved(&self->its, 0, LPI(0)));
}

FIXTURE_TEARDOWN(given_back)
{
	its_vmm_destroy(&self->its);
}

/* By vCPU 1: so nothing of vCPU 0 is in a list register. */
static void lpis_off_by_guest(struct kvm_vcpu *vcpus[])
{
	order(1, LPIS_OFF);
	take(vcpus[1]);
	order(1, TAKE);
}

TEST_F(given_back, without_what_was_taken)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	lpis_off_by_guest(self->vcpus);
	save(v);
	EXPECT_FALSE(its_vmm_saved(v, 0, LPI(0)));
	reset(v);
	variant->by(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* Nor with what EnableLPIs takes away. */
TEST_F(given_back, without_what_was_sent)
{
	struct its_vmm *v = &self->its;

	lpis_off_by_guest(self->vcpus);
	save(v);
	reset(v);
	variant->by(v);
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* What the table said, and has not been taken, is there yet. */
TEST_F(given_back, with_what_was_not_taken)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	lpis_off_by_guest(self->vcpus);
	set_bit_in(v, 0, LPI(0));
	lpis_on(v, 0);
	lpis_off_by_guest(self->vcpus);
	save(v);
	reset(v);
	variant->by(v);
	EXPECT_TAKES(0, LPI(0));
	EXPECT_TAKES_NONE(0);
	EXPECT_WORKS(0);
}

/* It is the guest's to write: what it writes is what a save has. */
TEST_F(given_back, is_left_alone)
{
	struct its_vmm *v = &self->its;

	EXPECT_TAKES(0, LPI(0));
	lpis_off_by_guest(self->vcpus);
	for (u32 i = 0; i < SZ_64K; i++)
		table_byte(v, 0, 0)[i] = 0xff;
	save(v);
	for (u32 i = 0; i < SZ_64K; i++) {
		ASSERT_EQ(0xff, table_byte(v, 0, 0)[i]) {
			TH_LOG("byte %u", i);
		}
	}
}

/*
 * MAPTI without memory is refused, or all is as with memory: its LPI is pending once. The
 * LPI is far from all others.
 */
TEST_F_TIMEOUT(bit, counts_once_without_memory, SLOW)
{
	u32 lpi = 5 * FIRST_LPI, bytes, refused = 0;
	struct its_vmm *v = &self->its;
	int failing = fail_after_open();
	u64 bad;

	if (failing < 0)
		SKIP(return, "no failslab");
	its_vmm_set_config(v, lpi, LPI_ENABLED);
	set_bit_in(v, 0, lpi);
	EXPECT_TAKES(0, LPI(0));

	for (bytes = 0; bytes < 16384; bytes += 64) {
		bad = bad_commands(v);
		fail_after(failing, bytes);
		its_vmm_mapti(v, DEV, EVENT + 10, lpi, ICID);
		fail_after_stop(failing);
		if (bad_commands(v) == bad)
			break;
		refused++;
	}
	fail_after_close(failing);
	TH_LOG("%u bytes, refused %u times with less", bytes, refused);
	EXPECT_LT(5, refused);
	EXPECT_TAKES(0, lpi);
	its_vmm_discard(v, DEV, EVENT + 10);
	its_vmm_mapti(v, DEV, EVENT + 10, lpi, ICID);
	EXPECT_TAKES_NONE(0);
}

/*
 * GICR_INVLPIR that has completed holds, whatever INVALL has read before. vCPU 0 has
 * INVALL read LPIs whose configuration has changed, and vCPU 1 disables the last of
 * them.
 */

#define RACES		400
#define RACE_LPIS	64
#define RACE_LPI(i)	(FIRST_LPI + 2 * RACE_LPIS + (i))
#define RACED		RACE_LPI(RACE_LPIS - 1)

FIXTURE(race)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_SETUP(race)
{
	struct its_vmm *v = &self->its;
	u64 page;

	set_up_obedient(v, self->vcpus);
	its_vmm_mapd_itt(v, DEV_EMPTY, v->scratch_gpa, 6, true);
	for (u32 i = 0; i < RACE_LPIS; i++)
		its_vmm_mapti(v, DEV_EMPTY, i, RACE_LPI(i), 0);
	race.config = its_vmm_gpa(v, ITS_VMM_CONFIG) + RACED - FIRST_LPI;
	race.lpi = RACED;
	page = race.config & ~(v->vm->page_size - 1UL);
	virt_map(v->vm, page, page, 1);
	sync_global_to_guest(v->vm, race);
}

FIXTURE_TEARDOWN(race)
{
	its_vmm_destroy(&self->its);
}

static void guest_race(u32 cpu)
{
	u8 *config = (u8 *)READ_ONCE(race.config);
	u32 delay = READ_ONCE(race.delay);

	__atomic_fetch_add(&race.arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&race.arrived, __ATOMIC_ACQUIRE) < NR_GUEST_VCPUS)
		cpu_relax();

	if (cpu == 0) {
		writeq(READ_ONCE(race.all), GICR_BASE_GVA + GICR_INVALLR);
		return;
	}
	while (delay--)
		cpu_relax();
	WRITE_ONCE(*config, LPI_ENABLED & ~LPI_PROP_ENABLED);
	writeq(READ_ONCE(race.lpi), GICR_BASE_GVA + KVM_VGIC_V3_REDIST_SIZE + GICR_INVLPIR);
}

/* A thread of vCPU 0's own: to run it from another each time takes long. */
struct runner {
	struct kvm_vcpu *vcpu;
	pthread_barrier_t barrier;
	u32 taken;
	bool stop;
};

static void *runner(void *arg)
{
	struct runner *r = arg;

	for (;;) {
		pthread_barrier_wait(&r->barrier);
		if (r->stop)
			return NULL;
		r->taken = take(r->vcpu);
		pthread_barrier_wait(&r->barrier);
	}
}

static void run_race(FIXTURE_DATA(race) * self, struct runner *r, u32 n)
{
	typeof(race) *mine = addr_gva2hva(self->its.vm, (u64)&race);

	/* Nearly all of them change each time, but the last is enabled. */
	for (u32 i = 0; i < RACE_LPIS - 1; i++)
		its_vmm_set_config(&self->its, RACE_LPI(i), n & 1 ? 0xa0 : 0xb0);
	mine->arrived = 0;
	mine->delay = n * 37 % 4096;
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		order(i, RACE);
	pthread_barrier_wait(&r->barrier);
	take(self->vcpus[1]);
	pthread_barrier_wait(&r->barrier);
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		order(i, TAKE);
}

static void run_vcpu0(struct runner *r)
{
	pthread_barrier_wait(&r->barrier);
	pthread_barrier_wait(&r->barrier);
}

TEST_F_TIMEOUT(race, invlpir_holds, SLOW)
{
	struct runner r = { .vcpu = self->vcpus[0] };
	struct its_vmm *v = &self->its;
	u32 undone = 0;
	pthread_t thread;

	pthread_barrier_init(&r.barrier, NULL, 2);
	ASSERT_EQ(0, pthread_create(&thread, NULL, runner, &r));
	for (u32 n = 0; n < RACES; n++) {
		its_vmm_set_config(v, RACED, LPI_ENABLED);
		its_vmm_inv(v, DEV_EMPTY, RACE_LPIS - 1);
		run_race(self, &r, n);

		EXPECT_EQ(1, signal_event(v, DEV_EMPTY, RACE_LPIS - 1));
		run_vcpu0(&r);
		undone += r.taken != IAR_SPURIOUS;
		its_vmm_clear(v, DEV_EMPTY, RACE_LPIS - 1);
	}
	r.stop = true;
	pthread_barrier_wait(&r.barrier);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, undone);
}

TEST_HARNESS_MAIN
