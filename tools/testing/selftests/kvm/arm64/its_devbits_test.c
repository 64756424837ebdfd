// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_devbits_test - DeviceIDs of as many bits as the VMM chooses
 *
 * Writes to GITS_TYPER.Devbits; mapping, delivering, saving and restoring at several widths,
 * with flat tables and indirect ones; the time that saving and restoring take with the
 * largest tables that a guest can have; and a guest with devices in two segments.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "its_machine.h"
#include "its_taker.h"
#include "kselftest_harness.h"

#define DEFAULT_BITS	16
#define MAX_BITS	24
#define SEGMENT(n)	((n) << 16)	/* the DeviceIDs of a PCI segment, from this one on */

#define DEVBITS(bits)	(((bits) - 1ULL) << GITS_TYPER_DEVBITS_SHIFT)
#define MAX_PAGES	256		/* of a flat table, by GITS_BASER.Size */
#define L1_INDEX(devid)	((devid) / IDS_PER_PAGE)
#define NEXT_MAX	((1 << 14) - 1)	/* of a DTE */
#define ITT_BYTES	(8 << ITS_VMM_EVENT_BITS)

#define SCAN_GPA	0x950000000ULL	/* all the pages of level 2 that there can be */
#define SCAN_SLOT	10
#define SCAN_PAGES	(BIT(MAX_BITS) / IDS_PER_PAGE)
#define SCAN_SIZE	(SCAN_PAGES * SZ_64K)
#define LIMIT_MS	2000UL		/* for a save or a restore */
#define KILLS		5

#define NO_CHOICE	"GITS_TYPER.Devbits is fixed"

static int write_typer(struct its_vmm *v, u64 typer)
{
	return __kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_TYPER,
				     &typer) ? -errno : 0;
}

static u64 read_typer(struct its_vmm *v)
{
	return its_vmm_its_read(v, GITS_TYPER);
}

/* 0 or -errno, with other fields that must not matter. */
static int choose(struct its_vmm *v, u32 bits)
{
	return write_typer(v, ~GITS_TYPER_DEVBITS | DEVBITS(bits));
}

static u32 chosen(struct its_vmm *v)
{
	return ((read_typer(v) & GITS_TYPER_DEVBITS) >> GITS_TYPER_DEVBITS_SHIFT) + 1;
}

/* As a VMM does. A kernel that knows no choice ignores the write. */
static bool can_choose(struct its_vmm *v, u32 bits)
{
	return !choose(v, bits) && chosen(v) == bits;
}

static bool kernel_has_choice(void)
{
	struct its_vmm v;
	bool has;

	its_vmm_create_vm(&v, 1);
	its_vmm_add_gic(&v);
	its_vmm_add_its(&v);
	has = can_choose(&v, DEFAULT_BITS + 1);
	its_vmm_destroy(&v);
	return has;
}

/* The selftests' memcpy() and memset() go by bytes. */
static void copy_words(u64 *to, const u64 *from, u64 bytes)
{
	for (u64 i = 0; i < bytes / sizeof(u64); i++)
		to[i] = from[i];
}

static void fill_words(u64 *to, u64 word, u64 bytes)
{
	for (u64 i = 0; i < bytes / sizeof(u64); i++)
		to[i] = word;
}

/* The choice. */

FIXTURE(choice)
{
	struct its_vmm its;
};

FIXTURE_SETUP(choice)
{
	if (!kernel_has_choice())
		SKIP(return, NO_CHOICE);
	its_vmm_create_vm(&self->its, NR_VCPUS);
	its_vmm_add_gic(&self->its);
	its_vmm_add_its(&self->its);
}

FIXTURE_TEARDOWN(choice)
{
	its_vmm_destroy(&self->its);
}

TEST_F(choice, every_width)
{
	struct its_vmm *v = &self->its;
	u64 typer = read_typer(v);

	EXPECT_EQ(DEFAULT_BITS, chosen(v));
	for (u32 bits = DEFAULT_BITS; bits <= MAX_BITS; bits++) {
		EXPECT_EQ(0, choose(v, bits));
		EXPECT_EQ((typer & ~GITS_TYPER_DEVBITS) | DEVBITS(bits), read_typer(v));
		EXPECT_EQ(0, write_typer(v, read_typer(v)));
		EXPECT_EQ(bits, chosen(v));
	}
	for (u32 bits = MAX_BITS; bits >= DEFAULT_BITS; bits--) {
		EXPECT_EQ(0, choose(v, bits));
		EXPECT_EQ(bits, chosen(v));
	}
}

