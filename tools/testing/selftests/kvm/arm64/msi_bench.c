// SPDX-License-Identifier: GPL-2.0-only
/*
 * msi_bench - what MSIs and their routes cost a VMM, in instructions
 *
 * Drives KVM from the VMM's side alone: no vCPU runs, but for those rows whose
 * operation has a guest. The guest's part, which is the ITS's tables and commands,
 * is played through guest memory and device attributes. LPIs stay disabled in the
 * configuration table and go to two vCPUs in turn, so that what is measured ends
 * with the LPI pending. Only interfaces that Linux 6.12 has are needed: one binary
 * measures any kernel since.
 *
 * The unit: values are nanoseconds of CLOCK_MONOTONIC. On an emulator that
 * counts one nanosecond for each instruction (QEMU: -icount shift=0,sleep=off)
 * they are arm64 instructions, of kernel and program together, on all CPUs of
 * the host, for one unit of the row's operation. Nothing is subtracted: the
 * rows "nothing" and "eventfd_write" say what an ioctl and a write cost by
 * themselves. Idle time that a timer ends counts as well. The values of rows
 * named "memory_*" are bytes of the host's slab instead. That of "irqs_off" is
 * the longest time with interrupts off, in ns; it needs CONFIG_IRQSOFF_TRACER.
 *
 * The output has a line for each row: operation, size, value, with tabs
 * between; the value is "-" where the kernel lacks the operation, or can't be
 * given so many routes. A size of DxE is D devices of E events each; a size of n
 * is n GSIs, each routed to an event of its own as long as there are LPIs.
 *
 * Arguments choose operations by name; without any, all are measured.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <linux/log2.h>
#include <linux/sizes.h>

#include "its_vmm.h"
#include "ucall.h"

#define ROUNDS		20		/* at most; the least of them counts */
#define ENOUGH_NS	200000000	/* no further round after this much */
#define GUEST_S		10		/* a row that takes longer has no value */
#define SETTLE_US	50000		/* for what setup left to the background */

#define NR_VCPUS	2
#define LPI_FIRST	8192
#define MAX_FDS		(66U * 1024)

/* What "MOVI then MSIs" sends after each MOVI. */
#define MSIS_PER_MOVI	16

/* How often the guest of "backlog" leaves and is entered again, for each KVM_RUN. */
#define NR_ENTRIES	64

#define TRACING		"/sys/kernel/tracing"

/* A call that the host's kernel answers: SMCCC_VERSION. */
#define SMCCC_VERSION	0x80000000

/**
 * struct size - How much is mapped.
 * @name:	As printed.
 * @devices:	Devices mapped in the ITS.
 * @events:	Events mapped for each device.
 * @gsis:	GSIs that are routed, or bound to irqfds.
 */
struct size {
	const char	*name;
	u32		devices;
	u32		events;
	u32		gsis;
};

/**
 * struct bench - One VM, and what the rows need to work on it.
 * @its:	The VM with its ITS.
 * @vcpus:	Its vCPUs, if they run.
 * @taken:	LPIs that the guest has taken, which it counts itself.
 * @size:	Size of the row.
 * @events:	Events in all. Event i belongs to device i / @size->events and sends
 *		LPI @LPI_FIRST + i.
 * @n:		GSIs in all. GSI i is routed to event i % @events.
 * @routes:	Room for the @n routes.
 * @efds:	@n eventfds, and one more that is bound to nothing.
 * @regs:	What @restored_regs hold.
 * @step:	Counts runs, so that each can differ from the one before.
 */
struct bench {
	struct its_vmm		its;
	struct kvm_vcpu		*vcpus[NR_VCPUS];
	u64			*taken;
	const struct size	*size;
	u32			events;
	u32			n;
	struct kvm_irq_routing	*routes;
	int			*efds;
	u64			regs[3];
	u32			step;
};

enum per { PER_RUN, PER_EVENT, PER_GSI, PER_ENTRY };

/**
 * struct op - An operation to measure: one row of the output for each size.
 * @name:	As printed.
 * @sizes:	Sizes, up to one without a name.
 * @cap:	What the VM must be capable of, or 0.
 * @needs:	Whether the host has what the operation needs, or NULL.
 * @bare:	The VM has nothing mapped but the collections.
 * @guest:	What vCPU 0 runs, or NULL.
 * @setup:	Brings a VM with all events mapped to where the rounds start.
 * @before:	Brings it to where a round starts.
 * @run:	The operation: the only part that is measured.
 * @after:	Looks at what came of a round, or NULL.
 * @meter:	What @run is measured by: how much this grows. Without it, time.
 * @per:	What the value is for: a whole @run, or one event, GSI or entry of it.
 * @units:	A round repeats @run until it has measured so many.
 * @cold:	@run can't be repeated, or is of interest the first time only: it
 *		isn't run for practice, and a round has one.
 */
