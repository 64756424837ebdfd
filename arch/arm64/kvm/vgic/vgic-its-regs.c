// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame of ITS registers (IHI 0069, "ITS registers"), as the guest and as
 * userspace accesses it. GITS_TRANSLATER is no register here: MSIs to it
 * come another way (vgic-its-inject.c), and a vCPU has nothing to write there.
 */
#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sizes.h>

#include "vgic-its.h"
#include "vgic.h"
#include "vgic-mmio.h"

/* What a command offset may have; the queue's size cuts it further. */
#define ITS_CMD_OFFSET		GENMASK(19, 5)
/* The queue starts at a multiple of 64 KiB. */
#define ITS_CBASER_RES0		GENMASK_ULL(15, 12)
/* Type and entry size are KVM's to say. */
#define ITS_BASER_RO		(GENMASK_ULL(58, 56) | GITS_BASER_ENTRY_SIZE_MASK)

static unsigned long its_regs_read_ctlr(struct kvm *kvm, struct vgic_its *its,
					gpa_t addr, unsigned int len)
{
	bool quiescent;

	/* Pairs with its_regs_set_enabled(): @disabling was set before. */
	if (!smp_load_acquire(&its->enabled)) {
		/* Pairs with its_regs_set_enabled(): injections are over. */
		quiescent = !smp_load_acquire(&its->disabling);
		return quiescent ? GITS_CTLR_QUIESCENT : 0;
	}
	/* Pairs with its_cmd_advance(): quiescent is to mean that all is done. */
	quiescent = smp_load_acquire(&its->creadr) == READ_ONCE(its->cwriter);
	return GITS_CTLR_ENABLE | (quiescent ? GITS_CTLR_QUIESCENT : 0);
}

/* To enable it without memory for tables and queue is UNPREDICTABLE. */
static bool its_regs_may_enable(struct vgic_its *its)
{
	return its->baser[ITS_BASER_DEVICES] & its->baser[ITS_BASER_COLLECTIONS] &
	       GITS_BASER_VALID && its->cbaser & GITS_CBASER_VALID;
}

/*
 * No command is run while cmd_lock is held, so that the ITS is idle once injections are
 * over. A command that was interrupted begins anew when the ITS is enabled again.
 */
static void its_regs_set_enabled(struct vgic_its *its, bool enable)
{
	lockdep_assert_held(&its->cmd_lock);

	WRITE_ONCE(its->disabling, !enable);
	/* Pairs with its_regs_read_ctlr(): a reader that sees it cleared sees @disabling set. */
	smp_store_release(&its->enabled, enable);
	if (enable) {
		its->was_enabled = true;
		return;
	}
	its->walk.vcpu = NULL;
	its_inject_wait();
	/* Pairs with its_regs_read_ctlr(). */
	smp_store_release(&its->disabling, false);
}

static void its_regs_write_ctlr(struct kvm *kvm, struct vgic_its *its,
				gpa_t addr, unsigned int len, unsigned long val)
{
	bool enable = val & GITS_CTLR_ENABLE;

	scoped_guard(mutex, &its->cmd_lock) {
		if (enable && !its->enabled && !its_regs_may_enable(its))
			return;
		if (enable != its->enabled)
			its_regs_set_enabled(its, enable);
	}
	its_cmd_process(its);
}

static unsigned long its_regs_read_iidr(struct kvm *kvm, struct vgic_its *its,
					gpa_t addr, unsigned int len)
{
	return PRODUCT_ID_KVM << GITS_IIDR_PRODUCTID_SHIFT |
	       ITS_ABI_REV << GITS_IIDR_REV_SHIFT | IMPLEMENTER_ARM;
}

/* Userspace chooses the revision of the tables: there is one. */
static int its_regs_set_iidr(struct kvm *kvm, struct vgic_its *its,
			     gpa_t addr, unsigned int len, unsigned long val)
{
	return GITS_IIDR_REV(val) == ITS_ABI_REV ? 0 : -EINVAL;
}

static unsigned long its_regs_read_typer(struct kvm *kvm, struct vgic_its *its,
					 gpa_t addr, unsigned int len)
{
	u64 typer = GITS_TYPER_PLPIS |
		    FIELD_PREP(GITS_TYPER_ITT_ENTRY_SIZE, ITS_ENTRY_BYTES - 1) |
		    FIELD_PREP(GITS_TYPER_IDBITS, ITS_EVENTID_BITS - 1) |
		    FIELD_PREP(GITS_TYPER_DEVBITS, READ_ONCE(its->devid_bits) - 1);

	return extract_bytes(typer, addr & 7, len);
}

