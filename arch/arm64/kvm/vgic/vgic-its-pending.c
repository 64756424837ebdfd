// SPDX-License-Identifier: GPL-2.0-only
/*
 * LPIs' pending tables (IHI 0069, "LPI Pending tables").
 *
 * A pending table is a redistributor's while GICR_CTLR.EnableLPIs is 1, and the guest's
 * otherwise. KVM keeps the pending state of the LPIs that are mapped; the table has that
 * of the others, and of all for a VMM to save.
 *
 * A bit of the table counts once after EnableLPIs was set: for an LPI that is mapped to
 * the vCPU then, or when the LPI is first mapped to it. vgic_cpu.lpis_seen has a bit for
 * each that has been looked at. With GICR_PENDBASER.PTZ no bit counts.
 *
 *   bit     seen
 *    0       0     Not pending; if it is 1 when it is looked at, it counts.
 *    1       0     Pending, for an LPI that is not mapped.
 *    0       1     KVM has the state.
 *    1       1     KVM has the state; the bit is what it was when it was looked at or saved.
 *
 * A save makes the table true, so that a restore can read it: it clears what has been seen,
 * and sets the bits of the LPIs that are pending. For the VM that goes on they are seen: they
 * are no news. A restore begins with nothing seen (its_pending_renew()). Commands, which a
 * guest may queue by the thousand, dirty no page.
 *
 * Clearing EnableLPIs takes the pending state away. The bit of an LPI that was read from the
 * table, and is still pending, is still set there and counts again. Other bits that have been
 * looked at and are set are out of date. If the guest clears EnableLPIs, they are cleared:
 * the table is the guest's from then on, and a save leaves it as it is. A VMM may set, clear
 * and set EnableLPIs while it restores a VM, and the table is what it has restored. So they
 * are not cleared then, but stay seen.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/slab.h>

#include "vgic-its.h"
#include "vgic.h"
#include "vgic-lpi-queue.h"

#define SEEN_BITS	(BITS_PER_BYTE * VGIC_LPI_SEEN_BYTES)

/*
 * A table is cleaned by so many bytes: never past a page, and few enough writes for a dirty
 * ring, which has an entry for each.
 */
#define CLEAN_BYTES	512
#define CLEAN_BITS	(BITS_PER_BYTE * CLEAN_BYTES)
#define CLEAN_WORDS	(CLEAN_BYTES / sizeof(u64))

