/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of the ITS's commands have mapped before they start, and how they look
 * at what becomes of it.
 */
#ifndef SELFTEST_KVM_ITS_MACHINE_H
#define SELFTEST_KVM_ITS_MACHINE_H

#include <linux/sizes.h>

#include "its_vmm.h"
#include "kselftest_harness.h"

#define NR_VCPUS	3
#define NO_VCPU		NR_VCPUS	/* no such vCPU */
#define NOWHERE		(-1)		/* pending on no vCPU */
#define SLOW		300		/* s, for what is not quick on a debug kernel */
#define VALID		BIT_ULL(63)	/* in tables, registers and commands */

#define FIRST_LPI	8192
#define LPI(n)		(FIRST_LPI + 1 + (n))
#define LAST_LPI	0xffff
#define LPI_ENABLED	(0xa0 | LPI_PROP_GROUP1 | LPI_PROP_ENABLED)

#define IDS_PER_PAGE	(SZ_64K / 8)	/* entries of 8 bytes */

/* Offsets in the scratch memory: pages, the last of memory, and where it has ended. */
#define PAGE(n)		((n) * (u64)SZ_64K)
#define LAST_PAGE	(PAST - SZ_64K)
#define PAST		ITS_VMM_SCRATCH_SIZE

/* Kernels that don't count bad commands fail one test, not all. */
static inline bool counts(struct its_vmm *v)
{
	return its_vmm_has_stat(v, "its_bad_commands");
}

static inline u64 bad_commands(struct its_vmm *v)
{
	return counts(v) ? its_vmm_stat(v, "its_bad_commands") : 0;
}

/* There were @nr bad commands more than @before. */
#define EXPECT_BAD(nr, before, v)	\
	check_bad(_metadata, v, nr, before, __LINE__)

static inline void check_bad(struct __test_metadata *_metadata, struct its_vmm *v,
			     u64 nr, u64 before, int line)
{
	u64 expected = before + (counts(v) ? nr : 0);

	EXPECT_EQ(expected, bad_commands(v)) {
		TH_LOG("from line %d", line);
	}
}

/* The machine: what is mapped before a test starts. */

/* ICIDs below NR_VCPUS are mapped to the vCPU of that number. */
#define ICID_NO_TARGET	8	/* named by MAPTI, not yet by MAPC */
#define ICID_REMOVED	9	/* MAPC with V=0 after an event was mapped to it */
#define ICID_NEW	10

#define DEV		1
#define DEV_EMPTY	2	/* without events */
#define DEV_LAST	3	/* the 16 bits of its ITT end past the end of memory */
#define DEV_LPIS	4	/* has EventIDs that are INTIDs of LPIs, for MAPI */
#define DEV_UNMAPPED	5

/* Events of DEV below NR_VCPUS are mapped to the ICID of that number. */
#define EVENT_NO_TARGET	8
#define EVENT_REMOVED	9
#define EVENT_UNMAPPED	10
#define EVENT_PAST	BIT(ITS_VMM_EVENT_BITS)

#define DEV_LAST_EVENTS	IDS_PER_PAGE	/* on the last page */
#define DEV_LPIS_BITS	14

static inline void map_machine(struct its_vmm *v)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		its_vmm_mapc(v, i, i, true);
	its_vmm_mapc(v, ICID_REMOVED, 0, true);

	its_vmm_mapd(v, DEV, true);
	for (u32 i = 0; i < NR_VCPUS; i++)
		its_vmm_mapti(v, DEV, i, LPI(i), i);
	its_vmm_mapti(v, DEV, EVENT_NO_TARGET, LPI(EVENT_NO_TARGET), ICID_NO_TARGET);
	its_vmm_mapti(v, DEV, EVENT_REMOVED, LPI(EVENT_REMOVED), ICID_REMOVED);
	its_vmm_mapc(v, ICID_REMOVED, 0, false);

	its_vmm_mapd(v, DEV_EMPTY, true);
	its_vmm_mapd_itt(v, DEV_LAST, v->scratch_gpa + LAST_PAGE, 16, true);
	its_vmm_mapd_itt(v, DEV_LPIS, v->scratch_gpa, DEV_LPIS_BITS, true);
}

static inline void create_machine(struct its_vmm *v)
{
	its_vmm_create(v, NR_VCPUS);
	map_machine(v);
}

