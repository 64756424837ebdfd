// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: publish what was staged, and retire what it replaced. Nothing in this
 * file can fail. The types, locks and rules are in irqchip.h.
 */
#include <linux/atomic.h>
#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#define CREATE_TRACE_POINTS
#include <trace/events/kvm_irq_routing.h>

#include "irqchip.h"

/* GSIs that are found by their type. */

static bool irqchip_is_marked(u32 type)
{
	return type == KVM_IRQ_ROUTING_IRQCHIP || type == KVM_IRQ_ROUTING_HV_SINT;
}

static xa_mark_t irqchip_mark(u32 type)
{
	return type == KVM_IRQ_ROUTING_HV_SINT ? XA_MARK_1 : XA_MARK_0;
}

const struct kvm_gsi_routes *kvm_next_gsi_routes_of(struct kvm *kvm, u32 type,
						    unsigned long *gsi)
{
	irqchip_assert_reader(kvm);
	return xa_find(&kvm->irq_routing->gsis, gsi, ULONG_MAX, irqchip_mark(type));
}

/* A slot that is stored to keeps its marks; one that is erased loses them. */
static void irqchip_mark_gsi(struct xarray *gsis, const struct irqchip_staged *staged)
{
	u32 old = irqchip_type(staged->old), new = irqchip_type(staged->new);

	if (old == new)
		return;
	if (irqchip_is_marked(old))
		xa_clear_mark(gsis, staged->gsi, irqchip_mark(old));
	if (irqchip_is_marked(new))
		xa_set_mark(gsis, staged->gsi, irqchip_mark(new));
}

/* The GSIs of inputs of interrupt controllers. */

static bool irqchip_leads_to(const struct kvm_gsi_routes *routes,
			     const struct kvm_kernel_irq_routing_entry *input)
{
	const struct kvm_kernel_irq_routing_entry *e;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
		    e->irqchip.irqchip == input->irqchip.irqchip &&
		    e->irqchip.pin == input->irqchip.pin)
			return true;
	}
	return false;
}

/* Record the GSI of @routes at their inputs; if not @all, at those that have none. */
static void irqchip_set_pins(struct kvm_irq_routing_table *table,
			     const struct kvm_gsi_routes *routes, bool all)
{
	const struct kvm_kernel_irq_routing_entry *e;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		int *pin = &table->pins[e->irqchip.irqchip][e->irqchip.pin];

		if (all || *pin == -1)
			WRITE_ONCE(*pin, e->gsi);
	}
}

/* Returns whether an input has lost its GSI. */
static bool irqchip_clear_pins(struct kvm_irq_routing_table *table,
			       const struct irqchip_staged *staged)
{
	const struct kvm_kernel_irq_routing_entry *e = staged->old->entries;
	bool cleared = false;

	for (; e < kvm_gsi_routes_end(staged->old); e++) {
		int *pin = &table->pins[e->irqchip.irqchip][e->irqchip.pin];

		if (*pin != e->gsi || (staged->new && irqchip_leads_to(staged->new, e)))
			continue;
		WRITE_ONCE(*pin, -1);
		cleared = true;
	}
	return cleared;
}

/*
 * Set first, then clear: a reader must not find an input without its GSI if that leads to
 * it before and after the change. An input that loses its GSI has none until the walk
 * has found another one; an end of interrupt by then counts as before the change.
 */
static void irqchip_publish_pins(struct kvm_irq_routing_change *change)
{
	const struct irqchip_staged *staged;
	const struct kvm_gsi_routes *routes;
	bool cleared = false;
	unsigned long gsi;

	list_for_each_entry(staged, &change->staged, link) {
		if (irqchip_type(staged->new) == KVM_IRQ_ROUTING_IRQCHIP)
			irqchip_set_pins(change->table, staged->new, true);
	}
	list_for_each_entry(staged, &change->staged, link) {
		if (irqchip_type(staged->old) == KVM_IRQ_ROUTING_IRQCHIP &&
		    irqchip_clear_pins(change->table, staged))
			cleared = true;
	}
	if (!cleared)
		return;

	for (gsi = 0; (routes = kvm_next_gsi_routes_of(change->kvm, KVM_IRQ_ROUTING_IRQCHIP,
						       &gsi)); gsi++) {
		irqchip_set_pins(change->table, routes, false);
		cond_resched();
	}
}

