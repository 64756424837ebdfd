// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of an interrupt: when a guest ends one, its notifiers are called. One kind
 * of notifier is the resampler of level-triggered irqfds. The locks are in
 * <linux/kvm_irqfd.h>.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <trace/events/kvm.h>

#include "irqfd.h"

/* Notifiers. */

/* What asks or tells somebody about a GSI. Called inside the read side of irq_srcu. */
typedef bool (*irqfd_gsi_fn)(struct kvm *kvm, u32 gsi);

/* Call @fn for the GSI that leads to an input. Returns false if there is none. */
static bool irqfd_call_by_input(struct kvm *kvm, unsigned int irqchip, unsigned int pin,
				irqfd_gsi_fn fn)
{
	int gsi;

	guard(srcu)(&kvm->irq_srcu);
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	return gsi >= 0 && fn(kvm, gsi);
}

static bool irqfd_has_notifier(struct kvm *kvm, u32 gsi)
{
	struct kvm_irq_ack_notifier *notifier;

	hlist_for_each_entry_srcu(notifier, &kvm->irq_ack_notifier_list, link,
				  srcu_read_lock_held(&kvm->irq_srcu)) {
		if (notifier->gsi == gsi)
			return true;
	}
	return false;
}

static bool irqfd_notify(struct kvm *kvm, u32 gsi)
{
	struct kvm_irq_ack_notifier *notifier;

	hlist_for_each_entry_srcu(notifier, &kvm->irq_ack_notifier_list, link,
				  srcu_read_lock_held(&kvm->irq_srcu)) {
		if (notifier->gsi == gsi)
			notifier->irq_acked(notifier);
	}
	return true;
}

bool kvm_irq_has_notifier(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	return irqfd_call_by_input(kvm, irqchip, pin, irqfd_has_notifier);
}
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_irq_has_notifier);

void kvm_notify_acked_gsi(struct kvm *kvm, int gsi)
{
	irqfd_notify(kvm, gsi);
}

void kvm_notify_acked_irq(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	trace_kvm_ack_irq(irqchip, pin);
	irqfd_call_by_input(kvm, irqchip, pin, irqfd_notify);
}

void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *notifier)
{
	scoped_guard(mutex, &kvm->irq_lock)
		hlist_add_head_rcu(&notifier->link, &kvm->irq_ack_notifier_list);
	kvm_arch_post_irq_ack_notifier_list_update(kvm);
}

void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *notifier)
{
	scoped_guard(mutex, &kvm->irq_lock)
		hlist_del_init_rcu(&notifier->link);
	synchronize_srcu_expedited(&kvm->irq_srcu);
	kvm_arch_post_irq_ack_notifier_list_update(kvm);
}

/* Resamplers. */

/* Signal each resamplefd of a GSI. Returns whether there is one. */
static bool irqfd_signal_resamplefds(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_resampler *resampler = xa_load(&kvm->irqfds.resamplers, gsi);
	struct kvm_kernel_irqfd *irqfd;

	if (!resampler)
		return false;

	list_for_each_entry_srcu(irqfd, &resampler->irqfds, resampler_link,
				 srcu_read_lock_held(&kvm->irq_srcu))
		eventfd_signal(irqfd->resamplefd);
	return true;
}

/*
 * The guest has ended the interrupt. De-assert before the irqfds are looked up: one that
 * asserts after this keeps its level, and one that asserted before this is in the list.
 * That can be the list of a new resampler, if this one is being removed, so look it up
 * by the GSI.
 */
static void irqfd_resampler_ack(struct kvm_irq_ack_notifier *notifier)
{
	struct kvm *kvm = container_of(notifier, struct kvm_irqfd_resampler, notifier)->kvm;

	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, notifier->gsi, 0, false);
	irqfd_signal_resamplefds(kvm, notifier->gsi);
}

static struct kvm_irqfd_resampler *irqfd_add_resampler(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_resampler *resampler;
	int ret;

	resampler = kzalloc_obj(*resampler, GFP_KERNEL_ACCOUNT);
	if (!resampler)
		return ERR_PTR(-ENOMEM);

	resampler->kvm = kvm;
	INIT_LIST_HEAD(&resampler->irqfds);
	resampler->notifier.gsi = gsi;
	resampler->notifier.irq_acked = irqfd_resampler_ack;

	ret = xa_err(xa_store(&kvm->irqfds.resamplers, gsi, resampler, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(resampler);
		return ERR_PTR(ret);
	}
	hlist_add_head_rcu(&resampler->notifier.link, &kvm->irq_ack_notifier_list);
	return resampler;
}

/* There is no need to wait for readers: see irqfd_resampler_ack(). */
int irqfd_join_resampler(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	struct kvm_irqfd_resampler *resampler;

	resampler = xa_load(&kvm->irqfds.resamplers, irqfd->gsi);
	if (!resampler)
		resampler = irqfd_add_resampler(kvm, irqfd->gsi);
	if (IS_ERR(resampler))
		return PTR_ERR(resampler);

	irqfd->resampler = resampler;
	list_add_tail_rcu(&irqfd->resampler_link, &resampler->irqfds);
	return 0;
}

/*
 * The last irqfd removes the resampler and de-asserts their level. This is inside
 * irq_lock, so that it does not de-assert the level of a new resampler.
 */
void irqfd_leave_resampler(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm_irqfd_resampler *resampler = irqfd->resampler;
	struct kvm *kvm = irqfd->kvm;

	list_del_rcu(&irqfd->resampler_link);
	if (!list_empty(&resampler->irqfds)) {
		irqfd->resampler = NULL;
		return;
	}

	xa_erase(&kvm->irqfds.resamplers, irqfd->gsi);
	hlist_del_rcu(&resampler->notifier.link);
	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, irqfd->gsi, 0, false);
}

/**
 * kvm_notify_irqfd_resampler() - Ask whether an input is still asserted.
 * @kvm: The VM.
 * @irqchip: Interrupt controller.
 * @pin: The input.
 *
 * Signals each resamplefd of the GSI that leads there, as at the end of an
 * interrupt, but leaves the level as it is.
 *
 * Context: Any but NMI.
 * Return: Whether there is one.
 */
bool kvm_notify_irqfd_resampler(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	return irqfd_call_by_input(kvm, irqchip, pin, irqfd_signal_resamplefds);
}