/* It answers the same, whether it may still be chosen or not. */
static void check_refused(struct __test_metadata *_metadata, struct its_vmm *v, u32 has)
{
	for (u32 bits = 1; bits < DEFAULT_BITS; bits++)
		EXPECT_EQ(0, choose(v, bits));
	EXPECT_EQ(has, chosen(v));
	for (u32 bits = MAX_BITS + 1; bits <= 32; bits++)
		EXPECT_EQ(-EINVAL, choose(v, bits));
	EXPECT_EQ(-EINVAL, write_typer(v, ~0ULL));
	EXPECT_EQ(has, chosen(v));
	EXPECT_EQ(0, write_typer(v, 0));
	EXPECT_EQ(0, choose(v, has));
	EXPECT_EQ(has, chosen(v));
}

static void check_too_late(struct __test_metadata *_metadata, struct its_vmm *v, u32 has)
{
	for (u32 bits = DEFAULT_BITS; bits <= MAX_BITS; bits++)
		EXPECT_EQ(bits == has ? 0 : -EBUSY, choose(v, bits));
	EXPECT_EQ(0, write_typer(v, read_typer(v)));
	check_refused(_metadata, v, has);
}

TEST_F(choice, refused)
{
	check_refused(_metadata, &self->its, DEFAULT_BITS);
	EXPECT_EQ(0, choose(&self->its, 20));
	check_refused(_metadata, &self->its, 20);
}

TEST_F(choice, too_late_when_enabled)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(0, choose(v, 17));
	its_vmm_enable(v);
	check_too_late(_metadata, v, 17);
	its_vmm_its_write(v, GITS_CTLR, 0);
	check_too_late(_metadata, v, 17);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	check_too_late(_metadata, v, 17);
}

TEST_F(choice, too_late_by_default)
{
	its_vmm_enable(&self->its);
	check_too_late(_metadata, &self->its, DEFAULT_BITS);
}

/* That is ignored: there are no tables. */
TEST_F(choice, not_enabled_yet)
{
	struct its_vmm *v = &self->its;

	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(0, choose(v, 20));
	EXPECT_EQ(20, chosen(v));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(20, chosen(v));
	EXPECT_EQ(0, choose(v, MAX_BITS));
	EXPECT_EQ(MAX_BITS, chosen(v));
}

static u64 baser_at(struct its_vmm *v, u32 table)
{
	return VALID | its_vmm_gpa(v, table);
}

/* What RESTORE_TABLES maps counts, and a reset unmaps it. */
TEST_F(choice, too_late_when_mapped)
{
	struct its_vmm *v = &self->its;
	u64 *cte = its_vmm_hva(v, ITS_VMM_COLLECTIONS), *dte = its_vmm_hva(v, ITS_VMM_DEVICES);

	for (u32 i = 0; i < 2; i++) {
		*cte = i == 0 ? VALID : 0;
		*dte = i == 1 ? VALID | its_vmm_gpa(v, ITS_VMM_ITTS) >> 8 << 5 | 4 : 0;
		EXPECT_EQ(0, choose(v, 20));
		its_vmm_its_write(v, GITS_BASER, baser_at(v, ITS_VMM_DEVICES));
		its_vmm_its_write(v, GITS_BASER + 8, baser_at(v, ITS_VMM_COLLECTIONS));
		EXPECT_EQ(0, choose(v, 17));
		EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
		check_too_late(_metadata, v, 17);
		EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
		EXPECT_EQ(17, chosen(v));
		EXPECT_EQ(0, choose(v, 18));
		EXPECT_EQ(18, chosen(v));
	}
}

TEST_F(choice, each_its)
{
	struct its_vmm *v = &self->its;

	its_vmm_add_its(v);
	EXPECT_EQ(0, choose(v, 20));
	its_vmm_select(v, 0);
	EXPECT_EQ(DEFAULT_BITS, chosen(v));
	its_vmm_enable(v);
	its_vmm_select(v, 1);
	EXPECT_EQ(20, chosen(v));
	its_vmm_select(v, 0);
	check_too_late(_metadata, v, DEFAULT_BITS);
}

