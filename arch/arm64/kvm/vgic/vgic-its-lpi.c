// SPDX-License-Identifier: GPL-2.0-only
/*
 * LPIs: the objects, and their configuration table (IHI 0069, "LPI Configuration
 * tables").
 *
 * An LPI is shared by all events, of any ITS, that are mapped to its INTID. Its
 * objects are in vgic_dist.lpi_xa, by INTID.
 *
 * vgic_dist.lpi_tables_lock is held from before a table is read until the LPIs have what
 * it says. So a command that reads a table again, and has completed, is not undone by
 * another one that had read the table before. Whoever invalidates the configuration of
 * LPIs that may be mapped later also counts vgic_dist.lpi_tables_gen up, because what has
 * been read for them is out of date (its_lpi_find_config()).
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sched/signal.h>

#include "vgic-its.h"
#include "vgic.h"
#include "vgic-lpi-queue.h"

#define LPI_PRIORITY	GENMASK(7, 2)

/* Its objects are an its_lpi each. */
static struct kmem_cache *its_lpi_cache;

int its_lpi_init(void)
{
	/* vgic_put_irq() knows the vgic_irq alone, and frees that. */
	BUILD_BUG_ON(offsetof(struct its_lpi, irq));

	its_lpi_cache = KMEM_CACHE(its_lpi, SLAB_ACCOUNT);
	return its_lpi_cache ? 0 : -ENOMEM;
}

/* The number of INTIDs that the guest has given its configuration table room for. */
u32 its_lpi_intids(struct kvm *kvm)
{
	u32 bits = (READ_ONCE(kvm->arch.vgic.propbaser) & GICR_PROPBASER_IDBITS_MASK) + 1;

	return BIT(min(bits, INTERRUPT_ID_BITS_ITS));
}

bool its_lpi_in_range(struct kvm *kvm, u32 intid)
{
	return intid >= VGIC_MIN_LPI && intid < its_lpi_intids(kvm);
}

/* Whether it is mapped, and sent to @vcpu. The VM stands still. */
bool its_lpi_is_mapped(struct kvm_vcpu *vcpu, u32 intid)
{
	struct vgic_irq *irq;

	guard(rcu)();
	irq = xa_load(&vcpu->kvm->arch.vgic.lpi_xa, intid);
	return irq && READ_ONCE(irq->target_vcpu) == vcpu;
}

static int its_lpi_read_config(struct kvm *kvm, u32 intid, u8 *config, u32 nr)
{
	gpa_t table = GICR_PROPBASER_ADDRESS(READ_ONCE(kvm->arch.vgic.propbaser));

	return kvm_read_guest_lock(kvm, table + intid - VGIC_MIN_LPI, config, nr);
}

/* Context: The caller holds a reference to @irq. */
static int its_lpi_configure(struct vgic_irq *irq, u8 config, bool inv)
{
	struct kvm_vcpu *vcpu;
	int ret;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		irq->priority = config & LPI_PRIORITY;
		irq->enabled = config & LPI_PROP_ENABLED;
		ret = its_forward_configure(irq, config, inv);
		/* A list register has the old configuration. */
		vcpu = vgic_lpi_queue_update(irq) ?: irq->lr_vcpu;
	}
	vgic_lpi_queue_kick(vcpu);
	return ret;
}

static int its_lpi_inv_locked(struct kvm *kvm, struct vgic_irq *irq)
{
	u8 config;
	int ret;

	lockdep_assert_held(&kvm->arch.vgic.lpi_tables_lock);

	ret = its_lpi_read_config(kvm, irq->intid, &config, 1);
	return ret ?: its_lpi_configure(irq, config, true);
}

/**
 * its_lpi_inv() - Read an LPI's configuration from the guest's table.
 * @kvm: The VM.
 * @irq: The LPI.
 *
 * Context: The caller holds a reference to @irq. May sleep.
 * Return: 0, -EFAULT if the table can't be read, or an error of the host's ITS.
 */
int its_lpi_inv(struct kvm *kvm, struct vgic_irq *irq)
{
	guard(mutex)(&kvm->arch.vgic.lpi_tables_lock);
	return its_lpi_inv_locked(kvm, irq);
}

static struct vgic_irq *its_lpi_get(struct kvm *kvm, u32 intid)
{
	struct vgic_irq *irq;

	guard(rcu)();
	irq = xa_load(&kvm->arch.vgic.lpi_xa, intid);
	return irq && vgic_try_get_irq_ref(irq) ? irq : NULL;
}

