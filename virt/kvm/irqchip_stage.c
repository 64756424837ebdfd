// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: stage a table from userspace. All that can fail is done here, before
 * the first change becomes visible. The types, locks and rules are in irqchip.h.
 */
#include <linux/kvm_host.h>
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
 * The object in the slot of a GSI: its routes in force, or if it has none, those that
 * this change has staged.
 */
struct kvm_gsi_routes *irqchip_anchor(struct kvm_irq_routing_change *change, u32 gsi)
{
	struct kvm_gsi_routes *anchor = xa_untag_pointer(xa_load(&change->table->gsis, gsi));

	if (anchor && anchor->change != change->id) {
		anchor->change = change->id;
		anchor->named = 0;
	}
	return anchor;
}

static bool irqchip_has_pins(const struct kvm_gsi_routes *routes)
{
	return routes->nr && routes->entries[0].type == KVM_IRQ_ROUTING_IRQCHIP;
}

void irqchip_stage_routes(struct kvm_irq_routing_change *change,
			  struct kvm_gsi_routes *anchor,
			  struct kvm_gsi_routes *routes)
{
	anchor->staged = routes;
	anchor->next = NULL;
	*change->tail = anchor;
	change->tail = &anchor->next;

	if (routes == anchor) {
		change->nr_gsis++;
		return;
	}
	change->in_use = true;
	if (routes == &kvm_no_routes)
		change->nr_gsis--;
	if (irqchip_has_pins(anchor))
		change->has_pins = true;
}

/*
 * Stage a copy of the first @nr routes in force of a GSI (which can be none), with
 * room for as many more as a GSI that leads to @type can have.
 */
static struct kvm_gsi_routes *
irqchip_stage_gsi(struct kvm_irq_routing_change *change, u32 gsi,
		  struct kvm_gsi_routes *anchor, u32 nr, u32 type)
{
	u32 room = nr || type == KVM_IRQ_ROUTING_IRQCHIP ? KVM_NR_IRQCHIPS : 1;
	struct kvm_gsi_routes *routes;
	int ret;

	routes = kzalloc(struct_size(routes, entries, room), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);

	routes->gsi = gsi;
	routes->nr = nr;
	for (u32 i = 0; i < nr; i++)
		routes->entries[i] = anchor->entries[i];

	if (!anchor) {
		ret = xa_err(xa_store(&change->table->gsis, gsi,
				      xa_tag_pointer(routes, IRQCHIP_STAGED),
				      GFP_KERNEL_ACCOUNT));
		if (ret) {
			kfree(routes);
			return ERR_PTR(ret);
		}
		routes->change = change->id;
		routes->named = 1;
		anchor = routes;
	}
	irqchip_stage_routes(change, anchor, routes);
	return routes;
}

/* Only inputs of different interrupt controllers can share a GSI. */
static int irqchip_add_route(struct kvm_gsi_routes *routes,
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
	return 0;
}

/*
 * Stage one entry. A GSI is not staged as long as its n-th entry equals its n-th
 * route in force. Routes in force differ from each other, so such entries do, too.
 */
int irqchip_stage_entry(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue)
{
	struct kvm_kernel_irq_routing_entry e;
	struct kvm_gsi_routes *anchor, *routes;
	u32 nth = 0;
	int ret;

	cond_resched();
	ret = irqchip_decode(change->kvm, ue, &e);
	if (ret)
		return ret;

	if (e.type == KVM_IRQ_ROUTING_IRQCHIP)
		change->has_pins = true;
	else if (e.type != KVM_IRQ_ROUTING_MSI)
		change->keep = false;

	anchor = irqchip_anchor(change, e.gsi);
	if (anchor) {
		nth = anchor->named++;
		if (anchor->staged)
			return irqchip_add_route(anchor->staged, &e);
		if (nth < anchor->nr && !memcmp(&anchor->entries[nth], &e, sizeof(e)))
			return 0;
	}

	routes = irqchip_stage_gsi(change, e.gsi, anchor, nth, e.type);
	return IS_ERR(routes) ? PTR_ERR(routes) : irqchip_add_route(routes, &e);
}

/* Stage the removal of the routes in force of a GSI that no entry has named. */
int irqchip_stage_loss(struct kvm_irq_routing_change *change, u32 gsi)
{
	struct kvm_gsi_routes *anchor = irqchip_anchor(change, gsi);

	cond_resched();
	if (anchor->staged || anchor->named >= anchor->nr)
		return 0;
	if (!anchor->named) {
		irqchip_stage_routes(change, anchor, &kvm_no_routes);
		return 0;
	}
	return PTR_ERR_OR_ZERO(irqchip_stage_gsi(change, gsi, anchor, anchor->named,
						 anchor->entries[0].type));
}

/*
 * The first position from @i on at which @a and @b differ. Positions from @nr on
 * count as different.
 */
