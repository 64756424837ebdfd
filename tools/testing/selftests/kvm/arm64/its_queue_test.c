// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_queue_test - a queue of long commands, and what must not wait for its end
 *
 * The queue is full of INVALLs, each of which reads the configuration of all the LPIs that
 * a guest can have, or of 8,192 on a debug kernel. A signal, other vCPUs and the VMM get
 * their way meanwhile: each test then finds that commands are left. One test judges how long
 * they take; to the others that is no matter.
 */
#include <dirent.h>
#include <linux/sizes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"

#define SLOW		300	/* s: the tests are not quick on a debug kernel */
#define LOST_MS		120000	/* until something counts as lost: far longer than it takes */
#define A_WHILE_MS	20	/* between two signals: the queue takes far longer */

#define VALID		BIT_ULL(63)
#define DEV		1
#define FIRST_LPI	8192
#define MOST_LPIS	(0x10000 - FIRST_LPI)
#define LESS_LPIS	8192
#define LPI_ENABLED	(0xa0 | LPI_PROP_GROUP1 | LPI_PROP_ENABLED)
#define CMD_SIZE	32
#define QUEUE_SIZE	SZ_64K
#define NR_COMMANDS	(QUEUE_SIZE / CMD_SIZE)
#define END		(QUEUE_SIZE - CMD_SIZE)		/* of a full queue */

/* The guest's part. */

#define NR_VCPUS	2
#define TAKEN		16	/* LPIs that are sent to see that they are enabled */

enum part { ANNOUNCE, SPIN, WRITE, TAKE };

/**
 * struct shared - Memory of the guest, and of the test.
 * @cwriter: What to write to GITS_CWRITER.
 * @begun: vCPUs that have begun with their part.
 * @writes: How often GITS_CWRITER was written.
 * @taken: LPIs that were taken.
 */
static struct shared {
	u64 cwriter;
	u32 begun;
	u32 writes;
	u32 taken;
} shared;

static void guest_write_cwriter(void)
{
	writeq_relaxed(shared.cwriter, (void *)(GITS_BASE_GPA + GITS_CWRITER));
	__atomic_fetch_add(&shared.writes, 1, __ATOMIC_RELEASE);
}

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	shared.taken += intid >= FIRST_LPI;
	gic_set_eoi(intid);
}

static void guest_main(enum part part)
{
	if (part == TAKE) {
		gic_init(GIC_V3, NR_VCPUS);
		local_irq_enable();
	}
	__atomic_fetch_add(&shared.begun, 1, __ATOMIC_RELEASE);
	if (part == ANNOUNCE)
		guest_write_cwriter();
	for (;;) {
		if (part == WRITE)
			guest_write_cwriter();
		cpu_relax();
	}
}

/* The VM. */

FIXTURE(queue)
{
	struct its_vmm v;
	struct kvm_vcpu *vcpus[NR_VCPUS];
	pthread_t threads[NR_VCPUS];
	struct shared *shared;
};

static void wake_up(int sig)
{
}

/* On a debug kernel fewer LPIs take as long to configure. */
static u32 nr_lpis(void)
{
	static u32 nr;

	if (!nr)
		nr = is_debug_kernel() ? LESS_LPIS : MOST_LPIS;
	return nr;
}

static void map_lpis(struct its_vmm *v)
{
	its_vmm_mapc(v, 0, 0, true);
	its_vmm_mapd_itt(v, DEV, v->scratch_gpa, 16, true);
	for (u64 i = 0; i < nr_lpis(); i++)
		its_vmm_queue(v, (u64)DEV << 32 | GITS_CMD_MAPTI, (FIRST_LPI + i) << 32 | i, 0);
	its_vmm_submit(v);
}

/* The queue begins at its beginning, and nothing is announced. */
static void renew_queue(struct its_vmm *v)
{
	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_CBASER, its_vmm_its_read(v, GITS_CBASER));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

static void fill_queue(struct its_vmm *v)
{
	u64 *command = its_vmm_hva(v, ITS_VMM_COMMANDS);

	for (u32 at = 0; at < QUEUE_SIZE; at += CMD_SIZE, command += 4) {
		command[0] = GITS_CMD_INVALL;
		command[1] = 0;
		command[2] = 0;
		command[3] = 0;
	}
}

