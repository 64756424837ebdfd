/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a route or KVM_SIGNAL_MSI to an ITS: what vgic-irqfd.c asks of vgic-its*.c.
 */
#ifndef __KVM_ARM_VGIC_MSI_H__
#define __KVM_ARM_VGIC_MSI_H__

struct kvm;
struct kvm_msi;

/**
 * enum vgic_msi_outcome - What became of an MSI.
 * @VGIC_MSI_DELIVERED: Its LPI has become pending.
 * @VGIC_MSI_IN_LR: Its LPI has become pending, but a vCPU has it in a list register. If
 *	the guest has not acknowledged it there, both are one interrupt.
 * @VGIC_MSI_MERGED: Its LPI was pending already, and still is.
 * @VGIC_MSI_FORWARDED: Its LPI is that of a host interrupt which GICv4 forwards.
 *	Not delivered yet: that takes a caller that may sleep.
 * @VGIC_MSI_NO_DEVID: The VM needs DeviceIDs, and the sender gave none.
 * @VGIC_MSI_NO_DOORBELL: No ITS has its GITS_TRANSLATER at the address.
 * @VGIC_MSI_ITS_DISABLED: GITS_CTLR.Enabled is 0.
 * @VGIC_MSI_DEVICE_UNMAPPED: The guest has not mapped the DeviceID.
 * @VGIC_MSI_EVENT_UNMAPPED: The guest has not mapped the EventID for the DeviceID.
 * @VGIC_MSI_COLLECTION_UNMAPPED: The event's collection has no redistributor.
 * @VGIC_MSI_TARGET_ABSENT: The LPI has no vCPU.
 * @VGIC_MSI_LPIS_DISABLED: GICR_CTLR.EnableLPIs of the vCPU is 0.
 *
 * All from @VGIC_MSI_NO_DEVID on are reasons not to deliver, each with a counter.
 */
enum vgic_msi_outcome {
	VGIC_MSI_DELIVERED,
	VGIC_MSI_IN_LR,
	VGIC_MSI_MERGED,
	VGIC_MSI_FORWARDED,
	VGIC_MSI_NO_DEVID,
	VGIC_MSI_NO_DOORBELL,
	VGIC_MSI_ITS_DISABLED,
	VGIC_MSI_DEVICE_UNMAPPED,
	VGIC_MSI_EVENT_UNMAPPED,
	VGIC_MSI_COLLECTION_UNMAPPED,
	VGIC_MSI_TARGET_ABSENT,
	VGIC_MSI_LPIS_DISABLED,
};

enum vgic_msi_outcome vgic_its_inject_msi(struct kvm *kvm, const struct kvm_msi *msi);
enum vgic_msi_outcome vgic_its_inject_msi_sleeping(struct kvm *kvm,
						   const struct kvm_msi *msi);

#endif /* __KVM_ARM_VGIC_MSI_H__ */
