// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd: an eventfd that raises a GSI, and what a VM does when its guest ends an
 * interrupt. The types, stages and locks are in <linux/kvm_irqfd.h>.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <trace/events/kvm.h>

/**
 * struct kvm_irqfd_resampler - The level-triggered irqfds of a GSI.
 * @kvm: The VM.
 * @irqfds: They share one source ID, so they assert one level. Write: irq_lock;
 *	read: irq_srcu.
 * @notifier: Called when the guest ends the interrupt.
 */
struct kvm_irqfd_resampler {
	struct kvm *kvm;
	struct list_head irqfds;
	struct kvm_irq_ack_notifier notifier;
};

static struct workqueue_struct *irqfd_cleanup_wq;

/* What an architecture can do without. */

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

int __weak kvm_arch_update_irqfd_routing(struct kvm *kvm, unsigned int host_irq,
					 u32 guest_irq, bool set)
{
	return 0;
}

bool __weak kvm_arch_irqfd_route_changed(struct kvm_kernel_irq_routing_entry *old,
					 struct kvm_kernel_irq_routing_entry *new)
{
	return true;
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

/* A GSI without routes now is not raised by routes that come later. */
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

/* The last close of the eventfd: nobody can get at it any more. */
static void irqfd_close(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm_irqfds *irqfds = &irqfd->kvm->irqfds;

	list_del_init(&irqfd->wait.entry);
	llist_add(&irqfd->gone, &irqfds->closed);
	queue_work(irqfd_cleanup_wq, &irqfds->cleanup);
}

/* The wait queue's lock is held, and IRQs are off. */
static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct kvm_kernel_irqfd *irqfd = container_of(wait, struct kvm_kernel_irqfd, wait);
	__poll_t events = key_to_poll(key);

	if (events & EPOLLIN)
		irqfd_raise(irqfd);
	if (events & EPOLLHUP)
		irqfd_close(irqfd);

	/* What was read must wake nobody else. */
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
 * The eventfd may have a count already. Look inside the lock: once it is dropped,
 * the irqfd can be gone.
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
 * What the eventfd holds was there when it was hooked, and raised the GSI then:
 * it is not for who reads the eventfd next. (A semaphore is read by one.)
 */
static void irqfd_unhook_locked(struct kvm_kernel_irqfd *irqfd)
{
	u64 count;

	list_del_init(&irqfd->wait.entry);
	eventfd_ctx_do_read(irqfd->eventfd, &count);
	/* Who waits to write adds itself inside the lock. */
	if (count && waitqueue_active(irqfd->wqh))
		wake_up_locked_poll(irqfd->wqh, EPOLLOUT);
}

/* Whether it is the caller's to undo, because it was still hooked. */
static bool irqfd_unhook(struct kvm_kernel_irqfd *irqfd)
{
	guard(spinlock_irq)(&irqfd->wqh->lock);
	if (list_empty(&irqfd->wait.entry))
		return false;

	irqfd_unhook_locked(irqfd);
	return true;
}

/* The irqfd that raises this GSI, for the caller to undo; NULL if there is none. */
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

/* An eventfd tells its wait queue only to who polls it. */
static wait_queue_head_t *irqfd_wait_queue(struct file *eventfd)
{
	struct irqfd_poll poll = { };

	init_poll_funcptr(&poll.pt, irqfd_poll_queue);
	vfs_poll(eventfd, &poll.pt);
	return poll.wqh;
}

/* Resample. */

static void irqfd_notify_resamplers(struct kvm_irqfd_resampler *resampler)
{
	struct kvm_kernel_irqfd *irqfd;

	list_for_each_entry_srcu(irqfd, &resampler->irqfds, resampler_link,
				 srcu_read_lock_held(&resampler->kvm->irq_srcu))
		eventfd_signal(irqfd->resamplefd);
}

/*
 * The guest has ended the interrupt. De-assert first: an irqfd that asserts later
 * keeps its level, and one that has asserted before is in the list by now. It can
 * be that of another resampler, if this one is going: look that up anew.
 */
static void irqfd_resampler_ack(struct kvm_irq_ack_notifier *notifier)
{
	struct kvm_irqfd_resampler *resampler =
		container_of(notifier, struct kvm_irqfd_resampler, notifier);
	struct kvm *kvm = resampler->kvm;
	u32 gsi = notifier->gsi;

	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, gsi, 0, false);

