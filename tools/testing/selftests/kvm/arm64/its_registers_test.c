// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_registers_test - an ITS as a device, and its registers
 *
 * Registers are accessed through device attributes, and by a guest in all widths.
 */
#include <pthread.h>

#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

#define SLOW		300	/* s: the test is not quick on a debug kernel */
#define FRAME_SIZE	KVM_VGIC_V3_ITS_SIZE
#define VALID		BIT_ULL(63)
#define ADDR_UNDEF	(~0ULL)	/* the address of an ITS that has none yet */
#define BASER(n)	(GITS_BASER + (n) * 8)
#define NR_BASERS	8
#define LPI		8192
#define DEV		1

#define RESET_BASER(type)	((u64)(type) << GITS_BASER_TYPE_SHIFT |	\
				 7ULL << GITS_BASER_ENTRY_SIZE_SHIFT |		\
				 GITS_BASER_RaWb | GITS_BASER_InnerShareable |	\
				 GITS_BASER_PAGE_SIZE_64K)
#define RESET_DEVICES		RESET_BASER(GITS_BASER_TYPE_DEVICE)
#define RESET_COLLECTIONS	RESET_BASER(GITS_BASER_TYPE_COLLECTION)

/* DeviceIDs and EventIDs of 16 bits, ITEs of 8 bytes, physical LPIs. */
#define TYPER	(GITS_TYPER_PLPIS | 7 << GITS_TYPER_ITT_ENTRY_SIZE_SHIFT |	\
		 15 << GITS_TYPER_IDBITS_SHIFT | 15 << GITS_TYPER_DEVBITS_SHIFT)
#define IIDR	0x4b00043b

/**
 * struct reg - A register.
 * @offset: In the ITS's frame.
 * @bytes: Its width.
 * @reset: Its value at reset.
 * @constant: Cannot be written.
 */
struct reg {
	u32 offset;
	u32 bytes;
	u64 reset;
	bool constant;
};

static const struct reg regs[] = {
	{ GITS_CTLR, 4, GITS_CTLR_QUIESCENT },
	{ GITS_IIDR, 4, IIDR, true },
	{ GITS_TYPER, 8, TYPER, true },
	{ GITS_CBASER, 8, 0 },
	{ GITS_CWRITER, 8, 0 },
	{ GITS_CREADR, 8, 0 },
	{ BASER(0), 8, RESET_DEVICES },
	{ BASER(1), 8, RESET_COLLECTIONS },
	{ BASER(2), 8, 0, true },
	{ BASER(3), 8, 0, true },
	{ BASER(4), 8, 0, true },
	{ BASER(5), 8, 0, true },
	{ BASER(6), 8, 0, true },
	{ BASER(7), 8, 0, true },
	{ GITS_PIDR4, 4, 0x40, true },
	{ GITS_PIDR4 + 4, 4, 0, true },
	{ GITS_PIDR4 + 8, 4, 0, true },
	{ GITS_PIDR4 + 12, 4, 0, true },
	{ GITS_PIDR0, 4, 0x92, true },
	{ GITS_PIDR1, 4, 0xb4, true },
	{ GITS_PIDR2, 4, 0x3b, true },
	{ GITS_PIDR2 + 4, 4, 0, true },
	{ GITS_CIDR0, 4, 0x0d, true },
	{ GITS_CIDR1, 4, 0xf0, true },
	{ GITS_CIDR2, 4, 0x05, true },
	{ GITS_CIDR3, 4, 0xb1, true },
};

#define REGS_END	(&regs[ARRAY_SIZE(regs)])

/* The register that has this byte, or NULL. */
static const struct reg *find_reg(u64 offset)
{
	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		if (offset >= reg->offset && offset < reg->offset + reg->bytes)
			return reg;
	}
	return NULL;
}

/* Attributes: 0 or -errno. */

static int has_attr(int fd, u32 group, u64 attr)
{
	return __kvm_has_device_attr(fd, group, attr) ? -errno : 0;
}

static int get_attr(int fd, u32 group, u64 attr, void *val)
{
	return __kvm_device_attr_get(fd, group, attr, val) ? -errno : 0;
}

static int set_attr(int fd, u32 group, u64 attr, void *val)
{
	return __kvm_device_attr_set(fd, group, attr, val) ? -errno : 0;
}

static int read_reg(int fd, u64 offset, u64 *val)
{
	return get_attr(fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, val);
}

static int write_reg(int fd, u64 offset, u64 val)
{
	return set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, &val);
}

static int set_addr(int fd, u64 addr)
{
	return set_attr(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &addr);
}

static u64 get_addr(int fd)
{
	u64 addr = 0;

	kvm_device_attr_get(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &addr);
	return addr;
}

static int set_ctrl(int fd, u64 attr)
{
	return set_attr(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, attr, NULL);
}

/* What is created when. */

FIXTURE(create)
{
	struct its_vmm its;
};

FIXTURE_SETUP(create)
{
	its_vmm_create_vm(&self->its, 2);
}

FIXTURE_TEARDOWN(create)
{
	its_vmm_destroy(&self->its);
}

static int create_its(struct its_vmm *v)
{
	v->its_fd = kvm_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	return v->its_fd;
}

static void check_reset(struct __test_metadata *_metadata, int fd)
{
	u64 val;

	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		EXPECT_EQ(0, read_reg(fd, reg->offset, &val));
		EXPECT_EQ(reg->reset, val) {
			TH_LOG("register %#x", reg->offset);
		}
	}
}

/* It has come as far as to deliver an MSI. */
static void check_works(struct __test_metadata *_metadata, struct its_vmm *v)
{
	v->nr_its = 1;
	its_vmm_enable(v);
	its_vmm_mapc(v, 0, 1, true);
	its_vmm_mapd(v, DEV, true);
	its_vmm_mapti(v, DEV, 0, LPI, 0);
	EXPECT_EQ(1, its_vmm_signal(v, DEV, 0, KVM_MSI_VALID_DEVID));
	EXPECT_TRUE(its_vmm_pending(v, 1, LPI));
}

