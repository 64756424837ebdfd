/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a route or KVM_SIGNAL_MSI to an ITS: what vgic-irqfd.c asks of vgic-its*.c.
 */
#ifndef __KVM_ARM_VGIC_MSI_H__
#define __KVM_ARM_VGIC_MSI_H__

struct kvm;
struct kvm_msi;

/*
 * What became of an MSI. VGIC_MSI_FORWARDED from vgic_its_inject_msi(): not delivered yet,
 * because that takes a caller that may sleep. All from VGIC_MSI_NO_DEVID on are reasons
 * not to deliver.
 */
enum vgic_msi_outcome {
#define MSI_NAME(name)	VGIC_MSI_##name,
#include <kvm/arm_vgic_msi_outcomes.h>
	VGIC_MSI_NR_OUTCOMES
};

enum vgic_msi_outcome vgic_its_inject_msi(struct kvm *kvm, const struct kvm_msi *msi);
enum vgic_msi_outcome vgic_its_inject_msi_sleeping(struct kvm *kvm,
						   const struct kvm_msi *msi);

#endif /* __KVM_ARM_VGIC_MSI_H__ */
