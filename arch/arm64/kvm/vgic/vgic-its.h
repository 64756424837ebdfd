/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vGICv3 ITS: from (DeviceID, EventID) to an LPI (IHI 0069, "LPIs and the ITS").
 *
 *   vgic-its.c         create, reset, destroy
 *   vgic-its-regs.c    the frame of registers, for guest and userspace
 *   vgic-its-cmd.c     the command queue
 *   vgic-its-map.c     devices, events, collections
 *   vgic-its-inject.c  an MSI becomes a pending LPI
 *   vgic-its-forward.c LPIs that GICv4 forwards
 *   vgic-its-lpi.c     LPIs, and their configuration table
 *   vgic-its-pending.c LPIs' pending tables
 *   vgic-its-table.c   where an entry is in the guest's tables
 *   vgic-its-save.c    the map to and from the guest's tables
 *   vgic-its-device.c  KVM device attributes
 *   vgic-its-debug.c   debugfs
 *
 * Lock order, outermost first; the outer ones are those of vgic.c:
 *
 *   kvm->lock
 *     vcpu->mutex, all of them
 *       kvm->arch.config_lock
 *         its->cmd_lock          command queue, GITS_CTLR.Enabled
 *           its->its_lock        changes to devices, events, collections; GITS_BASERn
 *             kvm->arch.vgic.lpi_tables_lock (mutex) what LPIs' tables say
 *             kvm->irqfds.lock   (IRQs off) which LPIs an irqfd forwards
 *             lpi_xa.xa_lock     (IRQs off)
 *               ap_list_lock     (IRQs off)
 *                 irq_lock       (IRQs off) one LPI, and its events' way to it
 *                   vgic_lpi_queue.lock (IRQs off)
 *
 * Injection takes RCU for the map and then irq_lock, so it may run with IRQs off.
 * It holds no reference and caches nothing. These invariants are why that is safe,
 * and why it leaves nothing to invalidate:
 *
 * 1. A mapped event (its_event.irq is set) holds a reference to its LPI. The
 *    event is unmapped by clearing its_event.irq with irq_lock held, and only then
 *    is the reference dropped. So a caller that holds irq_lock and finds its_event.irq
 *    set has an LPI that stays, and may make it pending and queue it for its vCPU.
 *
 * 2. Unmapping clears the LPI's pending state in the same section of irq_lock, and
 *    its target if no event is left (its_lpi.nr_events). So an injection comes either
 *    before it, and has no effect left, or after it, and finds no mapping. When the
 *    unmapping command has completed, nothing that was sent through the old mapping,
 *    before or since, makes the LPI pending. What a running vCPU has in a list register
 *    can be taken there until it exits, but does not become pending again
 *    (vgic_irq.withdrawn).
 *
 * 3. its_event.collection changes with irq_lock held. So the same is true of
 *    MAPC with V=0, but that its LPIs stay pending if they were.
 *
 * 4. Clearing GITS_CTLR.Enabled is followed by a grace period before cmd_lock is released,
 *    in its_regs_write_ctlr() and its_reset(). Injection tests it inside its RCU section,
 *    so no injection that saw it set is left then. So nothing that is mapped while it is
 *    clear (by RESTORE_TABLES) is reached by an MSI that was sent before. An ITS that
 *    was not enabled has nothing to wait for. Injection tests GICR_CTLR.EnableLPIs with
 *    irq_lock held, which who clears it takes for each LPI.
 *
 * 5. Devices, events and collections are freed a grace period after the last way to
 *    them is gone: each is found through the map alone.
 *
 * What a guest can have the host allocate, charged to the VM's memory cgroup: an
 * its_device for each DeviceID that it maps (65,536 at most), an its_bus of 4 KiB for
 * 256 neighbours of them (1 MiB in all), an its_collection for each ICID (65,536), an
 * its_event for each event (ITS_MAX_EVENTS), an its_lpi for each INTID (57,344), and
 * the XArray nodes that index them, of 576 bytes for 64 neighbours; and for each vCPU
 * 1 KiB for 8,192 INTIDs of which it has been sent one. That is about
 * 10 MiB for 57,344 events of neighbouring IDs, and for each ITS 210 MiB at the very
 * most: two events in each of 65,536 devices, so far apart that they share one of five
 * nodes.
 * Devices of more than 16 bits of DeviceID have nodes of an XArray in place of an its_bus:
 * if 65,536 of them are as far apart as they can be, these are 40 MiB more.
 *
 * An object that is unmapped stays allocated until RCU has freed it. Commands that map
 * wait while there are ITS_MAX_FREED such objects or more, so a guest that maps and
 * unmaps in a loop cannot outrun RCU. Events, devices and collections that are mapped or
 * wait for RCU are ITS_MAX_FREED (2,048) more at the most than can be mapped. That is up
 * to 8 MiB for each ITS: an its_lpi and six nodes for each of them. (What kfree_rcu()
 * frees, which are not the nodes, it frees in batches, and a little later.)
 */