struct op {
	const char		*name;
	const struct size	*sizes;
	long			cap;
	bool			(*needs)(void);
	bool			bare;
	void			(*guest)(void);
	void			(*setup)(struct bench *b);
	void			(*before)(struct bench *b);
	void			(*run)(struct bench *b);
	void			(*after)(struct bench *b);
	u64			(*meter)(void);
	enum per		per;
	u32			units;
	bool			cold;
};

/* The VM, with all events mapped. */

/* An ITT has room for a power of two of events, 32 or more. */
static u32 itt_bits(const struct size *size)
{
	return max(5, ilog2(size->events - 1) + 1);
}

static u64 itt_size(const struct size *size)
{
	return 8ULL << itt_bits(size);
}

static void queue_mapd(struct bench *b, u64 devid, bool valid)
{
	u64 itt = b->its.scratch_gpa + devid * itt_size(b->size);

	its_vmm_queue(&b->its, devid << 32 | GITS_CMD_MAPD, itt_bits(b->size) - 1,
		      (u64)valid << 63 | itt);
}

static void queue_mapti(struct bench *b, u32 i)
{
	u64 devid = i / b->size->events, evid = i % b->size->events;
	u64 lpi = LPI_FIRST + i, icid = i % NR_VCPUS;

	its_vmm_queue(&b->its, devid << 32 | GITS_CMD_MAPTI, lpi << 32 | evid, icid);
}

static void map_devices(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->size->devices; i++)
		queue_mapd(b, i, true);
	its_vmm_submit(&b->its);
}

static void map_events(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->events; i++)
		queue_mapti(b, i);
	its_vmm_submit(&b->its);
}

static void map_all(struct bench *b)
{
	map_devices(b);
	map_events(b);
}

static void create_guest(struct bench *b, void (*guest)(void))
{
	struct kvm_vm *vm = its_vmm_guest_vm(NR_VCPUS, guest, b->vcpus);

	its_vmm_use_vm(&b->its, vm, NR_VCPUS);
	its_vmm_add_gic(&b->its);
	its_vmm_add_its(&b->its);
	its_vmm_enable(&b->its);
	its_vmm_map_frames(&b->its);
}

static void create_vm(struct bench *b, const struct op *op)
{
	u32 i;

	if (op->guest)
		create_guest(b, op->guest);
	else
		its_vmm_create(&b->its, NR_VCPUS);
	for (i = 0; i < NR_VCPUS; i++)
		its_vmm_mapc(&b->its, i, i, true);
	if (!op->bare)
		map_all(b);
}

static void destroy_vm(struct bench *b)
{
	u32 i;

	for (i = 0; b->efds && i <= b->n; i++)
		close(b->efds[i]);
	free(b->efds);
	b->efds = NULL;
	free(b->routes);
	b->routes = NULL;
	its_vmm_destroy(&b->its);
}

/* KVM_CHECK_EXTENSION: the floor under every ioctl. */

static void nothing_run(struct bench *b)
{
	__vm_ioctl(b->its.vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_SIGNAL_MSI);
}

/* KVM_SIGNAL_MSI */

static int signal_msi(struct bench *b, u32 devid, u32 evid)
{
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, devid, evid);

	return __vm_ioctl(b->its.vm, KVM_SIGNAL_MSI, &msi);
}

static u32 signal_all(struct bench *b)
{
	u32 devid, evid, delivered = 0;

	for (devid = 0; devid < b->size->devices; devid++)
		for (evid = 0; evid < b->size->events; evid++)
			delivered += signal_msi(b, devid, evid);
	return delivered;
}

static void signal_run(struct bench *b)
{
	u32 delivered = signal_all(b);

	TEST_ASSERT(delivered == b->events, "%u of %u MSIs delivered", delivered, b->events);
}

/* Use the code once, on a device that isn't mapped, to have its pages in. */
static void signal_first_setup(struct bench *b)
{
	signal_msi(b, b->size->devices, 0);
}

/* Commands of the ITS. */

/* An event of those mapped, another each time, until all had their turn. */
static u32 next_event(struct bench *b)
{
	return b->step++ * 7 % b->events;
}

/* To the other collection, then MSIs: of this event first, of others far from it. */
static void movi_run(struct bench *b)
{
	u32 times = b->step / b->events, event = next_event(b), i, delivered = 0;

	its_vmm_movi(&b->its, event / b->size->events, event % b->size->events,
		     (event + times + 1) % NR_VCPUS);
	for (i = 0; i < MSIS_PER_MOVI; i++) {
		delivered += signal_msi(b, event / b->size->events, event % b->size->events);
		event = (event + b->events / MSIS_PER_MOVI) % b->events;
	}
	TEST_ASSERT(delivered == MSIS_PER_MOVI, "Only %u MSIs delivered", delivered);
}

