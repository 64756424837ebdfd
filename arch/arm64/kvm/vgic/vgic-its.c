// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ITS from its creation to its end. vgic-its.h has the overview.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/lockdep.h>
#include <linux/slab.h>

#include "vgic-its.h"
#include "vgic.h"

/* Normal memory, write-back, inner shareable: all that KVM does. */
#define ITS_BASER_ATTRS	(GITS_BASER_RaWb | GITS_BASER_InnerShareable)
#define PROPBASER_ATTRS	(GICR_PROPBASER_RaWb | GICR_PROPBASER_InnerShareable)

/* Show lockdep the order in which all later use takes them. */
static void its_teach_lock_order(struct vgic_its *its)
{
	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	guard(mutex)(&its->cmd_lock);
	guard(mutex)(&its->its_lock);
}

/**
 * its_create() - Make an ITS, in the state of reset and without an address.
 * @kvm: The VM.
 *
 * The VM needs DeviceIDs from then on.
 *
 * Context: config_lock.
 * Return: The ITS, or an ERR_PTR: -ENOMEM, or what GICv4 says.
 */
struct vgic_its *its_create(struct kvm *kvm)
{
	struct vgic_dist *dist = &kvm->arch.vgic;
	struct vgic_its *its;
	int ret;

	its = kzalloc_obj(*its, GFP_KERNEL_ACCOUNT);
	if (!its)
		return ERR_PTR(-ENOMEM);
	if (vgic_initialized(kvm)) {
		ret = vgic_v4_init(kvm);
		if (ret < 0) {
			kfree(its);
			return ERR_PTR(ret);
		}
	}

	its->kvm = kvm;
	its->base = VGIC_ADDR_UNDEF;
	mutex_init(&its->cmd_lock);
	mutex_init(&its->its_lock);
	its_teach_lock_order(its);
	its->devid_bits = ITS_DEVICEID_BITS;
	xa_init_flags(&its->wide, XA_FLAGS_ACCOUNT);
	xa_init_flags(&its->collections, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&its->created);
	for (u32 nr = 0; nr < ITS_NR_BASERS; nr++)
		its->baser[nr] = ITS_BASER_ATTRS;
	its_regs_reset(its);

	if (!dist->has_its)
		dist->propbaser = PROPBASER_ATTRS;
	dist->has_its = true;
	WRITE_ONCE(dist->msis_require_devid, true);
	return its;
}

/**
 * its_reset() - Unmap all, and set the registers to what they are at reset.
 * @its: The ITS.
 *
 * GITS_TYPER stays what it is.
 *
 * Waits for a grace period if the ITS was enabled (invariant 4).
 *
 * Context: cmd_lock and its_lock. May sleep.
 */
void its_reset(struct vgic_its *its)
{
	bool enabled = its->enabled;

	lockdep_assert_held(&its->cmd_lock);
	lockdep_assert_held(&its->its_lock);

	its_regs_reset(its);
	/*
	 * Races with its_inject(): one that saw Enabled set must not find what is mapped next.
	 * See Documentation/litmus-tests/kvm/ITS-reset.litmus.
	 */
	if (enabled)
		its_inject_wait();
	its_map_drop_devices(its);
	its_map_drop_collections(its);
}

/**
 * its_destroy() - Free an ITS, with the VM, whose vCPUs are gone already.
 * @its: The ITS.
 *
 * Context: No one else can use @its; irqfds are gone. May sleep.
 */
void its_destroy(struct vgic_its *its)
{
	scoped_guard(mutex, &its->its_lock) {
		its_map_drop_devices(its);
		its_map_drop_collections(its);
	}
	/* Pairs with its_map_freed(), which uses @its. */
	if (smp_load_acquire(&its->freed.waiting))
		rcu_barrier();
	xa_destroy(&its->wide);
	xa_destroy(&its->collections);
	mutex_destroy(&its->its_lock);
	mutex_destroy(&its->cmd_lock);
	kfree(its);
}
