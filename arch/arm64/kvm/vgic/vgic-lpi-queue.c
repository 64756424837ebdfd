// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue of LPIs that wait for a vCPU, and their way to list registers and back.
 * The states of an LPI and the locks are in vgic-lpi-queue.h.
 *
 * All operations take constant time, or time that depends on the number of list
 * registers, however many LPIs wait.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/kvm_host.h>
#include <linux/rcupdate.h>

#include "vgic.h"
#include "vgic-lpi-queue.h"

static struct vgic_lpi_queue *vgic_lpi_queue(struct kvm_vcpu *vcpu)
{
	return &vcpu->arch.vgic_cpu.lpi_queue;
}

static u32 vgic_lpi_level(const struct vgic_irq *irq)
{
	return irq->priority >> VGIC_LPI_LEVEL_SHIFT;
}

static void vgic_lpi_queue_add(struct vgic_irq *irq, struct kvm_vcpu *vcpu, bool first)
{
	struct vgic_lpi_queue *q = vgic_lpi_queue(vcpu);
	u32 level = vgic_lpi_level(irq);

	guard(raw_spinlock)(&q->lock);
	if (first)
		list_add(&irq->ap_list, &q->waiting[level]);
	else
		list_add_tail(&irq->ap_list, &q->waiting[level]);
	WRITE_ONCE(q->levels, q->levels | BIT_ULL(level));
	WRITE_ONCE(q->nr, q->nr + 1);
	irq->vcpu = vcpu;
	irq->queued_level = level;
}

/* Context: irq_lock, and the queue's lock. */
static void __vgic_lpi_queue_del(struct vgic_lpi_queue *q, struct vgic_irq *irq)
{
	u32 level = irq->queued_level;

	list_del_init(&irq->ap_list);
	if (list_empty(&q->waiting[level]))
		WRITE_ONCE(q->levels, q->levels & ~BIT_ULL(level));
	WRITE_ONCE(q->nr, q->nr - 1);
	irq->vcpu = NULL;
}

static void vgic_lpi_queue_del(struct vgic_irq *irq)
{
	struct vgic_lpi_queue *q = vgic_lpi_queue(irq->vcpu);

	guard(raw_spinlock)(&q->lock);
	__vgic_lpi_queue_del(q, irq);
}

/**
 * vgic_lpi_queue_place() - The vCPU that is to take what is pending of an LPI.
 * @irq: The LPI.
 *
 * Context: irq_lock; or any, for a hint.
 * Return: The vCPU that MOVALL has moved it to, or the LPI's target; or NULL.
 */
struct kvm_vcpu *vgic_lpi_queue_place(const struct vgic_irq *irq)
{
	return READ_ONCE(irq->moved_to) ?: READ_ONCE(irq->target_vcpu);
}

/* The vCPU in whose queue an LPI belongs, or NULL. */
static struct kvm_vcpu *vgic_lpi_queue_of(const struct vgic_irq *irq)
{
	if (!irq->pending_latch || !irq->enabled || irq->hw || irq->lr_vcpu)
		return NULL;
	return vgic_lpi_queue_place(irq);
}

static struct kvm_vcpu *__vgic_lpi_queue_update(struct vgic_irq *irq, bool first)
{
	struct kvm_vcpu *vcpu = vgic_lpi_queue_of(irq);

	lockdep_assert_held(&irq->irq_lock);

	if (irq->vcpu == vcpu && (!vcpu || irq->queued_level == vgic_lpi_level(irq)))
		return NULL;
	if (irq->vcpu)
		vgic_lpi_queue_del(irq);
	if (vcpu)
		vgic_lpi_queue_add(irq, vcpu, first);
	return vcpu;
}

/**
 * vgic_lpi_queue_update() - Put an LPI where it belongs after a change of its state.
 * @irq: The LPI.
 *
 * An LPI that is pending while a vCPU has it in a list register is queued when that vCPU
 * exits.
 *
 * Context: irq_lock.
 * Return: The vCPU that has to be kicked once irq_lock is dropped, or NULL.
 */
