// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command queue (IHI 0069, "The ITS command interface"). A command is decoded,
 * then has its effect by the map; one that the architecture has an error for is
 * skipped, counted and traced, and the queue goes on.
 */
#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/sched/signal.h>

#include "vgic-its.h"
#include "vgic.h"

#define CREATE_TRACE_POINTS
#include "trace_its.h"

/* Commands are read so many at once: never past a page. */
#define ITS_CMD_RUN		16

/**
 * struct its_cmd - A command, decoded. What an opcode does not have is of no meaning.
 * @opcode:	GITS_CMD_
 * @devid:	DeviceID
 * @evid:	EventID
 * @intid:	INTID
 * @bits:	bits of EventIDs
 * @icid:	ICID
 * @valid:	V
 * @itt:	address of the ITT
 * @rdbase:	redistributors: RDbase, and MOVALL's second
 */
struct its_cmd {
	u8	opcode;
	u32	devid;
	u32	evid;
	u32	intid;
	u32	bits;
	u32	icid;
	bool	valid;
	gpa_t	itt;
	u64	rdbase[2];
};

static struct its_cmd its_cmd_decode(const __le64 *raw)
{
	u64 dw[ITS_CMD_DWORDS];

	for (int i = 0; i < ITS_CMD_DWORDS; i++)
		dw[i] = le64_to_cpu(raw[i]);

	return (struct its_cmd) {
		.opcode	= FIELD_GET(ITS_CMD0_OPCODE, dw[0]),
		.devid	= FIELD_GET(ITS_CMD0_DEVICEID, dw[0]),
		.evid	= FIELD_GET(ITS_CMD1_EVENTID, dw[1]),
		.intid	= FIELD_GET(ITS_CMD1_INTID, dw[1]),
		.bits	= FIELD_GET(ITS_CMD1_SIZE, dw[1]) + 1,
		.icid	= FIELD_GET(ITS_CMD2_ICID, dw[2]),
		.valid	= dw[2] & ITS_CMD2_VALID,
		.itt	= dw[2] & ITS_CMD2_ITT,
		.rdbase	= {
			FIELD_GET(ITS_CMD2_RDBASE, dw[2]),
			FIELD_GET(ITS_CMD3_RDBASE, dw[3]),
		},
	};
}

/* GITS_TYPER.PTA is 0: redistributors go by number, which is the vCPU's id. */
static struct kvm_vcpu *its_cmd_vcpu(struct vgic_its *its, u64 rdbase)
{
	return rdbase < KVM_MAX_VCPU_IDS ? kvm_get_vcpu_by_id(its->kvm, rdbase) : NULL;
}

static struct its_event *its_cmd_event(struct vgic_its *its, const struct its_cmd *cmd)
{
	return its_map_find(its, cmd->devid, cmd->evid);
}

static int its_cmd_mapd(struct vgic_its *its, const struct its_cmd *cmd)
{
	if (!cmd->valid)
		return its_map_drop_device(its, cmd->devid);
	return its_map_device(its, cmd->devid, cmd->itt, cmd->bits);
}

static int its_cmd_mapc(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct kvm_vcpu *vcpu;

	if (!cmd->valid) {
		its_map_drop_collection(its, cmd->icid);
		return 0;
	}
	vcpu = its_cmd_vcpu(its, cmd->rdbase[0]);
	if (!vcpu)
		return ITS_MAPC_PROCNUM_OOR;
	return its_map_collection(its, cmd->icid, vcpu);
}

static int its_cmd_map_event(struct vgic_its *its, const struct its_cmd *cmd, u32 intid)
{
	struct its_device *dev = its_map_find_device(its, cmd->devid);

	if (!dev)
		return ITS_UNMAPPED_DEVICE;
	return its_map_event(its, dev, cmd->evid, intid, cmd->icid);
}

static int its_cmd_mapti(struct vgic_its *its, const struct its_cmd *cmd)
{
	return its_cmd_map_event(its, cmd, cmd->intid);
}

static int its_cmd_mapi(struct vgic_its *its, const struct its_cmd *cmd)
{
	return its_cmd_map_event(its, cmd, cmd->evid);
}

static int its_cmd_movi(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct its_collection *to = its_map_find_collection(its, cmd->icid);
	struct its_event *event = its_cmd_event(its, cmd);

	if (!event)
		return ITS_UNMAPPED_INTERRUPT;
	if (!event->collection || !event->collection->target || !to || !to->target)
		return ITS_UNMAPPED_COLLECTION;
	its_map_move(its, event, to);
	return 0;
}

static int its_cmd_movall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct kvm_vcpu *from = its_cmd_vcpu(its, cmd->rdbase[0]);
	struct kvm_vcpu *to = its_cmd_vcpu(its, cmd->rdbase[1]);

	if (!from || !to)
		return ITS_MOVALL_PROCNUM_OOR;
	if (from != to)
		its_lpi_move_all(its->kvm, from, to);
	return 0;
}

static int its_cmd_discard(struct vgic_its *its, const struct its_cmd *cmd)
{
	return its_map_drop_event(its, cmd->devid, cmd->evid);
}

static int its_cmd_clear(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct its_event *event = its_cmd_event(its, cmd);

	return event ? its_lpi_clear(event->irq) : ITS_UNMAPPED_INTERRUPT;
}

/* An LPI that the redistributor does not take is no error. */
static int its_cmd_int(struct vgic_its *its, const struct its_cmd *cmd)
{
	switch (its_inject_sleeping(its, cmd->devid, cmd->evid)) {
	case VGIC_MSI_DEVICE_UNMAPPED:
	case VGIC_MSI_EVENT_UNMAPPED:
	case VGIC_MSI_COLLECTION_UNMAPPED:
		return ITS_UNMAPPED_INTERRUPT;
	default:
		return 0;
	}
}

