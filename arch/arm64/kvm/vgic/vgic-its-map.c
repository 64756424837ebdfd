// SPDX-License-Identifier: GPL-2.0-only
/*
 * The map: devices, the events of a device, and the collections that they are in
 * (IHI 0069, "The ITS tables"). Commands and a restored table change it here.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>

#include "vgic-its.h"
#include "vgic.h"

#define GFP_MAP		GFP_KERNEL_ACCOUNT

static struct its_bus *its_map_bus(struct vgic_its *its, u32 devid)
{
	return rcu_dereference_protected(its->buses[devid >> ITS_BUS_SHIFT],
					 lockdep_is_held(&its->its_lock));
}

/* Whether a DeviceID is too wide for vgic_its.buses. */
static bool its_map_is_wide(u32 devid)
{
	return devid >= BIT(ITS_DEVICEID_BITS);
}

static struct its_device *its_map_next_wide(struct vgic_its *its, u32 *devid)
{
	unsigned long index = *devid;
	struct its_device *dev = xa_find(&its->wide, &index, ULONG_MAX, XA_PRESENT);

	*devid = index;
	return dev;
}

/**
 * its_map_next_device() - Find the next device that is mapped.
 * @its: The ITS.
 * @devid: The DeviceID to begin with; that of the device is put there.
 *
 * Context: its_lock.
 * Return: The device, or NULL if there is none from there on.
 */
struct its_device *its_map_next_device(struct vgic_its *its, u32 *devid)
{
	struct its_device *dev;

	while (!its_map_is_wide(*devid)) {
		if (!its_map_bus(its, *devid)) {
			*devid = round_down(*devid, ITS_BUS_DEVICES) + ITS_BUS_DEVICES;
			continue;
		}
		dev = its_map_find_device(its, *devid);
		if (dev)
			return dev;
		++*devid;
	}
	return its_map_next_wide(its, devid);
}

static int its_map_add_bus(struct vgic_its *its, u32 devid)
{
	struct its_bus *bus;

	if (its_map_is_wide(devid) || its_map_bus(its, devid))
		return 0;
	bus = kzalloc_obj(*bus, GFP_MAP);
	if (!bus)
		return -ENOMEM;
	rcu_assign_pointer(its->buses[devid >> ITS_BUS_SHIFT], bus);
	return 0;
}

static struct its_device *its_map_set_wide(struct vgic_its *its, u32 devid,
					   struct its_device *dev)
{
	void *was = xa_store(&its->wide, devid, dev, GFP_MAP);

	return xa_is_err(was) ? ERR_PTR(xa_err(was)) : was;
}

/*
 * Set the device of @devid, after its_map_add_bus(). @dev may be NULL. Return: the device
 * before, or NULL; or ERR_PTR(-ENOMEM), for which @dev is not NULL.
 */
static struct its_device *its_map_set_device(struct vgic_its *its, u32 devid,
					     struct its_device *dev)
{
	struct its_bus *bus;

	if (its_map_is_wide(devid))
		return its_map_set_wide(its, devid, dev);
	bus = its_map_bus(its, devid);
	return rcu_replace_pointer(bus->devices[devid % ITS_BUS_DEVICES], dev,
				   lockdep_is_held(&its->its_lock));
}

/**
 * its_map_find() - Look up an event.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 * @evid: EventID, of any value.
 *
 * Context: its_lock.
 * Return: The event, or NULL if it is not mapped.
 */
struct its_event *its_map_find(struct vgic_its *its, u32 devid, u32 evid)
{
	struct its_device *dev = its_map_find_device(its, devid);

	return dev ? xa_load(&dev->events, evid) : NULL;
}

/**
 * its_map_find_collection() - Look up a collection.
 * @its: The ITS.
 * @icid: ICID.
 *
 * Context: its_lock.
 * Return: The collection, with a target or without; or NULL.
 */
struct its_collection *its_map_find_collection(struct vgic_its *its, u32 icid)
{
	return xa_load(&its->collections, icid);
}

/* Invariant 3: to be seen by injection as a whole, before or after. */
static void its_map_set_collection(struct its_event *event, struct its_collection *coll)
{
	struct vgic_irq *irq = event->irq;

	guard(raw_spinlock_irqsave)(&irq->irq_lock);
	WRITE_ONCE(event->collection, coll);
}