struct kvm_vcpu *vgic_lpi_queue_update(struct vgic_irq *irq)
{
	struct kvm_vcpu *vcpu = __vgic_lpi_queue_update(irq, false);

	if (irq->lr_vcpu && irq->pending_latch)
		return irq->lr_vcpu;
	return vcpu;
}

/**
 * vgic_lpi_queue_withdraw() - Take an LPI's pending state away.
 * @irq: The LPI.
 *
 * What a list register says of it is not folded back.
 *
 * Context: irq_lock.
 * Return: The vCPU that has to be kicked once irq_lock is dropped, because it has the LPI
 * in a list register, or NULL.
 */
struct kvm_vcpu *vgic_lpi_queue_withdraw(struct vgic_irq *irq)
{
	lockdep_assert_held(&irq->irq_lock);

	irq->pending_latch = false;
	irq->from_table = false;
	irq->withdrawn = !!irq->lr_vcpu;
	WRITE_ONCE(irq->moved_to, NULL);
	__vgic_lpi_queue_update(irq, false);
	return irq->lr_vcpu;
}

/**
 * vgic_lpi_queue_move() - Move the pending state of an LPI to another vCPU.
 * @irq: The LPI.
 * @from: Only if this vCPU is to take it.
 * @to: The vCPU.
 *
 * The target stays: it takes what becomes pending once the vCPU has taken this.
 *
 * Context: irq_lock.
 * Return: The vCPU that has to be kicked once irq_lock is dropped, or NULL.
 */
struct kvm_vcpu *vgic_lpi_queue_move(struct vgic_irq *irq, struct kvm_vcpu *from,
				     struct kvm_vcpu *to)
{
	lockdep_assert_held(&irq->irq_lock);

	if (irq->hw || vgic_lpi_queue_place(irq) != from)
		return NULL;
	if (!irq->pending_latch && !irq->lr_vcpu)
		return NULL;
	WRITE_ONCE(irq->moved_to, to == irq->target_vcpu ? NULL : to);
	/* A vCPU that has it in a list register hands over what it has not taken. */
	return vgic_lpi_queue_update(irq) ?: irq->lr_vcpu;
}

/**
 * vgic_lpi_queue_kick() - Have a vCPU look at its queue, or hand back a list register.
 * @vcpu: The vCPU, or NULL for none.
 *
 * Context: Any.
 */
void vgic_lpi_queue_kick(struct kvm_vcpu *vcpu)
{
	if (!vcpu)
		return;
	kvm_make_request(KVM_REQ_IRQ_PENDING, vcpu);
	kvm_vcpu_kick(vcpu);
}

u32 __vgic_lpi_queue_deliverable(struct kvm_vcpu *vcpu)
{
	u32 nr = READ_ONCE(vgic_lpi_queue(vcpu)->nr);

	/* Set by vgic_mmio_write_v3_misc(). */
	return READ_ONCE(vcpu->kvm->arch.vgic.enabled) && vgic_lpis_enabled(vcpu) ? nr : 0;
}

/**
 * vgic_lpi_queue_pending() - Is there an LPI that would interrupt the vCPU?
 * @vcpu: The vCPU.
 * @pmr: Its priority mask.
 *
 * Context: Any.
 * Return: true if there is.
 */
bool vgic_lpi_queue_pending(struct kvm_vcpu *vcpu, u32 pmr)
{
	u64 levels = READ_ONCE(vgic_lpi_queue(vcpu)->levels);

	return levels && (__ffs64(levels) << VGIC_LPI_LEVEL_SHIFT) < pmr &&
	       vgic_lpi_queue_deliverable(vcpu);
}

/* The first LPI that goes before @rank, or NULL. */
static struct vgic_irq *vgic_lpi_queue_first(struct vgic_lpi_queue *q, int rank)
{
	u32 level;

	lockdep_assert_held(&q->lock);
	if (!q->levels)
		return NULL;
	level = __ffs64(q->levels);
	if ((int)(level << VGIC_LPI_LEVEL_SHIFT) >= rank)
		return NULL;
	return list_first_entry(&q->waiting[level], struct vgic_irq, ap_list);
}

