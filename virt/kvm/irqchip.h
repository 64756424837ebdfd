/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GSI routing: a VM's routes, and the change of them that one call makes.
 *
 * A GSI's destinations are one object (struct kvm_gsi_routes) that does not
 * change once it is published in kvm_irq_routing_table.gsis. A change replaces
 * whole objects. It goes through three steps:
 *
 *   stage	decode what differs from the routes in force, and take all the
 *		memory that publishing needs. Only this step fails, and undoing
 *		it is invisible.
 *   publish	exchange staged objects with those in force, and tell irqfds and
 *		the architecture of the GSIs that changed.
 *   retire	wait once for readers of what was exchanged, and free it. A
 *		change that only adds GSIs waits only if an earlier one does.
 *
 * Locks:
 *   kvm->irq_lock (mutex)	serialises changes: stage and publish
 *   kvm->irq_srcu		readers, who deliver inside of it; retire waits,
 *				holding no lock, for deliveries that sleep too
 *
 * An irqfd that is being bound looks its GSI up, and can be found by it from then
 * on, in one section of irq_lock: <linux/kvm_irqfd.h>.
 */
#ifndef __KVM_IRQCHIP_H
#define __KVM_IRQCHIP_H

#include <linux/atomic.h>
#include <linux/kvm_host.h>
#include <linux/xarray.h>

/**
 * struct kvm_irq_routing_table - The routes in force.
 * @gsis: GSI to struct kvm_gsi_routes. Write: irq_lock; read: irq_srcu.
 * @nr_gsis: How many GSIs have routes. irq_lock.
 * @nr_routes: How many routes they have. irq_lock.
 * @nr_others: How many GSIs lead to neither an MSI nor an input. irq_lock.
 * @last_id: That of the last change. irq_lock.
 * @last: The array from userspace that set all routes, or NULL; see below.
 *	irq_lock.
 * @nr_last: Length of @last. irq_lock.
 * @retiring: How many changes wait for readers of what they replaced.
 * @pins: The GSI that leads to an input of an interrupt controller, or -1; if
 *	there are several, that whose route was set last, or if that has gone, the
 *	lowest of the others. Write: irq_lock; read: any time.
 *
 * Reading the array is the main cost of a call that changes little, so @last is
 * kept to find what differs without decoding the rest. It is kept until an update
 * changes some routes, and only if
 *
 *  - each of its GSIs has one entry, so that an entry stands for its GSI, and
 *  - each of its entries is an MSI or an input of an interrupt controller: what
 *    others decode to depends on vCPUs and memory that come and go.
 *
 * So an MSI stays accepted if KVM_CAP_X2APIC_API comes to forbid its address
 * later (x86).
 */
struct kvm_irq_routing_table {
	struct xarray gsis;
	u64 last_id;
	u32 nr_gsis;
	u32 nr_routes;
	u32 nr_others;
	u32 nr_last;
	struct kvm_irq_routing_entry *last;
	atomic_t retiring;
	int pins[KVM_NR_IRQCHIPS][KVM_IRQCHIP_NUM_PINS];
};

/**
 * struct kvm_irq_routing_change - The difference that one call makes.
 * @kvm: The VM.
 * @table: Its routes in force.
 * @id: No other change of the table has it. Tells whether
 *	kvm_gsi_routes.named is about this one.
 * @anchors: For each GSI that changes, what is in its place in @table->gsis. Its
 *	@staged is what will be: new routes, or &kvm_no_routes. A GSI without routes
 *	gets its new ones as a place, tagged so that readers see none. After
 *	publishing, what has lost its place.
 * @tail: Where to add to @anchors.
 * @update: Leave GSIs alone that the array does not name.
 * @nr_gsis: How many GSIs will have routes.
 * @nr_routes: How many routes they will have.
 * @in_use: Readers may use some of the routes that are exchanged.
 * @keep: The array can become @table->last.
 * @has_pins: Some of what was decoded or replaced is an input of an interrupt
 *	controller.
 * @pins: With @has_pins, the new kvm_irq_routing_table.pins.
 *
 * Invariant: a GSI that changes has a place in @table->gsis, so that publishing
 * takes no memory.
 */
struct kvm_irq_routing_change {
	struct kvm *kvm;
	struct kvm_irq_routing_table *table;
	u64 id;
	struct kvm_gsi_routes *anchors;
	struct kvm_gsi_routes **tail;
	bool update;
	u32 nr_gsis;
	u32 nr_routes;
	bool in_use;
	bool keep;
	bool has_pins;
	int (*pins)[KVM_IRQCHIP_NUM_PINS];
};

#endif /* __KVM_IRQCHIP_H */
