/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(_TRACE_VGIC_IRQFD_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VGIC_IRQFD_H

#include <linux/kvm_irq_routing.h>
#include <linux/tracepoint.h>
#include "vgic-msi.h"

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

TRACE_DEFINE_ENUM(VGIC_MSI_DELIVERED);
TRACE_DEFINE_ENUM(VGIC_MSI_IN_LR);
TRACE_DEFINE_ENUM(VGIC_MSI_MERGED);
TRACE_DEFINE_ENUM(VGIC_MSI_FORWARDED);
TRACE_DEFINE_ENUM(VGIC_MSI_NO_DEVID);
TRACE_DEFINE_ENUM(VGIC_MSI_NO_DOORBELL);
TRACE_DEFINE_ENUM(VGIC_MSI_ITS_DISABLED);
TRACE_DEFINE_ENUM(VGIC_MSI_DEVICE_UNMAPPED);
TRACE_DEFINE_ENUM(VGIC_MSI_EVENT_UNMAPPED);
TRACE_DEFINE_ENUM(VGIC_MSI_COLLECTION_UNMAPPED);
TRACE_DEFINE_ENUM(VGIC_MSI_TARGET_ABSENT);
TRACE_DEFINE_ENUM(VGIC_MSI_LPIS_DISABLED);

/*
 * An MSI reached the vGIC, by an irqfd or by KVM_SIGNAL_MSI. The outcome is an
 * enum vgic_msi_outcome.
 */
TRACE_EVENT(vgic_msi,
	    TP_PROTO(const struct kvm_msi *msi, int outcome),
	    TP_ARGS(msi, outcome),

	    TP_STRUCT__entry(__field(u64, doorbell)
			     __field(u32, devid)
			     __field(u32, event)
			     __field(u32, flags)
			     __field(int, outcome)),

	    TP_fast_assign(__entry->doorbell = (u64)msi->address_hi << 32 |
					       msi->address_lo;
			   __entry->devid = msi->devid;
			   __entry->event = msi->data;
			   __entry->flags = msi->flags;
			   __entry->outcome = outcome;),

	    TP_printk("doorbell %#llx devid %#x event %u flags %#x: %s",
		      __entry->doorbell, __entry->devid, __entry->event,
		      __entry->flags,
		      __print_symbolic(__entry->outcome,
				       { VGIC_MSI_DELIVERED, "delivered" },
				       { VGIC_MSI_IN_LR, "delivered, may merge in a LR" },
				       { VGIC_MSI_MERGED, "delivered, was pending" },
				       { VGIC_MSI_FORWARDED, "forwarded" },
				       { VGIC_MSI_NO_DEVID, "no DeviceID given" },
				       { VGIC_MSI_NO_DOORBELL, "no ITS at the doorbell" },
				       { VGIC_MSI_ITS_DISABLED, "ITS disabled" },
				       { VGIC_MSI_DEVICE_UNMAPPED, "device unmapped" },
				       { VGIC_MSI_EVENT_UNMAPPED, "event unmapped" },
				       { VGIC_MSI_COLLECTION_UNMAPPED, "collection unmapped" },
				       { VGIC_MSI_TARGET_ABSENT, "target absent" },
				       { VGIC_MSI_LPIS_DISABLED, "LPIs disabled" }))
);

#endif /* _TRACE_VGIC_IRQFD_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH vgic
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_irqfd

#include <trace/define_trace.h>