/**
 * vgic_its_invlpi() - The guest writes GICR_INVLPIR: read an LPI's configuration.
 * @kvm: The VM.
 * @intid: INTID, of any value.
 *
 * If the LPI is not mapped, its configuration is read when it is.
 *
 * Context: May sleep.
 */
void vgic_its_invlpi(struct kvm *kvm, u32 intid)
{
	struct vgic_irq *irq;

	guard(mutex)(&kvm->arch.vgic.lpi_tables_lock);
	kvm->arch.vgic.lpi_tables_gen++;
	irq = its_lpi_get(kvm, intid);
	if (!irq)
		return;
	its_lpi_inv_locked(kvm, irq);
	vgic_put_irq(kvm, irq);
}

void its_lpi_forget_tables(struct vgic_its *its)
{
	its->lpi_tables.first = 0;
}

static int its_lpi_find_config(struct vgic_its *its, u32 intid, u8 *config)
{
	u32 first = round_down(intid, ITS_LPI_RUN), gen = its->kvm->arch.vgic.lpi_tables_gen;
	struct its_lpi_tables *t = &its->lpi_tables;
	int ret;

	if (t->first != first || t->gen != gen) {
		t->first = 0;
		ret = its_lpi_read_config(its->kvm, first, t->config, ITS_LPI_RUN);
		if (ret)
			return ret;
		t->first = first;
		t->gen = gen;
		memset(t->pending, 0, sizeof(t->pending));
	}
	*config = t->config[intid - first];
	return 0;
}

/* After its_lpi_find_config() of the same. */
static int its_lpi_find_pending(struct vgic_its *its, u32 intid, struct kvm_vcpu *vcpu,
				bool *pending)
{
	u32 nr = vcpu->vcpu_idx % ITS_LPI_NR_PENDING;
	struct its_pending_word *word = &its->lpi_tables.pending[nr];
	int ret;

	ret = its_pending_find(word, vcpu, intid);
	if (!ret)
		*pending = word->bits & BIT_ULL(intid % ITS_LPI_RUN);
	return ret;
}

/**
 * its_lpi_read_tables() - Look up what state an LPI is in that is not mapped yet.
 * @its: The ITS.
 * @intid: INTID, in range.
 * @target: The vCPU that it is to go to, or NULL.
 * @state: Where to put the state.
 *
 * Context: cmd_lock, its_lock and lpi_tables_lock, which is held until the LPI has
 * that state. May sleep.
 * Return: 0, or -EFAULT if the guest's tables can't be read.
 */
int its_lpi_read_tables(struct vgic_its *its, u32 intid, struct kvm_vcpu *target,
			struct its_lpi_state *state)
{
	int ret;

	lockdep_assert_held(&its->kvm->arch.vgic.lpi_tables_lock);

	state->target = target;
	state->counts = target && its_pending_counts(target, intid);
	state->pending = false;
	ret = its_lpi_find_config(its, intid, &state->config);
	if (!ret && state->counts)
		ret = its_lpi_find_pending(its, intid, target, &state->pending);
	return ret;
}

static struct its_lpi *its_lpi_alloc(u32 intid)
{
	struct its_lpi *lpi = kmem_cache_zalloc(its_lpi_cache, GFP_KERNEL);
	struct vgic_irq *irq;

	if (!lpi)
		return NULL;
	irq = &lpi->irq;
	INIT_LIST_HEAD(&irq->ap_list);
	raw_spin_lock_init(&irq->irq_lock);
	refcount_set(&irq->refcount, 1);
	irq->config = VGIC_CONFIG_EDGE;
	irq->group = 1;
	irq->intid = intid;
	return lpi;
}

/*
 * Make @irq the LPI of its INTID, unless there is one.
 * Return: The one that is, with a reference, or an error.
 */
static struct vgic_irq *its_lpi_publish(struct kvm *kvm, struct vgic_irq *irq)
{
	struct xarray *lpis = &kvm->arch.vgic.lpi_xa;
	struct vgic_irq *is;

	xa_lock_irq(lpis);
	is = __xa_cmpxchg(lpis, irq->intid, NULL, irq, GFP_KERNEL_ACCOUNT);
	/* An LPI that is found has a reference: the last one is dropped inside this lock. */
	if (is && !xa_is_err(is))
		vgic_get_irq_ref(is);
	xa_unlock_irq(lpis);

	if (!is)
		return irq;
	return xa_is_err(is) ? ERR_PTR(xa_err(is)) : is;
}

/*
 * The target is read without irq_lock by its_lpi_find(), its_lpi_configure_run(),
 * its_map_add_event() and its_forward_find().
 */