/* What there is at a width. */

FIXTURE(width)
{
	struct its_vmm its;
	u32 pages;		/* of level 2 that are in use */
	u64 bad;
};

FIXTURE_VARIANT(width)
{
	u32 bits;
	bool indirect;
};

FIXTURE_VARIANT_ADD(width, flat_16) { .bits = 16 };
FIXTURE_VARIANT_ADD(width, flat_17) { .bits = 17 };
FIXTURE_VARIANT_ADD(width, flat_20) { .bits = 20 };
FIXTURE_VARIANT_ADD(width, flat_max) { .bits = MAX_BITS };
FIXTURE_VARIANT_ADD(width, indirect_16) { .bits = 16, .indirect = true };
FIXTURE_VARIANT_ADD(width, indirect_17) { .bits = 17, .indirect = true };
FIXTURE_VARIANT_ADD(width, indirect_20) { .bits = 20, .indirect = true };
FIXTURE_VARIANT_ADD(width, indirect_max) { .bits = MAX_BITS, .indirect = true };

/* Neighbours, far ones, and those beside the borders of pages, segments and widths. */
static const u32 devids[] = {
	0, 1, 0x1fff, 0x2000, 0xffff,
	SEGMENT(1), SEGMENT(1) + 1, SEGMENT(1) + 0xff, SEGMENT(1) + 0x100, SEGMENT(1) + 0xffff,
	SEGMENT(2), SEGMENT(5) + 0xa5a5, BIT(20) - 1, BIT(20), BIT(21) - 1, BIT(21),
	BIT(MAX_BITS) - 1,
};

/* A DeviceID that the table has no room for past its 256 pages is out of range, too. */
static bool has_entry(const FIXTURE_VARIANT(width) * variant, u32 devid)
{
	return devid < BIT(variant->bits) &&
	       (variant->indirect || L1_INDEX(devid) < MAX_PAGES);
}

static u32 nr_devids(const FIXTURE_VARIANT(width) * variant)
{
	u32 nr = 0;

	while (nr < ARRAY_SIZE(devids) && has_entry(variant, devids[nr]))
		nr++;
	return nr;
}

/* A page of level 2 for the DeviceID. */
static void add_level2(FIXTURE_DATA(width) * self, u32 devid)
{
	u64 *l1 = self->its.scratch + L1_INDEX(devid) * 8;

	if (!*l1)
		*l1 = VALID | (self->its.scratch_gpa + PAGE(++self->pages));
}

static u64 *dte_of(FIXTURE_DATA(width) * self, const FIXTURE_VARIANT(width) * variant, u32 devid)
{
	u64 *table = self->its.scratch;

	if (!variant->indirect)
		return &table[devid];
	return self->its.scratch + ((table[L1_INDEX(devid)] & ~VALID) - self->its.scratch_gpa) +
	       devid % IDS_PER_PAGE * 8;
}

/* One page more than it has DeviceIDs, if there can be so many. */
static u64 device_baser(struct its_vmm *v, u32 bits, bool indirect)
{
	u64 pages = indirect ? 1 : min_t(u64, BIT(bits) / IDS_PER_PAGE + 1, MAX_PAGES);

	return VALID | (indirect ? GITS_BASER_INDIRECT : 0) | v->scratch_gpa | (pages - 1);
}

static void set_registers(struct its_vmm *v, u64 devices)
{
	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_CBASER,
			  VALID | (SZ_64K / SZ_4K - 1) | its_vmm_gpa(v, ITS_VMM_COMMANDS));
	its_vmm_its_write(v, GITS_BASER, devices);
	its_vmm_its_write(v, GITS_BASER + 8, baser_at(v, ITS_VMM_COLLECTIONS));
}