/*
 * Userspace chooses how many bits DeviceIDs have. A VMM that knows no such choice may write
 * anything below what it has read.
 */
static int its_regs_set_typer(struct kvm *kvm, struct vgic_its *its,
			      gpa_t addr, unsigned int len, unsigned long val)
{
	u32 bits = FIELD_GET(GITS_TYPER_DEVBITS, val) + 1;

	guard(mutex)(&its->cmd_lock);
	guard(mutex)(&its->its_lock);

	if (bits < ITS_DEVICEID_BITS || bits == its->devid_bits)
		return 0;
	if (bits > ITS_MAX_DEVICEID_BITS)
		return -EINVAL;
	if (its->was_enabled || its->nr_devices || its->nr_collections)
		return -EBUSY;
	WRITE_ONCE(its->devid_bits, bits);
	return 0;
}

static unsigned long its_regs_read_cbaser(struct kvm *kvm, struct vgic_its *its,
					  gpa_t addr, unsigned int len)
{
	return extract_bytes(READ_ONCE(its->cbaser), addr & 7, len);
}

/* Memory attributes are in the same place in GITS_CBASER and GITS_BASERn. */
static u64 its_regs_sanitise_attrs(u64 reg)
{
	static_assert(GITS_CBASER_SHAREABILITY_MASK == GITS_BASER_SHAREABILITY_MASK);
	static_assert(GITS_CBASER_INNER_CACHEABILITY_MASK == GITS_BASER_INNER_CACHEABILITY_MASK);
	static_assert(GITS_CBASER_OUTER_CACHEABILITY_MASK == GITS_BASER_OUTER_CACHEABILITY_MASK);

	static const struct {
		u64	mask;
		u64	(*sanitise)(u64 field);
	} fields[] = {
		{ GITS_BASER_SHAREABILITY_MASK,		vgic_sanitise_shareability },
		{ GITS_BASER_INNER_CACHEABILITY_MASK,	vgic_sanitise_inner_cacheability },
		{ GITS_BASER_OUTER_CACHEABILITY_MASK,	vgic_sanitise_outer_cacheability },
	};

	for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
		reg = vgic_sanitise_field(reg, fields[i].mask, __ffs(fields[i].mask),
					  fields[i].sanitise);
	return reg;
}

static void its_regs_write_cbaser(struct kvm *kvm, struct vgic_its *its,
				  gpa_t addr, unsigned int len, unsigned long val)
{
	guard(mutex)(&its->cmd_lock);

	if (its->enabled)
		return;
	val = update_64bit_reg(its->cbaser, addr & 7, len, val);
	WRITE_ONCE(its->cbaser, its_regs_sanitise_attrs(val) & ~ITS_CBASER_RES0);
	/* GITS_CWRITER is UNKNOWN then: let the queue be empty. */
	WRITE_ONCE(its->creadr, 0);
	WRITE_ONCE(its->cwriter, 0);
}

static unsigned long its_regs_read_cwriter(struct kvm *kvm, struct vgic_its *its,
					   gpa_t addr, unsigned int len)
{
	return extract_bytes(READ_ONCE(its->cwriter), addr & 7, len);
}

static void its_regs_write_cwriter(struct kvm *kvm, struct vgic_its *its,
				   gpa_t addr, unsigned int len, unsigned long val)
{
	scoped_guard(mutex, &its->cmd_lock) {
		val = update_64bit_reg(its->cwriter, addr & 7, len, val) & ITS_CMD_OFFSET;
		if (val >= its_cmd_queue_bytes(its))
			return;
		WRITE_ONCE(its->cwriter, val);
	}
	its_cmd_process(its);
}

static unsigned long its_regs_read_creadr(struct kvm *kvm, struct vgic_its *its,
					  gpa_t addr, unsigned int len)
{
	/* Pairs with its_cmd_advance(). */
	return extract_bytes(smp_load_acquire(&its->creadr), addr & 7, len);
}

/* The guest can't write it, but the VMM that restores it can. */
static int its_regs_set_creadr(struct kvm *kvm, struct vgic_its *its,
			       gpa_t addr, unsigned int len, unsigned long val)
{
	guard(mutex)(&its->cmd_lock);

	if (its->enabled)
		return -EBUSY;
	val &= ITS_CMD_OFFSET;
	if (val >= its_cmd_queue_bytes(its))
		return -EINVAL;
	WRITE_ONCE(its->creadr, val);
	return 0;
}

static u32 its_regs_baser_index(gpa_t addr)
{
	return array_index_nospec((addr / sizeof(u64)) % GITS_BASER_NR_REGS, GITS_BASER_NR_REGS);
}

