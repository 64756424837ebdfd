// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command queue (IHI 0069, "The ITS command interface"). A command is decoded,
 * then has its effect by the map; one that the architecture has an error for is
 * skipped, counted and traced, and the queue goes on.
 */
#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "vgic-its.h"
#include "vgic.h"

/* Commands are read so many at once: never past a page. */
#define ITS_CMD_RUN		16

/* After such a time others get cmd_lock, and signals are looked at. */
#define ITS_CMD_SLICE_MS	5

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

#define CREATE_TRACE_POINTS
#include "trace_its.h"

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

static bool its_cmd_slice_is_over(struct vgic_its *its)
{
	return time_after(jiffies, its->slice_end);
}

/*
 * Begin to walk the LPIs of @vcpu, or go on where the command was interrupted. What the
 * walk has passed has been done since the guest announced the command.
 */
static unsigned long *its_cmd_walk(struct vgic_its *its, struct kvm_vcpu *vcpu)
{
	if (its->walk.vcpu != vcpu)
		its->walk = (struct its_walk) { vcpu, VGIC_MIN_LPI };
	return &its->walk.intid;
}

static int its_cmd_movall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct kvm_vcpu *from = its_cmd_vcpu(its, cmd->rdbase[0]);
	struct kvm_vcpu *to = its_cmd_vcpu(its, cmd->rdbase[1]);

	if (!from || !to)
		return ITS_MOVALL_PROCNUM_OOR;
	if (from == to)
		return 0;
	while (its_lpi_move_some(from, to, its_cmd_walk(its, from))) {
		if (its_cmd_slice_is_over(its))
			return -EINPROGRESS;
	}
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

	return event ? its_lpi_inv(its->kvm, event->irq) : ITS_UNMAPPED_INTERRUPT;
}

static int its_cmd_invall(struct vgic_its *its, const struct its_cmd *cmd)
{
	struct its_collection *coll = its_map_find_collection(its, cmd->icid);

	if (!coll || !coll->target)
		return ITS_UNMAPPED_COLLECTION;
	while (its_lpi_configure_some(coll->target, its_cmd_walk(its, coll->target))) {
		if (its_cmd_slice_is_over(its))
			return -EINPROGRESS;
	}
	return 0;
}

/* What commands do is done when they have been processed. */
static int its_cmd_sync(struct vgic_its *its, const struct its_cmd *cmd)
{
	return 0;
}

/* Whether a command adds to the map. What only unmaps never has to wait. */
enum its_cmd_adds { ITS_CMD_ADDS_NOTHING, ITS_CMD_ADDS, ITS_CMD_ADDS_IF_VALID };

static const struct {
	/*
	 * With its_lock held; 0, an enum its_reason, or a negative errno. -EINPROGRESS: to
	 * be run again, to go on.
	 */
	int	(*run)(struct vgic_its *its, const struct its_cmd *cmd);
	u8	class;
	enum its_cmd_adds adds;
} its_cmds[] = {
	[GITS_CMD_MOVI]		= { its_cmd_movi,	ITS_CLASS_MOVI },
	[GITS_CMD_INT]		= { its_cmd_int,	ITS_CLASS_INT },
	[GITS_CMD_CLEAR]	= { its_cmd_clear,	ITS_CLASS_CLEAR },
	[GITS_CMD_SYNC]		= { its_cmd_sync },
	[GITS_CMD_MAPD]		= { its_cmd_mapd,	ITS_CLASS_MAPD, ITS_CMD_ADDS_IF_VALID },
	[GITS_CMD_MAPC]		= { its_cmd_mapc,	ITS_CLASS_MAPC, ITS_CMD_ADDS_IF_VALID },
	[GITS_CMD_MAPTI]	= { its_cmd_mapti,	ITS_CLASS_MAPTI, ITS_CMD_ADDS },
	[GITS_CMD_MAPI]		= { its_cmd_mapi,	ITS_CLASS_MAPI, ITS_CMD_ADDS },
	[GITS_CMD_INV]		= { its_cmd_inv,	ITS_CLASS_INV },
	[GITS_CMD_INVALL]	= { its_cmd_invall,	ITS_CLASS_INVALL },
	[GITS_CMD_MOVALL]	= { its_cmd_movall,	ITS_CLASS_MOVALL },
	[GITS_CMD_DISCARD]	= { its_cmd_discard,	ITS_CLASS_DISCARD },
};

