// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an MSI to a pending LPI. vgic-its.h says what holds here, and why.
 */
#include <linux/irqchip/arm-gic-v3.h>

#include "vgic-its.h"
#include "vgic.h"
#include "vgic-lpi-queue.h"

/**
 * its_inject_add_doorbell() - Let MSIs to an ITS's GITS_TRANSLATER reach it.
 * @its: The ITS, with its address set.
 *
 * Context: slots_lock, which orders one against another.
 */
void its_inject_add_doorbell(struct vgic_its *its)
{
	struct vgic_dist *dist = &its->kvm->arch.vgic;

	its->next = dist->its;
	/* Pairs with its_inject_find(): who finds it finds its address and @next. */
	smp_store_release(&dist->its, its);
}

/*
 * The ITS whose doorbell it is. One ITS serves a VM, or one each socket: few enough
 * to look at each. They go with the VM.
 */
static struct vgic_its *its_inject_find(struct kvm *kvm, gpa_t doorbell)
{
	struct vgic_its *its;

	/* Pairs with its_inject_add_doorbell(). */
	for (its = smp_load_acquire(&kvm->arch.vgic.its); its; its = its->next)
		if (doorbell == its->base + GITS_TRANSLATER)
			return its;
	return NULL;
}

/**
 * its_inject_find_msi() - The ITS that an MSI is sent to.
 * @kvm: The VM.
 * @msi: The MSI.
 *
 * Context: Any.
 * Return: The ITS, or NULL if none has its doorbell at the address.
 */
struct vgic_its *its_inject_find_msi(struct kvm *kvm, const struct kvm_msi *msi)
{
	return its_inject_find(kvm, (u64)msi->address_hi << 32 | msi->address_lo);
}

/*
 * With irq_lock held: what stands between @event, which was found to be @irq, and
 * that becoming pending.
 */
static enum vgic_msi_outcome its_inject_check(struct its_event *event, struct vgic_irq *irq)
{
	struct its_collection *coll;

	if (event->irq != irq)
		return VGIC_MSI_EVENT_UNMAPPED;
	coll = event->collection;
	if (!coll || !READ_ONCE(coll->target))
		return VGIC_MSI_COLLECTION_UNMAPPED;
	if (!irq->target_vcpu)
		return VGIC_MSI_TARGET_ABSENT;
	if (!vgic_lpis_enabled(irq->target_vcpu))
		return VGIC_MSI_LPIS_DISABLED;
	if (irq->hw)
		return VGIC_MSI_FORWARDED;
	if (irq->pending_latch)
		return VGIC_MSI_MERGED;
	return irq->lr_vcpu ? VGIC_MSI_IN_LR : VGIC_MSI_DELIVERED;
}

static enum vgic_msi_outcome its_inject_event(struct its_event *event)
{
	struct vgic_irq *irq = READ_ONCE(event->irq);
	enum vgic_msi_outcome outcome;
	struct kvm_vcpu *vcpu;

	if (!irq)
		return VGIC_MSI_EVENT_UNMAPPED;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		outcome = its_inject_check(event, irq);
		if (outcome > VGIC_MSI_MERGED)
			return outcome;
		irq->pending_latch = true;
		/* One that is disabled is in no queue until its configuration enables it. */
		vcpu = irq->enabled ? vgic_lpi_queue_update(irq) : NULL;
	}
	/* The delivered path without a call, where there is nobody to kick. */
	if (vcpu)
		vgic_lpi_queue_kick(vcpu);
	return outcome;
}

/**
 * its_inject() - Make the LPI of an event pending.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 * @evid: EventID, of any value.
 *
 * Context: Any.
 * Return: What became of it.
 */
enum vgic_msi_outcome its_inject(struct vgic_its *its, u32 devid, u32 evid)
{
	struct its_device *dev;
	struct its_event *event;

	guard(rcu)();

	/* Invariant 4: inside the RCU section. */
	if (!READ_ONCE(its->enabled))
		return VGIC_MSI_ITS_DISABLED;
	dev = its_map_find_device(its, devid);
	if (!dev)
		return VGIC_MSI_DEVICE_UNMAPPED;
	event = xa_load(&dev->events, evid);
	if (!event)
		return VGIC_MSI_EVENT_UNMAPPED;
	return its_inject_event(event);
}

/* Set a forwarded LPI pending in the host's GIC. Return: false if it is not forwarded. */
static bool its_inject_forwarded(struct vgic_irq *irq)
{
	guard(raw_spinlock_irqsave)(&irq->irq_lock);
	if (!irq->hw)
		return false;
	WARN_ON_ONCE(its_forward_set_pending(irq, true));
	return true;
}

/**
 * its_inject_sleeping() - The same, for an LPI that GICv4 forwards as well.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 * @evid: EventID, of any value.
 *
 * Forwarding may start and stop meanwhile, by events of other ITSes.
 *
 * Context: its_lock, so that the event stays mapped. May sleep.
 * Return: What became of it; VGIC_MSI_FORWARDED: the host's GIC has it.
 */
enum vgic_msi_outcome its_inject_sleeping(struct vgic_its *its, u32 devid, u32 evid)
{
	enum vgic_msi_outcome outcome;

	lockdep_assert_held(&its->its_lock);

	do {
		outcome = its_inject(its, devid, evid);
	} while (outcome == VGIC_MSI_FORWARDED &&
		 !its_inject_forwarded(its_map_find(its, devid, evid)->irq));
	return outcome;
}

/**
 * vgic_its_inject_msi() - Deliver an MSI to the ITS whose doorbell it is sent to.
 * @kvm: The VM.
 * @msi: The MSI, with a DeviceID.
 *
 * Context: Any.
 * Return: What became of it. One that is VGIC_MSI_FORWARDED is left to
 * vgic_its_inject_msi_sleeping().
 */
enum vgic_msi_outcome vgic_its_inject_msi(struct kvm *kvm, const struct kvm_msi *msi)
{
	struct vgic_its *its = its_inject_find_msi(kvm, msi);

	return its ? its_inject(its, msi->devid, msi->data) : VGIC_MSI_NO_DOORBELL;
}

/**
 * vgic_its_inject_msi_sleeping() - The same, for an LPI that GICv4 forwards as well.
 * @kvm: The VM.
 * @msi: The MSI, with a DeviceID.
 *
 * Context: May sleep.
 * Return: What became of it; VGIC_MSI_FORWARDED: the host's GIC has it.
 */
enum vgic_msi_outcome vgic_its_inject_msi_sleeping(struct kvm *kvm, const struct kvm_msi *msi)
{
	struct vgic_its *its = its_inject_find_msi(kvm, msi);

	if (!its)
		return VGIC_MSI_NO_DOORBELL;
	guard(mutex)(&its->its_lock);
	return its_inject_sleeping(its, msi->devid, msi->data);
}

/**
 * its_inject_wait() - Wait for the injections that are going on.
 *
 * For who has cleared what injection tests in its RCU section (invariant 4).
 *
 * Context: May sleep.
 */
void its_inject_wait(void)
{
	synchronize_rcu();
}
