// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of each ITS of a VM, in debugfs: kvm/PID-FD/vgic-its@ADDRESS.
 *
 *   registers, one a line, as the guest reads them
 *   collection ICID vcpu ID|none
 *   device ID itt ADDRESS bits N
 *     event ID lpi INTID collection ICID|none vcpu ID|none [enabled] [pending] [hw]
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
	struct its_collection *coll;

	seq_printf(s, "address %#llx\n", its->base);
	seq_printf(s, "enabled %d\n", READ_ONCE(its->enabled));
	seq_printf(s, "cbaser %#llx\n", READ_ONCE(its->cbaser));
	seq_printf(s, "cwriter %#x\n", READ_ONCE(its->cwriter));
	seq_printf(s, "creadr %#x\n", READ_ONCE(its->creadr));
	seq_printf(s, "baser0 %#llx\n", its->baser[ITS_BASER_DEVICES]);
	seq_printf(s, "baser1 %#llx\n", its->baser[ITS_BASER_COLLECTIONS]);
	seq_printf(s, "events %u of %lu\n", its->nr_events, ITS_MAX_EVENTS);

	list_for_each_entry(coll, &its->created, created) {
		seq_printf(s, "collection %u", coll->icid);
		its_debug_vcpu(s, coll->target);
		seq_putc(s, '\n');
		cond_resched();
	}
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
	struct its_event *event;
	unsigned long evid;

	seq_printf(s, "device %#x itt %#llx bits %u\n", devid, dev->itt, dev->bits);
	xa_for_each(&dev->events, evid, event) {
		its_debug_event(s, evid, event);
		cond_resched();
	}
}

/* Position 0 has the registers, and DeviceID n is at n + 1. */
static void *its_debug_find(struct vgic_its *its, loff_t *pos)
{
	u32 devid = min_t(loff_t, *pos - 1, U32_MAX);
	struct its_device *dev;

	if (!*pos)
		return SEQ_START_TOKEN;
	dev = its_map_next_device(its, &devid);
	*pos = (loff_t)devid + 1;
	return dev;
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
	else
		its_debug_device(s, s->index - 1, v);
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