static bool its_cmd_adds(const struct its_cmd *cmd, enum its_cmd_adds adds)
{
	return adds == ITS_CMD_ADDS || (adds == ITS_CMD_ADDS_IF_VALID && cmd->valid);
}

/* Return: 0, the architecture's error, or a negative errno; -EINPROGRESS: to be run again. */
static int its_cmd_run(struct vgic_its *its, const struct its_cmd *cmd)
{
	u32 nr = array_index_nospec(cmd->opcode, ARRAY_SIZE(its_cmds));
	int ret;

	if (cmd->opcode >= ARRAY_SIZE(its_cmds) || !its_cmds[nr].run)
		return -EINVAL;

	guard(mutex)(&its->its_lock);
	WRITE_ONCE(its->throttled,
		   its_cmd_adds(cmd, its_cmds[nr].adds) && !its_map_may_add(its));
	if (its->throttled)
		return -EINPROGRESS;
	ret = its_cmds[nr].run(its, cmd);
	return ret > 0 ? ITS_ERROR(its_cmds[nr].class, ret) : ret;
}

/* @cmd without what its opcode does not have. One that is unknown has all. */
static struct its_cmd its_cmd_args(const struct its_cmd *cmd)
{
	struct its_cmd args = { .opcode = cmd->opcode };

	switch (cmd->opcode) {
	case GITS_CMD_MAPD:
		args.devid = cmd->devid;
		args.bits = cmd->bits;
		args.itt = cmd->itt;
		args.valid = cmd->valid;
		break;
	case GITS_CMD_MAPTI:
		args.intid = cmd->intid;
		fallthrough;
	case GITS_CMD_MAPI:
	case GITS_CMD_MOVI:
		args.icid = cmd->icid;
		fallthrough;
	case GITS_CMD_INT:
	case GITS_CMD_CLEAR:
	case GITS_CMD_DISCARD:
	case GITS_CMD_INV:
		args.devid = cmd->devid;
		args.evid = cmd->evid;
		break;
	case GITS_CMD_MAPC:
		args.valid = cmd->valid;
		args.rdbase[0] = cmd->rdbase[0];
		fallthrough;
	case GITS_CMD_INVALL:
		args.icid = cmd->icid;
		break;
	case GITS_CMD_MOVALL:
		args.rdbase[1] = cmd->rdbase[1];
		fallthrough;
	case GITS_CMD_SYNC:
		args.rdbase[0] = cmd->rdbase[0];
		break;
	default:
		return *cmd;
	}
	return args;
}

/* Not inlined: its_cmd_process_run() is not to pay for it while it is off. */
static noinline void its_cmd_trace(struct vgic_its *its, const struct its_cmd *cmd, int result)
{
	struct its_cmd args = its_cmd_args(cmd);

	trace_vgic_its_command(its->base, &args, result);
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

	its->walk.vcpu = NULL;
	/* Pairs with the reader of GITS_CREADR: who sees it sees the effect. */
	smp_store_release(&its->creadr, next == its_cmd_queue_bytes(its) ? 0 : next);
}

/* Return: false if the command at GITS_CREADR is to be run again, later. */
static bool its_cmd_process_run(struct vgic_its *its)
{
	gpa_t queue = GITS_CBASER_ADDRESS(its->cbaser);
	__le64 raw[ITS_CMD_RUN * ITS_CMD_DWORDS] __uninitialized;
	u32 nr = its_cmd_run_length(its);
	struct its_cmd cmd = { };
	int unread, ret;

	its_lpi_forget_tables(its);
	unread = kvm_read_guest_lock(its->kvm, queue + its->creadr, raw, nr * ITS_CMD_BYTES);

	for (u32 i = 0; i < nr; i++) {
		ret = unread;
		if (!unread) {
			cmd = its_cmd_decode(&raw[i * ITS_CMD_DWORDS]);
			ret = its_cmd_run(its, &cmd);
		}
		if (ret == -EINPROGRESS)
			return false;
		if (trace_vgic_its_command_enabled())
			its_cmd_trace(its, &cmd, ret);
		if (ret)
			its_cmd_reject(its, &cmd, ret);
		its_cmd_advance(its);
		if (its_cmd_slice_is_over(its))
			break;
		cond_resched();
	}
	return true;
}