/* All translations that are left have been used. */
static void discard_before(struct bench *b)
{
	signal_all(b);
}

static void discard_run(struct bench *b)
{
	u32 event = next_event(b);

	its_vmm_discard(&b->its, event / b->size->events, event % b->size->events);
}

/* A command that does nothing: the floor under every command. */
static void sync_run(struct bench *b)
{
	its_vmm_sync(&b->its);
}

static void unmap_run(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->size->devices; i++)
		queue_mapd(b, i, false);
	its_vmm_submit(&b->its);
}

/* Each collection to the next vCPU. */
static void mapc_run(struct bench *b)
{
	u32 i;

	b->step++;
	for (i = 0; i < NR_VCPUS; i++)
		its_vmm_mapc(&b->its, i, (i + b->step) % NR_VCPUS, true);
}

static void invall_run(struct bench *b)
{
	its_vmm_invall(&b->its, 0);
}

/* Another priority for each LPI; they stay disabled. */
static void invall_changed_before(struct bench *b)
{
	u32 i;

	b->step++;
	for (i = 0; i < b->events; i++)
		its_vmm_set_config(&b->its, LPI_FIRST + i, b->step % 2 ? 0xa0 : 0x80);
}

/* KVM_DEV_ARM_ITS_SAVE_TABLES and KVM_DEV_ARM_ITS_RESTORE_TABLES */

static void save_run(struct bench *b)
{
	int ret = its_vmm_ctrl(&b->its, KVM_DEV_ARM_ITS_SAVE_TABLES);

	TEST_ASSERT(!ret, "Tables not saved: %i", ret);
}

/* The registers that a VMM sets before it restores the tables, in this order. */
static const u32 restored_regs[] = { GITS_CBASER, GITS_BASER, GITS_BASER + 8 };

static void restore_setup(struct bench *b)
{
	u32 i;

	save_run(b);
	for (i = 0; i < ARRAY_SIZE(restored_regs); i++)
		b->regs[i] = its_vmm_its_read(&b->its, restored_regs[i]);
}

static void restore_before(struct bench *b)
{
	u32 i;

	its_vmm_ctrl(&b->its, KVM_DEV_ARM_ITS_CTRL_RESET);
	for (i = 0; i < ARRAY_SIZE(restored_regs); i++)
		its_vmm_its_write(&b->its, restored_regs[i], b->regs[i]);
}

static void restore_run(struct bench *b)
{
	int ret = its_vmm_ctrl(&b->its, KVM_DEV_ARM_ITS_RESTORE_TABLES);

	TEST_ASSERT(!ret, "Tables not restored: %i", ret);
}

/* What the host's kernel needs for the events. */

/* Bytes of slab. Each CPU counts for itself, and adds up once a second. */
static u64 slab_bytes(void)
{
	u64 kib = 0, val;
	char line[128];
	FILE *f;

	sleep(3);
	f = fopen("/proc/meminfo", "r");
	TEST_ASSERT(f, "No /proc/meminfo, errno %i", errno);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %lu", &val) == 1)
			kib = val;
	fclose(f);
	return kib * SZ_1K;
}

static void map_and_signal_run(struct bench *b)
{
	map_all(b);
	signal_run(b);
}

/* KVM_SET_GSI_ROUTING */

static void set_routes(struct bench *b, u32 nr)
{
	b->routes->nr = nr;
	vm_ioctl(b->its.vm, KVM_SET_GSI_ROUTING, b->routes);
}

static struct kvm_irq_routing_entry route(struct bench *b, u32 gsi)
{
	u32 event = gsi % b->events;
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, event / b->size->events,
					 event % b->size->events);

	return its_vmm_route_msi(gsi, &msi);
}

static void fill_routes(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->n; i++)
		b->routes->entries[i] = route(b, i);
}

/* No routes, not even the default ones, and @routes filled in to be set. */
static void no_routes_setup(struct bench *b)
{
	b->routes = calloc(1, sizeof(*b->routes) + b->n * sizeof(b->routes->entries[0]));
	TEST_ASSERT(b->routes, "No memory for %u routes", b->n);
	set_routes(b, 0);
	fill_routes(b);
}

static void routes_setup(struct bench *b)
{
	no_routes_setup(b);
	set_routes(b, b->n);
}

static void same_run(struct bench *b)
{
	set_routes(b, b->n);
}

