// SPDX-License-Identifier: GPL-2.0-only
/*
 * lpi_queue_test - LPIs that wait for a vCPU, few of which fit into list registers
 *
 * The guest has two vCPUs. vCPU 0 takes the LPIs, while it runs with interrupts masked,
 * is stopped, or sleeps in WFI. vCPU 1 gives the commands that change their state, since
 * device attributes are refused while a vCPU runs.
 */
#include <linux/sizes.h>
#include <pthread.h>
#include <stdlib.h>

#include "arch_timer.h"
#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

#define NR_VCPUS	2
#define DEVID		1
#define EVENT_BITS	16
#define LPI(n)		(8192 + (n))
#define MAX_LPIS	57344	/* all that there are with INTIDs of 16 bits */
#define MAX_LOG		8192
#define MAX_STEPS	8
#define MAX_NEST	16
#define NR_ROUNDS	101

#define SLOW		300	/* s: the tests are not quick on a debug kernel */
#define LOST_MS		120000	/* until an interrupt counts as lost: far longer than it takes */

#define BELL		37	/* an SPI that wakes vCPU 0, of the highest priority */
#define BELL_PRIO	0x08
#define OPEN_PMR	0xf0

/* What guest and test share. */

/**
 * enum order - What a vCPU does before its next GUEST_SYNC().
 * @NOTHING: Nothing: it enters with what is pending, and exits.
 * @TAKE: Take interrupts until there is none.
 * @ACK: Acknowledge one.
 * @END: End all that are acknowledged, the last one first.
 * @COMMANDS: Carry out shared.steps.
 * @SPIN: Spin with interrupts masked until cpu.go, then unmasked until cpu.stop.
 * @SLEEP: Sleep in WFI until the bell rings; then with the priority mask open until
 *	cpu.stop, which a bell follows.
 * @STORM: Carry out random commands, interrupts unmasked, until cpu.stop.
 * @WATCH: Note in cpu.hppi what is pending in the list registers, interrupts masked, until
 *	cpu.stop.
 * @ROUNDS: Time how long it takes until vCPU 0, which watches, has what shared.steps did.
 */
enum order { NOTHING, TAKE, ACK, END, COMMANDS, SPIN, SLEEP, STORM, WATCH, ROUNDS };

/* Many changes are about two events. */
#define EARLY		0
#define LATE		10

/**
 * enum kind - What a change is.
 * @NO_STEP: None.
 * @COMMAND: A command.
 * @BOTH: A command for EARLY and one for LATE, which the second doubleword is made of.
 * @CONFIGS: New bytes of EARLY and LATE in the configuration table.
 * @LPIS: A vCPU's GICR_CTLR.
 * @ITS_CTLR: GITS_CTLR.
 */
enum kind { NO_STEP, COMMAND, BOTH, CONFIGS, LPIS, ITS_CTLR };

/**
 * struct step - A change that the guest makes.
 * @kind: Which.
 * @dw: A command's doublewords, or what is written. LPIS: vCPU and value.
 */
struct step {
	enum kind kind;
	u64 dw[4];
};

/**
 * struct cpu - A vCPU.
 * @order: What to do.
 * @pmr: Its priority mask then.
 * @bpr: Its binary point.
 * @ready: It does it.
 * @go: See enum order.
 * @stop: See enum order.
 * @bells: How often the bell has rung.
 * @nr: How many interrupts it has taken, bells not counted.
 * @log: Their INTIDs, in order.
 * @taken: How often it has taken each LPI.
 * @nested: How many it has acknowledged and not ended.
 * @nest: Their INTIDs.
 * @hppi: The INTID that is to be taken next, or IAR_SPURIOUS.
 */
struct cpu {
	enum order order;
	u32 pmr;
	u32 bpr;
	u32 ready;
	u32 go;
	u32 stop;
	u32 bells;
	u32 nr;
	u32 log[MAX_LOG];
	u32 taken[MAX_LPIS];
	u32 nested;
	u32 nest[MAX_NEST];
	u32 hppi;
};

/**
 * struct shared - Memory of the guest, and of the test.
 * @queue: Command queue.
 * @config: Configuration table.
 * @steps: For COMMANDS.
 * @storm: For STORM: which commands.
 * @nr_events: For STORM: how many events there are.
 * @undo: For ROUNDS: steps after those of @steps.
 * @came: For ROUNDS: how long it took from INT until the LPI was in a list register, in
 *	ticks of the counter.
 * @went: For ROUNDS: the same, from the steps until it was in none.
 * @cpus: The vCPUs.
 */
struct shared {
	u64 queue;
	u64 config;
	struct step steps[MAX_STEPS];
	u32 storm;
	u32 nr_events;
	struct step undo[MAX_STEPS];
	u64 came[NR_ROUNDS];
	u64 went[NR_ROUNDS];
	struct cpu cpus[NR_VCPUS];
};

/* In the scratch memory. */
#define ITT_OFFSET	0
#define SHARED_OFFSET	SZ_512K

/* The guest. */

static struct shared *shared;	/* the guest's address */

static struct cpu *guest_me(void)
{
	return &shared->cpus[guest_get_vcpuid()];
}

#define load(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

static void guest_log(u32 intid)
{
	struct cpu *me = guest_me();

	if (intid == BELL) {
		store(&me->bells, me->bells + 1);
		return;
	}
	if (me->nr < MAX_LOG)
		me->log[me->nr] = intid;
	if (intid >= LPI(0) && intid < LPI(MAX_LPIS))
		store(&me->taken[intid - LPI(0)], me->taken[intid - LPI(0)] + 1);
	store(&me->nr, me->nr + 1);
}

static bool guest_take_one(void)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return false;
	guest_log(intid);
	gic_set_eoi(intid);
	return true;
}

static void guest_irq(struct ex_regs *regs)
{
	guest_take_one();
}

static void guest_ack(struct cpu *me)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	GUEST_ASSERT(me->nested < MAX_NEST);
	me->nest[me->nested++] = intid;
	guest_log(intid);
}

static void guest_end(struct cpu *me)
{
	while (me->nested)
		gic_set_eoi(me->nest[--me->nested]);
}

static void guest_command(const u64 *dw)
{
	its_vmm_guest_command((void *)GITS_BASE_GPA, shared->queue, dw);
	while (readq_relaxed(GITS_BASE_GVA + GITS_CREADR) !=
	       readq_relaxed(GITS_BASE_GVA + GITS_CWRITER))
		cpu_relax();
}

static void guest_config(u64 event, u8 byte)
{
	((u8 *)shared->config)[event] = byte;
	dsb(sy);
}

static void guest_step(const struct step *step)
{
	const u64 *dw = step->dw;

	switch (step->kind) {
	case NO_STEP:
		break;
	case COMMAND:
		guest_command(dw);
		break;
	case BOTH:
		guest_command((u64[]) { dw[0], EARLY, dw[2], 0 });
		guest_command((u64[]) { dw[0], LATE, dw[2], 0 });
		break;
	case CONFIGS:
		guest_config(EARLY, dw[0]);
		guest_config(LATE, dw[1]);
		break;
	case LPIS:
		writel(dw[1], GICR_BASE_GVA + dw[0] * KVM_VGIC_V3_REDIST_SIZE + GICR_CTLR);
		break;
	case ITS_CTLR:
		writel(dw[0], GITS_BASE_GVA + GITS_CTLR);
		break;
	}
}

static void guest_spin(struct cpu *me)
{
	store(&me->ready, 1);
	while (!load(&me->go))
		cpu_relax();
	local_irq_enable();
	while (!load(&me->stop))
		cpu_relax();
	local_irq_disable();
}

static void guest_sleep_until(u32 *flag)
{
	while (!load(flag)) {
		wfi();
		local_irq_enable();
		isb();
		local_irq_disable();
	}
}