static u32 irqchip_next_difference(const struct kvm_irq_routing_entry *a,
				   const struct kvm_irq_routing_entry *b,
				   u32 i, u32 nr)
{
	if (i < nr && memcmp(&a[i], &b[i], sizeof(*a)))
		return i;

	for (u32 run = 64; run; run /= 8) {
		while (i + run <= nr && !memcmp(&a[i], &b[i], run * sizeof(*a)))
			i += run;
	}
	return i;
}

/*
 * Stage what differs from the table's last array, in which each GSI has one entry.
 * The GSIs with routes will be those at positions that are equal and those that the
 * other entries name. If the new array names a GSI twice, there are fewer such GSIs
 * than entries, and only then; the caller must start over.
 */
static int irqchip_stage_difference(struct kvm_irq_routing_change *change,
				    const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_irq_routing_entry *last = change->table->last;
	u32 nr_last = change->table->nr_last;
	u32 common = min(nr, nr_last);
	u32 first, end = 0, i;
	int ret;

	first = irqchip_next_difference(ue, last, 0, common);
	for (i = first; i < nr; i = irqchip_next_difference(ue, last, i + 1, common)) {
		ret = irqchip_stage_entry(change, &ue[i]);
		if (ret)
			return ret;
		end = i + 1;
	}

	/* The new array names a GSI that it has at the same position. */
	for (i = first; i < min(end, common); i++) {
		if (ue[i].gsi == last[i].gsi)
			continue;
		ret = irqchip_stage_loss(change, last[i].gsi);
		if (ret)
			return ret;
	}
	for (i = common; i < nr_last; i++) {
		ret = irqchip_stage_loss(change, last[i].gsi);
		if (ret)
			return ret;
	}
	return 0;
}

/* Stage an array without comparing it with the last one. */
static int irqchip_stage_all(struct kvm_irq_routing_change *change,
			     const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_gsi_routes *routes;
	unsigned long gsi;
	int ret;

	for (u32 i = 0; i < nr; i++) {
		ret = irqchip_stage_entry(change, &ue[i]);
		if (ret)
			return ret;
	}

	for (gsi = 0; (routes = kvm_next_gsi_routes(change->kvm, &gsi)); gsi++) {
		ret = irqchip_stage_loss(change, gsi);
		if (ret)
			return ret;
	}
	return 0;
}

static int irqchip_stage_array(struct kvm_irq_routing_change *change,
			       const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret;

	if (change->table->last) {
		ret = irqchip_stage_difference(change, ue, nr);
		if (ret || change->nr_gsis == nr)
			return ret;
		irqchip_unstage(change);
		irqchip_start(change);
	}
	return irqchip_stage_all(change, ue, nr);
}

/* If the change has to do with inputs, allocate @change->pins for the caller to fill. */
int irqchip_alloc_pins(struct kvm_irq_routing_change *change)
{
	if (!change->has_pins)
		return 0;

	change->pins = kvmalloc_array(KVM_NR_IRQCHIPS, sizeof(*change->pins), GFP_KERNEL_ACCOUNT);
	return change->pins ? 0 : -ENOMEM;
}

/*
 * If several GSIs lead to an input, the last one in the array counts. Decoding does
 * not fail: this call, or the one that set the last array, has decoded each entry.
 */
static void irqchip_set_pins(struct kvm_irq_routing_change *change,
			     const struct kvm_irq_routing_entry *ue, u32 nr)
{
	struct kvm_kernel_irq_routing_entry e;

	memset(change->pins, -1, sizeof(change->table->pins));
	for (u32 i = 0; i < nr; i++) {
		if (ue[i].type == KVM_IRQ_ROUTING_IRQCHIP &&
		    !irqchip_decode(change->kvm, &ue[i], &e))
			change->pins[e.irqchip.irqchip][e.irqchip.pin] = e.gsi;
	}
}

/* Stage an array that replaces the routes of all GSIs. */
int irqchip_stage_table(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret;

	ret = irqchip_stage_array(change, ue, nr);
	if (!ret)
		ret = irqchip_alloc_pins(change);
	if (!ret && change->pins)
		irqchip_set_pins(change, ue, nr);
	return ret;
}

void irqchip_start(struct kvm_irq_routing_change *change)
{
	change->id = ++change->table->last_id;
	change->anchors = NULL;
	change->tail = &change->anchors;
	change->nr_gsis = change->table->nr_gsis;
	change->in_use = false;
	change->keep = true;
	change->has_pins = false;
	change->pins = NULL;
}

/* No reader has seen a staged object, so there is nobody to wait for. */
void irqchip_unstage(struct kvm_irq_routing_change *change)
{
	struct kvm_gsi_routes *anchor, *next, *routes;

	for (anchor = change->anchors; anchor; anchor = next) {
		next = anchor->next;
		routes = anchor->staged;
		anchor->staged = NULL;
		if (routes == anchor)
			xa_erase(&change->table->gsis, anchor->gsi);
		if (routes != &kvm_no_routes)
			kfree(routes);
	}
	kvfree(change->pins);
}