static unsigned long **its_pending_chunk(struct kvm_vcpu *vcpu, u32 intid)
{
	BUILD_BUG_ON(SEEN_BITS != VGIC_MIN_LPI || BITS_PER_LONG != ITS_LPI_RUN);
	BUILD_BUG_ON((VGIC_LPI_NR_SEEN + 1) * SEEN_BITS != BIT(INTERRUPT_ID_BITS_ITS));

	lockdep_assert_held(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	return &vcpu->arch.vgic_cpu.lpis_seen[intid / SEEN_BITS - 1];
}

/* The word of vgic_cpu.lpis_seen that has @intid, or NULL if that is 0. */
static unsigned long *its_pending_seen(struct kvm_vcpu *vcpu, u32 intid)
{
	unsigned long *chunk = *its_pending_chunk(vcpu, intid);

	return chunk ? &chunk[BIT_WORD(intid % SEEN_BITS)] : NULL;
}

/**
 * its_pending_see() - Note that the state of an LPI is KVM's now.
 * @vcpu: The redistributor's vCPU.
 * @intid: INTID, in range. Its bit has been looked at.
 *
 * It must not fail: a bit that is not noted counts again. A vCPU has VGIC_LPI_NR_SEEN chunks
 * of 1 KiB at the most.
 *
 * Context: May sleep.
 */
void its_pending_see(struct kvm_vcpu *vcpu, u32 intid)
{
	unsigned long **chunk = its_pending_chunk(vcpu, intid);

	if (!*chunk)
		*chunk = kzalloc(VGIC_LPI_SEEN_BYTES, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	__set_bit(intid % SEEN_BITS, *chunk);
}

static void its_pending_unsee(struct kvm_vcpu *vcpu, u32 intid)
{
	unsigned long *seen = its_pending_seen(vcpu, intid);

	if (seen)
		__clear_bit(intid % ITS_LPI_RUN, seen);
}

/**
 * its_pending_counts() - Whether an LPI's bit of the pending table counts.
 * @vcpu: The redistributor's vCPU.
 * @intid: INTID, in range.
 *
 * Return: true if the bit says whether the LPI is pending.
 */
bool its_pending_counts(struct kvm_vcpu *vcpu, u32 intid)
{
	unsigned long *seen = its_pending_seen(vcpu, intid);

	return vgic_lpis_enabled(vcpu) &&
	       !(READ_ONCE(vcpu->arch.vgic_cpu.pendbaser) & GICR_PENDBASER_PTZ) &&
	       !(seen && test_bit(intid % ITS_LPI_RUN, seen));
}

static gpa_t its_pending_base(struct kvm_vcpu *vcpu)
{
	return GICR_PENDBASER_ADDRESS(READ_ONCE(vcpu->arch.vgic_cpu.pendbaser));
}

static gpa_t its_pending_gpa(struct kvm_vcpu *vcpu, u32 intid)
{
	return its_pending_base(vcpu) + round_down(intid, ITS_LPI_RUN) / BITS_PER_BYTE;
}

static int its_pending_read(struct kvm_vcpu *vcpu, u32 intid, u64 *bits)
{
	__le64 raw = 0;
	int ret;

	ret = kvm_read_guest_lock(vcpu->kvm, its_pending_gpa(vcpu, intid), &raw, sizeof(raw));
	*bits = le64_to_cpu(raw);
	return ret;
}

static int its_pending_write(struct kvm_vcpu *vcpu, u32 intid, u64 bits)
{
	__le64 raw = cpu_to_le64(bits);

	return vgic_write_guest_lock(vcpu->kvm, its_pending_gpa(vcpu, intid), &raw, sizeof(raw));
}

/**
 * its_pending_find() - Read the word of the pending table that has an LPI's bit.
 * @word: Where to put it. If it is that word already, nothing is read.
 * @vcpu: The redistributor's vCPU.
 * @intid: INTID, in range.
 *
 * Context: May sleep.
 * Return: 0, or -EFAULT.
 */
int its_pending_find(struct its_pending_word *word, struct kvm_vcpu *vcpu, u32 intid)
{
	u32 first = round_down(intid, ITS_LPI_RUN);
	int ret;

	if (word->vcpu == vcpu && word->first == first)
		return 0;
	word->vcpu = NULL;
	ret = its_pending_read(vcpu, intid, &word->bits);
	if (ret)
		return ret;
	word->vcpu = vcpu;
	word->first = first;
	return 0;
}

/* Keep what has been seen of LPIs that are mapped: by another ITS, and KVM has their state. */
static void its_pending_renew_vcpu(struct kvm_vcpu *vcpu)
{
	unsigned long *chunk, bit;

	for (u32 first = VGIC_MIN_LPI; first < BIT(INTERRUPT_ID_BITS_ITS); first += SEEN_BITS) {
		chunk = *its_pending_chunk(vcpu, first);
		if (!chunk)
			continue;
		for_each_set_bit(bit, chunk, SEEN_BITS)
			if (!its_lpi_is_mapped(vcpu, first + bit))
				__clear_bit(bit, chunk);
		cond_resched();
	}
}

/**
 * its_pending_renew() - Have bits of the pending tables count again, for a restore.
 * @kvm: The VM.
 *
 * A VMM has put saved tables into guest memory, whatever had been seen there before.
 *
 * Context: The VM stands still. May sleep, and takes lpi_tables_lock.
 */
void its_pending_renew(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	guard(mutex)(&kvm->arch.vgic.lpi_tables_lock);
	kvm_for_each_vcpu(i, vcpu, kvm)
		its_pending_renew_vcpu(vcpu);
}

/* If the table has moved, none of its bits has been looked at. */
static void its_pending_set_base(struct kvm_vcpu *vcpu)
{
	struct vgic_cpu *cpu = &vcpu->arch.vgic_cpu;
	gpa_t base = its_pending_base(vcpu);

	/* Orders what follows against MAPTI, which tests EnableLPIs with the lock held. */
	guard(mutex)(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	if (cpu->lpis_seen_at == base)
		return;
	cpu->lpis_seen_at = base;
	for (u32 i = 0; i < VGIC_LPI_NR_SEEN; i++)
		if (cpu->lpis_seen[i])
			memset(cpu->lpis_seen[i], 0, VGIC_LPI_SEEN_BYTES);
}

/* EnableLPIs has been set: take over an LPI's bit, if that counts. It stays in memory. */
static void its_pending_load(struct its_pending_word *word, struct kvm_vcpu *vcpu,
			     struct vgic_irq *irq)
{
	guard(mutex)(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	/* An LPI whose bit can't be read is not pending. */
	if (!its_pending_counts(vcpu, irq->intid) || its_pending_find(word, vcpu, irq->intid))
		return;
	its_pending_see(vcpu, irq->intid);
	if (!(word->bits & BIT_ULL(irq->intid % ITS_LPI_RUN)))
		return;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		if (irq->target_vcpu == vcpu && !irq->hw) {
			irq->pending_latch = true;
			irq->from_table = true;
			vgic_lpi_queue_update(irq);
			return;
		}
	}
	/* MOVI or MAPC has sent it elsewhere meanwhile. */
	its_pending_unsee(vcpu, irq->intid);
}

/**
 * vgic_enable_lpis() - GICR_CTLR.EnableLPIs has been set: read the LPIs' tables.
 * @vcpu: The redistributor's vCPU.
 *
 * MSIs may have been delivered since then, and LPIs may have been sent here before: what
 * is pending stays so, and is in the vCPU's queue already. The kick makes the vCPU look at
 * its queue with EnableLPIs set: see Documentation/litmus-tests/kvm/EnableLPIs-set.litmus.
 *
 * Context: May sleep; each LPI gives others a chance to run.
 */
void vgic_enable_lpis(struct kvm_vcpu *vcpu)
{
	struct its_pending_word word = { };
	unsigned long intid = VGIC_MIN_LPI;
	struct vgic_irq *irq;

	its_pending_set_base(vcpu);
	vgic_its_invall(vcpu);
	while ((irq = its_lpi_find(vcpu->kvm, &intid, its_lpi_target, vcpu))) {
		its_pending_load(&word, vcpu, irq);
		vgic_put_irq(vcpu->kvm, irq);
		intid++;
		cond_resched();
	}
	vgic_lpi_queue_kick(vcpu);
}

/*
 * Clear those of CLEAN_BITS bits from @first on that have been looked at, or @all. Errors do
 * not matter: a restore can't read such memory either. Return: whether none of them is set.
 */
static bool its_pending_clean_run(struct kvm_vcpu *vcpu, u32 first, bool all)
{
	unsigned long *seen = its_pending_seen(vcpu, first);
	gpa_t gpa = its_pending_gpa(vcpu, first);
	__le64 raw[CLEAN_WORDS] __uninitialized;
	bool stale = false;

	BUILD_BUG_ON(SEEN_BITS % CLEAN_BITS);

	if (!all && !seen)
		return true;
	if (kvm_read_guest_lock(vcpu->kvm, gpa, raw, sizeof(raw)))
		return false;
	for (u32 i = 0; i < CLEAN_WORDS; i++) {
		__le64 mask = cpu_to_le64(all ? ~0ULL : seen[i]);

		stale |= !!(raw[i] & mask);
		raw[i] &= ~mask;
	}
	return !stale || !vgic_write_guest_lock(vcpu->kvm, gpa, raw, sizeof(raw));
}

/* Of what has been seen, forget all but the bits that are set in memory. */
static void its_pending_forget(struct kvm_vcpu *vcpu)
{
	unsigned long *seen;
	u64 bits;

	guard(mutex)(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	for (u32 intid = VGIC_MIN_LPI; intid < BIT(INTERRUPT_ID_BITS_ITS); intid += ITS_LPI_RUN) {
		seen = its_pending_seen(vcpu, intid);
		if (seen && *seen)
			*seen &= its_pending_read(vcpu, intid, &bits) ? 0 : bits;
	}
}

static void its_pending_unload(struct kvm_vcpu *vcpu, struct vgic_irq *irq)
{
	struct kvm_vcpu *holder = NULL;
	bool again = false;

	guard(mutex)(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		if (vgic_lpi_queue_place(irq) == vcpu && !irq->hw) {
			again = irq->from_table && irq->target_vcpu == vcpu;
			holder = vgic_lpi_queue_withdraw(irq);
		}
	}
	vgic_lpi_queue_kick(holder);
	if (again)
		its_pending_unsee(vcpu, irq->intid);
}

/*
 * The table is the guest's from now on: clear the bits that have been looked at. If the
 * table can't be written, they stay seen.
 */
static void its_pending_hand_back(struct kvm_vcpu *vcpu)
{
	unsigned long *seen;

	guard(mutex)(&vcpu->kvm->arch.vgic.lpi_tables_lock);
	for (u32 intid = VGIC_MIN_LPI; intid < its_lpi_intids(vcpu->kvm); intid += CLEAN_BITS) {
		seen = its_pending_seen(vcpu, intid);
		if (seen && its_pending_clean_run(vcpu, intid, false))
			memset(seen, 0, CLEAN_BYTES);
	}
}

/**
 * vgic_its_lpis_disabled() - GICR_CTLR.EnableLPIs has been cleared.
 * @vcpu: The redistributor's vCPU.
 *
 * Take the pending state of the vCPU's LPIs away. Races with its_inject_check(), which reads
 * target and EnableLPIs with irq_lock held: the injection is undone here, or sees EnableLPIs
 * cleared. So does an injection of an LPI that is mapped or retargeted to the vCPU while this
 * looks for its LPIs: see Documentation/litmus-tests/kvm/EnableLPIs-clear.litmus. MAPTI tests
 * EnableLPIs inside lpi_tables_lock, which its_pending_forget() takes first.
 *
 * Context: May sleep; each LPI gives others a chance to run.
 */
void vgic_its_lpis_disabled(struct kvm_vcpu *vcpu)
{
	unsigned long intid = VGIC_MIN_LPI;
	struct vgic_irq *irq;

	its_pending_forget(vcpu);
	/* Orders EnableLPIs before lpi_xa and targets. Pairs with its_lpi_set_target(). */
	smp_mb();
	while ((irq = its_lpi_find(vcpu->kvm, &intid, vgic_lpi_queue_place, vcpu))) {
		its_pending_unload(vcpu, irq);
		vgic_put_irq(vcpu->kvm, irq);
		intid++;
		cond_resched();
	}
	/* Not for a VMM, which has stopped all vCPUs. */
	if (kvm_get_running_vcpu())
		its_pending_hand_back(vcpu);
}

/*
 * Clear the bits that do not count: all of them with PTZ, or those that have been looked
 * at.
 */
static void its_pending_clean(struct kvm_vcpu *vcpu)
{
	bool all = READ_ONCE(vcpu->arch.vgic_cpu.pendbaser) & GICR_PENDBASER_PTZ;

	if (!vgic_lpis_enabled(vcpu))
		return;
	for (u32 intid = VGIC_MIN_LPI; intid < its_lpi_intids(vcpu->kvm); intid += CLEAN_BITS)
		its_pending_clean_run(vcpu, intid, all);
}

static int its_pending_put(struct its_pending_word *word, struct kvm_vcpu *vcpu, u32 intid,
			   bool pending)
{
	u64 bit = BIT_ULL(intid % ITS_LPI_RUN);
	int ret;

	ret = its_pending_find(word, vcpu, intid);
	if (ret || !(word->bits & bit) == !pending)
		return ret;
	word->bits ^= bit;
	return its_pending_write(vcpu, intid, word->bits);
}

/* The table of an LPI's target has the bit, wherever MOVALL has moved the LPI to. */
static int its_pending_save_irq(struct its_pending_word *word, struct vgic_irq *irq)
{
	struct kvm_vcpu *target;
	bool pending;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		target = irq->target_vcpu;
		pending = irq->pending_latch;
		if (irq->hw && kvm_vgic_global_state.has_gicv4_1)
			vgic_v4_get_vlpi_state(irq, &pending);
	}
	if (!target || !vgic_lpis_enabled(target))
		return 0;
	its_pending_see(target, irq->intid);
	return its_pending_put(word, target, irq->intid, pending);
}

/**
 * vgic_its_save_pending() - Make the pending tables true.
 * @kvm: The VM, whose vCPUs don't run.
 *
 * Those of redistributors whose LPIs are disabled are the guest's, and stay as they are.
 *
 * Context: config_lock. With GICv4.1, no vPE is mapped.
 * Return: 0, or -EFAULT if the table of an LPI can't be read or written.
 */
int vgic_its_save_pending(struct kvm *kvm)
{
	struct its_pending_word word = { };
	unsigned long i, intid = VGIC_MIN_LPI;
	struct kvm_vcpu *vcpu;
	struct vgic_irq *irq;
	int ret = 0;

	guard(mutex)(&kvm->arch.vgic.lpi_tables_lock);
	kvm_for_each_vcpu(i, vcpu, kvm) {
		its_pending_clean(vcpu);
		cond_resched();
	}
	while (!ret && (irq = its_lpi_find(kvm, &intid, NULL, NULL))) {
		ret = its_pending_save_irq(&word, irq);
		vgic_put_irq(kvm, irq);
		intid++;
		cond_resched();
	}
	return ret;
}

/**
 * vgic_its_vcpu_destroy() - Free what is kept for a vCPU that goes.
 * @vcpu: The vCPU.
 */
void vgic_its_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	for (u32 i = 0; i < VGIC_LPI_NR_SEEN; i++) {
		kfree(vcpu->arch.vgic_cpu.lpis_seen[i]);
		vcpu->arch.vgic_cpu.lpis_seen[i] = NULL;
	}
}