TEST_F(create, after_gic)
{
	struct its_vmm *v = &self->its;

	its_vmm_add_gic(v);
	EXPECT_EQ(0, vm_check_cap(v->vm, KVM_CAP_MSI_DEVID));
	EXPECT_EQ(0, __kvm_test_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
	create_its(v);
	EXPECT_EQ(1, vm_check_cap(v->vm, KVM_CAP_MSI_DEVID));
	EXPECT_EQ(ADDR_UNDEF, get_addr(v->its_fd));
	EXPECT_EQ(0, set_addr(v->its_fd, GITS_BASE_GPA));
	EXPECT_EQ(GITS_BASE_GPA, get_addr(v->its_fd));
	EXPECT_EQ(0, set_ctrl(v->its_fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	check_reset(_metadata, v->its_fd);
	check_works(_metadata, v);
}

TEST_F(create, before_gic)
{
	struct its_vmm *v = &self->its;
	int fd = create_its(v);

	EXPECT_EQ(0, set_addr(fd, GITS_BASE_GPA));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	check_reset(_metadata, fd);
	its_vmm_add_gic(v);
	check_reset(_metadata, fd);
	check_works(_metadata, v);
}

TEST_F(create, before_gic_is_initialised)
{
	u64 redists = REDIST_REGION_ATTR_ADDR(2, GICR_BASE_GPA, 0, 0);
	struct its_vmm *v = &self->its;
	u64 dist = GICD_BASE_GPA;

	v->gic_fd = kvm_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	create_its(v);
	EXPECT_EQ(0, set_addr(v->its_fd, GITS_BASE_GPA));
	check_reset(_metadata, v->its_fd);
	EXPECT_EQ(0, set_attr(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			      KVM_VGIC_V3_ADDR_TYPE_DIST, &dist));
	EXPECT_EQ(0, set_attr(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			      KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redists));
	EXPECT_EQ(0, set_ctrl(v->gic_fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	check_works(_metadata, v);
}

/* CTRL_INIT asks nothing, and may come at any time. */
TEST_F(create, address_after_init)
{
	struct its_vmm *v = &self->its;
	int fd;

	its_vmm_add_gic(v);
	fd = create_its(v);
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	EXPECT_EQ(0, set_addr(fd, GITS_BASE_GPA));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	check_reset(_metadata, fd);
	check_works(_metadata, v);
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	EXPECT_EQ(1, its_vmm_signal(v, DEV, 0, KVM_MSI_VALID_DEVID));
}

/* Without an address there are no registers, nor is there a doorbell. */
TEST_F(create, no_address)
{
	struct its_vmm *v = &self->its;
	u64 val;
	int fd;

	its_vmm_add_gic(v);
	fd = create_its(v);
	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		EXPECT_EQ(0, has_attr(fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, reg->offset));
		EXPECT_EQ(-ENXIO, read_reg(fd, reg->offset, &val));
		EXPECT_EQ(-ENXIO, write_reg(fd, reg->offset, 0));
	}
	EXPECT_EQ(-EINVAL, read_reg(fd, GITS_TYPER + 4, &val));
	EXPECT_EQ(-EINVAL, write_reg(fd, GITS_TYPER + 4, 0));
	EXPECT_EQ(-ENXIO, read_reg(fd, 0x10, &val));
	EXPECT_EQ(-EINVAL, its_vmm_signal(v, DEV, 0, KVM_MSI_VALID_DEVID));
	EXPECT_EQ(0, set_addr(fd, GITS_BASE_GPA));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	check_works(_metadata, v);
}

/* What an ITS without tables is told to save or restore is nothing. */
TEST_F(create, control_without_address)
{
	int fd;

	its_vmm_add_gic(&self->its);
	fd = create_its(&self->its);
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_ITS_CTRL_RESET));
}

/* As many as one likes, each with registers of its own. */
TEST_F(create, several)
{
	struct its_vmm *v = &self->its;

	its_vmm_add_gic(v);
	for (u32 n = 0; n < ITS_VMM_MAX_ITS; n++)
		its_vmm_add_its(v);
	for (u32 n = 0; n < ITS_VMM_MAX_ITS; n++) {
		its_vmm_select(v, n);
		EXPECT_EQ(GITS_BASE_GPA - n * FRAME_SIZE, get_addr(v->its_fd));
		check_reset(_metadata, v->its_fd);
		its_vmm_its_write(v, GITS_CBASER, GITS_CBASER_RaWb | n << 16);
	}
	for (u32 n = 0; n < ITS_VMM_MAX_ITS; n++) {
		its_vmm_select(v, n);
		EXPECT_EQ(GITS_CBASER_RaWb | n << 16, its_vmm_its_read(v, GITS_CBASER));
	}
	its_vmm_select(v, 1);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	check_reset(_metadata, v->its_fd);
	its_vmm_select(v, 2);
	EXPECT_EQ(GITS_CBASER_RaWb | 2 << 16, its_vmm_its_read(v, GITS_CBASER));
}

/* Where an ITS can be. */

FIXTURE(address)
{
	struct its_vmm its;
};

/* @past: @address counts from where guest physical addresses end. @err: The outcome. */
FIXTURE_VARIANT(address)
{
	u64 address;
	bool past;
	int err;
};

FIXTURE_VARIANT_ADD(address, zero) { .address = 0 };
FIXTURE_VARIANT_ADD(address, any) { .address = 0x8000000 };
FIXTURE_VARIANT_ADD(address, aligned_64k) { .address = 0x10000 };
FIXTURE_VARIANT_ADD(address, aligned_4k) { .address = 0x1000, .err = -EINVAL };
FIXTURE_VARIANT_ADD(address, aligned_32k) { .address = 0x8008000, .err = -EINVAL };
FIXTURE_VARIANT_ADD(address, unaligned) { .address = 0x8000001, .err = -EINVAL };
FIXTURE_VARIANT_ADD(address, last) { .address = -(u64)FRAME_SIZE, .past = true };
FIXTURE_VARIANT_ADD(address, ends_past) { .address = -(u64)SZ_64K, .past = true, .err = -E2BIG };
FIXTURE_VARIANT_ADD(address, past) { .address = 0, .past = true, .err = -E2BIG };
FIXTURE_VARIANT_ADD(address, bit_63) { .address = VALID, .err = -E2BIG };
FIXTURE_VARIANT_ADD(address, wraps) { .address = -(u64)SZ_64K, .err = -EINVAL };
FIXTURE_VARIANT_ADD(address, undefined) { .address = ADDR_UNDEF, .err = -EINVAL };

FIXTURE_SETUP(address)
{
	its_vmm_create_vm(&self->its, 1);
	its_vmm_add_gic(&self->its);
	create_its(&self->its);
}

FIXTURE_TEARDOWN(address)
{
	its_vmm_destroy(&self->its);
}

TEST_F(address, set)
{
	u64 address = variant->address, end = BIT_ULL(self->its.vm->pa_bits);
	int fd = self->its.its_fd;

	if (variant->past)
		address += end;
	EXPECT_EQ(variant->err, set_addr(fd, address));
	EXPECT_EQ(variant->err ? ADDR_UNDEF : address, get_addr(fd));
	if (variant->err) {
		EXPECT_EQ(0, set_addr(fd, GITS_BASE_GPA));
		address = GITS_BASE_GPA;
	}
	check_reset(_metadata, fd);

	/* Once. */
	EXPECT_EQ(-EEXIST, set_addr(fd, address));
	EXPECT_EQ(-EEXIST, set_addr(fd, address + FRAME_SIZE));
	EXPECT_EQ(-EEXIST, set_addr(fd, 1));
	EXPECT_EQ(address, get_addr(fd));
}

/* Attributes. */

FIXTURE(attr)
{
	struct its_vmm its;
	int fd;
};

FIXTURE_SETUP(attr)
{
	its_vmm_create_vm(&self->its, 1);
	its_vmm_add_gic(&self->its);
	its_vmm_add_its(&self->its);
	self->fd = self->its.its_fd;
}

FIXTURE_TEARDOWN(attr)
{
	its_vmm_destroy(&self->its);
}

#define NR_GROUPS	16
#define NR_ATTRS	16

/* Whether a group other than that of the registers has an attribute. */
static bool attr_known(u32 group, u64 attr)
{
	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return attr == KVM_VGIC_ITS_ADDR_TYPE;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return attr == KVM_DEV_ARM_VGIC_CTRL_INIT ||
		       attr == KVM_DEV_ARM_ITS_SAVE_TABLES ||
		       attr == KVM_DEV_ARM_ITS_RESTORE_TABLES ||
		       attr == KVM_DEV_ARM_ITS_CTRL_RESET;
	}
	return false;
}

TEST_F(attr, has)
{
	for (u32 group = 0; group < NR_GROUPS; group++) {
		if (group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS)
			continue;
		for (u64 attr = 0; attr < NR_ATTRS; attr++) {
			EXPECT_EQ(attr_known(group, attr) ? 0 : -ENXIO,
				  has_attr(self->fd, group, attr)) {
				TH_LOG("group %u, attribute %lu", group, attr);
			}
		}
		EXPECT_EQ(-ENXIO, has_attr(self->fd, group, ~0ULL));
	}
	EXPECT_EQ(-ENXIO, has_attr(self->fd, ~0u, 0));
}

TEST_F(attr, no_such_group)
{
	u64 val = 0;

	for (u32 group = 0; group < NR_GROUPS; group++) {
		if (group == KVM_DEV_ARM_VGIC_GRP_ADDR || group == KVM_DEV_ARM_VGIC_GRP_CTRL ||
		    group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS)
			continue;
		EXPECT_EQ(-ENXIO, get_attr(self->fd, group, 0, &val));
		EXPECT_EQ(-ENXIO, set_attr(self->fd, group, 0, &val));
	}
	EXPECT_EQ(-ENXIO, get_attr(self->fd, ~0u, 0, &val));
	EXPECT_EQ(-ENXIO, set_attr(self->fd, ~0u, 0, &val));

	/* Control is for writing. */
	for (u64 attr = 0; attr < NR_ATTRS; attr++)
		EXPECT_EQ(-ENXIO, get_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_CTRL, attr, &val));
}