static void its_lpi_set_target(struct vgic_irq *irq, struct kvm_vcpu *target)
{
	lockdep_assert_held(&irq->irq_lock);

	WRITE_ONCE(irq->target_vcpu, target);
	/*
	 * Orders lpi_xa and the target before EnableLPIs, which its_inject_check() reads once
	 * irq_lock is dropped. Pairs with vgic_its_lpis_disabled().
	 */
	smp_mb();
}

/*
 * One more event is mapped to it, which has a reference. The first one finds an LPI
 * in the state that the tables have it in, even if something has kept the object.
 * Return: whether it is the first.
 */
static bool its_lpi_attach(struct vgic_irq *irq, const struct its_lpi_state *state)
{
	struct its_lpi *lpi = container_of(irq, struct its_lpi, irq);

	guard(raw_spinlock_irqsave)(&irq->irq_lock);
	if (lpi->nr_events++)
		return false;
	its_lpi_set_target(irq, state->target);
	irq->priority = state->config & LPI_PRIORITY;
	irq->enabled = state->config & LPI_PROP_ENABLED;
	vgic_lpi_queue_withdraw(irq);
	WARN_ON_ONCE(irq->active || irq->hw);
	return true;
}

/**
 * its_lpi_new_event() - Make an event for an INTID, whose LPI comes to be by it.
 * @kvm: The VM.
 * @intid: INTID, in range.
 * @state: What its_lpi_read_tables() has said, for the LPI if no other event is
 *	mapped to it. If it is pending, its_lpi_load_pending() makes the LPI so.
 *
 * Context: its_lock. May sleep.
 * Return: The event, out of reach yet, or an ERR_PTR: -ENOMEM.
 */
struct its_event *its_lpi_new_event(struct kvm *kvm, u32 intid, struct its_lpi_state *state)
{
	struct its_lpi *lpi = its_lpi_alloc(intid);
	struct its_event *event;
	struct vgic_irq *irq;

	if (!lpi)
		return ERR_PTR(-ENOMEM);
	event = &lpi->event;
	irq = its_lpi_publish(kvm, &lpi->irq);
	if (irq != &lpi->irq) {
		kmem_cache_free(its_lpi_cache, lpi);
		if (IS_ERR(irq))
			return ERR_CAST(irq);
		event = kzalloc_obj(*event, GFP_KERNEL_ACCOUNT);
		if (!event) {
			vgic_put_irq(kvm, irq);
			return ERR_PTR(-ENOMEM);
		}
	}
	state->counts &= its_lpi_attach(irq, state);
	event->irq = irq;
	return event;
}

static void its_lpi_set_pending(struct vgic_irq *irq)
{
	struct kvm_vcpu *vcpu;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		irq->pending_latch = !irq->hw;
		irq->from_table = !irq->hw;
		its_forward_set_pending(irq, true);
		vcpu = vgic_lpi_queue_update(irq);
	}
	vgic_lpi_queue_kick(vcpu);
}

/**
 * its_lpi_load_pending() - Take over the pending state that the guest's table has.
 * @irq: The LPI of an event that has been mapped.
 * @state: The same as for its_lpi_new_event().
 *
 * Context: its_lock and lpi_tables_lock. May sleep.
 */
void its_lpi_load_pending(struct vgic_irq *irq, const struct its_lpi_state *state)
{
	if (!state->counts)
		return;
	its_pending_see(state->target, irq->intid);
	if (state->pending)
		its_lpi_set_pending(irq);
}

/* That of the LPI goes with it: when its last reference and RCU let go. */
static void its_lpi_put_event(struct kvm *kvm, struct its_event *event, struct vgic_irq *irq)
{
	if (event != &container_of(irq, struct its_lpi, irq)->event)
		kfree_rcu(event, rcu);
	vgic_put_irq(kvm, irq);
}

/*
 * With irq_lock held: one event less is mapped to it. The last one takes the target and
 * the pending state along. Return: as vgic_lpi_queue_withdraw().
 */
static struct kvm_vcpu *its_lpi_detach(struct vgic_irq *irq)
{
	if (--container_of(irq, struct its_lpi, irq)->nr_events)
		return NULL;
	its_lpi_set_target(irq, NULL);
	return vgic_lpi_queue_withdraw(irq);
}

/**
 * its_lpi_undo_event() - Undo its_lpi_new_event().
 * @kvm: The VM.
 * @event: The event, which nobody can have found.
 *
 * Context: its_lock.
 */
