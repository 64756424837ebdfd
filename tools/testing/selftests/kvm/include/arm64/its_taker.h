/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that takes one LPI at a time, when the test runs a vCPU. So a test sees what is
 * pending without saving the pending tables.
 */
#ifndef SELFTEST_KVM_ITS_TAKER_H
#define SELFTEST_KVM_ITS_TAKER_H

#include "its_machine.h"
#include "gic.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

#define NR_GUEST_VCPUS	2
#define EVENTS_PER_VCPU	4

/* Guest code: report each interrupt, or IAR_SPURIOUS. */
static inline void guest_takes(void)
{
	gic_init(GIC_V3, NR_GUEST_VCPUS);
	GUEST_SYNC(0);

	for (;;) {
		u32 intid = gic_get_and_ack_irq();

		if (intid != IAR_SPURIOUS)
			gic_set_eoi(intid);
		GUEST_SYNC(intid);
	}
}

/* What the vCPU reports next: an LPI that it has taken, or IAR_SPURIOUS. */
static inline u32 take(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT_EQ(UCALL_SYNC, uc.cmd);
	return uc.args[1];
}

#define EXPECT_TAKES(vcpu, intid)	EXPECT_EQ(intid, take(self->vcpus[vcpu]))
#define EXPECT_TAKES_NONE(vcpu)		EXPECT_TAKES(vcpu, IAR_SPURIOUS)

/* ICIDs are vCPUs; each has EVENTS_PER_VCPU events, and their LPIs are enabled. */
static inline void map_guest_events(struct its_vmm *v)
{
	its_vmm_mapd(v, DEV, true);
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		its_vmm_mapc(v, i, i, true);
	for (u32 i = 0; i < NR_GUEST_VCPUS * EVENTS_PER_VCPU; i++) {
		its_vmm_set_config(v, LPI(i), LPI_ENABLED);
		its_vmm_mapti(v, DEV, i, LPI(i), i / EVENTS_PER_VCPU);
	}
}

/* Each vCPU has run up to its first GUEST_SYNC(). */
static inline void set_up_guest(struct its_vmm *v, struct kvm_vcpu *vcpus[], void *guest_code)
{
	struct kvm_vm *vm = its_vmm_guest_vm(NR_GUEST_VCPUS, guest_code, vcpus);

	its_vmm_use_vm(v, vm, NR_GUEST_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	its_vmm_map_frames(v);
	map_guest_events(v);
	for (u32 i = 0; i < NR_GUEST_VCPUS; i++)
		take(vcpus[i]);
}

#endif /* SELFTEST_KVM_ITS_TAKER_H */