static void change_run(struct bench *b)
{
	struct kvm_irq_routing_msi *msi = &b->routes->entries[b->step++ * 7 % b->n].u.msi;

	msi->data = (msi->data + 1) % b->size->events;
	set_routes(b, b->n);
}

static void shuffle_before(struct bench *b)
{
	struct kvm_irq_routing_entry *entries = b->routes->entries, tmp;
	u32 i, j;

	for (i = b->n - 1; i > 0; i--) {
		j = rand() % (i + 1);
		tmp = entries[i];
		entries[i] = entries[j];
		entries[j] = tmp;
	}
}

/* The table lacks the entry in the middle, and is to get it there. */
static void insert_before(struct bench *b)
{
	struct kvm_irq_routing_entry *entries = b->routes->entries;
	u32 middle = b->n / 2;

	fill_routes(b);
	memmove(&entries[middle], &entries[middle + 1], (b->n - 1 - middle) * sizeof(*entries));
	set_routes(b, b->n - 1);
	fill_routes(b);
}

/* The entry in the middle is to become the last one. */
static void move_before(struct bench *b)
{
	struct kvm_irq_routing_entry *entries = b->routes->entries, entry;
	u32 middle = b->n / 2;

	fill_routes(b);
	set_routes(b, b->n);
	entry = entries[middle];
	memmove(&entries[middle], &entries[middle + 1], (b->n - 1 - middle) * sizeof(*entries));
	entries[b->n - 1] = entry;
}

static void remove_before(struct bench *b)
{
	fill_routes(b);
	set_routes(b, b->n);
}

/* The last route takes the place of the one that goes. */
static void remove_run(struct bench *b)
{
	b->routes->entries[b->step++ * 7 % b->n] = b->routes->entries[b->n - 1];
	set_routes(b, b->n - 1);
}

static void enable_run(struct bench *b)
{
	u32 i;

	for (i = 1; i <= b->n; i++)
		set_routes(b, i);
}

/* KVM_UPDATE_GSI_ROUTING */

/* The one in @routes->entries[0]. */
static void update_route(struct bench *b)
{
	b->routes->nr = 1;
	vm_ioctl(b->its.vm, KVM_UPDATE_GSI_ROUTING, b->routes);
}

static void update_enable_run(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->n; i++) {
		b->routes->entries[0] = route(b, i);
		update_route(b);
	}
}

/* Beside the MSIs, an input that is removed and set in turn. */
static void update_input_run(struct bench *b)
{
	b->routes->entries[0] = (struct kvm_irq_routing_entry) {
		.gsi = 0,
		.type = b->step++ % 2 ? KVM_IRQ_ROUTING_IRQCHIP : KVM_IRQ_ROUTING_NONE,
	};
	update_route(b);
}

static void update_input_setup(struct bench *b)
{
	routes_setup(b);
	b->step = 1;
	update_input_run(b);
}

static void update_change_run(struct bench *b)
{
	u32 gsi = b->step++ * 7 % b->n;

	b->routes->entries[0] = route(b, gsi);
	b->routes->entries[0].u.msi.data = (gsi + b->step) % b->size->events;
	update_route(b);
}

/* KVM_IRQFD */

static int irqfd(struct bench *b, u32 gsi, int fd, u32 flags)
{
	struct kvm_irqfd args = { .fd = fd, .gsi = gsi, .flags = flags };

	return __vm_ioctl(b->its.vm, KVM_IRQFD, &args);
}

static void no_irqfds_setup(struct bench *b)
{
	u32 i;

	routes_setup(b);
	b->efds = calloc(b->n + 1, sizeof(*b->efds));
	TEST_ASSERT(b->efds, "No memory for %u eventfds", b->n);
	for (i = 0; i <= b->n; i++) {
		b->efds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		TEST_ASSERT(b->efds[i] >= 0, "No eventfd %u, errno %i", i, errno);
	}
}

static void assign_run(struct bench *b)
{
	u32 i, failed = 0;

	for (i = 0; i < b->n; i++)
		failed += !!irqfd(b, i, b->efds[i], 0);

	TEST_ASSERT(!failed, "%u of %u irqfds not assigned", failed, b->n);
}

static void irqfds_setup(struct bench *b)
{
	no_irqfds_setup(b);
	assign_run(b);
}

static void deassign_run(struct bench *b)
{
	u32 i, failed = 0;

	for (i = 0; i < b->n; i++)
		failed += !!irqfd(b, i, b->efds[i], KVM_IRQFD_FLAG_DEASSIGN);

	TEST_ASSERT(!failed, "%u of %u irqfds not deassigned", failed, b->n);
}

