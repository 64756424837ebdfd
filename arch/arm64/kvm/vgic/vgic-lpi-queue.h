/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The queue of LPIs that wait for a vCPU: what the rest of the vGIC calls of it.
 *
 * An LPI is in one of three states, under its irq_lock:
 *
 *   queued	It is pending and enabled, is not forwarded, and has a target. vgic_irq.vcpu
 *		is the vCPU whose queue it is in: the target, or that which MOVALL has
 *		moved the pending state to (vgic_irq.moved_to), until it is taken.
 *   on a LR	A vCPU that runs has it in a list register: vgic_irq.lr_vcpu. What the
 *		guest does there is known when that vCPU exits. Until then it is in no
 *		queue: an MSI that comes meanwhile sets pending_latch, and the exit
 *		queues it.
 *   idle	Neither.
 *
 * Whether the redistributor and the distributor deliver LPIs plays no part in it: that is
 * looked at when list registers are filled. So enabling LPIs has nothing to look for, and
 * no race with what is queued meanwhile.
 *
 * Lock order:
 *
 *   ap_list_lock
 *     irq_lock of an LPI
 *       vgic_lpi_queue.lock	innermost
 *
 * Who fills list registers begins with the queue and tries irq_lock. If another has that, it
 * begins anew, in order.
 *
 * A queue and a list register have no reference to their LPIs. The LPI's owner takes it
 * out of the queue before it drops the last reference, and an exit finds the LPI by its
 * INTID.
 */
#ifndef __KVM_ARM_VGIC_LPI_QUEUE_CALLS_H__
#define __KVM_ARM_VGIC_LPI_QUEUE_CALLS_H__

#include <linux/kvm_host.h>

/*
 * An interrupt of the ap_list competes with LPIs for list registers by its priority,
 * 0 to 255, or by one of these.
 */
#define VGIC_LR_RANK_FIRST	(-1)	/* no LPI goes before it */
#define VGIC_LR_RANK_LAST	256	/* all LPIs go before it */

void vgic_lpi_queue_init(struct kvm_vcpu *vcpu);
void vgic_lpi_queue_flush(struct kvm_vcpu *vcpu);

/* Context: irq_lock. */
struct kvm_vcpu *vgic_lpi_queue_update(struct vgic_irq *irq);
struct kvm_vcpu *vgic_lpi_queue_withdraw(struct vgic_irq *irq);
struct kvm_vcpu *vgic_lpi_queue_place(const struct vgic_irq *irq);
struct kvm_vcpu *vgic_lpi_queue_move(struct vgic_irq *irq, struct kvm_vcpu *from,
				     struct kvm_vcpu *to);

/* Context: Any. */
void vgic_lpi_queue_kick(struct kvm_vcpu *vcpu);

/* Context: the vCPU's own thread, IRQs off. */
int vgic_lpi_queue_fill(struct kvm_vcpu *vcpu, int lr, int rank);
void vgic_lpi_queue_fold(struct kvm_vcpu *vcpu);

bool vgic_lpi_queue_pending(struct kvm_vcpu *vcpu, u32 pmr);
u32 __vgic_lpi_queue_deliverable(struct kvm_vcpu *vcpu);

/* Context: Any. Are there LPIs, deliverable or not? The caller will look again. */
static inline bool vgic_lpi_queue_has_any(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.vgic_cpu.lpi_queue.nr);
}

/**
 * vgic_lpi_queue_deliverable() - How many LPIs the vCPU may be given.
 * @vcpu: The vCPU.
 *
 * Context: Any. What others change meanwhile comes with a kick, which the vCPU answers after
 * it has read this: see Documentation/litmus-tests/kvm/EnableLPIs-set.litmus.
 * Return: Their number: 0 while the distributor or the redistributor delivers none.
 */
static inline u32 vgic_lpi_queue_deliverable(struct kvm_vcpu *vcpu)
{
	return vgic_lpi_queue_has_any(vcpu) ? __vgic_lpi_queue_deliverable(vcpu) : 0;
}

#endif /* __KVM_ARM_VGIC_LPI_QUEUE_CALLS_H__ */
