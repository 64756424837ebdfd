/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where does a GSI lead? A VM whose pending interrupts can be read while no vCPU
 * runs, for tests of routing on any architecture.
 */
#ifndef SELFTEST_KVM_IRQ_TARGET_H
#define SELFTEST_KVM_IRQ_TARGET_H

#include <pthread.h>

#include "kvm_util.h"

/*
 * What a GSI can lead to: one of the events, each an MSI of the same device, or an
 * input of the interrupt controller that IRQ_TARGET_CHIP numbers.
 */
#define IRQ_TARGET_EVENTS	32
#define IRQ_TARGET_PIN		IRQ_TARGET_EVENTS
#define IRQ_TARGET_NOWHERE	(~0u)

#ifdef __x86_64__
#define IRQ_TARGET_CHIP		KVM_IRQCHIP_IOAPIC
#define IRQ_TARGET_CHIP_PINS	KVM_IOAPIC_NUM_PINS
#elif defined(__riscv)
#define IRQ_TARGET_CHIP		0
#define IRQ_TARGET_CHIP_PINS	1024
#else
#define IRQ_TARGET_CHIP		0
#define IRQ_TARGET_CHIP_PINS	(1020 - 32)
#endif
#define IRQ_TARGET_PIN_NR	5	/* of the input, on that chip */

/* The GSIs that have an eventfd. */
#define IRQ_TARGET_FIRST_GSI	100
#define IRQ_TARGET_GSIS		16

/**
 * struct irq_target - The VM.
 * @vm: With one vCPU, which has not run.
 * @arch: What the architecture's part has of it: a struct its_vmm on arm64, the
 *	struct kvm_vcpu on x86, the AIA's file descriptor on riscv.
 * @fds: Eventfd n is bound to GSI IRQ_TARGET_FIRST_GSI + n.
 */
struct irq_target {
	struct kvm_vm *vm;
	void *arch;
	int fds[IRQ_TARGET_GSIS];
};

void irq_target_create(struct irq_target *t);
void irq_target_destroy(struct irq_target *t);

/* An entry that leads to an event, to IRQ_TARGET_PIN, or IRQ_TARGET_NOWHERE. */
struct kvm_irq_routing_entry irq_target_route(u32 gsi, u32 where);

/* Signal the eventfd of GSI IRQ_TARGET_FIRST_GSI + @i, and see where that leads. */
u32 irq_target_where(struct irq_target *t, u32 i);

/* Bind that eventfd; KVM_IRQFD_FLAG_DEASSIGN unbinds it. */
void irq_target_irqfd(struct irq_target *t, u32 i, u32 flags);
void irq_target_signal(int fd);

/**
 * struct irq_target_storm - A thread that signals an eventfd all the time.
 * @fd: The eventfd.
 * @writes: How often it has.
 * @stop: Tells it to end.
 * @thread: The thread.
 */
struct irq_target_storm {
	int fd;
	u32 writes;
	bool stop;
	pthread_t thread;
};

void irq_target_storm_start(struct irq_target_storm *storm, int fd);
void irq_target_storm_stop(struct irq_target_storm *storm);

/* Wait until what has happened before has been under it for a while. */
void irq_target_storm_wait(struct irq_target_storm *storm);

/*
 * The architecture's part.
 *
 * irq_target_take() returns what is pending, a bit for each event and one for the
 * pin, and clears it. What gets pending meanwhile, it may return or not.
 *
 * irq_target_forget() has the interrupt controller drop what it remembers of MSIs
 * that it has delivered, if it remembers any.
 */
void irq_target_create_vm(struct irq_target *t);
void irq_target_destroy_vm(struct irq_target *t);
struct kvm_irq_routing_entry irq_target_route_msi(u32 gsi, u32 event);
u64 irq_target_take(struct irq_target *t);
void irq_target_forget(struct irq_target *t);

#endif /* SELFTEST_KVM_IRQ_TARGET_H */
