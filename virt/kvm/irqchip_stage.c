// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: stage a table from userspace. All that can fail is done here, before
 * the first change becomes visible. The types, locks and rules are in irqchip.h.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "irqchip.h"

static int irqchip_decode(struct kvm *kvm, const struct kvm_irq_routing_entry *ue,
			  struct kvm_kernel_irq_routing_entry *e)
{
	int ret;

	if (ue->gsi >= KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	if (ue->flags & ~(ue->type == KVM_IRQ_ROUTING_MSI ? KVM_MSI_VALID_DEVID : 0))
		return -EINVAL;

	memset(e, 0, sizeof(*e));
	e->gsi = array_index_nospec(ue->gsi, KVM_MAX_IRQ_ROUTES);
	e->type = ue->type;
	ret = kvm_set_routing_entry(kvm, e, ue);
	if (ret)
		return ret;

	if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
	    (e->irqchip.irqchip >= KVM_NR_IRQCHIPS ||
	     e->irqchip.pin >= KVM_IRQCHIP_NUM_PINS))
		return -EINVAL;
	return 0;
}

/*
 * Stage the replacement of @old, which is what a GSI has in force. A GSI that will
 * lead to a @type gets an object without routes yet; with type 0 it loses its routes.
 */
static struct irqchip_staged *
irqchip_stage_gsi(struct kvm_irq_routing_change *change, u32 gsi,
		  const struct kvm_gsi_routes *old, u32 type)
{
	u32 room = type == KVM_IRQ_ROUTING_IRQCHIP ? KVM_NR_IRQCHIPS : 1;
	struct irqchip_staged *staged;
	int ret = 0;

	staged = kzalloc_obj(*staged, GFP_KERNEL_ACCOUNT);
	if (!staged)
		return ERR_PTR(-ENOMEM);

	/* From here on, irqchip_unstage() undoes it. */
	staged->gsi = gsi;
	staged->old = old;
	list_add_tail(&staged->link, &change->staged);
	if (old)
		change->nr_routes -= old->nr;
	else
		ret = xa_reserve(&change->table->gsis, gsi, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ERR_PTR(ret);

	if (type) {
		staged->new = kzalloc(struct_size(staged->new, entries, room),
				      GFP_KERNEL_ACCOUNT);
		if (!staged->new)
			return ERR_PTR(-ENOMEM);
	}

	if (KVM_NR_IRQCHIPS > 1 && (type == KVM_IRQ_ROUTING_IRQCHIP ||
				    irqchip_type(old) == KVM_IRQ_ROUTING_IRQCHIP))
		ret = xa_err(xa_store(&change->inputs, gsi, staged, GFP_KERNEL_ACCOUNT));
	return ret ? ERR_PTR(ret) : staged;
}

/* Only inputs of different interrupt controllers can share a GSI. */
static int irqchip_add_route(struct kvm_irq_routing_change *change,
			     struct kvm_gsi_routes *routes,
			     const struct kvm_kernel_irq_routing_entry *e)
{
	const struct kvm_kernel_irq_routing_entry *other;

	for (other = routes->entries; other < kvm_gsi_routes_end(routes); other++) {
		if (other->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    e->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    other->irqchip.irqchip == e->irqchip.irqchip)
			return -EINVAL;
	}

	routes->nr++;
	routes->entries[routes->nr - 1] = *e;
	change->nr_routes++;
	return 0;
}

/*
 * Stage one more route of a GSI that an earlier entry has named. If that one was not
 * staged, it equals the only route in force, @old.
 */
static int irqchip_stage_another(struct kvm_irq_routing_change *change,
				 const struct kvm_gsi_routes *old,
				 const struct kvm_kernel_irq_routing_entry *e)
{
	struct irqchip_staged *staged = xa_load(&change->inputs, e->gsi);
	int ret;

	change->keep = false;
	if (staged)
		return staged->new ? irqchip_add_route(change, staged->new, e) : -EINVAL;
	if (irqchip_type(old) != KVM_IRQ_ROUTING_IRQCHIP)
		return -EINVAL;

	staged = irqchip_stage_gsi(change, e->gsi, old, KVM_IRQ_ROUTING_IRQCHIP);
	if (IS_ERR(staged))
		return PTR_ERR(staged);
	ret = irqchip_add_route(change, staged->new, &old->entries[0]);
	return ret ?: irqchip_add_route(change, staged->new, e);
}

/* Stage one entry, unless it equals the route in force of its GSI. */
int irqchip_stage_entry(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue)
{
	struct kvm_kernel_irq_routing_entry e;
	const struct kvm_gsi_routes *old;
	struct irqchip_staged *staged;
	int ret;

	cond_resched();
	ret = irqchip_decode(change->kvm, ue, &e);
	if (ret)
		return ret;
	if (e.type != KVM_IRQ_ROUTING_MSI && e.type != KVM_IRQ_ROUTING_IRQCHIP)
		change->keep = false;

	old = xa_load(&change->table->gsis, e.gsi);
	if (__test_and_set_bit(e.gsi, change->table->named))
		return irqchip_stage_another(change, old, &e);
	if (old && old->nr == 1 && !memcmp(old->entries, &e, sizeof(e)))
		return 0;

	staged = irqchip_stage_gsi(change, e.gsi, old, e.type);
	return IS_ERR(staged) ? PTR_ERR(staged) : irqchip_add_route(change, staged->new, &e);
}

/* Stage the removal of the routes of a GSI, if it has any and no entry has named it. */
int irqchip_stage_removal(struct kvm_irq_routing_change *change, u32 gsi)
{
	const struct kvm_gsi_routes *old;

	if (test_bit(gsi, change->table->named))
		return 0;

	cond_resched();
	old = xa_load(&change->table->gsis, gsi);
	return old ? PTR_ERR_OR_ZERO(irqchip_stage_gsi(change, gsi, old, 0)) : 0;
}

/*
 * The first position from @i on at which the arrays differ, or @nr. Entries that are equal
 * as bytes decode to the same route. A run of them is compared faster than each by itself.
 */
static u32 irqchip_skip_equal(const struct kvm_irq_routing_entry *a,
			      const struct kvm_irq_routing_entry *b, u32 i, u32 nr)
{
	const u32 run = 64;

	if (i < nr && a[i].gsi != b[i].gsi)
		return i;

	while (i + run <= nr && !memcmp(&a[i], &b[i], run * sizeof(*a)))
		i += run;
	while (i < nr && !memcmp(&a[i], &b[i], sizeof(*a)))
		i++;
	return i;
}

/* Stage the removal of the GSIs at some positions of the last array. */
static int irqchip_stage_removals(struct kvm_irq_routing_change *change,
				  const struct kvm_irq_routing_entry *ue, u32 nr,
				  u32 i, u32 end)
{
	const struct kvm_irq_routing_entry *last = change->table->last;
	int ret;

	for (; i < end; i++) {
		/* An entry that is equal was skipped, and so its GSI not named. */
		if ((i < nr && ue[i].gsi == last[i].gsi) ||
		    test_bit(last[i].gsi, change->table->named))
			continue;
		ret = irqchip_stage_removal(change, last[i].gsi);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * Where the last array has its GSIs. Userspace can list the same routes in another order
 * each time, because it keeps them in a hash table. Without memory for the index, entries
 * that have moved are decoded.
 */
struct irqchip_index {
	u32 size;
	u32 at[] __counted_by(size);	/* by GSI: position + 1; 0: the array lacks it */
};

static struct irqchip_index *irqchip_index(const struct kvm_irq_routing_entry *last, u32 nr)
{
	struct irqchip_index *index;
	u32 size = 0;

	for (u32 i = 0; i < nr; i++)
		size = max(size, last[i].gsi + 1);

	index = kvzalloc(struct_size(index, at, size), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!index)
		return NULL;

	index->size = size;
	for (u32 i = 0; i < nr; i++)
		index->at[last[i].gsi] = i + 1;
	return index;
}

/* Whether the last array has the same entry, which no other entry has named yet. */
static bool irqchip_has_moved(struct kvm_irq_routing_change *change,
			      const struct irqchip_index *index,
			      const struct kvm_irq_routing_entry *ue)
{
	u32 at, gsi;

	if (ue->gsi >= index->size)
		return false;
	gsi = array_index_nospec(ue->gsi, index->size);
	at = index->at[gsi];
	return at && !memcmp(&change->table->last[at - 1], ue, sizeof(*ue)) &&
	       !__test_and_set_bit(gsi, change->table->named);
}

/* Building the index pays if more entries differ than this. */
#define IRQCHIP_INDEX_FROM	16

/*
 * Stage what differs from the table's last array, in which each GSI has one entry.
 * The GSIs with routes will be those at positions that are equal and those that the
 * other entries name. If the new array names a GSI both ways, there are fewer routes
 * than entries, and only then; the caller must start over.
 */
static int irqchip_stage_difference(struct kvm_irq_routing_change *change,
				    const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_irq_routing_entry *last = change->table->last;
	struct irqchip_index *index __free(kvfree) = NULL;
	u32 nr_last = change->table->nr_last;
	u32 common = min(nr, nr_last);
	u32 first, end = 0, differ = 0, i;
	int ret;

	first = irqchip_skip_equal(ue, last, 0, common);
	for (i = first; i < nr; i = irqchip_skip_equal(ue, last, end, common)) {
		end = i + 1;
		if (differ++ == IRQCHIP_INDEX_FROM)
			index = irqchip_index(last, nr_last);
		if (index && irqchip_has_moved(change, index, &ue[i]))
			continue;
		ret = irqchip_stage_entry(change, &ue[i]);
		if (ret)
			return ret;
	}

	/* Between the last difference and the end of the shorter array, all is equal. */
	ret = irqchip_stage_removals(change, ue, nr, first, min(end, nr_last));
	return ret ?: irqchip_stage_removals(change, ue, nr, nr, nr_last);
}

/* Stage an array without comparing it with the last one. */
static int irqchip_stage_all(struct kvm_irq_routing_change *change,
			     const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_gsi_routes *routes;
	unsigned long gsi;
	int ret = 0;

	for (u32 i = 0; i < nr && !ret; i++)
		ret = irqchip_stage_entry(change, &ue[i]);
	if (ret)
		return ret;

	xa_for_each(&change->table->gsis, gsi, routes) {
		ret = irqchip_stage_removal(change, gsi);
		if (ret)
			return ret;
	}
	return 0;
}

/* Stage an array that replaces the routes of all GSIs. */
int irqchip_stage_table(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue, u32 nr)
{
	struct kvm_irq_routing_table *table = change->table;
	int ret;

	bitmap_zero(table->named, KVM_MAX_IRQ_ROUTES);
	if (table->last) {
		ret = irqchip_stage_difference(change, ue, nr);
		if (ret || change->nr_routes == nr)
			return ret;
		irqchip_unstage(change);
		irqchip_start(change);
		bitmap_zero(table->named, KVM_MAX_IRQ_ROUTES);
	}
	return irqchip_stage_all(change, ue, nr);
}

void irqchip_start(struct kvm_irq_routing_change *change)
{
	INIT_LIST_HEAD(&change->staged);
	xa_init_flags(&change->inputs, XA_FLAGS_ACCOUNT);
	change->nr_routes = change->table->nr_routes;
	change->in_use = false;
	change->keep = true;
}

/* No reader has seen a staged object, so there is nobody to wait for. */
void irqchip_unstage(struct kvm_irq_routing_change *change)
{
	struct irqchip_staged *staged, *next;

	list_for_each_entry_safe(staged, next, &change->staged, link) {
		if (!staged->old)
			xa_release(&change->table->gsis, staged->gsi);
		kfree(staged->new);
		kfree(staged);
		cond_resched();
	}
	xa_destroy(&change->inputs);
}
