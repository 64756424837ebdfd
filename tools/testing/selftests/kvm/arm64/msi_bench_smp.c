// SPDX-License-Identifier: GPL-2.0-only
/*
 * msi_bench_smp - what several CPUs and many VMs get done at once
 *
 * Drives KVM from the VMM's side, as msi_bench does, but with threads, and by the
 * clock: figures are those of this machine while nothing else runs on it. They
 * say something beside those of another kernel on the same machine.
 *
 * The output has a line for each row: name, unit, value, with tabs between. Of
 * a rate ("/s") the value is the highest of some rounds, of a time the least.
 *
 *   inject_1             one thread sends MSIs to the LPIs of one vCPU
 *   inject_2             two threads do, each to a vCPU of its own: both together
 *   inject_movi          one thread sends MSIs to LPIs that another retargets
 *   movi_inject          ... and what the other gets done
 *   fleet_restore        64 VMs at once, a thread each, set 256 routes with one
 *                        ioctl and bind an irqfd to each
 *   fleet_enable         64 VMs at once, a thread each, bind 256 irqfds, each after
 *                        an ioctl that sets one more route
 *   fleet_*_longest      ... the longest ioctl of them all
 *
 * Arguments choose rows by name; without any, all are measured.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "its_vmm.h"

#define ROUNDS		5		/* at most; the best of them counts */
#define ENOUGH_NS	3000000000	/* no further round after this much */
#define ROUND_US	400000		/* one round of threads */

#define LPI_FIRST	8192
#define EVENTS		BIT(ITS_VMM_EVENT_BITS)	/* of each device */

#define FLEET_VMS	64
#define FLEET_ROUTES	256
#define MAX_FDS		(32U * 1024)

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* A VM with the events of @nr_devices devices mapped, those of device n to vCPU n. */
static void create_vm(struct its_vmm *v, u32 nr_vcpus, u32 nr_devices)
{
	u32 devid, event;

	its_vmm_create(v, nr_vcpus);
	for (u32 i = 0; i < nr_vcpus; i++)
		its_vmm_mapc(v, i, i, true);
	for (devid = 0; devid < nr_devices; devid++) {
		its_vmm_mapd(v, devid, true);
		for (event = 0; event < EVENTS; event++)
			its_vmm_mapti(v, devid, event, LPI_FIRST + devid * EVENTS + event,
				      devid % nr_vcpus);
	}
}

/* Threads that work in parallel, each on a CPU, until they are told to stop. */

/**
 * struct worker - A thread that does one thing over and over.
 * @v:		VM that it works on.
 * @devid:	Device whose events it works on.
 * @work:	Does the thing once for each event of the device.
 * @thread:	Runs it.
 * @stop:	Tells it to stop.
 * @done:	How many events it had its turn with.
 */
struct worker {
	struct its_vmm		*v;
	u32			devid;
	void			(*work)(struct worker *w);
	pthread_t		thread;
	atomic_bool		*stop;
	u64			done;
};

static void inject(struct worker *w)
{
	u32 event, delivered = 0;

	for (event = 0; event < EVENTS; event++)
		delivered += its_vmm_signal(w->v, w->devid, event, KVM_MSI_VALID_DEVID);

	TEST_ASSERT(delivered == EVENTS, "Only %u MSIs delivered", delivered);
}

static void movi(struct worker *w)
{
	u32 event;

	for (event = 0; event < EVENTS; event++)
		its_vmm_movi(w->v, w->devid, event, w->done / EVENTS % 2);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (; !*w->stop; w->done += EVENTS)
		w->work(w);
	return NULL;
}

static void start_worker(struct worker *w, u32 i)
{
	cpu_set_t cpu;

	pthread_create(&w->thread, NULL, work, w);
	CPU_ZERO(&cpu);
	CPU_SET(i % get_nprocs(), &cpu);
	TEST_ASSERT(!pthread_setaffinity_np(w->thread, sizeof(cpu), &cpu), "Can't choose a CPU");
}

/* Have @nr workers work for a round: what each does in a second. */
static void work_together(struct worker *workers, u32 nr, u64 *rates)
{
	atomic_bool stop = false;
	struct its_vmm v;
	u64 start;
	u32 i;

	create_vm(&v, 2, 2);
	start = now();
	for (i = 0; i < nr; i++) {
		workers[i].v = &v;
		workers[i].stop = &stop;
		start_worker(&workers[i], i);
	}
	usleep(ROUND_US);
	stop = true;
	for (i = 0; i < nr; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < nr; i++)
		rates[i] = workers[i].done * NSEC_PER_SEC / (now() - start);
	its_vmm_destroy(&v);
}

static void inject_1(u64 *values)
{
	struct worker workers[] = { { .devid = 0, .work = inject } };

	work_together(workers, 1, values);
}

static void inject_2(u64 *values)
{
	struct worker workers[] = {
		{ .devid = 0, .work = inject },
		{ .devid = 1, .work = inject },
	};
	u64 rates[2];

	work_together(workers, 2, rates);
	values[0] = rates[0] + rates[1];
}

static void inject_movi(u64 *values)
{
	struct worker workers[] = {
		{ .devid = 0, .work = inject },
		{ .devid = 0, .work = movi },
	};

	work_together(workers, 2, values);
}

/* Many VMs that set up their routes at once. */

/**
 * struct restore - A VMM that sets up one VM's interrupts.
 * @v:		The VM.
 * @thread:	The VMM's thread.
 * @start:	Where all VMMs wait for each other.
 * @each:	Set one more route before each irqfd, not all routes before the first.
 * @routes:	The routes to set.
 * @efds:	The eventfds to bind.
 * @longest:	Nanoseconds that its longest ioctl took.
 */
