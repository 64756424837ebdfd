/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GSI routing: the calls between the core (virt/kvm/irqchip.c) and the interrupt
 * controllers of an architecture. The ioctls are in <uapi/linux/kvm_irq_routing.h>.
 */
#ifndef __LINUX_KVM_IRQ_ROUTING_H
#define __LINUX_KVM_IRQ_ROUTING_H

#include <linux/build_bug.h>
#include <linux/compiler_attributes.h>
#include <linux/types.h>
#include <uapi/linux/kvm_irq_routing.h>

struct kvm;

struct kvm_xen_evtchn {
	u32 port;
	u32 vcpu_id;
	int vcpu_idx;		/* -1: look it up by vcpu_id */
	u32 priority;
};

struct kvm_hv_sint {
	u32 vcpu;
	u32 sint;
};

struct kvm_s390_adapter_int {
	u64 ind_addr;		/* where userspace has it */
	u64 ind_gaddr;		/* where the guest has it */
	u64 summary_addr;
	u64 summary_gaddr;
	u64 ind_offset;
	u32 summary_offset;
	u32 adapter_id;
};

/**
 * struct kvm_kernel_irq_routing_entry - One destination of a GSI, decoded.
 * @gsi: The GSI.
 * @type: KVM_IRQ_ROUTING_*, or 0 in an irqfd whose GSI has not exactly one
 *	destination.
 * @set: Deliver. Called with a private copy of the entry; may sleep. Called inside
 *	the read side of kvm->irq_srcu, unless the @type is one whose delivery can
 *	wait for a page of the guest: event channels of Xen, and adapters of s390.
 *	Return: <0 not delivered, 0 coalesced with an earlier one or blocked by the
 *	guest, >0 delivered.
 * @msi: KVM_IRQ_ROUTING_MSI. What KVM_SIGNAL_MSI would be given.
 * @irqchip: KVM_IRQ_ROUTING_IRQCHIP. The input as the architecture numbers it.
 * @xen_evtchn: KVM_IRQ_ROUTING_XEN_EVTCHN.
 * @hv_sint: KVM_IRQ_ROUTING_HV_SINT.
 * @adapter: KVM_IRQ_ROUTING_S390_ADAPTER.
 */
struct kvm_kernel_irq_routing_entry {
	u32 gsi;
	u32 type;
	int (*set)(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm,
		   int irq_source_id, int level, bool line_status);
	union {
		struct kvm_msi msi;
		struct kvm_irq_routing_irqchip irqchip;
		struct kvm_xen_evtchn xen_evtchn;
		struct kvm_hv_sint hv_sint;
		struct kvm_s390_adapter_int adapter;
	};
};

/**
 * struct kvm_gsi_routes - Where one GSI leads. Immutable once published.
 * @nr: How many destinations there are, at least 1.
 * @entries: The destinations, of which each has the GSI.
 *
 * A reader looks it up inside srcu_read_lock(&kvm->irq_srcu) and may use it until
 * the matching unlock; it is freed after a grace period of irq_srcu.
 */
struct kvm_gsi_routes {
	u32 nr;
	struct kvm_kernel_irq_routing_entry entries[] __counted_by(nr);
};

/* For a loop over all of them: for (e = routes->entries; e < end; e++). */
static inline const struct kvm_kernel_irq_routing_entry *
kvm_gsi_routes_end(const struct kvm_gsi_routes *routes)
{
	return routes->entries + routes->nr;
}

#ifdef CONFIG_HAVE_KVM_IRQ_ROUTING

/**
 * kvm_gsi_to_routes() - Look up where a GSI leads.
 * @kvm: The VM.
 * @gsi: Any value; need not be a valid GSI.
 *
 * Context: Any, inside srcu_read_lock(&kvm->irq_srcu) or holding kvm->irq_lock.
 * Return: The routes, or NULL if the GSI has none.
 */
const struct kvm_gsi_routes *kvm_gsi_to_routes(struct kvm *kvm, u32 gsi);

