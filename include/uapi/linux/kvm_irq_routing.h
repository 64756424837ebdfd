/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What a VMM tells KVM about interrupts: where a GSI leads, which eventfd raises
 * it, and how an MSI looks.
 *
 * <linux/kvm.h> includes this file and defines KVMIO; no program needs to include it
 * by itself.
 *
 * A GSI ("global system interrupt") is a number that the VMM picks, from 0 to
 * one less than what KVM_CHECK_EXTENSION(KVM_CAP_IRQ_ROUTING) returns.
 */
#ifndef _UAPI_LINUX_KVM_IRQ_ROUTING_H
#define _UAPI_LINUX_KVM_IRQ_ROUTING_H

#include <linux/ioctl.h>
#include <linux/stddef.h>
#include <linux/types.h>

/*
 * DeviceIDs
 *
 * A GICv3 ITS translates the pair (DeviceID, EventID) to an interrupt (Arm IHI
 * 0069, "The ITS"). The EventID is the data of the MSI; the DeviceID travels
 * on the bus beside it and is not part of what the device writes, so the VMM
 * has to supply it. Whether it must is a property of the VM, which
 * KVM_CHECK_EXTENSION(KVM_CAP_MSI_DEVID) tells on the VM's file descriptor:
 *
 *   1  the VM has an ITS: every MSI needs KVM_MSI_VALID_DEVID and a devid
 *   0  it has none (yet): a DeviceID is accepted and has no effect
 *
 * The answer turns from 0 to 1 when an ITS is created and never back, so ask
 * when the interrupt controller is complete. The DeviceID of a route that was set
 * before takes effect then. /dev/kvm always answers 0.
 */

/*
 * In kvm_msi.flags and kvm_irq_routing_entry.flags: devid holds the sender's
 * DeviceID. All other bits must be zero.
 */
#define KVM_MSI_VALID_DEVID	(1U << 0)

/**
 * struct kvm_msi - An MSI to deliver now; argument of KVM_SIGNAL_MSI.
 * @address_lo: Bits 31:0 of the guest physical address that is written to.
 * @address_hi: Bits 63:32 of that address.
 * @data: The word that is written. For an ITS, the EventID.
 * @flags: 0 or KVM_MSI_VALID_DEVID.
 * @devid: DeviceID of the sender, if @flags says so; else ignored. On PCI,
 *	commonly the requester ID: bus number in bits 15:8, device in bits 7:3,
 *	function in bits 2:0; a guest learns it from the firmware's msi-map or
 *	IORT. An ID wider than the ITS decodes names no device.
 * @pad: Ignored; set it to zero.
 */
struct kvm_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 flags;
	__u32 devid;
	__u8  pad[12];
};

/*
 * KVM_SIGNAL_MSI - deliver one MSI, without a GSI.
 *
 * Capability: KVM_CAP_SIGNAL_MSI. On the VM's file descriptor.
 *
 * Returns a positive number if the MSI was delivered, 0 if the guest blocks it
 * (arm64: the event is not mapped, or the ITS or the target's LPIs are
 * disabled), or fails with:
 *
 *   EINVAL  there is no interrupt controller in the kernel
 *   EINVAL  a bit of flags other than KVM_MSI_VALID_DEVID is set
 *   EINVAL  no KVM_MSI_VALID_DEVID on a VM whose KVM_CAP_MSI_DEVID is 1
 *   EINVAL  arm64: no ITS has its doorbell (GITS_TRANSLATER) at the address
 *   EINVAL  x86: bits 7:0 of address_hi, with the format of KVM_CAP_X2APIC_API
 *   ENODEV  arm64: the VM has no ITS
 *   EFAULT  the structure cannot be read
 */
#define KVM_SIGNAL_MSI		_IOW(KVMIO, 0xa5, struct kvm_msi)

/* kvm_irq_routing_entry.type: which member of its union is in use. */
#define KVM_IRQ_ROUTING_NONE		0	/* none; KVM_UPDATE_GSI_ROUTING only */
#define KVM_IRQ_ROUTING_IRQCHIP		1	/* irqchip */
#define KVM_IRQ_ROUTING_MSI		2	/* msi */
#define KVM_IRQ_ROUTING_S390_ADAPTER	3	/* adapter: s390 */
#define KVM_IRQ_ROUTING_HV_SINT		4	/* hv_sint: x86 */
#define KVM_IRQ_ROUTING_XEN_EVTCHN	5	/* xen_evtchn: x86 */

