// SPDX-License-Identifier: GPL-2.0-only
/*
 * SAVE_TABLES and RESTORE_TABLES: the map to and from the tables in guest memory, in
 * revision 0 of the format (vgic-its-abi.h). What is restored goes through the same
 * functions as the commands, so the same things are refused.
 *
 * Whoever wrote the tables is not trusted: an entry is read once, each step goes
 * forward, and each gives others a chance to run and a fatal signal a chance to end it.
 */
#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "vgic-its.h"
#include "vgic.h"

/* Entries go to and from memory in runs of neighbours. */
#define RUN_ENTRIES	32
#define READ_ENTRIES	64
#define READ_BYTES	(READ_ENTRIES * ITS_ENTRY_BYTES)

/* Let go of the CPU. Return: 0, or -EINTR if it is time to give up. */
static int its_save_pause(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * Reading a table: to restore it, and to find what restoring would read.
 */

/**
 * struct its_table_reader - Reads a table's entries, mostly one behind the other.
 * @its:	The ITS.
 * @base:	Address of the table.
 * @nr:		Number of entries.
 * @window:	Address of @run, aligned to its size; or no such address.
 * @run:	What has been read.
 */
struct its_table_reader {
	struct vgic_its	*its;
	gpa_t		base;
	u64		nr;
	gpa_t		window;
	__le64		run[READ_ENTRIES];
};

#define ITS_TABLE_READER(_its, _base, _nr) \
	{ .its = (_its), .base = (_base), .nr = (_nr), .window = INVALID_GPA }

/* What the guest has no memory for reads as zero: no entry was saved there. */
static int its_save_read_run(struct vgic_its *its, gpa_t gpa, __le64 *run)
{
	if (!its_table_is_memory(its, gpa)) {
		memset(run, 0, READ_BYTES);
		return 0;
	}
	return kvm_read_guest_lock(its->kvm, gpa, run, READ_BYTES);
}

/* Where the run has an entry that is in it. */
static __le64 *its_save_at(struct its_table_reader *r, u64 index)
{
	return &r->run[(r->base + index * ITS_ENTRY_BYTES - r->window) / ITS_ENTRY_BYTES];
}

/* Have the entry of @index in the run. */
static int its_save_load(struct its_table_reader *r, u64 index)
{
	gpa_t window = round_down(r->base + index * ITS_ENTRY_BYTES, READ_BYTES);
	int ret;

	if (window == r->window)
		return 0;
	r->window = INVALID_GPA;
	ret = its_save_pause();
	ret = ret ?: its_save_read_run(r->its, window, r->run);
	if (!ret)
		r->window = window;
	return ret;
}

static int its_save_read(struct its_table_reader *r, u64 index, u64 *entry)
{
	int ret = its_save_load(r, index);

	if (!ret)
		*entry = le64_to_cpu(*its_save_at(r, index));
	return ret;
}

/* The first entry of the table that is behind the run. */
static u64 its_save_run_end(struct its_table_reader *r)
{
	return min((r->window + READ_BYTES - r->base) / ITS_ENTRY_BYTES, r->nr);
}

/*
 * Find the first entry from *@index on that has any of the bits @valid. Return: 1, with
 * *@index and *@entry; 0 if there is none; or an error.
 */
static int its_save_find(struct its_table_reader *r, u64 *index, u64 valid, u64 *entry)
{
	__le64 mask = cpu_to_le64(valid), *at;
	int ret;

	for (; *index < r->nr; *index = its_save_run_end(r)) {
		ret = its_save_load(r, *index);
		if (ret)
			return ret;
		at = its_save_at(r, *index);
		for (u32 i = 0, nr = its_save_run_end(r) - *index; i < nr; i++) {
			if (!(at[i] & mask))
				continue;
			*entry = le64_to_cpu(at[i]);
			*index += i;
			return 1;
		}
	}
	return 0;
}

/*
 * Clear those entries of the run, from @index on, that have any of the bits @valid: that of
 * @index has. Those up to the last one are written, so that it takes one access whatever the
 * guest has left there.
 */
static int its_save_clear_run(struct its_table_reader *r, u64 index, u64 valid)
{
	u32 nr = its_save_run_end(r) - index, end = 0;
	__le64 *at = its_save_at(r, index);

	for (u32 i = 0; i < nr; i++) {
		if (at[i] & cpu_to_le64(valid)) {
			at[i] = 0;
			end = i + 1;
		}
	}
	return vgic_write_guest_lock(r->its->kvm, r->base + index * ITS_ENTRY_BYTES, at,
				     end * ITS_ENTRY_BYTES);
}

/*
 * What restoring reads where nothing is mapped must be invalid, whatever the guest or an
 * earlier save has left there. Clear those of the @nr entries at @base that have any of
 * the bits @valid.
 */
static int its_save_clear(struct vgic_its *its, gpa_t base, u64 nr, u64 valid)
{
	struct its_table_reader r = ITS_TABLE_READER(its, base, nr);
	u64 entry;
	int ret;

	for (u64 i = 0; (ret = its_save_find(&r, &i, valid, &entry)) > 0;) {
		ret = its_save_clear_run(&r, i, valid);
		if (ret)
			return ret;
		i = its_save_run_end(&r);
	}
	return ret;
}

/*
 * Saving an ITT.
 */

/**
 * struct its_itt_run - Events on their way into an ITT, in order.
 * @nr:		How many.
 * @evid:	Their EventIDs.
 * @ite:	Their ITEs.
 * @strays:	There have been events that are left out: their collection is unmapped, or
 *		GICR_PROPBASER has no room for their LPI any more.
 * @end_intid:	The first INTID that it has no room for.
 */
struct its_itt_run {
	u32	nr;
	u32	evid[RUN_ENTRIES];
	u64	ite[RUN_ENTRIES];
	bool	strays;
	u32	end_intid;
};

static bool its_save_is_stray(struct its_event *event, u32 end_intid)
{
	return !event->collection || event->irq->intid >= end_intid;
}

/*
 * Add the events from *@evid on, as there is room for; *@evid is where to go on. NEXT
 * is left out. Return: 0, or -EACCES if GICv4 forwards one: before GICv4.1 there is no
 * way to learn whether it is pending.
 */
static int its_save_gather(struct its_device *dev, struct its_itt_run *run, unsigned long *evid)
{
	bool may_forward = kvm_vgic_global_state.has_gicv4_1;
	XA_STATE(xas, &dev->events, *evid);
	struct its_event *event;

	guard(rcu)();
	xas_for_each(&xas, event, ULONG_MAX) {
		if (event->irq->hw && !may_forward)
			return -EACCES;
		if (its_save_is_stray(event, run->end_intid)) {
			run->strays = true;
			continue;
		}
		run->evid[run->nr] = xas.xa_index;
		run->ite[run->nr++] = FIELD_PREP(ITS_ITE_INTID, event->irq->intid) |
				      FIELD_PREP(ITS_ITE_ICID, event->collection->icid);
		if (run->nr == RUN_ENTRIES)
			break;
	}
	*evid = xas.xa_index + 1;
	return 0;
}

/* Write the first @nr, each with the way to the one behind it; the last one ends there. */
static int its_save_run(struct vgic_its *its, gpa_t itt, struct its_itt_run *run, u32 nr)
{
	__le64 raw[RUN_ENTRIES] __uninitialized;
	u32 first = 0;
	int ret;

	for (u32 i = 0; i < nr; i++) {
		u32 next = i + 1 < run->nr ? run->evid[i + 1] - run->evid[i] : 0;

		raw[i] = cpu_to_le64(run->ite[i] | FIELD_PREP(ITS_ITE_NEXT, next));
		if (next == 1 && i + 1 < nr)
			continue;
		ret = vgic_write_guest_lock(its->kvm,
					    itt + (u64)run->evid[first] * ITS_ENTRY_BYTES,
					    &raw[first], (i + 1 - first) * ITS_ENTRY_BYTES);
		if (ret)
			return ret;
		first = i + 1;
	}
	return 0;
}

/* They are saved as invalid, although restoring does not look at all of them. */
static int its_save_strays(struct vgic_its *its, struct its_device *dev, u32 end_intid)
{
	struct its_event *event;
	unsigned long evid;
	int ret;

	xa_for_each(&dev->events, evid, event) {
		if (!its_save_is_stray(event, end_intid))
			continue;
		ret = its_save_clear(its, dev->itt + evid * ITS_ENTRY_BYTES, 1, ITS_ITE_INTID);
		if (ret)
			return ret;
	}
	return 0;
}

static int its_save_itt(struct vgic_its *its, struct its_device *dev)
{
	struct its_itt_run run __uninitialized;
	unsigned long evid = 0;
	u32 nr;
	int ret;

	run.nr = 0;
	run.strays = false;
	run.end_intid = its_lpi_intids(its->kvm);
	for (;;) {
		ret = its_save_gather(dev, &run, &evid);
		if (ret)
			return ret;

		nr = run.nr < RUN_ENTRIES ? run.nr : run.nr - 1;
		ret = its_save_run(its, dev->itt, &run, nr);
		ret = ret ?: its_save_pause();
		if (ret)
			return ret;
		if (nr == run.nr)
			break;
		/* The last one waits for the one behind it. */
		run.evid[0] = run.evid[nr];
		run.ite[0] = run.ite[nr];
		run.nr = 1;
	}

	return run.strays ? its_save_strays(its, dev, run.end_intid) : 0;
}

/*
 * Clear what is before the first event that is saved. Restoring reads that one by one, and
 * goes from one event to the next then.
 */
static int its_save_clear_itt(struct vgic_its *its, struct its_device *dev)
{
	u32 end_intid = its_lpi_intids(its->kvm);
	struct its_event *event = xa_load(&dev->events, 0);
	unsigned long evid;
	int ret;

	if (event && !its_save_is_stray(event, end_intid))
		return 0;
	xa_for_each(&dev->events, evid, event) {
		if (!its_save_is_stray(event, end_intid))
			break;
		ret = its_save_pause();
		if (ret)
			return ret;
	}
	return its_save_clear(its, dev->itt, event ? evid : BIT(dev->bits), ITS_ITE_INTID);
}

/*
 * Saving the other tables.
 */

static int its_save_dte(struct vgic_its *its, gpa_t gpa, struct its_device *dev, u32 offset)
{
	u64 next = min_t(u64, offset, FIELD_MAX(ITS_DTE_NEXT));

	return its_table_write(its, gpa, ITS_DTE_VALID |
			       FIELD_PREP(ITS_DTE_NEXT, next) |
			       FIELD_PREP(ITS_DTE_ITT, dev->itt >> ITS_DTE_ITT_SHIFT) |
			       FIELD_PREP(ITS_DTE_SIZE, dev->bits - 1));
}

/* The DTEs from @devid up to @end, where no device is saved. */
static int its_save_clear_dtes(struct vgic_its *its, u32 devid, u32 end)
{
	gpa_t gpa;
	int ret;

	for (u32 next; devid < end; devid = next) {
		next = min(its_table_dtes_end(its, devid), end);
		ret = its_save_pause();
		ret = ret ?: its_table_dtes(its, devid, &gpa);
		if (ret > 0)
			ret = its_save_clear(its, gpa, next - devid, ITS_DTE_VALID);
		if (ret)
			return ret;
	}
	return 0;
}

/* Where restoring looks next after the DTE of @devid, if the next device is @offset away. */
static u32 its_save_next_read(struct vgic_its *its, u32 devid, u32 offset)
{
	u32 next = min_t(u32, offset, FIELD_MAX(ITS_DTE_NEXT));

	return min(devid + next, its_table_dtes_end(its, devid));
}

/*
 * The next device that is saved, and the address of its DTE. A DeviceID that the table has
 * no place for any more is left out.
 */
static struct its_device *its_save_next_device(struct vgic_its *its, u32 *devid, gpa_t *gpa)
{
	struct its_device *dev;

	while ((dev = its_map_next_device(its, devid)) && !its_table_dte(its, *devid, gpa)) {
		cond_resched();
		++*devid;
	}
	return dev;
}

/*
 * Clear the entries of the device table and of ITTs that restoring reads and that map
 * nothing. They are cleared before any entry is written, so that clearing one table does
 * not erase a written entry of another one that overlaps it.
 */
static int its_save_clear_devices(struct vgic_its *its)
{
	struct its_device *dev, *last = NULL;
	u32 devid, last_devid = 0, from = 0;
	gpa_t gpa;
	int ret;

	for (devid = 0; (dev = its_save_next_device(its, &devid, &gpa)); devid++) {
		if (last)
			from = its_save_next_read(its, last_devid, devid - last_devid);
		ret = its_save_clear_dtes(its, from, devid);
		ret = ret ?: its_save_clear_itt(its, dev);
		if (ret)
			return ret;
		last = dev;
		last_devid = devid;
	}
	return last ? 0 : its_save_clear_dtes(its, 0, BIT(its->devid_bits));
}

static int its_save_devices(struct vgic_its *its)
{
	struct its_device *dev, *last = NULL;
	u32 devid, last_devid;
	gpa_t gpa, last_gpa;
	int ret;

	for (devid = 0; (dev = its_save_next_device(its, &devid, &gpa)); devid++) {
		ret = its_save_itt(its, dev);
		if (!ret && last)
			ret = its_save_dte(its, last_gpa, last, devid - last_devid);
		if (ret)
			return ret;
		last = dev;
		last_devid = devid;
		last_gpa = gpa;
	}
	return last ? its_save_dte(its, last_gpa, last, 0) : 0;
}

static int its_save_cte(struct vgic_its *its, gpa_t gpa, struct its_collection *coll)
{
	u32 rdbase = coll->target ? coll->target->vcpu_id : ITS_CTE_NO_TARGET;

	return its_table_write(its, gpa, ITS_CTE_VALID | FIELD_PREP(ITS_CTE_RDBASE, rdbase) |
			       FIELD_PREP(ITS_CTE_ICID, coll->icid));
}

static int its_save_collections(struct vgic_its *its)
{
	u64 baser = its->baser[ITS_BASER_COLLECTIONS];
	gpa_t gpa = GITS_BASER_ADDR_48_to_52(baser);
	gpa_t end = gpa + its_table_bytes(baser);
	struct its_collection *coll;
	int ret;

	list_for_each_entry(coll, &its->created, created) {
		ret = its_save_cte(its, gpa, coll);
		ret = ret ?: its_save_pause();
		if (ret)
			return ret;
		gpa += ITS_ENTRY_BYTES;
	}
	/* The end of the collections, where the table is not full. */
	return gpa < end ? its_save_clear(its, gpa, 1, ~0ULL) : 0;
}

/**
 * its_save() - Write the map to the tables in guest memory.
 * @its: The ITS.
 *
 * What restoring reads is true then: entries that are valid, but of nothing that is mapped,
 * are cleared. Others keep their value.
 *
 * It reads all of level 2 if the guest has made all level 1 entries valid: 8 bytes for each
 * DeviceID that there can be, or 128 MiB for ITS_MAX_DEVICEID_BITS. So does its_restore().
 *
 * Return: 0; -EFAULT where the guest's memory can't be accessed; -EACCES for forwarded
 * LPIs before GICv4.1; -EINTR.
 */
int its_save(struct vgic_its *its)
{
	int ret = 0;

	lockdep_assert_held(&its->its_lock);

	if (its->baser[ITS_BASER_DEVICES] & GITS_BASER_VALID) {
		ret = its_save_clear_devices(its);
		ret = ret ?: its_save_devices(its);
	}
	if (!ret && its->baser[ITS_BASER_COLLECTIONS] & GITS_BASER_VALID)
		ret = its_save_collections(its);
	return ret;
}

/*
 * Restoring.
 */

/* What the map refuses is not a table of ours. */
static int its_restore_status(int ret)
{
	return ret > 0 ? -EINVAL : ret;
}

static int its_restore_ite(struct vgic_its *its, struct its_device *dev, u32 evid, u64 ite)
{
	/* A saved collection: it does not come to be here. */
	if (!its_map_find_collection(its, FIELD_GET(ITS_ITE_ICID, ite)))
		return -EINVAL;
	return its_restore_status(its_map_event(its, dev, evid, FIELD_GET(ITS_ITE_INTID, ite),
						FIELD_GET(ITS_ITE_ICID, ite)));
}

static int its_restore_itt(struct vgic_its *its, struct its_device *dev)
{
	struct its_table_reader r = ITS_TABLE_READER(its, dev->itt, BIT_ULL(dev->bits));
	u64 offset, ite;
	int ret;

	for (u64 evid = 0; (ret = its_save_find(&r, &evid, ITS_ITE_INTID, &ite)) > 0;
	     evid += offset) {
		offset = FIELD_GET(ITS_ITE_NEXT, ite);
		if (evid + offset >= r.nr)
			return -EINVAL;
		ret = its_restore_ite(its, dev, evid, ite);
		if (ret || !offset)
			return ret;
	}
	return ret;
}

static int its_restore_dte(struct vgic_its *its, u32 devid, u64 dte)
{
	gpa_t itt = FIELD_GET(ITS_DTE_ITT, dte) << ITS_DTE_ITT_SHIFT;
	int ret;

	if (its_map_find_device(its, devid))
		return -EEXIST;
	ret = its_map_device(its, devid, itt, FIELD_GET(ITS_DTE_SIZE, dte) + 1);
	if (ret)
		return its_restore_status(ret);
	return its_restore_itt(its, its_map_find_device(its, devid));
}

/*
 * @nr entries of the device table, from @base, the first of which is that of @devid.
 * Return: 1 if the last device of all was among them, 0 if not, or an error.
 */
static int its_restore_dtes(struct vgic_its *its, gpa_t base, u64 nr, u32 devid)
{
	struct its_table_reader r = ITS_TABLE_READER(its, base, nr);
	u64 offset, dte;
	int ret;

	for (u64 i = 0; (ret = its_save_find(&r, &i, ITS_DTE_VALID, &dte)) > 0; i += offset) {
		offset = FIELD_GET(ITS_DTE_NEXT, dte);
		ret = its_restore_dte(its, devid + i, dte);
		if (ret)
			return ret;
		if (!offset)
			return 1;
	}
	return ret;
}

static int its_restore_devices(struct vgic_its *its)
{
	gpa_t gpa;
	int ret;

	for (u32 devid = 0, end; devid < BIT(its->devid_bits); devid = end) {
		end = its_table_dtes_end(its, devid);
		ret = its_save_pause();
		ret = ret ?: its_table_dtes(its, devid, &gpa);
		if (ret > 0)
			ret = its_restore_dtes(its, gpa, end - devid, devid);
		if (ret)
			return min(ret, 0);
	}
	return 0;
}

static int its_restore_cte(struct vgic_its *its, u64 cte)
{
	u32 icid = FIELD_GET(ITS_CTE_ICID, cte), rdbase = FIELD_GET(ITS_CTE_RDBASE, cte);
	struct kvm_vcpu *target = NULL;

	if (rdbase != ITS_CTE_NO_TARGET) {
		target = kvm_get_vcpu_by_id(its->kvm, rdbase);
		if (!target)
			return -EINVAL;
	}
	if (its_map_find_collection(its, icid))
		return -EEXIST;
	return its_restore_status(its_map_collection(its, icid, target));
}

static int its_restore_collections(struct vgic_its *its)
{
	u64 baser = its->baser[ITS_BASER_COLLECTIONS];
	struct its_table_reader r = ITS_TABLE_READER(its, GITS_BASER_ADDR_48_to_52(baser),
						     its_table_bytes(baser) / ITS_ENTRY_BYTES);
	u64 cte;
	int ret;

	for (u64 i = 0; i < r.nr; i++) {
		ret = its_save_read(&r, i, &cte);
		if (ret)
			return ret;
		if (!(cte & ITS_CTE_VALID))
			return 0;
		ret = its_restore_cte(its, cte);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * its_restore() - Map what the tables in guest memory say.
 * @its: The ITS, as after reset but for its GITS_BASERn.
 *
 * If it fails, the ITS is as after reset.
 *
 * Return: 0; -EINVAL if the tables are none that its_save() writes; -EEXIST if
 * something of it is mapped; -EFAULT where the guest's memory can't be read; -ENOMEM;
 * -ENOSPC past ITS_MAX_EVENTS or ITS_MAX_DEVICES; -EINTR.
 */
int its_restore(struct vgic_its *its)
{
	int ret = 0;

	lockdep_assert_held(&its->its_lock);

	its_lpi_forget_tables(its);
	its_pending_renew(its->kvm);
	if (its->baser[ITS_BASER_COLLECTIONS] & GITS_BASER_VALID)
		ret = its_restore_collections(its);
	if (!ret && its->baser[ITS_BASER_DEVICES] & GITS_BASER_VALID)
		ret = its_restore_devices(its);
	if (ret)
		its_reset(its);
	return ret;
}

/**
 * kvm_arch_allow_write_without_running_vcpu() - Let a table be written by an ioctl.
 * @kvm: The VM.
 *
 * Where pages that are written are logged in a vCPU's dirty ring, and none
 * runs, the bitmap has them. The VMM knows to look there after it saved tables.
 *
 * Return: Whether a table is being written.
 */
bool kvm_arch_allow_write_without_running_vcpu(struct kvm *kvm)
{
	return kvm->arch.vgic.table_write_in_progress;
}