#ifndef __KVM_ARM_VGIC_ITS_H__
#define __KVM_ARM_VGIC_ITS_H__

#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>
#include <kvm/arm_vgic.h>

#include "vgic-its-abi.h"
#include "vgic-msi.h"

/* What the VMM may choose for GITS_TYPER.Devbits; the least is what it gets by default. */
#define ITS_DEVICEID_BITS	16
#define ITS_MAX_DEVICEID_BITS	24	/* see its_save() */
#define ITS_EVENTID_BITS	16
#define ITS_ABI_REV		0

/* More than the INTIDs that a guest has for them, twice. */
#define ITS_MAX_EVENTS		BIT(17)

/* All that there are by default, and more than the INTIDs that a guest has for them. */
#define ITS_MAX_DEVICES		BIT(16)

/* Objects that wait for RCU: commands that map wait while there are so many. */
#define ITS_MAX_FREED		2048

/*
 * Devices are found in two steps, which for PCI are bus and function. DeviceIDs of more
 * than 16 bits, which are those of other PCI segments than the first, are in an XArray.
 */
#define ITS_BUS_SHIFT		8
#define ITS_BUS_DEVICES		BIT(ITS_BUS_SHIFT)
#define ITS_NR_BUSES		BIT(ITS_DEVICEID_BITS - ITS_BUS_SHIFT)

#define ITS_FRAME_SIZE		KVM_VGIC_V3_ITS_SIZE

enum its_baser {
	ITS_BASER_DEVICES,
	ITS_BASER_COLLECTIONS,
	ITS_NR_BASERS,
};

/* Tables are read for so many neighbouring INTIDs at once: never past a page. */
#define ITS_LPI_RUN		64
#define ITS_LPI_NR_PENDING	4

/**
 * struct its_pending_word - A word of a pending table, as it has been read.
 * @vcpu:	Whose table, or NULL for none.
 * @first:	The first of its ITS_LPI_RUN INTIDs.
 * @bits:	Their bits.
 */
struct its_pending_word {
	struct kvm_vcpu	*vcpu;
	u32		first;
	u64		bits;
};

/**
 * struct its_lpi_tables - What has been read of LPIs' tables, for new LPIs.
 * @first:	The first of ITS_LPI_RUN INTIDs, or 0.
 * @gen:	vgic_dist.lpi_tables_gen when it was read. Good while that is the same.
 * @config:	Their part of the configuration table.
 * @pending:	Their part of some vCPUs' pending tables, by the vCPU's index.
 *
 * Good for commands that the guest had queued before it was read: what they find
 * in memory was there then. its_lpi_forget_tables() ends that.
 */
struct its_lpi_tables {
	u32		first;
	u32		gen;
	u8		config[ITS_LPI_RUN];
	struct its_pending_word	pending[ITS_LPI_NR_PENDING];
};

/**
 * struct its_freed - How many objects were unmapped, and may not be freed yet.
 * @recent:	Those that were unmapped after @rcu was queued. its_lock.
 * @waiting:	Those that were unmapped before. They are freed when @rcu is invoked, which
 *		sets it to 0. 0: @rcu is not queued.
 * @rcu:	Queued behind what frees the objects.
 */
struct its_freed {
	u32		recent;
	u32		waiting;
	struct rcu_head	rcu;
};

/**
 * struct its_walk - How far the command at GITS_CREADR has walked a vCPU's LPIs.
 * @vcpu:	The vCPU, or NULL if the command has not begun.
 * @intid:	The INTID to go on with.
 */
struct its_walk {
	struct kvm_vcpu	*vcpu;
	unsigned long	intid;
};

