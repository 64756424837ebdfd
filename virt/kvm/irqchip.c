// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: look routes up, deliver by them, and change them. The types, locks
 * and rules are in irqchip.h.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include <trace/events/kvm.h>

#include "irqchip.h"

/* The ABI. Userspace is built against these numbers. */
static_assert(sizeof(struct kvm_irq_routing) == 8);
static_assert(offsetof(struct kvm_irq_routing, entries) == 8);
static_assert(sizeof(struct kvm_irq_routing_entry) == 48);
static_assert(offsetof(struct kvm_irq_routing_entry, flags) == 8);
static_assert(offsetof(struct kvm_irq_routing_entry, u) == 16);
static_assert(offsetof(struct kvm_irq_routing_entry, u.msi.devid) == 28);
static_assert(sizeof(struct kvm_msi) == 32);
static_assert(offsetof(struct kvm_msi, flags) == 12);
static_assert(offsetof(struct kvm_msi, devid) == 16);
static_assert(sizeof(struct kvm_irqfd) == 32);
static_assert(offsetof(struct kvm_irqfd, resamplefd) == 12);

void __weak kvm_arch_irq_routing_update(struct kvm *kvm)
{
}

bool __weak kvm_arch_can_set_irq_routing(struct kvm *kvm)
{
	return true;
}

/* Look up and deliver. */

const struct kvm_gsi_routes *kvm_gsi_to_routes(struct kvm *kvm, u32 gsi)
{
	irqchip_assert_reader(kvm);
	return xa_load(&kvm->irq_routing->gsis, gsi);
}
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_gsi_to_routes);

/* @entries has room for KVM_NR_IRQCHIPS of them. */
int kvm_irq_map_gsi(struct kvm *kvm,
		    struct kvm_kernel_irq_routing_entry *entries, int gsi)
{
	const struct kvm_gsi_routes *routes = kvm_gsi_to_routes(kvm, gsi);

	if (!routes)
		return 0;

	memcpy(entries, routes->entries, flex_array_size(routes, entries, routes->nr));
	return routes->nr;
}

int kvm_irq_map_chip_pin(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	return READ_ONCE(kvm->irq_routing->pins[irqchip][pin]);
}

static int irqchip_deliver(struct kvm *kvm, const struct kvm_gsi_routes *routes,
			   int irq_source_id, int level, bool line_status)
{
	const struct kvm_kernel_irq_routing_entry *e;
	int ret = -1;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		struct kvm_kernel_irq_routing_entry copy = *e;
		int r = copy.set(&copy, kvm, irq_source_id, level, line_status);

		if (r >= 0)
			ret = max(ret, 0) + r;
	}
	return ret;
}

/* A page of the guest can be missing for as long as userspace likes (userfaultfd). */
static bool irqchip_waits_for_page(const struct kvm_kernel_irq_routing_entry *e)
{
	return e->type == KVM_IRQ_ROUTING_XEN_EVTCHN ||
	       e->type == KVM_IRQ_ROUTING_S390_ADAPTER;
}

/*
 * Delivers inside the read side, so that a change that has waited for readers has waited
 * for deliveries, too. A delivery that can wait for a page of the guest must not be
 * inside: a change of routes would wait with it, and could not be killed. Such a
 * destination is the only one of its GSI.
 */
int kvm_set_irq(struct kvm *kvm, int irq_source_id, u32 irq, int level,
		bool line_status)
{
	struct kvm_kernel_irq_routing_entry copy;
	const struct kvm_gsi_routes *routes;

	trace_kvm_set_irq(irq, level, irq_source_id);

	scoped_guard(srcu, &kvm->irq_srcu) {
		routes = kvm_gsi_to_routes(kvm, irq);
		if (!routes)
			return -1;
		if (!irqchip_waits_for_page(routes->entries))
			return irqchip_deliver(kvm, routes, irq_source_id, level, line_status);
		copy = routes->entries[0];
	}
	return max(copy.set(&copy, kvm, irq_source_id, level, line_status), -1);
}

int kvm_send_userspace_msi(struct kvm *kvm, struct kvm_msi *msi)
{
	struct kvm_kernel_irq_routing_entry e = {
		.type = KVM_IRQ_ROUTING_MSI,
		.msi = *msi,
	};

	if (!kvm_arch_irqchip_in_kernel(kvm))
		return -EINVAL;
	if (msi->flags & ~KVM_MSI_VALID_DEVID)
		return -EINVAL;

	return kvm_set_msi(&e, kvm, KVM_USERSPACE_IRQ_SOURCE_ID, 1, false);
}

/* Change routes. */

/*
 * Stages @nr entries at @ue by @stage, then publishes and retires. @array is NULL,
 * or points to the pointer to @ue: the array is taken if it can become the table's
 * last one, and the caller frees what it finds there afterwards.
 */
int irqchip_change(struct kvm *kvm, irqchip_stage_fn stage,
		   const struct kvm_irq_routing_entry *ue, u32 nr,
		   struct kvm_irq_routing_entry **array)
{
	struct kvm_irq_routing_change change = {
		.kvm = kvm,
		.table = kvm->irq_routing,
	};
	int ret;

	mutex_lock(&kvm->irq_lock);
	irqchip_start(&change);
	ret = stage(&change, ue, nr);
	if (ret)
		irqchip_unstage(&change);
	else
		irqchip_publish(&change, array, nr);
	mutex_unlock(&kvm->irq_lock);
	if (ret)
		return ret;

	irqchip_retire(&change);
	return 0;
}

int kvm_set_irq_routing(struct kvm *kvm,
			const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags)
{
	if (flags)
		return -EINVAL;
	return irqchip_change(kvm, irqchip_stage_table, entries, nr, NULL);
}

/* Only an array that sets all routes can become the table's last one. */
int irqchip_ioctl(struct kvm *kvm, struct kvm_irq_routing __user *user,
		  irqchip_stage_fn stage)
{
	struct kvm_irq_routing_entry *entries __free(kvfree) = NULL;
	struct kvm_irq_routing routing;

	if (copy_from_user(&routing, user, sizeof(routing)))
		return -EFAULT;
	if (!kvm_arch_can_set_irq_routing(kvm))
		return -EINVAL;
	if (routing.nr > KVM_MAX_IRQ_ROUTES || routing.flags)
		return -EINVAL;

	if (routing.nr) {
		entries = kvmalloc_array(routing.nr, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			return -ENOMEM;
		if (copy_from_user(entries, user->entries,
				   array_size(routing.nr, sizeof(*entries))))
			return -EFAULT;
	}
	return irqchip_change(kvm, stage, entries, routing.nr,
			      stage == irqchip_stage_table ? &entries : NULL);
}

int kvm_vm_ioctl_set_gsi_routing(struct kvm *kvm, void __user *argp)
{
	return irqchip_ioctl(kvm, argp, irqchip_stage_table);
}

/* A VM always has a table, so that no reader has to check. */
int kvm_init_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_table *table;

	table = kvzalloc_obj(*table, GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;

	xa_init_flags(&table->gsis, XA_FLAGS_ACCOUNT);
	memset(table->pins, -1, sizeof(table->pins));
	kvm->irq_routing = table;
	return 0;
}

/* The VM is being destroyed: there are no readers and no changes. */
void kvm_free_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_table *table = kvm->irq_routing;
	struct kvm_gsi_routes *routes;
	unsigned long gsi;

	xa_for_each(&table->gsis, gsi, routes) {
		kfree(routes);
		cond_resched();
	}
	xa_destroy(&table->gsis);
	kvfree(table->last);
	kvfree(table);
	kvm->irq_routing = NULL;
}
