/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second opinion on what ITS tables in guest memory say, by the ABI's document
 * (Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Table ABI REV0") alone.
 */
#ifndef SELFTEST_KVM_ITS_TABLES_MODEL_H
#define SELFTEST_KVM_ITS_TABLES_MODEL_H

#include "its_tables_scenes.h"

#define ITS_EVENT_BITS		16
#define ITS_DEVICE_BITS		16
#define ITS_MAX_EVENTS		131072
#define CTE_NO_TARGET		0xffffffffULL

/* Entries of the tables, and of a device table's first level. */
#define DTE(_next, _itt, _bits)							\
	(BIT_ULL(63) | (u64)(_next) << 49 | (u64)(_itt) >> 8 << 5 | ((_bits) - 1))
#define ITE(_next, _lpi, _icid)	((u64)(_next) << 48 | (u64)(_lpi) << 16 | (_icid))
#define CTE(_vcpu, _icid)	(BIT_ULL(63) | (u64)(_vcpu) << 16 | (_icid))
#define L1E(_gpa)		(BIT_ULL(63) | (_gpa))

#define DTE_NEXT(_dte)		((_dte) >> 49 & 0x3fff)
#define ITE_NEXT(_ite)		((_ite) >> 48)
#define ITE_LPI(_ite)		((u32)((_ite) >> 16))

/**
 * struct model_memory - Guest memory, in one piece.
 * @gpa: Where the guest has it.
 * @size: Bytes.
 * @hva: Where the test has it.
 */
struct model_memory {
	u64 gpa;
	u64 size;
	const void *hva;
};

/**
 * struct model - What the tables say.
 * @memory: The guest's memory, to be filled in.
 * @baser: GITS_BASER0 and 1, to be filled in.
 * @end_lpi: The first INTID that is too large, to be filled in.
 * @err: What a restore returns, if it was to look at entries in order: 0 or -errno.
 * @unsure: The document leaves open whether to restore this, or what comes before.
 * @targets: By ICID: where the collection's MSIs go, or SCENE_END if there is none.
 * @nr_events: How many are mapped.
 * @events: Each of them, by DeviceID and EventID.
 */
struct model {
	struct model_memory memory[3];
	u64 baser[2];
	u32 end_lpi;
	int err;
	bool unsure;
	u8 targets[65536];
	u32 nr_events;
	struct scene_event events[ITS_MAX_EVENTS];
};

/* Where there is no memory, nothing was saved: no table has an entry there. */
static inline u64 model_read(const struct model *m, u64 gpa)
{
	const struct model_memory *r;

	for (r = m->memory; r < m->memory + ARRAY_SIZE(m->memory); r++)
		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return READ_ONCE(*(const u64 *)(r->hva + (gpa - r->gpa)));
	return 0;
}

static inline u64 model_baser_gpa(u64 baser)
{
	return baser & GENMASK_ULL(47, 16);
}

static inline u32 model_baser_entries(u64 baser)
{
	return ((baser & 0xff) + 1) * ITS_PAGE_ENTRIES;
}

static inline int model_cte(struct model *m, u64 cte)
{
	u32 icid = cte & 0xffff;
	u64 vcpu = cte >> 16 & CTE_NO_TARGET;

	/* Linux 6.12 does not look at the upper bits of RDBase. */
	if (cte & GENMASK_ULL(51, 48))
		m->unsure = true;
	if (vcpu >= SCENE_VCPUS && vcpu != CTE_NO_TARGET)
		return -EINVAL;
	if (m->targets[icid] != SCENE_END)
		return -EEXIST;
	if (icid >= model_baser_entries(m->baser[1]))
		return -EINVAL;
	m->targets[icid] = vcpu == CTE_NO_TARGET ? SCENE_NEVER : SCENE_VCPU + vcpu;
	return 0;
}

static inline int model_collections(struct model *m)
{
	u64 gpa = model_baser_gpa(m->baser[1]), cte;
	int err;

	for (u32 i = 0; i < model_baser_entries(m->baser[1]); i++) {
		cte = model_read(m, gpa + i * ITS_ENTRY_SIZE);
		if (!(cte >> 63))
			return 0;
		err = model_cte(m, cte);
		if (err)
			return err;
	}
	return 0;
}

static inline int model_ite(struct model *m, u32 devid, u32 event, u64 ite)
{
	u32 icid = ite & 0xffff, lpi = ITE_LPI(ite);

	if (lpi < FIRST_LPI || lpi >= m->end_lpi || m->targets[icid] == SCENE_END)
		return -EINVAL;
	if (m->nr_events == ITS_MAX_EVENTS)
		return -ENOSPC;
	m->events[m->nr_events++] = (struct scene_event) {
		.devid = devid,
		.event = event,
		.lpi = lpi,
		.icid = icid,
		.target = m->targets[icid],
	};
	return 0;
}

static inline int model_itt(struct model *m, u32 devid, u64 dte)
{
	u64 gpa = (dte & GENMASK_ULL(48, 5)) << 3, ite;
	u32 bits = (dte & 0x1f) + 1, event = 0, next;
	int err;

	if (bits > ITS_EVENT_BITS)
		return -EINVAL;
	for (; event < BIT(bits); event += next) {
		ite = model_read(m, gpa + (u64)event * ITS_ENTRY_SIZE);
		next = ITE_LPI(ite) ? ITE_NEXT(ite) : 1;
		if (!ITE_LPI(ite))
			continue;
		err = event + next >= BIT(bits) ? -EINVAL : model_ite(m, devid, event, ite);
		if (err || !next)
			return err;
	}
	return 0;
}

/* Part of the device table. Returns 1 if the last device of all is in it. */
static inline int model_dtes(struct model *m, u64 gpa, u32 entries, u32 first)
{
	u32 next;
	u64 dte;
	int err;

	for (u32 i = 0; i < entries; i += next) {
		dte = model_read(m, gpa + (u64)i * ITS_ENTRY_SIZE);
		next = dte >> 63 ? DTE_NEXT(dte) : 1;
		if (!(dte >> 63))
			continue;
		if (first + i >= BIT(ITS_DEVICE_BITS)) {
			/* Linux 6.12 refuses it, but the ITS need not look so far. */
			m->unsure = true;
			return -EINVAL;
		}
		err = model_itt(m, first + i, dte);
		if (err)
			return err;
		if (!next)
			return 1;
	}
	return 0;
}

static inline int model_devices(struct model *m)
{
	u32 entries = model_baser_entries(m->baser[0]);
	u64 gpa = model_baser_gpa(m->baser[0]), l1e;
	int ret;

	if (!(m->baser[0] & GITS_BASER_INDIRECT))
		return model_dtes(m, gpa, entries, 0);
	for (u32 i = 0; i < entries; i++) {
		l1e = model_read(m, gpa + i * ITS_ENTRY_SIZE);
		if (!(l1e >> 63))
			continue;
		ret = model_dtes(m, l1e & GENMASK_ULL(51, 16), ITS_PAGE_ENTRIES,
				 i * ITS_PAGE_ENTRIES);
		if (ret)
			return ret;
	}
	return 0;
}

static inline void model_restore(struct model *m)
{
	scene_clear(m->targets, sizeof(m->targets));
	m->nr_events = 0;
	m->unsure = false;
	m->err = 0;
	if (m->baser[1] & GITS_BASER_VALID)
		m->err = model_collections(m);
	if (!m->err && m->baser[0] & GITS_BASER_VALID)
		m->err = min(model_devices(m), 0);
}

#endif /* SELFTEST_KVM_ITS_TABLES_MODEL_H */