#define LR_TRY_AGAIN	1	/* no list register's value */

/*
 * An LPI has left the vCPU's queue. Return: the list register's value; LR_TRY_AGAIN if it has
 * lost its pending state without a call of vgic_lpi_queue_update().
 */
static u64 vgic_lpi_queue_to_lr(struct kvm_vcpu *vcpu, struct vgic_irq *irq)
{
	lockdep_assert_held(&irq->irq_lock);

	if (!irq->pending_latch)
		return LR_TRY_AGAIN;
	irq->lr_vcpu = vcpu;
	irq->pending_latch = false;
	irq->from_table = false;
	irq->withdrawn = false;
	return irq->intid | ICH_LR_GROUP | ICH_LR_PENDING_BIT |
	       (u64)irq->priority << ICH_LR_PRIORITY_SHIFT;
}

/*
 * Take the first LPI that goes before @rank, if nobody has its irq_lock: that is the outer
 * lock, and is only tried. Return: the list register's value; 0 if there is none; or
 * LR_TRY_AGAIN, with the LPI in *@busy that is still in the queue.
 */
static u64 vgic_lpi_queue_try_take(struct kvm_vcpu *vcpu, int rank, struct vgic_irq **busy)
{
	struct vgic_lpi_queue *q = vgic_lpi_queue(vcpu);
	struct vgic_irq *irq;
	u64 val;

	if (!READ_ONCE(q->levels))
		return 0;
	guard(raw_spinlock)(&q->lock);
	irq = vgic_lpi_queue_first(q, rank);
	if (!irq)
		return 0;
	if (!raw_spin_trylock(&irq->irq_lock)) {
		*busy = irq;
		return LR_TRY_AGAIN;
	}
	__vgic_lpi_queue_del(q, irq);
	val = vgic_lpi_queue_to_lr(vcpu, irq);
	raw_spin_unlock(&irq->irq_lock);
	return val;
}

/* The locks in order: so others who want the LPI at the moment do not hold up the vCPU. */
static u64 vgic_lpi_queue_take_busy(struct kvm_vcpu *vcpu, struct vgic_irq *irq)
{
	guard(raw_spinlock)(&irq->irq_lock);
	if (irq->vcpu != vcpu)
		return LR_TRY_AGAIN;
	vgic_lpi_queue_del(irq);
	return vgic_lpi_queue_to_lr(vcpu, irq);
}

/* As vgic_lpi_queue_try_take(). LR_TRY_AGAIN: another LPI may be the first by now. */
static u64 vgic_lpi_queue_take(struct kvm_vcpu *vcpu, int rank)
{
	struct vgic_irq *busy = NULL;
	u64 val;

	/* Keeps the memory of an LPI that leaves the queue meanwhile. */
	guard(rcu)();
	val = vgic_lpi_queue_try_take(vcpu, rank, &busy);
	return busy ? vgic_lpi_queue_take_busy(vcpu, busy) : val;
}

/**
 * vgic_lpi_queue_fill() - Fill list registers with the LPIs of highest priority.
 * @vcpu: The vCPU, which is about to enter the guest.
 * @lr: The first free list register.
 * @rank: Only with LPIs that go before an interrupt of that rank.
 *
 * An LPI that leaves the queue before its lock is had is looked at once, so that the time is
 * bounded by the number of list registers and of such races.
 *
 * Context: IRQs off. The caller has seen vgic_lpi_queue_deliverable().
 * Return: The first list register that is free yet.
 */
int vgic_lpi_queue_fill(struct kvm_vcpu *vcpu, int lr, int rank)
{
	struct vgic_v3_cpu_if *cpuif = &vcpu->arch.vgic_cpu.vgic_v3;
	u64 val;

	while (lr < kvm_vgic_global_state.nr_lr) {
		val = vgic_lpi_queue_take(vcpu, rank);
		if (!val)
			break;
		if (val != LR_TRY_AGAIN)
			cpuif->vgic_lr[lr++] = val;
	}
	return lr;
}