/**
 * struct vgic_its - One ITS. Lives as long as its VM.
 * @kvm:	The VM.
 * @next:	The ITS whose address was set before; vgic_dist.its is the latest.
 *		Written once, before that; read without a lock (its_inject_find()).
 * @base:	Address of the frames, or VGIC_ADDR_UNDEF. Written once, under
 *		slots_lock and before @next.
 * @iodev:	The frames on the VM's bus.
 * @cmd_lock:	Guards what follows.
 * @enabled:	GITS_CTLR.Enabled. Read without the lock too, by injection (4.).
 * @disabling:	@enabled was cleared, and injections that saw it set may go on.
 * @cbaser:	GITS_CBASER
 * @cwriter:	GITS_CWRITER, an offset in bytes
 * @creadr:	GITS_CREADR, an offset in bytes. Read without the lock too: whoever
 *		sees it advance sees what the commands before it did.
 * @walk:	What the command at @creadr has done, if it was interrupted.
 * @slice_end:	In jiffies: when to let others have @cmd_lock.
 * @resuming:	A vCPU processes commands before it enters the guest. It sees each
 *		change of @cwriter and @enabled, so others leave the queue to it.
 * @throttled:	The command at @creadr waits for RCU (ITS_MAX_FREED).
 * @was_enabled: @enabled was set at some time: GITS_TYPER stays what it is.
 * @saved:	Tables were saved, and no command was processed since.
 * @lpi_tables:	What has been read for new LPIs.
 * @its_lock:	Guards what follows, and the objects that it leads to.
 * @baser:	GITS_BASER0 and 1. Fixed while the ITS is enabled.
 * @buses:	Devices by DeviceID, if that has 16 bits at most; NULL where none has been
 *		mapped since reset. Read under RCU too.
 * @wide:	its_device by DeviceID, if that has more. Read under RCU too.
 * @devid_bits:	DeviceIDs have so many bits. Fixed once the ITS was enabled, and while
 *		anything is mapped. Injection does not read it: nothing is mapped past it.
 * @nr_devices:	How many devices there are, up to ITS_MAX_DEVICES.
 * @collections: its_collection by ICID.
 * @created:	The same in the order of their creation, in which they are saved.
 * @nr_collections: How many there are.
 * @nr_events:	Events in all devices, up to ITS_MAX_EVENTS.
 * @freed:	What RCU has yet to free.
 */
struct vgic_its {
	struct kvm		*kvm;
	struct vgic_its		*next;
	gpa_t			base;
	struct vgic_io_device	iodev;

	struct mutex		cmd_lock;	/* guards: */
	bool			enabled;
	bool			disabling;
	u64			cbaser;
	u32			cwriter;
	u32			creadr;
	struct its_walk		walk;
	unsigned long		slice_end;
	bool			resuming;
	bool			throttled;
	bool			was_enabled;
	bool			saved;
	struct its_lpi_tables	lpi_tables;

	struct mutex		its_lock;	/* guards: */
	u64			baser[ITS_NR_BASERS];
	struct its_bus __rcu	*buses[ITS_NR_BUSES];
	struct xarray		wide;
	u32			devid_bits;
	u32			nr_devices;
	struct xarray		collections;
	struct list_head	created;
	u32			nr_collections;
	u32			nr_events;
	struct its_freed	freed;
};

/**
 * struct its_bus - The devices of 256 DeviceIDs.
 * @rcu:	Frees it.
 * @devices:	Each device, or NULL. Written under its_lock, read under RCU.
 */
struct its_bus {
	struct rcu_head			rcu;
	struct its_device __rcu		*devices[ITS_BUS_DEVICES];
};

/**
 * struct its_device - What MAPD maps.
 * @events:	its_event by EventID. Written under its_lock, read under RCU.
 * @itt:	Address of the interrupt translation table.
 * @bits:	EventIDs have so many bits: the ITT has 1 << @bits entries.
 * @rcu:	Frees it.
 */
struct its_device {
	struct xarray		events;
	gpa_t			itt;
	u32			bits;
	struct rcu_head		rcu;
};

/**
 * struct its_collection - What MAPC maps, or MAPTI names first.
 * @target:	The vCPU whose redistributor it is mapped to, or NULL. Written under
 *		its_lock, read under RCU.
 * @icid:	Its ICID.
 * @events:	The events in it. its_lock.
 * @created:	In vgic_its.created. its_lock.
 * @rcu:	Frees it.
 */
