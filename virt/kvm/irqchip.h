/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GSI routing: the routes of a VM, and how one call changes them.
 *
 * All destinations of a GSI are one object (struct kvm_gsi_routes). It is
 * published in kvm_irq_routing_table.gsis and does not change after that. A change
 * replaces whole objects, in three steps:
 *
 *   stage	Decode what differs from the routes in force, and allocate all
 *		memory that publishing needs. Only this step can fail. No reader
 *		sees what it does, so it can be undone.
 *   publish	Replace the objects in force with the staged ones. Tell irqfds and
 *		the architecture which GSIs changed.
 *   retire	Wait once for readers of the replaced objects, then free them. A
 *		change that only adds GSIs waits only if another change is retiring.
 *
 * irqchip.c looks routes up, delivers, and runs a change; irqchip_stage.c stages a
 * whole table; irqchip_publish.c publishes and retires.
 *
 * Locks:
 *   kvm->irq_lock (mutex)	Serialises changes: held to stage and to publish.
 *   kvm->irq_srcu		Readers deliver inside the read side, and may sleep
 *				there. Retiring waits for them without a lock.
 *
 * An irqfd that is bound looks its GSI up and becomes visible to changes in one
 * section of irq_lock: see <linux/kvm_irqfd.h>.
 */
#ifndef __KVM_IRQCHIP_H
#define __KVM_IRQCHIP_H

#include <linux/atomic.h>
#include <linux/kvm_host.h>
#include <linux/xarray.h>

/**
 * struct kvm_irq_routing_table - The routes in force.
 * @gsis: GSI to struct kvm_gsi_routes. Write: irq_lock; read: irq_srcu.
 * @last_id: The id of the last change. irq_lock.
 * @nr_gsis: How many GSIs have routes. irq_lock.
 * @nr_by_type: How many GSIs lead to a destination of each KVM_IRQ_ROUTING_*.
 *	irq_lock.
 * @nr_routes: How many routes all GSIs have. irq_lock.
 * @nr_last: Length of @last. irq_lock.
 * @last: The array from userspace that set the routes in force, or NULL. irq_lock.
 * @retiring: How many changes wait for readers of the objects that they replaced.
 * @pins: The GSI that leads to an input of an interrupt controller, or -1. If
 *	several do, the one whose route was set last; if that route was removed, the
 *	lowest of the others. Write: irq_lock; read: any time.
 *
 * Decoding the array is the main cost of a call that changes little. Comparing the
 * array with @last finds the entries that differ; the others are not decoded. An
 * array is kept as @last only if
 *
 *  - each of its GSIs has one entry, so that an entry stands for its GSI, and
 *  - each entry is an MSI or an input of an interrupt controller. What other types
 *    decode to depends on vCPUs and memory, which can change.
 *
 * Consequence on x86: an MSI that was accepted stays accepted if enabling
 * KVM_CAP_X2APIC_API forbids its address later.
 */
struct kvm_irq_routing_table {
	struct xarray gsis;
	u64 last_id;
	u32 nr_gsis;
	u32 nr_by_type[KVM_IRQ_ROUTING_XEN_EVTCHN + 1];
	u32 nr_routes;
	u32 nr_last;
	struct kvm_irq_routing_entry *last;
	atomic_t retiring;
	int pins[KVM_NR_IRQCHIPS][KVM_IRQCHIP_NUM_PINS];
};

/**
 * struct kvm_irq_routing_change - What one call changes.
 * @kvm: The VM.
 * @table: Its routes in force.
 * @id: Unique among the changes of @table. kvm_gsi_routes.named belongs to the
 *	change whose id is in kvm_gsi_routes.change.
 * @anchors: For each GSI that changes, the object in its slot of @table->gsis. The
 *	object's @staged replaces it: new routes, or &kvm_no_routes. For a GSI
 *	without routes the new object itself is in the slot, tagged so that readers
 *	skip it. After publishing, the objects that were replaced.
 * @tail: Where to append to @anchors.
 * @nr_gsis: How many GSIs will have routes.
 * @in_use: Readers may use some of the objects that are replaced.
 * @keep: The array can become @table->last.
 * @has_pins: An input of an interrupt controller was decoded or is replaced.
 * @pins: With @has_pins, the new kvm_irq_routing_table.pins.
 *
 * Invariant: each GSI that changes has a slot in @table->gsis, so that publishing
 * allocates nothing.
 */
struct kvm_irq_routing_change {
	struct kvm *kvm;
	struct kvm_irq_routing_table *table;
	u64 id;
	struct kvm_gsi_routes *anchors;
	struct kvm_gsi_routes **tail;
	u32 nr_gsis;
	bool in_use;
	bool keep;
	bool has_pins;
	int (*pins)[KVM_IRQCHIP_NUM_PINS];
};

/* In a slot of kvm_irq_routing_table.gsis: staged, not yet published. */
#define IRQCHIP_STAGED	1UL

/* Staged for a GSI that loses its routes. */
extern struct kvm_gsi_routes kvm_no_routes;

/*
 * Stages @nr entries at @ue. On an error, irqchip_unstage() undoes what was staged
 * until then. The caller of this and of all below holds kvm->irq_lock, except for
 * irqchip_change() and irqchip_retire().
 */
typedef int (*irqchip_stage_fn)(struct kvm_irq_routing_change *change,
				const struct kvm_irq_routing_entry *ue, u32 nr);

/* irqchip_stage.c */
int irqchip_stage_table(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue, u32 nr);
int irqchip_stage_entry(struct kvm_irq_routing_change *change,
			const struct kvm_irq_routing_entry *ue);
int irqchip_stage_loss(struct kvm_irq_routing_change *change, u32 gsi);
void irqchip_stage_routes(struct kvm_irq_routing_change *change,
			  struct kvm_gsi_routes *anchor,
			  struct kvm_gsi_routes *routes);
struct kvm_gsi_routes *irqchip_anchor(struct kvm_irq_routing_change *change, u32 gsi);
int irqchip_alloc_pins(struct kvm_irq_routing_change *change);
void irqchip_start(struct kvm_irq_routing_change *change);
void irqchip_unstage(struct kvm_irq_routing_change *change);

/* irqchip_publish.c */
void irqchip_keep(struct kvm_irq_routing_change *change, u32 nr,
		  struct kvm_irq_routing_entry **array);
void irqchip_publish(struct kvm_irq_routing_change *change);
void irqchip_retire(struct kvm_irq_routing_change *change);

/* irqchip.c */
int irqchip_change(struct kvm *kvm, irqchip_stage_fn stage,
		   const struct kvm_irq_routing_entry *ue, u32 nr,
		   struct kvm_irq_routing_entry **array);
int irqchip_ioctl(struct kvm *kvm, struct kvm_irq_routing __user *user,
		  irqchip_stage_fn stage);

#endif /* __KVM_IRQCHIP_H */