static void guest_sleep(struct cpu *me)
{
	store(&me->ready, 1);
	guest_sleep_until(&me->bells);
	gic_set_priority_mask(OPEN_PMR);
	isb();
	guest_sleep_until(&me->stop);
}

/* Commands at random. */

#define DEV_CMD(command)	((u64)DEVID << 32 | (command))
#define PRIO(prio)		((prio) | LPI_PROP_GROUP1 | LPI_PROP_ENABLED)
#define DISABLED(prio)		((prio) | LPI_PROP_GROUP1)
#define VALID			BIT_ULL(63)

#define STORM_MOVE	BIT(0)
#define STORM_INV	BIT(1)
#define STORM_LOSE	BIT(2)

static void guest_storm_move(u32 hash, u64 event)
{
	u64 to = hash & 1;

	switch (hash >> 1 & 3) {
	case 0:
		guest_command((u64[]) { GITS_CMD_MOVALL, 0, (to ^ 1) << 16, to << 16 });
		break;
	case 1:
		guest_command((u64[]) { GITS_CMD_MAPC, 0, VALID | to << 16 | (hash >> 3 & 1), 0 });
		break;
	default:
		guest_command((u64[]) { DEV_CMD(GITS_CMD_MOVI), event, to, 0 });
		break;
	}
}

/* What is disabled is enabled before the next command. */
static void guest_storm_inv(u32 hash, u64 event)
{
	u8 prio = (hash & 0xf) << 3 | 0x40;

	for (u32 enabled = hash >> 5 & 1; enabled < 2; enabled++) {
		guest_config(event, enabled ? PRIO(prio) : DISABLED(prio));
		if (hash >> 6 & 1)
			guest_command((u64[]) { DEV_CMD(GITS_CMD_INV), event, 0, 0 });
		else
			for (u64 icid = 0; icid < NR_VCPUS; icid++)
				guest_command((u64[]) { GITS_CMD_INVALL, 0, icid, 0 });
	}
}

/* What is unmapped is mapped before the next command. */
static void guest_storm_lose(u32 hash, u64 event)
{
	u64 mapping = LPI(event) << 32 | event;
	u64 vcpu = hash & 1;

	switch (hash >> 1 & 3) {
	case 0:
		guest_command((u64[]) { DEV_CMD(GITS_CMD_CLEAR), event, 0, 0 });
		break;
	case 1:
		guest_command((u64[]) { DEV_CMD(GITS_CMD_INT), event, 0, 0 });
		break;
	case 2:
		guest_command((u64[]) { DEV_CMD(GITS_CMD_DISCARD), event, 0, 0 });
		guest_command((u64[]) { DEV_CMD(GITS_CMD_MAPTI), mapping, vcpu, 0 });
		break;
	default:
		guest_step(&(struct step) { LPIS, { vcpu, 0 } });
		guest_step(&(struct step) { LPIS, { vcpu, GICR_CTLR_ENABLE_LPIS } });
		break;
	}
}

static void guest_storm(struct cpu *me)
{
	static void (* const kinds[])(u32 hash, u64 event) = {
		guest_storm_move, guest_storm_inv, guest_storm_lose,
	};

	store(&me->ready, 1);
	for (u32 n = 1; !load(&me->stop); n++) {
		u32 hash = n * 2654435761u >> 8, kind = n % 3;

		if (shared->storm & BIT(kind))
			kinds[kind](hash, (hash >> 8) % shared->nr_events);
		local_irq_enable();
		isb();
		local_irq_disable();
	}
}

static void guest_watch(struct cpu *me)
{
	while (!load(&me->stop)) {
		store(&me->hppi, read_sysreg_s(SYS_ICC_HPPIR1_EL1));
		store(&me->ready, 1);
	}
}

static void guest_wait_for(u32 intid)
{
	while (load(&shared->cpus[0].hppi) != intid)
		cpu_relax();
}

static void guest_steps(const struct step *steps)
{
	for (u32 i = 0; i < MAX_STEPS; i++)
		guest_step(&steps[i]);
}

static void guest_rounds(void)
{
	u64 start;

	for (u32 i = 0; i < NR_ROUNDS; i++) {
		start = timer_get_cntct(VIRTUAL);
		guest_command((u64[]) { DEV_CMD(GITS_CMD_INT), EARLY, 0, 0 });
		guest_wait_for(LPI(EARLY));
		shared->came[i] = timer_get_cntct(VIRTUAL) - start;

		start = timer_get_cntct(VIRTUAL);
		guest_steps(shared->steps);
		guest_wait_for(IAR_SPURIOUS);
		shared->went[i] = timer_get_cntct(VIRTUAL) - start;

		guest_steps(shared->undo);
	}
}

static void guest_obey(struct cpu *me)
{
	gic_set_priority_mask(me->pmr);
	write_sysreg_s(me->bpr, SYS_ICC_BPR1_EL1);
	isb();

	switch (me->order) {
	case NOTHING:
		break;
	case TAKE:
		while (guest_take_one())
			;
		break;
	case ACK:
		guest_ack(me);
		break;
	case END:
		guest_end(me);
		break;
	case COMMANDS:
		guest_steps(shared->steps);
		break;
	case SPIN:
		guest_spin(me);
		break;
	case SLEEP:
		guest_sleep(me);
		break;
	case STORM:
		guest_storm(me);
		break;
	case WATCH:
		guest_watch(me);
		break;
	case ROUNDS:
		guest_rounds();
		break;
	}
}

static void guest_main(void)
{
	gic_init(GIC_V3, NR_VCPUS);
	if (!guest_get_vcpuid()) {
		gic_irq_set_config(BELL, true);
		gic_set_priority(BELL, BELL_PRIO);
		gic_irq_enable(BELL);
	}
	for (;;) {
		GUEST_SYNC(0);
		guest_obey(guest_me());
	}
}

/* The VM. */

/**
 * struct machine - The VM.
 * @v: With its ITS.
 * @vcpus: Its vCPUs.
 * @shared: What it shares with the guest.
 * @threads: Those that run vCPUs.
 * @stats: Files of the vCPUs' statistics.
 * @header: Their header, and descriptors.
 * @descs: See @header.
 */
struct machine {
	struct its_vmm v;
	struct kvm_vcpu *vcpus[NR_VCPUS];
	struct shared *shared;
	pthread_t threads[NR_VCPUS];
	int stats[NR_VCPUS];
	struct kvm_stats_header header;
	struct kvm_stats_desc *descs;
};

/* Run a vCPU until it says that it has obeyed. */
static void run_vcpu(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT_EQ(UCALL_SYNC, uc.cmd);
}

static void obey(struct machine *m, u32 vcpu, enum order order)
{
	m->shared->cpus[vcpu].order = order;
	run_vcpu(m->vcpus[vcpu]);
}

static void *vcpu_thread(void *vcpu)
{
	run_vcpu(vcpu);
	return NULL;
}

#define WAIT_FOR(condition)							\
	do {									\
		u64 end_ = now_ms() + LOST_MS;					\
										\
		while (!(condition)) {						\
			TEST_ASSERT(now_ms() < end_, "waits for %s", #condition); \
			usleep(100);						\
		}								\
	} while (0)

/* Let a vCPU obey in a thread, and wait until it does. */
static void start(struct machine *m, u32 vcpu, enum order order)
{
	struct cpu *cpu = &m->shared->cpus[vcpu];

	cpu->order = order;
	cpu->ready = 0;
	cpu->go = 0;
	cpu->stop = 0;
	cpu->bells = 0;
	TEST_ASSERT_EQ(0, pthread_create(&m->threads[vcpu], NULL, vcpu_thread,
					 m->vcpus[vcpu]));
	WAIT_FOR(load(&cpu->ready));
}

static void ring(struct machine *m)
{
	kvm_arm_irq_line(m->v.vm, BELL, 1);
	kvm_arm_irq_line(m->v.vm, BELL, 0);
}

/* Have it come to its end. */
static void stop(struct machine *m, u32 vcpu)
{
	store(&m->shared->cpus[vcpu].go, 1);
	store(&m->shared->cpus[vcpu].stop, 1);
	if (!vcpu)
		ring(m);
	pthread_join(m->threads[vcpu], NULL);
}

/* A vCPU's statistics are open since before it has run: to open them needs its mutex. */
static void open_stats(struct machine *m)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		m->stats[i] = vcpu_get_stats_fd(m->vcpus[i]);
	read_stats_header(m->stats[0], &m->header);
	m->descs = read_stats_descriptors(m->stats[0], &m->header);
}