struct its_collection {
	struct kvm_vcpu		*target;
	u16			icid;
	struct list_head	events;
	struct list_head	created;
	struct rcu_head		rcu;
};

/**
 * struct its_event - What MAPTI maps.
 * @irq:	Its LPI, with a reference; NULL once it is unmapped (1.). Written
 *		under its_lock and irq_lock; one of them, or RCU, will do to read.
 * @collection:	Its collection, or NULL once that is unmapped (3.). As @irq.
 * @siblings:	In its_collection.events. its_lock.
 * @rcu:	Frees it, when @siblings are left, if it is not that of an its_lpi.
 */
struct its_event {
	struct vgic_irq		*irq;
	struct its_collection	*collection;
	union {
		struct list_head	siblings;
		struct rcu_head		rcu;
	};
};

/**
 * struct its_lpi - An LPI, and the event that it has been made for.
 * @irq:	The LPI, which is freed by its last reference.
 * @nr_events:	Events that are mapped to it, of all ITSes. irq_lock.
 * @event:	Nearly always the only event that is mapped to it. Once it is
 *		unmapped it is not used again; another has memory of its own.
 */
struct its_lpi {
	struct vgic_irq		irq;
	u32			nr_events;
	struct its_event	event;
};

/**
 * struct its_lpi_state - The state of an LPI that is not mapped, as the tables say.
 * @target:	The vCPU whose pending table it is, or NULL.
 * @config:	The LPI's byte of the configuration table.
 * @counts:	The LPI's bit of the pending table counts: it has been read for this.
 * @pending:	That bit.
 */
struct its_lpi_state {
	struct kvm_vcpu		*target;
	u8			config;
	bool			counts;
	bool			pending;
};

/**
 * its_map_find_device() - Look up a device.
 * @its: The ITS.
 * @devid: DeviceID, of any value.
 *
 * Context: its_lock, or RCU.
 * Return: The device, or NULL if it is not mapped.
 */
static inline struct its_device *its_map_find_device(struct vgic_its *its, u32 devid)
{
	u32 nr = devid >> ITS_BUS_SHIFT;
	struct its_bus *bus;

	if (unlikely(nr >= ITS_NR_BUSES))
		return xa_load(&its->wide, devid);
	nr = array_index_nospec(nr, ITS_NR_BUSES);
	bus = rcu_dereference_check(its->buses[nr], lockdep_is_held(&its->its_lock));
	if (!bus)
		return NULL;
	return rcu_dereference_check(bus->devices[devid % ITS_BUS_DEVICES],
				     lockdep_is_held(&its->its_lock));
}

/*
 * vgic-its-map.c. What commands and a saved table ask for is checked here, but for
 * what only one of them can ask. Context: cmd_lock and its_lock held, unless said
 * otherwise. They return 0, an enum its_reason, or a negative errno (-ENOMEM;
 * -ENOSPC past ITS_MAX_EVENTS or ITS_MAX_DEVICES;
 * -EFAULT for memory of the guest that can't be read); but for 0 nothing is changed.
 */
struct its_device *its_map_next_device(struct vgic_its *its, u32 *devid);
struct its_event *its_map_find(struct vgic_its *its, u32 devid, u32 evid);
struct its_collection *its_map_find_collection(struct vgic_its *its, u32 icid);
int its_map_device(struct vgic_its *its, u32 devid, gpa_t itt, u32 bits);
int its_map_event(struct vgic_its *its, struct its_device *dev, u32 evid, u32 intid, u32 icid);
int its_map_collection(struct vgic_its *its, u32 icid, struct kvm_vcpu *target);
void its_map_move(struct vgic_its *its, struct its_event *event, struct its_collection *to);
int its_map_drop_device(struct vgic_its *its, u32 devid);
int its_map_drop_event(struct vgic_its *its, u32 devid, u32 evid);
void its_map_drop_collection(struct vgic_its *its, u32 icid);
void its_map_drop_devices(struct vgic_its *its);
void its_map_drop_collections(struct vgic_its *its);
bool its_map_may_add(struct vgic_its *its);

/* vgic-its-inject.c */
enum vgic_msi_outcome its_inject(struct vgic_its *its, u32 devid, u32 evid);
enum vgic_msi_outcome its_inject_sleeping(struct vgic_its *its, u32 devid, u32 evid);
void its_inject_wait(void);
struct vgic_its *its_inject_find_msi(struct kvm *kvm, const struct kvm_msi *msi);
void its_inject_add_doorbell(struct vgic_its *its);