static void enable(struct its_vmm *v)
{
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* A VM whose ITS has the width, and is enabled, with LPIs. */
static void create_wide(struct its_vmm *v, u32 bits)
{
	its_vmm_create_vm(v, NR_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	TEST_ASSERT(can_choose(v, bits), "%u bits", bits);
	its_vmm_enable(v);
}

FIXTURE_SETUP(width)
{
	struct its_vmm *v = &self->its;

	if (variant->bits != DEFAULT_BITS && !kernel_has_choice())
		SKIP(return, NO_CHOICE);
	create_wide(v, variant->bits);
	if (variant->indirect) {
		for (u32 i = 0; i < nr_devids(variant); i++)
			add_level2(self, devids[i]);
		add_level2(self, BIT(variant->bits));
	}
	set_registers(v, device_baser(v, variant->bits, variant->indirect));
	enable(v);
	self->bad = bad_commands(v);
}

FIXTURE_TEARDOWN(width)
{
	its_vmm_destroy(&self->its);
}

static u64 itt_of(struct its_vmm *v, u32 i)
{
	return its_vmm_gpa(v, ITS_VMM_ITTS) + i * ITT_BYTES;
}

static void map_all(struct its_vmm *v, const FIXTURE_VARIANT(width) * variant)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		its_vmm_mapc(v, i, i, true);
	for (u32 i = 0; i < nr_devids(variant); i++) {
		its_vmm_mapd_itt(v, devids[i], itt_of(v, i), ITS_VMM_EVENT_BITS, true);
		its_vmm_mapti(v, devids[i], i, LPI(i), i % NR_VCPUS);
	}
}

/* Each device that is below @end, and no neighbour of it. */
static void check_below(struct __test_metadata *_metadata, struct its_vmm *v,
			const FIXTURE_VARIANT(width) * variant, u64 end)
{
	for (u32 i = 0; i < nr_devids(variant); i++) {
		if (devids[i] < end)
			EXPECT_DELIVERS(v, devids[i], i, LPI(i), i % NR_VCPUS);
		else
			EXPECT_EQ(0, signal_event(v, devids[i], i));
		EXPECT_EQ(0, signal_event(v, devids[i] ^ BIT(MAX_BITS), i));
		EXPECT_EQ(0, signal_event(v, devids[i] ^ SEGMENT(0x80), i));
		EXPECT_EQ(0, signal_event(v, devids[i] + 2, i));
		EXPECT_EQ(0, signal_event(v, devids[i], i + 1));
	}
}

static void check_all(struct __test_metadata *_metadata, struct its_vmm *v,
		      const FIXTURE_VARIANT(width) * variant)
{
	check_below(_metadata, v, variant, ~0ULL);
}

TEST_F_TIMEOUT(width, delivers, SLOW)
{
	struct its_vmm *v = &self->its;

	map_all(v, variant);
	check_all(_metadata, v, variant);

	/* MAPD anew unmaps the events of the device, and of that alone. */
	for (u32 i = 0; i < nr_devids(variant); i++) {
		its_vmm_mapd_itt(v, devids[i], itt_of(v, i), ITS_VMM_EVENT_BITS, true);
		EXPECT_EQ(0, signal_event(v, devids[i], i));
		its_vmm_mapti(v, devids[i], i, LPI(i), i % NR_VCPUS);
	}
	check_all(_metadata, v, variant);
	EXPECT_BAD(0, self->bad, v);

	for (u32 i = 0; i < nr_devids(variant); i++) {
		its_vmm_mapd_itt(v, devids[i], itt_of(v, i), ITS_VMM_EVENT_BITS, false);
		EXPECT_EQ(0, signal_event(v, devids[i], i));
	}
	EXPECT_BAD(0, self->bad, v);
}

TEST_F(width, out_of_range)
{
	u64 wide[] = { BIT(variant->bits), BIT(variant->bits) + 1, BIT(MAX_BITS), BIT(31), ~0u };
	struct its_vmm *v = &self->its;
	u64 unmapped;

	map_all(v, variant);
	for (u32 i = 0; i < ARRAY_SIZE(wide); i++) {
		self->bad = bad_commands(v);
		unmapped = counts(v) ? its_vmm_stat(v, "msi_device_unmapped") : 0;
		its_vmm_mapd_itt(v, wide[i], itt_of(v, 0), ITS_VMM_EVENT_BITS, true);
		its_vmm_mapti(v, wide[i], 0, LPI(0), 0);
		its_vmm_discard(v, wide[i], 0);
		its_vmm_mapd_itt(v, wide[i], itt_of(v, 0), ITS_VMM_EVENT_BITS, false);
		EXPECT_BAD(4, self->bad, v);
		EXPECT_EQ(0, signal_event(v, wide[i], 0));
		if (counts(v))
			EXPECT_EQ(unmapped + 1, its_vmm_stat(v, "msi_device_unmapped"));
	}
	check_all(_metadata, v, variant);
}

/* DTEs are where the format has them, each with the way to the next. */
static void check_dtes(struct __test_metadata *_metadata, FIXTURE_DATA(width) * self,
		       const FIXTURE_VARIANT(width) * variant)
{
	for (u32 i = 0; i < nr_devids(variant); i++) {
		u32 next = 0;

		if (i + 1 < nr_devids(variant))
			next = min_t(u32, devids[i + 1] - devids[i], NEXT_MAX);
		EXPECT_EQ(VALID | (u64)next << 49 | itt_of(&self->its, i) >> 8 << 5 |
			  (ITS_VMM_EVENT_BITS - 1), *dte_of(self, variant, devids[i])) {
			TH_LOG("DeviceID %#x", devids[i]);
		}
	}
}

/* What restoring would take for a device. */
static void add_strays(FIXTURE_DATA(width) * self, const FIXTURE_VARIANT(width) * variant)
{
	for (u32 i = 0; i < nr_devids(variant); i++) {
		u64 *dte = dte_of(self, variant, devids[i]);

		if (devids[i] % IDS_PER_PAGE)
			dte[-1] = VALID | itt_of(&self->its, 100) >> 8 << 5;
		if (~devids[i] % IDS_PER_PAGE)
			dte[1] = VALID | itt_of(&self->its, 100) >> 8 << 5;
	}
}

static int restore(struct its_vmm *v, u64 devices)
{
	int ret;

	set_registers(v, devices);
	ret = its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	enable(v);
	return ret;
}

/* Another VM, which has the memory of this one. */
static void check_other_vm(struct __test_metadata *_metadata, struct its_vmm *v,
			   const FIXTURE_VARIANT(width) * variant, u32 bits)
{
	struct its_vmm to;

	create_wide(&to, bits);
	EXPECT_EQ(0, its_vmm_ctrl(&to, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(bits, chosen(&to));
	copy_words(to.ram, v->ram, v->scratch - v->ram + ITS_VMM_SCRATCH_SIZE);
	EXPECT_EQ(0, restore(&to, device_baser(v, variant->bits, variant->indirect)));
	check_below(_metadata, &to, variant, BIT(bits));
	its_vmm_destroy(&to);
}

TEST_F_TIMEOUT(width, saves_and_restores, SLOW)
{
	struct its_vmm *v = &self->its;
	u64 devices = device_baser(v, variant->bits, variant->indirect);

	add_strays(self, variant);
	map_all(v, variant);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	check_dtes(_metadata, self, variant);
	check_all(_metadata, v, variant);

	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(variant->bits, chosen(v));
	for (u32 i = 0; i < nr_devids(variant); i++)
		EXPECT_EQ(0, signal_event(v, devids[i], i));
	EXPECT_EQ(0, restore(v, devices));
	check_all(_metadata, v, variant);

	/* It is saved as it was. */
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	check_dtes(_metadata, self, variant);
	check_other_vm(_metadata, v, variant, variant->bits);

	/* A table that ends is the same to an ITS with more bits; one with less misses some. */
	if (variant->bits < MAX_BITS && kernel_has_choice())
		check_other_vm(_metadata, v, variant, MAX_BITS);
	if (variant->bits > DEFAULT_BITS)
		check_other_vm(_metadata, v, variant, DEFAULT_BITS);
}

/* None is left, and none that had been saved comes back. */
TEST_F_TIMEOUT(width, saves_nothing, SLOW)
{
	struct its_vmm *v = &self->its;
	u64 devices = device_baser(v, variant->bits, variant->indirect);

	map_all(v, variant);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	for (u32 i = 0; i < nr_devids(variant); i++)
		its_vmm_mapd_itt(v, devids[i], itt_of(v, i), ITS_VMM_EVENT_BITS, false);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	for (u32 i = 0; i < nr_devids(variant); i++)
		EXPECT_EQ(0, *dte_of(self, variant, devids[i]));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(0, restore(v, devices));
	check_below(_metadata, v, variant, 0);
}

TEST_F(width, irqfd)
{
	struct its_vmm *v = &self->its;
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[1];
	} table = { .head.nr = 1 };
	int fd = eventfd(0, 0);

	map_all(v, variant);
	for (u32 i = 0; i < nr_devids(variant); i++) {
		struct kvm_msi msi = its_vmm_msi(its_vmm_doorbell(v), devids[i], i);

		table.entries[0] = its_vmm_route_msi(40, &msi);
		vm_ioctl(v->vm, KVM_SET_GSI_ROUTING, &table.head);
		its_vmm_irqfd(v, fd, 40, 0);
		its_vmm_raise_irqfd(v, fd, 40);
		EXPECT_EQ(i % NR_VCPUS, pending_on(v, LPI(i)));
		its_vmm_clear(v, devids[i], i);
	}
	close(fd);
}

/* As many devices as there are by default, wherever they are. */
TEST_F_TIMEOUT(width, number_of_devices, SLOW)
{
	u32 step = BIT(variant->bits) >> 16, nr = 0;
	struct its_vmm *v = &self->its;
	u64 *l1 = v->scratch;

	if (!variant->indirect)
		SKIP(return, "the same with a flat table");

	/* All level 1 entries have the same page. */
	for (u32 i = 0; i < L1_INDEX(BIT(variant->bits)); i++)
		l1[i] = VALID | (v->scratch_gpa + PAGE(1));
	for (u64 devid = 0; devid < BIT(variant->bits); devid += step, nr++)
		its_vmm_queue(v, devid << 32 | GITS_CMD_MAPD, ITS_VMM_EVENT_BITS - 1,
			      VALID | itt_of(v, 0));
	its_vmm_submit(v);
	EXPECT_EQ(BIT(16), nr);
	EXPECT_BAD(0, self->bad, v);

	/* Not one more, but one in place of another. */
	its_vmm_mapd_itt(v, 1, itt_of(v, 0), ITS_VMM_EVENT_BITS, true);
	EXPECT_BAD(step > 1, self->bad, v);
	its_vmm_mapd_itt(v, 0, itt_of(v, 0), ITS_VMM_EVENT_BITS, true);
	its_vmm_mapd_itt(v, 0, itt_of(v, 0), ITS_VMM_EVENT_BITS, false);
	its_vmm_mapd_itt(v, 1, itt_of(v, 0), ITS_VMM_EVENT_BITS, true);
	EXPECT_BAD(step > 1, self->bad, v);
	its_vmm_mapc(v, 0, 0, true);
	its_vmm_mapti(v, BIT(variant->bits) - step, 0, LPI(0), 0);
	EXPECT_DELIVERS(v, BIT(variant->bits) - step, 0, LPI(0), 0);
}

/* All level 1 entries are valid. */

FIXTURE(scan)
{
	struct its_vmm its;
	u64 *memory;		/* at SCAN_GPA */
	u64 l1_baser;
};

static void create_scan(FIXTURE_DATA(scan) * self)
{
	struct its_vmm *v = &self->its;
	u64 *l1;

	create_wide(v, MAX_BITS);
	vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, SCAN_GPA, SCAN_SLOT,
				    SCAN_SIZE / v->vm->page_size, 0);
	self->memory = addr_gpa2hva(v->vm, SCAN_GPA);
	l1 = v->scratch;
	for (u64 i = 0; i < SCAN_PAGES; i++)
		l1[i] = VALID | (SCAN_GPA + i * SZ_64K);
	self->l1_baser = device_baser(v, MAX_BITS, true);
	set_registers(v, self->l1_baser);
	enable(v);
	its_vmm_mapc(v, 0, 0, true);
}

FIXTURE_SETUP(scan)
{
	if (!kernel_has_choice())
		SKIP(return, NO_CHOICE);
	create_scan(self);
}

FIXTURE_TEARDOWN(scan)
{
	if (self->its.vm)
		its_vmm_destroy(&self->its);
}

/* On a machine that is slow, or busy now: as long as it takes to read the memory 32 times. */
static u64 limit_ms(const u64 *memory)
{
	u64 start = now_ms();

	for (u64 i = 0; i < SCAN_SIZE / sizeof(u64); i++)
		READ_ONCE(memory[i]);
	return max(LIMIT_MS, 32 * (now_ms() - start));
}

static void check_time(struct __test_metadata *_metadata, FIXTURE_DATA(scan) * self, u64 attr,
		       const char *what)
{
	u64 limit = limit_ms(self->memory), start = now_ms(), ms;

	EXPECT_EQ(0, its_vmm_ctrl(&self->its, attr));
	ms = now_ms() - start;
	TH_LOG("%s: %lu ms, limit %lu", what, ms, limit);
	if (!is_debug_kernel())
		EXPECT_GT(limit, ms);
}

static void check_save(struct __test_metadata *_metadata, FIXTURE_DATA(scan) * self,
		       const char *what)
{
	check_time(_metadata, self, KVM_DEV_ARM_ITS_SAVE_TABLES, what);
}

static void check_restore(struct __test_metadata *_metadata, FIXTURE_DATA(scan) * self,
			  const char *what)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	set_registers(v, self->l1_baser);
	check_time(_metadata, self, KVM_DEV_ARM_ITS_RESTORE_TABLES, what);
	enable(v);
}