static u64 vcpu_stat(struct machine *m, u32 vcpu, const char *name)
{
	struct kvm_stats_desc *desc;
	u64 val;

	for (u32 i = 0; i < m->header.num_desc; i++) {
		desc = get_stats_descriptor(m->descs, i, &m->header);
		if (strcmp(desc->name, name))
			continue;
		read_stat_data(m->stats[vcpu], &m->header, desc, &val, 1);
		return val;
	}
	TEST_FAIL("no statistics of %s", name);
	return 0;
}

static u8 *config_of(struct machine *m, u32 event)
{
	return (u8 *)its_vmm_hva(&m->v, ITS_VMM_CONFIG) + event;
}

/* Both vCPUs have come to their first GUEST_SYNC(). Nothing is mapped. */
static void create_guest(struct machine *m)
{
	struct kvm_vm *vm = its_vmm_guest_vm(NR_VCPUS, guest_main, m->vcpus);
	struct its_vmm *v = &m->v;

	its_vmm_guest_irqs(vm, m->vcpus, NR_VCPUS, guest_irq);

	its_vmm_use_vm(v, vm, NR_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	its_vmm_map_frames(v);
	its_vmm_map_ram(v, SHARED_OFFSET + sizeof(struct shared));

	m->shared = v->scratch + SHARED_OFFSET;
	m->shared->queue = its_vmm_gpa(v, ITS_VMM_COMMANDS);
	m->shared->config = its_vmm_gpa(v, ITS_VMM_CONFIG);
	for (u32 i = 0; i < NR_VCPUS; i++)
		m->shared->cpus[i].pmr = OPEN_PMR;
	shared = (void *)(v->scratch_gpa + SHARED_OFFSET);
	sync_global_to_guest(vm, shared);

	open_stats(m);
	for (u32 i = 0; i < NR_VCPUS; i++)
		run_vcpu(m->vcpus[i]);
}

static void destroy_machine(struct machine *m)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		close(m->stats[i]);
	free(m->descs);
	its_vmm_destroy(&m->v);
}

/* Queue a command of the device, to be processed by its_vmm_submit(). */
static void queue(struct machine *m, u8 command, u64 dw1, u64 dw2)
{
	its_vmm_queue(&m->v, DEV_CMD(command), dw1, dw2);
}

static void map_targets(struct machine *m)
{
	for (u32 icid = 0; icid < NR_VCPUS; icid++)
		its_vmm_mapc(&m->v, icid, icid, true);
	its_vmm_mapd_itt(&m->v, DEVID, m->v.scratch_gpa + ITT_OFFSET, EVENT_BITS, true);
}

/* Event n of DEVID is LPI(n), and goes to vCPU n % @nr_targets. */
static void map_lpis(struct machine *m, u32 nr, u32 nr_targets)
{
	map_targets(m);
	for (u32 event = 0; event < nr; event++)
		queue(m, GITS_CMD_MAPTI, (u64)LPI(event) << 32 | event, event % nr_targets);
	its_vmm_submit(&m->v);
	m->shared->nr_events = nr;
}

static void create_machine(struct machine *m, u32 nr, u8 (*config)(u32 event), u32 nr_targets)
{
	create_guest(m);
	for (u32 event = 0; event < nr; event++)
		*config_of(m, event) = config(event);
	map_lpis(m, nr, nr_targets);
}

static u8 same_config(u32 event)
{
	return PRIO(0xa0);
}

/* Priorities by a level of five bits, in no order. */
static u8 scrambled_config(u32 event)
{
	return PRIO((event * 11 % 27 + 2) << 3);
}

static int signal_event(struct machine *m, u32 event)
{
	return its_vmm_signal(&m->v, DEVID, event, KVM_MSI_VALID_DEVID);
}

static void signal_events(struct machine *m, u32 nr)
{
	u32 delivered = 0;

	for (u32 event = 0; event < nr; event++)
		delivered += signal_event(m, event);
	TEST_ASSERT_EQ(nr, delivered);
}

static u32 taken(struct machine *m, u32 event)
{
	u32 sum = 0;

	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		sum += load(&m->shared->cpus[vcpu].taken[event]);
	return sum;
}

/*
 * Let a vCPU that is stopped take what it can. If any is left for it when it enters the
 * guest, one at least is in a list register: so there is none left if it has taken none.
 */
static void take_all(struct machine *m, u32 vcpu)
{
	struct cpu *cpu = &m->shared->cpus[vcpu];
	u32 before;

	do {
		before = cpu->nr;
		obey(m, vcpu, TAKE);
	} while (cpu->nr != before);
}

static void forget_taken(struct machine *m)
{
	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
		struct cpu *cpu = &m->shared->cpus[vcpu];

		for (u32 i = 0; i < m->shared->nr_events; i++)
			cpu->taken[i] = 0;
		cpu->nr = 0;
	}
}

/* Each of the first LPIs was taken so often. */
#define EXPECT_TAKEN(times, nr)	check_taken(_metadata, &self->m, times, nr, __LINE__)

static void check_taken(struct __test_metadata *_metadata, struct machine *m, u32 times, u32 nr,
			int line)
{
	u32 wrong = 0;

	for (u32 event = 0; event < nr; event++) {
		if (taken(m, event) == times || wrong++ >= 5)
			continue;
		TH_LOG("from line %d: event %u: taken %u times, not %u", line, event,
		       taken(m, event), times);
	}
	EXPECT_EQ(0, wrong);
}

/* Order. */

#define NR_ORDERED	64
#define FIRST_SPI	40
#define NR_SPIS		20
#define FIRST_SGI	3
#define NR_SGIS		9
#define GICR_SGI_FRAME	SZ_64K

FIXTURE(order)
{
	struct machine m;
};

/* @spis, @sgis: These are pending as well. */
FIXTURE_VARIANT(order)
{
	bool spis;
	bool sgis;
};

FIXTURE_VARIANT_ADD(order, lpis) { };
FIXTURE_VARIANT_ADD(order, lpis_and_spis) { .spis = true };
FIXTURE_VARIANT_ADD(order, lpis_and_sgis) { .sgis = true };
FIXTURE_VARIANT_ADD(order, all) { .spis = true, .sgis = true };

FIXTURE_SETUP(order)
{
	create_machine(&self->m, NR_ORDERED, scrambled_config, 1);
}

FIXTURE_TEARDOWN(order)
{
	destroy_machine(&self->m);
}

/* Between those of LPIs, and the same as some. */
static u8 spi_prio(u32 intid)
{
	return (intid * 7 % 27 + 2) << 3;
}

/* Priorities of @nr interrupts from @first on; @first is not in a register's middle. */
static void set_prios(void (*write)(struct its_vmm *v, u32 reg, u32 val), struct its_vmm *v,
		      u32 first, u32 nr)
{
	for (u32 intid = round_down(first, 4); intid < first + nr; intid += 4)
		write(v, intid, spi_prio(intid) | spi_prio(intid + 1) << 8 |
		      spi_prio(intid + 2) << 16 | (u32)spi_prio(intid + 3) << 24);
}

static void write_spi_prio(struct its_vmm *v, u32 intid, u32 val)
{
	its_vmm_dist_write(v, GICD_IPRIORITYR + intid, val);
}

