// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routing: from a GSI, or an MSI that userspace signals, to an interrupt
 * controller of the VM. The types, locks and rules are in irqchip.h.
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/kvm_host.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include <trace/events/kvm.h>

#define CREATE_TRACE_POINTS
#include <trace/events/kvm_irq_routing.h>

#include "irqchip.h"

/* The ABI. Userspace is built against these numbers. */
static_assert(sizeof(struct kvm_irq_routing) == 8);
static_assert(offsetof(struct kvm_irq_routing, entries) == 8);
static_assert(sizeof(struct kvm_irq_routing_entry) == 48);
static_assert(offsetof(struct kvm_irq_routing_entry, flags) == 8);
static_assert(offsetof(struct kvm_irq_routing_entry, u) == 16);
static_assert(offsetof(struct kvm_irq_routing_entry, u.msi.devid) == 28);
static_assert(sizeof(struct kvm_msi) == 32);
static_assert(offsetof(struct kvm_msi, flags) == 12);
static_assert(offsetof(struct kvm_msi, devid) == 16);
static_assert(sizeof(struct kvm_irqfd) == 32);
static_assert(offsetof(struct kvm_irqfd, resamplefd) == 12);

/* Staged for a GSI that loses its routes. */
static struct kvm_gsi_routes kvm_no_routes;

void __weak kvm_arch_irq_routing_update(struct kvm *kvm)
{
}

bool __weak kvm_arch_can_set_irq_routing(struct kvm *kvm)
{
	return true;
}

bool __weak kvm_arch_msi_needs_devid(struct kvm *kvm)
{
	return false;
}

/* Look up and deliver. */

static void irqchip_assert_reader(struct kvm *kvm)
{
	lockdep_assert(srcu_read_lock_held(&kvm->irq_srcu) ||
		       lockdep_is_held(&kvm->irq_lock));
}

/* Routes that only become visible when they are published. */
#define ROUTES_STAGED	1UL

const struct kvm_gsi_routes *kvm_gsi_to_routes(struct kvm *kvm, u32 gsi)
{
	void *routes;

	irqchip_assert_reader(kvm);
	routes = xa_load(&kvm->irq_routing->gsis, gsi);
	return xa_pointer_tag(routes) == ROUTES_STAGED ? NULL : routes;
}
EXPORT_SYMBOL_GPL(kvm_gsi_to_routes);

const struct kvm_gsi_routes *kvm_next_gsi_routes(struct kvm *kvm,
						 unsigned long *gsi)
{
	struct xarray *gsis = &kvm->irq_routing->gsis;
	void *routes;

	irqchip_assert_reader(kvm);
	routes = xa_find(gsis, gsi, ULONG_MAX, XA_PRESENT);
	while (xa_pointer_tag(routes) == ROUTES_STAGED)
		routes = xa_find_after(gsis, gsi, ULONG_MAX, XA_PRESENT);
	return routes;
}

/* @entries: room for KVM_NR_IRQCHIPS of them. */
int kvm_irq_map_gsi(struct kvm *kvm,
		    struct kvm_kernel_irq_routing_entry *entries, int gsi)
{
	const struct kvm_gsi_routes *routes = kvm_gsi_to_routes(kvm, gsi);

	if (!routes)
		return 0;

	memcpy(entries, routes->entries, flex_array_size(routes, entries, routes->nr));
	return routes->nr;
}

int kvm_irq_map_chip_pin(struct kvm *kvm, unsigned int irqchip, unsigned int pin)
{
	return READ_ONCE(kvm->irq_routing->pins[irqchip][pin]);
}

/*
 * Deliver inside the read side, so that a change that waited for readers has
 * waited for deliveries too.
 */
int kvm_set_irq(struct kvm *kvm, int irq_source_id, u32 irq, int level,
		bool line_status)
{
	const struct kvm_kernel_irq_routing_entry *e;
	const struct kvm_gsi_routes *routes;
	int ret = -1;

	trace_kvm_set_irq(irq, level, irq_source_id);

	guard(srcu)(&kvm->irq_srcu);
	routes = kvm_gsi_to_routes(kvm, irq);
	if (!routes)
		return ret;

	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++) {
		struct kvm_kernel_irq_routing_entry copy = *e;
		int r = copy.set(&copy, kvm, irq_source_id, level, line_status);

		if (r >= 0)
			ret = max(ret, 0) + r;
	}
	return ret;
}

static bool irqchip_msi_flags_valid(struct kvm *kvm, u32 flags)
{
	return !flags || (flags == KVM_MSI_VALID_DEVID &&
			  kvm_arch_msi_needs_devid(kvm));
}

