// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd: an eventfd that raises a GSI. The types, stages and locks are in
 * <linux/kvm_irqfd.h>.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/wait_bit.h>

#include "irqfd.h"

static struct workqueue_struct *irqfd_cleanup_wq;
static struct module *irqfd_module;	/* that the files of VMs hold */

/* Defaults for architectures without these. */

bool __weak kvm_arch_irqfd_allowed(struct kvm *kvm, struct kvm_irqfd *args)
{
	return true;
}

int __weak kvm_arch_set_irq_inatomic(struct kvm_kernel_irq_routing_entry *e,
				     struct kvm *kvm, int irq_source_id,
				     int level, bool line_status)
{
	return -EWOULDBLOCK;
}

#if IS_ENABLED(CONFIG_HAVE_KVM_IRQ_BYPASS)
void __weak kvm_arch_irq_bypass_stop(struct irq_bypass_consumer *consumer)
{
}

void __weak kvm_arch_irq_bypass_start(struct irq_bypass_consumer *consumer)
{
}

void __weak kvm_arch_update_irqfd_routing(struct kvm_kernel_irqfd *irqfd,
					  struct kvm_kernel_irq_routing_entry *old,
					  struct kvm_kernel_irq_routing_entry *new)
{
}
#endif

/* Raise. */

static void irqfd_inject(struct work_struct *work)
{
	struct kvm_kernel_irqfd *irqfd = container_of(work, struct kvm_kernel_irqfd, inject);

	kvm_set_irq(irqfd->kvm, irqfd->irq_source_id, irqfd->gsi, 1, false);
	if (!irqfd->resamplefd)
		kvm_set_irq(irqfd->kvm, irqfd->irq_source_id, irqfd->gsi, 0, false);
}

/*
 * If the GSI has no route now, drop the event: routes that are set later must not
 * deliver it.
 */
static void irqfd_schedule_inject(struct kvm_kernel_irqfd *irqfd)
{
	if (irqfd->nr_routes)
		schedule_work(&irqfd->inject);
}

static void irqfd_raise(struct kvm_kernel_irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_do_read(irqfd->eventfd, &count);
	if (kvm_arch_set_irq_inatomic(&irqfd->irq_entry, irqfd->kvm,
				      irqfd->irq_source_id, 1, false) == -EWOULDBLOCK)
		irqfd_schedule_inject(irqfd);
}

/*
 * Have the work item tear an irqfd down that is not hooked any more. The work item holds the
 * VM, whose release does not wait for it for ever, and the module, as a file of the VM does.
 * Here the VM and its file stay: the release, or the work item itself, waits for the irqfd
 * or for wqh->lock.
 */
static void irqfd_defer(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;

	kvm_get_kvm(kvm);
	__module_get(irqfd_module);
	llist_add(&irqfd->gone, &kvm->irqfds.deferred);
	if (!queue_work(irqfd_cleanup_wq, &kvm->irqfds.cleanup)) {
		module_put(irqfd_module);
		kvm_put_kvm_no_destroy(kvm);
	}
}

/* The last close of the eventfd: no path can find the irqfd through it any more. */
static void irqfd_close(struct kvm_kernel_irqfd *irqfd)
{
	atomic_inc(&irqfd->kvm->irqfds.undoing);
	list_del_init(&irqfd->wait.entry);
	irqfd_defer(irqfd);
}

/* Called with wqh->lock held and IRQs off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct kvm_kernel_irqfd *irqfd = container_of(wait, struct kvm_kernel_irqfd, wait);
	__poll_t events = key_to_poll(key);

	if (events & EPOLLIN)
		irqfd_raise(irqfd);
	if (events & EPOLLHUP)
		irqfd_close(irqfd);

	/* The event was consumed: wake no other waiter. */
	return !!(events & EPOLLIN);
}

/* Hook and unhook. */