static void its_map_freed(struct rcu_head *rcu)
{
	struct its_freed *freed = container_of(rcu, struct its_freed, rcu);

	/* Pairs with its_map_may_add() and its_destroy(): @rcu is not used any more. */
	smp_store_release(&freed->waiting, 0);
}

/**
 * its_map_may_add() - Whether few enough objects wait for RCU to map more.
 * @its: The ITS.
 *
 * If not, a grace period that will free some of them has been requested.
 *
 * Context: its_lock.
 * Return: true if fewer than ITS_MAX_FREED of them wait.
 */
bool its_map_may_add(struct vgic_its *its)
{
	struct its_freed *freed = &its->freed;
	u32 waiting;

	lockdep_assert_held(&its->its_lock);

	/* Pairs with its_map_freed(). */
	waiting = smp_load_acquire(&freed->waiting);
	if (!waiting && freed->recent >= ITS_MAX_FREED / 2) {
		waiting = freed->recent;
		WRITE_ONCE(freed->waiting, waiting);
		freed->recent = 0;
		call_rcu_hurry(&freed->rcu, its_map_freed);
	}
	return waiting + freed->recent < ITS_MAX_FREED;
}

/* The way to it goes before or after. */
static void its_map_unmap(struct vgic_its *its, struct its_event *event)
{
	if (event->collection)
		list_del(&event->siblings);
	its->nr_events--;
	its->freed.recent++;
	its_lpi_free_event(its->kvm, event);
}

/* All of a device that is out of reach, or about to be. */
static void its_map_free_device(struct vgic_its *its, struct its_device *dev)
{
	XA_STATE(xas, &dev->events, 0);
	struct its_event *event;

	rcu_read_lock();
	xas_for_each(&xas, event, ULONG_MAX) {
		its_map_unmap(its, event);
		if (need_resched()) {
			xas_pause(&xas);
			cond_resched_rcu();
		}
	}
	rcu_read_unlock();
	/* Its nodes are RCU's as well: who walks them yet comes to unmapped events. */
	xa_destroy(&dev->events);
	kfree_rcu(dev, rcu);
	its->nr_devices--;
	its->freed.recent++;
}

/**
 * its_map_device() - Map a device, with no events.
 * @its: The ITS.
 * @devid: DeviceID.
 * @itt: Address of its ITT.
 * @bits: Bits of its EventIDs, 1 at least.
 *
 * If the device was mapped, that mapping goes with all its events.
 *
 * Return: ITS_DEVICE_OOR, ITS_ITTSIZE_OOR, and see vgic-its.h.
 */
int its_map_device(struct vgic_its *its, u32 devid, gpa_t itt, u32 bits)
{
	struct its_device *dev, *was;
	gpa_t gpa;
	int ret;

	lockdep_assert_held(&its->its_lock);

	if (!its_table_dte(its, devid, &gpa))
		return ITS_DEVICE_OOR;
	if (bits > ITS_EVENTID_BITS)
		return ITS_ITTSIZE_OOR;
	if (its->nr_devices == ITS_MAX_DEVICES && !its_map_find_device(its, devid))
		return -ENOSPC;

	ret = its_map_add_bus(its, devid);
	if (ret)
		return ret;
	dev = kzalloc_obj(*dev, GFP_MAP);
	if (!dev)
		return -ENOMEM;
	xa_init_flags(&dev->events, XA_FLAGS_ACCOUNT);
	dev->itt = itt;
	dev->bits = bits;

	was = its_map_set_device(its, devid, dev);
	if (IS_ERR(was)) {
		kfree(dev);
		return PTR_ERR(was);
	}
	its->nr_devices++;
	if (was)
		its_map_free_device(its, was);
	return 0;
}

/**
 * its_map_drop_device() - Unmap a device and all its events, if it is mapped.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 *
 * The guest's tables stay as they are, and do not matter: a device that is mapped is
 * unmapped even if its place in the table no longer exists.
 *
 * Return: 0; ITS_DEVICE_OOR if it is not mapped, and can't be.
 */