static unsigned long its_regs_read_baser(struct kvm *kvm, struct vgic_its *its,
					 gpa_t addr, unsigned int len)
{
	u32 nr = its_regs_baser_index(addr);
	u64 baser = nr < ITS_NR_BASERS ? READ_ONCE(its->baser[nr]) : 0;

	return extract_bytes(baser, addr & 7, len);
}

static const struct {
	u64	type;
	u64	res0;
	void	(*drop)(struct vgic_its *its);	/* what it had the place of */
} its_regs_basers[ITS_NR_BASERS] = {
	[ITS_BASER_DEVICES]	= { GITS_BASER_TYPE_DEVICE, 0, its_map_drop_devices },
	[ITS_BASER_COLLECTIONS]	= { GITS_BASER_TYPE_COLLECTION, GITS_BASER_INDIRECT,
				    its_map_drop_collections },
};

static u64 its_regs_sanitise_baser(u32 nr, u64 reg)
{
	reg &= ~(ITS_BASER_RO | GITS_BASER_PAGE_SIZE_MASK | its_regs_basers[nr].res0);
	reg |= its_regs_basers[nr].type << GITS_BASER_TYPE_SHIFT;
	reg |= FIELD_PREP(GITS_BASER_ENTRY_SIZE_MASK, ITS_ENTRY_BYTES - 1);
	return its_regs_sanitise_attrs(reg | GITS_BASER_PAGE_SIZE_64K);
}

static void its_regs_write_baser(struct kvm *kvm, struct vgic_its *its,
				 gpa_t addr, unsigned int len, unsigned long val)
{
	u32 nr = its_regs_baser_index(addr);

	guard(mutex)(&its->cmd_lock);

	if (its->enabled || nr >= ITS_NR_BASERS)
		return;
	guard(mutex)(&its->its_lock);

	val = update_64bit_reg(its->baser[nr], addr & 7, len, val);
	val = its_regs_sanitise_baser(nr, val);
	/* A guest that resumes writes what is there; that keeps the map. */
	if (val == its->baser[nr])
		return;
	WRITE_ONCE(its->baser[nr], val);
	its_regs_basers[nr].drop(its);
}

/* GITS_PIDRn and GITS_CIDRn, as the GIC architecture lays them out. */
static const u8 its_regs_ids[] = {
#define ITS_ID(reg)	((GITS_##reg - GITS_IDREGS_BASE) / sizeof(u32))
	[ITS_ID(PIDR4)] = 0x40,				/* one page of 64 KiB */
	[ITS_ID(PIDR0)] = 0x92, [ITS_ID(PIDR1)] = 0xb4,	/* part 0x492, of Arm */
	[ITS_ID(PIDR2)] = GIC_PIDR2_ARCH_GICv3 | 0x0b,
	[ITS_ID(CIDR0)] = 0x0d, [ITS_ID(CIDR1)] = 0xf0,
	[ITS_ID(CIDR2)] = 0x05, [ITS_ID(CIDR3)] = 0xb1,
};

static unsigned long its_regs_read_id(struct kvm *kvm, struct vgic_its *its,
				      gpa_t addr, unsigned int len)
{
	u32 nr = ((addr & (SZ_64K - 1)) - GITS_IDREGS_BASE) / sizeof(u32);

	return its_regs_ids[array_index_nospec(nr, ARRAY_SIZE(its_regs_ids))];
}

static void its_regs_write_ignored(struct kvm *kvm, struct vgic_its *its,
				   gpa_t addr, unsigned int len, unsigned long val)
{
}

#define ITS_REG(_offset, _len, _access, _read, _write, _set)	\
	{							\
		.reg_offset		= (_offset),		\
		.len			= (_len),		\
		.access_flags		= (_access),		\
		.its_read		= its_regs_read_##_read, \
		.its_write		= its_regs_write_##_write, \
		.uaccess_its_write	= (_set),		\
	}

#define ITS_REG32	VGIC_ACCESS_32bit
#define ITS_REG64	(VGIC_ACCESS_64bit | VGIC_ACCESS_32bit)

