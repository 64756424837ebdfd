/* SPDX-License-Identifier: GPL-2.0-only */
#if !defined(_TRACE_VGIC_ITS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_VGIC_ITS_H

#include <linux/irqchip/arm-gic-v3.h>
#include <linux/tracepoint.h>

struct its_cmd;

#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm

/*
 * An ITS has processed a command. What the command does not have is 0. The result is 0, or
 * the error of vgic_its_bad_command.
 */
TRACE_EVENT(vgic_its_command,
	    TP_PROTO(u64 its, const struct its_cmd *cmd, int result),
	    TP_ARGS(its, cmd, result),

	    TP_STRUCT__entry(__field(u64, its)
			     __field(u64, itt)
			     __field(u64, rdbase)
			     __field(u64, to)
			     __field(u32, devid)
			     __field(u32, event)
			     __field(u32, intid)
			     __field(u32, icid)
			     __field(u32, bits)
			     __field(int, result)
			     __field(u8, opcode)
			     __field(bool, valid)),

	    TP_fast_assign(__entry->its = its;
			   __entry->itt = cmd->itt;
			   __entry->rdbase = cmd->rdbase[0];
			   __entry->to = cmd->rdbase[1];
			   __entry->devid = cmd->devid;
			   __entry->event = cmd->evid;
			   __entry->intid = cmd->intid;
			   __entry->icid = cmd->icid;
			   __entry->bits = cmd->bits;
			   __entry->result = result;
			   __entry->opcode = cmd->opcode;
			   __entry->valid = cmd->valid;),

	    TP_printk("its %#llx %s devid %#x event %u intid %u icid %u bits %u itt %#llx rdbase %llu to %llu valid %d: %#x",
		      __entry->its,
		      __print_symbolic(__entry->opcode,
				       { GITS_CMD_MOVI, "MOVI" },
				       { GITS_CMD_INT, "INT" },
				       { GITS_CMD_CLEAR, "CLEAR" },
				       { GITS_CMD_SYNC, "SYNC" },
				       { GITS_CMD_MAPD, "MAPD" },
				       { GITS_CMD_MAPC, "MAPC" },
				       { GITS_CMD_MAPTI, "MAPTI" },
				       { GITS_CMD_MAPI, "MAPI" },
				       { GITS_CMD_INV, "INV" },
				       { GITS_CMD_INVALL, "INVALL" },
				       { GITS_CMD_MOVALL, "MOVALL" },
				       { GITS_CMD_DISCARD, "DISCARD" }),
		      __entry->devid, __entry->event, __entry->intid, __entry->icid,
		      __entry->bits, __entry->itt, __entry->rdbase, __entry->to,
		      __entry->valid, __entry->result)
);

/*
 * An ITS has skipped a command. The error is as IHI 0069 numbers them, or a negative
 * errno: -EINVAL, no such command; -EFAULT, memory can't be read; -ENOMEM; -ENOSPC,
 * more events or devices than the ITS takes.
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