/**
 * struct kvm_irq_routing_msi - A GSI leads to an MSI.
 * @address_lo: As in struct kvm_msi.
 * @address_hi: As in struct kvm_msi.
 * @data: As in struct kvm_msi.
 * @devid: DeviceID of the sender, if the entry's flags hold
 *	KVM_MSI_VALID_DEVID; else ignored.
 * @pad: The name of the same word before DeviceIDs existed.
 */
struct kvm_irq_routing_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	union {
		__u32 devid;
		__u32 pad;
	};
};

/**
 * struct kvm_irq_routing_irqchip - A GSI leads to an input of an interrupt
 * controller.
 * @irqchip: Which one: KVM_IRQCHIP_* where the architecture has several
 *	(x86: both PICs and the I/O APIC), else 0.
 * @pin: Which input, from 0. arm64: the SPI of INTID 32 + @pin.
 */
struct kvm_irq_routing_irqchip {
	__u32 irqchip;
	__u32 pin;
};

/**
 * struct kvm_irq_routing_hv_sint - A GSI leads to a Hyper-V SynIC source (x86).
 * @vcpu: VP index of the target.
 * @sint: Synthetic interrupt source.
 */
struct kvm_irq_routing_hv_sint {
	__u32 vcpu;
	__u32 sint;
};

/* The only priority of an event channel: the two-level ABI has no others. */
#define KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL ((__u32)(-1))

/**
 * struct kvm_irq_routing_xen_evtchn - A GSI leads to a Xen event channel (x86).
 * @port: Event channel port of the guest.
 * @vcpu: vCPU ID of the target.
 * @priority: KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL.
 */
struct kvm_irq_routing_xen_evtchn {
	__u32 port;
	__u32 vcpu;
	__u32 priority;
};

/**
 * struct kvm_irq_routing_s390_adapter - A GSI leads to an adapter interrupt
 * (s390).
 * @ind_addr: Guest address of the indicator.
 * @summary_addr: Guest address of the summary indicator.
 * @ind_offset: Bit offset into the indicator.
 * @summary_offset: Bit offset into the summary indicator.
 * @adapter_id: The adapter, as registered with the FLIC.
 */
struct kvm_irq_routing_s390_adapter {
	__u64 ind_addr;
	__u64 summary_addr;
	__u64 ind_offset;
	__u32 summary_offset;
	__u32 adapter_id;
};

/**
 * struct kvm_irq_routing_entry - One destination of a GSI. 48 bytes.
 * @gsi: The GSI; below the value of KVM_CAP_IRQ_ROUTING.
 * @type: KVM_IRQ_ROUTING_*: the kind of destination.
 * @flags: For KVM_IRQ_ROUTING_MSI, 0 or KVM_MSI_VALID_DEVID; else 0.
 * @pad: Ignored; set it to zero.
 * @u: The destination. Bytes that @type does not use are ignored.
 *
 * A GSI has one destination, except that it can lead to one input of each of
 * several interrupt controllers (x86).
 */
struct kvm_irq_routing_entry {
	__u32 gsi;
	__u32 type;
	__u32 flags;
	__u32 pad;
	union {
		struct kvm_irq_routing_msi msi;
		struct kvm_irq_routing_irqchip irqchip;
		struct kvm_irq_routing_hv_sint hv_sint;
		struct kvm_irq_routing_xen_evtchn xen_evtchn;
		struct kvm_irq_routing_s390_adapter adapter;
		__u32 pad[8];
	} u;
};

/**
 * struct kvm_irq_routing - An array of routes.
 * @nr: How many @entries there are.
 * @flags: Must be zero.
 * @entries: The routes, in any order.
 */
struct kvm_irq_routing {
	__u32 nr;
	__u32 flags;
	__DECLARE_FLEX_ARRAY(struct kvm_irq_routing_entry, entries);
};

/*
 * KVM_SET_GSI_ROUTING - replace the routes of all GSIs. Those that the array does
 * not name have none afterwards.
 *
 * Capability: KVM_CAP_IRQ_ROUTING, whose value is the limit on nr and on GSIs.
 * On the VM's file descriptor.
 *
 * When it returns 0, no interrupt is delivered by a route that it replaced or
 * removed. Exception: one that has been waiting for a page of the guest since before
 * (x86: an event channel of Xen; s390: an adapter). arm64: a device's interrupt that
 * GICv4 forwards is delivered by software once the route of its eventfd changes.
 * The cost beyond reading the array depends on what differs from the table in force.
 * An MSI without KVM_MSI_VALID_DEVID is accepted on a VM that needs DeviceIDs, as a
 * placeholder: it is never delivered. If the ioctl fails, nothing has changed:
 *
 *   EINVAL  there is no interrupt controller in the kernel (x86, riscv)
 *   EINVAL  nr or a GSI is over the limit, or flags is not zero
 *   EINVAL  an entry's type is unknown, or its destination does not exist
 *   EINVAL  an entry's flags hold an unknown bit, or any bit if it is no MSI
 *   EINVAL  a GSI has a second destination that it cannot have
 *   EINVAL  x86: bits 7:0 of an MSI's address_hi, as for KVM_SIGNAL_MSI
 *   EFAULT  the array cannot be read
 *   EFAULT  s390: an adapter's address is not in guest memory
 *   ENOMEM  there is no memory for the new routes
 */