TEST_F(attr, address_types)
{
	u64 val = GITS_BASE_GPA;

	for (u64 attr = 0; attr < NR_ATTRS; attr++) {
		if (attr == KVM_VGIC_ITS_ADDR_TYPE)
			continue;
		EXPECT_EQ(-ENODEV, get_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ADDR, attr, &val));
		EXPECT_EQ(-ENODEV, set_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ADDR, attr, &val));
	}
}

TEST_F(attr, fault)
{
	EXPECT_EQ(-EFAULT, get_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
				    KVM_VGIC_ITS_ADDR_TYPE, NULL));
	EXPECT_EQ(-EFAULT, set_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
				    KVM_VGIC_ITS_ADDR_TYPE, NULL));
	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		EXPECT_EQ(-EFAULT, get_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
					    reg->offset, NULL));
		EXPECT_EQ(-EFAULT, set_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
					    reg->offset, NULL));
	}
	check_reset(_metadata, self->fd);
}

/* By 4 bytes up to TYPER and among the ID registers, else by 8. */
static int reg_error(u64 offset)
{
	u32 align = offset < GITS_TYPER || offset >= GITS_PIDR4 ? 4 : 8;

	if (offset % align)
		return -EINVAL;
	return find_reg(offset) ? 0 : -ENXIO;
}

TEST_F_TIMEOUT(attr, all_offsets, SLOW)
{
	u64 val;

	for (u64 offset = 0; offset < FRAME_SIZE; offset++) {
		int err = reg_error(offset);

		/* Every byte where there are registers, a few in between. */
		if (!find_reg(offset) && offset > 0x200 && offset % 0x100 > 9)
			continue;
		ASSERT_EQ(err, has_attr(self->fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset)) {
			TH_LOG("offset %#lx", offset);
		}
		ASSERT_EQ(err, read_reg(self->fd, offset, &val)) {
			TH_LOG("offset %#lx", offset);
		}
		if (err) {
			ASSERT_EQ(err, write_reg(self->fd, offset, 0)) {
				TH_LOG("offset %#lx", offset);
			}
		}
	}
	EXPECT_EQ(-ENXIO, read_reg(self->fd, GITS_TRANSLATER, &val));
	EXPECT_EQ(-ENXIO, write_reg(self->fd, GITS_TRANSLATER, 0));
}

/* But for those of which userspace chooses a part: below, and its_devbits_test. */
TEST_F(attr, constants)
{
	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		if (!reg->constant || reg->offset == GITS_IIDR || reg->offset == GITS_TYPER)
			continue;
		EXPECT_EQ(0, write_reg(self->fd, reg->offset, 0));
		EXPECT_EQ(0, write_reg(self->fd, reg->offset, ~0ULL));
	}
	check_reset(_metadata, self->fd);
}

/* Its revision is that of the tables' layout, of which there is one. */
TEST_F(attr, iidr)
{
	EXPECT_EQ(0, write_reg(self->fd, GITS_IIDR, IIDR));
	EXPECT_EQ(0, write_reg(self->fd, GITS_IIDR, 0));
	for (u32 revision = 1; revision < 16; revision++)
		EXPECT_EQ(-EINVAL, write_reg(self->fd, GITS_IIDR, IIDR | revision << 12));
	EXPECT_EQ(0, write_reg(self->fd, GITS_IIDR, ~(0xfULL << 12)));
	check_reset(_metadata, self->fd);

	/* Not a reset. */
	EXPECT_EQ(0, write_reg(self->fd, GITS_CBASER, GITS_CBASER_RaWb | VALID));
	EXPECT_EQ(0, write_reg(self->fd, BASER(0), RESET_DEVICES | VALID));
	EXPECT_EQ(0, write_reg(self->fd, GITS_IIDR, IIDR));
	EXPECT_EQ(GITS_CBASER_RaWb | VALID, its_vmm_its_read(&self->its, GITS_CBASER));
	EXPECT_EQ(RESET_DEVICES | VALID, its_vmm_its_read(&self->its, BASER(0)));
}

/*
 * Fields of GITS_BASER<n> and GITS_CBASER of which not all values are kept, and
 * what becomes of each value.
 */
static const struct {
	const char *name;
	u32 baser_shift;
	u32 cbaser_shift;
	u32 nr;
	u8 kept[8];
} fields[] = {
	{ "shareability", GITS_BASER_SHAREABILITY_SHIFT, GITS_CBASER_SHAREABILITY_SHIFT,
	  4, { 0, 1, 1, 3 } },
	{ "inner cacheability", GITS_BASER_INNER_CACHEABILITY_SHIFT,
	  GITS_CBASER_INNER_CACHEABILITY_SHIFT, 8, { 3, 3, 2, 3, 4, 5, 6, 7 } },
	{ "outer cacheability", GITS_BASER_OUTER_CACHEABILITY_SHIFT,
	  GITS_CBASER_OUTER_CACHEABILITY_SHIFT, 8, { 0, 1, 0, 0, 0, 0, 0, 0 } },
};