static void write_sgi_prio(struct its_vmm *v, u32 intid, u32 val)
{
	its_vmm_redist_write(v, 0, GICR_SGI_FRAME + GICR_IPRIORITYR0 + intid, val);
}

/* The bits of @nr interrupts from @first on in a register of 32. */
static u32 bits_of(u32 first, u32 nr)
{
	return GENMASK(first % 32 + nr - 1, first % 32);
}

static void pend_spis(struct its_vmm *v)
{
	u32 mask = bits_of(FIRST_SPI, NR_SPIS);

	set_prios(write_spi_prio, v, FIRST_SPI, NR_SPIS);
	its_vmm_dist_write(v, ITS_VMM_SPI_ICFGR, 0xaaaaaaaa);
	its_vmm_dist_write(v, ITS_VMM_SPI_ICFGR + 4, 0xaaaaaaaa);
	its_vmm_dist_write(v, GICD_ISENABLER + 4, mask);
	its_vmm_dist_write(v, ITS_VMM_SPI_ISPENDR, mask);
}

static void pend_sgis(struct its_vmm *v)
{
	u32 mask = bits_of(FIRST_SGI, NR_SGIS);

	set_prios(write_sgi_prio, v, FIRST_SGI, NR_SGIS);
	its_vmm_redist_write(v, 0, GICR_SGI_FRAME + GICR_ISENABLER0, mask);
	its_vmm_redist_write(v, 0, GICR_SGI_FRAME + GICR_ISPENDR0, mask);
}

static u8 prio_of(u32 intid)
{
	return intid < LPI(0) ? spi_prio(intid) : scrambled_config(intid - LPI(0)) & 0xf8;
}

static u32 count(struct cpu *cpu, u32 intid)
{
	u32 n = 0;

	for (u32 i = 0; i < cpu->nr; i++)
		n += cpu->log[i] == intid;
	return n;
}

static void check_each_once(struct __test_metadata *_metadata, struct cpu *cpu, u32 first,
			    u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		EXPECT_EQ(1, count(cpu, first + i)) {
			TH_LOG("INTID %u", first + i);
		}
	}
}

/* More than there are list registers: each is taken once, by priority. */
TEST_F_TIMEOUT(order, by_priority, SLOW)
{
	struct cpu *cpu = &self->m.shared->cpus[0];
	u32 nr = NR_ORDERED + variant->spis * NR_SPIS + variant->sgis * NR_SGIS;

	if (variant->spis)
		pend_spis(&self->m.v);
	if (variant->sgis)
		pend_sgis(&self->m.v);
	signal_events(&self->m, NR_ORDERED);
	take_all(&self->m, 0);

	EXPECT_EQ(nr, cpu->nr);
	check_each_once(_metadata, cpu, LPI(0), NR_ORDERED);
	if (variant->spis)
		check_each_once(_metadata, cpu, FIRST_SPI, NR_SPIS);
	if (variant->sgis)
		check_each_once(_metadata, cpu, FIRST_SGI, NR_SGIS);
	for (u32 i = 1; i < cpu->nr; i++) {
		EXPECT_LE(prio_of(cpu->log[i - 1]), prio_of(cpu->log[i])) {
			TH_LOG("%u: INTID %u before %u", i, cpu->log[i - 1], cpu->log[i]);
		}
	}
}

/* The priority mask lets through what is above it, and nothing else. */
TEST_F_TIMEOUT(order, pmr, SLOW)
{
	static const u8 masks[] = { 0, 0x10, 0x18, 0x58, 0x80, 0xa8, OPEN_PMR };
	struct cpu *cpu = &self->m.shared->cpus[0];
	u32 expected;

	if (variant->spis)
		pend_spis(&self->m.v);
	if (variant->sgis)
		pend_sgis(&self->m.v);
	signal_events(&self->m, NR_ORDERED);
	for (u32 i = 0; i < ARRAY_SIZE(masks); i++) {
		cpu->pmr = masks[i];
		take_all(&self->m, 0);

		expected = 0;
		for (u32 event = 0; event < NR_ORDERED; event++)
			expected += prio_of(LPI(event)) < masks[i];
		for (u32 n = 0; variant->spis && n < NR_SPIS; n++)
			expected += spi_prio(FIRST_SPI + n) < masks[i];
		for (u32 n = 0; variant->sgis && n < NR_SGIS; n++)
			expected += spi_prio(FIRST_SGI + n) < masks[i];
		EXPECT_EQ(expected, cpu->nr) {
			TH_LOG("mask %#x", masks[i]);
		}
	}
	check_each_once(_metadata, cpu, LPI(0), NR_ORDERED);
}

/* Preemption. Event 0 is acknowledged when event 1 comes, which has another priority. */

FIXTURE(preempt)
{
	struct machine m;
};

/* @bpr: Binary point. @prio: Priority of event 1; that of event 0 is PREEMPTED. */
FIXTURE_VARIANT(preempt)
{
	u32 bpr;
	u8 prio;
	bool preempts;
};

#define PREEMPTED	0xb8

FIXTURE_VARIANT_ADD(preempt, next_level) { .bpr = 3, .prio = 0xb0, .preempts = true };
FIXTURE_VARIANT_ADD(preempt, same_level) { .bpr = 3, .prio = 0xb8 };
FIXTURE_VARIANT_ADD(preempt, lower) { .bpr = 3, .prio = 0xc0 };
FIXTURE_VARIANT_ADD(preempt, bpr5_same) { .bpr = 5, .prio = 0xa0 };
FIXTURE_VARIANT_ADD(preempt, bpr5_next) { .bpr = 5, .prio = 0x98, .preempts = true };
FIXTURE_VARIANT_ADD(preempt, bpr6_same) { .bpr = 6, .prio = 0x80 };
FIXTURE_VARIANT_ADD(preempt, bpr6_next) { .bpr = 6, .prio = 0x78, .preempts = true };
FIXTURE_VARIANT_ADD(preempt, bpr7_same) { .bpr = 7, .prio = 0x80 };
FIXTURE_VARIANT_ADD(preempt, bpr7_next) { .bpr = 7, .prio = 0x78, .preempts = true };

FIXTURE_SETUP(preempt)
{
	create_machine(&self->m, 2, same_config, 1);
	*config_of(&self->m, 0) = PRIO(PREEMPTED);
	*config_of(&self->m, 1) = PRIO(variant->prio);
	its_vmm_invall(&self->m.v, 0);
	for (u32 i = 0; i < NR_VCPUS; i++)
		self->m.shared->cpus[i].bpr = variant->bpr;
}

FIXTURE_TEARDOWN(preempt)
{
	destroy_machine(&self->m);
}

TEST_F(preempt, by_bpr)
{
	struct machine *m = &self->m;
	struct cpu *cpu = &m->shared->cpus[0];

	EXPECT_EQ(1, signal_event(m, 0));
	obey(m, 0, ACK);
	EXPECT_EQ(LPI(0), cpu->log[0]);
	EXPECT_EQ(1, signal_event(m, 1));
	obey(m, 0, ACK);
	EXPECT_EQ(1 + variant->preempts, cpu->nr);
	obey(m, 0, END);
	take_all(m, 0);
	EXPECT_EQ(2, cpu->nr);
	EXPECT_EQ(LPI(1), cpu->log[1]);
}

/* More are active than there are list registers. Meanwhile each comes once more. */

#define NR_NESTED	12

static u8 falling_config(u32 event)
{
	return PRIO(0xe0 - 8 * event);
}

FIXTURE(nest)
{
	struct machine m;
};

FIXTURE_SETUP(nest)
{
	create_machine(&self->m, NR_NESTED, falling_config, 1);
}

FIXTURE_TEARDOWN(nest)
{
	destroy_machine(&self->m);
}

