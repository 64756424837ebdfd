/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of an MSI: a row for each outcome, in the only list of them. Outcomes by
 * which it is delivered come first, then the reasons not to deliver, in the order in
 * which they are checked; these are the rows with a counter.
 *
 * Define some of these and include this file, which undefines them:
 *
 *   MSI_NAME(name)		the constant is VGIC_MSI_ and the name
 *   MSI_COUNTER(counter)	the name of its counter in the VM's statistics
 *   MSI_TEXT(text)		what the tracepoint kvm:vgic_msi prints
 *
 * The tables of Documentation/virt/kvm/msi-devid.rst have the rows and their comments.
 */
#ifndef MSI_NAME
#define MSI_NAME(...)
#endif
#ifndef MSI_COUNTER
#define MSI_COUNTER(...)
#endif
#ifndef MSI_TEXT
#define MSI_TEXT(...)
#endif

/* its LPI has become pending */
MSI_NAME(DELIVERED) MSI_TEXT("delivered")
/*
 * its LPI has become pending, but a vCPU has it in a list register; if the guest has not
 * acknowledged it there, both are one interrupt
 */
MSI_NAME(IN_LR) MSI_TEXT("delivered, may merge in a LR")
/* its LPI was pending already, and still is */
MSI_NAME(MERGED) MSI_TEXT("delivered, was pending")
/* its LPI is that of a host interrupt which GICv4 forwards: the host's GIC has it */
MSI_NAME(FORWARDED) MSI_TEXT("forwarded")

/* the VM needs a DeviceID, and the MSI or the route had none */
MSI_NAME(NO_DEVID) MSI_COUNTER(msi_no_devid) MSI_TEXT("no DeviceID given")
/* no ITS has its GITS_TRANSLATER at the address, or the VM has no ITS */
MSI_NAME(NO_DOORBELL) MSI_COUNTER(msi_no_doorbell) MSI_TEXT("no ITS at the doorbell")
/* GITS_CTLR.Enabled is 0 */
MSI_NAME(ITS_DISABLED) MSI_COUNTER(msi_its_disabled) MSI_TEXT("ITS disabled")
/* the guest has not mapped the DeviceID */
MSI_NAME(DEVICE_UNMAPPED) MSI_COUNTER(msi_device_unmapped) MSI_TEXT("device unmapped")
/* the guest has not mapped the EventID for that device */
MSI_NAME(EVENT_UNMAPPED) MSI_COUNTER(msi_event_unmapped) MSI_TEXT("event unmapped")
/* the event's collection has no redistributor */
MSI_NAME(COLLECTION_UNMAPPED) MSI_COUNTER(msi_collection_unmapped) MSI_TEXT("collection unmapped")
/* the LPI has no vCPU */
MSI_NAME(TARGET_ABSENT) MSI_COUNTER(msi_target_absent) MSI_TEXT("target absent")
/* GICR_CTLR.EnableLPIs of its vCPU is 0 */
MSI_NAME(LPIS_DISABLED) MSI_COUNTER(msi_lpis_disabled) MSI_TEXT("LPIs disabled")

#undef MSI_NAME
#undef MSI_COUNTER
#undef MSI_TEXT