	guard(srcu)(&kvm->irq_srcu);
	resampler = xa_load(&kvm->irqfds.resamplers, gsi);
	if (resampler)
		irqfd_notify_resamplers(resampler);
}

static struct kvm_irqfd_resampler *irqfd_add_resampler(struct kvm *kvm, u32 gsi)
{
	struct kvm_irqfd_resampler *resampler;
	int ret;

	resampler = kzalloc(sizeof(*resampler), GFP_KERNEL_ACCOUNT);
	if (!resampler)
		return ERR_PTR(-ENOMEM);

	resampler->kvm = kvm;
	INIT_LIST_HEAD(&resampler->irqfds);
	resampler->notifier.gsi = gsi;
	resampler->notifier.irq_acked = irqfd_resampler_ack;

	ret = xa_err(xa_store(&kvm->irqfds.resamplers, gsi, resampler, GFP_KERNEL_ACCOUNT));
	if (ret) {
		kfree(resampler);
		return ERR_PTR(ret);
	}
	hlist_add_head_rcu(&resampler->notifier.link, &kvm->irq_ack_notifier_list);
	return resampler;
}

/* Nobody has to be waited for: irqfd_resampler_ack() says why. */
static int irqfd_join_resampler(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm *kvm = irqfd->kvm;
	struct kvm_irqfd_resampler *resampler;

	resampler = xa_load(&kvm->irqfds.resamplers, irqfd->gsi);
	if (!resampler)
		resampler = irqfd_add_resampler(kvm, irqfd->gsi);
	if (IS_ERR(resampler))
		return PTR_ERR(resampler);

	irqfd->resampler = resampler;
	list_add_tail_rcu(&irqfd->resampler_link, &resampler->irqfds);
	return 0;
}

/*
 * The last one takes the resampler along, and the level that they have asserted.
 * Inside irq_lock, lest that takes the level of a new one.
 */
static void irqfd_leave_resampler(struct kvm_kernel_irqfd *irqfd)
{
	struct kvm_irqfd_resampler *resampler = irqfd->resampler;
	struct kvm *kvm = irqfd->kvm;

	list_del_rcu(&irqfd->resampler_link);
	if (!list_empty(&resampler->irqfds)) {
		irqfd->resampler = NULL;
		return;
	}

	xa_erase(&kvm->irqfds.resamplers, irqfd->gsi);
	hlist_del_rcu(&resampler->notifier.link);
	kvm_set_irq(kvm, KVM_IRQFD_RESAMPLE_IRQ_SOURCE_ID, irqfd->gsi, 0, false);
}

/**
 * kvm_notify_irqfd_resampler() - Ask whether an input is still asserted.
 * @kvm: The VM.
 * @irqchip: Interrupt controller.
 * @pin: The input.
 *
 * Signals each resamplefd of the GSI that leads there, as at the end of an
 * interrupt, but leaves the level as it is.
 *
 * Context: Any but NMI.
 * Return: Whether there is one.
 */
bool kvm_notify_irqfd_resampler(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_irqfd_resampler *resampler;
	int gsi;

	guard(srcu)(&kvm->irq_srcu);
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	if (gsi == -1)
		return false;

	resampler = xa_load(&kvm->irqfds.resamplers, gsi);
	if (!resampler)
		return false;

	irqfd_notify_resamplers(resampler);
	return true;
}

/* Follow the routes of the GSI. */

/* An irqfd can raise one destination by itself. Returns how many there are. */
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

	/* A store that replaces something takes no memory. */
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
/* The route was @old: have the producer follow. */
static void irqfd_update_bypass(struct kvm_kernel_irqfd *irqfd,
				struct kvm_kernel_irq_routing_entry *old)
{
	if (irqfd->producer && kvm_arch_irqfd_route_changed(old, &irqfd->irq_entry))
		WARN_ON(kvm_arch_update_irqfd_routing(irqfd->kvm, irqfd->producer->irq,
						      irqfd->gsi, 1));
}
#else
static void irqfd_update_bypass(struct kvm_kernel_irqfd *irqfd,
				struct kvm_kernel_irq_routing_entry *old)
{
}
#endif

