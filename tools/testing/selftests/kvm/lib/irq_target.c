// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a GSI lead? What is the same on all architectures.
 */
#include <sched.h>
#include <sys/eventfd.h>

#include "irq_target.h"

#define STORM_WRITES	30	/* that irq_target_storm_wait() waits for */

void irq_target_irqfd(struct irq_target *t, u32 i, u32 flags)
{
	struct kvm_irqfd irqfd = {
		.fd = t->fds[i], .gsi = IRQ_TARGET_FIRST_GSI + i, .flags = flags,
	};

	vm_ioctl(t->vm, KVM_IRQFD, &irqfd);
}

void irq_target_signal(int fd)
{
	u64 one = 1;

	TEST_ASSERT(write(fd, &one, sizeof(one)) == sizeof(one), "write eventfd: %d", errno);
}

struct kvm_irq_routing_entry irq_target_route(u32 gsi, u32 where)
{
	struct kvm_irq_routing_entry entry = { .gsi = gsi };

	if (where == IRQ_TARGET_PIN) {
		entry.type = KVM_IRQ_ROUTING_IRQCHIP;
		entry.u.irqchip.irqchip = IRQ_TARGET_CHIP;
		entry.u.irqchip.pin = IRQ_TARGET_PIN_NR;
	} else if (where != IRQ_TARGET_NOWHERE) {
		entry = irq_target_route_msi(gsi, where);
	}
	return entry;
}

/* An MSI is there at once. For anything else, KVM may use a work item. */
u32 irq_target_where(struct irq_target *t, u32 i)
{
	u64 found;

	irq_target_signal(t->fds[i]);
	found = irq_target_take(t);
	if (!(u32)found) {
		irq_target_irqfd(t, i, KVM_IRQFD_FLAG_DEASSIGN);
		irq_target_irqfd(t, i, 0);
		found |= irq_target_take(t);
	}
	TEST_ASSERT(!(found & (found - 1)), "several at once: %#lx", found);
	return found ? __builtin_ctzll(found) : IRQ_TARGET_NOWHERE;
}

void irq_target_create(struct irq_target *t)
{
	irq_target_create_vm(t);
	for (u32 i = 0; i < IRQ_TARGET_GSIS; i++) {
		t->fds[i] = eventfd(0, EFD_NONBLOCK);
		TEST_ASSERT(t->fds[i] >= 0, "eventfd: %d", errno);
		irq_target_irqfd(t, i, 0);
	}
}

void irq_target_destroy(struct irq_target *t)
{
	for (u32 i = 0; i < IRQ_TARGET_GSIS; i++)
		close(t->fds[i]);
	irq_target_destroy_vm(t);
}

static void *storm_thread(void *arg)
{
	struct irq_target_storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		irq_target_signal(storm->fd);
		__atomic_fetch_add(&storm->writes, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

void irq_target_storm_start(struct irq_target_storm *storm, int fd)
{
	*storm = (struct irq_target_storm) { .fd = fd };
	TEST_ASSERT_EQ(0, pthread_create(&storm->thread, NULL, storm_thread, storm));
}

void irq_target_storm_stop(struct irq_target_storm *storm)
{
	__atomic_store_n(&storm->stop, true, __ATOMIC_RELAXED);
	pthread_join(storm->thread, NULL);
}

void irq_target_storm_wait(struct irq_target_storm *storm)
{
	u32 from = __atomic_load_n(&storm->writes, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&storm->writes, __ATOMIC_ACQUIRE) - from < STORM_WRITES)
		sched_yield();
}