#define KVM_SET_GSI_ROUTING	_IOW(KVMIO, 0x6a, struct kvm_irq_routing)

/*
 * KVM_UPDATE_GSI_ROUTING - replace the routes of the GSIs that the array names.
 *
 * Capability: KVM_CAP_UPDATE_GSI_ROUTING. On the VM's file descriptor.
 *
 * A GSI that the array names leads to what its entries say, and to nothing else;
 * any other keeps its routes. An entry of type KVM_IRQ_ROUTING_NONE removes the
 * routes of its GSI, if there are any; the GSI must not be named by an entry of
 * another type. The cost depends on the array, not on the routes in force, with two
 * exceptions: the GSIs that lead to inputs of interrupt controllers are walked if an
 * input loses the GSI that led to it, and on x86 those that lead to a SynIC source
 * always are.
 *
 * The array is otherwise as for KVM_SET_GSI_ROUTING, and what holds after its
 * return holds here. Calls of both take effect one after the other. If the ioctl
 * fails, nothing has changed:
 *
 *   EINVAL  what is EINVAL from KVM_SET_GSI_ROUTING, but for the type
 *   EINVAL  pad of an entry is not zero
 *   EINVAL  an entry of type KVM_IRQ_ROUTING_NONE has anything but a GSI
 *   EINVAL  a GSI is named both by such an entry and by another one
 *   EINVAL  there would be more routes in force than KVM_SET_GSI_ROUTING can set
 *   EFAULT, ENOMEM  as from KVM_SET_GSI_ROUTING
 *
 * These numbers are no others' yet. They are far from those that are handed out
 * next (capabilities from 239 and ioctls from 0xd6 on, at the time of writing),
 * so that no program can take one thing for the other. Nothing else depends on
 * their values.
 */
#define KVM_CAP_UPDATE_GSI_ROUTING	0x6b00
#define KVM_UPDATE_GSI_ROUTING	_IOW(KVMIO, 0xf6, struct kvm_irq_routing)

/*
 * In kvm_irqfd.flags: unbind fd from gsi. When the ioctl returns, fd raises no
 * more interrupts there.
 */
#define KVM_IRQFD_FLAG_DEASSIGN	(1 << 0)

/*
 * In kvm_irqfd.flags: a level-triggered interrupt. Writing to fd asserts it;
 * the guest's end of interrupt de-asserts it and signals resamplefd, upon which
 * the VMM writes to fd again if the device still asks for service.
 * Capability: KVM_CAP_IRQFD_RESAMPLE.
 */
#define KVM_IRQFD_FLAG_RESAMPLE	(1 << 1)

/**
 * struct kvm_irqfd - The argument of KVM_IRQFD.
 * @fd: An eventfd. Writing to it raises @gsi.
 * @gsi: The GSI; it need not have a route yet.
 * @flags: KVM_IRQFD_FLAG_*; 0 binds an edge-triggered interrupt or an MSI.
 * @resamplefd: With KVM_IRQFD_FLAG_RESAMPLE, an eventfd; else ignored.
 * @pad: Ignored; set it to zero.
 */
struct kvm_irqfd {
	__u32 fd;
	__u32 gsi;
	__u32 flags;
	__u32 resamplefd;
	__u8  pad[16];
};

/*
 * KVM_IRQFD - bind an eventfd to a GSI, or unbind it.
 *
 * Capability: KVM_CAP_IRQFD. On the VM's file descriptor.
 *
 *   EINVAL  an unknown flag, or fd or resamplefd is no eventfd
 *   EINVAL  x86: no (with RESAMPLE: no complete) interrupt controller in the
 *           kernel
 *   EBADF   fd or resamplefd is not open
 *   EBUSY   fd is bound to a GSI already, of this VM or another, or raises an
 *           interrupt in some other way
 *   EAGAIN  arm64, loongarch, powerpc: the interrupt controller is not initialised yet
 *   EFAULT  the structure cannot be read
 *   ENOMEM  there is no memory for it
 */
#define KVM_IRQFD		_IOW(KVMIO, 0x76, struct kvm_irqfd)

#endif /* _UAPI_LINUX_KVM_IRQ_ROUTING_H */
