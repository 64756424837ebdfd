/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irqfd: what virt/kvm/irqfd.c and irqfd_ack.c share. The types, stages and locks are
 * in <linux/kvm_irqfd.h>.
 */
#ifndef __KVM_IRQFD_H
#define __KVM_IRQFD_H

#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>

/**
 * struct kvm_irqfd_resampler - The level-triggered irqfds of a GSI.
 * @kvm: The VM.
 * @irqfds: They share one source ID, so they assert one level. Write: irq_lock;
 *	read: irq_srcu.
 * @notifier: Called when the guest ends the interrupt.
 */
struct kvm_irqfd_resampler {
	struct kvm *kvm;
	struct list_head irqfds;
	struct kvm_irq_ack_notifier notifier;
};

/**
 * irqfd_join_resampler() - Have an irqfd notified when the guest ends its interrupt.
 * @irqfd: The irqfd, which has a resamplefd.
 *
 * Context: Holds kvm->irq_lock.
 * Return: 0 or -ENOMEM.
 */
int irqfd_join_resampler(struct kvm_kernel_irqfd *irqfd);

/**
 * irqfd_leave_resampler() - Undo irqfd_join_resampler().
 * @irqfd: The irqfd. Readers may use it, and @irqfd->resampler if that is not NULL
 *	afterwards: the caller frees both after a grace period of irq_srcu.
 *
 * Context: Holds kvm->irq_lock.
 */
void irqfd_leave_resampler(struct kvm_kernel_irqfd *irqfd);

#endif /* __KVM_IRQFD_H */