TEST_F(nest, each_again)
{
	struct machine *m = &self->m;
	struct cpu *cpu = &m->shared->cpus[0];

	for (u32 round = 0; round < 2; round++) {
		for (u32 event = 0; event < NR_NESTED; event++) {
			EXPECT_EQ(1, signal_event(m, event));
			obey(m, 0, ACK);
			EXPECT_EQ(LPI(event), cpu->log[cpu->nr - 1]);
			EXPECT_EQ(event + 1, cpu->nested);
		}
		signal_events(m, NR_NESTED);
		obey(m, 0, NOTHING);
		EXPECT_TAKEN(2 * round + 1, NR_NESTED);
		obey(m, 0, END);
		take_all(m, 0);
		EXPECT_TAKEN(2 * round + 2, NR_NESTED);
	}
}

/* All LPIs that there are. */

FIXTURE(many)
{
	struct machine m;
};

FIXTURE_SETUP(many) { }

FIXTURE_TEARDOWN(many)
{
	destroy_machine(&self->m);
}

TEST_F_TIMEOUT(many, all_lpis, SLOW)
{
	create_machine(&self->m, MAX_LPIS, same_config, 1);
	signal_events(&self->m, MAX_LPIS);
	take_all(&self->m, 0);
	EXPECT_EQ(MAX_LPIS, self->m.shared->cpus[0].nr);
	EXPECT_EQ(0, self->m.shared->cpus[1].nr);
	EXPECT_TAKEN(1, MAX_LPIS);
}

/* They come while the vCPU takes them. */
TEST_F_TIMEOUT(many, while_taken, SLOW)
{
	u32 nr = 4096;
	struct cpu *cpu;

	create_machine(&self->m, nr, scrambled_config, 1);
	cpu = &self->m.shared->cpus[0];
	start(&self->m, 0, SPIN);
	store(&cpu->go, 1);
	signal_events(&self->m, nr);
	WAIT_FOR(load(&cpu->nr) >= nr);
	stop(&self->m, 0);
	take_all(&self->m, 0);
	EXPECT_TAKEN(1, nr);
}

/*
 * Changes of LPIs' state. Events 0 to 11 are pending for vCPU 0, in the order of their
 * priorities, so that 0 is in a list register and 10 is not.
 */

#define NR_CHANGED	12
#define NONE		255	/* ends a list */

#define ALL		{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, NONE }
#define OTHERS		{ 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, NONE }
#define TWO		{ EARLY, LATE, NONE }
#define NOBODY		{ NONE }

FIXTURE(change)
{
	struct machine m;
	bool runs;
};

/*
 * @before: Steps before the LPIs are pending.
 * @steps: The change.
 * @by_vmm: The change, if it is the VMM's. Not while a vCPU runs.
 * @taken: The events that each vCPU takes then, in order.
 * @again: Further steps.
 * @taken_again: Which events are taken then.
 */
FIXTURE_VARIANT(change)
{
	struct step before[2];
	struct step steps[MAX_STEPS];
	void (*by_vmm)(struct machine *m);
	u8 taken[NR_VCPUS][NR_CHANGED + 1];
	struct step again[MAX_STEPS];
	u8 taken_again[NR_VCPUS][NR_CHANGED + 1];
};

#define DEVICE(command, dw1, dw2)	{ COMMAND, { DEV_CMD(GITS_CMD_##command), dw1, dw2 } }
#define TO_BOTH(command, dw2)		{ BOTH, { DEV_CMD(GITS_CMD_##command), 0, dw2 } }
#define CONFIG(early, late)		{ CONFIGS, { early, late } }
#define LPIS_OF(vcpu, on)		{ LPIS, { vcpu, on } }