/* How many bits INTIDs have: with 13 there are no LPIs. */
static inline void set_intid_bits(struct its_vmm *v, u32 bits)
{
	u64 propbaser = its_vmm_gpa(v, ITS_VMM_CONFIG) | (bits - 1);

	for (u32 i = 0; i < v->nr_vcpus; i++)
		its_vmm_redist_write(v, i, GICR_CTLR, 0);
	for (u32 i = 0; i < v->nr_vcpus; i++) {
		its_vmm_redist_write(v, i, GICR_PROPBASER, propbaser);
		its_vmm_redist_write(v, i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	}
}

/* By words: the selftests' memset() is slow. */
static inline void clear_pending_tables(struct its_vmm *v)
{
	for (u32 i = 0; i < v->nr_vcpus; i++) {
		u64 *table = its_vmm_hva(v, ITS_VMM_PENDING + i);

		for (u32 word = 0; word < (LAST_LPI + 1) / 64; word++)
			table[word] = 0;
	}
}

/*
 * The vCPU on which an LPI is pending. What is saved to look is taken away again,
 * as a later MAPTI of an LPI would find it.
 */
static inline int pending_on(struct its_vmm *v, u32 lpi)
{
	int found = NOWHERE;

	clear_pending_tables(v);
	its_vmm_save_pending(v);
	for (u32 i = 0; i < v->nr_vcpus; i++) {
		if (!its_vmm_saved(v, i, lpi))
			continue;
		TEST_ASSERT(found == NOWHERE, "LPI %u on vCPUs %d and %u", lpi, found, i);
		found = i;
	}
	clear_pending_tables(v);
	return found;
}

static inline int signal_event(struct its_vmm *v, u32 devid, u32 event)
{
	return its_vmm_signal(v, devid, event, KVM_MSI_VALID_DEVID);
}

/* The event sends the LPI to the vCPU; nothing of it remains. */
#define EXPECT_DELIVERS(v, devid, event, lpi, vcpu)	\
	check_delivers(_metadata, v, devid, event, lpi, vcpu, __LINE__)

static inline void check_delivers(struct __test_metadata *_metadata, struct its_vmm *v,
				  u32 devid, u32 event, u32 lpi, int vcpu, int line)
{
	int ret = signal_event(v, devid, event), found = pending_on(v, lpi);

	EXPECT_EQ(1, ret);
	EXPECT_EQ(vcpu, found);
	if (ret != 1 || found != vcpu)
		TH_LOG("from line %d: device %#x, event %#x, LPI %u", line, devid, event, lpi);

	its_vmm_clear(v, devid, event);
	EXPECT_EQ(NOWHERE, pending_on(v, lpi));
}

/* All that was announced is processed. */
static inline bool queue_empty(struct its_vmm *v)
{
	return its_vmm_its_read(v, GITS_CREADR) == its_vmm_its_read(v, GITS_CWRITER);
}

/* All that is mapped delivers, and nothing else does. */
static inline void check_machine(struct __test_metadata *_metadata, struct its_vmm *v)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		EXPECT_DELIVERS(v, DEV, i, LPI(i), i);
	EXPECT_EQ(0, signal_event(v, DEV, EVENT_NO_TARGET));
	EXPECT_EQ(0, signal_event(v, DEV, EVENT_REMOVED));
	EXPECT_EQ(0, signal_event(v, DEV, EVENT_UNMAPPED));
	EXPECT_EQ(0, signal_event(v, DEV_UNMAPPED, 0));
}

/* Copies of the ITS's tables, as far as the machine uses them. */
#define USED_SIZE	SZ_4K
static u8 tables_before[3][USED_SIZE];
static const u32 tables[] = { ITS_VMM_DEVICES, ITS_VMM_COLLECTIONS, ITS_VMM_ITTS };

static inline void copy_tables(struct its_vmm *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		memcpy(tables_before[i], its_vmm_hva(v, tables[i]), USED_SIZE);
}

static inline void check_tables(struct __test_metadata *_metadata, struct its_vmm *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		EXPECT_EQ(0, memcmp(tables_before[i], its_vmm_hva(v, tables[i]), USED_SIZE)) {
			TH_LOG("table %u", tables[i]);
		}
	}
}

#endif /* SELFTEST_KVM_ITS_MACHINE_H */
