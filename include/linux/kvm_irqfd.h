/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irqfd: an eventfd that raises a GSI (virt/kvm/irqfd.c).
 *
 * Binding takes an irqfd through these stages. Tearing it down undoes them in reverse
 * order.
 *
 *   enter	Copy the route of the GSI, and make the irqfd visible by its GSI: from
 *		now on it follows changes of the route.
 *   bypass	Register with the bypass manager, so that a device can raise the
 *		interrupt without the host.
 *   hook	Add it to the wait queue of the eventfd: from now on a write raises the
 *		GSI, and the irqfd can be torn down at any time.
 *
 * The wait queue is also the index by eventfd. An irqfd waits there with
 * WQ_FLAG_PRIORITY, and there is one such waiter at most, in whatever VM. The path
 * that removes an irqfd from the wait queue owns it and tears it down: an unbinding,
 * the release of the VM, or the last close of the eventfd. The last close runs in
 * atomic context, so it hands the irqfd to a work item, one for each VM. So do the others if
 * a delivery is on its way, because that may not end: they wait until they are killed.
 *
 * Locks, outermost first:
 *   kvm->irq_lock (mutex)	Which irqfds and resamplers there are. Routes change
 *				inside it: an irqfd that enters either sees a change
 *				or is told of it.
 *     kvm->irqfds.lock		The route of an irqfd, and its producer.
 *       wqh->lock		Whether an irqfd is hooked, and its route.
 *   kvm->irq_srcu		Readers of resamplers and of their irqfds.
 *
 * A wakeup holds wqh->lock, so it reads the route without another lock. A change of
 * the route takes wqh->lock, so it has waited for wakeups that use the old one.
 */
#ifndef __LINUX_KVM_IRQFD_H
#define __LINUX_KVM_IRQFD_H

#include <linux/atomic.h>
#include <linux/irqbypass.h>
#include <linux/kvm_irq_routing.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct eventfd_ctx;
struct kvm;
struct kvm_irqfd_resampler;

/**
 * struct kvm_irqfds - The irqfds of a VM.
 * @lock: See above.
 * @by_gsi: GSI to one of its irqfds, from which the others can be reached.
 *	irq_lock.
 * @resamplers: GSI to struct kvm_irqfd_resampler. Write: irq_lock; read:
 *	irq_srcu.
 * @undoing: How many irqfds are not hooked any more, and not yet torn down. Counted up
 *	inside wqh->lock, so that who finds an irqfd unhooked can wait for the rest.
 * @deferred: Irqfds for @cleanup to tear down.
 * @cleanup: Tears down the irqfds in @deferred. It holds a reference to the VM while it is
 *	queued, or runs.
 */
struct kvm_irqfds {
	spinlock_t lock;		/* routes and producers */
	struct xarray by_gsi;
	struct xarray resamplers;
	atomic_t undoing;
	struct llist_head deferred;
	struct work_struct cleanup;
};

/**
 * struct kvm_kernel_irqfd - An eventfd that raises a GSI.
 * @wait: Its place in @wqh, where it is the first. Write and read: @wqh->lock.
 * @kvm: The VM.
 * @eventfd: The eventfd. Holds a reference.
 * @irq_entry: The route, if the GSI has exactly one; else its type is 0. Write:
 *	kvm->irqfds.lock and @wqh->lock; read: either. kvm_arch_set_irq_inatomic()
 *	may cache in it what it had to look up.
 * @nr_routes: How many routes the GSI has. As @irq_entry.
 * @irq_source_id: The source ID that asserts the interrupt.
 * @gsi: The GSI; any value.
 * @wqh: The wait queue of @eventfd.
 * @inject: Raises the interrupt where that cannot be done in atomic context.
 * @same_gsi: The others of the GSI, without a head. irq_lock.
 * @resamplefd: Signalled when the guest ends the interrupt, or NULL. Holds a
 *	reference.
 * @resampler: With @resamplefd, that of the GSI. irq_lock.
 * @resampler_link: Entry in @resampler's list. Write: irq_lock; read: irq_srcu.
 * @gone: Link to others that are torn down at the same time.
 * @consumer: The irqfd, to the bypass manager.
 * @producer: The connected device, set by the architecture: it is told of changes of
 *	the route. kvm->irqfds.lock.
 * @irq_bypass_vcpu: For the architecture.
 * @vcpu_list: For the architecture.
 * @irq_bypass_data: For the architecture.
 */
struct kvm_kernel_irqfd {
	/* A wakeup uses these. */
	wait_queue_entry_t wait;
	struct kvm *kvm;
	struct eventfd_ctx *eventfd;
	struct kvm_kernel_irq_routing_entry irq_entry;
	int irq_source_id;
	int nr_routes;

	u32 gsi;
	wait_queue_head_t *wqh;
	struct work_struct inject;
	struct list_head same_gsi;
	struct eventfd_ctx *resamplefd;
	struct kvm_irqfd_resampler *resampler;
	struct list_head resampler_link;
	struct llist_node gone;
	struct irq_bypass_consumer consumer;
	struct irq_bypass_producer *producer;
	struct kvm_vcpu *irq_bypass_vcpu;
	struct list_head vcpu_list;
	void *irq_bypass_data;
};

#ifdef CONFIG_HAVE_KVM_IRQCHIP
void kvm_irqfd_init_vm(struct kvm *kvm);
void kvm_irqfd_destroy_vm(struct kvm *kvm);
#else
static inline void kvm_irqfd_init_vm(struct kvm *kvm)
{
}

static inline void kvm_irqfd_destroy_vm(struct kvm *kvm)
{
}
#endif

/*
 * For debugfs: whether the producer of @irqfd, which has one, raises the interrupt without
 * the host. Supplied by the architecture; called with kvm->irqfds.lock held.
 */
bool kvm_arch_irqfd_is_bypassed(struct kvm_kernel_irqfd *irqfd);

#endif /* __LINUX_KVM_IRQFD_H */
