// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: KVM_UPDATE_GSI_ROUTING, which replaces the routes of some GSIs and
 * leaves those of the others alone. The types, locks and rules are in irqchip.h.
 */
#include <linux/bitops.h>
#include <linux/kvm_host.h>
#include <linux/nospec.h>

#include "irqchip.h"

/*
 * Stage an entry of type KVM_IRQ_ROUTING_NONE, whose GSI is below the limit. Several of
 * them can name a GSI.
 */
static int irqchip_stage_none(struct kvm_irq_routing_change *change,
			      const struct kvm_irq_routing_entry *ue)
{
	const struct kvm_irq_routing_entry none = { .gsi = ue->gsi };
	u32 gsi = array_index_nospec(ue->gsi, KVM_MAX_IRQ_ROUTES);
	int ret;

	if (memcmp(ue, &none, sizeof(none)))
		return -EINVAL;

	ret = irqchip_stage_removal(change, gsi);
	__set_bit(gsi, change->table->named);
	return ret;
}

/*
 * Stage removals first: an entry that names a GSI which one of them has named is
 * refused then, as any second destination is.
 */
static int irqchip_stage_update(struct kvm_irq_routing_change *change,
				const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret = 0;

	for (u32 i = 0; i < nr; i++) {
		if (ue[i].pad || ue[i].gsi >= KVM_MAX_IRQ_ROUTES)
			return -EINVAL;
		__clear_bit(array_index_nospec(ue[i].gsi, KVM_MAX_IRQ_ROUTES),
			    change->table->named);
	}

	for (u32 i = 0; i < nr && !ret; i++) {
		if (ue[i].type == KVM_IRQ_ROUTING_NONE)
			ret = irqchip_stage_none(change, &ue[i]);
	}
	for (u32 i = 0; i < nr && !ret; i++) {
		if (ue[i].type != KVM_IRQ_ROUTING_NONE)
			ret = irqchip_stage_entry(change, &ue[i]);
	}

	if (!ret && change->nr_routes > KVM_MAX_IRQ_ROUTES)
		ret = -EINVAL;
	return ret;
}

int kvm_vm_ioctl_update_gsi_routing(struct kvm *kvm, void __user *argp)
{
	return irqchip_ioctl(kvm, argp, irqchip_stage_update);
}