static void check_written(struct __test_metadata *_metadata, int fd, u32 offset,
			  u64 written, u64 expected)
{
	u64 val;

	EXPECT_EQ(0, write_reg(fd, offset, written));
	EXPECT_EQ(0, read_reg(fd, offset, &val));
	EXPECT_EQ(expected, val) {
		TH_LOG("register %#x, written: %#lx", offset, written);
	}
}

TEST_F(attr, baser_fields)
{
	for (u32 n = 0; n < 2; n++) {
		u64 reset = its_vmm_its_read(&self->its, BASER(n));

		for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
			u32 shift = fields[i].baser_shift;
			u64 rest = reset & ~((fields[i].nr - 1ULL) << shift);

			for (u64 val = 0; val < fields[i].nr; val++)
				check_written(_metadata, self->fd, BASER(n), rest | val << shift,
					      rest | (u64)fields[i].kept[val] << shift);
		}
		check_written(_metadata, self->fd, BASER(n), reset, reset);
	}
}

TEST_F(attr, cbaser_fields)
{
	u64 normal = GITS_CBASER_RaWb;

	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 shift = fields[i].cbaser_shift;
		u64 rest = normal & ~((fields[i].nr - 1ULL) << shift);

		for (u64 val = 0; val < fields[i].nr; val++)
			check_written(_metadata, self->fd, GITS_CBASER, rest | val << shift,
				      rest | (u64)fields[i].kept[val] << shift);
	}
}

/* Writes, and what they leave. */
TEST_F(attr, baser_bits)
{
	const u64 cache = GITS_BASER_RaWb;
	const u64 devices = RESET_DEVICES & ~GITS_BASER_InnerShareable;
	const u64 collections = RESET_COLLECTIONS & ~GITS_BASER_InnerShareable;
	int fd = self->fd;

	/* Type, entry size and page size can't be chosen. */
	check_written(_metadata, fd, BASER(0), 0, devices);
	check_written(_metadata, fd, BASER(1), 0, collections);
	check_written(_metadata, fd, BASER(0), 7ULL << 56 | 0x1fULL << 48 | 3 << 8, devices);
	check_written(_metadata, fd, BASER(1), 7ULL << 56 | 0x1fULL << 48 | 3 << 8, collections);

	check_written(_metadata, fd, BASER(0), cache | VALID, devices | VALID);
	check_written(_metadata, fd, BASER(1), cache | VALID, collections | VALID);
	check_written(_metadata, fd, BASER(0), cache | 0xff, devices | 0xff);
	check_written(_metadata, fd, BASER(1), cache | 0xff, collections | 0xff);

	/* Two levels: of devices only. */
	check_written(_metadata, fd, BASER(0), cache | GITS_BASER_INDIRECT,
		      devices | GITS_BASER_INDIRECT);
	check_written(_metadata, fd, BASER(1), cache | GITS_BASER_INDIRECT, collections);

	/* Addresses of 52 bits. */
	check_written(_metadata, fd, BASER(0), cache | GENMASK_ULL(47, 12),
		      devices | GENMASK_ULL(47, 12));
	check_written(_metadata, fd, BASER(1), cache | GENMASK_ULL(47, 12),
		      collections | GENMASK_ULL(47, 12));
	for (u32 n = 2; n < NR_BASERS; n++)
		check_written(_metadata, fd, BASER(n), ~0ULL, 0);
}

TEST_F(attr, baser_all_ones)
{
	u64 changed = 7ULL << GITS_BASER_OUTER_CACHEABILITY_SHIFT | 3 << 8 |
		      GENMASK_ULL(58, 56) | GENMASK_ULL(52, 48);

	check_written(_metadata, self->fd, BASER(0), ~0ULL,
		      (~0ULL & ~changed) | GITS_BASER_PAGE_SIZE_64K |
		      (RESET_DEVICES & changed));
	check_written(_metadata, self->fd, BASER(1), ~0ULL,
		      (~0ULL & ~changed & ~GITS_BASER_INDIRECT) | GITS_BASER_PAGE_SIZE_64K |
		      (RESET_COLLECTIONS & changed));
}

TEST_F(attr, cbaser_bits)
{
	const u64 cache = GITS_CBASER_RaWb;
	int fd = self->fd;

	check_written(_metadata, fd, GITS_CBASER, 0, cache);
	check_written(_metadata, fd, GITS_CBASER, cache | VALID, cache | VALID);
	check_written(_metadata, fd, GITS_CBASER, cache | 0xff, cache | 0xff);
	/* 64 KiB aligned. */
	check_written(_metadata, fd, GITS_CBASER, cache | GENMASK_ULL(51, 12),
		      cache | GENMASK_ULL(51, 16));
}

/* A queue that is set up anew is empty. */
TEST_F(attr, cbaser_empties_queue)
{
	struct its_vmm *v = &self->its;

	its_vmm_its_write(v, GITS_CBASER, 0xf);
	its_vmm_its_write(v, GITS_CREADR, 0x40);
	its_vmm_its_write(v, GITS_CWRITER, 0x80);
	EXPECT_EQ(0x40, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_EQ(0x80, its_vmm_its_read(v, GITS_CWRITER));
	EXPECT_EQ(GITS_CTLR_QUIESCENT, its_vmm_its_read(v, GITS_CTLR));
	its_vmm_its_write(v, GITS_CBASER, its_vmm_its_read(v, GITS_CBASER));
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CWRITER));
	EXPECT_EQ(GITS_CTLR_QUIESCENT, its_vmm_its_read(v, GITS_CTLR));
}

/* Offsets in the queue, by commands of 32 bytes. */
static const struct {
	u32 pages;
	u64 written;
	bool past;
} offsets[] = {
	{ 1, 0 }, { 1, 0x20 }, { 1, 0xfe0 }, { 1, 0x1000, true }, { 1, 0x1020, true },
	{ 1, 0x3f }, { 1, 0xfff }, { 1, BIT_ULL(20) | 0x40 }, { 1, ~0xfffffULL | 0x60 },
	{ 16, 0xffe0 }, { 16, 0x10000, true }, { 16, 0xfffe0, true },
	{ 256, 0xfffe0 }, { 256, 0xfffff }, { 256, 0x100000 },
};

#define OFFSET(val)	((val) & GENMASK(19, 5))

/* CWRITER past the end of the queue is ignored. */
TEST_F(attr, cwriter)
{
	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
		its_vmm_its_write(&self->its, GITS_CBASER, offsets[i].pages - 1);
		its_vmm_its_write(&self->its, GITS_CWRITER, 0x80);
		check_written(_metadata, self->fd, GITS_CWRITER, offsets[i].written,
			      offsets[i].past ? 0x80 : OFFSET(offsets[i].written));
	}
}

/* CREADR is not. */
TEST_F(attr, creadr)
{
	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
		u64 written = offsets[i].written;

		its_vmm_its_write(&self->its, GITS_CBASER, offsets[i].pages - 1);
		its_vmm_its_write(&self->its, GITS_CREADR, 0x80);
		if (!offsets[i].past) {
			check_written(_metadata, self->fd, GITS_CREADR, written, OFFSET(written));
			continue;
		}
		EXPECT_EQ(-EINVAL, write_reg(self->fd, GITS_CREADR, written));
		EXPECT_EQ(0x80, its_vmm_its_read(&self->its, GITS_CREADR));
	}
}

