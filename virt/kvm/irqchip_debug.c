// SPDX-License-Identifier: GPL-2.0-only
/*
 * The routes of a VM and its irqfds, in debugfs: kvm/PID-FD/irq-routes. For each GSI that
 * has a route or an irqfd:
 *
 *   gsi N msi ADDRESS data VALUE devid ID|none	a line for each route
 *   gsi N irqchip NUMBER pin NUMBER
 *   gsi N type NUMBER				... of any other type
 *   gsi N none					no route
 *     irqfd [resample] [bypassed]		a line for each irqfd
 *
 * "bypassed" says that a device raises the interrupt without the host. Only arm64 tells it.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/xarray.h>

#include "irqchip.h"

bool __weak kvm_arch_irqfd_is_bypassed(struct kvm_kernel_irqfd *irqfd)
{
	return false;
}

static void irqchip_debug_msi(struct seq_file *s, const struct kvm_msi *msi)
{
	seq_printf(s, "msi %#llx data %#x", (u64)msi->address_hi << 32 | msi->address_lo,
		   msi->data);
	if (msi->flags & KVM_MSI_VALID_DEVID)
		seq_printf(s, " devid %#x\n", msi->devid);
	else
		seq_puts(s, " devid none\n");
}

static void irqchip_debug_route(struct seq_file *s, const struct kvm_kernel_irq_routing_entry *e)
{
	seq_printf(s, "gsi %u ", e->gsi);
	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		irqchip_debug_msi(s, &e->msi);
		break;
	case KVM_IRQ_ROUTING_IRQCHIP:
		seq_printf(s, "irqchip %u pin %u\n", e->irqchip.irqchip, e->irqchip.pin);
		break;
	default:
		seq_printf(s, "type %u\n", e->type);
	}
}

static void irqchip_debug_irqfd(struct seq_file *s, struct kvm_kernel_irqfd *irqfd)
{
	bool bypassed;

	scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)
		bypassed = kvm_arch_irqfd_is_bypassed(irqfd);
	seq_printf(s, "  irqfd%s%s\n", irqfd->resamplefd ? " resample" : "",
		   bypassed ? " bypassed" : "");
}

static void irqchip_debug_gsi(struct seq_file *s, struct kvm *kvm, u32 gsi)
{
	struct kvm_kernel_irqfd *first = xa_load(&kvm->irqfds.by_gsi, gsi), *irqfd = first;
	const struct kvm_gsi_routes *routes = kvm_gsi_to_routes(kvm, gsi);
	const struct kvm_kernel_irq_routing_entry *e;

	if (!routes) {
		seq_printf(s, "gsi %u none\n", gsi);
	} else {
		for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++)
			irqchip_debug_route(s, e);
	}
	if (!first)
		return;
	do {
		irqchip_debug_irqfd(s, irqfd);
		irqfd = list_next_entry(irqfd, same_gsi);
		cond_resched();
	} while (irqfd != first && !seq_has_overflowed(s));
}

/* A GSI is at the position of its number. */
static void *irqchip_debug_find(struct kvm *kvm, loff_t *pos)
{
	unsigned long routed = *pos, bound = *pos;
	void *routes, *irqfd;

	if (*pos > U32_MAX)
		return NULL;
	routes = xa_find(&kvm->irq_routing->gsis, &routed, U32_MAX, XA_PRESENT);
	irqfd = xa_find(&kvm->irqfds.by_gsi, &bound, U32_MAX, XA_PRESENT);
	if (!routes && !irqfd)
		return NULL;
	if (!routes || (irqfd && bound < routed))
		routed = bound;
	*pos = routed;
	return kvm;
}

/* A read() of a page of lines holds irq_lock, so routes and irqfds may come and go. */
static void *irqchip_debug_start(struct seq_file *s, loff_t *pos)
{
	struct kvm *kvm = s->private;

	mutex_lock(&kvm->irq_lock);
	return irqchip_debug_find(kvm, pos);
}

static void *irqchip_debug_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return irqchip_debug_find(s->private, pos);
}

static void irqchip_debug_stop(struct seq_file *s, void *v)
{
	struct kvm *kvm = s->private;

	mutex_unlock(&kvm->irq_lock);
}

static int irqchip_debug_show(struct seq_file *s, void *v)
{
	irqchip_debug_gsi(s, s->private, s->index);
	return 0;
}

static const struct seq_operations irqchip_debug_sops = {
	.start	= irqchip_debug_start,
	.next	= irqchip_debug_next,
	.stop	= irqchip_debug_stop,
	.show	= irqchip_debug_show,
};
DEFINE_SEQ_ATTRIBUTE(irqchip_debug);

void kvm_irq_routing_create_debugfs(struct kvm *kvm)
{
	debugfs_create_file("irq-routes", 0444, kvm->debugfs_dentry, kvm, &irqchip_debug_fops);
}
