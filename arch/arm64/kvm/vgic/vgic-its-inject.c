// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an MSI to a pending LPI. vgic-its.h says what holds here, and why.
 */
#include <linux/irqchip/arm-gic-v3.h>

#include "vgic-its.h"
#include "vgic.h"

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

static struct vgic_its *its_inject_find_msi(struct kvm *kvm, const struct kvm_msi *msi)
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
	return irq->pending_latch ? VGIC_MSI_MERGED : VGIC_MSI_DELIVERED;
}

static enum vgic_msi_outcome its_inject_event(struct kvm *kvm, struct its_event *event)
{
	struct vgic_irq *irq = READ_ONCE(event->irq);
	enum vgic_msi_outcome outcome;
	unsigned long flags;

	if (!irq)
		return VGIC_MSI_EVENT_UNMAPPED;

	raw_spin_lock_irqsave(&irq->irq_lock, flags);
	outcome = its_inject_check(event, irq);
	if (outcome > VGIC_MSI_MERGED) {
		raw_spin_unlock_irqrestore(&irq->irq_lock, flags);
		return outcome;
	}
	irq->pending_latch = true;
	/*
	 * Queue it if it was pending, too: the vCPU may have taken it meanwhile. One
	 * that is disabled is queued when its configuration enables it.
	 */
	if (irq->enabled)
		vgic_queue_irq_unlock(kvm, irq, flags);
	else
		raw_spin_unlock_irqrestore(&irq->irq_lock, flags);
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
	return its_inject_event(its->kvm, event);
}

/**
 * its_inject_sleeping() - The same, for an LPI that GICv4 forwards as well.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 * @evid: EventID, of any value.
 *
 * Context: its_lock, so that what is forwarded stays so. May sleep.
 * Return: What became of it; VGIC_MSI_FORWARDED: the host's GIC has it.
 */
enum vgic_msi_outcome its_inject_sleeping(struct vgic_its *its, u32 devid, u32 evid)
{
	enum vgic_msi_outcome outcome = its_inject(its, devid, evid);

	lockdep_assert_held(&its->its_lock);

	if (outcome == VGIC_MSI_FORWARDED) {
		struct vgic_irq *irq = its_map_find(its, devid, evid)->irq;

		/* Another ITS, with the same INTID, may have ended it since. */
		if (!READ_ONCE(irq->hw))
			return its_inject(its, devid, evid);
		irq_set_irqchip_state(irq->host_irq, IRQCHIP_STATE_PENDING, true);
	}
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

/* For vgic-v4.c, which forwards LPIs. */

/**
 * vgic_msi_to_its() - The ITS that an MSI is sent to.
 * @kvm: The VM.
 * @msi: The MSI.
 *
 * Return: The ITS, or an ERR_PTR: -ENODEV without an ITS in the VM, -EINVAL without
 * a DeviceID or at another address.
 */
struct vgic_its *vgic_msi_to_its(struct kvm *kvm, struct kvm_msi *msi)
{
	if (!vgic_has_its(kvm))
		return ERR_PTR(-ENODEV);
	if (!(msi->flags & KVM_MSI_VALID_DEVID))
		return ERR_PTR(-EINVAL);
	return its_inject_find_msi(kvm, msi) ?: ERR_PTR(-EINVAL);
}

void vgic_its_lock(struct vgic_its *its)
{
	mutex_lock(&its->its_lock);
}

void vgic_its_unlock(struct vgic_its *its)
{
	mutex_unlock(&its->its_lock);
}

/**
 * vgic_its_resolve_lpi() - The LPI of an event.
 * @kvm: The VM.
 * @its: The ITS.
 * @devid: DeviceID.
 * @eventid: EventID.
 * @irq: Where to put the LPI.
 *
 * Context: vgic_its_lock() is held, and as long as it is the LPI stays.
 * Return: 0; -EBUSY if the ITS or the target's LPIs are disabled; an error of the
 * architecture if there is no LPI, or no target.
 */
int vgic_its_resolve_lpi(struct kvm *kvm, struct vgic_its *its, u32 devid, u32 eventid,
			 struct vgic_irq **irq)
{
	struct its_event *event;

	lockdep_assert_held(&its->its_lock);

	if (!its->enabled)
		return -EBUSY;
	event = its_map_find(its, devid, eventid);
	if (!event || !event->collection || !event->collection->target ||
	    !event->irq->target_vcpu)
		return ITS_ERROR(ITS_CLASS_INT, ITS_UNMAPPED_INTERRUPT);
	if (!vgic_lpis_enabled(event->irq->target_vcpu))
		return -EBUSY;
	*irq = event->irq;
	return 0;
}