/* Enabled or not. */

FIXTURE(enable)
{
	struct its_vmm its;
};

FIXTURE_SETUP(enable)
{
	struct its_vmm *v = &self->its;

	its_vmm_create(v, 2);
	its_vmm_mapc(v, 0, 1, true);
	its_vmm_mapd(v, DEV, true);
	its_vmm_mapti(v, DEV, 0, LPI, 0);
}

FIXTURE_TEARDOWN(enable)
{
	its_vmm_destroy(&self->its);
}

static int signal_event(struct its_vmm *v)
{
	return its_vmm_signal(v, DEV, 0, KVM_MSI_VALID_DEVID);
}

#define ON	(GITS_CTLR_ENABLE | GITS_CTLR_QUIESCENT)
#define OFF	GITS_CTLR_QUIESCENT

TEST_F(enable, ctlr)
{
	struct its_vmm *v = &self->its;

	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
	its_vmm_its_write(v, GITS_CTLR, 0);
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
	its_vmm_its_write(v, GITS_CTLR, ~1ULL);
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
	its_vmm_its_write(v, GITS_CTLR, ~0ULL);
	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_EQ(1, signal_event(v));
}

/* Registers that can't be written while it is. */
TEST_F(enable, locks_registers)
{
	static const u32 locked[] = { GITS_CBASER, BASER(0), BASER(1) };
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < ARRAY_SIZE(locked); i++) {
		u64 val = its_vmm_its_read(v, locked[i]);

		check_written(_metadata, v->its_fd, locked[i], 0, val);
		check_written(_metadata, v->its_fd, locked[i], ~0ULL, val);
	}
	EXPECT_EQ(-EBUSY, write_reg(v->its_fd, GITS_CREADR, 0));
	EXPECT_EQ(-EBUSY, write_reg(v->its_fd, GITS_CREADR, ~0ULL));
	EXPECT_EQ(0, write_reg(v->its_fd, GITS_IIDR, IIDR));
	EXPECT_EQ(-EINVAL, write_reg(v->its_fd, GITS_IIDR, 0x1000));
	EXPECT_EQ(1, signal_event(v));
	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
}

/* It needs a queue and both tables. */
TEST_F(enable, needs_valid)
{
	static const u32 needed[] = { GITS_CBASER, BASER(0), BASER(1) };
	struct its_vmm *v = &self->its;

	its_vmm_its_write(v, GITS_CTLR, 0);
	for (u32 i = 0; i < ARRAY_SIZE(needed); i++) {
		u64 val = its_vmm_its_read(v, needed[i]);

		its_vmm_its_write(v, needed[i], val & ~VALID);
		its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
		EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
		its_vmm_its_write(v, needed[i], val);
	}
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
}

/* Off and on, mappings stay. */
TEST_F(enable, keeps_mappings)
{
	struct its_vmm *v = &self->its;

	its_vmm_its_write(v, GITS_CTLR, 0);
	EXPECT_GE(0, signal_event(v));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(1, signal_event(v));
}

/* A disabled ITS is idle, whatever is in its queue: it has nothing to do with that yet. */
TEST_F(enable, quiescent)
{
	struct its_vmm *v = &self->its;
	u64 creadr = its_vmm_its_read(v, GITS_CREADR);

	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_queue(v, GITS_CMD_MAPC, 0, VALID | 1);
	its_vmm_submit(v);
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_EQ(creadr, its_vmm_its_read(v, GITS_CREADR));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_EQ(v->cwriter, its_vmm_its_read(v, GITS_CREADR));
}

/* GITS_BASER<n> written while it is off: what is mapped is lost if it changes. */

FIXTURE(change)
{
	struct its_vmm its;
};

enum lost { NOTHING, DEVICES, COLLECTIONS };

/* @reg, @flip: The register, and which bits are written otherwise. @lost: What is. */
FIXTURE_VARIANT(change)
{
	u32 reg;
	u64 flip;
	enum lost lost;
};

#define CHANGE(_reg, _flip, _lost)	.reg = (_reg), .flip = (_flip), .lost = (_lost)

FIXTURE_VARIANT_ADD(change, devices_same) { CHANGE(BASER(0), 0, NOTHING) };
FIXTURE_VARIANT_ADD(change, devices_valid) { CHANGE(BASER(0), VALID, DEVICES) };
FIXTURE_VARIANT_ADD(change, devices_size) { CHANGE(BASER(0), 1, DEVICES) };
FIXTURE_VARIANT_ADD(change, devices_address) { CHANGE(BASER(0), BIT(24), DEVICES) };
FIXTURE_VARIANT_ADD(change, devices_indirect) { CHANGE(BASER(0), GITS_BASER_INDIRECT, DEVICES) };
FIXTURE_VARIANT_ADD(change, devices_cacheability) {
	CHANGE(BASER(0), 4ULL << GITS_BASER_INNER_CACHEABILITY_SHIFT, DEVICES),
};

FIXTURE_VARIANT_ADD(change, devices_type) { CHANGE(BASER(0), 7ULL << 56, NOTHING) };
FIXTURE_VARIANT_ADD(change, devices_entry_size) { CHANGE(BASER(0), 0x1fULL << 48, NOTHING) };
FIXTURE_VARIANT_ADD(change, devices_page_size) { CHANGE(BASER(0), 1 << 8, NOTHING) };
FIXTURE_VARIANT_ADD(change, collections_same) { CHANGE(BASER(1), 0, NOTHING) };
FIXTURE_VARIANT_ADD(change, collections_valid) { CHANGE(BASER(1), VALID, COLLECTIONS) };
FIXTURE_VARIANT_ADD(change, collections_size) { CHANGE(BASER(1), 1, COLLECTIONS) };
FIXTURE_VARIANT_ADD(change, collections_address) { CHANGE(BASER(1), BIT(24), COLLECTIONS) };
FIXTURE_VARIANT_ADD(change, collections_indirect) {
	CHANGE(BASER(1), GITS_BASER_INDIRECT, NOTHING),
};

FIXTURE_VARIANT_ADD(change, collections_type) { CHANGE(BASER(1), 7ULL << 56, NOTHING) };
FIXTURE_VARIANT_ADD(change, queue_same) { CHANGE(GITS_CBASER, 0, NOTHING) };
FIXTURE_VARIANT_ADD(change, queue_address) { CHANGE(GITS_CBASER, BIT(24), NOTHING) };
FIXTURE_VARIANT_ADD(change, other) { CHANGE(BASER(2), ~0ULL, NOTHING) };

FIXTURE_SETUP(change)
{
	struct its_vmm *v = &self->its;

	its_vmm_create(v, 2);
	its_vmm_mapc(v, 0, 1, true);
	its_vmm_mapd(v, DEV, true);
	its_vmm_mapti(v, DEV, 0, LPI, 0);
	TEST_ASSERT_EQ(1, signal_event(v));
}

