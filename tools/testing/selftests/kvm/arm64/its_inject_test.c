// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_inject_test - MSIs that are sent while the guest changes what they lead to
 *
 * Threads send MSIs by KVM_SIGNAL_MSI and by irqfds, while the ITS's mappings, its
 * registers and those of the redistributors change. Where no vCPU runs, the guest's
 * part is played through device attributes, LPIs are disabled in the configuration
 * table, and an LPI that is pending stays so, to be seen in the pending tables.
 */
#include <linux/sizes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

#define DEVID		1
#define OTHER_DEVID	2
#define LPI_BASE	8192
#define LPI(event)	(LPI_BASE + (event))

#define SLOW		300	/* s: the tests are not quick on a debug kernel */
#define PHASE_MS	400	/* of a test that goes on until the time is over */
#define STORM_MS	300
#define LOST_MS		120000	/* until an MSI counts as lost: far longer than it takes */
#define HELD_MS	100	/* for a vCPU to enter with what it was sent */

/* MSIs, and the threads that send them. */

enum kind { SIGNAL, IRQFD };

/**
 * struct source - An MSI that can be sent.
 * @doorbell: Of its ITS.
 * @devid: Its DeviceID.
 * @event: Its EventID.
 * @fd: The eventfd of an irqfd with a route to it, once route_sources() was called.
 */
struct source {
	u64 doorbell;
	u32 devid;
	u32 event;
	int fd;
};

#define MAX_SOURCES	64
#define NR_INJECTORS	2

/**
 * struct injectors - Threads that send MSIs, each from one source after the other.
 * @vm: The VM, of which they use the file descriptor alone.
 * @sources: What can be sent.
 * @nr: How many of them the threads send: the first ones.
 * @kinds: How each thread sends.
 * @threads: The threads.
 * @started: How many have begun.
 * @parked: How many wait for the end of @pause.
 * @pause: Ask them to wait.
 * @stop: Ask them to end.
 * @sent: MSIs sent, by them or by the test.
 * @delivered: How many of those KVM_SIGNAL_MSI said to have delivered.
 */
struct injectors {
	struct kvm_vm *vm;
	struct source sources[MAX_SOURCES];
	u32 nr;
	enum kind kinds[NR_INJECTORS];
	pthread_t threads[NR_INJECTORS];
	atomic_uint started;
	atomic_uint parked;
	atomic_bool pause;
	atomic_bool stop;
	atomic_ulong sent;
	atomic_ulong delivered;
};

static int signal_source(struct injectors *inj, struct source *source)
{
	struct kvm_msi msi = its_vmm_msi(source->doorbell, source->devid, source->event);
	int ret = __vm_ioctl(inj->vm, KVM_SIGNAL_MSI, &msi);

	TEST_ASSERT(ret >= 0, "KVM_SIGNAL_MSI: errno %d", errno);
	atomic_fetch_add(&inj->delivered, ret);
	return ret;
}

/* Returns what KVM_SIGNAL_MSI does, or -1: an irqfd does not tell. */
static int send(struct injectors *inj, enum kind kind, u32 n)
{
	struct source *source = &inj->sources[n];
	int ret = -1;

	if (kind == SIGNAL)
		ret = signal_source(inj, source);
	else
		its_vmm_signal_fd(source->fd);
	atomic_fetch_add(&inj->sent, 1);
	return ret;
}

static void park(struct injectors *inj)
{
	atomic_fetch_add(&inj->parked, 1);
	while (inj->pause && !inj->stop)
		usleep(50);
	atomic_fetch_sub(&inj->parked, 1);
}

static void *injector(void *arg)
{
	struct injectors *inj = arg;
	enum kind kind = inj->kinds[atomic_fetch_add(&inj->started, 1)];

	for (u32 i = 0; !inj->stop; i++) {
		if (inj->pause)
			park(inj);
		send(inj, kind, i % inj->nr);
	}
	return NULL;
}

/* Pausing: what was sent has arrived, or never will. */
static void pause_injectors(struct injectors *inj)
{
	inj->pause = true;
	while (inj->parked < NR_INJECTORS)
		usleep(50);
}

static void resume_injectors(struct injectors *inj)
{
	inj->pause = false;
	while (inj->parked)
		usleep(50);
}

/* Wait until @n more MSIs are sent, all of them begun after the call. */
static void wait_for_msis(struct injectors *inj, u32 n)
{
	u64 until = inj->sent + NR_INJECTORS + n;

	while (inj->sent < until)
		usleep(50);
}

static void start_injectors(struct injectors *inj)
{
	for (u32 i = 0; i < NR_INJECTORS; i++)
		pthread_create(&inj->threads[i], NULL, injector, inj);
}

static void stop_injectors(struct injectors *inj)
{
	inj->stop = true;
	for (u32 i = 0; i < NR_INJECTORS; i++)
		pthread_join(inj->threads[i], NULL);
}

/* GSI n and an eventfd for the nth source. */
static void route_sources(struct injectors *inj, struct its_vmm *v, u32 nr)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[MAX_SOURCES];
	} table = { .header.nr = nr };

	for (u32 i = 0; i < nr; i++) {
		struct source *source = &inj->sources[i];
		struct kvm_msi msi = its_vmm_msi(source->doorbell, source->devid,
						 source->event);

		table.entries[i] = its_vmm_route_msi(i, &msi);
		source->fd = eventfd(0, 0);
		its_vmm_irqfd(v, source->fd, i, 0);
	}
	vm_ioctl(v->vm, KVM_SET_GSI_ROUTING, &table.header);
}

static void close_sources(struct injectors *inj, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		close(inj->sources[i].fd);
}

/* What is pending, and what was not delivered. */

static const char * const counters[] = {
	"msi_no_devid", "msi_no_doorbell", "msi_its_disabled", "msi_device_unmapped",
	"msi_event_unmapped", "msi_collection_unmapped", "msi_target_absent",
	"msi_lpis_disabled",
};

static u64 drops(struct its_vmm *v)
{
	u64 sum = 0;

	for (u32 i = 0; i < ARRAY_SIZE(counters); i++)
		sum += its_vmm_stat(v, counters[i]);
	return sum;
}

/* Clear the LPI's bits in all pending tables. */
static void clear_bits(struct its_vmm *v, u32 lpi)
{
	for (u32 vcpu = 0; vcpu < v->nr_vcpus; vcpu++) {
		u8 *table = its_vmm_hva(v, ITS_VMM_PENDING + vcpu);

		table[lpi / 8] &= ~BIT(lpi % 8);
	}
}

/* The vCPUs in whose tables the LPI is pending, as a mask. */
static u32 pending_at(struct its_vmm *v, u32 lpi)
{
	u32 mask = 0;

	clear_bits(v, lpi);
	its_vmm_save_pending(v);
	for (u32 vcpu = 0; vcpu < v->nr_vcpus; vcpu++)
		mask |= its_vmm_saved(v, vcpu, lpi) << vcpu;
	return mask;
}