int kvm_send_userspace_msi(struct kvm *kvm, struct kvm_msi *msi)
{
	struct kvm_kernel_irq_routing_entry e = {
		.type = KVM_IRQ_ROUTING_MSI,
		.msi = *msi,
	};

	if (!kvm_arch_irqchip_in_kernel(kvm))
		return -EINVAL;
	if (!irqchip_msi_flags_valid(kvm, msi->flags))
		return -EINVAL;

	return kvm_set_msi(&e, kvm, KVM_USERSPACE_IRQ_SOURCE_ID, 1, false);
}

/* Stage a change. */

static int irqchip_decode(struct kvm *kvm, const struct kvm_irq_routing_entry *ue,
			  struct kvm_kernel_irq_routing_entry *e)
{
	int ret;

	if (ue->gsi >= KVM_MAX_IRQ_ROUTES)
		return -EINVAL;
	if (ue->type == KVM_IRQ_ROUTING_MSI ?
	    !irqchip_msi_flags_valid(kvm, ue->flags) : ue->flags)
		return -EINVAL;

	memset(e, 0, sizeof(*e));
	e->gsi = array_index_nospec(ue->gsi, KVM_MAX_IRQ_ROUTES);
	e->type = ue->type;
	ret = kvm_set_routing_entry(kvm, e, ue);
	if (ret)
		return ret;

	if (e->type == KVM_IRQ_ROUTING_IRQCHIP &&
	    (e->irqchip.irqchip >= KVM_NR_IRQCHIPS ||
	     e->irqchip.pin >= KVM_IRQCHIP_NUM_PINS))
		return -EINVAL;
	return 0;
}

/*
 * What is in the GSI's place: its routes in force, or if it has none, those that
 * this change has staged.
 */
static struct kvm_gsi_routes *irqchip_anchor(struct kvm_irq_routing_change *change, u32 gsi)
{
	struct kvm_gsi_routes *anchor = xa_untag_pointer(xa_load(&change->table->gsis, gsi));

	if (anchor && anchor->change != change->id) {
		anchor->change = change->id;
		anchor->named = 0;
	}
	return anchor;
}

static bool irqchip_has_pins(const struct kvm_gsi_routes *routes)
{
	return routes->nr && routes->entries[0].type == KVM_IRQ_ROUTING_IRQCHIP;
}

static void irqchip_stage_routes(struct kvm_irq_routing_change *change,
				 struct kvm_gsi_routes *anchor,
				 struct kvm_gsi_routes *routes)
{
	anchor->staged = routes;
	*change->tail = anchor;
	change->tail = &anchor->next;

	if (routes == anchor) {
		change->nr_gsis++;
		return;
	}
	change->in_use = true;
	if (routes == &kvm_no_routes)
		change->nr_gsis--;
	if (irqchip_has_pins(anchor))
		change->has_pins = true;
}

/*
 * Stage a GSI's first @nr routes in force, which may be none, with room for those
 * of @type that a table can name besides.
 */
static struct kvm_gsi_routes *
irqchip_stage_gsi(struct kvm_irq_routing_change *change, u32 gsi,
		  struct kvm_gsi_routes *anchor, u32 nr, u32 type)
{
	u32 room = nr || type == KVM_IRQ_ROUTING_IRQCHIP ? KVM_NR_IRQCHIPS : 1;
	struct kvm_gsi_routes *routes;
	int ret;

