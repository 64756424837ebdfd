// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: publish what was staged, and retire what it replaced. Nothing in this
 * file can fail. The types, locks and rules are in irqchip.h.
 */
#include <linux/atomic.h>
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

#define CREATE_TRACE_POINTS
#include <trace/events/kvm_irq_routing.h>

#include "irqchip.h"

struct kvm_gsi_routes kvm_no_routes;

static void irqchip_publish_pins(struct kvm_irq_routing_change *change)
{
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++)
		for (int j = 0; j < KVM_IRQCHIP_NUM_PINS; j++)
			WRITE_ONCE(change->table->pins[i][j], change->pins[i][j]);
}

static void irqchip_trace_routes(u32 gsi, const struct kvm_gsi_routes *routes)
{
	static const struct kvm_msi no_msi;
	const struct kvm_kernel_irq_routing_entry *e;

	if (routes == &kvm_no_routes)
		trace_kvm_irq_route(gsi, 0, &no_msi);
	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++)
		trace_kvm_irq_route(gsi, e->type, e->type == KVM_IRQ_ROUTING_MSI ?
						  &e->msi : &no_msi);
}

/* The GSI has a slot already: neither call allocates. */
static void irqchip_publish_gsi(struct kvm_irq_routing_change *change, u32 gsi,
				struct kvm_gsi_routes *routes)
{
	struct xarray *gsis = &change->table->gsis;

	if (routes == &kvm_no_routes)
		xa_erase(gsis, gsi);
	else
		WARN_ON_ONCE(xa_is_err(xa_store(gsis, gsi, routes, GFP_NOWAIT)));

	if (trace_kvm_irq_route_enabled())
		irqchip_trace_routes(gsi, routes);
	kvm_irq_routing_update(change->kvm, gsi);
}

/* Count @routes in, with @sign 1, or out, with -1. */
static void irqchip_count(struct kvm_irq_routing_table *table,
			  const struct kvm_gsi_routes *routes, int sign)
{
	table->nr_routes += sign * (int)routes->nr;
	if (routes->nr)
		table->nr_by_type[routes->entries[0].type] += sign;
}

bool kvm_has_gsi_routes_of(struct kvm *kvm, u32 type)
{
	lockdep_assert_held(&kvm->irq_lock);
	return kvm->irq_routing->nr_by_type[type];
}

/* Leaves the objects that were replaced in @change->anchors. */
void irqchip_publish(struct kvm_irq_routing_change *change)
{
	struct kvm_irq_routing_table *table = change->table;
	struct kvm_gsi_routes *anchor, *routes, **link = &change->anchors;

	lockdep_assert_held(&change->kvm->irq_lock);

	/*
	 * Before any object is replaced: a change that finds the new routes must
	 * also see that readers of the old ones have to be waited for.
	 */
	if (change->in_use)
		atomic_inc(&table->retiring);

	while ((anchor = *link)) {
		routes = anchor->staged;
		anchor->staged = NULL;
		irqchip_count(table, routes, 1);
		if (routes != anchor)
			irqchip_count(table, anchor, -1);
		if (routes == anchor)
			*link = anchor->next;
		else
			link = &anchor->next;
		irqchip_publish_gsi(change, anchor->gsi, routes);
		cond_resched();
	}
	table->nr_gsis = change->nr_gsis;

	if (change->pins)
		irqchip_publish_pins(change);
	kvm_arch_irq_routing_update(change->kvm);
}

/*
 * A change that only adds GSIs waits, too, while an earlier one is retiring:
 * otherwise its caller could see an interrupt by a route that neither table has.
 */
void irqchip_retire(struct kvm_irq_routing_change *change)
{
	struct kvm_irq_routing_table *table = change->table;
	struct kvm_gsi_routes *routes, *next;

	if (change->in_use || atomic_read(&table->retiring))
		synchronize_srcu_expedited(&change->kvm->irq_srcu);
	if (change->in_use)
		atomic_dec(&table->retiring);

	for (routes = change->anchors; routes; routes = next) {
		next = routes->next;
		kfree(routes);
		cond_resched();
	}
	kvfree(change->pins);
}

/*
 * Exchange the array for the table's last one. If it cannot become that, free the
 * last one, unless nothing changes: then it still describes the routes in force.
 */
void irqchip_keep(struct kvm_irq_routing_change *change, u32 nr,
		  struct kvm_irq_routing_entry **array)
{
	struct kvm_irq_routing_table *table = change->table;

	if (array && change->keep && change->nr_gsis == nr) {
		swap(table->last, *array);
		table->nr_last = nr;
	} else if (change->anchors) {
		kvfree(table->last);
		table->last = NULL;
		table->nr_last = 0;
	}
}
