// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a GSI lead? On arm64: event n of a device is an LPI that the pending
 * table shows, and the pin is an edge-triggered SPI.
 */
#include <assert.h>
#include <stdlib.h>

#include "irq_target.h"
#include "its_vmm.h"

#define DEVID		3
#define LPI(event)	(8192 + (event))
#define ALL_EDGE	0xaaaaaaaa	/* in ICFGR */

static_assert(1 << ITS_VMM_EVENT_BITS == IRQ_TARGET_EVENTS, "the ITT is not full");

static void map(struct its_vmm *its, u32 event)
{
	its_vmm_mapti(its, DEVID, event, LPI(event), 0);
}

/* The first MSI of an event may take longer: it is not a test's. */
void irq_target_create_vm(struct irq_target *t)
{
	struct its_vmm *its = calloc(1, sizeof(*its));

	TEST_ASSERT(its, "out of memory");
	its_vmm_create(its, 1);
	its_vmm_mapc(its, 0, 0, true);
	its_vmm_mapd(its, DEVID, true);
	for (u32 i = 0; i < IRQ_TARGET_EVENTS; i++) {
		map(its, i);
		TEST_ASSERT_EQ(1, its_vmm_signal(its, DEVID, i, KVM_MSI_VALID_DEVID));
		its_vmm_clear(its, DEVID, i);
	}
	its_vmm_dist_write(its, ITS_VMM_SPI_ICFGR, ALL_EDGE);
	t->vm = its->vm;
	t->arch = its;
}

void irq_target_destroy_vm(struct irq_target *t)
{
	its_vmm_destroy(t->arch);
	free(t->arch);
}

struct kvm_irq_routing_entry irq_target_route_msi(u32 gsi, u32 event)
{
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEVID, event);

	return its_vmm_route_msi(gsi, &msi);
}

u64 irq_target_take(struct irq_target *t)
{
	struct its_vmm *its = t->arch;
	u64 found = 0;
	u32 spis;

	spis = its_vmm_dist_read(its, ITS_VMM_SPI_ISPENDR);
	TEST_ASSERT(!(spis & ~BIT(IRQ_TARGET_PIN_NR)), "SPIs pending: %#x", spis);
	if (spis) {
		its_vmm_dist_write(its, ITS_VMM_SPI_ISPENDR, 0);
		found |= BIT(IRQ_TARGET_PIN);
	}
	its_vmm_save_pending(its);
	for (u32 event = 0; event < IRQ_TARGET_EVENTS; event++) {
		if (!its_vmm_saved(its, 0, LPI(event)))
			continue;
		its_vmm_clear(its, DEVID, event);
		found |= BIT(event);
	}
	return found;
}

/* An ITS with a cache of translations empties it when it unmaps an event. */
void irq_target_forget(struct irq_target *t)
{
	its_vmm_discard(t->arch, DEVID, IRQ_TARGET_EVENTS - 1);
	map(t->arch, IRQ_TARGET_EVENTS - 1);
}
