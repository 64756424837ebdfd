/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(_TRACE_VGIC_ITS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VGIC_ITS_H

#include <linux/tracepoint.h>

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/*
 * An ITS has skipped a command. The error is as IHI 0069 numbers them, or a negative
 * errno: -EINVAL, no such command; -EFAULT, memory can't be read; -ENOMEM; -ENOSPC,
 * more events than the ITS takes.
 */
TRACE_EVENT(vgic_its_bad_command,
	    TP_PROTO(u64 its, u8 opcode, u32 devid, u32 event, int error),
	    TP_ARGS(its, opcode, devid, event, error),

	    TP_STRUCT__entry(__field(u64, its)
			     __field(u8, opcode)
			     __field(u32, devid)
			     __field(u32, event)
			     __field(int, error)),

	    TP_fast_assign(__entry->its = its;
			   __entry->opcode = opcode;
			   __entry->devid = devid;
			   __entry->event = event;
			   __entry->error = error;),

	    TP_printk("its %#llx opcode %#x devid %#x event %u: error %#x (%d)",
		      __entry->its, __entry->opcode, __entry->devid, __entry->event,
		      __entry->error, __entry->error)
);

#endif /* _TRACE_VGIC_ITS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH vgic
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_its

#include <trace/define_trace.h>