/* vgic-its-forward.c. Context: irq_lock. */
void its_forward_drop(struct vgic_irq *irq);
int its_forward_retarget(struct vgic_irq *irq, struct kvm_vcpu *to);
int its_forward_configure(struct vgic_irq *irq, u8 config, bool inv);
int its_forward_set_pending(struct vgic_irq *irq, bool pending);

/* vgic-its-lpi.c */
int its_lpi_init(void);
void its_lpi_forget_tables(struct vgic_its *its);
int its_lpi_read_tables(struct vgic_its *its, u32 intid, struct kvm_vcpu *target,
			struct its_lpi_state *state);
struct its_event *its_lpi_new_event(struct kvm *kvm, u32 intid, struct its_lpi_state *state);
void its_lpi_load_pending(struct vgic_irq *irq, const struct its_lpi_state *state);
void its_lpi_undo_event(struct kvm *kvm, struct its_event *event);
void its_lpi_free_event(struct kvm *kvm, struct its_event *event);
u32 its_lpi_intids(struct kvm *kvm);
bool its_lpi_in_range(struct kvm *kvm, u32 intid);
bool its_lpi_is_mapped(struct kvm_vcpu *vcpu, u32 intid);
int its_lpi_inv(struct kvm *kvm, struct vgic_irq *irq);
struct vgic_irq *its_lpi_find(struct kvm *kvm, unsigned long *intid,
			      struct kvm_vcpu *(*of)(const struct vgic_irq *irq),
			      struct kvm_vcpu *vcpu);
struct kvm_vcpu *its_lpi_target(const struct vgic_irq *irq);
int its_lpi_retarget(struct vgic_irq *irq, struct kvm_vcpu *to);
int its_lpi_clear(struct vgic_irq *irq);
bool its_lpi_move_some(struct kvm_vcpu *from, struct kvm_vcpu *to, unsigned long *intid);
bool its_lpi_configure_some(struct kvm_vcpu *vcpu, unsigned long *intid);

/* vgic-its-pending.c. Context: lpi_tables_lock, unless said otherwise. */
bool its_pending_counts(struct kvm_vcpu *vcpu, u32 intid);
int its_pending_find(struct its_pending_word *word, struct kvm_vcpu *vcpu, u32 intid);
void its_pending_see(struct kvm_vcpu *vcpu, u32 intid);
void its_pending_renew(struct kvm *kvm);

/* vgic-its-table.c. Context: its_lock held, may sleep. */
bool its_table_is_memory(struct vgic_its *its, gpa_t gpa);
bool its_table_dte(struct vgic_its *its, u32 devid, gpa_t *gpa);
u32 its_table_dtes_end(struct vgic_its *its, u32 devid);
int its_table_dtes(struct vgic_its *its, u32 devid, gpa_t *gpa);
bool its_table_holds_icid(struct vgic_its *its, u32 icid);
bool its_table_ite(struct vgic_its *its, struct its_device *dev, u32 evid, gpa_t *gpa);
int its_table_write(struct vgic_its *its, gpa_t gpa, u64 entry);
u64 its_table_bytes(u64 baser);

/* vgic-its-cmd.c */
bool its_cmd_pending(struct vgic_its *its);
void its_cmd_process(struct vgic_its *its);
void its_cmd_pause(struct vgic_its *its);
u32 its_cmd_queue_bytes(struct vgic_its *its);

/* vgic-its-regs.c */
void its_regs_reset(struct vgic_its *its);
int its_regs_map_frame(struct vgic_its *its, gpa_t base);
int its_regs_has(u64 offset);
int its_regs_access(struct vgic_its *its, u64 offset, u64 *val, bool write);

/* vgic-its-save.c: SAVE_TABLES and RESTORE_TABLES. its_lock held. */
int its_save(struct vgic_its *its);
int its_restore(struct vgic_its *its);

/* vgic-its.c */
struct vgic_its *its_create(struct kvm *kvm);
void its_reset(struct vgic_its *its);
void its_destroy(struct vgic_its *its);

/* vgic-its-debug.c */
void its_debug_init(struct vgic_its *its);

#endif /* __KVM_ARM_VGIC_ITS_H__ */