static wait_queue_entry_t *irqfd_first_waiter(wait_queue_head_t *wqh)
{
	wait_queue_entry_t *first;

	lockdep_assert_held(&wqh->lock);
	first = list_first_entry_or_null(&wqh->head, wait_queue_entry_t, entry);
	return first && (first->flags & WQ_FLAG_PRIORITY) ? first : NULL;
}

/*
 * Add the irqfd to the wait queue. If the eventfd has a count already, raise the GSI.
 * That is done inside the lock, because the irqfd can be torn down as soon as the lock
 * is dropped.
 */
static int irqfd_hook(struct kvm_kernel_irqfd *irqfd, struct file *file)
{
	guard(spinlock_irq)(&irqfd->wqh->lock);
	if (irqfd_first_waiter(irqfd->wqh))
		return -EBUSY;

	irqfd->wait.flags = WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY;
	__add_wait_queue(irqfd->wqh, &irqfd->wait);
	if (vfs_poll(file, NULL) & EPOLLIN)
		irqfd_schedule_inject(irqfd);
	return 0;
}

/*
 * Remove the irqfd from the wait queue, and read the eventfd. A count that it still has
 * raised the GSI when the irqfd was hooked, so the next reader must not see it. (A
 * semaphore is decremented by one.)
 */
static void irqfd_unhook_locked(struct kvm_kernel_irqfd *irqfd)
{
	u64 count;

	atomic_inc(&irqfd->kvm->irqfds.undoing);
	list_del_init(&irqfd->wait.entry);
	eventfd_ctx_do_read(irqfd->eventfd, &count);
	/* A writer that waits for room is in the wait queue: it adds itself inside the lock. */
	if (count && waitqueue_active(irqfd->wqh))
		wake_up_locked_poll(irqfd->wqh, EPOLLOUT);
}

/* Returns true if the irqfd was hooked; the caller then tears it down. */
static bool irqfd_unhook(struct kvm_kernel_irqfd *irqfd)
{
	guard(spinlock_irq)(&irqfd->wqh->lock);
	if (list_empty(&irqfd->wait.entry))
		return false;

	irqfd_unhook_locked(irqfd);
	return true;
}

/* Unhooks and returns the irqfd that raises @gsi, for the caller to tear down, or NULL. */
static struct kvm_kernel_irqfd *irqfd_find_unhook(wait_queue_head_t *wqh,
						  struct kvm *kvm, u32 gsi)
{
	struct kvm_kernel_irqfd *irqfd;
	wait_queue_entry_t *wait;

	guard(spinlock_irq)(&wqh->lock);
	wait = irqfd_first_waiter(wqh);
	if (!wait || wait->func != irqfd_wakeup)
		return NULL;

	irqfd = container_of(wait, struct kvm_kernel_irqfd, wait);
	if (irqfd->kvm != kvm || irqfd->gsi != gsi)
		return NULL;

	irqfd_unhook_locked(irqfd);
	return irqfd;
}

struct irqfd_poll {
	poll_table pt;
	wait_queue_head_t *wqh;
};

static void irqfd_poll_queue(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	container_of(pt, struct irqfd_poll, pt)->wqh = wqh;
}

/* Only polling an eventfd yields its wait queue. */
static wait_queue_head_t *irqfd_wait_queue(struct file *eventfd)
{
	struct irqfd_poll poll = { };

	init_poll_funcptr(&poll.pt, irqfd_poll_queue);
	vfs_poll(eventfd, &poll.pt);
	return poll.wqh;
}

/* Follow the routes of the GSI. */

/*
 * Sets @e to the route of the GSI; to type 0 unless there is exactly one, because an
 * irqfd can raise only one by itself. Returns how many there are.
 */
static int irqfd_map_gsi(struct kvm *kvm, u32 gsi, struct kvm_kernel_irq_routing_entry *e)
{
	struct kvm_kernel_irq_routing_entry entries[KVM_NR_IRQCHIPS];
	int nr = kvm_irq_map_gsi(kvm, entries, gsi);

	if (nr == 1)
		*e = entries[0];
	else
		*e = (struct kvm_kernel_irq_routing_entry) { .gsi = gsi };
	return nr;
}