/* Where userspace has no way of its own to write, it writes as the guest does. */
static const struct vgic_register_region its_regs[] = {
	ITS_REG(GITS_CTLR,	 4,    ITS_REG32, ctlr,	   ctlr,    NULL),
	ITS_REG(GITS_IIDR,	 4,    ITS_REG32, iidr,	   ignored, its_regs_set_iidr),
	ITS_REG(GITS_TYPER,	 8,    ITS_REG64, typer,   ignored, its_regs_set_typer),
	ITS_REG(GITS_CBASER,	 8,    ITS_REG64, cbaser,  cbaser,  NULL),
	ITS_REG(GITS_CWRITER,	 8,    ITS_REG64, cwriter, cwriter, NULL),
	ITS_REG(GITS_CREADR,	 8,    ITS_REG64, creadr,  ignored, its_regs_set_creadr),
	ITS_REG(GITS_BASER,	 0x40, ITS_REG64, baser,   baser,   NULL),
	ITS_REG(GITS_IDREGS_BASE, 0x30, ITS_REG32, id,	   ignored, NULL),
};

/**
 * its_regs_reset() - Set all registers to what they are at reset.
 * @its: The ITS.
 *
 * Of GITS_BASERn, only Valid has a value at reset: the rest is kept.
 *
 * Context: No one else can use @its, or cmd_lock and its_lock.
 */
void its_regs_reset(struct vgic_its *its)
{
	WRITE_ONCE(its->enabled, false);
	its->cbaser = 0;
	its->creadr = 0;
	its->cwriter = 0;
	its->walk.vcpu = NULL;
	for (u32 nr = 0; nr < ITS_NR_BASERS; nr++)
		its->baser[nr] = its_regs_sanitise_baser(nr, its->baser[nr] & ~GITS_BASER_VALID);
}

/**
 * its_regs_map_frame() - Put the ITS into the guest's address space.
 * @its: The ITS.
 * @base: Address, as vgic_check_iorange() accepts it.
 *
 * Context: Takes slots_lock.
 * Return: 0; -EBUSY if it is there already; or what the bus says.
 */
int its_regs_map_frame(struct vgic_its *its, gpa_t base)
{
	struct vgic_io_device *iodev = &its->iodev;
	int ret;

	guard(mutex)(&its->kvm->slots_lock);

	if (!IS_VGIC_ADDR_UNDEF(its->base))
		return -EBUSY;

	iodev->regions = its_regs;
	iodev->nr_regions = ARRAY_SIZE(its_regs);
	iodev->base_addr = base;
	iodev->iodev_type = IODEV_ITS;
	iodev->its = its;
	kvm_iodevice_init(&iodev->dev, &kvm_io_gic_ops);
	ret = kvm_io_bus_register_dev(its->kvm, KVM_MMIO_BUS, base, ITS_FRAME_SIZE, &iodev->dev);
	if (ret)
		return ret;

	its->base = base;
	its_inject_add_doorbell(its);
	return 0;
}

static const struct vgic_register_region *its_regs_find(u64 offset)
{
	if (offset >= ITS_FRAME_SIZE)
		return NULL;
	return vgic_find_mmio_region(its_regs, ARRAY_SIZE(its_regs), offset);
}

/* Userspace accesses a register whole. */
static bool its_regs_is_aligned(u64 offset)
{
	bool narrow = offset < GITS_TYPER || offset >= GITS_IDREGS_BASE;

	return IS_ALIGNED(offset, narrow ? sizeof(u32) : sizeof(u64));
}

/**
 * its_regs_has() - Whether userspace can access a register.
 * @offset: Offset in the frame.
 *
 * Return: 0, -EINVAL if it is not aligned, -ENXIO if there is none.
 */
int its_regs_has(u64 offset)
{
	if (!its_regs_is_aligned(offset))
		return -EINVAL;
	return its_regs_find(offset) ? 0 : -ENXIO;
}

/**
 * its_regs_access() - Access a register for userspace.
 * @its: The ITS.
 * @offset: Offset in the frame, for which its_regs_has() is 0.
 * @val: What is read, or to write.
 * @write: Which of them.
 *
 * Context: kvm->lock, all vCPUs' mutexes, config_lock.
 * Return: 0; -ENXIO if the ITS has no address yet; for some registers, -EBUSY or
 * -EINVAL if the value is refused.
 */
int its_regs_access(struct vgic_its *its, u64 offset, u64 *val, bool write)
{
	const struct vgic_register_region *reg = its_regs_find(offset);
	u32 len = reg->access_flags & VGIC_ACCESS_64bit ? sizeof(u64) : sizeof(u32);
	int ret = 0;

	if (IS_VGIC_ADDR_UNDEF(its->base))
		return -ENXIO;

	offset += its->base;
	if (!write)
		*val = reg->its_read(its->kvm, its, offset, len);
	else if (reg->uaccess_its_write)
		ret = reg->uaccess_its_write(its->kvm, its, offset, len, *val);
	else
		reg->its_write(its->kvm, its, offset, len, *val);
	return ret;
}
