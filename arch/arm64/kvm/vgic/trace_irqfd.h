/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(_TRACE_VGIC_IRQFD_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VGIC_IRQFD_H

#include <linux/kvm_irq_routing.h>
#include <linux/tracepoint.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/*
 * An MSI reached the vGIC, by an irqfd or by KVM_SIGNAL_MSI. The outcome is an
 * enum vgic_msi_outcome, and the text says the same in words.
 */
TRACE_EVENT(vgic_msi,
	    TP_PROTO(const struct kvm_msi *msi, int outcome, const char *text),
	    TP_ARGS(msi, outcome, text),

	    TP_STRUCT__entry(__field(u64, doorbell)
			     __field(u32, devid)
			     __field(u32, event)
			     __field(u32, flags)
			     __field(int, outcome)
			     __string(text, text)),

	    TP_fast_assign(__entry->doorbell = (u64)msi->address_hi << 32 |
					       msi->address_lo;
			   __entry->devid = msi->devid;
			   __entry->event = msi->data;
			   __entry->flags = msi->flags;
			   __entry->outcome = outcome;
			   __assign_str(text);),

	    TP_printk("doorbell %#llx devid %#x event %u flags %#x: %s",
		      __entry->doorbell, __entry->devid, __entry->event,
		      __entry->flags, __get_str(text))
);

#endif /* _TRACE_VGIC_IRQFD_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH vgic
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_irqfd

#include <trace/define_trace.h>
