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

/* Memory that can be written: a table in a read-only slot could not be saved. */
static bool its_table_is_memory(struct vgic_its *its, gpa_t gpa)
{
	guard(srcu)(&its->kvm->srcu);
	return !kvm_is_error_hva(gfn_to_hva(its->kvm, gpa_to_gfn(gpa)));
}

/* The page of level 2 that has the entry of @id. */
static bool its_table_level2(struct vgic_its *its, u64 baser, u32 id, gpa_t *page)
{
	gpa_t l1 = GITS_BASER_ADDR_48_to_52(baser);
	u64 offset = (u64)id / IDS_PER_PAGE * sizeof(__le64);
	__le64 raw;
	u64 l1e;

	if (offset >= its_table_bytes(baser))
		return false;
	if (kvm_read_guest_lock(its->kvm, l1 + offset, &raw, sizeof(raw)))
		return false;
	l1e = le64_to_cpu(raw);
	*page = l1e & ITS_L1E_ADDR;
	return l1e & ITS_L1E_VALID;
}

static bool its_table_entry(struct vgic_its *its, u64 baser, u32 id, gpa_t *gpa)
{
	if (!(baser & GITS_BASER_VALID))
		return false;

	if (baser & GITS_BASER_INDIRECT) {
		if (!its_table_level2(its, baser, id, gpa))
			return false;
		*gpa += (u64)id % IDS_PER_PAGE * ITS_ENTRY_BYTES;
	} else {
		u64 offset = (u64)id * ITS_ENTRY_BYTES;

		if (offset >= its_table_bytes(baser))
			return false;
		*gpa = GITS_BASER_ADDR_48_to_52(baser) + offset;
	}
	return its_table_is_memory(its, *gpa);
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
	return devid < BIT(ITS_DEVICEID_BITS) &&
	       its_table_entry(its, its->baser[ITS_BASER_DEVICES], devid, gpa);
}

/**
 * its_table_holds_icid() - Whether a collection is in range of its table.
 * @its: The ITS.
 * @icid: ICID.
 *
 * Collections are saved one behind the other, not by ICID: this is the limit that
 * the size of the table puts on the ICID, and so on their number.
 *
 * Return: Whether @icid is in range.
 */
bool its_table_holds_icid(struct vgic_its *its, u32 icid)
{
	gpa_t gpa;

	return its_table_entry(its, its->baser[ITS_BASER_COLLECTIONS], icid, &gpa);
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