TEST_F_TIMEOUT(scan, empty, SLOW)
{
	fill_words(self->memory, 0, SCAN_SIZE);
	check_save(_metadata, self, "save, empty");
	check_restore(_metadata, self, "restore, empty");
}

/* Entries that are not zero, but invalid. */
TEST_F_TIMEOUT(scan, invalid, SLOW)
{
	fill_words(self->memory, ~VALID, SCAN_SIZE);
	check_save(_metadata, self, "save, invalid");
	EXPECT_EQ(~VALID, self->memory[0]);
	EXPECT_EQ(~VALID, self->memory[SCAN_SIZE / 8 - 1]);
	check_restore(_metadata, self, "restore, invalid");
}

/* All of it has to be cleared. */
TEST_F_TIMEOUT(scan, valid, SLOW)
{
	fill_words(self->memory, ~0ULL, SCAN_SIZE);
	check_save(_metadata, self, "save, valid");
	for (u64 i = 0; i < SCAN_SIZE / 8; i++)
		ASSERT_EQ(0, self->memory[i]);
	check_restore(_metadata, self, "restore, cleared");
}

/* Every other one of it. */
TEST_F_TIMEOUT(scan, half_valid, SLOW)
{
	for (u64 i = 0; i < SCAN_SIZE / 8; i++)
		self->memory[i] = i & 1 ? ~0ULL : ~VALID;
	check_save(_metadata, self, "save, half valid");
	for (u64 i = 0; i < SCAN_SIZE / 8; i++)
		ASSERT_EQ(i & 1 ? 0 : ~VALID, self->memory[i]);
	check_restore(_metadata, self, "restore, half cleared");
}