/*
 * Order: an unmapping that has completed stops every MSI, those on their way too;
 * a mapping that has completed lets the next one through.
 *
 * The threads send two events. The LPI of the first is mapped at a second ITS as
 * well, whose mapping nothing is sent to: it keeps the LPI, so that what arrives
 * late would be seen. That of the second is not. A third is the test's own.
 */

enum { WITNESSED, ALONE, OWN, NR_ORDERED };

FIXTURE(order)
{
	struct its_vmm v;
	struct injectors inj;
};

/*
 * @unmap, @map: What is under test; @map comes after @unmap.
 * @keeps: @unmap leaves LPIs pending that are.
 * @map_keeps: @map does, too.
 * @counter: The counter of what is dropped meanwhile.
 * @kind: How MSIs are sent.
 */
FIXTURE_VARIANT(order)
{
	void (*unmap)(struct its_vmm *v);
	void (*map)(struct its_vmm *v);
	bool keeps;
	bool map_keeps;
	const char *counter;
	enum kind kind;
};

/* What was saved is not to come back: mapping an LPI adds what the table has. */
static void map_events(struct its_vmm *v)
{
	for (u32 event = 0; event < NR_ORDERED; event++) {
		clear_bits(v, LPI(event));
		its_vmm_mapti(v, DEVID, event, LPI(event), 0);
	}
}

static void unmap_events(struct its_vmm *v)
{
	for (u32 event = 0; event < NR_ORDERED; event++)
		its_vmm_discard(v, DEVID, event);
}

static void unmap_device(struct its_vmm *v)
{
	its_vmm_mapd(v, DEVID, false);
}

static void map_device(struct its_vmm *v)
{
	its_vmm_mapd(v, DEVID, true);
	map_events(v);
}

static void unmap_collection(struct its_vmm *v)
{
	its_vmm_mapc(v, 0, 0, false);
}

/* A new collection of the same ICID does not have the old one's events. */
static void map_collection(struct its_vmm *v)
{
	its_vmm_mapc(v, 0, 0, true);
	unmap_events(v);
	map_events(v);
}

static void disable_its(struct its_vmm *v)
{
	its_vmm_its_write(v, GITS_CTLR, 0);
}