/* An irqfd goes with its eventfd, but later; KVM waits for that in DEASSIGN. */
static void close_run(struct bench *b)
{
	u32 i;

	for (i = 0; i < b->n; i++) {
		close(b->efds[i]);
		b->efds[i] = -1;
	}
	irqfd(b, 0, b->efds[b->n], KVM_IRQFD_FLAG_DEASSIGN);
}

static void write_eventfds(struct bench *b)
{
	const u64 one = 1;
	u32 i, written = 0;

	for (i = 0; i < b->n; i++)
		written += write(b->efds[i], &one, sizeof(one));

	TEST_ASSERT(written == b->n * sizeof(one), "Only %u bytes written", written);
}

/* LPIs that wait for a vCPU, all for vCPU 0. */

static bool interrupted;

static void interrupt(int signal)
{
	interrupted = true;
}

/* Until the guest's next exit, or until an alarm says that it takes too long. */
static void enter(struct bench *b)
{
	if (!interrupted && _vcpu_run(b->vcpus[0]))
		TEST_ASSERT(interrupted, "KVM_RUN: errno %d", errno);
}

/* An exit without anything to say. */
static void guest_exit(void)
{
	ucall_arch_do_ucall(0);
}

/*
 * Interrupts are masked, so nothing is taken. The host's kernel answers each call
 * and enters the guest again, so that KVM_RUN is not what is measured.
 */
static void backlog_guest(void)
{
	struct arm_smccc_res res;

	gic_init(GIC_V3, NR_VCPUS);
	for (;;) {
		guest_exit();
		for (u32 i = 0; i < NR_ENTRIES; i++)
			smccc_hvc(SMCCC_VERSION, 0, 0, 0, 0, 0, 0, 0, &res);
	}
}

static void exit_guest(void)
{
	gic_init(GIC_V3, NR_VCPUS);
	for (;;)
		guest_exit();
}

static u64 guest_taken;

/* Takes each LPI, and exits when there is none. */
static void drain_guest(void)
{
	u32 intid;

	gic_init(GIC_V3, NR_VCPUS);
	for (;;) {
		guest_exit();
		while ((intid = gic_get_and_ack_irq()) != IAR_SPURIOUS) {
			gic_set_eoi(intid);
			WRITE_ONCE(guest_taken, guest_taken + 1);
		}
	}
}

static u32 nr_pending(struct bench *b)
{
	return strcmp(b->size->name, "0") ? b->events : 0;
}

static void backlog_setup(struct bench *b)
{
	its_vmm_mapc(&b->its, 1, 0, true);
	for (u32 i = 0; i < b->events; i++)
		its_vmm_set_config(&b->its, LPI_FIRST + i,
				   0xa0 | LPI_PROP_GROUP1 | LPI_PROP_ENABLED);
	its_vmm_invall(&b->its, 0);
	enter(b);
}

static void backlog_before(struct bench *b)
{
	if (nr_pending(b))
		signal_run(b);
	enter(b);
}

static void backlog_run(struct bench *b)
{
	enter(b);
}

/* The first LPI is in a list register when its event is discarded. */
static void exit_discarded_before(struct bench *b)
{
	signal_msi(b, 0, 0);
	enter(b);
	its_vmm_discard(&b->its, 0, 0);
}

static void exit_discarded_run(struct bench *b)
{
	enter(b);
}

/* The files of the irqsoff tracer: /sys/kernel/tracing, mounted where it is not yet. */
static void tracer_write(const char *file, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", file);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) == strlen(text), "%s", path);
	close(fd);
}

static bool has_irqsoff(void)
{
	static int has = -1;
	char names[256] = "";
	int fd;

	if (has >= 0)
		return has;
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	fd = open(TRACING "/available_tracers", O_RDONLY);
	has = fd >= 0 && read(fd, names, sizeof(names) - 1) > 0 && strstr(names, "irqsoff");
	close(fd);
	return has;
}

/* The tracer is stopped but for the run, and then shows what the run had at most. */
static void irqs_off_before(struct bench *b)
{
	backlog_before(b);
	tracer_write("tracing_on", "0");
	tracer_write("current_tracer", "irqsoff");
	tracer_write("tracing_max_latency", "0");
}

static void irqs_off_run(struct bench *b)
{
	tracer_write("tracing_on", "1");
	enter(b);
	tracer_write("tracing_on", "0");
}

static u64 irqs_off_ns(void)
{
	char text[32] = "";
	int fd = open(TRACING "/tracing_max_latency", O_RDONLY);

	TEST_ASSERT(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "tracing_max_latency");
	close(fd);
	return strtoull(text, NULL, 10) * 1000;	/* from us */
}