FIXTURE_TEARDOWN(change)
{
	its_vmm_destroy(&self->its);
}

/* Changed, and back. */
static void flip(struct its_vmm *v, u32 reg, u64 bits)
{
	u64 val = its_vmm_its_read(v, reg);

	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, reg, val ^ bits);
	its_vmm_its_write(v, reg, val);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

TEST_F(change, loses)
{
	struct its_vmm *v = &self->its;

	flip(v, variant->reg, variant->flip);
	EXPECT_EQ(variant->lost == NOTHING, signal_event(v));

	/* Is it the device that has to be mapped anew, or the collection? */
	its_vmm_mapti(v, DEV, 1, LPI + 1, 0);
	EXPECT_EQ(variant->lost == NOTHING, its_vmm_signal(v, DEV, 1, KVM_MSI_VALID_DEVID));
	if (variant->lost == DEVICES)
		its_vmm_mapd(v, DEV, true);
	if (variant->lost == COLLECTIONS)
		its_vmm_mapc(v, 0, 1, true);
	its_vmm_mapti(v, DEV, 1, LPI + 1, 0);
	EXPECT_EQ(1, its_vmm_signal(v, DEV, 1, KVM_MSI_VALID_DEVID));
	EXPECT_EQ(variant->lost == NOTHING, signal_event(v));
}

/* KVM_DEV_ARM_ITS_CTRL_RESET keeps what GITS_BASER<n> holds, but for its validity. */
TEST_F(enable, reset)
{
	struct its_vmm *v = &self->its;
	u64 baser[] = { its_vmm_its_read(v, BASER(0)), its_vmm_its_read(v, BASER(1)) };
	u64 cbaser = its_vmm_its_read(v, GITS_CBASER);

	EXPECT_EQ(1, signal_event(v));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CBASER));
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CWRITER));
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_EQ(IIDR, its_vmm_its_read(v, GITS_IIDR));
	EXPECT_EQ(TYPER, its_vmm_its_read(v, GITS_TYPER));
	for (u32 n = 0; n < 2; n++)
		EXPECT_EQ(baser[n] & ~VALID, its_vmm_its_read(v, BASER(n)));
	EXPECT_EQ(GITS_BASE_GPA, get_addr(v->its_fd));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));

	/* Nothing is mapped: the device, the event and the collection are needed. */
	for (u32 n = 0; n < 2; n++)
		its_vmm_its_write(v, BASER(n), baser[n]);
	its_vmm_its_write(v, GITS_CBASER, cbaser);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_EQ(0, signal_event(v));
	its_vmm_mapti(v, DEV, 0, LPI, 0);
	EXPECT_EQ(0, signal_event(v));
	its_vmm_mapd(v, DEV, true);
	EXPECT_EQ(0, signal_event(v));
	its_vmm_mapti(v, DEV, 0, LPI, 0);
	EXPECT_EQ(0, signal_event(v));
	its_vmm_mapc(v, 0, 1, true);
	EXPECT_EQ(1, signal_event(v));
}

/* A guest's accesses. */

/* What the guest is to do, and the value that it read. */
struct access {
	u64 offset;
	u32 bytes;
	bool write;
	u64 val;
};

static struct access access_of_guest;

/* Set while the guest spins; cleared to have it stop. */
static u32 spinning, spin;

static u64 load(u64 addr, u32 bytes)
{
	u64 val = 0;

	switch (bytes) {
	case 1:
		asm volatile("ldrb %w0, [%1]" : "=r" (val) : "r" (addr) : "memory");
		break;
	case 2:
		asm volatile("ldrh %w0, [%1]" : "=r" (val) : "r" (addr) : "memory");
		break;
	case 4:
		asm volatile("ldr %w0, [%1]" : "=r" (val) : "r" (addr) : "memory");
		break;
	case 8:
		asm volatile("ldr %0, [%1]" : "=r" (val) : "r" (addr) : "memory");
		break;
	}
	return val;
}

static void store(u64 addr, u32 bytes, u64 val)
{
	switch (bytes) {
	case 1:
		asm volatile("strb %w0, [%1]" : : "r" (val), "r" (addr) : "memory");
		break;
	case 2:
		asm volatile("strh %w0, [%1]" : : "r" (val), "r" (addr) : "memory");
		break;
	case 4:
		asm volatile("str %w0, [%1]" : : "r" (val), "r" (addr) : "memory");
		break;
	case 8:
		asm volatile("str %0, [%1]" : : "r" (val), "r" (addr) : "memory");
		break;
	}
}

/* All words but those of registers are zero, written or not. */
static void guest_scan(void)
{
	for (u32 offset = 0; offset < FRAME_SIZE; offset += 4) {
		u64 addr = GITS_BASE_GPA + offset;	/* mapped as is */

		if (find_reg(offset))
			continue;
		store(addr, 4, ~0ULL);
		__GUEST_ASSERT(!load(addr, 4), "offset %#x", offset);
	}
}

static void guest_main(void)
{
	struct access *access = &access_of_guest;
	u64 addr;

	for (;;) {
		GUEST_SYNC(0);
		addr = GITS_BASE_GPA + access->offset;
		if (READ_ONCE(spin)) {
			WRITE_ONCE(spinning, 1);
			while (READ_ONCE(spin))
				cpu_relax();
		} else if (access->bytes == FRAME_SIZE) {
			guest_scan();
		} else if (access->write) {
			store(addr, access->bytes, access->val);
		} else {
			access->val = load(addr, access->bytes);
		}
	}
}

FIXTURE(guest)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpu;
};

/* Nothing that the guest does to the frame is the VMM's business. */
static void run_guest(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT(uc.cmd == UCALL_SYNC, "exit reason %u", vcpu->run->exit_reason);
}

FIXTURE_SETUP(guest)
{
	struct its_vmm *v = &self->its;
	struct kvm_vm *vm;

	vm = its_vmm_guest_vm(1, guest_main, &self->vcpu);
	its_vmm_use_vm(v, vm, 1);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_map_frames(v);
	run_guest(self->vcpu);
}

FIXTURE_TEARDOWN(guest)
{
	its_vmm_destroy(&self->its);
}

static u64 guest_access(FIXTURE_DATA(guest) * self, struct access access)
{
	struct kvm_vm *vm = self->its.vm;

	access_of_guest = access;
	sync_global_to_guest(vm, access_of_guest);
	run_guest(self->vcpu);
	sync_global_from_guest(vm, access_of_guest);
	return access_of_guest.val;
}

static u64 guest_read(FIXTURE_DATA(guest) * self, u64 offset, u32 bytes)
{
	return guest_access(self, (struct access) { offset, bytes, false, ~0ULL });
}

static void guest_write(FIXTURE_DATA(guest) * self, u64 offset, u32 bytes, u64 val)
{
	guest_access(self, (struct access) { offset, bytes, true, val });
}

