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
 * Files:
 *   irqchip.c		Looks routes up, delivers, and runs a change.
 *   irqchip_stage.c	Stages a whole table.
 *   irqchip_update.c	Stages the routes of some GSIs.
 *   irqchip_publish.c	Publishes and retires.
 *   irqchip_debug.c	Shows routes, and irqfds, in debugfs.
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
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/srcu.h>
#include <linux/xarray.h>

/**
 * struct kvm_irq_routing_table - The routes in force.
 * @gsis: GSI to struct kvm_gsi_routes. Those that lead to a type which
 *	kvm_next_gsi_routes_of() finds are marked. Write: irq_lock; read: irq_srcu.
 * @nr_routes: How many routes all GSIs have. irq_lock.
 * @nr_last: Length of @last. irq_lock.
 * @last: The array from userspace that set the routes in force, or NULL. irq_lock.
 * @retiring: How many changes wait for readers of the objects that they replaced.
 * @pins: The GSI that leads to an input of an interrupt controller, or -1. If
 *	several do, the one whose route changed last; if that route was removed, the
 *	lowest of the others. Write: irq_lock; read: any time.
 * @named: The GSIs that a change has come across in its array. A change clears first
 *	what it is going to test. irq_lock.
 *
 * Decoding the array is the main cost of a call that changes little. Comparing the
 * array with @last finds the entries that differ; those that are equal, at the same
 * position or at another, are not decoded. An array is kept as @last only if
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
	u32 nr_routes;
	u32 nr_last;
	struct kvm_irq_routing_entry *last;
	atomic_t retiring;
	int pins[KVM_NR_IRQCHIPS][KVM_IRQCHIP_NUM_PINS];
	DECLARE_BITMAP(named, KVM_MAX_IRQ_ROUTES);
};

/**
 * struct irqchip_staged - What a change makes of the routes of one GSI.
 * @link: Entry in kvm_irq_routing_change.staged.
 * @gsi: The GSI.
 * @old: Its routes in force. NULL: it has none, and its slot is reserved.
 * @new: Its new routes. NULL: it loses them.
 */
struct irqchip_staged {
	struct list_head link;
	u32 gsi;
	const struct kvm_gsi_routes *old;
	struct kvm_gsi_routes *new;
};

/**
 * struct kvm_irq_routing_change - What one call changes.
 * @kvm: The VM.
 * @table: Its routes in force.
 * @staged: A struct irqchip_staged for each GSI that changes, in the order in which
 *	the array names them.
 * @inputs: Those of @staged whose GSI leads to an input of an interrupt controller,
 *	by GSI. Only for architectures where a GSI can lead to several.
 * @nr_routes: How many routes all GSIs will have.
 * @in_use: Readers may use some of the objects that are replaced.
 * @keep: The array can become @table->last.
 *
 * Invariant: each GSI that gets routes has a slot in @table->gsis, so that publishing
 * allocates nothing. Readers take a slot that is reserved for an empty one.
 */
struct kvm_irq_routing_change {
	struct kvm *kvm;
	struct kvm_irq_routing_table *table;
	struct list_head staged;
	struct xarray inputs;
	u32 nr_routes;
	bool in_use;
	bool keep;
};

static inline void irqchip_assert_reader(struct kvm *kvm)
{
	lockdep_assert(srcu_read_lock_held(&kvm->irq_srcu) ||
		       lockdep_is_held(&kvm->irq_lock));
}

/* The type of a GSI's routes, which all have the same; 0 without routes. */
static inline u32 irqchip_type(const struct kvm_gsi_routes *routes)
{
	return routes ? routes->entries[0].type : 0;
}

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
int irqchip_stage_removal(struct kvm_irq_routing_change *change, u32 gsi);
void irqchip_start(struct kvm_irq_routing_change *change);
void irqchip_unstage(struct kvm_irq_routing_change *change);

/* irqchip_publish.c */
void irqchip_publish(struct kvm_irq_routing_change *change,
		     struct kvm_irq_routing_entry **array, u32 nr);
void irqchip_retire(struct kvm_irq_routing_change *change);

/* irqchip.c */
int irqchip_change(struct kvm *kvm, irqchip_stage_fn stage,
		   const struct kvm_irq_routing_entry *ue, u32 nr,
		   struct kvm_irq_routing_entry **array);
int irqchip_ioctl(struct kvm *kvm, struct kvm_irq_routing __user *user,
		  irqchip_stage_fn stage);

#endif /* __KVM_IRQCHIP_H */