FIXTURE_VARIANT_ADD(change, nothing) {
	.taken = { ALL, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, movi) {
	.steps = { TO_BOTH(MOVI, 1) },
	.taken = { OTHERS, TWO },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, movi_and_back) {
	.steps = { TO_BOTH(MOVI, 1), TO_BOTH(MOVI, 0) },
	.taken = { ALL, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, movi_to_disabled) {
	.before = { LPIS_OF(1, 0) },
	.steps = { TO_BOTH(MOVI, 1) },
	.taken = { OTHERS, NOBODY },
	.again = { LPIS_OF(1, 1) },
	.taken_again = { NOBODY, TWO },
};

FIXTURE_VARIANT_ADD(change, movall) {
	.steps = { { COMMAND, { GITS_CMD_MOVALL, 0, 0, 1 << 16 } } },
	.taken = { NOBODY, ALL },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, mapc) {
	.steps = { { COMMAND, { GITS_CMD_MAPC, 0, VALID | 1 << 16 } } },
	.taken = { NOBODY, ALL },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, unmapc) {
	.steps = { { COMMAND, { GITS_CMD_MAPC, 0, 0 } } },
	.taken = { ALL, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, clear) {
	.steps = { TO_BOTH(CLEAR, 0) },
	.taken = { OTHERS, NOBODY },
	.again = { TO_BOTH(INT, 0) },
	.taken_again = { TWO, NOBODY },
};

FIXTURE_VARIANT_ADD(change, int) {
	.steps = { TO_BOTH(INT, 0) },
	.taken = { ALL, NOBODY },
	.again = { TO_BOTH(INT, 0) },
	.taken_again = { TWO, NOBODY },
};

FIXTURE_VARIANT_ADD(change, discard) {
	.steps = { TO_BOTH(DISCARD, 0) },
	.taken = { OTHERS, NOBODY },
	.again = { TO_BOTH(INT, 0) },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, discard_and_map) {
	.steps = {
		TO_BOTH(DISCARD, 0),
		DEVICE(MAPTI, (u64)LPI(EARLY) << 32 | EARLY, 1),
		DEVICE(MAPTI, (u64)LPI(LATE) << 32 | LATE, 1),
	},
	.taken = { OTHERS, NOBODY },
	.again = { TO_BOTH(INT, 0) },
	.taken_again = { NOBODY, TWO },
};

FIXTURE_VARIANT_ADD(change, unmapd) {
	.steps = { DEVICE(MAPD, 0, 0) },
	.taken = { NOBODY, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, inv_priority) {
	.steps = { CONFIG(PRIO(0xe0), PRIO(0x10)), TO_BOTH(INV, 0) },
	.taken = { { LATE, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, EARLY, NONE }, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, inv_disable) {
	.steps = { CONFIG(DISABLED(0x40), DISABLED(0x40)), TO_BOTH(INV, 0) },
	.taken = { OTHERS, NOBODY },
	.again = { CONFIG(PRIO(0x40), PRIO(0x48)), TO_BOTH(INV, 0) },
	.taken_again = { TWO, NOBODY },
};

FIXTURE_VARIANT_ADD(change, invall) {
	.steps = {
		CONFIG(DISABLED(0x40), PRIO(0xe0)), { COMMAND, { GITS_CMD_INVALL, 0, 0 } },
	},
	.taken = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, LATE, NONE }, NOBODY },
	.again = { CONFIG(PRIO(0x40), PRIO(0x48)), { COMMAND, { GITS_CMD_INVALL, 0, 0 } } },
	.taken_again = { { EARLY, NONE }, NOBODY },
};

FIXTURE_VARIANT_ADD(change, lpis_off) {
	.steps = { LPIS_OF(0, 0) },
	.taken = { NOBODY, NOBODY },
	.again = { LPIS_OF(0, 1) },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, lpis_off_and_on) {
	.steps = { LPIS_OF(0, 0), LPIS_OF(0, 1) },
	.taken = { NOBODY, NOBODY },
	.again = { TO_BOTH(INT, 0) },
	.taken_again = { TWO, NOBODY },
};

FIXTURE_VARIANT_ADD(change, other_lpis_off) {
	.steps = { LPIS_OF(1, 0) },
	.taken = { ALL, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

/* An ITS that is disabled keeps nothing from being taken that is pending. */
FIXTURE_VARIANT_ADD(change, its_off) {
	.steps = { { ITS_CTLR, { 0 } } },
	.taken = { ALL, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

static void reset_its(struct machine *m)
{
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&m->v, KVM_DEV_ARM_ITS_CTRL_RESET));
}

static void disable_lpis(struct machine *m)
{
	its_vmm_redist_write(&m->v, 0, GICR_CTLR, 0);
}

static void reset_all(struct machine *m)
{
	disable_lpis(m);
	its_vmm_redist_write(&m->v, 0, GICR_PENDBASER, 0);
	its_vmm_redist_write(&m->v, 1, GICR_CTLR, 0);
	reset_its(m);
}

FIXTURE_VARIANT_ADD(change, its_reset) {
	.by_vmm = reset_its,
	.taken = { NOBODY, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

FIXTURE_VARIANT_ADD(change, lpis_off_by_vmm) {
	.by_vmm = disable_lpis,
	.taken = { NOBODY, NOBODY },
	.again = { LPIS_OF(0, 1), TO_BOTH(INT, 0) },
	.taken_again = { TWO, NOBODY },
};

FIXTURE_VARIANT_ADD(change, reset_all) {
	.by_vmm = reset_all,
	.taken = { NOBODY, NOBODY },
	.taken_again = { NOBODY, NOBODY },
};

static u8 rising_config(u32 event)
{
	return PRIO(0x40 + 8 * event);
}

static void set_steps(struct step *to, const struct step *steps, u32 nr)
{
	for (u32 i = 0; i < MAX_STEPS; i++)
		to[i] = i < nr ? steps[i] : (struct step) { };
}

static void carry_out(struct machine *m, const struct step *steps, u32 nr)
{
	set_steps(m->shared->steps, steps, nr);
	obey(m, 1, COMMANDS);
}

FIXTURE_SETUP(change)
{
	struct machine *m = &self->m;

	create_machine(m, NR_CHANGED, rising_config, 1);
	carry_out(m, variant->before, ARRAY_SIZE(variant->before));
	signal_events(m, NR_CHANGED);
}

FIXTURE_TEARDOWN(change)
{
	destroy_machine(&self->m);
}

static void do_change(FIXTURE_DATA(change) * self, const FIXTURE_VARIANT(change) * variant)
{
	if (variant->by_vmm)
		variant->by_vmm(&self->m);
	else
		carry_out(&self->m, variant->steps, ARRAY_SIZE(variant->steps));
}

static u32 length(const u8 *list)
{
	u32 nr = 0;

	while (list[nr] != NONE)
		nr++;
	return nr;
}

static void check_log(struct __test_metadata *_metadata, struct machine *m, u32 vcpu,
		      const u8 *list)
{
	struct cpu *cpu = &m->shared->cpus[vcpu];

	EXPECT_EQ(length(list), cpu->nr) {
		TH_LOG("vCPU %u", vcpu);
	}
	for (u32 i = 0; i < length(list) && i < cpu->nr; i++) {
		EXPECT_EQ(list[i], cpu->log[i] - LPI(0)) {
			TH_LOG("vCPU %u, interrupt %u", vcpu, i);
		}
	}
}

/* The vCPUs are stopped, and take what they have not. */
static void check_both(struct __test_metadata *_metadata, struct machine *m,
		       const u8 (*lists)[NR_CHANGED + 1])
{
	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
		take_all(m, vcpu);
		check_log(_metadata, m, vcpu, lists[vcpu]);
	}
	forget_taken(m);
}

static void check_change(struct __test_metadata *_metadata, FIXTURE_DATA(change) * self,
			 const FIXTURE_VARIANT(change) * variant)
{
	check_both(_metadata, &self->m, variant->taken);
	carry_out(&self->m, variant->again, ARRAY_SIZE(variant->again));
	check_both(_metadata, &self->m, variant->taken_again);
}

/* It has had some in list registers, and is out of KVM_RUN. */
TEST_F(change, stopped)
{
	obey(&self->m, 0, NOTHING);
	do_change(self, variant);
	check_change(_metadata, self, variant);
}

/* It has not seen them. */
TEST_F(change, not_entered)
{
	do_change(self, variant);
	check_change(_metadata, self, variant);
}

/*
 * It is in the guest with interrupts masked, and has some in list registers. What those
 * hold is up to date at the latest after the next exit.
 */
TEST_F_TIMEOUT(change, runs, SLOW)
{
	struct machine *m = &self->m;
	struct cpu *cpu = &m->shared->cpus[0];
	u64 exits;

	if (variant->by_vmm)
		SKIP(return, "not while a vCPU runs");
	start(m, 0, SPIN);
	do_change(self, variant);
	exits = vcpu_stat(m, 0, "exits");
	WAIT_FOR(vcpu_stat(m, 0, "exits") > exits);
	EXPECT_EQ(0, load(&cpu->nr));

	store(&cpu->go, 1);
	WAIT_FOR(load(&cpu->nr) >= length(variant->taken[0]));
	stop(m, 0);
	check_change(_metadata, self, variant);
}

/* It sleeps with all LPIs masked by priority, and one of higher priority wakes it. */
TEST_F_TIMEOUT(change, sleeps, SLOW)
{
	struct machine *m = &self->m;
	struct cpu *cpu = &m->shared->cpus[0];

	if (variant->by_vmm)
		SKIP(return, "not while a vCPU runs");
	cpu->pmr = 0x40;
	start(m, 0, SLEEP);
	WAIT_FOR(vcpu_stat(m, 0, "blocking"));
	do_change(self, variant);
	ring(m);
	cpu->pmr = OPEN_PMR;
	WAIT_FOR(load(&cpu->nr) >= length(variant->taken[0]));
	stop(m, 0);
	check_change(_metadata, self, variant);
}

/* The VM ends. A failure is what the kernel has to say of it. */
TEST_F(change, destroyed)
{
	obey(&self->m, 0, NOTHING);
	do_change(self, variant);
}

/* A vCPU that sleeps, and has nothing to take, is woken by what changes that. */

FIXTURE(wake)
{
	struct machine m;
};

/*
 * @config: Of the LPIs to begin with.
 * @icid: Which vCPU they go to.
 * @before: Steps before the LPIs are pending.
 * @then: Steps after that, before vCPU 0 sleeps.
 * @steps: What wakes it.
 * @nr: How many LPIs it takes then, EARLY and LATE among them.
 */
FIXTURE_VARIANT(wake)
{
	u8 config;
	u32 icid;
	struct step before[2];
	struct step then[2];
	struct step steps[MAX_STEPS];
	u32 nr;
};

FIXTURE_VARIANT_ADD(wake, movi) {
	.config = PRIO(0xa0), .icid = 1, .steps = { TO_BOTH(MOVI, 0) }, .nr = 2,
};

FIXTURE_VARIANT_ADD(wake, movall) {
	.config = PRIO(0xa0), .icid = 1,
	.steps = { { COMMAND, { GITS_CMD_MOVALL, 0, 1 << 16, 0 } } }, .nr = NR_CHANGED,
};

FIXTURE_VARIANT_ADD(wake, mapc) {
	.config = PRIO(0xa0), .icid = 1,
	.steps = { { COMMAND, { GITS_CMD_MAPC, 0, VALID | 1 } } }, .nr = NR_CHANGED,
};

FIXTURE_VARIANT_ADD(wake, inv) {
	.config = DISABLED(0xa0),
	.steps = { CONFIG(PRIO(0xa0), PRIO(0xa0)), TO_BOTH(INV, 0) }, .nr = 2,
};

FIXTURE_VARIANT_ADD(wake, inv_priority) {
	.config = PRIO(0xf8),
	.steps = { CONFIG(PRIO(0xe8), PRIO(0xe8)), TO_BOTH(INV, 0) }, .nr = 2,
};

FIXTURE_VARIANT_ADD(wake, invall) {
	.config = DISABLED(0xa0),
	.steps = { CONFIG(PRIO(0xa0), PRIO(0xa0)), { COMMAND, { GITS_CMD_INVALL, 0, 0 } } },
	.nr = 2,
};

FIXTURE_VARIANT_ADD(wake, lpis_on) {
	.config = PRIO(0xa0), .icid = 1, .before = { LPIS_OF(0, 0) },
	.then = { TO_BOTH(MOVI, 0) }, .steps = { LPIS_OF(0, 1) }, .nr = 2,
};

FIXTURE_VARIANT_ADD(wake, int) {
	.config = PRIO(0xa0), .icid = 1, .then = { TO_BOTH(CLEAR, 0) },
	.steps = { TO_BOTH(MOVI, 0), TO_BOTH(INT, 0) }, .nr = 2,
};

FIXTURE_SETUP(wake)
{
	struct machine *m = &self->m;

	create_guest(m);
	for (u32 event = 0; event < NR_CHANGED; event++)
		*config_of(m, event) = variant->config;
	map_targets(m);
	for (u32 event = 0; event < NR_CHANGED; event++)
		its_vmm_mapti(&m->v, DEVID, event, LPI(event), variant->icid);
	m->shared->nr_events = NR_CHANGED;
	carry_out(m, variant->before, ARRAY_SIZE(variant->before));
	signal_events(m, NR_CHANGED);
	carry_out(m, variant->then, ARRAY_SIZE(variant->then));
}

FIXTURE_TEARDOWN(wake)
{
	destroy_machine(&self->m);
}

TEST_F_TIMEOUT(wake, from_wfi, SLOW)
{
	struct machine *m = &self->m;
	struct cpu *cpu = &m->shared->cpus[0];

	start(m, 0, SLEEP);
	WAIT_FOR(vcpu_stat(m, 0, "blocking"));
	EXPECT_EQ(0, load(&cpu->nr));
	carry_out(m, variant->steps, ARRAY_SIZE(variant->steps));
	WAIT_FOR(load(&cpu->nr) >= variant->nr);
	ring(m);
	stop(m, 0);
	take_all(m, 0);
	EXPECT_EQ(variant->nr, cpu->nr);
	EXPECT_EQ(1, cpu->taken[EARLY]);
	EXPECT_EQ(1, cpu->taken[LATE]);
}

/*
 * A vCPU that runs is kicked when an LPI in one of its list registers is withdrawn. So the
 * LPI leaves the register about as soon as a new one gets there, and not with the host's
 * next tick. Both are timed many times, and the medians are compared.
 */

FIXTURE(withdrawn)
{
	struct machine m;
};

/* @steps: Withdraw EARLY. @undo: Have it as it was before, not pending. */
FIXTURE_VARIANT(withdrawn)
{
	struct step steps[MAX_STEPS];
	struct step undo[MAX_STEPS];
};

FIXTURE_VARIANT_ADD(withdrawn, clear) {
	.steps = { DEVICE(CLEAR, EARLY, 0) },
};

FIXTURE_VARIANT_ADD(withdrawn, discard) {
	.steps = { DEVICE(DISCARD, EARLY, 0) },
	.undo = { DEVICE(MAPTI, (u64)LPI(EARLY) << 32 | EARLY, 0) },
};

FIXTURE_VARIANT_ADD(withdrawn, discard_of_shared) {
	.steps = { DEVICE(MAPTI, (u64)LPI(EARLY) << 32 | LATE, 0), DEVICE(DISCARD, LATE, 0) },
};

FIXTURE_VARIANT_ADD(withdrawn, unmapd) {
	.steps = { DEVICE(MAPD, 0, 0) },
	.undo = {
		DEVICE(MAPD, EVENT_BITS - 1, VALID),	/* and its ITT */
		DEVICE(MAPTI, (u64)LPI(EARLY) << 32 | EARLY, 0),
	},
};

FIXTURE_VARIANT_ADD(withdrawn, movi) {
	.steps = { DEVICE(MOVI, EARLY, 1) },
	.undo = { DEVICE(CLEAR, EARLY, 0), DEVICE(MOVI, EARLY, 0) },
};

FIXTURE_VARIANT_ADD(withdrawn, movall) {
	.steps = { { COMMAND, { GITS_CMD_MOVALL, 0, 0, 1 << 16 } } },
	.undo = { DEVICE(CLEAR, EARLY, 0) },
};

FIXTURE_VARIANT_ADD(withdrawn, mapc) {
	.steps = { { COMMAND, { GITS_CMD_MAPC, 0, VALID | 1 << 16 } } },
	.undo = { DEVICE(CLEAR, EARLY, 0), { COMMAND, { GITS_CMD_MAPC, 0, VALID } } },
};

FIXTURE_VARIANT_ADD(withdrawn, inv) {
	.steps = { CONFIG(DISABLED(0x40), DISABLED(0x40)), DEVICE(INV, EARLY, 0) },
	.undo = {
		DEVICE(CLEAR, EARLY, 0), CONFIG(PRIO(0x40), PRIO(0x40)), DEVICE(INV, EARLY, 0),
	},
};

FIXTURE_VARIANT_ADD(withdrawn, invall) {
	.steps = {
		CONFIG(DISABLED(0x40), DISABLED(0x40)), { COMMAND, { GITS_CMD_INVALL, 0, 0 } },
	},
	.undo = {
		DEVICE(CLEAR, EARLY, 0), CONFIG(PRIO(0x40), PRIO(0x40)), DEVICE(INV, EARLY, 0),
	},
};

FIXTURE_VARIANT_ADD(withdrawn, lpis_off) {
	.steps = { LPIS_OF(0, 0) },
	.undo = { LPIS_OF(0, 1) },
};

FIXTURE_SETUP(withdrawn)
{
	struct machine *m = &self->m;

	create_machine(m, 1, rising_config, 1);
	set_steps(m->shared->steps, variant->steps, MAX_STEPS);
	set_steps(m->shared->undo, variant->undo, MAX_STEPS);
	for (u32 i = 0; i < MAX_STEPS; i++)
		if ((variant->undo[i].dw[0] & 0xff) == GITS_CMD_MAPD)
			m->shared->undo[i].dw[2] |= m->v.scratch_gpa + ITT_OFFSET;
}

FIXTURE_TEARDOWN(withdrawn)
{
	destroy_machine(&self->m);
}

static int compare_times(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static u64 median(u64 *times)
{
	qsort(times, NR_ROUNDS, sizeof(*times), compare_times);
	return times[NR_ROUNDS / 2];
}

TEST_F_TIMEOUT(withdrawn, goes_at_once, SLOW)
{
	struct machine *m = &self->m;
	u64 came, went;

	start(m, 0, WATCH);
	obey(m, 1, ROUNDS);
	stop(m, 0);
	came = median(m->shared->came);
	went = median(m->shared->went);
	TH_LOG("%lu ticks to come, %lu to go", came, went);
	EXPECT_LT(went, 4 * came);
}

/* VMs that end with thousands pending. */

#define NR_DESTROYED	4096

FIXTURE(destroy)
{
	struct machine m;
};

/* @enter: The vCPUs have seen them. @steps: Then a change. */
FIXTURE_VARIANT(destroy)
{
	bool enter;
	struct step steps[2];
};

FIXTURE_VARIANT_ADD(destroy, not_entered) { };
FIXTURE_VARIANT_ADD(destroy, entered) { .enter = true };
FIXTURE_VARIANT_ADD(destroy, movall) {
	.enter = true, .steps = { { COMMAND, { GITS_CMD_MOVALL, 0, 0, 1 << 16 } } },
};

FIXTURE_VARIANT_ADD(destroy, unmapc) {
	.enter = true, .steps = { { COMMAND, { GITS_CMD_MAPC, 0, 0 } } },
};

FIXTURE_VARIANT_ADD(destroy, movall_to_disabled) {
	.steps = { LPIS_OF(1, 0), { COMMAND, { GITS_CMD_MOVALL, 0, 0, 1 << 16 } } },
};

FIXTURE_SETUP(destroy)
{
	create_machine(&self->m, NR_DESTROYED, scrambled_config, NR_VCPUS);
}

FIXTURE_TEARDOWN(destroy)
{
	destroy_machine(&self->m);
}

TEST_F_TIMEOUT(destroy, with_thousands, SLOW)
{
	struct machine *m = &self->m;

	signal_events(m, NR_DESTROYED);
	for (u32 vcpu = 0; variant->enter && vcpu < NR_VCPUS; vcpu++)
		obey(m, vcpu, NOTHING);
	carry_out(m, variant->steps, ARRAY_SIZE(variant->steps));
	EXPECT_TAKEN(0, NR_DESTROYED);
}

/* Save and restore, with thousands pending. */

#define NR_SAVED	4000

static bool saved_enabled(u32 event)
{
	return event % 7;
}

static bool saved_pending(u32 event)
{
	return event % 5;
}

static u8 saved_config(u32 event)
{
	return saved_enabled(event) ? scrambled_config(event) : DISABLED(0xa0);
}

FIXTURE(save)
{
	struct machine m;
	struct machine to;
};

FIXTURE_SETUP(save)
{
	create_machine(&self->m, NR_SAVED, saved_config, NR_VCPUS);
	create_guest(&self->to);
	self->to.shared->nr_events = NR_SAVED;
}

FIXTURE_TEARDOWN(save)
{
	destroy_machine(&self->to);
	destroy_machine(&self->m);
}

static void save(struct machine *m)
{
	its_vmm_save_pending(&m->v);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&m->v, KVM_DEV_ARM_ITS_SAVE_TABLES));
}

static void copy_registers(struct machine *to, struct machine *from)
{
	static const u32 redist[] = { GICR_PROPBASER, GICR_PROPBASER + 4, GICR_PENDBASER,
				      GICR_PENDBASER + 4, GICR_CTLR };
	static const u32 its[] = { GITS_CBASER, GITS_CREADR, GITS_CWRITER, GITS_BASER,
				   GITS_BASER + 8 };

	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
		its_vmm_redist_write(&to->v, vcpu, GICR_CTLR, 0);
		for (u32 i = 0; i < ARRAY_SIZE(redist); i++)
			its_vmm_redist_write(&to->v, vcpu, redist[i],
					     its_vmm_redist_read(&from->v, vcpu, redist[i]));
	}
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&to->v, KVM_DEV_ARM_ITS_CTRL_RESET));
	for (u32 i = 0; i < ARRAY_SIZE(its); i++)
		its_vmm_its_write(&to->v, its[i], its_vmm_its_read(&from->v, its[i]));
}

/* In the order of Documentation/virt/kvm/devices/arm-vgic-its.rst. */
static void restore(struct machine *to, struct machine *from)
{
	memcpy(to->v.ram, from->v.ram, from->v.scratch - from->v.ram);
	memcpy(to->v.scratch + ITT_OFFSET, from->v.scratch + ITT_OFFSET, 8 << EVENT_BITS);
	copy_registers(to, from);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&to->v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	its_vmm_its_write(&to->v, GITS_CTLR, its_vmm_its_read(&from->v, GITS_CTLR));
	to->v.cwriter = its_vmm_its_read(&to->v, GITS_CWRITER);
}

/* Each that is pending was taken by its vCPU, once, if it is enabled or was @enabled now. */
static void check_saved(struct __test_metadata *_metadata, struct machine *m, bool enabled)
{
	u32 wrong = 0;

	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		take_all(m, vcpu);
	for (u32 event = 0; event < NR_SAVED; event++)
		for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
			bool expected = vcpu == event % NR_VCPUS && saved_pending(event) &&
					(enabled || saved_enabled(event));

			if (m->shared->cpus[vcpu].taken[event] != expected && wrong++ < 5)
				TH_LOG("vCPU %u: event %u", vcpu, event);
		}
	EXPECT_EQ(0, wrong);
}

static void check_copy(struct __test_metadata *_metadata, struct machine *m)
{
	check_saved(_metadata, m, false);
	for (u32 event = 0; event < NR_SAVED; event++)
		*config_of(m, event) = PRIO(0xa0);
	for (u32 icid = 0; icid < NR_VCPUS; icid++)
		its_vmm_invall(&m->v, icid);
	check_saved(_metadata, m, true);
}

/* The copy takes what was pending, and so does the VM that goes on. */
TEST_F_TIMEOUT(save, thousands, SLOW)
{
	struct machine *m = &self->m;

	for (u32 event = 0; event < NR_SAVED; event++)
		if (saved_pending(event))
			EXPECT_EQ(1, signal_event(m, event));
	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		obey(m, vcpu, NOTHING);
	save(m);
	restore(&self->to, m);
	check_copy(_metadata, &self->to);
	check_copy(_metadata, m);
}

/*
 * Storms: vCPU 0 takes LPIs, vCPU 1 takes them as well and gives commands, and the test
 * sends MSIs.
 */

#define NR_STORM	256
#define STORM_TIMES	8
#define STORM_MS	400

FIXTURE(storm)
{
	struct machine m;
};

/* @storm: Which commands. */
FIXTURE_VARIANT(storm) { u32 storm; };
FIXTURE_VARIANT_ADD(storm, move) { .storm = STORM_MOVE };
FIXTURE_VARIANT_ADD(storm, inv) { .storm = STORM_INV };
FIXTURE_VARIANT_ADD(storm, move_and_inv) { .storm = STORM_MOVE | STORM_INV };
FIXTURE_VARIANT_ADD(storm, lose) { .storm = STORM_LOSE };
FIXTURE_VARIANT_ADD(storm, all) { .storm = STORM_MOVE | STORM_INV | STORM_LOSE };

FIXTURE_SETUP(storm)
{
	create_machine(&self->m, NR_STORM, scrambled_config, NR_VCPUS);
}

FIXTURE_TEARDOWN(storm)
{
	destroy_machine(&self->m);
}

/* Send each event until it has been taken so often. Of those that wait, many wait at once. */
static void send_until_taken(struct machine *m)
{
	u32 sent[NR_STORM] = { }, left;
	u64 end = now_ms() + LOST_MS;

	do {
		left = 0;
		for (u32 event = 0; event < NR_STORM; event++) {
			u32 now = taken(m, event);

			TEST_ASSERT(now <= sent[event], "event %u taken %u times, sent %u",
				    event, now, sent[event]);
			left += now < STORM_TIMES;
			if (now == sent[event] && now < STORM_TIMES)
				sent[event] += signal_event(m, event);
		}
		TEST_ASSERT(now_ms() < end, "%u events are lost", left);
		usleep(100);
	} while (left);
}

static void send_for_a_while(struct machine *m)
{
	u64 end = now_ms() + STORM_MS;

	while (now_ms() < end)
		for (u32 event = 0; event < NR_STORM; event++)
			signal_event(m, event);
}

/* Whatever the storm has left: each event's LPI is taken, once. */
static void check_calm(struct __test_metadata *_metadata, FIXTURE_DATA(storm) * self)
{
	struct machine *m = &self->m;

	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		take_all(m, vcpu);
	forget_taken(m);
	signal_events(m, NR_STORM);
	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		take_all(m, vcpu);
	EXPECT_TAKEN(1, NR_STORM);
}

TEST_F_TIMEOUT(storm, nothing_is_lost, SLOW)
{
	struct machine *m = &self->m;

	m->shared->storm = variant->storm;
	start(m, 0, SPIN);
	store(&m->shared->cpus[0].go, 1);
	start(m, 1, STORM);
	if (variant->storm & STORM_LOSE)
		send_for_a_while(m);
	else
		send_until_taken(m);
	stop(m, 1);
	stop(m, 0);
	if (!(variant->storm & STORM_LOSE))
		EXPECT_TAKEN(STORM_TIMES, NR_STORM);
	check_calm(_metadata, self);
}

TEST_HARNESS_MAIN