static int irqfd_enter_gsi(struct kvm_kernel_irqfd *irqfd)
{
	struct xarray *by_gsi = &irqfd->kvm->irqfds.by_gsi;
	struct kvm_kernel_irqfd *other;

	irqfd->nr_routes = irqfd_map_gsi(irqfd->kvm, irqfd->gsi, &irqfd->irq_entry);
	other = xa_load(by_gsi, irqfd->gsi);
	if (!other)
		return xa_err(xa_store(by_gsi, irqfd->gsi, irqfd, GFP_KERNEL_ACCOUNT));

	list_add(&irqfd->same_gsi, &other->same_gsi);
	return 0;
}

static void irqfd_leave_gsi(struct kvm_kernel_irqfd *irqfd)
{
	struct xarray *by_gsi = &irqfd->kvm->irqfds.by_gsi;
	struct kvm_kernel_irqfd *other = list_next_entry(irqfd, same_gsi);

	/* A store that replaces an entry allocates nothing. */
	if (other == irqfd)
		xa_erase(by_gsi, irqfd->gsi);
	else
		WARN_ON_ONCE(xa_is_err(xa_store(by_gsi, irqfd->gsi, other, GFP_NOWAIT)));
	list_del(&irqfd->same_gsi);
}

static int irqfd_enter(struct kvm_kernel_irqfd *irqfd)
{
	int ret;

	scoped_guard(mutex, &irqfd->kvm->irq_lock) {
		ret = irqfd_enter_gsi(irqfd);
		if (ret)
			return ret;
		if (!irqfd->resamplefd)
			return 0;
		ret = irqfd_join_resampler(irqfd);
		if (ret) {
			irqfd_leave_gsi(irqfd);
			return ret;
		}
	}

	kvm_arch_post_irq_ack_notifier_list_update(irqfd->kvm);
	return 0;
}

static void irqfd_leave(struct kvm_kernel_irqfd *irqfd)
{
	guard(mutex)(&irqfd->kvm->irq_lock);
	if (irqfd->resamplefd)
		irqfd_leave_resampler(irqfd);
	irqfd_leave_gsi(irqfd);
}

#if IS_ENABLED(CONFIG_HAVE_KVM_IRQ_BYPASS)
/* The route was @old. Tell the architecture, if a device bypasses by it. */
static void irqfd_update_bypass(struct kvm_kernel_irqfd *irqfd,
				struct kvm_kernel_irq_routing_entry *old)
{
	if (irqfd->producer)
		kvm_arch_update_irqfd_routing(irqfd, old, &irqfd->irq_entry);
}
#else
static void irqfd_update_bypass(struct kvm_kernel_irqfd *irqfd,
				struct kvm_kernel_irq_routing_entry *old)
{
}
#endif

static void irqfd_set_route(struct kvm_kernel_irqfd *irqfd,
			    const struct kvm_kernel_irq_routing_entry *e, int nr)
{
	struct kvm_kernel_irq_routing_entry old;

	guard(spinlock_irq)(&irqfd->kvm->irqfds.lock);
	scoped_guard(spinlock, &irqfd->wqh->lock) {
		old = irqfd->irq_entry;
		irqfd->irq_entry = *e;
		irqfd->nr_routes = nr;
	}
	irqfd_update_bypass(irqfd, &old);
}

void kvm_irq_routing_update(struct kvm *kvm, u32 gsi)
{
	struct kvm_kernel_irqfd *first = xa_load(&kvm->irqfds.by_gsi, gsi);
	struct kvm_kernel_irqfd *irqfd = first;
	struct kvm_kernel_irq_routing_entry e;
	int nr;

	lockdep_assert_held(&kvm->irq_lock);
	if (!first)
		return;

	nr = irqfd_map_gsi(kvm, gsi, &e);
	do {
		irqfd_set_route(irqfd, &e, nr);
		irqfd = list_next_entry(irqfd, same_gsi);
		cond_resched();
	} while (irqfd != first);
}