static void enable_its(struct its_vmm *v)
{
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

static void disable_lpis(struct its_vmm *v)
{
	its_vmm_redist_write(v, 0, GICR_CTLR, 0);
}

/* Enabling adds what the pending table has. */
static void enable_lpis(struct its_vmm *v)
{
	for (u32 event = 0; event < NR_ORDERED; event++)
		clear_bits(v, LPI(event));
	its_vmm_redist_write(v, 0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

#define BY_DISCARD	.unmap = unmap_events, .map = map_events,		\
			.counter = "msi_event_unmapped"
#define BY_MAPD		.unmap = unmap_device, .map = map_device,		\
			.counter = "msi_device_unmapped"
#define BY_MAPC		.unmap = unmap_collection, .map = map_collection,	\
			.keeps = true, .counter = "msi_collection_unmapped"
#define BY_GITS_CTLR	.unmap = disable_its, .map = enable_its,		\
			.keeps = true, .map_keeps = true, .counter = "msi_its_disabled"
#define BY_GICR_CTLR	.unmap = disable_lpis, .map = enable_lpis,		\
			.counter = "msi_lpis_disabled"

FIXTURE_VARIANT_ADD(order, discard_signal) { BY_DISCARD, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(order, discard_irqfd) { BY_DISCARD, .kind = IRQFD };
FIXTURE_VARIANT_ADD(order, mapd_signal) { BY_MAPD, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(order, mapd_irqfd) { BY_MAPD, .kind = IRQFD };
FIXTURE_VARIANT_ADD(order, mapc_signal) { BY_MAPC, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(order, mapc_irqfd) { BY_MAPC, .kind = IRQFD };
FIXTURE_VARIANT_ADD(order, gits_ctlr_signal) { BY_GITS_CTLR, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(order, gits_ctlr_irqfd) { BY_GITS_CTLR, .kind = IRQFD };
FIXTURE_VARIANT_ADD(order, gicr_ctlr_signal) { BY_GICR_CTLR, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(order, gicr_ctlr_irqfd) { BY_GICR_CTLR, .kind = IRQFD };

static void map_witness(struct its_vmm *v)
{
	its_vmm_select(v, 1);
	its_vmm_mapc(v, 0, 0, true);
	its_vmm_mapd(v, DEVID, true);
	its_vmm_mapti(v, DEVID, 0, LPI(WITNESSED), 0);
	its_vmm_select(v, 0);
}

static void clear_by_witness(struct its_vmm *v)
{
	its_vmm_select(v, 1);
	its_vmm_clear(v, DEVID, 0);
	its_vmm_select(v, 0);
}

static void create_two_its(struct its_vmm *v, u32 nr_vcpus)
{
	its_vmm_create_vm(v, nr_vcpus);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	its_vmm_select(v, 0);
}

static void init_sources(struct injectors *inj, struct its_vmm *v, u32 nr)
{
	inj->vm = v->vm;
	for (u32 i = 0; i < nr; i++)
		inj->sources[i] = (struct source) { its_vmm_doorbell(v), DEVID, i, -1 };
	route_sources(inj, v, nr);
}

FIXTURE_SETUP(order)
{
	struct its_vmm *v = &self->v;

	create_two_its(v, 1);
	its_vmm_mapc(v, 0, 0, true);
	map_device(v);
	map_witness(v);

	init_sources(&self->inj, v, NR_ORDERED);
	self->inj.nr = OWN;
	for (u32 i = 0; i < NR_INJECTORS; i++)
		self->inj.kinds[i] = variant->kind;
}

FIXTURE_TEARDOWN(order)
{
	close_sources(&self->inj, NR_ORDERED);
	its_vmm_destroy(&self->v);
}

/* One MSI of the test's own event: delivered, and pending at once, or neither. */
static void check_own(struct __test_metadata *_metadata, FIXTURE_DATA(order) * self,
		      enum kind kind, bool arrives)
{
	int ret = send(&self->inj, kind, OWN);

	if (kind == SIGNAL)
		EXPECT_EQ(arrives, ret);
	if (arrives)
		EXPECT_TRUE(its_vmm_pending(&self->v, 0, LPI(OWN)));
}

static void check_unmapped(struct __test_metadata *_metadata, FIXTURE_DATA(order) * self,
			   const FIXTURE_VARIANT(order) * variant)
{
	struct its_vmm *v = &self->v;

	variant->unmap(v);
	if (variant->keeps)
		clear_by_witness(v);
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI(WITNESSED)));
	wait_for_msis(&self->inj, 100);
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI(WITNESSED)));
	check_own(_metadata, self, variant->kind, false);
}

/* An LPI that is mapped begins as the table in memory has it: undo an earlier look. */
static void forget_saved(struct its_vmm *v, u32 lpi)
{
	u8 *table = its_vmm_hva(v, ITS_VMM_PENDING);

	table[lpi / 8] &= ~BIT(lpi % 8);
}

static void check_mapped(struct __test_metadata *_metadata, FIXTURE_DATA(order) * self,
			 const FIXTURE_VARIANT(order) * variant)
{
	struct its_vmm *v = &self->v;

	pause_injectors(&self->inj);
	forget_saved(v, LPI(ALONE));
	variant->map(v);
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI(WITNESSED)));
	EXPECT_FALSE(its_vmm_pending(v, 0, LPI(OWN)));
	if (!variant->map_keeps)
		EXPECT_FALSE(its_vmm_pending(v, 0, LPI(ALONE)));
	resume_injectors(&self->inj);

	check_own(_metadata, self, variant->kind, true);
	its_vmm_clear(v, DEVID, OWN);
	wait_for_msis(&self->inj, 2 * NR_INJECTORS * OWN);
	EXPECT_TRUE(its_vmm_pending(v, 0, LPI(WITNESSED)));
	EXPECT_TRUE(its_vmm_pending(v, 0, LPI(ALONE)));
}

TEST_F_TIMEOUT(order, unmapped_stops_mapped_lets_through, SLOW)
{
	u64 end = now_ms() + PHASE_MS;

	start_injectors(&self->inj);
	do {
		check_unmapped(_metadata, self, variant);
		check_mapped(_metadata, self, variant);
	} while (now_ms() < end && _metadata->exit_code == KSFT_PASS);
	stop_injectors(&self->inj);
}

/* Each MSI is delivered, or counted once. */
TEST_F_TIMEOUT(order, none_is_unaccounted, SLOW)
{
	struct injectors *inj = &self->inj;
	u64 end = now_ms() + PHASE_MS / 2;

	start_injectors(inj);
	do {
		variant->unmap(&self->v);
		wait_for_msis(inj, 1);
		variant->map(&self->v);
		wait_for_msis(inj, 1);
	} while (now_ms() < end);
	stop_injectors(inj);

	EXPECT_LT(0, its_vmm_stat(&self->v, variant->counter));
	EXPECT_GT(inj->sent, drops(&self->v));
	if (variant->kind == SIGNAL)
		EXPECT_EQ(inj->sent, inj->delivered + drops(&self->v));
}

/* Retargeting: whatever the target, it has the LPI, and no other has. */

#define NR_TARGETS	3

FIXTURE(retarget)
{
	struct its_vmm v;
	struct injectors inj;
};

/*
 * @move: Makes the vCPU @to the target, which @from is.
 * @pending_only: It moves what is pending, and the target stays.
 * @kind: How MSIs are sent.
 */
FIXTURE_VARIANT(retarget)
{
	void (*move)(struct its_vmm *v, u32 from, u32 to);
	bool pending_only;
	enum kind kind;
};

static void move_movi(struct its_vmm *v, u32 from, u32 to)
{
	its_vmm_movi(v, DEVID, 0, to);
}

static void move_mapc(struct its_vmm *v, u32 from, u32 to)
{
	its_vmm_mapc(v, 0, to, true);
}

static void move_movall(struct its_vmm *v, u32 from, u32 to)
{
	its_vmm_movall(v, from, to);
}

FIXTURE_VARIANT_ADD(retarget, movi_signal) { .move = move_movi, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(retarget, movi_irqfd) { .move = move_movi, .kind = IRQFD };
FIXTURE_VARIANT_ADD(retarget, mapc_signal) { .move = move_mapc, .kind = SIGNAL };
FIXTURE_VARIANT_ADD(retarget, mapc_irqfd) { .move = move_mapc, .kind = IRQFD };
FIXTURE_VARIANT_ADD(retarget, movall_signal) { move_movall, true, SIGNAL };
FIXTURE_VARIANT_ADD(retarget, movall_irqfd) { move_movall, true, IRQFD };

FIXTURE_SETUP(retarget)
{
	its_vmm_create(&self->v, NR_TARGETS);
	for (u32 i = 0; i < NR_TARGETS; i++)
		its_vmm_mapc(&self->v, i, i, true);
	its_vmm_mapd(&self->v, DEVID, true);
	its_vmm_mapti(&self->v, DEVID, 0, LPI(0), 0);

	init_sources(&self->inj, &self->v, 1);
	self->inj.nr = 1;
	for (u32 i = 0; i < NR_INJECTORS; i++)
		self->inj.kinds[i] = variant->kind;
}

FIXTURE_TEARDOWN(retarget)
{
	close_sources(&self->inj, 1);
	its_vmm_destroy(&self->v);
}

/* The last target has what the threads sent, and the first MSI after that. */
static void check_target(struct __test_metadata *_metadata,
			 FIXTURE_DATA(retarget) * self, enum kind kind, u32 target)
{
	struct its_vmm *v = &self->v;

	pause_injectors(&self->inj);
	EXPECT_EQ(BIT(target), pending_at(v, LPI(0)));
	its_vmm_clear(v, DEVID, 0);
	EXPECT_EQ(0, pending_at(v, LPI(0)));
	send(&self->inj, kind, 0);
	EXPECT_EQ(BIT(target), pending_at(v, LPI(0)));
	resume_injectors(&self->inj);
}

TEST_F_TIMEOUT(retarget, nothing_is_lost, SLOW)
{
	struct injectors *inj = &self->inj;
	u64 end = now_ms() + PHASE_MS;
	u32 target = 0;

	start_injectors(inj);
	wait_for_msis(inj, 1);
	for (u32 i = 0; now_ms() < end && _metadata->exit_code == KSFT_PASS; i++) {
		u32 to = (target + 1 + i % (NR_TARGETS - 1)) % NR_TARGETS;

		variant->move(&self->v, target, to);
		target = variant->pending_only ? 0 : to;
		EXPECT_EQ(BIT(target), pending_at(&self->v, LPI(0)));
		if (i % 4 == 0)
			check_target(_metadata, self, variant->kind, target);
	}
	stop_injectors(inj);
	EXPECT_EQ(0, drops(&self->v));
	if (variant->kind == SIGNAL)
		EXPECT_EQ(inj->sent, inj->delivered);
}

/* An irqfd's MSI has arrived when write() returns: the first one, and later ones. */

#define NR_IRQFDS	MAX_SOURCES
#define ITT_EVENTS	BIT(ITS_VMM_EVENT_BITS)

FIXTURE(irqfd)
{
	struct its_vmm v;
	struct injectors inj;
};

FIXTURE_SETUP(irqfd)
{
	struct its_vmm *v = &self->v;

	its_vmm_create(v, 1);
	its_vmm_mapc(v, 0, 0, true);
	for (u32 i = 0; i < NR_IRQFDS; i++) {
		struct source source = {
			.doorbell = its_vmm_doorbell(v),
			.devid = DEVID + i / ITT_EVENTS,
			.event = i % ITT_EVENTS,
		};

		if (!source.event)
			its_vmm_mapd(v, source.devid, true);
		its_vmm_mapti(v, source.devid, source.event, LPI(i), 0);
		self->inj.sources[i] = source;
	}
	self->inj.vm = v->vm;
	route_sources(&self->inj, v, NR_IRQFDS);
}

FIXTURE_TEARDOWN(irqfd)
{
	close_sources(&self->inj, NR_IRQFDS);
	its_vmm_destroy(&self->v);
}

/* All LPIs from the first on are pending that were sent, and no other. */
static void check_first_pending(struct __test_metadata *_metadata, struct its_vmm *v, u32 nr)
{
	its_vmm_save_pending(v);
	for (u32 i = 0; i < NR_IRQFDS; i++) {
		EXPECT_EQ(i < nr, its_vmm_saved(v, 0, LPI(i))) {
			TH_LOG("LPI %u after %u MSIs", i, nr);
		}
	}
}

TEST_F_TIMEOUT(irqfd, arrives_before_write_returns, SLOW)
{
	for (u32 round = 0; round < 4; round++) {
		check_first_pending(_metadata, &self->v, 0);
		for (u32 i = 0; i < NR_IRQFDS; i++) {
			send(&self->inj, IRQFD, i);
			check_first_pending(_metadata, &self->v, i + 1);
		}
		for (u32 i = 0; i < NR_IRQFDS; i++) {
			struct source *source = &self->inj.sources[i];

			its_vmm_clear(&self->v, source->devid, source->event);
		}
	}
}

/* One event number at two ITSes: the doorbell tells them apart. */

FIXTURE(two)
{
	struct its_vmm v;
	struct injectors inj;
};

FIXTURE_VARIANT(two) { enum kind kind; };
FIXTURE_VARIANT_ADD(two, signal) { .kind = SIGNAL };
FIXTURE_VARIANT_ADD(two, irqfd) { .kind = IRQFD };

FIXTURE_SETUP(two)
{
	struct its_vmm *v = &self->v;

	create_two_its(v, 2);
	self->inj.vm = v->vm;
	for (u32 its = 0; its < 2; its++) {
		its_vmm_select(v, its);
		its_vmm_mapc(v, 0, its, true);
		its_vmm_mapd(v, DEVID, true);
		its_vmm_mapd(v, OTHER_DEVID, true);
		self->inj.sources[its] = (struct source) { its_vmm_doorbell(v), DEVID, 0, -1 };
	}
	self->inj.sources[2] = (struct source) { its_vmm_doorbell(v), OTHER_DEVID, 0, -1 };
	route_sources(&self->inj, v, 3);
}

FIXTURE_TEARDOWN(two)
{
	close_sources(&self->inj, 3);
	its_vmm_destroy(&self->v);
}

static void map_at(struct its_vmm *v, u32 its, u32 devid, u32 lpi)
{
	its_vmm_select(v, its);
	its_vmm_mapti(v, devid, 0, lpi, 0);
}

static void discard_at(struct its_vmm *v, u32 its, u32 devid)
{
	its_vmm_select(v, its);
	its_vmm_discard(v, devid, 0);
}

/* Send, and say which of the vCPUs have which of the LPIs pending. */
static void check_send(struct __test_metadata *_metadata, FIXTURE_DATA(two) * self,
		       enum kind kind, u32 source, u32 first_at, u32 second_at)
{
	int ret = send(&self->inj, kind, source);

	if (kind == SIGNAL)
		EXPECT_EQ(first_at || second_at, ret);
	EXPECT_EQ(first_at, pending_at(&self->v, LPI(0)));
	EXPECT_EQ(second_at, pending_at(&self->v, LPI(1)));
}

TEST_F(two, same_event)
{
	struct its_vmm *v = &self->v;

	map_at(v, 0, DEVID, LPI(0));
	map_at(v, 1, DEVID, LPI(1));
	check_send(_metadata, self, variant->kind, 0, BIT(0), 0);
	discard_at(v, 0, DEVID);
	check_send(_metadata, self, variant->kind, 0, 0, 0);
	check_send(_metadata, self, variant->kind, 1, 0, BIT(1));
	map_at(v, 0, DEVID, LPI(0));
	discard_at(v, 1, DEVID);
	check_send(_metadata, self, variant->kind, 1, 0, 0);
	check_send(_metadata, self, variant->kind, 0, BIT(0), 0);
}

/* Events @a and @b send one LPI, to @target: without one, the other goes on. */
static void check_shared(struct __test_metadata *_metadata, FIXTURE_DATA(two) * self,
			 enum kind kind, const u32 its[2], const u32 devid[2],
			 const u32 source[2], u32 target)
{
	struct its_vmm *v = &self->v;

	map_at(v, its[0], devid[0], LPI(0));
	map_at(v, its[1], devid[1], LPI(0));
	for (u32 a = 0; a < 2; a++) {
		u32 b = !a;

		check_send(_metadata, self, kind, source[a], BIT(target), 0);
		discard_at(v, its[a], devid[a]);
		EXPECT_EQ(0, pending_at(v, LPI(0)));
		if (kind == SIGNAL)
			EXPECT_EQ(0, send(&self->inj, kind, source[a]));
		check_send(_metadata, self, kind, source[b], BIT(target), 0);
		its_vmm_select(v, its[b]);
		its_vmm_clear(v, devid[b], 0);
		/* The last one to be mapped decides: the target stays. */
		map_at(v, its[a], devid[a], LPI(0));
		discard_at(v, its[1], devid[1]);
		map_at(v, its[1], devid[1], LPI(0));
	}
}

TEST_F(two, shared_by_devices)
{
	check_shared(_metadata, self, variant->kind, (u32[]) { 1, 1 },
		     (u32[]) { DEVID, OTHER_DEVID }, (u32[]) { 1, 2 }, 1);
}

TEST_F(two, shared_by_its)
{
	check_shared(_metadata, self, variant->kind, (u32[]) { 0, 1 },
		     (u32[]) { DEVID, DEVID }, (u32[]) { 0, 1 }, 1);
}

/**
 * struct mapper - A thread that maps and unmaps one event.
 * @v: A copy, for the selected ITS and its queue to be the thread's own.
 * @thread: The thread.
 * @stop: Ask it to end.
 */
struct mapper {
	struct its_vmm v;
	pthread_t thread;
	atomic_bool stop;
};

static void *mapper(void *arg)
{
	struct mapper *mapper = arg;

	do {
		its_vmm_mapti(&mapper->v, DEVID, 0, LPI(0), 0);
		its_vmm_discard(&mapper->v, DEVID, 0);
	} while (!mapper->stop);
	its_vmm_mapti(&mapper->v, DEVID, 0, LPI(0), 0);
	return NULL;
}

/* Both end with the event mapped; whoever was last decided where to. */
TEST_F_TIMEOUT(two, mapped_by_threads, SLOW)
{
	struct injectors *inj = &self->inj;
	struct mapper mappers[2] = { };
	u32 target;

	inj->nr = 2;
	inj->kinds[0] = variant->kind;
	inj->kinds[1] = variant->kind;
	start_injectors(inj);
	for (u32 its = 0; its < 2; its++) {
		its_vmm_select(&self->v, its);
		mappers[its].v = self->v;
		pthread_create(&mappers[its].thread, NULL, mapper, &mappers[its]);
	}
	usleep(PHASE_MS * 1000);
	for (u32 its = 0; its < 2; its++) {
		mappers[its].stop = true;
		pthread_join(mappers[its].thread, NULL);
	}
	stop_injectors(inj);

	if (variant->kind == SIGNAL)
		EXPECT_EQ(inj->sent, inj->delivered + drops(&self->v));
	for (u32 its = 0; its < 2; its++) {
		its_vmm_clear(&mappers[its].v, DEVID, 0);
		EXPECT_EQ(0, pending_at(&self->v, LPI(0)));
		send(inj, variant->kind, its);
		target = pending_at(&self->v, LPI(0));
		EXPECT_TRUE(target == BIT(0) || target == BIT(1));
	}
}

/*
 * vCPUs that run. Commands come from a vCPU, too: device attributes are refused
 * while one runs. They are processed beside those of other vCPUs and MSIs.
 */

#define NR_VCPUS	3
#define NR_EVENTS	8
#define NR_SENT		(2 * NR_EVENTS)	/* each at both ITSes */

/**
 * struct shared - Memory of the guest, and of the test.
 * @queue: Command queue of each ITS.
 * @lock: Held while a vCPU adds to the queue.
 * @ready: vCPUs that are ready to take LPIs.
 * @taken: LPIs that each vCPU has taken.
 * @strange: Interrupts that are none of these.
 * @masked: vCPU 0 has IRQs masked.
 * @go: Tells a vCPU to give its commands.
 * @done: They are.
 */
struct shared {
	u64 queue[2];
	u32 lock[2];
	u32 ready;
	u64 taken[NR_VCPUS][NR_EVENTS];
	u64 strange;
	u32 masked;
	u32 go;
	u32 done;
};

static struct shared *shared;	/* the guest's address */

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	if (intid >= LPI(0) && intid < LPI(NR_EVENTS))
		shared->taken[guest_get_vcpuid()][intid - LPI(0)]++;
	else
		shared->strange++;
	gic_set_eoi(intid);
}

static void *guest_its(u32 its)
{
	return (void *)(GITS_BASE_GPA - its * KVM_VGIC_V3_ITS_SIZE);
}

static void guest_raw_command(u32 its, u64 dw0, u64 dw1, u64 dw2, u64 dw3)
{
	const u64 dw[] = { dw0, dw1, dw2, dw3 };

	while (__atomic_exchange_n(&shared->lock[its], 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	its_vmm_guest_command(guest_its(its), shared->queue[its], dw);
	__atomic_store_n(&shared->lock[its], 0, __ATOMIC_RELEASE);
}

static void guest_command(u32 its, u64 dw0, u64 dw1, u64 dw2)
{
	guest_raw_command(its, dw0, dw1, dw2, 0);
}

#define DEV_CMD(command)	((u64)DEVID << 32 | (command))

/* What a vCPU does again and again, @n being how often it has. */

static void guest_take(u32 n)
{
	local_irq_disable();
	wfi();
	local_irq_enable();
	isb();
}

static void guest_movi(u32 n)
{
	guest_command(0, DEV_CMD(GITS_CMD_MOVI), n % NR_EVENTS, n / NR_EVENTS & 1);
}

static void guest_mapc(u32 n)
{
	u64 icid = n & 1, vcpu = n >> 1 & 1;

	guest_command(0, GITS_CMD_MAPC, 0, BIT_ULL(63) | vcpu << 16 | icid);
}

static void guest_movall(u32 n)
{
	u64 from = n & 1;

	guest_raw_command(0, GITS_CMD_MOVALL, 0, from << 16, (from ^ 1) << 16);
}

static void guest_inv(u32 n)
{
	if (n % 4)
		guest_command(0, DEV_CMD(GITS_CMD_INV), n % NR_EVENTS, 0);
	else
		guest_command(0, GITS_CMD_INVALL, 0, n / 4 & 1);
}

static void guest_any(u32 n)
{
	static void (* const any[])(u32 n) = {
		guest_movi, guest_mapc, guest_movall, guest_inv,
	};
	u32 hash = n * 2654435761u;

	any[hash >> 30](hash >> 16 & 0xff);
}

static void guest_discard_at(u32 its, u32 n)
{
	u64 event = n / 2 % NR_EVENTS;

	if (n & 1)
		guest_command(its, DEV_CMD(GITS_CMD_MAPTI), LPI(event) << 32 | event,
			      event & 1);
	else
		guest_command(its, DEV_CMD(GITS_CMD_DISCARD), event, 0);
}

static void guest_discard(u32 n)
{
	guest_discard_at(0, n);
}

static void guest_discard_other(u32 n)
{
	guest_discard_at(1, n);
}

static void guest_mapd(u32 n)
{
	u64 event = n % (NR_EVENTS + 1);

	if (event == NR_EVENTS)		/* which unmaps all first */
		guest_command(0, DEV_CMD(GITS_CMD_MAPD), ITS_VMM_EVENT_BITS - 1,
			      BIT_ULL(63) | (shared->queue[0] +
					     ITS_VMM_ITTS * (u64)SZ_64K));
	else
		guest_discard_at(0, 2 * event + 1);
}

static void guest_gits_ctlr(u32 n)
{
	writel_relaxed(n & 1, guest_its(0) + GITS_CTLR);
}

static void guest_enable_lpis(u32 n)
{
	u32 vcpu = n / 2 & 1;

	writel_relaxed(n & 1 ? GICR_CTLR_ENABLE_LPIS : 0,
		       GICR_BASE_GVA + vcpu * KVM_VGIC_V3_REDIST_SIZE + GICR_CTLR);
}

/* Has IRQs masked, so that what comes stays in a list register, until it is told. */
static void guest_hold(u32 n)
{
	if (n) {
		guest_take(n);
		return;
	}
	local_irq_disable();
	__atomic_store_n(&shared->masked, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->done, __ATOMIC_ACQUIRE))
		cpu_relax();
	GUEST_SYNC(0);
	local_irq_enable();
	isb();
}

static void guest_complete(u32 its)
{
	while (readq_relaxed(guest_its(its) + GITS_CREADR) !=
	       readq_relaxed(guest_its(its) + GITS_CWRITER))
		cpu_relax();
}

/* Event 0 to vCPU 1, by a new mapping, and that of ITS 1 away. */
static void held_discard(void)
{
	guest_command(1, DEV_CMD(GITS_CMD_DISCARD), 0, 0);
	guest_complete(1);
	guest_command(0, DEV_CMD(GITS_CMD_DISCARD), 0, 0);
	guest_command(0, DEV_CMD(GITS_CMD_MAPTI), LPI(0ULL) << 32, 1);
	guest_complete(0);
}

static void held_movi(void)
{
	guest_command(0, DEV_CMD(GITS_CMD_MOVI), 0, 1);
	guest_complete(0);
}

static void held_movall(void)
{
	guest_raw_command(0, GITS_CMD_MOVALL, 0, 0, 1 << 16);
	guest_complete(0);
}

static void held_disable(void)
{
	writel_relaxed(0, GICR_BASE_GVA + GICR_CTLR);
	writel_relaxed(GICR_CTLR_ENABLE_LPIS, GICR_BASE_GVA + GICR_CTLR);
}

static void guest_when_told(void (*what)(void), u32 n)
{
	if (n) {
		guest_take(n);
		return;
	}
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		cpu_relax();
	what();
	__atomic_store_n(&shared->done, 1, __ATOMIC_RELEASE);
}

static void guest_held_discard(u32 n)
{
	guest_when_told(held_discard, n);
}

static void guest_held_movi(u32 n)
{
	guest_when_told(held_movi, n);
}

static void guest_held_movall(u32 n)
{
	guest_when_told(held_movall, n);
}

static void guest_held_disable(u32 n)
{
	guest_when_told(held_disable, n);
}

static void guest_main(void (*again)(u32 n))
{
	gic_init(GIC_V3, NR_VCPUS);
	local_irq_enable();
	__atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELEASE);
	for (u32 n = 0; ; n++)
		again(n);
}

/* The VM of such vCPUs. */

struct guest {
	struct its_vmm v;
	struct injectors inj;
	struct kvm_vcpu *vcpus[NR_VCPUS];
	pthread_t threads[NR_VCPUS];
};

static void set_configs(struct its_vmm *v)
{
	for (u32 event = 0; event < NR_EVENTS; event++)
		its_vmm_set_config(v, LPI(event),
				   0xa0 | LPI_PROP_GROUP1 | LPI_PROP_ENABLED);
}

/* The events of both ITSes have the same LPIs, and go to vCPUs 0 and 1. */
static void map_all_at(struct its_vmm *v, u32 its)
{
	its_vmm_select(v, its);
	for (u32 icid = 0; icid < 2; icid++)
		its_vmm_mapc(v, icid, icid, true);
	its_vmm_mapd(v, DEVID, true);
	for (u32 event = 0; event < NR_EVENTS; event++)
		its_vmm_mapti(v, DEVID, event, LPI(event), event & 1);
	its_vmm_select(v, 0);
}

static void map_all(struct its_vmm *v)
{
	map_all_at(v, 0);
	map_all_at(v, 1);
}

static void init_all_sources(struct injectors *inj, struct its_vmm *v)
{
	inj->vm = v->vm;
	inj->nr = NR_SENT;
	for (u32 i = 0; i < NR_SENT; i++) {
		its_vmm_select(v, i / NR_EVENTS);
		inj->sources[i] = (struct source) {
			its_vmm_doorbell(v), DEVID, i % NR_EVENTS, -1,
		};
	}
	its_vmm_select(v, 0);
	inj->kinds[0] = SIGNAL;
	inj->kinds[1] = IRQFD;
	route_sources(inj, v, NR_SENT);
}

static void share(struct its_vmm *v)
{
	struct shared *mine = v->scratch;

	for (u32 its = 0; its < 2; its++) {
		its_vmm_select(v, its);
		mine->queue[its] = its_vmm_gpa(v, ITS_VMM_COMMANDS);
	}
	its_vmm_select(v, 0);
	shared = (void *)v->scratch_gpa;
	sync_global_to_guest(v->vm, shared);
}

static void create_guest(struct guest *g)
{
	struct kvm_vm *vm = its_vmm_guest_vm(NR_VCPUS, guest_main, g->vcpus);
	struct its_vmm *v = &g->v;

	its_vmm_guest_irqs(vm, g->vcpus, NR_VCPUS, guest_irq);

	its_vmm_use_vm(v, vm, NR_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	set_configs(v);
	map_all(v);
	its_vmm_map_frames(v);
	its_vmm_map_ram(v, SZ_64K);
	share(v);
	init_all_sources(&g->inj, v);
}

static void destroy_guest(struct guest *g)
{
	close_sources(&g->inj, NR_SENT);
	its_vmm_destroy(&g->v);
}

static void wake_up(int sig)
{
}

/* Runs the vCPU until it is told to leave at once. */
static void *run_vcpu(void *arg)
{
	struct kvm_vcpu *vcpu = arg;
	struct ucall uc;

	while (__vcpu_run(vcpu) || !vcpu->run->immediate_exit) {
		if (READ_ONCE(vcpu->run->immediate_exit))
			break;
		if (get_ucall(vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
	}
	return NULL;
}

static void start_vcpus(struct guest *g, void (* const again[NR_VCPUS])(u32 n))
{
	struct shared *mine = g->v.scratch;

	signal(SIGUSR1, wake_up);
	for (u32 i = 0; i < NR_VCPUS; i++) {
		vcpu_args_set(g->vcpus[i], 1, again[i]);
		pthread_create(&g->threads[i], NULL, run_vcpu, g->vcpus[i]);
	}
	while (__atomic_load_n(&mine->ready, __ATOMIC_ACQUIRE) < NR_VCPUS)
		usleep(1000);
}

static void stop_vcpus(struct guest *g)
{
	for (u32 i = 0; i < NR_VCPUS; i++) {
		WRITE_ONCE(g->vcpus[i]->run->immediate_exit, 1);
		pthread_kill(g->threads[i], SIGUSR1);
		pthread_join(g->threads[i], NULL);
	}
}

/* Each MSI is taken once, by either vCPU, while a third one gives commands. */

#define TAKE_ROUNDS	300

FIXTURE(take)
{
	struct guest g;
};

FIXTURE_VARIANT(take) { void (*again)(u32 n); };
FIXTURE_VARIANT_ADD(take, undisturbed) { .again = guest_take };
FIXTURE_VARIANT_ADD(take, movi) { .again = guest_movi };
FIXTURE_VARIANT_ADD(take, mapc) { .again = guest_mapc };
FIXTURE_VARIANT_ADD(take, movall) { .again = guest_movall };
FIXTURE_VARIANT_ADD(take, inv) { .again = guest_inv };
FIXTURE_VARIANT_ADD(take, any) { .again = guest_any };

FIXTURE_SETUP(take)
{
	create_guest(&self->g);
}

FIXTURE_TEARDOWN(take)
{
	destroy_guest(&self->g);
}

static u64 taken(struct guest *g, u32 event)
{
	struct shared *mine = g->v.scratch;
	u64 sum = 0;

	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
		sum += READ_ONCE(mine->taken[vcpu][event]);
	return sum;
}

/* Send one MSI, the nth of the event, and wait for it. */
static void take_one(struct __test_metadata *_metadata, struct guest *g, u32 event, u64 n)
{
	u64 end = now_ms() + LOST_MS;

	EXPECT_EQ(n, taken(g, event));
	send(&g->inj, n % 2 ? IRQFD : SIGNAL, event);
	while (taken(g, event) <= n && now_ms() < end)
		usleep(20);
	EXPECT_EQ(n + 1, taken(g, event)) {
		TH_LOG("event %u", event);
	}
}

TEST_F_TIMEOUT(take, once_each, SLOW)
{
	struct guest *g = &self->g;
	struct shared *mine = g->v.scratch;

	start_vcpus(g, (void (*[])(u32)) { guest_take, guest_take, variant->again });
	for (u32 i = 0; i < TAKE_ROUNDS && _metadata->exit_code == KSFT_PASS; i++)
		take_one(_metadata, g, i % NR_EVENTS, i / NR_EVENTS);
	stop_vcpus(g);
	EXPECT_EQ(0, mine->strange);
	for (u32 event = 0; event < NR_EVENTS; event++)
		EXPECT_EQ(DIV_ROUND_UP(TAKE_ROUNDS - event, NR_EVENTS), taken(g, event));
	EXPECT_EQ(0, drops(&g->v));
}

/*
 * vCPU 0 has the LPI of event 0 in a list register, with IRQs masked, when vCPU 1 moves
 * it, or takes it away. Then vCPU 0 exits, and unmasks.
 */

FIXTURE(held)
{
	struct guest g;
};

/*
 * @command: What vCPU 1 does.
 * @taken: How often vCPU 1 takes the LPI then.
 * @next: Which vCPU gets the next one.
 */
FIXTURE_VARIANT(held)
{
	void (*command)(u32 n);
	u32 taken;
	u32 next;
};

FIXTURE_VARIANT_ADD(held, discard) { guest_held_discard, .taken = 0, .next = 1 };
FIXTURE_VARIANT_ADD(held, movi) { guest_held_movi, .taken = 1, .next = 1 };
FIXTURE_VARIANT_ADD(held, movall) { guest_held_movall, .taken = 1, .next = 0 };
FIXTURE_VARIANT_ADD(held, disable) { guest_held_disable, .taken = 0, .next = 0 };

FIXTURE_SETUP(held)
{
	create_guest(&self->g);
}

FIXTURE_TEARDOWN(held)
{
	destroy_guest(&self->g);
}

static void wait_taken(struct guest *g, u64 sum)
{
	u64 end = now_ms() + LOST_MS;

	while (taken(g, 0) < sum && now_ms() < end)
		usleep(1000);
}

TEST_F_TIMEOUT(held, is_not_taken_there, SLOW)
{
	struct guest *g = &self->g;
	struct shared *mine = g->v.scratch;
	u64 end = now_ms() + LOST_MS;

	start_vcpus(g, (void (*[])(u32)) { guest_hold, variant->command, guest_take });
	while (!__atomic_load_n(&mine->masked, __ATOMIC_ACQUIRE))
		usleep(1000);
	EXPECT_EQ(1, send(&g->inj, SIGNAL, 0));
	usleep(HELD_MS * 1000);
	EXPECT_EQ(0, taken(g, 0));

	__atomic_store_n(&mine->go, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&mine->done, __ATOMIC_ACQUIRE) && now_ms() < end)
		usleep(1000);
	EXPECT_EQ(1, mine->done);
	wait_taken(g, variant->taken);
	usleep(HELD_MS * 1000);
	EXPECT_EQ(0, mine->taken[0][0]);
	EXPECT_EQ(variant->taken, mine->taken[1][0]);

	EXPECT_EQ(1, send(&g->inj, SIGNAL, 0));
	wait_taken(g, variant->taken + 1);
	EXPECT_EQ(variant->taken + 1, taken(g, 0));
	EXPECT_LT(0, mine->taken[variant->next][0]);
	stop_vcpus(g);
	EXPECT_EQ(0, mine->strange);
}

/*
 * Storms: many things at once, without an order that could be expected. They fail
 * by what the kernel says (KASAN, lockdep, a warning, a crash), and by an ITS that
 * does not work when it is set up afresh.
 */

static void set_up_afresh(struct its_vmm *v)
{
	for (u32 i = 0; i < v->nr_vcpus; i++) {
		its_vmm_redist_write(v, i, GICR_CTLR, 0);
		memset(its_vmm_hva(v, ITS_VMM_PENDING + i), 0, SZ_64K);
	}
	for (u32 its = 0; its < 2; its++) {
		its_vmm_select(v, its);
		TEST_ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	}
	its_vmm_select(v, 0);
	its_vmm_enable(v);
	map_all(v);
}

static void check_afresh(struct __test_metadata *_metadata, struct its_vmm *v,
			 struct injectors *inj)
{
	set_up_afresh(v);
	for (u32 i = 0; i < NR_SENT; i++) {
		u32 event = i % NR_EVENTS;

		its_vmm_select(v, i / NR_EVENTS);
		EXPECT_EQ(0, pending_at(v, LPI(event)));
		EXPECT_EQ(1, send(inj, SIGNAL, i));
		EXPECT_EQ(BIT(event & 1), pending_at(v, LPI(event)));
		its_vmm_clear(v, DEVID, event);
		send(inj, IRQFD, i);
		EXPECT_EQ(BIT(event & 1), pending_at(v, LPI(event)));
		its_vmm_clear(v, DEVID, event);
	}
}

/* Three vCPUs, and the threads that send. */

FIXTURE(vcpu_storm)
{
	struct guest g;
};

FIXTURE_VARIANT(vcpu_storm) { void (*again[NR_VCPUS])(u32 n); };

/* CVE-2026-46316 */
FIXTURE_VARIANT_ADD(vcpu_storm, discard_ctlr_lpis) {
	.again = { guest_gits_ctlr, guest_enable_lpis, guest_discard },
};

FIXTURE_VARIANT_ADD(vcpu_storm, mapd_ctlr_lpis) {
	.again = { guest_gits_ctlr, guest_enable_lpis, guest_mapd },
};

/* CVE-2026-72288 */
FIXTURE_VARIANT_ADD(vcpu_storm, movi_lpis) {
	.again = { guest_take, guest_enable_lpis, guest_movi },
};

FIXTURE_VARIANT_ADD(vcpu_storm, movall_lpis) {
	.again = { guest_take, guest_enable_lpis, guest_movall },
};

/* CVE-2024-26598 */
FIXTURE_VARIANT_ADD(vcpu_storm, discard) {
	.again = { guest_take, guest_take, guest_discard },
};

FIXTURE_VARIANT_ADD(vcpu_storm, discard_shared) {
	.again = { guest_discard_other, guest_take, guest_discard },
};

/* An LPI goes while a list of LPIs is walked. */
FIXTURE_VARIANT_ADD(vcpu_storm, discard_movall) {
	.again = { guest_movall, guest_discard_other, guest_discard },
};

FIXTURE_VARIANT_ADD(vcpu_storm, discard_inv) {
	.again = { guest_inv, guest_mapd, guest_discard_other },
};

FIXTURE_SETUP(vcpu_storm)
{
	create_guest(&self->g);
}

FIXTURE_TEARDOWN(vcpu_storm)
{
	destroy_guest(&self->g);
}

TEST_F_TIMEOUT(vcpu_storm, survived, SLOW)
{
	struct guest *g = &self->g;

	start_injectors(&g->inj);
	start_vcpus(g, variant->again);
	usleep(STORM_MS * 1000);
	stop_vcpus(g);
	stop_injectors(&g->inj);
	check_afresh(_metadata, &g->v, &g->inj);
}

/*
 * What a VMM does, and the threads that send. Device attributes exclude each other,
 * so one thread accesses them all.
 */

FIXTURE(vmm_storm)
{
	struct its_vmm v;
	struct injectors inj;
};

FIXTURE_VARIANT(vmm_storm) { void (*steps[3])(struct its_vmm *v, u32 n); };

static void step_discard(struct its_vmm *v, u32 n)
{
	u32 event = n / 2 % NR_EVENTS;

	if (n & 1)
		its_vmm_mapti(v, DEVID, event, LPI(event), event & 1);
	else
		its_vmm_discard(v, DEVID, event);
}

static void step_mapd(struct its_vmm *v, u32 n)
{
	its_vmm_mapd(v, DEVID, false);
	map_all_at(v, 0);
}

static void step_gits_ctlr(struct its_vmm *v, u32 n)
{
	its_vmm_its_write(v, GITS_CTLR, n & 1);
}

static void step_enable_lpis(struct its_vmm *v, u32 n)
{
	its_vmm_redist_write(v, n / 2 & 1, GICR_CTLR, n & 1 ? GICR_CTLR_ENABLE_LPIS : 0);
}

static void step_movall(struct its_vmm *v, u32 n)
{
	its_vmm_movall(v, n & 1, !(n & 1));
}

static void step_movi(struct its_vmm *v, u32 n)
{
	its_vmm_movi(v, DEVID, n % NR_EVENTS, n / NR_EVENTS & 1);
}

static void step_invall(struct its_vmm *v, u32 n)
{
	its_vmm_invall(v, n & 1);
}

static void step_save_pending(struct its_vmm *v, u32 n)
{
	its_vmm_save_pending(v);
}

static void set_tables(struct its_vmm *v, u64 flags)
{
	flags |= GITS_BASER_PAGE_SIZE_64K;
	its_vmm_its_write(v, GITS_BASER, flags | its_vmm_gpa(v, ITS_VMM_DEVICES));
	its_vmm_its_write(v, GITS_BASER + 8, flags | its_vmm_gpa(v, ITS_VMM_COLLECTIONS));
}

static void step_restore(struct its_vmm *v, u32 n)
{
	its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES);
	its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET);
	set_tables(v, GITS_BASER_VALID);
	its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	its_vmm_enable(v);
}

static void step_baser(struct its_vmm *v, u32 n)
{
	its_vmm_its_write(v, GITS_CTLR, 0);
	set_tables(v, 0);
	set_tables(v, GITS_BASER_VALID);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	map_all_at(v, 0);
}

static void step_reset(struct its_vmm *v, u32 n)
{
	its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET);
	its_vmm_enable(v);
	map_all_at(v, 0);
}

FIXTURE_VARIANT_ADD(vmm_storm, discard_ctlr_lpis) {
	.steps = { step_discard, step_gits_ctlr, step_enable_lpis },
};

/* CVE-2026-89913 */
FIXTURE_VARIANT_ADD(vmm_storm, save_pending) {
	.steps = { step_save_pending, step_discard, step_mapd },
};

FIXTURE_VARIANT_ADD(vmm_storm, restore) {
	.steps = { step_restore, step_discard, step_invall },
};

FIXTURE_VARIANT_ADD(vmm_storm, restore_lpis) {
	.steps = { step_restore, step_mapd, step_enable_lpis },
};

FIXTURE_VARIANT_ADD(vmm_storm, baser) {
	.steps = { step_baser, step_movall, step_movi },
};

FIXTURE_VARIANT_ADD(vmm_storm, reset) {
	.steps = { step_reset, step_discard, step_save_pending },
};

FIXTURE_SETUP(vmm_storm)
{
	create_two_its(&self->v, 2);
	set_configs(&self->v);
	map_all(&self->v);
	init_all_sources(&self->inj, &self->v);
}

FIXTURE_TEARDOWN(vmm_storm)
{
	close_sources(&self->inj, NR_SENT);
	its_vmm_destroy(&self->v);
}

TEST_F_TIMEOUT(vmm_storm, survived, SLOW)
{
	u64 end = now_ms() + STORM_MS;

	start_injectors(&self->inj);
	for (u32 n = 0; now_ms() < end; n++)
		for (u32 i = 0; i < ARRAY_SIZE(variant->steps); i++)
			variant->steps[i](&self->v, n);
	stop_injectors(&self->inj);
	check_afresh(_metadata, &self->v, &self->inj);
}

/*
 * Restoring: an MSI that was sent before a reset does not reach what is restored after it.
 * The ITS stays disabled, so nothing of what the threads send arrives, early or late.
 */

FIXTURE(restoring)
{
	struct its_vmm v;
	struct injectors inj;
	u64 cbaser;
};

FIXTURE_SETUP(restoring)
{
	struct its_vmm *v = &self->v;

	create_two_its(v, 1);
	its_vmm_mapc(v, 0, 0, true);
	map_device(v);
	self->cbaser = its_vmm_its_read(v, GITS_CBASER);
	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	init_sources(&self->inj, v, NR_ORDERED);
	self->inj.nr = NR_ORDERED;
	for (u32 i = 0; i < NR_INJECTORS; i++)
		self->inj.kinds[i] = SIGNAL;
}

FIXTURE_TEARDOWN(restoring)
{
	close_sources(&self->inj, NR_ORDERED);
	its_vmm_destroy(&self->v);
}

static void check_none_arrives(struct __test_metadata *_metadata, FIXTURE_DATA(restoring) * self)
{
	struct its_vmm *v = &self->v;

	for (u32 event = 0; event < NR_ORDERED; event++)
		clear_bits(v, LPI(event));
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_CTRL_RESET));
	set_tables(v, GITS_BASER_VALID);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_RESTORE_TABLES));
	pause_injectors(&self->inj);
	for (u32 event = 0; event < NR_ORDERED; event++)
		EXPECT_EQ(0, pending_at(v, LPI(event)));

	its_vmm_its_write(v, GITS_CBASER, self->cbaser);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	resume_injectors(&self->inj);
	wait_for_msis(&self->inj, NR_ORDERED);
}