/* Restoring looks for the last device everywhere. */
TEST_F_TIMEOUT(scan, first_and_last, SLOW)
{
	static const u32 ends[] = { 0, BIT(MAX_BITS) - 1 };
	struct its_vmm *v = &self->its;

	fill_words(self->memory, ~0ULL, SCAN_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(ends); i++) {
		its_vmm_mapd_itt(v, ends[i], itt_of(v, i), ITS_VMM_EVENT_BITS, true);
		its_vmm_mapti(v, ends[i], i, LPI(i), 0);
	}
	check_save(_metadata, self, "save, first and last");
	check_restore(_metadata, self, "restore, first and last");
	for (u32 i = 0; i < ARRAY_SIZE(ends); i++)
		EXPECT_DELIVERS(v, ends[i], i, LPI(i), 0);
}

/* A process that does nothing but @attr, in a VM of its own, until it is killed. */
static void scan_for_ever(u64 attr, int ready)
{
	FIXTURE_DATA(scan) own;
	char byte = 0;

	create_scan(&own);
	fill_words(own.memory, ~VALID, SCAN_SIZE);
	if (write(ready, &byte, 1) != 1)
		_exit(1);
	for (;;)
		its_vmm_ctrl(&own.its, attr);
}

static u64 kill_one(struct __test_metadata *_metadata, u64 attr)
{
	int pipes[2], status;
	u64 start;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		scan_for_ever(attr, pipes[1]);
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	usleep(50000);
	start = now_ms();
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(pipes[0]);
	close(pipes[1]);
	return now_ms() - start;
}