FIXTURE_SETUP(queue)
{
	struct sigaction sa = { .sa_handler = wake_up };	/* ioctls end by it */
	struct its_vmm *v = &self->v;
	struct kvm_vm *vm = its_vmm_guest_vm(NR_VCPUS, guest_main, self->vcpus);

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	its_vmm_guest_irqs(vm, self->vcpus, NR_VCPUS, guest_irq);
	self->shared = addr_gva2hva(vm, (u64)&shared);
	self->shared->cwriter = END;

	its_vmm_use_vm(v, vm, NR_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	its_vmm_map_frames(v);
	map_lpis(v);
	renew_queue(v);
	fill_queue(v);
}

FIXTURE_TEARDOWN(queue)
{
	its_vmm_destroy(&self->v);
}

/* vCPUs, each in a thread that runs it until it is stopped. */

static void *run_vcpu(void *arg)
{
	struct kvm_vcpu *vcpu = arg;

	while (!__vcpu_run(vcpu) || !READ_ONCE(vcpu->run->immediate_exit))
		;
	return NULL;
}

static void start_vcpu(FIXTURE_DATA(queue) * self, u32 i, enum part part)
{
	vcpu_args_set(self->vcpus[i], 1, part);
	pthread_create(&self->threads[i], NULL, run_vcpu, self->vcpus[i]);
}

/* It goes on where it was stopped. */
static void continue_vcpu(FIXTURE_DATA(queue) * self, u32 i)
{
	pthread_create(&self->threads[i], NULL, run_vcpu, self->vcpus[i]);
}

/* Returns how many ms it took. */
static u64 stop_vcpu(FIXTURE_DATA(queue) * self, u32 i)
{
	u64 from = now_ms();

	WRITE_ONCE(self->vcpus[i]->run->immediate_exit, 1);
	pthread_kill(self->threads[i], SIGUSR1);
	pthread_join(self->threads[i], NULL);
	WRITE_ONCE(self->vcpus[i]->run->immediate_exit, 0);
	return now_ms() - from;
}

/* Let a vCPU run that is not started, or was stopped, for a while. */
static u64 run_for_a_while(FIXTURE_DATA(queue) * self, u32 i)
{
	continue_vcpu(self, i);
	usleep(A_WHILE_MS * 1000);
	return stop_vcpu(self, i);
}

/* Once the tables are saved, looking at registers leaves the queue as it is. */
static u64 look_at(struct its_vmm *v, u32 reg)
{
	TEST_ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	return its_vmm_its_read(v, reg);
}

/* Have vCPU 0 announce the queue, and stop it in the middle. */
static void announce(struct __test_metadata *_metadata, FIXTURE_DATA(queue) * self)
{
	u64 ms;

	vcpu_args_set(self->vcpus[0], 1, ANNOUNCE);
	do {
		ms = run_for_a_while(self, 0);
	} while (look_at(&self->v, GITS_CWRITER) != END);
	TH_LOG("stopped after %lu ms", ms);
	ASSERT_NE(END, look_at(&self->v, GITS_CREADR));
	EXPECT_EQ(0, self->shared->writes);
}

TEST_F_TIMEOUT(queue, signal_ends_run, SLOW)
{
	struct its_vmm *v = &self->v;
	u64 creadr;

	announce(_metadata, self);
	creadr = look_at(v, GITS_CREADR);
	EXPECT_EQ(GITS_CTLR_ENABLE, its_vmm_its_read(v, GITS_CTLR));

	/* A disabled ITS does nothing. */
	its_vmm_its_write(v, GITS_CTLR, 0);
	EXPECT_EQ(GITS_CTLR_QUIESCENT, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_LE(creadr, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_NE(END, its_vmm_its_read(v, GITS_CREADR));
}

/*
 * While the queue is processed, no thread is in D state for longer than LIMIT_MS, and a signal
 * ends a run within that time. It is counted in samples of a thread that looks each
 * millisecond: where the machine has no time for that, it has none for the others either.
 */

#define LIMIT_MS	100
#define WATCH_MS	1000
#define MAX_WATCHED	16

/**
 * struct watched - A thread.
 * @tid: Its ID.
 * @waits: Samples in a row in which it was in D state.
 * @most: The most of them.
 */
struct watched {
	pid_t tid;
	u32 waits;
	u32 most;
};

/**
 * struct watcher - A thread that looks at the others.
 * @thread: The thread.
 * @stop: Tells it to end.
 * @samples: How often it has looked.
 * @watched: The others.
 */
static struct watcher {
	pthread_t thread;
	bool stop;
	u32 samples;
	struct watched watched[MAX_WATCHED];
} watcher;

static char thread_state(pid_t tid)
{
	char path[64], text[256] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	end = strrchr(text, ')');
	return end ? end[2] : 0;
}

static void watch_thread(pid_t tid)
{
	for (u32 i = 0; i < MAX_WATCHED; i++) {
		struct watched *w = &watcher.watched[i];

		if (!w->tid)
			w->tid = tid;
		if (w->tid != tid)
			continue;
		w->waits = thread_state(tid) == 'D' ? w->waits + 1 : 0;
		w->most = max(w->most, w->waits);
		return;
	}
}

static void *watch(void *arg)
{
	struct dirent *entry;
	DIR *dir;

	while (!READ_ONCE(watcher.stop)) {
		dir = opendir("/proc/self/task");
		while (dir && (entry = readdir(dir)))
			if (atoi(entry->d_name))
				watch_thread(atoi(entry->d_name));
		closedir(dir);
		__atomic_fetch_add(&watcher.samples, 1, __ATOMIC_RELEASE);
		usleep(1000);
	}
	return NULL;
}

static u32 samples(void)
{
	return __atomic_load_n(&watcher.samples, __ATOMIC_ACQUIRE);
}

static u32 longest_wait(void)
{
	u32 most = 0;

	for (u32 i = 0; i < MAX_WATCHED; i++)
		most = max(most, watcher.watched[i].most);
	return most;
}

/* Returns how many samples it took. */
static u32 stop_vcpu_watched(FIXTURE_DATA(queue) * self, u32 i)
{
	u32 from = samples();

	stop_vcpu(self, i);
	return samples() - from;
}

TEST_F_TIMEOUT(queue, waits_are_short, SLOW)
{
	struct its_vmm *v = &self->v;
	u32 took[NR_VCPUS];
	u64 end;

	memset(&watcher, 0, sizeof(watcher));
	pthread_create(&watcher.thread, NULL, watch, NULL);
	start_vcpu(self, 0, ANNOUNCE);
	start_vcpu(self, 1, WRITE);
	end = now_ms() + WATCH_MS;
	while (now_ms() < end || samples() < WATCH_MS / 4)
		usleep(1000);
	/* Before they are stopped, which may not end soon. */
	EXPECT_GT(LIMIT_MS, longest_wait()) {
		TH_LOG("%u samples", samples());
	}
	for (u32 i = 0; i < NR_VCPUS; i++)
		took[i] = stop_vcpu_watched(self, i);
	WRITE_ONCE(watcher.stop, true);
	pthread_join(watcher.thread, NULL);

	TH_LOG("%u samples: most in D state %u, stopped after %u and %u",
	       watcher.samples, longest_wait(), took[0], took[1]);
	EXPECT_GT(LIMIT_MS, longest_wait());
	EXPECT_GT(LIMIT_MS, took[0]);
	EXPECT_GT(LIMIT_MS, took[1]);
	EXPECT_EQ(END, look_at(v, GITS_CWRITER));
	EXPECT_NE(END, look_at(v, GITS_CREADR));
}

/* Signals come faster than one INVALL may take. */

static bool goes_on_by_vcpu(FIXTURE_DATA(queue) * self, u32 i, u64 creadr)
{
	u64 end = now_ms() + LOST_MS;

	while (look_at(&self->v, GITS_CREADR) == creadr && now_ms() < end)
		run_for_a_while(self, i);
	return look_at(&self->v, GITS_CREADR) != creadr;
}

TEST_F_TIMEOUT(queue, same_vcpu_goes_on, SLOW)
{
	announce(_metadata, self);
	EXPECT_TRUE(goes_on_by_vcpu(self, 0, look_at(&self->v, GITS_CREADR)));
}

TEST_F_TIMEOUT(queue, other_vcpu_goes_on, SLOW)
{
	announce(_metadata, self);
	vcpu_args_set(self->vcpus[1], 1, SPIN);
	EXPECT_TRUE(goes_on_by_vcpu(self, 1, look_at(&self->v, GITS_CREADR)));
}

static void set_alarm(u32 ms)
{
	struct timeval tv = { .tv_usec = ms * 1000 };
	struct itimerval timer = { .it_value = tv, .it_interval = tv };

	setitimer(ITIMER_REAL, &timer, NULL);
}

TEST_F_TIMEOUT(queue, access_goes_on, SLOW)
{
	struct its_vmm *v = &self->v;
	u64 creadr, end = now_ms() + LOST_MS;

	announce(_metadata, self);
	creadr = look_at(v, GITS_CREADR);
	its_vmm_its_write(v, GITS_CTLR, 0);
	set_alarm(A_WHILE_MS);
	/* Once commands have been processed after a save, reading goes on, too. */
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	while (its_vmm_its_read(v, GITS_CREADR) == creadr && now_ms() < end)
		;
	set_alarm(0);
	EXPECT_NE(creadr, look_at(v, GITS_CREADR));
	EXPECT_NE(END, look_at(v, GITS_CREADR));
}

/* Announced by the VMM, whose signal ends that. */
TEST_F_TIMEOUT(queue, signal_ends_write, SLOW)
{
	struct its_vmm *v = &self->v;

	set_alarm(A_WHILE_MS);
	its_vmm_its_write(v, GITS_CWRITER, END);
	set_alarm(0);
	EXPECT_EQ(END, look_at(v, GITS_CWRITER));
	EXPECT_NE(END, look_at(v, GITS_CREADR));
}

/* Tables that are saved and registers that are read then fit each other. */
TEST_F_TIMEOUT(queue, saved_is_consistent, SLOW)
{
	u64 *command = its_vmm_hva(&self->v, ITS_VMM_COMMANDS), creadr;
	u64 *itt = self->v.scratch;
	struct its_vmm *v = &self->v;
	u32 event = 1;

	/* Each second command unmaps the event of its number. */
	for (u32 i = 1; i < NR_COMMANDS; i += 2) {
		command[4 * i] = (u64)DEV << 32 | GITS_CMD_DISCARD;
		command[4 * i + 1] = i;
	}
	set_alarm(A_WHILE_MS);
	its_vmm_its_write(v, GITS_CWRITER, END);
	set_alarm(0);

	creadr = look_at(v, GITS_CREADR);
	EXPECT_NE(END, creadr);
	EXPECT_EQ(END, its_vmm_its_read(v, GITS_CWRITER));
	EXPECT_EQ(creadr, its_vmm_its_read(v, GITS_CREADR));
	while (event < NR_COMMANDS && (event < creadr / CMD_SIZE) == !itt[event])
		event += 2;
	EXPECT_LE(NR_COMMANDS, event) {
		TH_LOG("GITS_CREADR %#lx", creadr);
	}
}

/* While the queue is processed, each vCPU's write to GITS_CWRITER completes. */
TEST_F_TIMEOUT(queue, vcpus_write, SLOW)
{
	u64 end = now_ms() + LOST_MS;

	for (u32 i = 0; i < NR_VCPUS; i++)
		start_vcpu(self, i, WRITE);
	while (__atomic_load_n(&self->shared->writes, __ATOMIC_ACQUIRE) < 10 && now_ms() < end)
		usleep(1000);
	for (u32 i = 0; i < NR_VCPUS; i++)
		stop_vcpu(self, i);
	EXPECT_LE(10, self->shared->writes);
	EXPECT_NE(END, look_at(&self->v, GITS_CREADR));
}

/* Memory slots can be changed: that waits for all that is inside kvm->srcu. */
TEST_F_TIMEOUT(queue, memory_changes, SLOW)
{
	struct its_vmm *v = &self->v;
	u64 from, ms;

	vcpu_args_set(self->vcpus[0], 1, ANNOUNCE);
	do {
		continue_vcpu(self, 0);
		usleep(A_WHILE_MS * 1000);
		from = now_ms();
		vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, 4ULL * SZ_1G, 9, 1, 0);
		vm_mem_region_delete(v->vm, 9);
		ms = now_ms() - from;
		stop_vcpu(self, 0);
	} while (look_at(v, GITS_CWRITER) != END);
	TH_LOG("changed in %lu ms", ms);
	EXPECT_NE(END, look_at(v, GITS_CREADR));
}

/* A vCPU can be run while the VMM's write to GITS_CWRITER goes on. */

static void *run_vcpu_soon(void *arg)
{
	usleep(A_WHILE_MS * 1000);
	return run_vcpu(arg);
}

TEST_F_TIMEOUT(queue, vcpu_runs_beside_write, SLOW)
{
	struct its_vmm *v = &self->v;
	u64 val = END;
	int ret;

	vcpu_args_set(self->vcpus[1], 1, SPIN);
	do {
		pthread_create(&self->threads[1], NULL, run_vcpu_soon, self->vcpus[1]);
		ret = __kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
					    GITS_CWRITER, &val);
		stop_vcpu(self, 1);
	} while (ret && errno == EBUSY);
	EXPECT_EQ(0, ret);
	EXPECT_NE(END, look_at(v, GITS_CREADR));
}

/* An INVALL that is interrupted again and again has read all the configuration at its end. */
TEST_F_TIMEOUT(queue, resumed_invall_is_whole, SLOW)
{
	u64 end = now_ms() + LOST_MS;
	struct its_vmm *v = &self->v;

	for (u32 i = 0; i < nr_lpis(); i++)
		its_vmm_set_config(v, FIRST_LPI + i, LPI_ENABLED);
	set_alarm(1);
	its_vmm_its_write(v, GITS_CWRITER, CMD_SIZE);
	while (its_vmm_its_read(v, GITS_CREADR) != CMD_SIZE && now_ms() < end)
		;
	set_alarm(0);
	ASSERT_EQ(CMD_SIZE, its_vmm_its_read(v, GITS_CREADR));

	start_vcpu(self, 0, TAKE);
	for (u32 i = 0; i < TAKEN; i++)
		EXPECT_EQ(1, its_vmm_signal(v, DEV, i * (nr_lpis() - 1) / (TAKEN - 1),
					    KVM_MSI_VALID_DEVID));
	while (READ_ONCE(self->shared->taken) < TAKEN && now_ms() < end)
		usleep(1000);
	stop_vcpu(self, 0);
	EXPECT_EQ(TAKEN, self->shared->taken);
}

/*
 * What MAPTI allocates and DISCARD frees in a loop. RCU's threads do not run while all CPUs
 * are busy with real-time tasks. So it is outrun by a loop that does not wait, however
 * slow that is.
 */

#define MAX_CPUS	64
#define PAIRS		30000
#define BOUND_KB	(16UL * 1024)

FIXTURE(memory)
{
	struct its_vmm v;
	pthread_t threads[MAX_CPUS];
	u32 nr_threads;
};

static u32 spinning, stop_spinning;

static bool occupy_cpu(u32 cpu)
{
	struct sched_param param = { .sched_priority = 1 };
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) &&
	       !pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

static void *spin(void *cpu)
{
	bool occupied = occupy_cpu((unsigned long)cpu);

	__atomic_fetch_add(&spinning, 1, __ATOMIC_RELEASE);
	while (occupied && !READ_ONCE(stop_spinning))
		;
	return NULL;
}

/* All CPUs from the first on are online, or the test is easier to pass. */
FIXTURE_SETUP(memory)
{
	unsigned long nr = min_t(long, sysconf(_SC_NPROCESSORS_ONLN), MAX_CPUS);

	its_vmm_create(&self->v, 1);
	its_vmm_mapc(&self->v, 0, 0, true);
	its_vmm_mapd_itt(&self->v, DEV, self->v.scratch_gpa, 16, true);
	for (unsigned long cpu = 1; cpu < nr; cpu++)
		pthread_create(&self->threads[self->nr_threads++], NULL, spin, (void *)cpu);
	while (__atomic_load_n(&spinning, __ATOMIC_ACQUIRE) < self->nr_threads)
		usleep(1000);
	/* After that, as threads inherit it. */
	if (!occupy_cpu(0))
		SKIP(return, "no real-time scheduling");
}

FIXTURE_TEARDOWN(memory)
{
	WRITE_ONCE(stop_spinning, 1);
	for (u32 i = 0; i < self->nr_threads; i++)
		pthread_join(self->threads[i], NULL);
	its_vmm_destroy(&self->v);
}

static u64 slab_kb(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	u64 kb = 0;

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %lu kB", &kb) == 1)
			break;
	fclose(file);
	return kb;
}

/* The last of an ITT and of all INTIDs: it needs most nodes. */
TEST_F_TIMEOUT(memory, unmapped_is_bounded, SLOW)
{
	u64 before = slab_kb(), most = before;
	struct its_vmm *v = &self->v;

	if (is_debug_kernel())
		SKIP(return, "KASAN keeps what has been freed");

	for (u32 i = 0; i < PAIRS; i++) {
		its_vmm_queue(v, (u64)DEV << 32 | GITS_CMD_MAPTI, 0xffffULL << 32 | 0xffff, 0);
		its_vmm_queue(v, (u64)DEV << 32 | GITS_CMD_DISCARD, 0xffff, 0);
		if (i % 500 == 0)
			most = max(most, slab_kb());
	}
	its_vmm_submit(v);
	most = max(most, slab_kb());
	TH_LOG("%u times: %lu KiB more at the most", PAIRS, most - before);
	EXPECT_GT(BOUND_KB, most - before);
	its_vmm_mapti(v, DEV, 0, FIRST_LPI, 0);
	EXPECT_EQ(1, its_vmm_signal(v, DEV, 0, KVM_MSI_VALID_DEVID));
}

TEST_HARNESS_MAIN