static void drain_setup(struct bench *b)
{
	backlog_setup(b);
	b->taken = addr_gva2hva(b->its.vm, (u64)&guest_taken);
}

static void drain_before(struct bench *b)
{
	signal_run(b);
}

/* A guest that sees none may be before its vCPU has refilled its list registers. */
static void drain_run(struct bench *b)
{
	do {
		enter(b);
	} while (!interrupted && READ_ONCE(*b->taken) < b->events);
}

static void drain_each_run(struct bench *b)
{
	for (u32 i = 0; i < b->events; i++) {
		signal_msi(b, i / b->size->events, i % b->size->events);
		enter(b);
	}
}

/* Each LPI was taken, and once. */
static void drain_after(struct bench *b)
{
	enter(b);
	TEST_ASSERT(interrupted || READ_ONCE(*b->taken) == b->events,
		    "%lu of %u LPIs taken", READ_ONCE(*b->taken), b->events);
}

/* The rows. */

static const struct size one[] = {
	{ "-", 1, 16, 16 },
	{ }
};

static const struct size mapped[] = {
	{ "1x16", 1, 16 },
	{ "16x64", 16, 64 },
	{ "1024x48", 1024, 48 },
	{ }
};

static const struct size bound[] = {
	{ "1x16", 1, 16, 16 },
	{ "16x64", 16, 64, 1024 },
	{ "64x64", 64, 64, 4096 },
	{ }
};

static const struct size moved[] = {
	{ "1x16", 1, 16 },
	{ "16x64", 16, 64 },
	{ "256x32", 256, 32 },
	{ "1024x48", 1024, 48 },
	{ }
};

/* The pages of slab that are full say how much it is; those that are not, little. */
static const struct size many[] = {
	{ "256x32", 256, 32 },
	{ "1024x48", 1024, 48 },
	{ }
};

static const struct size tables[] = {
	{ "64", 1, 64, 64 },
	{ "256", 4, 64, 256 },
	{ "1024", 16, 64, 1024 },
	{ "4096", 64, 64, 4096 },
	{ "16384", 256, 64, 16384 },
	{ "65536", 512, 64, 65536 },
	{ }
};

static const struct size growing[] = {
	{ "64", 1, 64, 64 },
	{ "1024", 16, 64, 1024 },
	{ "4096", 64, 64, 4096 },
	{ "16384", 256, 64, 16384 },
	{ "65536", 512, 64, 65536 },
	{ }
};

/* One ioctl per GSI, of a table that grows: no further, or it takes too long. */
static const struct size squared[] = {
	{ "64", 1, 64, 64 },
	{ "1024", 16, 64, 1024 },
	{ "4096", 64, 64, 4096 },
	{ "16384", 256, 64, 16384 },
	{ }
};

/* As many LPIs wait as the name says. */
static const struct size waiting[] = {
	{ "0", 1, 1 },
	{ "1", 1, 1 },
	{ "5", 1, 5 },
	{ "64", 1, 64 },
	{ "1024", 16, 64 },
	{ "4096", 64, 64 },
	{ "57344", 1024, 56 },
	{ }
};

static const struct size one_and_all[] = {
	{ "1", 1, 1 },
	{ "57344", 1024, 56 },
	{ }
};

static const struct size drained[] = {
	{ "4096", 64, 64 },
	{ }
};