struct restore {
	struct its_vmm		v;
	pthread_t		thread;
	pthread_barrier_t	*start;
	bool			each;
	struct kvm_irq_routing	*routes;
	int			efds[FLEET_ROUTES];
	u64			longest;
};

static void prepare(struct restore *r)
{
	struct kvm_msi msi;
	u32 i;

	create_vm(&r->v, 1, FLEET_ROUTES / EVENTS);
	r->longest = 0;
	r->routes = calloc(1, sizeof(*r->routes) + FLEET_ROUTES * sizeof(r->routes->entries[0]));
	TEST_ASSERT(r->routes, "No memory for %u routes", FLEET_ROUTES);
	for (i = 0; i < FLEET_ROUTES; i++) {
		msi = its_vmm_msi(ITS_VMM_DOORBELL, i / EVENTS, i % EVENTS);
		r->routes->entries[i] = its_vmm_route_msi(i, &msi);
		r->efds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		TEST_ASSERT(r->efds[i] >= 0, "No eventfd %u, errno %i", i, errno);
	}
}

static void tear_down(struct restore *r)
{
	u32 i;

	for (i = 0; i < FLEET_ROUTES; i++)
		close(r->efds[i]);
	free(r->routes);
	its_vmm_destroy(&r->v);
}

static void set_routes(struct restore *r, u32 nr)
{
	u64 start = now();

	r->routes->nr = nr;
	vm_ioctl(r->v.vm, KVM_SET_GSI_ROUTING, r->routes);
	r->longest = max(r->longest, now() - start);
}

static void bind(struct restore *r, u32 gsi)
{
	u64 start = now();

	its_vmm_irqfd(&r->v, r->efds[gsi], gsi, 0);
	r->longest = max(r->longest, now() - start);
}

static void *restore(void *arg)
{
	struct restore *r = arg;
	u32 i;

	pthread_barrier_wait(r->start);
	if (!r->each)
		set_routes(r, FLEET_ROUTES);
	for (i = 0; i < FLEET_ROUTES; i++) {
		if (r->each)
			set_routes(r, i + 1);
		bind(r, i);
	}
	return NULL;
}

/* All of them: milliseconds until the last is done, microseconds of any's longest ioctl. */
static void fleet(bool each, u64 *values)
{
	static struct restore fleet[FLEET_VMS];
	pthread_barrier_t start;
	u64 ns, longest = 0;
	u32 i;

	pthread_barrier_init(&start, NULL, FLEET_VMS + 1);
	for (i = 0; i < FLEET_VMS; i++) {
		fleet[i].start = &start;
		fleet[i].each = each;
		prepare(&fleet[i]);
		pthread_create(&fleet[i].thread, NULL, restore, &fleet[i]);
	}
	pthread_barrier_wait(&start);
	ns = now();
	for (i = 0; i < FLEET_VMS; i++) {
		pthread_join(fleet[i].thread, NULL);
		longest = max(longest, fleet[i].longest);
	}
	values[0] = (now() - ns) / 1000000;
	values[1] = longest / 1000;
	for (i = 0; i < FLEET_VMS; i++)
		tear_down(&fleet[i]);
	pthread_barrier_destroy(&start);
}

static void fleet_restore(u64 *values)
{
	fleet(false, values);
}

static void fleet_enable(u64 *values)
{
	fleet(true, values);
}

/* The rows. */

/**
 * struct measured - One value.
 * @name:	As printed.
 * @unit:	As printed.
 * @rate:	More is better, not less.
 */
struct measured {
	const char	*name;
	const char	*unit;
	bool		rate;
};

/**
 * struct op - What is measured at once.
 * @values:	The rows that it has, up to one without a name.
 * @run:	One round: gives the values.
 */
struct op {
	struct measured	values[3];
	void		(*run)(u64 *values);
};

static const struct op ops[] = {
	{
		.values	= { { "inject_1", "MSI/s", true } },
		.run	= inject_1,
	}, {
		.values	= { { "inject_2", "MSI/s", true } },
		.run	= inject_2,
	}, {
		.values	= { { "inject_movi", "MSI/s", true }, { "movi_inject", "MOVI/s", true } },
		.run	= inject_movi,
	}, {
		.values	= { { "fleet_restore", "ms" }, { "fleet_restore_longest", "us" } },
		.run	= fleet_restore,
	}, {
		.values	= { { "fleet_enable", "ms" }, { "fleet_enable_longest", "us" } },
		.run	= fleet_enable,
	},
};

static bool better(const struct measured *m, u64 value, u64 than)
{
	return m->rate ? value > than : value < than;
}

static void measure_op(const struct op *op)
{
	u64 values[ARRAY_SIZE(op->values)], best[ARRAY_SIZE(op->values)];
	u64 start = now();
	u32 i, round;

	for (round = 0; round < ROUNDS && now() - start < ENOUGH_NS; round++) {
		op->run(values);
		for (i = 0; op->values[i].name; i++) {
			if (!round || better(&op->values[i], values[i], best[i]))
				best[i] = values[i];
		}
	}
	for (i = 0; op->values[i].name; i++)
		printf("%s\t%s\t%lu\n", op->values[i].name, op->values[i].unit, best[i]);
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
}

static bool chosen(const struct op *op, int argc, char **argv)
{
	const struct measured *m;
	int i;

	for (m = op->values; m->name; m++)
		for (i = 1; i < argc; i++)
			if (!strcmp(m->name, argv[i]))
				return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const struct rlimit fds = { MAX_FDS, MAX_FDS };
	u32 i;

	TEST_ASSERT(!setrlimit(RLIMIT_NOFILE, &fds), "No room for %u files", MAX_FDS);
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (chosen(&ops[i], argc, argv))
			measure_op(&ops[i]);
	return 0;
}
