/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM with a GICv3 and an ITS that are driven from the VMM's side: the guest's
 * tables and commands are written through guest memory and device attributes, so
 * no vCPU has to run.
 */
#ifndef SELFTEST_KVM_ITS_VMM_H
#define SELFTEST_KVM_ITS_VMM_H

#include <linux/sizes.h>

#include "kvm_util.h"
#include "processor.h"
#include "gic.h"
#include "gic_v3.h"

/* Of the first ITS; others are below it, each KVM_VGIC_V3_ITS_SIZE further down. */
#define ITS_VMM_DOORBELL	(GITS_BASE_GPA + GITS_TRANSLATER)
#define ITS_VMM_MAX_VCPUS	4
#define ITS_VMM_MAX_ITS		4
#define ITS_VMM_MAX_DEVID	64
#define ITS_VMM_EVENT_BITS	5
#define ITS_VMM_SCRATCH_SIZE	(16UL * SZ_1M)

/* The distributor's registers of the first SPIs, which pins from 0 on lead to. */
#define ITS_VMM_SPI_ICFGR	(GICD_ICFGR + 8)
#define ITS_VMM_SPI_ISPENDR	(GICD_ISPENDR + 4)
#define ITS_VMM_SPI_ICPENDR	(GICD_ICPENDR + 4)

/**
 * enum its_vmm_table - The tables in guest memory, 64 KiB each.
 * @ITS_VMM_COMMANDS: Command queue of the selected ITS.
 * @ITS_VMM_DEVICES: Its device table, flat: 8,192 DeviceIDs.
 * @ITS_VMM_COLLECTIONS: Its collection table.
 * @ITS_VMM_ITTS: Its ITTs, those that its_vmm_mapd() chooses.
 * @ITS_VMM_CONFIG: LPI configuration table of the VM.
 * @ITS_VMM_PENDING: LPI pending table of vCPU 0; add a vCPU for that of another.
 */
enum its_vmm_table {
	ITS_VMM_COMMANDS,
	ITS_VMM_DEVICES,
	ITS_VMM_COLLECTIONS,
	ITS_VMM_ITTS,
	ITS_VMM_CONFIG,
	ITS_VMM_PENDING,
};

/**
 * struct its_vmm - The VM.
 * @vm: With its vCPUs.
 * @gic_fd: Its GICv3, or -1.
 * @its_fd: The selected ITS, or -1. All functions act on the selected one.
 * @nr_vcpus: vCPUs that have LPIs.
 * @nr_its: ITSes that its_vmm_add_its() added.
 * @selected: Which of them is selected, from 0.
 * @ram: Guest memory that holds the tables, and the scratch memory at its end.
 * @ram_gpa: Where the guest has it.
 * @scratch: ITS_VMM_SCRATCH_SIZE of memory that is the test's, zero and aligned
 *	to 64 KiB. No guest memory follows.
 * @scratch_gpa: Where the guest has it.
 * @cwriter: Offset in the selected ITS's command queue of the next command.
 * @others: What @its_fd and @cwriter are of the ITSes that are not selected.
 */
struct its_vmm {
	struct kvm_vm *vm;
	int gic_fd;
	int its_fd;
	u32 nr_vcpus;
	u32 nr_its;
	u32 selected;
	void *ram;
	u64 ram_gpa;
	void *scratch;
	u64 scratch_gpa;
	u64 cwriter;
	struct {
		int fd;
		u64 cwriter;
	} others[ITS_VMM_MAX_ITS];
};

/* A VM with vCPUs that never run, a GICv3 and an ITS, both enabled. */
void its_vmm_create(struct its_vmm *v, u32 nr_vcpus);
void its_vmm_destroy(struct its_vmm *v);

/*
 * The steps of its_vmm_create(). vCPUs come before the GIC. Any of several ITSes
 * is selected when it is added. its_vmm_enable() enables all, and LPIs: anew,
 * where they are enabled already.
 */
void its_vmm_create_vm(struct its_vmm *v, u32 nr_vcpus);
/* A VM whose vCPUs run @guest_code. It has no GIC yet. */
struct kvm_vm *its_vmm_guest_vm(u32 nr_vcpus, void *guest_code, struct kvm_vcpu *vcpus[]);
/* Have @handler called when one of the @nr vCPUs takes an interrupt. */
void its_vmm_guest_irqs(struct kvm_vm *vm, struct kvm_vcpu *vcpus[], u32 nr, handler_fn handler);
/*
 * In place of its_vmm_create_vm(): @vm comes from its_vmm_guest_vm(), and has no
 * memory at 1 GiB or above, where the tables go.
 */
void its_vmm_use_vm(struct its_vmm *v, struct kvm_vm *vm, u32 nr_vcpus);
void its_vmm_add_gic(struct its_vmm *v);
void its_vmm_add_its(struct its_vmm *v);
void its_vmm_enable(struct its_vmm *v);

/*
 * Let the guest access the frames of the GIC and of the ITSes that it has, and the tables
 * with the first @scratch bytes of the scratch memory: at their guest physical addresses.
 */
void its_vmm_map_frames(struct its_vmm *v);
void its_vmm_map_ram(struct its_vmm *v, u64 scratch);

/* Select the nth ITS, from 0. */
void its_vmm_select(struct its_vmm *v, u32 n);

/* Where MSIs to the ITS are written. */
u64 its_vmm_doorbell(struct its_vmm *v);

/* Where a table is, for the guest and for the test. */
u64 its_vmm_gpa(struct its_vmm *v, u32 table);
void *its_vmm_hva(struct its_vmm *v, u32 table);