void its_lpi_undo_event(struct kvm *kvm, struct its_event *event)
{
	struct vgic_irq *irq = event->irq;
	struct kvm_vcpu *vcpu;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock)
		vcpu = its_lpi_detach(irq);
	vgic_lpi_queue_kick(vcpu);
	its_lpi_put_event(kvm, event, irq);
}

/**
 * its_lpi_free_event() - Unmap an event, and free it.
 * @kvm: The VM.
 * @event: The event. The way to it goes before or after.
 *
 * Invariants 1 and 2: what others see of it is one step.
 *
 * Context: its_lock. Who finds it under RCU still may use it until the end of that.
 */
void its_lpi_free_event(struct kvm *kvm, struct its_event *event)
{
	struct vgic_irq *irq = event->irq;
	struct kvm_vcpu *vcpu;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		WRITE_ONCE(event->irq, NULL);
		its_forward_drop(irq);
		vcpu = vgic_lpi_queue_withdraw(irq);
		its_lpi_detach(irq);
	}
	vgic_lpi_queue_kick(vcpu);
	its_lpi_put_event(kvm, event, irq);
}

/**
 * its_lpi_retarget() - Send an LPI to another vCPU from now on.
 * @irq: The LPI.
 * @to: The vCPU.
 *
 * If it is pending, it moves along, from wherever MOVALL has moved it to. If a vCPU has it
 * in a list register, that is kicked, and hands the LPI over when it exits.
 *
 * Context: The caller holds a reference to @irq. May sleep.
 * Return: 0, or an error of the host's ITS.
 */
int its_lpi_retarget(struct vgic_irq *irq, struct kvm_vcpu *to)
{
	struct kvm_vcpu *vcpu;
	int ret;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		if (irq->target_vcpu == to)
			return 0;
		ret = its_forward_retarget(irq, to);
		WRITE_ONCE(irq->moved_to, NULL);
		irq->from_table = false;	/* not from that of @to */
		its_lpi_set_target(irq, to);
		/* A vCPU that has it in a list register hands it back. */
		vcpu = vgic_lpi_queue_update(irq) ?: irq->lr_vcpu;
	}
	vgic_lpi_queue_kick(vcpu);
	return ret;
}

/**
 * its_lpi_clear() - Take an LPI's pending state away.
 * @irq: The LPI.
 *
 * Context: The caller holds a reference to @irq. May sleep.
 * Return: 0, or an error of the host's ITS.
 */
int its_lpi_clear(struct vgic_irq *irq)
{
	struct kvm_vcpu *vcpu;
	int ret;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		vcpu = vgic_lpi_queue_withdraw(irq);
		ret = its_forward_set_pending(irq, false);
	}
	vgic_lpi_queue_kick(vcpu);
	return ret;
}

/* For its_lpi_find(): the vCPU that an LPI is sent to. */
struct kvm_vcpu *its_lpi_target(const struct vgic_irq *irq)
{
	return READ_ONCE(irq->target_vcpu);
}

/**
 * its_lpi_find() - Find the next LPI, of a vCPU or of all.
 * @kvm: The VM.
 * @intid: The INTID to begin with; that of the LPI is put there.
 * @of: Whose an LPI is: its_lpi_target() or vgic_lpi_queue_place(), as of this moment.
 *	NULL: any LPI will do.
 * @vcpu: The vCPU that @of is to return.
 *
 * An LPI that is retargeted meanwhile may be found or not. The caller reads the target
 * again with irq_lock held.
 *
 * Context: Any.
 * Return: The LPI, with a reference, or NULL.
 */
struct vgic_irq *its_lpi_find(struct kvm *kvm, unsigned long *intid,
			      struct kvm_vcpu *(*of)(const struct vgic_irq *irq),
			      struct kvm_vcpu *vcpu)
{
	XA_STATE(xas, &kvm->arch.vgic.lpi_xa, *intid);
	struct vgic_irq *irq;

	guard(rcu)();
	xas_for_each(&xas, irq, ULONG_MAX) {
		if (xas_retry(&xas, irq) || (of && of(irq) != vcpu) ||
		    !vgic_try_get_irq_ref(irq))
			continue;
		*intid = xas.xa_index;
		return irq;
	}
	return NULL;
}

static void its_lpi_move(struct vgic_irq *irq, struct kvm_vcpu *from, struct kvm_vcpu *to)
{
	struct kvm_vcpu *vcpu;

	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock)
		vcpu = vgic_lpi_queue_move(irq, from, to);
	vgic_lpi_queue_kick(vcpu);
}