static const struct op ops[] = {
	{
		.name	= "nothing",
		.sizes	= one,
		.run	= nothing_run,
		.units	= 4096,
	}, {
		.name	= "signal_msi",
		.sizes	= mapped,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.run	= signal_run,
		.per	= PER_EVENT,
		.units	= 4096,
	}, {
		.name	= "signal_msi_first",
		.sizes	= mapped,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.setup	= signal_first_setup,
		.run	= signal_run,
		.per	= PER_EVENT,
		.cold	= true,
	}, {
		.name	= "sync",
		.sizes	= one,
		.run	= sync_run,
		.units	= 1024,
	}, {
		.name	= "mapti",
		.sizes	= mapped,
		.before	= map_devices,
		.run	= map_events,
		.per	= PER_EVENT,
	}, {
		.name	= "movi_signal",
		.sizes	= moved,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.before	= signal_run,
		.run	= movi_run,
		.units	= 64,
	}, {
		.name	= "discard",
		.sizes	= mapped,
		.before	= discard_before,
		.run	= discard_run,
	}, {
		.name	= "mapd_unmap",
		.sizes	= mapped,
		.before	= map_all,
		.run	= unmap_run,
		.per	= PER_EVENT,
	}, {
		.name	= "mapc_move",
		.sizes	= mapped,
		.run	= mapc_run,
		.per	= PER_EVENT,
	}, {
		.name	= "invall",
		.sizes	= mapped,
		.run	= invall_run,
		.per	= PER_EVENT,
	}, {
		.name	= "invall_changed",
		.sizes	= mapped,
		.before	= invall_changed_before,
		.run	= invall_run,
		.per	= PER_EVENT,
	}, {
		.name	= "save_tables",
		.sizes	= mapped,
		.run	= save_run,
		.per	= PER_EVENT,
	}, {
		.name	= "restore_tables",
		.sizes	= mapped,
		.setup	= restore_setup,
		.before	= restore_before,
		.run	= restore_run,
		.per	= PER_EVENT,
	}, {
		.name	= "memory_mapped",
		.sizes	= many,
		.bare	= true,
		.run	= map_all,
		.meter	= slab_bytes,
		.per	= PER_EVENT,
		.cold	= true,
	}, {
		.name	= "memory_used",
		.sizes	= many,
		.bare	= true,
		.run	= map_and_signal_run,
		.meter	= slab_bytes,
		.per	= PER_EVENT,
		.cold	= true,
	}, {
		.name	= "eventfd_write",
		.sizes	= one,
		.setup	= no_irqfds_setup,
		.run	= write_eventfds,
		.per	= PER_GSI,
		.units	= 4096,
	}, {
		.name	= "eventfd_msi",
		.sizes	= bound,
		.cap	= KVM_CAP_IRQFD,
		.setup	= irqfds_setup,
		.run	= write_eventfds,
		.per	= PER_GSI,
		.units	= 4096,
	}, {
		.name	= "routing_change",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.run	= change_run,
		.units	= 8,
	}, {
		.name	= "routing_change_irqfds",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQFD,
		.setup	= irqfds_setup,
		.run	= change_run,
		.units	= 8,
	}, {
		.name	= "routing_same",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.run	= same_run,
		.units	= 8,
	}, {
		.name	= "routing_shuffle",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.before	= shuffle_before,
		.run	= same_run,
	}, {
		.name	= "routing_insert",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.before	= insert_before,
		.run	= same_run,
	}, {
		.name	= "routing_move",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.before	= move_before,
		.run	= same_run,
	}, {
		.name	= "routing_remove",
		.sizes	= tables,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= routes_setup,
		.before	= remove_before,
		.run	= remove_run,
	}, {
		.name	= "routing_enable",
		.sizes	= squared,
		.cap	= KVM_CAP_IRQ_ROUTING,
		.setup	= no_routes_setup,
		.run	= enable_run,
		.cold	= true,
	}, {
		.name	= "update_change",
		.sizes	= tables,
		.cap	= KVM_CAP_UPDATE_GSI_ROUTING,
		.setup	= routes_setup,
		.run	= update_change_run,
		.units	= 8,
	}, {
		.name	= "update_change_irqfds",
		.sizes	= tables,
		.cap	= KVM_CAP_UPDATE_GSI_ROUTING,
		.setup	= irqfds_setup,
		.run	= update_change_run,
		.units	= 8,
	}, {
		.name	= "update_input",
		.sizes	= tables,
		.cap	= KVM_CAP_UPDATE_GSI_ROUTING,
		.setup	= update_input_setup,
		.run	= update_input_run,
		.units	= 8,
	}, {
		.name	= "update_enable",
		.sizes	= growing,
		.cap	= KVM_CAP_UPDATE_GSI_ROUTING,
		.setup	= no_routes_setup,
		.run	= update_enable_run,
		.per	= PER_GSI,
		.cold	= true,
	}, {
		.name	= "irqfd_assign",
		.sizes	= growing,
		.cap	= KVM_CAP_IRQFD,
		.setup	= no_irqfds_setup,
		.run	= assign_run,
		.per	= PER_GSI,
		.cold	= true,
	}, {
		.name	= "irqfd_deassign",
		.sizes	= growing,
		.cap	= KVM_CAP_IRQFD,
		.setup	= irqfds_setup,
		.run	= deassign_run,
		.per	= PER_GSI,
		.cold	= true,
	}, {
		.name	= "irqfd_close",
		.sizes	= growing,
		.cap	= KVM_CAP_IRQFD,
		.setup	= irqfds_setup,
		.run	= close_run,
		.per	= PER_GSI,
		.cold	= true,
	}, {
		.name	= "backlog",
		.sizes	= waiting,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.guest	= backlog_guest,
		.setup	= backlog_setup,
		.before	= backlog_before,
		.run	= backlog_run,
		.per	= PER_ENTRY,
	}, {
		.name	= "exit_discarded",
		.sizes	= one_and_all,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.guest	= exit_guest,
		.setup	= backlog_setup,
		.before	= exit_discarded_before,
		.run	= exit_discarded_run,
		.cold	= true,
	}, {
		.name	= "irqs_off",
		.sizes	= waiting,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.needs	= has_irqsoff,
		.guest	= backlog_guest,
		.setup	= backlog_setup,
		.before	= irqs_off_before,
		.run	= irqs_off_run,
		.meter	= irqs_off_ns,
		.cold	= true,
	}, {
		.name	= "drain",
		.sizes	= drained,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.guest	= drain_guest,
		.setup	= drain_setup,
		.before	= drain_before,
		.run	= drain_run,
		.after	= drain_after,
		.per	= PER_EVENT,
		.cold	= true,
	}, {
		.name	= "drain_each",
		.sizes	= drained,
		.cap	= KVM_CAP_SIGNAL_MSI,
		.guest	= drain_guest,
		.setup	= drain_setup,
		.run	= drain_each_run,
		.after	= drain_after,
		.per	= PER_EVENT,
		.cold	= true,
	},
};