	routes = kzalloc(struct_size(routes, entries, room), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return ERR_PTR(-ENOMEM);

	routes->gsi = gsi;
	routes->nr = nr;
	for (u32 i = 0; i < nr; i++)
		routes->entries[i] = anchor->entries[i];

	if (!anchor) {
		ret = xa_err(xa_store(&change->table->gsis, gsi,
				      xa_tag_pointer(routes, ROUTES_STAGED),
				      GFP_KERNEL_ACCOUNT));
		if (ret) {
			kfree(routes);
			return ERR_PTR(ret);
		}
		routes->change = change->id;
		routes->named = 1;
		anchor = routes;
	}
	irqchip_stage_routes(change, anchor, routes);
	return routes;
}

/* Only inputs of different interrupt controllers can share a GSI. */
static int irqchip_add_route(struct kvm_gsi_routes *routes,
			     const struct kvm_kernel_irq_routing_entry *e)
{
	const struct kvm_kernel_irq_routing_entry *other;

	for (other = routes->entries; other < kvm_gsi_routes_end(routes); other++) {
		if (other->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    e->type != KVM_IRQ_ROUTING_IRQCHIP ||
		    other->irqchip.irqchip == e->irqchip.irqchip)
			return -EINVAL;
	}

	routes->nr++;
	routes->entries[routes->nr - 1] = *e;
	return 0;
}

/*
 * A GSI is not staged as long as the entries that name it are, one by one, its
 * routes in force; these are different, so the entries are too.
 */
static int irqchip_stage_entry(struct kvm_irq_routing_change *change,
			       const struct kvm_irq_routing_entry *ue)
{
	struct kvm_kernel_irq_routing_entry e;
	struct kvm_gsi_routes *anchor, *routes;
	u32 nth = 0;
	int ret;

	ret = irqchip_decode(change->kvm, ue, &e);
	if (ret)
		return ret;

	if (e.type == KVM_IRQ_ROUTING_IRQCHIP)
		change->has_pins = true;
	else if (e.type != KVM_IRQ_ROUTING_MSI)
		change->keep = false;

	anchor = irqchip_anchor(change, e.gsi);
	if (anchor) {
		nth = anchor->named++;
		if (anchor->staged)
			return irqchip_add_route(anchor->staged, &e);
		if (nth < anchor->nr && !memcmp(&anchor->entries[nth], &e, sizeof(e)))
			return 0;
	}

	routes = irqchip_stage_gsi(change, e.gsi, anchor, nth, e.type);
	return IS_ERR(routes) ? PTR_ERR(routes) : irqchip_add_route(routes, &e);
}

/* Stage the removal of those of a GSI's routes in force that no entry named. */
static int irqchip_stage_loss(struct kvm_irq_routing_change *change, u32 gsi)
{
	struct kvm_gsi_routes *anchor = irqchip_anchor(change, gsi);

	if (anchor->staged || anchor->named >= anchor->nr)
		return 0;
	if (!anchor->named) {
		irqchip_stage_routes(change, anchor, &kvm_no_routes);
		return 0;
	}
	return PTR_ERR_OR_ZERO(irqchip_stage_gsi(change, gsi, anchor, anchor->named,
						 anchor->entries[0].type));
}

/*
 * The first position from @i on at which @a and @b differ; those from @nr on all
 * do.
 */
static u32 irqchip_next_difference(const struct kvm_irq_routing_entry *a,
				   const struct kvm_irq_routing_entry *b,
				   u32 i, u32 nr)
{
	if (i < nr && memcmp(&a[i], &b[i], sizeof(*a)))
		return i;

	for (u32 run = 64; run; run /= 8) {
		while (i + run <= nr && !memcmp(&a[i], &b[i], run * sizeof(*a)))
			i += run;
	}
	return i;
}

/*
 * Stage what differs from the table's last array, in which an entry stands for
 * its GSI. In force will be the GSIs of equal positions and those that differing
 * entries name: fewer GSIs than entries, exactly if the new array names one
 * twice. Then the caller starts over.
 */
static int irqchip_stage_difference(struct kvm_irq_routing_change *change,
				    const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_irq_routing_entry *last = change->table->last;
	u32 nr_last = change->table->nr_last;
	u32 common = min(nr, nr_last);
	u32 first, end = 0, i;
	int ret;

	first = irqchip_next_difference(ue, last, 0, common);
	for (i = first; i < nr; i = irqchip_next_difference(ue, last, i + 1, common)) {
		ret = irqchip_stage_entry(change, &ue[i]);
		if (ret)
			return ret;
		end = i + 1;
	}

	/* A GSI with an entry at the same position is named. */
	for (i = first; i < min(end, common); i++) {
		if (ue[i].gsi == last[i].gsi)
			continue;
		ret = irqchip_stage_loss(change, last[i].gsi);
		if (ret)
			return ret;
	}
	for (i = common; i < nr_last; i++) {
		ret = irqchip_stage_loss(change, last[i].gsi);
		if (ret)
			return ret;
	}
	return 0;
}

/* Stage an array about which nothing is known. */
static int irqchip_stage_all(struct kvm_irq_routing_change *change,
			     const struct kvm_irq_routing_entry *ue, u32 nr)
{
	const struct kvm_gsi_routes *routes;
	unsigned long gsi;
	int ret;

	for (u32 i = 0; i < nr; i++) {
		ret = irqchip_stage_entry(change, &ue[i]);
		if (ret)
			return ret;
	}

	for (gsi = 0; (routes = kvm_next_gsi_routes(change->kvm, &gsi)); gsi++) {
		ret = irqchip_stage_loss(change, gsi);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * If several GSIs lead to an input, the last one of the array counts. Each entry
 * was decoded before, by this call or the last one: none fails.
 */
static int irqchip_stage_pins(struct kvm_irq_routing_change *change,
			      const struct kvm_irq_routing_entry *ue, u32 nr)
{
	struct kvm_kernel_irq_routing_entry e;

	if (!change->has_pins)
		return 0;

	change->pins = kvmalloc(sizeof(change->table->pins), GFP_KERNEL_ACCOUNT);
	if (!change->pins)
		return -ENOMEM;

	memset(change->pins, -1, sizeof(change->table->pins));
	for (u32 i = 0; i < nr; i++) {
		if (ue[i].type == KVM_IRQ_ROUTING_IRQCHIP &&
		    !irqchip_decode(change->kvm, &ue[i], &e))
			change->pins[e.irqchip.irqchip][e.irqchip.pin] = e.gsi;
	}
	return 0;
}

/* No reader has seen what goes, so nobody has to be waited for. */
static void irqchip_unstage(struct kvm_irq_routing_change *change)
{
	struct kvm_gsi_routes *anchor, *next, *routes;

	*change->tail = NULL;
	for (anchor = change->anchors; anchor; anchor = next) {
		next = anchor->next;
		routes = anchor->staged;
		anchor->staged = NULL;
		if (routes == anchor)
			xa_erase(&change->table->gsis, anchor->gsi);
		if (routes != &kvm_no_routes)
			kfree(routes);
	}
}

static void irqchip_start(struct kvm_irq_routing_change *change)
{
	change->id = ++change->table->last_id;
	change->tail = &change->anchors;
	change->nr_gsis = change->table->nr_gsis;
	change->in_use = false;
	change->has_pins = false;
}

static int irqchip_stage_array(struct kvm_irq_routing_change *change,
			       const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret;

	if (change->table->last) {
		ret = irqchip_stage_difference(change, ue, nr);
		if (ret || change->nr_gsis == nr)
			return ret;
		irqchip_unstage(change);
		irqchip_start(change);
	}
	return irqchip_stage_all(change, ue, nr);
}

static int irqchip_stage(struct kvm_irq_routing_change *change,
			 const struct kvm_irq_routing_entry *ue, u32 nr)
{
	int ret;

	irqchip_start(change);
	ret = irqchip_stage_array(change, ue, nr);
	if (!ret)
		ret = irqchip_stage_pins(change, ue, nr);
	if (ret)
		irqchip_unstage(change);
	return ret;
}

/* Publish and retire: what follows cannot fail. */

static void irqchip_publish_pins(struct kvm_irq_routing_change *change)
{
	for (int i = 0; i < KVM_NR_IRQCHIPS; i++)
		for (int j = 0; j < KVM_IRQCHIP_NUM_PINS; j++)
			WRITE_ONCE(change->table->pins[i][j], change->pins[i][j]);
}

static void irqchip_trace_routes(u32 gsi, const struct kvm_gsi_routes *routes)
{
	static const struct kvm_msi no_msi;
	const struct kvm_kernel_irq_routing_entry *e;

	if (routes == &kvm_no_routes)
		trace_kvm_irq_route(gsi, 0, &no_msi);
	for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++)
		trace_kvm_irq_route(gsi, e->type, e->type == KVM_IRQ_ROUTING_MSI ?
						  &e->msi : &no_msi);
}

/* The GSI has a place already: neither call takes memory. */
static void irqchip_publish_gsi(struct kvm_irq_routing_change *change, u32 gsi,
				struct kvm_gsi_routes *routes)
{
	struct xarray *gsis = &change->table->gsis;

	if (routes == &kvm_no_routes)
		xa_erase(gsis, gsi);
	else
		WARN_ON_ONCE(xa_is_err(xa_store(gsis, gsi, routes, GFP_NOWAIT)));

	if (trace_kvm_irq_route_enabled())
		irqchip_trace_routes(gsi, routes);
	kvm_irq_routing_update(change->kvm, gsi);
}

/* What is left in @change->anchors has lost its place. */
static void irqchip_publish(struct kvm_irq_routing_change *change)
{
	struct kvm_irq_routing_table *table = change->table;
	struct kvm_gsi_routes *anchor, *routes, **link = &change->anchors;

	lockdep_assert_held(&change->kvm->irq_lock);

	/* First: who no longer finds an old route has to wait for its readers. */
	if (change->in_use)
		atomic_inc(&table->retiring);

	*change->tail = NULL;
	while ((anchor = *link)) {
		routes = anchor->staged;
		anchor->staged = NULL;
		if (routes == anchor)
			*link = anchor->next;
		else
			link = &anchor->next;
		irqchip_publish_gsi(change, anchor->gsi, routes);
		cond_resched();
	}
	table->nr_gsis = change->nr_gsis;

	if (change->pins)
		irqchip_publish_pins(change);
	/* Even if nothing changed: it can depend on more than the routes. */
	kvm_arch_irq_routing_update(change->kvm);
}

/*
 * A change that only adds waits, too, while an earlier one does: else its caller
 * could see an interrupt by a route that is in neither table.
 */
static void irqchip_retire(struct kvm_irq_routing_change *change)
{
	struct kvm_irq_routing_table *table = change->table;
	struct kvm_gsi_routes *routes, *next;

	if (change->in_use || atomic_read(&table->retiring))
		synchronize_srcu_expedited(&change->kvm->irq_srcu);
	if (change->in_use)
		atomic_dec(&table->retiring);

	for (routes = change->anchors; routes; routes = next) {
		next = routes->next;
		kfree(routes);
		cond_resched();
	}
	kvfree(change->pins);
}

/* Exchange the array for the table's last one, or drop that. */
static void irqchip_keep(struct kvm_irq_routing_change *change, u32 nr,
			 struct kvm_irq_routing_entry **keep)
{
	struct kvm_irq_routing_table *table = change->table;

	if (change->keep && change->nr_gsis == nr) {
		swap(table->last, *keep);
		table->nr_last = nr;
	} else {
		kvfree(table->last);
		table->last = NULL;
		table->nr_last = 0;
	}
}

/*
 * Replace all routes. @keep is NULL or the array itself, which is taken if it
 * can become the table's last one; what comes back in its place is the caller's
 * to free.
 */
static int irqchip_replace(struct kvm *kvm, const struct kvm_irq_routing_entry *ue,
			   u32 nr, struct kvm_irq_routing_entry **keep)
{
	struct kvm_irq_routing_table *table = kvm->irq_routing;
	struct kvm_irq_routing_change change = {
		.kvm = kvm,
		.table = table,
		.keep = keep,
	};
	int ret;

	mutex_lock(&kvm->irq_lock);
	ret = irqchip_stage(&change, ue, nr);
	if (!ret) {
		irqchip_publish(&change);
		irqchip_keep(&change, nr, keep);
	}
	mutex_unlock(&kvm->irq_lock);
	if (ret)
		return ret;

	kvm_arch_post_irq_routing_update(kvm);
	irqchip_retire(&change);
	return 0;
}

int kvm_set_irq_routing(struct kvm *kvm,
			const struct kvm_irq_routing_entry *entries,
			unsigned int nr, unsigned int flags)
{
	if (flags)
		return -EINVAL;
	return irqchip_replace(kvm, entries, nr, NULL);
}

int kvm_vm_ioctl_set_gsi_routing(struct kvm *kvm, void __user *argp)
{
	struct kvm_irq_routing_entry *entries __free(kvfree) = NULL;
	struct kvm_irq_routing __user *user = argp;
	struct kvm_irq_routing routing;

	if (copy_from_user(&routing, user, sizeof(routing)))
		return -EFAULT;
	if (!kvm_arch_can_set_irq_routing(kvm))
		return -EINVAL;
	if (routing.nr > KVM_MAX_IRQ_ROUTES || routing.flags)
		return -EINVAL;

	if (routing.nr) {
		entries = kvmalloc_array(routing.nr, sizeof(*entries), GFP_KERNEL_ACCOUNT);
		if (!entries)
			return -ENOMEM;
		if (copy_from_user(entries, user->entries,
				   array_size(routing.nr, sizeof(*entries))))
			return -EFAULT;
	}
	return irqchip_replace(kvm, entries, routing.nr, &entries);
}

/* A VM always has a table, so that no reader has to check. */
int kvm_init_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_table *table;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;

	xa_init_flags(&table->gsis, XA_FLAGS_ACCOUNT);
	memset(table->pins, -1, sizeof(table->pins));
	kvm->irq_routing = table;
	return 0;
}

/* The VM is going: nobody routes, delivers or changes anything any more. */
void kvm_free_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_table *table = kvm->irq_routing;
	struct kvm_gsi_routes *routes;
	unsigned long gsi;

	xa_for_each(&table->gsis, gsi, routes)
		kfree(routes);
	xa_destroy(&table->gsis);
	kvfree(table->last);
	kfree(table);
	kvm->irq_routing = NULL;
}