/* Set an LPI's byte in the configuration table, unknown to the ITS as yet. */
void its_vmm_set_config(struct its_vmm *v, u32 lpi, u8 byte);

/* Registers; those of distributor and redistributors are accessed by 32 bits. */
u64 its_vmm_its_read(struct its_vmm *v, u32 reg);
void its_vmm_its_write(struct its_vmm *v, u32 reg, u64 val);
u64 its_vmm_redist_read(struct its_vmm *v, u64 vcpu, u32 reg);
void its_vmm_redist_write(struct its_vmm *v, u64 vcpu, u32 reg, u64 val);
u32 its_vmm_dist_read(struct its_vmm *v, u32 reg);
void its_vmm_dist_write(struct its_vmm *v, u32 reg, u32 val);

/* An attribute of KVM_DEV_ARM_VGIC_GRP_CTRL of the ITS: 0 or -errno. */
int its_vmm_ctrl(struct its_vmm *v, u64 attr);

/* One command each; processed when it returns. */
void its_vmm_mapc(struct its_vmm *v, u16 icid, u32 vcpu, bool valid);
void its_vmm_mapd(struct its_vmm *v, u32 devid, bool valid);
void its_vmm_mapd_itt(struct its_vmm *v, u32 devid, u64 itt_gpa, u32 bits, bool valid);
void its_vmm_mapti(struct its_vmm *v, u32 devid, u32 event, u32 lpi, u16 icid);
void its_vmm_mapi(struct its_vmm *v, u32 devid, u32 event_lpi, u16 icid);
void its_vmm_movi(struct its_vmm *v, u32 devid, u32 event, u16 icid);
void its_vmm_movall(struct its_vmm *v, u32 from, u32 to);
void its_vmm_discard(struct its_vmm *v, u32 devid, u32 event);
void its_vmm_clear(struct its_vmm *v, u32 devid, u32 event);
void its_vmm_int(struct its_vmm *v, u32 devid, u32 event);
void its_vmm_inv(struct its_vmm *v, u32 devid, u32 event);
void its_vmm_invall(struct its_vmm *v, u16 icid);
void its_vmm_sync(struct its_vmm *v);
void its_vmm_command(struct its_vmm *v, u64 dw0, u64 dw1, u64 dw2, u64 dw3);

/* For many commands: queue them, then have the ITS process all that are queued. */
void its_vmm_queue(struct its_vmm *v, u64 dw0, u64 dw1, u64 dw2);
void its_vmm_submit(struct its_vmm *v);

/*
 * Save the pending tables, and look whether an LPI is pending in a vCPU's. KVM
 * writes the bit of an LPI that is mapped, in its target's table alone.
 */
void its_vmm_save_pending(struct its_vmm *v);
bool its_vmm_saved(struct its_vmm *v, u32 vcpu, u32 lpi);
/* Both, with the LPI's bit clear before. */
bool its_vmm_pending(struct its_vmm *v, u32 vcpu, u32 lpi);

/*
 * Guest code: write a command to the queue of the ITS whose registers are at @its, and
 * announce it. Nobody else may meanwhile. Returns where GITS_CREADR is when it is done.
 */
static inline u64 its_vmm_guest_command(void *its, u64 queue, const u64 *dw)
{
	u64 at = readq_relaxed(its + GITS_CWRITER) & GENMASK(19, 5);
	u64 *command = (void *)(queue + at);

	for (u32 i = 0; i < 4; i++)
		command[i] = dw[i];
	at = (at + 32) % SZ_64K;
	dsb(sy);
	writeq_relaxed(at, its + GITS_CWRITER);
	return at;
}

/* How many pages of tables and scratch memory KVM has written since the last call; 0 at first. */
u32 its_vmm_dirty(struct its_vmm *v);

/* The time since some point, in milliseconds. */
u64 now_ms(void);

/* Is the host's kernel one with KASAN, lockdep and kmemleak, on which all takes longer? */
bool is_debug_kernel(void);

/* KVM_SIGNAL_MSI to the ITS's doorbell, or to any: its result, or -errno. */
int its_vmm_signal(struct its_vmm *v, u32 devid, u32 event, u32 flags);
int its_vmm_signal_at(struct its_vmm *v, u64 doorbell, u32 devid, u32 event, u32 flags);

/* The MSI of a device's event, with its DeviceID. */
struct kvm_msi its_vmm_msi(u64 doorbell, u32 devid, u32 event);

/* Entries for KVM_SET_GSI_ROUTING. */
struct kvm_irq_routing_entry its_vmm_route_msi(u32 gsi, const struct kvm_msi *msi);
struct kvm_irq_routing_entry its_vmm_route_spi(u32 gsi, u32 pin);

/* KVM_IRQFD */
void its_vmm_irqfd(struct its_vmm *v, int fd, u32 gsi, u32 flags);
void its_vmm_signal_fd(int fd);
/* Signal a bound eventfd, wait until KVM is done with it, delivered or not. Unbinds it. */
void its_vmm_raise_irqfd(struct its_vmm *v, int fd, u32 gsi);

/* The value of a counter in the VM's binary statistics, and whether there is one. */
u64 its_vmm_stat(struct its_vmm *v, const char *name);
bool its_vmm_has_stat(struct its_vmm *v, const char *name);
/* Its descriptor, or NULL. */
struct kvm_stats_desc *its_vmm_find_stat(struct its_vmm *v, const char *name);
/*
 * The values of all counters, once one was found: each is at the offset that its
 * descriptor names. Returns how many bytes there are, at most @size.
 */
size_t its_vmm_read_stats(struct its_vmm *v, void *data, size_t size);

#endif /* SELFTEST_KVM_ITS_VMM_H */