/* Bypass. */

#if IS_ENABLED(CONFIG_HAVE_KVM_IRQ_BYPASS)
/*
 * Whatever error an architecture has for a producer that it cannot connect, it is none of
 * KVM_IRQFD. EBUSY must not be taken for that of the bypass manager, which is one.
 */
static int irqfd_add_producer(struct irq_bypass_consumer *consumer,
			      struct irq_bypass_producer *producer)
{
	int ret = kvm_arch_irq_bypass_add_producer(consumer, producer);

	return ret == -EBUSY ? -EAGAIN : ret;
}

static int irqfd_start_bypass(struct kvm_kernel_irqfd *irqfd)
{
	int ret;

	if (!kvm_arch_has_irq_bypass())
		return 0;

	irqfd->consumer.add_producer = irqfd_add_producer;
	irqfd->consumer.del_producer = kvm_arch_irq_bypass_del_producer;
	irqfd->consumer.stop = kvm_arch_irq_bypass_stop;
	irqfd->consumer.start = kvm_arch_irq_bypass_start;

	/*
	 * EBUSY: the eventfd has a consumer, because another irqfd of it is bound or
	 * not yet torn down.
	 */
	ret = irq_bypass_register_consumer(&irqfd->consumer, irqfd->eventfd);
	if (!ret || ret == -EBUSY)
		return ret;

	/* Without bypass, the interrupt is raised through the eventfd. */
	pr_info("no irq bypass for eventfd %p: error %d\n", irqfd->eventfd, ret);
	return 0;
}

static void irqfd_stop_bypass(struct kvm_kernel_irqfd *irqfd)
{
	irq_bypass_unregister_consumer(&irqfd->consumer);
}
#else
static int irqfd_start_bypass(struct kvm_kernel_irqfd *irqfd)
{
	return 0;
}

static void irqfd_stop_bypass(struct kvm_kernel_irqfd *irqfd)
{
}
#endif

/* Tear down. */

static void irqfd_free(struct kvm_kernel_irqfd *irqfd)
{
	if (!IS_ERR_OR_NULL(irqfd->resamplefd))
		eventfd_ctx_put(irqfd->resamplefd);
	if (!IS_ERR_OR_NULL(irqfd->eventfd))
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd->resampler);
	kfree(irqfd);
}

/*
 * Tear down irqfds that are not hooked. An irqfd follows changes of its route until
 * neither a device nor a work item can deliver by it. One grace period does for all.
 *
 * A delivery by a work item can wait for a page of the guest for as long as userspace likes
 * (irqchip_waits_for_page()), and is in no task that could be killed. So a task of userspace
 * calls this only if there is none: see irqfd_is_delivering().
 */
static void irqfd_undo(struct kvm *kvm, struct llist_node *gone)
{
	struct kvm_kernel_irqfd *irqfd, *next;
	bool resampled = false;
	int nr = 0;

	llist_for_each_entry(irqfd, gone, gone) {
		irqfd_stop_bypass(irqfd);
		flush_work(&irqfd->inject);
		irqfd_leave(irqfd);
		if (irqfd->resamplefd)
			resampled = true;
		cond_resched();
	}

	/* Only the end of an interrupt finds irqfds without a lock. */
	if (resampled) {
		synchronize_srcu_expedited(&kvm->irq_srcu);
		kvm_arch_post_irq_ack_notifier_list_update(kvm);
	}

	llist_for_each_entry_safe(irqfd, next, gone, gone) {
		irqfd_free(irqfd);
		nr++;
	}
	if (atomic_sub_and_test(nr, &kvm->irqfds.undoing))
		wake_up_var(&kvm->irqfds.undoing);
}

/* Of an irqfd that is not hooked: once it is false, it stays so. */
static bool irqfd_is_delivering(struct kvm_kernel_irqfd *irqfd)
{
	return work_busy(&irqfd->inject);
}

