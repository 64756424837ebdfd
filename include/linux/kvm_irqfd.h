/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irqfd: an eventfd that raises a GSI (virt/kvm/irqfd.c).
 *
 * An irqfd goes through these stages. Undoing them is the same in reverse.
 *
 *   enter	find it by its GSI: it has its route, and follows it from now on
 *   bypass	let a device raise the interrupt without the host, if it can
 *   hook	wait for the eventfd: only now does a write raise the GSI. What
 *		follows may be undone by others at any time
 *
 * The eventfd's wait queue is the index by eventfd: an irqfd waits with
 * WQ_FLAG_PRIORITY, as the only one that does, whatever its VM. Who takes it off
 * there owns it, and undoes the rest: an unbinding, the release of the VM, or
 * the last close of the eventfd. As that comes in atomic context, it hands the
 * irqfd to a work item, one for all of a VM.
 *
 * Locks:
 *   kvm->irqfds.undoing	read: an unbinding is not over; write: wait for those.
 *				Nothing else waits for it, so a grace period is all right
 *   kvm->irq_lock (mutex)	which irqfds and resamplers there are. Routes are
 *				changed inside of it too: an irqfd has either seen
 *				a change when it enters, or is told of it
 *     kvm->irqfds.lock		a route, and the producer that bypasses by it
 *       the wait queue's	whether it is hooked, and its copy of the route
 *   kvm->irq_srcu		readers of resamplers and their irqfds
 *
 * A wakeup has the lock of the wait queue, so it needs none to read the route;
 * who changes the route has waited for wakeups once it has that lock.
 */
#ifndef __LINUX_KVM_IRQFD_H
#define __LINUX_KVM_IRQFD_H

#include <linux/irqbypass.h>
#include <linux/kvm_irq_routing.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rwsem.h>
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
 * @undoing: See above.
 * @closed: Irqfds whose eventfd was closed, until @cleanup comes to them.
 * @cleanup: Undoes what is in @closed.
 */
struct kvm_irqfds {
	spinlock_t lock;		/* routes and producers */
	struct xarray by_gsi;
	struct xarray resamplers;
	struct rw_semaphore undoing;
	struct llist_head closed;
	struct work_struct cleanup;
};

/**
 * struct kvm_kernel_irqfd - An eventfd that raises a GSI.
 * @wait: Its place in @wqh, where it is the first. Write and read: @wqh->lock.
 * @kvm: The VM.
 * @eventfd: Who is written to. Holds a reference.
 * @irq_entry: The route, if the GSI has just one; else its type is 0. Write:
 *	kvm->irqfds.lock and @wqh->lock; read: either. An architecture that is asked
 *	to raise it may note in it what it had to look up.
 * @nr_routes: How many routes the GSI has. As @irq_entry.
 * @irq_source_id: On whose behalf the interrupt is asserted.
 * @gsi: The GSI; any value.
 * @wqh: The wait queue of @eventfd.
 * @inject: Raises the interrupt where that cannot be done in atomic context.
 * @same_gsi: The others of the GSI, without a head. irq_lock.
 * @resamplefd: Signalled when the guest ends the interrupt, or NULL. Holds a
 *	reference.
 * @resampler: With @resamplefd, that of the GSI. irq_lock.
 * @resampler_link: Entry in @resampler's list. Write: irq_lock; read: irq_srcu.
 * @gone: Link to others that are undone at the same time.
 * @consumer: Stands for the irqfd with the bypass manager.
 * @producer: The architecture's: who bypasses. kvm->irqfds.lock.
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
};

/* A copy of @irq_entry as it is now. Takes kvm->irqfds.lock. */
struct kvm_kernel_irq_routing_entry kvm_irqfd_route(struct kvm_kernel_irqfd *irqfd);

#ifdef CONFIG_HAVE_KVM_IRQCHIP
void kvm_irqfd_init_vm(struct kvm *kvm);
#else
static inline void kvm_irqfd_init_vm(struct kvm *kvm)
{
}
#endif

#endif /* __LINUX_KVM_IRQFD_H */