static void check_killed(struct __test_metadata *_metadata, u64 attr, const char *what)
{
	u64 most = 0;

	for (u32 i = 0; i < KILLS; i++)
		most = max(most, kill_one(_metadata, attr));
	TH_LOG("%s: ended by a signal in %lu ms", what, most);
	if (!is_debug_kernel())
		EXPECT_GT(LIMIT_MS, most);
}

TEST_F_TIMEOUT(scan, killed, SLOW)
{
	its_vmm_destroy(&self->its);
	self->its.vm = NULL;
	check_killed(_metadata, KVM_DEV_ARM_ITS_SAVE_TABLES, "save");
	check_killed(_metadata, KVM_DEV_ARM_ITS_RESTORE_TABLES, "restore");
}

/* A guest that has devices in two segments. */

#define GUEST_BITS	17

static const u32 guest_devids[] = { 0x18, SEGMENT(1) + 0x18, SEGMENT(1) + 0xffff };

static u64 guest_queue, guest_itts;

static void guest_command(u64 dw0, u64 dw1, u64 dw2)
{
	const u64 dw[] = { dw0, dw1, dw2, 0 };
	void *its = (void *)GITS_BASE_GPA;
	u64 end = its_vmm_guest_command(its, guest_queue, dw);

	while (readq_relaxed(its + GITS_CREADR) != end)
		cpu_relax();
}

