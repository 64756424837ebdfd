/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(_TRACE_KVM_IRQ_ROUTING_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_KVM_IRQ_ROUTING_H

#include <linux/kvm_irq_routing.h>
#include <linux/tracepoint.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/* A destination of a GSI was set, or with @type 0, all were removed. */
TRACE_EVENT(kvm_irq_route,
	    TP_PROTO(u32 gsi, u32 type, const struct kvm_msi *msi),
	    TP_ARGS(gsi, type, msi),

	    TP_STRUCT__entry(__field(u32, gsi)
			     __field(u32, type)
			     __field(u64, address)
			     __field(u32, data)
			     __field(u32, flags)
			     __field(u32, devid)),

	    TP_fast_assign(__entry->gsi = gsi;
			   __entry->type = type;
			   __entry->address = (u64)msi->address_hi << 32 |
					      msi->address_lo;
			   __entry->data = msi->data;
			   __entry->flags = msi->flags;
			   __entry->devid = msi->devid;),

	    TP_printk("gsi %u type %u address %#llx data %#x flags %#x devid %#x",
		      __entry->gsi, __entry->type, __entry->address,
		      __entry->data, __entry->flags, __entry->devid)
);

#endif /* _TRACE_KVM_IRQ_ROUTING_H */

#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE kvm_irq_routing
#include <trace/define_trace.h>