/**
 * its_lpi_move_some() - Move the next pending LPIs of a vCPU to another.
 * @from: From which vCPU.
 * @to: To which vCPU.
 * @intid: The INTID to begin with. The INTID to go on with is put there.
 *
 * Where MSIs go from now on does not change: MAPC and MOVI say that. An LPI that GICv4
 * forwards stays pending for its target.
 *
 * Context: May sleep; each LPI gives others a chance to run.
 * Return: true after ITS_LPI_RUN LPIs, false if there are no more.
 */
bool its_lpi_move_some(struct kvm_vcpu *from, struct kvm_vcpu *to, unsigned long *intid)
{
	struct vgic_irq *irq;

	for (u32 i = 0; i < ITS_LPI_RUN; i++) {
		irq = its_lpi_find(from->kvm, intid, vgic_lpi_queue_place, from);
		if (!irq)
			return false;
		its_lpi_move(irq, from, to);
		vgic_put_irq(from->kvm, irq);
		++*intid;
		cond_resched();
	}
	return true;
}

/* With lpi_tables_lock held, without irq_lock: is the configuration @config already? */
static bool its_lpi_is_configured(struct vgic_irq *irq, u8 config)
{
	/* lpi_tables_lock guards them too, but for hw, which irq_lock is taken for. */
	return !data_race(irq->hw || irq->priority != (config & LPI_PRIORITY) ||
			  irq->enabled != !!(config & LPI_PROP_ENABLED));
}

/* The LPIs of @vcpu among the ITS_LPI_RUN from @first on, whose table entries are @config. */
static void its_lpi_configure_run(struct kvm_vcpu *vcpu, unsigned long first, const u8 *config)
{
	XA_STATE(xas, &vcpu->kvm->arch.vgic.lpi_xa, first);
	struct vgic_irq *irq;

	rcu_read_lock();
	xas_for_each(&xas, irq, first + ITS_LPI_RUN - 1) {
		u8 byte = config[xas.xa_index - first];

		if (xas_retry(&xas, irq) || READ_ONCE(irq->target_vcpu) != vcpu ||
		    its_lpi_is_configured(irq, byte) || !vgic_try_get_irq_ref(irq))
			continue;

		xas_pause(&xas);
		rcu_read_unlock();
		its_lpi_configure(irq, byte, false);
		vgic_put_irq(vcpu->kvm, irq);
		rcu_read_lock();
	}
	rcu_read_unlock();
}

/**
 * its_lpi_configure_some() - Read the configuration of the next LPIs that a vCPU gets.
 * @vcpu: The vCPU.
 * @intid: The INTID to begin with. The INTID to go on with is put there.
 *
 * What can't be read stays as it is.
 *
 * Context: May sleep; gives others a chance to run.
 * Return: true after ITS_LPI_RUN INTIDs, false if there are no more LPIs.
 */
bool its_lpi_configure_some(struct kvm_vcpu *vcpu, unsigned long *intid)
{
	struct its_vpe *vpe = &vcpu->arch.vgic_cpu.vgic_v3.its_vpe;
	struct kvm *kvm = vcpu->kvm;
	u8 config[ITS_LPI_RUN] __uninitialized;

	if (!xa_find(&kvm->arch.vgic.lpi_xa, intid, ULONG_MAX, XA_PRESENT)) {
		scoped_guard(mutex, &kvm->arch.vgic.lpi_tables_lock)
			kvm->arch.vgic.lpi_tables_gen++;
		if (vpe->its_vm)
			its_invall_vpe(vpe);
		return false;
	}
	*intid = round_down(*intid, ITS_LPI_RUN);
	scoped_guard(mutex, &kvm->arch.vgic.lpi_tables_lock) {
		kvm->arch.vgic.lpi_tables_gen++;
		if (!its_lpi_read_config(kvm, *intid, config, ITS_LPI_RUN))
			its_lpi_configure_run(vcpu, *intid, config);
	}
	*intid += ITS_LPI_RUN;
	cond_resched();
	return true;
}

/**
 * vgic_its_invall() - Read the configuration of all LPIs that a vCPU gets.
 * @vcpu: The vCPU.
 *
 * For GICR_INVALLR.
 *
 * Context: May sleep. Ends early if the caller is about to be killed.
 * Return: 0
 */
int vgic_its_invall(struct kvm_vcpu *vcpu)
{
	unsigned long intid = VGIC_MIN_LPI;

	while (its_lpi_configure_some(vcpu, &intid) && !fatal_signal_pending(current))
		;
	return 0;
}
