// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where an entry is in the tables that the guest gives the ITS memory for.
 *
 * KVM keeps the map in its own memory, and uses the guest's for saving alone. But
 * what has no place there could not be saved, so it is not mapped either.
 */
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sizes.h>

#include "vgic-its.h"
#include "vgic.h"

/* An indirect table's pages, and what GITS_BASERn counts in. */
#define ITS_PAGE	SZ_64K
#define IDS_PER_PAGE	(ITS_PAGE / ITS_ENTRY_BYTES)

u64 its_table_bytes(u64 baser)
{
	return (u64)GITS_BASER_NR_PAGES(baser) * ITS_PAGE;
}

/**
 * its_table_is_memory() - Whether an address can hold an entry.
 * @its: The ITS.
 * @gpa: The address.
 *
 * A table in a read-only slot could not be saved.
 *
 * Return: Whether the guest has memory there that can be written.
 */
bool its_table_is_memory(struct vgic_its *its, gpa_t gpa)
{
	guard(srcu)(&its->kvm->srcu);
	return !kvm_is_error_hva(gfn_to_hva(its->kvm, gpa_to_gfn(gpa)));
}

/*
 * The page of level 2 that has the entry of @id.
 * Return: 1; 0 if there is none; -EFAULT if there is memory, but it can't be read.
 */
static int its_table_level2(struct vgic_its *its, u64 baser, u32 id, gpa_t *page)
{
	gpa_t l1 = GITS_BASER_ADDR_48_to_52(baser);
	u64 offset = (u64)id / IDS_PER_PAGE * sizeof(__le64);
	__le64 raw;
	u64 l1e;

	if (offset >= its_table_bytes(baser))
		return 0;
	if (kvm_read_guest_lock(its->kvm, l1 + offset, &raw, sizeof(raw)))
		return its_table_is_memory(its, l1 + offset) ? -EFAULT : 0;
	l1e = le64_to_cpu(raw);
	*page = l1e & ITS_L1E_ADDR;
	return !!(l1e & ITS_L1E_VALID);
}

/*
 * The address of the entry of @id, whether or not there is memory.
 * Return: 1; 0 if the table has no place for it; -EFAULT if that can't be read.
 */
static int its_table_place(struct vgic_its *its, u64 baser, u32 id, gpa_t *gpa)
{
	u64 offset = (u64)id * ITS_ENTRY_BYTES;
	int ret;

	if (baser & GITS_BASER_INDIRECT) {
		ret = its_table_level2(its, baser, id, gpa);
		if (ret > 0)
			*gpa += offset % ITS_PAGE;
		return ret;
	}
	*gpa = GITS_BASER_ADDR_48_to_52(baser) + offset;
	return offset < its_table_bytes(baser);
}

static bool its_table_entry(struct vgic_its *its, u64 baser, u32 id, gpa_t *gpa)
{
	return baser & GITS_BASER_VALID && its_table_place(its, baser, id, gpa) > 0 &&
	       its_table_is_memory(its, *gpa);
}

/**
 * its_table_dte() - Find the place of a device in the guest's device table.
 * @its: The ITS.
 * @devid: DeviceID.
 * @gpa: Where to put the entry's address.
 *
 * Return: Whether there is one: the DeviceID is in range, and the table has memory.
 */
bool its_table_dte(struct vgic_its *its, u32 devid, gpa_t *gpa)
{
	return devid < BIT(its->devid_bits) &&
	       its_table_entry(its, its->baser[ITS_BASER_DEVICES], devid, gpa);
}

/**
 * its_table_dtes_end() - Find the end of a run of DTEs.
 * @its: The ITS.
 * @devid: DeviceID, of its->devid_bits.
 *
 * The DTEs of a run are one behind the other: a page of level 2, or a flat table.
 * The DeviceIDs past the end of a flat table are one more run.
 *
 * Return: The DeviceID behind the last one of the run that @devid is in.
 */
u32 its_table_dtes_end(struct vgic_its *its, u32 devid)
{
	u64 baser = its->baser[ITS_BASER_DEVICES];
	u64 nr = its_table_bytes(baser) / ITS_ENTRY_BYTES, end = BIT(its->devid_bits);

	if (baser & GITS_BASER_INDIRECT)
		return round_down(devid, IDS_PER_PAGE) + IDS_PER_PAGE;
	return devid < nr ? min(nr, end) : end;
}

/**
 * its_table_dtes() - Find the place of a device and of those behind it in its run.
 * @its: The ITS.
 * @devid: DeviceID, of its->devid_bits.
 * @gpa: Where to put the address of the DTE of @devid.
 *
 * Unlike its_table_dte(), it does not ask whether there is memory.
 *
 * Return: 1; 0 if the table has no place for them; -EFAULT if that can't be read.
 */
int its_table_dtes(struct vgic_its *its, u32 devid, gpa_t *gpa)
{
	return its_table_place(its, its->baser[ITS_BASER_DEVICES], devid, gpa);
}

/**
 * its_table_holds_icid() - Whether a collection is in range of its table.
 * @its: The ITS.
 * @icid: ICID.
 *
 * Collections are saved one behind the other, not by ICID: this is the limit that
 * the size of the table puts on the ICID, and so on their number. One more collection
 * must have memory where it is saved, too.
 *
 * Return: Whether @icid is in range.
 */
bool its_table_holds_icid(struct vgic_its *its, u32 icid)
{
	u64 baser = its->baser[ITS_BASER_COLLECTIONS];
	gpa_t gpa;

	return its_table_entry(its, baser, icid, &gpa) &&
	       its_table_entry(its, baser, its->nr_collections, &gpa);
}

/**
 * its_table_ite() - Find the place of an event in its device's ITT.
 * @its: The ITS.
 * @dev: The device.
 * @evid: EventID.
 * @gpa: Where to put the entry's address.
 *
 * Return: Whether there is one: the EventID is in range, and the ITT has memory.
 */
bool its_table_ite(struct vgic_its *its, struct its_device *dev, u32 evid, gpa_t *gpa)
{
	if (evid >= BIT(dev->bits))
		return false;
	*gpa = dev->itt + (u64)evid * ITS_ENTRY_BYTES;
	return its_table_is_memory(its, *gpa);
}

int its_table_write(struct vgic_its *its, gpa_t gpa, u64 entry)
{
	__le64 raw = cpu_to_le64(entry);

	return vgic_write_guest_lock(its->kvm, gpa, &raw, sizeof(raw));
}