/**
 * its_cmd_pending() - Whether there are commands to process.
 * @its: The ITS.
 *
 * Context: Any; with cmd_lock, the answer lasts.
 * Return: true if the ITS is enabled, and its queue is not empty.
 */
bool its_cmd_pending(struct vgic_its *its)
{
	return READ_ONCE(its->enabled) && READ_ONCE(its->creadr) != READ_ONCE(its->cwriter);
}

/*
 * Process commands up to GITS_CWRITER, but not for longer than a slice of time and one
 * step: a command, or ITS_LPI_RUN LPIs of one that walks LPIs. Return: whether commands
 * are left.
 */
static bool its_cmd_process_slice(struct vgic_its *its)
{
	lockdep_assert_held(&its->cmd_lock);

	its->slice_end = jiffies + msecs_to_jiffies(ITS_CMD_SLICE_MS);
	while (its_cmd_pending(its)) {
		WRITE_ONCE(its->saved, false);
		if (!its_cmd_process_run(its) || its_cmd_slice_is_over(its))
			break;
	}
	return its_cmd_pending(its);
}

/*
 * Have commands that are left be processed by each vCPU that enters the guest: the first
 * one does, and others see @resuming. None is kicked. Without cmd_lock: see
 * its_cmd_resume().
 */
static void its_cmd_defer(struct vgic_its *its)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, its->kvm)
		kvm_make_request(KVM_REQ_ITS_COMMANDS, vcpu);
}

/**
 * its_cmd_pause() - Wait between two slices.
 * @its: The ITS.
 *
 * Context: May sleep. Without cmd_lock, for others to get it.
 */
void its_cmd_pause(struct vgic_its *its)
{
	if (READ_ONCE(its->throttled))
		schedule_timeout_interruptible(1);
	else
		cond_resched();
}

/**
 * its_cmd_process() - Process commands for a slice of time.
 * @its: The ITS.
 *
 * Most queues are done by then. Commands that are left are processed before a vCPU enters
 * the guest, or when userspace accesses a register: this may be inside an SRCU section of
 * the VM, which is to be short.
 *
 * Context: May sleep. Takes cmd_lock.
 */
void its_cmd_process(struct vgic_its *its)
{
	bool left = false;

	scoped_guard(mutex, &its->cmd_lock) {
		if (!its->resuming)
			left = its_cmd_process_slice(its);
	}
	if (left)
		its_cmd_defer(its);
}

/*
 * Races with another vCPU that comes here: it finds @resuming set, and leaves. Its request
 * is cleared by then. If this vCPU leaves commands in the queue, it makes a new request
 * for all vCPUs, after @resuming is cleared. kvm_check_request() pairs with
 * kvm_make_request().
 */
static void its_cmd_resume(struct vgic_its *its)
{
	bool left;

	if (READ_ONCE(its->resuming) || !its_cmd_pending(its))
		return;
	mutex_lock(&its->cmd_lock);
	if (its->resuming) {
		mutex_unlock(&its->cmd_lock);
		return;
	}
	WRITE_ONCE(its->resuming, true);
	while ((left = its_cmd_process_slice(its)) && !signal_pending(current)) {
		mutex_unlock(&its->cmd_lock);
		its_cmd_pause(its);
		mutex_lock(&its->cmd_lock);
	}
	WRITE_ONCE(its->resuming, false);
	mutex_unlock(&its->cmd_lock);
	if (left)
		its_cmd_defer(its);
}

/**
 * vgic_its_resume_commands() - Process what is left in the queues of all ITSes.
 * @kvm: The VM.
 *
 * For KVM_REQ_ITS_COMMANDS. Ends early if a signal is pending: any vCPU goes on then.
 *
 * Context: A vCPU's thread, which is about to enter the guest. May sleep.
 */
void vgic_its_resume_commands(struct kvm *kvm)
{
	struct vgic_its *its;

	/* Pairs with its_inject_add_doorbell(). */
	for (its = smp_load_acquire(&kvm->arch.vgic.its); its; its = its->next)
		its_cmd_resume(its);
}