/*
 * Without a route of its own the irqfd keeps what the last one said, but for the
 * type: an architecture that forwards by it has to find what to undo.
 */
static void irqfd_set_route(struct kvm_kernel_irqfd *irqfd,
			    const struct kvm_kernel_irq_routing_entry *e, int nr)
{
	struct kvm_kernel_irq_routing_entry old;

	guard(spinlock_irq)(&irqfd->kvm->irqfds.lock);
	scoped_guard(spinlock, &irqfd->wqh->lock) {
		old = irqfd->irq_entry;
		if (e->type)
			irqfd->irq_entry = *e;
		else
			irqfd->irq_entry.type = 0;
		irqfd->nr_routes = nr;
	}
	irqfd_update_bypass(irqfd, &old);
}

struct kvm_kernel_irq_routing_entry kvm_irqfd_route(struct kvm_kernel_irqfd *irqfd)
{
	guard(spinlock_irq)(&irqfd->kvm->irqfds.lock);
	return irqfd->irq_entry;
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
static int irqfd_start_bypass(struct kvm_kernel_irqfd *irqfd)
{
	int ret;

	if (!kvm_arch_has_irq_bypass())
		return 0;

	irqfd->consumer.token = irqfd->eventfd;
	irqfd->consumer.add_producer = kvm_arch_irq_bypass_add_producer;
	irqfd->consumer.del_producer = kvm_arch_irq_bypass_del_producer;
	irqfd->consumer.stop = kvm_arch_irq_bypass_stop;
	irqfd->consumer.start = kvm_arch_irq_bypass_start;

	/* EBUSY: another irqfd of this eventfd is bound, or not undone yet. */
	ret = irq_bypass_register_consumer(&irqfd->consumer);
	if (!ret || ret == -EBUSY)
		return ret;

	/* The interrupt comes without it too. */
	pr_info("no irq bypass for token %p: error %d\n", irqfd->consumer.token, ret);
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

/* Undo. */

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
 * Undo irqfds that are not hooked. An irqfd follows its route as long as something
 * can come by it: from a device that bypasses, or from a work item that a write
 * has left. One grace period is enough for all.
 */
static void irqfd_undo(struct kvm *kvm, struct llist_node *gone)
{
	struct kvm_kernel_irqfd *irqfd, *next;
	bool resampled = false;

	llist_for_each_entry(irqfd, gone, gone) {
		irqfd_stop_bypass(irqfd);
		flush_work(&irqfd->inject);
		irqfd_leave(irqfd);
		if (irqfd->resamplefd)
			resampled = true;
		cond_resched();
	}

	/* Only an end of interrupt finds irqfds without a lock. */
	if (resampled) {
		synchronize_srcu_expedited(&kvm->irq_srcu);
		kvm_arch_post_irq_ack_notifier_list_update(kvm);
	}

	llist_for_each_entry_safe(irqfd, next, gone, gone)
		irqfd_free(irqfd);
}

/*
 * irqfd_close() uses the VM after it has handed the irqfd over, until it drops the
 * lock. Wait for that as long as kvm_irqfd_release() can still find the irqfd.
 */
static void irqfd_cleanup(struct work_struct *work)
{
	struct kvm *kvm = container_of(work, struct kvm, irqfds.cleanup);
	struct llist_node *gone = llist_del_all(&kvm->irqfds.closed);
	struct kvm_kernel_irqfd *irqfd;

	llist_for_each_entry(irqfd, gone, gone) {
		spin_lock_irq(&irqfd->wqh->lock);
		spin_unlock_irq(&irqfd->wqh->lock);
	}
	irqfd_undo(kvm, gone);
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

/* The file is held to the end, so that the eventfd is not closed before. */
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

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
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
	if (ret)
		irqfd_undo(kvm, &irqfd->gone);
	return ret;
}

static int irqfd_deassign(struct kvm *kvm, const struct kvm_irqfd *args)
{
	struct rw_semaphore *undoing = &kvm->irqfds.undoing;
	struct kvm_kernel_irqfd *irqfd;
	struct eventfd_ctx *eventfd;

	CLASS(fd, f)(args->fd);
	if (!fd_file(f))
		return -EBADF;

	eventfd = eventfd_ctx_fileget(fd_file(f));
	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);

	scoped_guard(rwsem_read, undoing) {
		irqfd = irqfd_find_unhook(irqfd_wait_queue(fd_file(f)), kvm, args->gsi);
		if (irqfd)
			irqfd_undo(kvm, &irqfd->gone);
	}
	/* Another call may have unhooked it a moment ago. */
	if (!irqfd) {
		down_write(undoing);
		up_write(undoing);
	}
	eventfd_ctx_put(eventfd);
	return 0;
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
	init_rwsem(&irqfds->undoing);
	xa_init_flags(&irqfds->by_gsi, XA_FLAGS_ACCOUNT);
	xa_init_flags(&irqfds->resamplers, XA_FLAGS_ACCOUNT);
	init_llist_head(&irqfds->closed);
	INIT_WORK(&irqfds->cleanup, irqfd_cleanup);
}

static void irqfd_unhook_all(struct kvm *kvm, struct llist_head *gone)
{
	struct kvm_kernel_irqfd *first, *irqfd;
	unsigned long gsi;

	guard(mutex)(&kvm->irq_lock);
	xa_for_each(&kvm->irqfds.by_gsi, gsi, first) {
		irqfd = first;
		do {
			if (irqfd_unhook(irqfd))
				__llist_add(&irqfd->gone, gone);
			irqfd = list_next_entry(irqfd, same_gsi);
			cond_resched();
		} while (irqfd != first);
	}
}

/**
 * kvm_irqfd_release() - Unbind every eventfd of a VM whose last file was closed.
 * @kvm: The VM. Nobody binds or unbinds any more, but eventfds can be closed.
 *
 * What irqfd_unhook() was too late for has been handed to the work item, inside
 * the lock that both take.
 *
 * Context: May sleep.
 */
void kvm_irqfd_release(struct kvm *kvm)
{
	LLIST_HEAD(gone);

	irqfd_unhook_all(kvm, &gone);
	irqfd_undo(kvm, gone.first);
	flush_work(&kvm->irqfds.cleanup);
}

int kvm_irqfd_init(void)
{
	irqfd_cleanup_wq = alloc_workqueue("kvm-irqfd-cleanup", 0, 0);
	return irqfd_cleanup_wq ? 0 : -ENOMEM;
}

void kvm_irqfd_exit(void)
{
	destroy_workqueue(irqfd_cleanup_wq);
}

/* The guest ends an interrupt. */

bool kvm_irq_has_notifier(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	struct kvm_irq_ack_notifier *notifier;
	int gsi;

	guard(srcu)(&kvm->irq_srcu);
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	if (gsi == -1)
		return false;

	hlist_for_each_entry_srcu(notifier, &kvm->irq_ack_notifier_list, link,
				  srcu_read_lock_held(&kvm->irq_srcu)) {
		if (notifier->gsi == gsi)
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(kvm_irq_has_notifier);

/* The caller is inside the read side of irq_srcu. */
void kvm_notify_acked_gsi(struct kvm *kvm, int gsi)
{
	struct kvm_irq_ack_notifier *notifier;

	hlist_for_each_entry_srcu(notifier, &kvm->irq_ack_notifier_list, link,
				  srcu_read_lock_held(&kvm->irq_srcu)) {
		if (notifier->gsi == gsi)
			notifier->irq_acked(notifier);
	}
}

void kvm_notify_acked_irq(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	int gsi;

	trace_kvm_ack_irq(irqchip, pin);

	guard(srcu)(&kvm->irq_srcu);
	gsi = kvm_irq_map_chip_pin(kvm, irqchip, pin);
	if (gsi != -1)
		kvm_notify_acked_gsi(kvm, gsi);
}

void kvm_register_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *notifier)
{
	scoped_guard(mutex, &kvm->irq_lock)
		hlist_add_head_rcu(&notifier->link, &kvm->irq_ack_notifier_list);
	kvm_arch_post_irq_ack_notifier_list_update(kvm);
}

void kvm_unregister_irq_ack_notifier(struct kvm *kvm, struct kvm_irq_ack_notifier *notifier)
{
	scoped_guard(mutex, &kvm->irq_lock)
		hlist_del_init_rcu(&notifier->link);
	synchronize_srcu_expedited(&kvm->irq_srcu);
	kvm_arch_post_irq_ack_notifier_list_update(kvm);
}