static int its_cmd_inv(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct its_event *event = its_cmd_event(its, cmd);

	return event ? vgic_its_inv_lpi(its->kvm, event->irq) : ITS_UNMAPPED_INTERRUPT;
}

static int its_cmd_invall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct its_collection *coll = its_map_find_collection(its, cmd->icid);

	if (!coll || !coll->target)
		return ITS_UNMAPPED_COLLECTION;
	return vgic_its_invall(coll->target);
}

/* What commands do is done when they have been processed. */
static int its_cmd_sync(struct vgic_its *its, const struct its_cmd *cmd)
{
	return 0;
}

static const struct {
	/* With its_lock held; 0, an enum its_reason, or a negative errno. */
	int	(*run)(struct vgic_its *its, const struct its_cmd *cmd);
	u8	class;
} its_cmds[] = {
	[GITS_CMD_MOVI]		= { its_cmd_movi,	ITS_CLASS_MOVI },
	[GITS_CMD_INT]		= { its_cmd_int,	ITS_CLASS_INT },
	[GITS_CMD_CLEAR]	= { its_cmd_clear,	ITS_CLASS_CLEAR },
	[GITS_CMD_SYNC]		= { its_cmd_sync },
	[GITS_CMD_MAPD]		= { its_cmd_mapd,	ITS_CLASS_MAPD },
	[GITS_CMD_MAPC]		= { its_cmd_mapc,	ITS_CLASS_MAPC },
	[GITS_CMD_MAPTI]	= { its_cmd_mapti,	ITS_CLASS_MAPTI },
	[GITS_CMD_MAPI]		= { its_cmd_mapi,	ITS_CLASS_MAPI },
	[GITS_CMD_INV]		= { its_cmd_inv,	ITS_CLASS_INV },
	[GITS_CMD_INVALL]	= { its_cmd_invall,	ITS_CLASS_INVALL },
	[GITS_CMD_MOVALL]	= { its_cmd_movall,	ITS_CLASS_MOVALL },
	[GITS_CMD_DISCARD]	= { its_cmd_discard,	ITS_CLASS_DISCARD },
};

/* Return: 0, the architecture's error, or a negative errno. */
static int its_cmd_run(struct vgic_its *its, const struct its_cmd *cmd)
{
	u32 nr = array_index_nospec(cmd->opcode, ARRAY_SIZE(its_cmds));
	int ret;

	if (cmd->opcode >= ARRAY_SIZE(its_cmds) || !its_cmds[nr].run)
		return -EINVAL;

	guard(mutex)(&its->its_lock);
	ret = its_cmds[nr].run(its, cmd);
	return ret > 0 ? ITS_ERROR(its_cmds[nr].class, ret) : ret;
}

static void its_cmd_reject(struct vgic_its *its, const struct its_cmd *cmd, int error)
{
	atomic64_inc(&its->kvm->stat.its_bad_commands);
	trace_vgic_its_bad_command(its->base, cmd->opcode, cmd->devid, cmd->evid, error);
}

u32 its_cmd_queue_bytes(struct vgic_its *its)
{
	return ((its->cbaser & 0xff) + 1) * SZ_4K;
}

/* How many commands there are to read at GITS_CREADR, one behind the other. */
static u32 its_cmd_run_length(struct vgic_its *its)
{
	u32 end = its->cwriter > its->creadr ? its->cwriter : its_cmd_queue_bytes(its);
	u32 nr = (end - its->creadr) / ITS_CMD_BYTES;

	return min(nr, ITS_CMD_RUN - its->creadr / ITS_CMD_BYTES % ITS_CMD_RUN);
}

static void its_cmd_advance(struct vgic_its *its)
{
	u32 next = its->creadr + ITS_CMD_BYTES;

	/* Pairs with the reader of GITS_CREADR: who sees it sees the effect. */
	smp_store_release(&its->creadr, next == its_cmd_queue_bytes(its) ? 0 : next);
}

static void its_cmd_process_run(struct vgic_its *its)
{
	gpa_t queue = GITS_CBASER_ADDRESS(its->cbaser);
	__le64 raw[ITS_CMD_RUN * ITS_CMD_DWORDS] __uninitialized;
	u32 nr = its_cmd_run_length(its);
	struct its_cmd cmd = { };
	int unread, ret;

	its_lpi_forget_tables(its);
	unread = kvm_read_guest_lock(its->kvm, queue + its->creadr, raw, nr * ITS_CMD_BYTES);

	for (u32 i = 0; i < nr; i++) {
		if (fatal_signal_pending(current))
			return;
		ret = unread;
		if (!unread) {
			cmd = its_cmd_decode(&raw[i * ITS_CMD_DWORDS]);
			ret = its_cmd_run(its, &cmd);
		}
		if (ret)
			its_cmd_reject(its, &cmd, ret);
		its_cmd_advance(its);
		cond_resched();
	}
}

/**
 * its_cmd_process() - Process commands up to GITS_CWRITER.
 * @its: The ITS.
 *
 * Ends early where the caller is about to be killed; the rest is left in the queue.
 *
 * Context: cmd_lock. May sleep; each command gives others a chance to run, and those
 * that take long do more often.
 */
void its_cmd_process(struct vgic_its *its)
{
	lockdep_assert_held(&its->cmd_lock);

	while (its->enabled && its->creadr != its->cwriter && !fatal_signal_pending(current))
		its_cmd_process_run(its);
}
