// SPDX-License-Identifier: GPL-2.0-only
/*
 * LPIs that GICv4 forwards: the host's ITS makes them pending for a vCPU, and the host
 * takes no interrupt.
 *
 * The bypass manager connects an irqfd with the device that signals its eventfd. The
 * irqfd then forwards the LPI that its route leads to. Where it cannot, because there is
 * no GICv4, the guest has not mapped the event, or has disabled the ITS or its LPIs, the
 * eventfd delivers as before: that is no error.
 *
 * vgic_irq.hw says that an LPI is forwarded, and vgic_irq.host_irq from which host
 * interrupt. Both change with irq_lock held, together with the host's vLPI mapping.
 *
 * kvm_kernel_irqfd.irq_bypass_data is the LPI that the irqfd has forwarded, with a
 * reference. It is guarded by kvm->irqfds.lock. So the end of forwarding finds the LPI
 * whatever the guest has done to its map since then. Forwarding ends
 *
 *  - when the device or the eventfd goes (kvm_arch_irq_bypass_del_producer()),
 *  - when the route changes (kvm_arch_update_irqfd_routing()), or
 *  - when the event is unmapped (its_forward_drop()). irq_bypass_data keeps its reference
 *    then, but the LPI may belong to another host interrupt by the time it is dropped.
 *
 * All irqfds are torn down before the vCPUs of a VM are freed, so no vPE is used after
 * its vCPU.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqchip/arm-gic-v4.h>
#include <linux/kvm_irqfd.h>

#include "vgic-its.h"
#include "vgic.h"
#include "vgic-lpi-queue.h"

static struct its_vpe *its_forward_vpe(struct kvm_vcpu *vcpu)
{
	return &vcpu->arch.vgic_cpu.vgic_v3.its_vpe;
}

/*
 * The LPI of an event that can be forwarded, or NULL. Once it is forwarded, only the end
 * of the event's mapping stops it: the guest can disable the ITS or its LPIs, or unmap
 * the collection, and the host's GIC still delivers what the device sends.
 */
static struct vgic_irq *its_forward_find(struct vgic_its *its, u32 devid, u32 evid)
{
	struct kvm_vcpu *target;
	struct its_event *event;

	lockdep_assert_held(&its->its_lock);

	event = READ_ONCE(its->enabled) ? its_map_find(its, devid, evid) : NULL;
	if (!event || !event->collection || !event->collection->target)
		return NULL;
	/* Another ITS may retarget the LPI now; either vCPU is good to look at. */
	target = READ_ONCE(event->irq->target_vcpu);
	return target && vgic_lpis_enabled(target) ? event->irq : NULL;
}

/* With irq_lock held. Return: 0, or an error of the host's ITS. */
static int its_forward_map(struct kvm *kvm, struct vgic_irq *irq, unsigned int host_irq)
{
	struct its_vlpi_map map = {
		.vm		= &kvm->arch.vgic.its_vm,
		.vpe		= its_forward_vpe(irq->target_vcpu),
		.vintid		= irq->intid,
		.properties	= irq->priority | LPI_PROP_GROUP1 |
				  (irq->enabled ? LPI_PROP_ENABLED : 0),
		.db_enabled	= true,
	};
	int ret;

	lockdep_assert_held(&irq->irq_lock);

	ret = its_map_vlpi(host_irq, &map);
	if (ret)
		return ret;
	atomic_inc(&map.vpe->vlpi_count);
	irq->host_irq = host_irq;
	irq->hw = true;
	return 0;
}

static void its_forward_unmap(struct vgic_irq *irq)
{
	lockdep_assert_held(&irq->irq_lock);

	irq->hw = false;
	its_unmap_vlpi(irq->host_irq);
	atomic_dec(&its_forward_vpe(irq->target_vcpu)->vlpi_count);
}

/*
 * The bypass manager has halted the guest, but a vCPU that is about to enter it may have
 * the LPI in a list register. Whether it is pending there is not known before its exit.
 */