/**
 * kvm_next_gsi_routes_of() - Find the next GSI that leads to a type of destination.
 * @kvm: The VM.
 * @type: KVM_IRQ_ROUTING_IRQCHIP or KVM_IRQ_ROUTING_HV_SINT. GSIs of other types
 *	cost nothing.
 * @gsi: The first GSI to look at; set to the GSI that was found.
 *
 * For a loop over all of them:
 * for (gsi = 0; (routes = kvm_next_gsi_routes_of(kvm, type, &gsi)); gsi++)
 *
 * Context: As kvm_gsi_to_routes().
 * Return: The routes, or NULL if there is no such GSI from there on.
 */
const struct kvm_gsi_routes *kvm_next_gsi_routes_of(struct kvm *kvm, u32 type,
						    unsigned long *gsi);

/**
 * kvm_set_irq_routing() - Replace the routes of all GSIs.
 * @kvm: The VM.
 * @entries: The routes, in any order.
 * @nr: How many.
 * @flags: Zero.
 *
 * All or nothing: on an error, the routes in force stay. After it has returned 0,
 * no interrupt is delivered by a route that it replaced or removed.
 *
 * Context: May sleep. Takes kvm->irq_lock.
 * Return: 0, or an error of KVM_SET_GSI_ROUTING.
 */
int kvm_set_irq_routing(struct kvm *kvm,
			const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags);

/* The ioctls. @argp is their argument. */
int kvm_vm_ioctl_set_gsi_routing(struct kvm *kvm, void __user *argp);
int kvm_vm_ioctl_update_gsi_routing(struct kvm *kvm, void __user *argp);

int kvm_init_irq_routing(struct kvm *kvm);
void kvm_free_irq_routing(struct kvm *kvm);
void kvm_irq_routing_create_debugfs(struct kvm *kvm);

/* What an architecture supplies. */

/**
 * kvm_arch_can_set_irq_routing() - May userspace route interrupts (yet)?
 * @kvm: The VM.
 *
 * Return: false if KVM_SET_GSI_ROUTING is to fail with EINVAL.
 */
bool kvm_arch_can_set_irq_routing(struct kvm *kvm);

/**
 * kvm_set_routing_entry() - Decode a route from userspace.
 * @kvm: The VM.
 * @e: To fill in: the destination and @e->set. Zero but for gsi and type.
 * @ue: The route; its gsi and flags have been checked.
 *
 * Two entries that decode to the same bytes are the same route.
 *
 * Context: Holds kvm->irq_lock. May sleep.
 * Return: 0, or the error that KVM_SET_GSI_ROUTING returns.
 */
int kvm_set_routing_entry(struct kvm *kvm,
			  struct kvm_kernel_irq_routing_entry *e,
			  const struct kvm_irq_routing_entry *ue);

#else /* !CONFIG_HAVE_KVM_IRQ_ROUTING */

static inline int kvm_init_irq_routing(struct kvm *kvm)
{
	return 0;
}

static inline void kvm_free_irq_routing(struct kvm *kvm)
{
}

static inline void kvm_irq_routing_create_debugfs(struct kvm *kvm)
{
}

#endif /* CONFIG_HAVE_KVM_IRQ_ROUTING */

/* KVM_SIGNAL_MSI. */
int kvm_send_userspace_msi(struct kvm *kvm, struct kvm_msi *msi);

/*
 * Called once for each call that has set routes, even if none is different: what the
 * architecture derives from routes can depend on more than them. Holds
 * kvm->irq_lock, so calls come in the order of changes.
 */
void kvm_arch_irq_routing_update(struct kvm *kvm);

/*
 * Tell irqfds that their GSI leads elsewhere. The caller holds kvm->irq_lock and
 * has published the new routes.
 */
void kvm_irq_routing_update(struct kvm *kvm, u32 gsi);

#endif /* __LINUX_KVM_IRQ_ROUTING_H */