/* The guest finds how wide DeviceIDs are, maps its devices, and takes what they send. */
static void guest_main(void)
{
	u64 typer = readq_relaxed((void *)GITS_BASE_GPA + GITS_TYPER);

	GUEST_ASSERT_EQ(DEVBITS(GUEST_BITS), typer & GITS_TYPER_DEVBITS);
	guest_command(GITS_CMD_MAPC, 0, VALID);
	for (u64 i = 0; i < ARRAY_SIZE(guest_devids); i++) {
		guest_command((u64)guest_devids[i] << 32 | GITS_CMD_MAPD, ITS_VMM_EVENT_BITS - 1,
			      VALID | (guest_itts + i * ITT_BYTES));
		/* The same event of each. */
		guest_command((u64)guest_devids[i] << 32 | GITS_CMD_MAPTI, LPI(i) << 32 | 3, 0);
	}
	guest_takes();
}

FIXTURE(guest)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
};

FIXTURE_SETUP(guest)
{
	struct its_vmm *v = &self->its;
	struct kvm_vm *vm;

	if (!kernel_has_choice())
		SKIP(return, NO_CHOICE);
	vm = its_vmm_guest_vm(NR_GUEST_VCPUS, guest_main, self->vcpus);
	its_vmm_use_vm(v, vm, NR_GUEST_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	ASSERT_TRUE(can_choose(v, GUEST_BITS));
	its_vmm_enable(v);
	set_registers(v, device_baser(v, GUEST_BITS, false));
	enable(v);
	its_vmm_map_frames(v);
	its_vmm_map_ram(v, 0);
	for (u32 i = 0; i < ARRAY_SIZE(guest_devids); i++)
		its_vmm_set_config(v, LPI(i), LPI_ENABLED);
	guest_queue = its_vmm_gpa(v, ITS_VMM_COMMANDS);
	guest_itts = its_vmm_gpa(v, ITS_VMM_ITTS);
	sync_global_to_guest(vm, guest_queue);
	sync_global_to_guest(vm, guest_itts);
	take(self->vcpus[0]);
}

FIXTURE_TEARDOWN(guest)
{
	its_vmm_destroy(&self->its);
}

TEST_F(guest, takes_from_both_segments)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(0, bad_commands(v));
	EXPECT_TAKES_NONE(0);
	for (u32 i = 0; i < ARRAY_SIZE(guest_devids); i++) {
		EXPECT_EQ(1, signal_event(v, guest_devids[i], 3));
		EXPECT_TAKES(0, LPI(i));
		EXPECT_TAKES_NONE(0);
	}
	EXPECT_EQ(0, signal_event(v, SEGMENT(2) + 0x18, 3));
	EXPECT_TAKES_NONE(0);
}

/* The same after the VM has been saved and restored in place. */
TEST_F(guest, takes_after_restore)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(0, write_typer(v, read_typer(v)));
	EXPECT_EQ(0, restore(v, device_baser(v, GUEST_BITS, false)));
	for (u32 i = 0; i < ARRAY_SIZE(guest_devids); i++) {
		EXPECT_EQ(1, signal_event(v, guest_devids[i], 3));
		EXPECT_TAKES(0, LPI(i));
	}
	EXPECT_TAKES_NONE(0);
}

TEST_HARNESS_MAIN