static void its_forward_start(struct kvm_kernel_irqfd *irqfd, struct vgic_irq *irq)
{
	unsigned int host_irq = irqfd->producer->irq;
	struct kvm *kvm = irqfd->kvm;
	unsigned long flags;

	lockdep_assert_held(&kvm->irqfds.lock);

	raw_spin_lock_irqsave(&irq->irq_lock, flags);
	/* Another host interrupt may have it, or the host's ITS may not be a GICv4 one. */
	if (irq->hw || its_forward_map(kvm, irq, host_irq)) {
		raw_spin_unlock_irqrestore(&irq->irq_lock, flags);
		return;
	}
	vgic_get_irq_ref(irq);
	irqfd->irq_bypass_data = irq;

	if (irq->pending_latch || irq->lr_vcpu)
		WARN_ON_ONCE(its_forward_set_pending(irq, true));
	/* It leaves the queue of its vCPU. */
	vgic_lpi_queue_withdraw(irq);
	raw_spin_unlock_irqrestore(&irq->irq_lock, flags);
}

/*
 * What is pending in the vPE's table cannot be read while the vPE is mapped. Make the LPI
 * pending, unless the guest has disabled its LPIs: an interrupt too many does no harm, one
 * that is lost does.
 */
static void its_forward_stop(struct kvm_kernel_irqfd *irqfd)
{
	struct vgic_irq *irq = irqfd->irq_bypass_data;
	struct kvm_vcpu *vcpu = NULL;

	lockdep_assert_held(&irqfd->kvm->irqfds.lock);

	if (!irq)
		return;
	irqfd->irq_bypass_data = NULL;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		if (irq->hw && irq->host_irq == irqfd->producer->irq) {
			its_forward_unmap(irq);
			irq->pending_latch = vgic_lpis_enabled(irq->target_vcpu);
			vcpu = vgic_lpi_queue_update(irq);
		}
	}
	vgic_lpi_queue_kick(vcpu);
	vgic_put_irq(irqfd->kvm, irq);
}

static bool its_forward_same_route(const struct kvm_kernel_irq_routing_entry *a,
				   const struct kvm_kernel_irq_routing_entry *b)
{
	return a->type == b->type &&
	       (a->type != KVM_IRQ_ROUTING_MSI || !memcmp(&a->msi, &b->msi, sizeof(a->msi)));
}

/* Forward by @route. Return: false if that is not the route of @irqfd any more. */
static bool its_forward_try(struct kvm_kernel_irqfd *irqfd,
			    const struct kvm_kernel_irq_routing_entry *route)
{
	struct vgic_its *its = its_inject_find_msi(irqfd->kvm, &route->msi);
	struct vgic_irq *irq;

	if (route->type != KVM_IRQ_ROUTING_MSI || !its ||
	    !(route->msi.flags & KVM_MSI_VALID_DEVID))
		return true;

	guard(mutex)(&its->its_lock);
	irq = its_forward_find(its, route->msi.devid, route->msi.data);
	if (!irq)
		return true;

	guard(spinlock_irq)(&irqfd->kvm->irqfds.lock);
	if (!its_forward_same_route(route, &irqfd->irq_entry))
		return false;
	its_forward_start(irqfd, irq);
	return true;
}

/*
 * its_lock is a mutex, so the route is copied first. Races with
 * kvm_arch_update_irqfd_routing(): it has nothing to stop before its_forward_start(), so
 * that must see the route that it has left.
 */
int kvm_arch_irq_bypass_add_producer(struct irq_bypass_consumer *consumer,
				     struct irq_bypass_producer *producer)
{
	struct kvm_kernel_irqfd *irqfd =
		container_of(consumer, struct kvm_kernel_irqfd, consumer);
	struct kvm_kernel_irq_routing_entry route;

	if (!vgic_supports_direct_msis(irqfd->kvm))
		return 0;

	scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)
		irqfd->producer = producer;
	do {
		scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)
			route = irqfd->irq_entry;
	} while (!its_forward_try(irqfd, &route));
	return 0;
}

void kvm_arch_irq_bypass_del_producer(struct irq_bypass_consumer *consumer,
				      struct irq_bypass_producer *producer)
{
	struct kvm_kernel_irqfd *irqfd =
		container_of(consumer, struct kvm_kernel_irqfd, consumer);

	guard(spinlock_irq)(&irqfd->kvm->irqfds.lock);
	its_forward_stop(irqfd);
	irqfd->producer = NULL;
}

/* A new route is not forwarded: to find its LPI takes a mutex. The eventfd delivers. */
void kvm_arch_update_irqfd_routing(struct kvm_kernel_irqfd *irqfd,
				   struct kvm_kernel_irq_routing_entry *old,
				   struct kvm_kernel_irq_routing_entry *new)
{
	if (!its_forward_same_route(old, new))
		its_forward_stop(irqfd);
}

bool kvm_arch_irqfd_is_bypassed(struct kvm_kernel_irqfd *irqfd)
{
	struct vgic_irq *irq = irqfd->irq_bypass_data;

	lockdep_assert_held(&irqfd->kvm->irqfds.lock);

	if (!irq || !irqfd->producer)
		return false;
	guard(raw_spinlock)(&irq->irq_lock);
	return irq->hw && irq->host_irq == irqfd->producer->irq;
}

/**
 * its_forward_drop() - Stop forwarding an LPI that is unmapped, if it is forwarded.
 * @irq: The LPI.
 *
 * Its pending state goes.
 *
 * Context: irq_lock.
 */
void its_forward_drop(struct vgic_irq *irq)
{
	lockdep_assert_held(&irq->irq_lock);

	if (irq->hw)
		its_forward_unmap(irq);
}

/**
 * its_forward_retarget() - Send an LPI to another vCPU, if it is forwarded.
 * @irq: The LPI, whose target_vcpu is the old one yet.
 * @to: The vCPU.
 *
 * Context: irq_lock.
 * Return: 0, or an error of the host's ITS.
 */
int its_forward_retarget(struct vgic_irq *irq, struct kvm_vcpu *to)
{
	struct its_vlpi_map map;
	int ret;

	lockdep_assert_held(&irq->irq_lock);

	if (!irq->hw)
		return 0;
	/* The caller sends it to @to in any case. */
	atomic_inc(&its_forward_vpe(to)->vlpi_count);
	atomic_dec(&its_forward_vpe(irq->target_vcpu)->vlpi_count);

	ret = its_get_vlpi(irq->host_irq, &map);
	if (ret)
		return ret;
	map.vpe = its_forward_vpe(to);
	return its_map_vlpi(irq->host_irq, &map);
}

/**
 * its_forward_configure() - Tell the host an LPI's configuration, if it is forwarded.
 * @irq: The LPI.
 * @config: Its byte of the guest's configuration table.
 * @inv: The host's redistributor is to read it at once.
 *
 * Context: irq_lock.
 * Return: 0, or an error of the host's ITS.
 */
int its_forward_configure(struct vgic_irq *irq, u8 config, bool inv)
{
	lockdep_assert_held(&irq->irq_lock);

	return irq->hw ? its_prop_update_vlpi(irq->host_irq, config, inv) : 0;
}

/**
 * its_forward_set_pending() - Set the pending state of an LPI in the host's GIC.
 * @irq: The LPI.
 * @pending: The state.
 *
 * Context: irq_lock.
 * Return: 0, or an error of the host's ITS.
 */
int its_forward_set_pending(struct vgic_irq *irq, bool pending)
{
	lockdep_assert_held(&irq->irq_lock);

	return irq->hw ? irq_set_irqchip_state(irq->host_irq, IRQCHIP_STATE_PENDING, pending) : 0;
}