/* Reads the register whole, its halves, and in all ways in which it reads as zero. */
static void check_reads(struct __test_metadata *_metadata, FIXTURE_DATA(guest) * self,
			const struct reg *reg, u64 val)
{
	u32 offset = reg->offset;

	EXPECT_EQ((u32)val, guest_read(self, offset, 4)) {
		TH_LOG("register %#x", offset);
	}
	EXPECT_EQ(reg->bytes == 8 ? val : 0, guest_read(self, offset, 8)) {
		TH_LOG("register %#x", offset);
	}
	if (reg->bytes == 8) {
		EXPECT_EQ(val >> 32, guest_read(self, offset + 4, 4)) {
			TH_LOG("register %#x", offset);
		}
		EXPECT_EQ(0, guest_read(self, offset + 4, 8));
	}
	for (u32 i = 0; i < reg->bytes; i++)
		EXPECT_EQ(0, guest_read(self, offset + i, 1));
	for (u32 i = 0; i < reg->bytes; i += 2)
		EXPECT_EQ(0, guest_read(self, offset + i, 2));
}

TEST_F_TIMEOUT(guest, reads, SLOW)
{
	for (const struct reg *reg = regs; reg < REGS_END; reg++)
		check_reads(_metadata, self, reg, reg->reset);
}

/* Written by the VMM, with no bytes alike. */
static const struct {
	u32 offset;
	u64 val;
} some_values[] = {
	{ GITS_CBASER, 0x987605a31280002f },
	{ GITS_CWRITER, 0x12360 },
	{ GITS_CREADR, 0x23460 },
	{ BASER(0), 0x987605a3128702f5 },
	{ BASER(1), 0x987605a3128702f5 },
};

TEST_F(guest, reads_written)
{
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < ARRAY_SIZE(some_values); i++) {
		u32 offset = some_values[i].offset;

		its_vmm_its_write(v, offset, some_values[i].val);
		check_reads(_metadata, self, find_reg(offset), its_vmm_its_read(v, offset));
	}
}

/* Constants, and registers that take no such width. */
TEST_F_TIMEOUT(guest, ignores_writes, SLOW)
{
	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		bool creadr = reg->offset == GITS_CREADR;

		for (u32 bytes = 1; bytes <= 8; bytes *= 2) {
			if (bytes >= 4 && bytes <= reg->bytes && !reg->constant && !creadr)
				continue;
			for (u32 i = 0; i < reg->bytes; i += bytes)
				guest_write(self, reg->offset + i, bytes, ~0ULL);
		}
	}
	/* Not aligned. */
	guest_write(self, GITS_CBASER + 4, 8, ~0ULL);
	guest_write(self, BASER(0) + 4, 8, ~0ULL);
	check_reset(_metadata, self->its.its_fd);
}

TEST_F_TIMEOUT(guest, other_offsets, SLOW)
{
	guest_access(self, (struct access) { 0, FRAME_SIZE });
	check_reset(_metadata, self->its.its_fd);
	EXPECT_EQ(0, guest_read(self, 0x40, 8));
	EXPECT_EQ(0, guest_read(self, 0x98, 8));
	EXPECT_EQ(0, guest_read(self, 0xff00, 1));
	EXPECT_EQ(0, guest_read(self, FRAME_SIZE - 8, 8));
}

/* Whole or half, a register comes to hold what it holds if the VMM writes it. */
TEST_F(guest, writes)
{
	static const u32 written[] = { GITS_CBASER, BASER(0), BASER(1), BASER(2) };
	const u64 values[] = { ~0ULL, 0, 0x987605a3128702f5, VALID | its_vmm_gpa(&self->its, 0) };
	struct its_vmm *v = &self->its;

	for (u32 i = 0; i < ARRAY_SIZE(written); i++) {
		u32 offset = written[i];

		for (u32 j = 0; j < ARRAY_SIZE(values); j++) {
			u64 val = values[j], expected;

			its_vmm_its_write(v, offset, val);
			expected = its_vmm_its_read(v, offset);
			its_vmm_its_write(v, offset, ~val);
			guest_write(self, offset, 8, val);
			EXPECT_EQ(expected, its_vmm_its_read(v, offset));

			its_vmm_its_write(v, offset, 0);
			guest_write(self, offset + 4, 4, val >> 32);
			guest_write(self, offset, 4, val);
			EXPECT_EQ(expected, its_vmm_its_read(v, offset)) {
				TH_LOG("register %#x: %#lx", offset, val);
			}
		}
	}
}

/* One half leaves the other. */
TEST_F(guest, writes_halves)
{
	static const u32 written[] = { GITS_CBASER, BASER(0), BASER(1) };
	const u64 val = VALID | GITS_BASER_RaWb | its_vmm_gpa(&self->its, 0);
	struct its_vmm *v = &self->its;
	u64 whole;

	for (u32 i = 0; i < ARRAY_SIZE(written); i++) {
		u32 offset = written[i];

		its_vmm_its_write(v, offset, val);
		whole = its_vmm_its_read(v, offset);
		guest_write(self, offset, 4, (u32)val + SZ_64K);
		EXPECT_EQ(whole + SZ_64K, its_vmm_its_read(v, offset));
		guest_write(self, offset + 4, 4, (val & ~VALID) >> 32);
		EXPECT_EQ((whole & ~VALID) + SZ_64K, its_vmm_its_read(v, offset));
	}
}

/* Each half of GITS_CBASER empties the queue. */
TEST_F(guest, cbaser_halves)
{
	struct its_vmm *v = &self->its;

	for (u32 half = 0; half < 8; half += 4) {
		its_vmm_its_write(v, GITS_CBASER, 0xf);
		its_vmm_its_write(v, GITS_CREADR, 0x40);
		its_vmm_its_write(v, GITS_CWRITER, 0x80);
		EXPECT_EQ(OFF, guest_read(self, GITS_CTLR, 4));
		guest_write(self, GITS_CBASER + half, 4, 0);
		EXPECT_EQ(0, guest_read(self, GITS_CREADR, 8));
		EXPECT_EQ(0, guest_read(self, GITS_CWRITER, 8));
		EXPECT_EQ(GITS_CTLR_QUIESCENT, guest_read(self, GITS_CTLR, 4));
	}
}

TEST_F(guest, cwriter)
{
	for (u32 i = 0; i < ARRAY_SIZE(offsets); i++) {
		u64 written = offsets[i].written;
		u64 expected = offsets[i].past ? 0x80 : OFFSET(written);

		its_vmm_its_write(&self->its, GITS_CBASER, offsets[i].pages - 1);
		its_vmm_its_write(&self->its, GITS_CWRITER, 0x80);
		guest_write(self, GITS_CWRITER, 8, written);
		EXPECT_EQ(expected, guest_read(self, GITS_CWRITER, 8));
		its_vmm_its_write(&self->its, GITS_CWRITER, 0x80);
		guest_write(self, GITS_CWRITER, 4, written);
		EXPECT_EQ(expected, guest_read(self, GITS_CWRITER, 4));
		guest_write(self, GITS_CWRITER + 4, 4, ~0ULL);
		EXPECT_EQ(expected, guest_read(self, GITS_CWRITER, 8));
	}
}