int its_map_drop_device(struct vgic_its *its, u32 devid)
{
	struct its_device *dev = its_map_find_device(its, devid);
	gpa_t gpa;

	lockdep_assert_held(&its->its_lock);

	if (!dev)
		return its_table_dte(its, devid, &gpa) ? 0 : ITS_DEVICE_OOR;
	its_map_set_device(its, devid, NULL);
	its_map_free_device(its, dev);
	return 0;
}

/**
 * its_map_drop_devices() - Unmap all devices.
 * @its: The ITS.
 *
 * The guest's tables stay as they are.
 */
void its_map_drop_devices(struct vgic_its *its)
{
	struct its_device *dev;
	struct its_bus *bus;
	u32 devid;

	lockdep_assert_held(&its->its_lock);

	for (devid = 0; (dev = its_map_next_device(its, &devid)); devid++) {
		its_map_set_device(its, devid, NULL);
		its_map_free_device(its, dev);
		cond_resched();
	}
	for (u32 nr = 0; nr < ITS_NR_BUSES; nr++) {
		bus = rcu_replace_pointer(its->buses[nr], NULL,
					  lockdep_is_held(&its->its_lock));
		if (!bus)
			continue;
		kfree_rcu(bus, rcu);
		/* As large as several of the others. */
		its->freed.recent += sizeof(*bus) / sizeof(struct its_lpi);
	}
	WARN_ON_ONCE(its->nr_devices || its->nr_events);
}

static struct its_collection *its_map_add_collection(struct vgic_its *its, u32 icid,
						     struct kvm_vcpu *target)
{
	struct its_collection *coll = kzalloc_obj(*coll, GFP_MAP);
	int ret;

	if (!coll)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&coll->events);
	coll->icid = icid;
	coll->target = target;

	ret = xa_insert(&its->collections, icid, coll, GFP_MAP);
	if (ret) {
		kfree(coll);
		return ERR_PTR(ret);
	}
	list_add_tail(&coll->created, &its->created);
	its->nr_collections++;
	return coll;
}

static void its_map_retarget(struct vgic_its *its, struct its_collection *coll,
			     struct kvm_vcpu *target)
{
	struct its_event *event;

	WRITE_ONCE(coll->target, target);
	list_for_each_entry(event, &coll->events, siblings) {
		its_lpi_retarget(event->irq, target);
		cond_resched();
	}
}

/**
 * its_map_collection() - Map a collection to a vCPU's redistributor.
 * @its: The ITS.
 * @icid: ICID.
 * @target: The vCPU; NULL: none, for a new one only.
 *
 * If it is there already, all its events' LPIs go to @target from now on.
 *
 * Return: ITS_COLLECTION_OOR, and see vgic-its.h.
 */
int its_map_collection(struct vgic_its *its, u32 icid, struct kvm_vcpu *target)
{
	struct its_collection *coll = its_map_find_collection(its, icid);

	lockdep_assert_held(&its->its_lock);

	if (coll) {
		its_map_retarget(its, coll, target);
		return 0;
	}
	if (!its_table_holds_icid(its, icid))
		return ITS_COLLECTION_OOR;
	return PTR_ERR_OR_ZERO(its_map_add_collection(its, icid, target));
}

static void its_map_free_collection(struct vgic_its *its, struct its_collection *coll)
{
	struct its_event *event, *next;

	list_for_each_entry_safe(event, next, &coll->events, siblings) {
		its_map_set_collection(event, NULL);
		cond_resched();
	}
	list_del(&coll->created);
	its->nr_collections--;
	kfree_rcu(coll, rcu);
	its->freed.recent++;
}

/**
 * its_map_drop_collection() - Unmap a collection, if there is one.
 * @its: The ITS.
 * @icid: ICID.
 *
 * Its events stay mapped, but are in no collection: MSIs of them are not delivered.
 */
void its_map_drop_collection(struct vgic_its *its, u32 icid)
{
	struct its_collection *coll;

	lockdep_assert_held(&its->its_lock);

	coll = xa_erase(&its->collections, icid);
	if (coll)
		its_map_free_collection(its, coll);
}

/**
 * its_map_drop_collections() - Unmap all collections.
 * @its: The ITS.
 *
 * Events stay mapped, in no collection.
 */
void its_map_drop_collections(struct vgic_its *its)
{
	struct its_collection *coll, *next;

	list_for_each_entry_safe(coll, next, &its->created, created) {
		its_map_drop_collection(its, coll->icid);
		cond_resched();
	}
}

