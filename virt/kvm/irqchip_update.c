// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: KVM_UPDATE_GSI_ROUTING, which replaces the routes of some GSIs and
 * leaves those of the others alone. The types, locks and rules are in irqchip.h.
 */
#include <linux/kvm_host.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "irqchip.h"

/* Where @change->pins has the input of a route; NULL if it leads to no input. */
static int *irqchip_pin(struct kvm_irq_routing_change *change,
			const struct kvm_kernel_irq_routing_entry *e)
{
	if (e->type != KVM_IRQ_ROUTING_IRQCHIP)
		return NULL;
	return &change->pins[e->irqchip.irqchip][e->irqchip.pin];
}

static void irqchip_fill_pins(struct kvm_irq_routing_change *change,
			      const struct kvm_gsi_routes *routes, u32 gsi, bool all)
{
	const struct kvm_kernel_irq_routing_entry *e;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		int *pin = irqchip_pin(change, e);

		if (pin && (all || *pin == -1))
			*pin = gsi;
	}
}

/* Returns whether an input has lost its GSI. */
static bool irqchip_lose_pins(struct kvm_irq_routing_change *change,
			      const struct kvm_gsi_routes *routes)
{
	const struct kvm_kernel_irq_routing_entry *e;
	bool lost = false;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		int *pin = irqchip_pin(change, e);

		if (pin && *pin == routes->gsi) {
			*pin = -1;
			lost = true;
		}
	}
	return lost;
}

/*
 * If several GSIs lead to an input, the one whose route was set last counts. If that
 * route is removed, the lowest of the others does: only then all GSIs are walked.
 */
static void irqchip_update_pins(struct kvm_irq_routing_change *change)
{
	struct xarray *gsis = &change->table->gsis;
	struct kvm_gsi_routes *anchor;
	unsigned long gsi;
	bool lost = false;

	memcpy(change->pins, change->table->pins, sizeof(change->table->pins));
	for (anchor = change->anchors; anchor; anchor = anchor->next) {
		if (anchor->staged != anchor && irqchip_lose_pins(change, anchor))
			lost = true;
	}
	for (anchor = change->anchors; anchor; anchor = anchor->next)
		irqchip_fill_pins(change, anchor->staged, anchor->gsi, true);
	if (!lost)
		return;

	xa_for_each(gsis, gsi, anchor) {
		anchor = xa_untag_pointer(anchor);
		irqchip_fill_pins(change, anchor->staged ?: anchor, gsi, false);
		cond_resched();
	}
}

/* A call must not both remove the routes of a GSI and give it one. */
static int irqchip_stage_removal(struct kvm_irq_routing_change *change,
				 const struct kvm_irq_routing_entry *ue)
{
	const struct kvm_irq_routing_entry removal = { .gsi = ue->gsi };
	struct kvm_gsi_routes *anchor;

	if (ue->gsi >= KVM_MAX_IRQ_ROUTES || memcmp(ue, &removal, sizeof(removal)))
		return -EINVAL;

	anchor = irqchip_anchor(change, ue->gsi);
	if (!anchor)
		return 0;
	if (anchor->named)
		return -EINVAL;
	if (!anchor->staged)
		irqchip_stage_routes(change, anchor, &kvm_no_routes);
	return 0;
}

/* How many routes will be in force. */
static u32 irqchip_count_routes(struct kvm_irq_routing_change *change)
{
	u32 nr = change->table->nr_routes;
	struct kvm_gsi_routes *anchor;

	for (anchor = change->anchors; anchor; anchor = anchor->next) {
		nr += anchor->staged->nr;
		if (anchor->staged != anchor)
			nr -= anchor->nr;
	}
	return nr;
}

/*
 * Stage the entries that set a route first. After that it is known which routes of
 * their GSIs are lost, and which GSIs must not be removed.
 */
static int irqchip_stage_update(struct kvm_irq_routing_change *change,
				const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret = 0;

	for (u32 i = 0; i < nr && !ret; i++) {
		if (ue[i].pad)
			ret = -EINVAL;
		else if (ue[i].type != KVM_IRQ_ROUTING_NONE)
			ret = irqchip_stage_entry(change, &ue[i]);
	}

	for (u32 i = 0; i < nr && !ret; i++) {
		if (ue[i].type == KVM_IRQ_ROUTING_NONE)
			ret = irqchip_stage_removal(change, &ue[i]);
		else
			ret = irqchip_stage_loss(change, ue[i].gsi);
	}

	if (!ret && irqchip_count_routes(change) > KVM_MAX_IRQ_ROUTES)
		ret = -EINVAL;
	if (!ret)
		ret = irqchip_alloc_pins(change);
	if (!ret && change->pins)
		irqchip_update_pins(change);
	return ret;
}

int kvm_vm_ioctl_update_gsi_routing(struct kvm *kvm, void __user *argp)
{
	return irqchip_ioctl(kvm, argp, irqchip_stage_update);
}