static void guest_write_reg(FIXTURE_DATA(guest) * self, u32 offset, u32 bytes, u64 val)
{
	guest_write(self, offset, bytes, val);
	if (bytes == 4)
		guest_write(self, offset + 4, 4, val >> 32);
}

/* A driver's part: tables, queue, a few commands; then MSIs come. */
static void check_driver(struct __test_metadata *_metadata, FIXTURE_DATA(guest) * self,
			 u32 bytes)
{
	struct its_vmm *v = &self->its;

	its_vmm_redist_write(v, 0, GICR_PROPBASER, its_vmm_gpa(v, ITS_VMM_CONFIG) | 15);
	its_vmm_redist_write(v, 0, GICR_PENDBASER, its_vmm_gpa(v, ITS_VMM_PENDING));
	its_vmm_redist_write(v, 0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	guest_write_reg(self, BASER(0), bytes, VALID | its_vmm_gpa(v, ITS_VMM_DEVICES));
	guest_write_reg(self, BASER(1), bytes, VALID | its_vmm_gpa(v, ITS_VMM_COLLECTIONS));
	guest_write_reg(self, GITS_CBASER, bytes, VALID | 15 | its_vmm_gpa(v, ITS_VMM_COMMANDS));
	guest_write(self, GITS_CTLR, 4, GITS_CTLR_ENABLE);
	EXPECT_EQ(ON, guest_read(self, GITS_CTLR, 4));

	its_vmm_queue(v, GITS_CMD_MAPC, 0, VALID);
	its_vmm_queue(v, (u64)DEV << 32 | GITS_CMD_MAPD, 4, VALID | its_vmm_gpa(v, ITS_VMM_ITTS));
	its_vmm_queue(v, (u64)DEV << 32 | GITS_CMD_MAPTI, (u64)LPI << 32, 0);
	guest_write_reg(self, GITS_CWRITER, bytes, v->cwriter);
	EXPECT_EQ(v->cwriter, guest_read(self, GITS_CREADR, bytes));
	EXPECT_EQ(1, signal_event(v));
	EXPECT_TRUE(its_vmm_pending(v, 0, LPI));
}

TEST_F(guest, driver_32)
{
	check_driver(_metadata, self, 4);
}

TEST_F(guest, driver_64)
{
	check_driver(_metadata, self, 8);
}

/* A vCPU has no DeviceID: what it writes there is no MSI. */
TEST_F(guest, translater)
{
	struct its_vmm *v = &self->its;

	check_driver(_metadata, self, 8);
	its_vmm_clear(v, DEV, 0);
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI));
	for (u32 bytes = 1; bytes <= 8; bytes *= 2) {
		EXPECT_EQ(0, guest_read(self, GITS_TRANSLATER, bytes));
		guest_write(self, GITS_TRANSLATER, bytes, 0);
		EXPECT_EQ(0, guest_read(self, GITS_TRANSLATER, bytes));
	}
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI));
	EXPECT_EQ(1, signal_event(v));
	EXPECT_TRUE(its_vmm_pending(v, 0, LPI));
}

/* What is locked while the ITS is enabled is so for the guest. */
TEST_F(guest, locks_registers)
{
	static const u32 locked[] = { GITS_CBASER, BASER(0), BASER(1), GITS_CREADR };
	struct its_vmm *v = &self->its;

	check_driver(_metadata, self, 8);
	for (u32 i = 0; i < ARRAY_SIZE(locked); i++) {
		u64 val = its_vmm_its_read(v, locked[i]);

		guest_write(self, locked[i], 8, ~val);
		guest_write(self, locked[i], 4, ~val);
		guest_write(self, locked[i] + 4, 4, ~val >> 32);
		EXPECT_EQ(val, its_vmm_its_read(v, locked[i]));
	}
	guest_write(self, GITS_CTLR, 4, ~1ULL);
	EXPECT_EQ(OFF, its_vmm_its_read(v, GITS_CTLR));
	guest_write(self, GITS_CTLR, 4, ~0ULL);
	EXPECT_EQ(ON, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_EQ(1, signal_event(v));
}

/* An ITS that comes when the guest runs already. */
TEST_F(guest, late_its)
{
	struct its_vmm *v = &self->its;
	u64 base;

	virt_map(v->vm, GITS_BASE_GPA - FRAME_SIZE, GITS_BASE_GPA - FRAME_SIZE,
		 vm_calc_num_guest_pages(v->vm->mode, FRAME_SIZE));
	its_vmm_add_its(v);
	base = -(u64)FRAME_SIZE;
	EXPECT_EQ(TYPER, guest_read(self, base + GITS_TYPER, 8));
	guest_write(self, base + GITS_CBASER, 8, VALID | GITS_CBASER_RaWb);
	EXPECT_EQ(VALID | GITS_CBASER_RaWb, its_vmm_its_read(v, GITS_CBASER));
	its_vmm_select(v, 0);
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CBASER));
}

/* A vCPU that runs keeps the VMM off. */

static void *vcpu_thread(void *vcpu)
{
	run_guest(vcpu);
	return NULL;
}

TEST_F(guest, busy)
{
	struct its_vmm *v = &self->its;
	u32 *guest_spin, *guest_spinning;
	u64 val = GITS_BASE_GPA;
	pthread_t thread;
	int fd = v->its_fd;

	guest_spin = addr_gva2hva(v->vm, (u64)&spin);
	guest_spinning = addr_gva2hva(v->vm, (u64)&spinning);
	WRITE_ONCE(*guest_spin, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, vcpu_thread, self->vcpu));
	while (!READ_ONCE(*guest_spinning))
		sched_yield();

	for (const struct reg *reg = regs; reg < REGS_END; reg++) {
		EXPECT_EQ(-EBUSY, read_reg(fd, reg->offset, &val));
		EXPECT_EQ(-EBUSY, write_reg(fd, reg->offset, 0));
		EXPECT_EQ(0, has_attr(fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, reg->offset));
	}
	EXPECT_EQ(-EINVAL, read_reg(fd, GITS_TYPER + 4, &val));
	EXPECT_EQ(-EBUSY, set_ctrl(fd, KVM_DEV_ARM_ITS_CTRL_RESET));
	EXPECT_EQ(-EBUSY, set_ctrl(fd, KVM_DEV_ARM_ITS_SAVE_TABLES));
	EXPECT_EQ(-EBUSY, set_ctrl(fd, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	EXPECT_EQ(0, set_ctrl(fd, KVM_DEV_ARM_VGIC_CTRL_INIT));
	EXPECT_EQ(GITS_BASE_GPA, get_addr(fd));
	EXPECT_EQ(-EEXIST, set_addr(fd, GITS_BASE_GPA));

	/* Not from creating one. */
	its_vmm_add_its(v);
	EXPECT_EQ(GITS_BASE_GPA - FRAME_SIZE, get_addr(v->its_fd));
	EXPECT_EQ(-EBUSY, read_reg(v->its_fd, GITS_TYPER, &val));

	WRITE_ONCE(*guest_spin, 0);
	pthread_join(thread, NULL);
	check_reset(_metadata, fd);
	check_reset(_metadata, v->its_fd);
}

TEST_HARNESS_MAIN