/*
 * irqfd_close() uses the VM until it drops wqh->lock, which is after it has handed the
 * irqfd over. Wait for that before the irqfd is torn down: the VM can be freed after that.
 */
static void irqfd_cleanup(struct work_struct *work)
{
	struct kvm *kvm = container_of(work, struct kvm, irqfds.cleanup);
	struct llist_node *gone = llist_del_all(&kvm->irqfds.deferred);
	struct kvm_kernel_irqfd *irqfd;

	llist_for_each_entry(irqfd, gone, gone) {
		spin_lock_irq(&irqfd->wqh->lock);
		spin_unlock_irq(&irqfd->wqh->lock);
	}
	irqfd_undo(kvm, gone);
	kvm_put_kvm(kvm);
	/* The module's exit waits for this function: kvm_irqfd_exit(). */
	module_put(irqfd_module);
}

/* Bind and unbind. */

static int irqfd_init(struct kvm_kernel_irqfd *irqfd, struct file *file,
		      const struct kvm_irqfd *args)
{
	irqfd->gsi = args->gsi;
	irqfd->irq_source_id = KVM_USERSPACE_IRQ_SOURCE_ID;
	INIT_WORK(&irqfd->inject, irqfd_inject);
	INIT_LIST_HEAD(&irqfd->same_gsi);
	INIT_LIST_HEAD(&irqfd->wait.entry);
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);

	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(irqfd->eventfd))
		return PTR_ERR(irqfd->eventfd);
	irqfd->wqh = irqfd_wait_queue(file);

	if (!(args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return 0;
	irqfd->irq_source_id = KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID;
	irqfd->resamplefd = eventfd_ctx_fdget(args->resamplefd);
	return PTR_ERR_OR_ZERO(irqfd->resamplefd);
}

/* Holds the file until it returns, so that the eventfd is not closed meanwhile. */
static int irqfd_assign(struct kvm *kvm, struct kvm_irqfd *args)
{
	struct kvm_kernel_irqfd *irqfd;
	int ret;

	if (!kvm_arch_intc_initialized(kvm))
		return -EAGAIN;
	if (!kvm_arch_irqfd_allowed(kvm, args))
		return -EINVAL;

	CLASS(fd, f)(args->fd);
	if (!fd_file(f))
		return -EBADF;

	irqfd = kzalloc_obj(*irqfd, GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;

	irqfd->kvm = kvm;
	ret = irqfd_init(irqfd, fd_file(f), args);
	if (!ret)
		ret = irqfd_enter(irqfd);
	if (ret) {
		irqfd_free(irqfd);
		return ret;
	}

	ret = irqfd_start_bypass(irqfd);
	if (!ret)
		ret = irqfd_hook(irqfd, fd_file(f));
	if (ret) {
		atomic_inc(&kvm->irqfds.undoing);
		irqfd_undo(kvm, &irqfd->gone);
	}
	return ret;
}

/* Wait until no irqfd of the VM is being torn down. */
static int irqfd_wait(struct kvm *kvm)
{
	atomic_t *undoing = &kvm->irqfds.undoing;

	return wait_var_event_killable(undoing, !atomic_read(undoing));
}

static int irqfd_deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct kvm_kernel_irqfd *irqfd;
	struct eventfd_ctx *eventfd;
	int ret = 0;

	CLASS(fd, f)(args->fd);
	if (!fd_file(f))
		return -EBADF;

	eventfd = eventfd_ctx_fileget(fd_file(f));
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	irqfd = irqfd_find_unhook(irqfd_wait_queue(fd_file(f)), kvm, args->gsi);
	if (irqfd && !irqfd_is_delivering(irqfd)) {
		irqfd_undo(kvm, &irqfd->gone);
	} else {
		/* Without an irqfd: another call can have unhooked it, and be tearing it down. */
		if (irqfd)
			irqfd_defer(irqfd);
		ret = irqfd_wait(kvm);
	}
	eventfd_ctx_put(eventfd);
	return ret;
}

/**
 * kvm_irqfd() - Bind an eventfd to a GSI, or unbind it.
 * @kvm: The VM.
 * @args: What KVM_IRQFD was given.
 *
 * Context: May sleep.
 * Return: 0, or an error of KVM_IRQFD.
 */
int kvm_irqfd(struct kvm *kvm, struct kvm_irqfd *args)
{
	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return irqfd_deassign(kvm, args);
	return irqfd_assign(kvm, args);
}

void kvm_irqfd_init_vm(struct kvm *kvm)
{
	struct kvm_irqfds *irqfds = &kvm->irqfds;

	spin_lock_init(&irqfds->lock);
	atomic_set(&irqfds->undoing, 0);
	xa_init_flags(&irqfds->by_gsi, XA_FLAGS_ACCOUNT);
	xa_init_flags(&irqfds->resamplers, XA_FLAGS_ACCOUNT);
	init_llist_head(&irqfds->deferred);
	INIT_WORK(&irqfds->cleanup, irqfd_cleanup);
}

static void irqfd_unhook_all(struct kvm *kvm, struct llist_head *idle)
{
	struct kvm_kernel_irqfd *first, *irqfd;
	unsigned long gsi;

	guard(mutex)(&kvm->irq_lock);
	xa_for_each(&kvm->irqfds.by_gsi, gsi, first) {
		irqfd = first;
		do {
			if (!irqfd_unhook(irqfd))
				;	/* a path before this one owns it */
			else if (irqfd_is_delivering(irqfd))
				irqfd_defer(irqfd);
			else
				__llist_add(&irqfd->gone, idle);
			irqfd = list_next_entry(irqfd, same_gsi);
			cond_resched();
		} while (irqfd != first);
	}
}

/*
 * The same for the release. A task that exits can't be killed, and the page that a delivery
 * waits for may be one that this task's exit takes from it, by a file that it closes next. So
 * a task that exits, or has been killed, waits for a second.
 */
static bool irqfd_wait_for_release(struct kvm *kvm)
{
	atomic_t *undoing = &kvm->irqfds.undoing;

	if (!(current->flags & (PF_EXITING | PF_KTHREAD)) && !irqfd_wait(kvm))
		return true;
	return wait_var_event_timeout(undoing, !atomic_read(undoing), HZ);
}

/**
 * kvm_irqfd_release() - Unbind every eventfd of a VM whose last file was closed.
 * @kvm: The VM. Nobody binds or unbinds any more, but eventfds can be closed.
 *
 * What irqfd_unhook() was too late for has been handed to the work item, inside
 * the lock that both take.
 *
 * Waits until all are unbound, and the work item has let go of the VM, unless a delivery does
 * not end. The work item destroys the VM then.
 *
 * Context: May sleep.
 */
void kvm_irqfd_release(struct kvm *kvm)
{
	LLIST_HEAD(idle);

	irqfd_unhook_all(kvm, &idle);
	irqfd_undo(kvm, idle.first);
	/* The last reference is dropped by the caller then, not by the work item. */
	if (irqfd_wait_for_release(kvm))
		flush_work(&kvm->irqfds.cleanup);
}

/**
 * kvm_irqfd_destroy_vm() - Free what is left of the irqfds of a VM that is destroyed.
 * @kvm: The VM. It has no irqfds.
 */
void kvm_irqfd_destroy_vm(struct kvm *kvm)
{
	/* Both are empty, but a failed insertion leaves nodes behind. */
	xa_destroy(&kvm->irqfds.by_gsi);
	xa_destroy(&kvm->irqfds.resamplers);
}

int kvm_irqfd_init(struct module *module)
{
	irqfd_module = module;
	irqfd_cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", WQ_UNBOUND, 0);
	return irqfd_cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(irqfd_cleanup_wq);
}