/* Publish. */

static void irqchip_trace_routes(const struct irqchip_staged *staged)
{
	static const struct kvm_msi no_msi;
	const struct kvm_kernel_irq_routing_entry *e;

	if (!staged->new) {
		trace_kvm_irq_route(staged->gsi, 0, &no_msi);
		return;
	}
	for (e = staged->new->entries; e < kvm_gsi_routes_end(staged->new); e++)
		trace_kvm_irq_route(e->gsi, e->type, e->type == KVM_IRQ_ROUTING_MSI ?
						     &e->msi : &no_msi);
}

/* The GSI has a slot already: nothing here allocates. */
static void irqchip_publish_gsi(struct kvm_irq_routing_change *change,
				const struct irqchip_staged *staged)
{
	struct xarray *gsis = &change->table->gsis;

	if (!staged->new)
		xa_erase(gsis, staged->gsi);
	else
		WARN_ON_ONCE(xa_is_err(xa_store(gsis, staged->gsi, staged->new, GFP_NOWAIT)));
	irqchip_mark_gsi(gsis, staged);

	if (trace_kvm_irq_route_enabled())
		irqchip_trace_routes(staged);
	kvm_irq_routing_update(change->kvm, staged->gsi);
}

static bool irqchip_is_change(const struct irqchip_staged *staged)
{
	const struct kvm_gsi_routes *old = staged->old, *new = staged->new;

	return !old || !new || old->nr != new->nr ||
	       memcmp(old->entries, new->entries, flex_array_size(old, entries, old->nr));
}

/*
 * A GSI with several routes is staged before its last entry is known. Drop it if its
 * routes are those in force after all.
 */
static void irqchip_drop_unchanged(struct kvm_irq_routing_change *change)
{
	struct irqchip_staged *staged, *next;

	list_for_each_entry_safe(staged, next, &change->staged, link) {
		if (irqchip_is_change(staged)) {
			change->in_use |= !!staged->old;
			continue;
		}
		list_del(&staged->link);
		kfree(staged->new);
		kfree(staged);
	}
}

/*
 * Exchange the array for the table's last one. If it cannot become that, free the
 * last one, unless nothing changes: then it still describes the routes in force.
 */
static void irqchip_keep(struct kvm_irq_routing_change *change,
			 struct kvm_irq_routing_entry **array, u32 nr)
{
	struct kvm_irq_routing_table *table = change->table;

	if (array && change->keep) {
		swap(table->last, *array);
		table->nr_last = nr;
	} else if (!list_empty(&change->staged)) {
		kvfree(table->last);
		table->last = NULL;
		table->nr_last = 0;
	}
}

/* @array and @nr are as for irqchip_change(). */
void irqchip_publish(struct kvm_irq_routing_change *change,
		     struct kvm_irq_routing_entry **array, u32 nr)
{
	struct kvm_irq_routing_table *table = change->table;
	const struct irqchip_staged *staged;

	lockdep_assert_held(&change->kvm->irq_lock);

	irqchip_drop_unchanged(change);
	irqchip_keep(change, array, nr);

	/*
	 * Before any object is replaced: a change that finds the new routes must
	 * also see that readers of the old ones have to be waited for.
	 */
	if (change->in_use)
		atomic_inc(&table->retiring);

	list_for_each_entry(staged, &change->staged, link) {
		irqchip_publish_gsi(change, staged);
		cond_resched();
	}
	table->nr_routes = change->nr_routes;
	irqchip_publish_pins(change);
	xa_destroy(&change->inputs);
	kvm_arch_irq_routing_update(change->kvm);
}

/*
 * A change that only adds GSIs waits, too, while an earlier one is retiring:
 * otherwise its caller could see an interrupt by a route that neither table has.
 */
void irqchip_retire(struct kvm_irq_routing_change *change)
{
	struct kvm_irq_routing_table *table = change->table;
	struct irqchip_staged *staged, *next;

	if (change->in_use || atomic_read(&table->retiring))
		synchronize_srcu_expedited(&change->kvm->irq_srcu);
	if (change->in_use)
		atomic_dec(&table->retiring);

	list_for_each_entry_safe(staged, next, &change->staged, link) {
		kfree(staged->old);
		kfree(staged);
		cond_resched();
	}
}