/* Measuring. */

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void run(struct bench *b, const struct op *op, u32 runs)
{
	u32 i;

	for (i = 0; i < runs; i++)
		op->run(b);
}

/* One round, on a new VM: what @runs runs take. */
static u64 measure(const struct op *op, const struct size *size, u32 runs)
{
	struct bench b = {
		.size	= size,
		.events	= size->devices * size->events,
		.n	= size->gsis,
	};
	u64 (*meter)(void) = op->meter ?: now;
	u64 start, val;

	create_vm(&b, op);
	if (op->setup)
		op->setup(&b);
	if (!op->cold) {
		if (op->before)
			op->before(&b);
		run(&b, op, 1);
	}
	if (op->before)
		op->before(&b);
	usleep(SETTLE_US);

	start = meter();
	run(&b, op, runs);
	val = meter() - start;

	if (op->after)
		op->after(&b);
	destroy_vm(&b);
	return val;
}

static u32 units_per_run(const struct op *op, const struct size *size)
{
	switch (op->per) {
	case PER_EVENT:
		return size->devices * size->events;
	case PER_GSI:
		return size->gsis;
	case PER_ENTRY:
		return NR_ENTRIES;
	default:
		return 1;
	}
}

/*
 * The least of the rounds, for one unit: what others have on top is the host's
 * timer and such, which comes when it comes.
 */
static u64 measure_op(const struct op *op, const struct size *size)
{
	u32 units = units_per_run(op, size);
	u32 runs = op->cold ? 1 : max(1u, op->units / units);
	u64 start = now(), least = UINT64_MAX;
	u32 i;

	for (i = 0; i < ROUNDS && now() - start < ENOUGH_NS && !interrupted; i++)
		least = min(least, measure(op, size, runs));

	units *= runs;
	return (least + units / 2) / units;
}

static int cap_value(long cap)
{
	struct kvm_vm *vm = vm_create_barebones();
	int ret = vm_check_cap(vm, cap);

	kvm_vm_free(vm);
	return ret;
}

static bool possible(const struct op *op, const struct size *size)
{
	if (op->cap && cap_value(op->cap) <= 0)
		return false;
	if (op->needs && !op->needs())
		return false;
	return size->gsis <= cap_value(KVM_CAP_IRQ_ROUTING);
}

/* A vCPU that does not come to its guest in time has no value. */
static void print_value(const struct op *op, const struct size *size)
{
	u64 val;

	interrupted = false;
	alarm(GUEST_S);
	val = measure_op(op, size);
	alarm(0);
	if (interrupted)
		printf("none\n");
	else
		printf("%lu\n", val);
}

/* Print as results come in; have them out before the next is measured. */
static void print_op(const struct op *op)
{
	const struct size *size;

	for (size = op->sizes; size->name; size++) {
		printf("%s\t%s\t", op->name, size->name);
		if (possible(op, size))
			print_value(op, size);
		else
			printf("-\n");
		fflush(stdout);
		tcdrain(STDOUT_FILENO);
	}
}

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(name, argv[i]))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const struct rlimit fds = { MAX_FDS, MAX_FDS };
	cpu_set_t cpu;
	u32 i;

	/* Stay on one CPU; not the first, where KVM's grace periods are worked on. */
	CPU_ZERO(&cpu);
	CPU_SET(get_nprocs() - 1, &cpu);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(cpu), &cpu), "Can't choose a CPU");
	signal(SIGALRM, interrupt);
	TEST_ASSERT(!setrlimit(RLIMIT_NOFILE, &fds), "No room for %u files", MAX_FDS);

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (chosen(ops[i].name, argc, argv))
			print_op(&ops[i]);
	return 0;
}