static int its_map_add_event(struct vgic_its *its, struct its_device *dev, u32 evid,
			     u32 intid, struct its_collection *coll)
{
	struct its_lpi_state state;
	struct its_event *event;
	int ret;

	guard(mutex)(&its->kvm->arch.vgic.lpi_tables_lock);
	ret = its_lpi_read_tables(its, intid, coll->target, &state);
	if (ret)
		return ret;
	event = its_lpi_new_event(its->kvm, intid, &state);
	if (IS_ERR(event))
		return PTR_ERR(event);

	event->collection = coll;
	ret = xa_insert(&dev->events, evid, event, GFP_MAP);
	if (ret) {
		its_lpi_undo_event(its->kvm, event);
		its->freed.recent++;
		return ret;
	}
	list_add_tail(&event->siblings, &coll->events);
	its->nr_events++;

	its_lpi_load_pending(event->irq, &state);
	/* Without irq_lock: an ITS that retargets it now may come before or after this. */
	if (coll->target && READ_ONCE(event->irq->target_vcpu) != coll->target)
		its_lpi_retarget(event->irq, coll->target);
	return 0;
}

/* The same with a collection of its own, which is not there yet. */
static int its_map_add_stray_event(struct vgic_its *its, struct its_device *dev, u32 evid,
				   u32 intid, u32 icid)
{
	struct its_collection *coll = its_map_add_collection(its, icid, NULL);
	int ret;

	if (IS_ERR(coll))
		return PTR_ERR(coll);
	ret = its_map_add_event(its, dev, evid, intid, coll);
	if (ret)
		its_map_drop_collection(its, icid);
	return ret;
}

/**
 * its_map_event() - Map an event to an LPI.
 * @its: The ITS.
 * @dev: The device.
 * @evid: EventID.
 * @intid: INTID.
 * @icid: ICID. If there is no such collection, it comes to be, without target.
 *
 * An event that is mapped stays so: to map it again is UNPREDICTABLE.
 *
 * Return: ITS_ID_OOR, ITS_PHYSICALID_OOR, ITS_COLLECTION_OOR, and see vgic-its.h.
 */
int its_map_event(struct vgic_its *its, struct its_device *dev, u32 evid, u32 intid, u32 icid)
{
	struct its_collection *coll = its_map_find_collection(its, icid);
	gpa_t gpa;

	lockdep_assert_held(&its->its_lock);

	if (!its_table_ite(its, dev, evid, &gpa))
		return ITS_ID_OOR;
	if (!its_lpi_in_range(its->kvm, intid))
		return ITS_PHYSICALID_OOR;
	if (xa_load(&dev->events, evid))
		return 0;
	if (!coll && !its_table_holds_icid(its, icid))
		return ITS_COLLECTION_OOR;
	if (its->nr_events == ITS_MAX_EVENTS)
		return -ENOSPC;

	if (coll)
		return its_map_add_event(its, dev, evid, intid, coll);
	return its_map_add_stray_event(its, dev, evid, intid, icid);
}

/**
 * its_map_move() - Move an event to another collection.
 * @its: The ITS.
 * @event: The event, which is in a collection.
 * @to: The collection, which has a target.
 */
void its_map_move(struct vgic_its *its, struct its_event *event, struct its_collection *to)
{
	lockdep_assert_held(&its->its_lock);

	its_map_set_collection(event, to);
	list_move_tail(&event->siblings, &to->events);
	its_lpi_retarget(event->irq, to->target);
}

/**
 * its_map_drop_event() - Unmap an event.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 * @evid: EventID, of any value.
 *
 * The guest's ITT stays as it is: its_save() leaves out what is not mapped.
 *
 * Return: 0, or ITS_UNMAPPED_INTERRUPT.
 */
int its_map_drop_event(struct vgic_its *its, u32 devid, u32 evid)
{
	struct its_device *dev = its_map_find_device(its, devid);
	struct its_event *event = dev ? xa_erase(&dev->events, evid) : NULL;

	lockdep_assert_held(&its->its_lock);

	if (!event)
		return ITS_UNMAPPED_INTERRUPT;
	its_map_unmap(its, event);
	return 0;
}