TEST_F_TIMEOUT(restoring, nothing_arrives, SLOW)
{
	u64 end = now_ms() + 5 * PHASE_MS;

	start_injectors(&self->inj);
	while (now_ms() < end && !_metadata->exit_code)
		check_none_arrives(_metadata, self);
	stop_injectors(&self->inj);
	EXPECT_LT(0, self->inj.delivered);
}

/* A VM goes while its eventfds are written. */

static void destroy_beside_writes(void)
{
	struct injectors inj = { .nr = NR_SENT, .kinds = { IRQFD, IRQFD } };
	struct its_vmm v;

	create_two_its(&v, 2);
	set_configs(&v);
	map_all(&v);
	init_all_sources(&inj, &v);
	inj.kinds[0] = IRQFD;
	start_injectors(&inj);
	wait_for_msis(&inj, NR_SENT);
	its_vmm_destroy(&v);
	wait_for_msis(&inj, NR_SENT);
	stop_injectors(&inj);
	close_sources(&inj, NR_SENT);
}

FIXTURE(teardown) { };
FIXTURE_SETUP(teardown) { }
FIXTURE_TEARDOWN(teardown) { }

TEST_F_TIMEOUT(teardown, beside_irqfds, SLOW)
{
	for (u32 i = 0; i < 20; i++)
		destroy_beside_writes();
}

TEST_HARNESS_MAIN
