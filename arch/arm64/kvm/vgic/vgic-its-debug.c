// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of each ITS of a VM, in debugfs: kvm/PID-FD/vgic-its@ADDRESS.
 *
 *   registers, one a line, as the guest reads them
 *   collection ICID vcpu ID|none
 *   device ID itt ADDRESS bits N
 *     event ID lpi INTID collection ICID|none vcpu ID|none [enabled] [pending] [hw]
 *
 * Each line has a position, so a read() holds its_lock for a page of lines. A change between
 * two reads is seen in the lines of the second.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "vgic-its.h"
#include "vgic.h"

static void its_debug_vcpu(struct seq_file *s, struct kvm_vcpu *vcpu)
{
	if (vcpu)
		seq_printf(s, " vcpu %d", vcpu->vcpu_id);
	else
		seq_puts(s, " vcpu none");
}

static void its_debug_registers(struct seq_file *s, struct vgic_its *its)
{
	seq_printf(s, "address %#llx\n", its->base);
	seq_printf(s, "enabled %d\n", READ_ONCE(its->enabled));
	seq_printf(s, "cbaser %#llx\n", READ_ONCE(its->cbaser));
	seq_printf(s, "cwriter %#x\n", READ_ONCE(its->cwriter));
	seq_printf(s, "creadr %#x\n", READ_ONCE(its->creadr));
	seq_printf(s, "devbits %u\n", its->devid_bits);
	seq_printf(s, "baser0 %#llx\n", its->baser[ITS_BASER_DEVICES]);
	seq_printf(s, "baser1 %#llx\n", its->baser[ITS_BASER_COLLECTIONS]);
	seq_printf(s, "events %u of %lu\n", its->nr_events, ITS_MAX_EVENTS);
}

static void its_debug_collection(struct seq_file *s, struct its_collection *coll)
{
	seq_printf(s, "collection %u", coll->icid);
	its_debug_vcpu(s, coll->target);
	seq_putc(s, '\n');
}

static void its_debug_event(struct seq_file *s, u32 evid, struct its_event *event)
{
	struct vgic_irq *irq = event->irq;
	bool enabled, pending, hw;
	struct kvm_vcpu *vcpu;

	seq_printf(s, "  event %u lpi %u", evid, irq->intid);
	if (event->collection)
		seq_printf(s, " collection %u", event->collection->icid);
	else
		seq_puts(s, " collection none");
	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock) {
		vcpu = irq->target_vcpu;
		enabled = irq->enabled;
		pending = irq->pending_latch;
		hw = irq->hw;
	}
	its_debug_vcpu(s, vcpu);
	seq_printf(s, "%s%s%s\n", enabled ? " enabled" : "", pending ? " pending" : "",
		   hw ? " hw" : "");
}

static void its_debug_device(struct seq_file *s, u32 devid, struct its_device *dev)
{
	seq_printf(s, "device %#x itt %#llx bits %u\n", devid, dev->itt, dev->bits);
}

/*
 * Position 0 has the registers, and ICID n is at n + 1. Then come 1 << ITS_DEBUG_SHIFT
 * positions for each DeviceID: the first is the device, and EventID n is n + 1 behind it.
 */
#define ITS_DEBUG_SHIFT		17

static loff_t its_debug_pos(u32 devid, u32 nr)
{
	return ((loff_t)devid + 1) << ITS_DEBUG_SHIFT | nr;
}

static u32 its_debug_devid(loff_t pos)
{
	return (pos >> ITS_DEBUG_SHIFT) - 1;
}

static u32 its_debug_nr(loff_t pos)
{
	return pos & GENMASK(ITS_DEBUG_SHIFT - 1, 0);
}

static struct its_collection *its_debug_find_collection(struct vgic_its *its, loff_t *pos)
{
	unsigned long icid = its_debug_nr(*pos) - 1;
	struct its_collection *coll;

	coll = xa_find(&its->collections, &icid, ULONG_MAX, XA_PRESENT);
	if (coll)
		*pos = icid + 1;
	return coll;
}

static struct its_event *its_debug_find_event(struct vgic_its *its, loff_t *pos)
{
	struct its_device *dev = its_map_find_device(its, its_debug_devid(*pos));
	unsigned long evid = its_debug_nr(*pos) - 1;
	struct its_event *event;

	event = dev ? xa_find(&dev->events, &evid, ULONG_MAX, XA_PRESENT) : NULL;
	if (event)
		*pos = its_debug_pos(its_debug_devid(*pos), evid + 1);
	return event;
}

static struct its_device *its_debug_find_device(struct vgic_its *its, loff_t *pos)
{
	u32 devid = its_debug_devid(*pos);
	struct its_device *dev = its_map_next_device(its, &devid);

	*pos = its_debug_pos(devid, 0);
	return dev;
}

/* The object at @pos, or the next one behind it. */
static void *its_debug_find(struct vgic_its *its, loff_t *pos)
{
	void *found = NULL;

	if (!*pos)
		return SEQ_START_TOKEN;
	if (*pos < its_debug_pos(0, 0))
		found = its_debug_find_collection(its, pos);
	else if (its_debug_nr(*pos))
		found = its_debug_find_event(its, pos);
	if (found)
		return found;

	/* Behind the collections, or the events of a device. */
	*pos = round_up(*pos, its_debug_pos(0, 0));
	return its_debug_find_device(its, pos);
}

static void *its_debug_start(struct seq_file *s, loff_t *pos)
{
	struct vgic_its *its = s->private;

	mutex_lock(&its->its_lock);
	return its_debug_find(its, pos);
}

static void *its_debug_next(struct seq_file *s, void *v, loff_t *pos)
{
	++*pos;
	return its_debug_find(s->private, pos);
}

static void its_debug_stop(struct seq_file *s, void *v)
{
	struct vgic_its *its = s->private;

	mutex_unlock(&its->its_lock);
}

static int its_debug_show(struct seq_file *s, void *v)
{
	if (v == SEQ_START_TOKEN)
		its_debug_registers(s, s->private);
	else if (s->index < its_debug_pos(0, 0))
		its_debug_collection(s, v);
	else if (its_debug_nr(s->index))
		its_debug_event(s, its_debug_nr(s->index) - 1, v);
	else
		its_debug_device(s, its_debug_devid(s->index), v);
	return 0;
}

static const struct seq_operations its_debug_sops = {
	.start	= its_debug_start,
	.next	= its_debug_next,
	.stop	= its_debug_stop,
	.show	= its_debug_show,
};
DEFINE_SEQ_ATTRIBUTE(its_debug);

/**
 * its_debug_init() - Add an ITS to its VM's folder in debugfs.
 * @its: The ITS, with its address set. The folder goes before it does.
 */
void its_debug_init(struct vgic_its *its)
{
	char name[sizeof("vgic-its@0123456789abcdef")];

	snprintf(name, sizeof(name), "vgic-its@%llx", its->base);
	debugfs_create_file(name, 0444, its->kvm->debugfs_dentry, its, &its_debug_fops);
}