/* An LPI that was not taken goes first again; one that came meanwhile goes last. */
static struct kvm_vcpu *vgic_lpi_queue_fold_irq(struct kvm_vcpu *vcpu, struct vgic_irq *irq,
						bool pending)
{
	guard(raw_spinlock)(&irq->irq_lock);
	/* The INTID has been mapped anew. */
	if (irq->lr_vcpu != vcpu)
		return NULL;

	irq->lr_vcpu = NULL;
	pending = pending && !irq->withdrawn;
	if (pending)
		irq->pending_latch = true;
	else
		WRITE_ONCE(irq->moved_to, NULL);	/* Taken. An MSI since is for the target. */
	irq->withdrawn = false;
	return __vgic_lpi_queue_update(irq, pending);
}

static void vgic_lpi_queue_fold_lr(struct kvm_vcpu *vcpu, u64 val)
{
	u32 intid = val & ICH_LR_VIRTUAL_ID_MASK;
	struct kvm_vcpu *to = NULL;
	struct vgic_irq *irq;

	if (intid < VGIC_MIN_LPI)
		return;

	scoped_guard(rcu) {
		irq = xa_load(&vcpu->kvm->arch.vgic.lpi_xa, intid);
		if (irq)
			to = vgic_lpi_queue_fold_irq(vcpu, irq, val & ICH_LR_PENDING_BIT);
	}
	if (to != vcpu)
		vgic_lpi_queue_kick(to);
}

/**
 * vgic_lpi_queue_fold() - Take back what the list registers say of LPIs.
 * @vcpu: The vCPU, which has left the guest.
 *
 * The active state of an LPI is that of its list register alone, and is dropped. The last
 * register goes first, so that the LPI of the first one becomes the first of the queue.
 *
 * Context: IRQs off.
 */
void vgic_lpi_queue_fold(struct kvm_vcpu *vcpu)
{
	struct vgic_v3_cpu_if *cpuif = &vcpu->arch.vgic_cpu.vgic_v3;

	if (vcpu->kvm->arch.vgic.vgic_model != KVM_DEV_TYPE_ARM_VGIC_V3)
		return;
	for (int lr = cpuif->used_lrs - 1; lr >= 0; lr--)
		vgic_lpi_queue_fold_lr(vcpu, cpuif->vgic_lr[lr]);
}

/* RCU keeps the memory of an LPI that leaves the queue meanwhile. */
static void vgic_lpi_queue_flush_first(struct kvm_vcpu *vcpu)
{
	struct vgic_lpi_queue *q = vgic_lpi_queue(vcpu);
	struct vgic_irq *irq;

	guard(rcu)();
	guard(irqsave)();
	scoped_guard(raw_spinlock, &q->lock)
		irq = vgic_lpi_queue_first(q, VGIC_LR_RANK_LAST);
	if (!irq)
		return;
	guard(raw_spinlock)(&irq->irq_lock);
	if (irq->vcpu == vcpu)
		vgic_lpi_queue_withdraw(irq);
}

/**
 * vgic_lpi_queue_flush() - Empty the queue of a vCPU that goes.
 * @vcpu: The vCPU, which does not run.
 *
 * Context: Any.
 */
void vgic_lpi_queue_flush(struct kvm_vcpu *vcpu)
{
	while (READ_ONCE(vgic_lpi_queue(vcpu)->nr))
		vgic_lpi_queue_flush_first(vcpu);
}

/**
 * vgic_lpi_queue_init() - Make the queue of a new vCPU.
 * @vcpu: The vCPU.
 */
void vgic_lpi_queue_init(struct kvm_vcpu *vcpu)
{
	struct vgic_lpi_queue *q = vgic_lpi_queue(vcpu);

	raw_spin_lock_init(&q->lock);
	for (u32 level = 0; level < VGIC_LPI_NR_LEVELS; level++)
		INIT_LIST_HEAD(&q->waiting[level]);
}
