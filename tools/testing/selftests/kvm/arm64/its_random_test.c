// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_random_test - compare the ITS with a model of it
 *
 * Commands, MSIs and register writes are drawn at random, from few IDs, so that they
 * often meet, and from some that are out of range. The model below says what each
 * comes to: what KVM_SIGNAL_MSI returns, which counter goes up, and every byte that
 * KVM writes to the tables in guest memory. No vCPU runs. All LPIs are
 * disabled in their configuration table, so what was delivered stays pending.
 *
 * A run is made of rounds, each with a VM and a seed of its own. What a failed round
 * prints repeats it, in a run that begins with it.
 */
#include <getopt.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>

#include "its_vmm.h"
#include "gic_v3_its.h"
#include "kselftest.h"
#include "kvm_util.h"

#define NR_STEPS	200000
#define ROUND_STEPS	5000
#define TIME_LIMIT	150	/* s: a debug kernel does what it can */

#define NR_VCPUS	4
#define MAX_ITS		2
#define NR_GSIS		8
#define FIRST_GSI	40
#define NR_SHOWN	100	/* steps before a failure */
#define NONE		(-1)

/* What is mapped has an index into one of these; they ascend. */
static const u32 devids[] = { 0, 1, 2, 3, 8190, 8191, 8192, 8193, 0xfffe, 0xffff };
static const u32 events[] = { 0, 1, 2, 3, 7, 15, 31, 32, 8192, 8193, 8194, 8195, 16383 };
static const u32 intids[] = {
	8192, 8193, 8194, 8195, 8196, 8197, 8198, 8207, 8208, 16383, 65534, 65535,
};

static const u32 icids[] = { 0, 1, 2, 3, 8191, 8192, 16383, 16384, 0xffff };

/* What never is. */
static const u32 bad_devids[] = { 0x10000, 0x10001, 0x12000, BIT(31), ~0u };
static const u32 bad_events[] = { 16384, 0xffff, 0x10000, 0x10001, ~0u };
static const u32 bad_intids[] = { 0, 1, 32, 1023, 8191, 0x10000, 0x12000, BIT(31), ~0u };
static const u32 bad_vcpus[] = { NR_VCPUS, 511, 512, 0x10000, BIT(31), ~0u };

#define NR_DEVICES	ARRAY_SIZE(devids)
#define NR_EVENTS	ARRAY_SIZE(events)
#define NR_LPIS		ARRAY_SIZE(intids)
#define NR_COLLECTIONS	ARRAY_SIZE(icids)
#define NR_INTIDS	0x10000

/* The counters of KVM; the first are reasons not to deliver. */
enum {
	NO_DEVID, NO_DOORBELL, ITS_DISABLED, DEVICE_UNMAPPED, EVENT_UNMAPPED,
	COLLECTION_UNMAPPED, TARGET_ABSENT, LPIS_DISABLED, BAD_COMMANDS, NR_COUNTERS,
	DELIVERED,
};

static const char * const counters[NR_COUNTERS] = {
	"msi_no_devid", "msi_no_doorbell", "msi_its_disabled", "msi_device_unmapped",
	"msi_event_unmapped", "msi_collection_unmapped", "msi_target_absent",
	"msi_lpis_disabled", "its_bad_commands",
};

/*
 * In the scratch memory: what each ITS has to itself, and the last pages, behind
 * which is nothing. Sizes are those of the largest table that is put there.
 */
#define ITS_AREA(n)	((n) * SZ_2M)
#define FLAT_TABLE	0
#define LEVEL_1		SZ_512K
#define LEVEL_2(i)	(LEVEL_1 + (1 + (i)) * SZ_64K)
#define NR_LEVEL_2	3
#define COLLECTIONS	LEVEL_2(NR_LEVEL_2)
#define BIG_ITT(i)	(SZ_1M + (i) * SZ_128K)
#define NR_BIG_ITTS	3
#define SMALL_ITT(i)	(BIG_ITT(NR_BIG_ITTS) + (i) * SZ_256)
#define NR_SMALL_ITTS	8
#define ITS_AREA_USED	SMALL_ITT(NR_SMALL_ITTS)
#define LAST_PAGES	(ITS_VMM_SCRATCH_SIZE - SZ_128K)
#define LAST_ITT	(ITS_VMM_SCRATCH_SIZE - SZ_256)
#define OUTSIDE		(ITS_VMM_SCRATCH_SIZE + SZ_1M)
#define SMALL_BITS	5
#define BIG_BITS	14

#define IDS_PER_PAGE	(SZ_64K / 8)
#define PENDING_SIZE	(NR_INTIDS / 8)

/* Entries of saved tables. */
#define ENTRY_VALID	BIT_ULL(63)
#define L1E_ADDR	GENMASK_ULL(51, 16)
#define DTE(next, itt, bits) \
	(ENTRY_VALID | (u64)(next) << 49 | (itt) >> 8 << 5 | ((bits) - 1))
#define DTE_NEXT(e)	((e) >> 49 & 0x3fff)
#define DTE_ITT(e)	(((e) >> 5 & GENMASK_ULL(43, 0)) << 8)
#define DTE_BITS(e)	(((e) & 0x1f) + 1)
#define ITE(next, intid, icid)	((u64)(next) << 48 | (u64)(intid) << 16 | (icid))
#define ITE_VALID	GENMASK_ULL(47, 16)
#define ITE_NEXT(e)	((e) >> 48)
#define ITE_INTID(e)	((u32)((e) >> 16))
#define ITE_ICID(e)	((e) & 0xffff)
#define CTE(target, icid)	(ENTRY_VALID | (u64)(u32)(target) << 16 | (icid))
#define CTE_TARGET(e)	((int)(u32)((e) >> 16))

/**
 * struct event - An event of a device.
 * @lpi: Index into intids[], or NONE: it is not mapped.
 * @coll: Index into icids[], or NONE: it is in no collection.
 */
struct event {
	int lpi;
	int coll;
};

struct device {
	bool mapped;
	u64 itt;
	u32 bits;
	struct event events[NR_EVENTS];
};

/**
 * struct collection - A collection.
 * @created: When it was, counted from 1; 0: there is none.
 * @target: vCPU, or NONE.
 */
struct collection {
	u32 created;
	int target;
};

/**
 * struct lpi - An LPI.
 * @refs: Events that are mapped to it.
 * @target: vCPU, or NONE.
 * @moved: The vCPU that MOVALL has moved its pending state to, or NONE.
 * @pending: Whether it is pending.
 * @from_table: It is by what a pending table said, and goes back there.
 * @seen: The vCPUs whose table's bit has been looked at.
 */
struct lpi {
	u32 refs;
	int target;
	int moved;
	bool pending;
	bool from_table;
	bool seen[NR_VCPUS];
};

/* A command before it is encoded. */
struct command {
	u8 opcode;
	u32 devid;
	u32 event;
	u32 intid;
	u32 icid;
	u32 bits;
	u32 vcpu[2];
	u64 itt;
	bool valid;
};

#define QUEUE_SIZE	128

/**
 * struct its - An ITS.
 * @enabled: GITS_CTLR.Enabled
 * @queue_valid: GITS_CBASER.Valid
 * @queue_outside: GITS_CBASER leads to where the guest has no memory.
 * @baser: GITS_BASER0 and 1 as they were written.
 * @devices: As devids[].
 * @collections: As icids[].
 * @nr_created: Collections that have been created.
 * @queue: Commands that wait for the ITS to be enabled.
 * @queued: How many.
 */
struct its {
	bool enabled;
	bool queue_valid;
	bool queue_outside;
	u64 baser[2];
	struct device devices[NR_DEVICES];
	struct collection collections[NR_COLLECTIONS];
	u32 nr_created;
	struct command queue[QUEUE_SIZE];
	u32 queued;
};

/* A step, to be shown when a later one fails. */
struct shown {
	const char *what;
	u32 step;
	u64 args[6];
	const char *result;
};

/**
 * struct world - The VM and the model of it.
 * @v: The VM.
 * @rng: What is drawn from.
 * @seed: What that began with.
 * @base: Expect what Linux 6.12 does.
 * @check_all: Compare the pending tables after each step.
 * @step: Steps done in this round.
 * @nr_steps: Steps that this round has.
 * @nr_its: ITSes.
 * @its: The ITSes.
 * @lpis: As intids[].
 * @lpis_enabled: GICR_CTLR.EnableLPIs of each vCPU.
 * @ptz: GICR_PENDBASER.PTZ of each.
 * @shadow: What the guest's memory should be.
 * @counts: What the counters should be.
 * @offsets: Where the counters are in the statistics, or NONE.
 * @fds: Bound to FIRST_GSI and the following.
 * @routes: The MSIs that these send.
 * @history: The latest steps.
 * @nr_history: How many there were.
 */
struct world {
	struct its_vmm v;
	struct kvm_random_state rng;
	u32 seed;
	bool base;
	bool check_all;
	u32 step;
	u32 nr_steps;
	u32 nr_its;
	struct its its[MAX_ITS];
	struct lpi lpis[NR_LPIS];
	bool lpis_enabled[NR_VCPUS];
	bool ptz[NR_VCPUS];
	void *shadow;
	u64 counts[NR_COUNTERS];
	int offsets[NR_COUNTERS];
	int fds[NR_GSIS];
	struct kvm_msi routes[NR_GSIS];
	struct shown history[NR_SHOWN];
	u32 nr_history;
};

/* Options. */
struct settings {
	bool base;
	bool check_all;
	u32 steps;
	u32 seed;
	u32 seconds;
};

/* What was met in all rounds. */
static struct {
	u64 commands;
	u64 counts[NR_COUNTERS];
	u64 delivered;
	u64 saves;
	u64 restores;
	u64 failed_restores;
} totals;

/* What to do when KVM and the model differ. */

static void show(struct world *w, const char *what, const char *result, u64 a, u64 b,
		 u64 c, u64 d, u64 e, u64 f)
{
	w->history[w->nr_history++ % NR_SHOWN] = (struct shown) {
		.what = what,
		.step = w->step,
		.args = { a, b, c, d, e, f },
		.result = result,
	};
}

static void print_history(struct world *w)
{
	u32 i = w->nr_history > NR_SHOWN ? w->nr_history - NR_SHOWN : 0;

	for (; i < w->nr_history; i++) {
		struct shown *s = &w->history[i % NR_SHOWN];

		ksft_print_msg("%5u %-10s %#lx %#lx %#lx %#lx %#lx %#lx: %s\n",
			       s->step, s->what, s->args[0], s->args[1], s->args[2],
			       s->args[3], s->args[4], s->args[5], s->result);
	}
}

static void __noreturn __printf(2, 3) fail(struct world *w, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	print_history(w);
	ksft_print_msg("%s\n", text);
	ksft_print_msg("Step %u, seed %u. To repeat it: -s %u -n %u%s\n", w->step, w->seed,
		       w->seed, w->step + 1, w->base ? " -b" : "");
	ksft_test_result_fail("random steps\n");
	ksft_exit_fail();
}

/* Drawing. */

static u32 below(struct world *w, u32 n)
{
	return kvm_random_u32(&w->rng) % n;
}

static bool one_in(struct world *w, u32 n)
{
	return !below(w, n);
}

/* The first ones more often. */
static u32 below_low(struct world *w, u32 n)
{
	return min(below(w, n), below(w, n));
}

/* Mostly one of the first array. */
static u32 pick_id(struct world *w, const u32 *ids, u32 nr_ids, const u32 *bad, u32 nr_bad)
{
	return one_in(w, 24) ? bad[below(w, nr_bad)] : ids[below_low(w, nr_ids)];
}

static u32 pick_devid(struct world *w)
{
	return pick_id(w, devids, NR_DEVICES, bad_devids, ARRAY_SIZE(bad_devids));
}

static u32 pick_eventid(struct world *w)
{
	return pick_id(w, events, NR_EVENTS, bad_events, ARRAY_SIZE(bad_events));
}

static u32 pick_intid(struct world *w)
{
	return pick_id(w, intids, NR_LPIS, bad_intids, ARRAY_SIZE(bad_intids));
}

static u32 pick_vcpu(struct world *w)
{
	return one_in(w, 24) ? bad_vcpus[below(w, ARRAY_SIZE(bad_vcpus))] : below(w, NR_VCPUS);
}

static int find_id(const u32 *ids, u32 nr, u32 id)
{
	for (u32 i = 0; i < nr; i++) {
		if (ids[i] == id)
			return i;
	}
	return NONE;
}

static int find_devid(u32 devid)
{
	return find_id(devids, NR_DEVICES, devid);
}

static int find_eventid(u32 event)
{
	return find_id(events, NR_EVENTS, event);
}

static int find_icid(u32 icid)
{
	return find_id(icids, NR_COLLECTIONS, icid);
}

static int find_intid(u32 intid)
{
	return find_id(intids, NR_LPIS, intid);
}

/* Guest memory, and what the model says of it. */

static u64 ram_size(struct world *w)
{
	return w->v.scratch - w->v.ram + ITS_VMM_SCRATCH_SIZE;
}

static bool is_memory(struct world *w, u64 gpa)
{
	return gpa >= w->v.ram_gpa && gpa < w->v.ram_gpa + ram_size(w);
}

static void *shadow(struct world *w, u64 gpa)
{
	return w->shadow + (gpa - w->v.ram_gpa);
}

/* Returns 0 or -EFAULT, as KVM's accesses do. */
static int load(struct world *w, u64 gpa, u64 *entry)
{
	if (!is_memory(w, gpa))
		return -EFAULT;
	*entry = *(u64 *)shadow(w, gpa);
	return 0;
}

/* Linux 6.12 fails to restore what it can't read. Where there is no memory is no entry. */
static int load_table(struct world *w, u64 gpa, u64 *entry)
{
	*entry = 0;
	return load(w, gpa, entry) && w->base ? -EFAULT : 0;
}

static int store(struct world *w, u64 gpa, u64 entry)
{
	if (!is_memory(w, gpa))
		return -EFAULT;
	*(u64 *)shadow(w, gpa) = entry;
	return 0;
}

/* Memory that the guest writes. */
static void poke(struct world *w, u64 gpa, u64 entry)
{
	TEST_ASSERT(!store(w, gpa, entry), "no memory at %#lx", gpa);
	*(u64 *)(w->v.ram + (gpa - w->v.ram_gpa)) = entry;
}

static void clear(struct world *w, u64 gpa, u64 size)
{
	for (u64 end = gpa + size; gpa < end; gpa += sizeof(u64)) {
		if (*(u64 *)shadow(w, gpa))
			poke(w, gpa, 0);
	}
}

static u64 area_gpa(struct world *w, struct its *its, u64 offset)
{
	return w->v.scratch_gpa + ITS_AREA(its - w->its) + offset;
}

static void compare(struct world *w, const char *what, u64 gpa, u64 size)
{
	const u64 *ours = shadow(w, gpa), *kvms = w->v.ram + (gpa - w->v.ram_gpa);

	for (u64 i = 0; i < size / sizeof(u64); i++) {
		if (ours[i] != kvms[i])
			fail(w, "%s: at %#lx + %#lx there is %#lx, not %#lx", what,
			     gpa, i * sizeof(u64), kvms[i], ours[i]);
	}
}

static void compare_memory(struct world *w)
{
	for (u32 i = 0; i < NR_VCPUS; i++)
		compare(w, "pending table", its_vmm_gpa(&w->v, ITS_VMM_PENDING + i),
			PENDING_SIZE);
	for (u32 i = 0; i < w->nr_its; i++)
		compare(w, "tables", area_gpa(w, &w->its[i], 0), ITS_AREA_USED);
	compare(w, "last pages", w->v.scratch_gpa + LAST_PAGES, SZ_128K);
}

static u8 *pending_byte(struct world *w, int vcpu, int lpi)
{
	return shadow(w, its_vmm_gpa(&w->v, ITS_VMM_PENDING + vcpu)) + intids[lpi] / 8;
}

static bool load_pending(struct world *w, int vcpu, int lpi)
{
	return *pending_byte(w, vcpu, lpi) >> (intids[lpi] % 8) & 1;
}

static void store_pending(struct world *w, int vcpu, int lpi, bool pending)
{
	u8 bit = BIT(intids[lpi] % 8);

	if (pending)
		*pending_byte(w, vcpu, lpi) |= bit;
	else
		*pending_byte(w, vcpu, lpi) &= ~bit;
}

/* The model's tables: whether an ID has an entry, and where. */

static u64 baser_size(u64 baser)
{
	return GITS_BASER_NR_PAGES(baser) * SZ_64K;
}

static u64 baser_base(u64 baser)
{
	return baser & GENMASK_ULL(47, 16);
}

static bool find_level_2(struct world *w, u64 baser, u32 id, u64 *page)
{
	u64 offset = id / IDS_PER_PAGE * 8;

	if (offset >= baser_size(baser) || load(w, baser_base(baser) + offset, page) ||
	    !(*page & ENTRY_VALID))
		return false;
	*page &= L1E_ADDR;
	return true;
}

static bool find_entry(struct world *w, u64 baser, u32 id, u64 *gpa)
{
	if (baser & GITS_BASER_INDIRECT) {
		if (!find_level_2(w, baser, id, gpa))
			return false;
		*gpa += id % IDS_PER_PAGE * 8;
	} else {
		if ((u64)id * 8 >= baser_size(baser))
			return false;
		*gpa = baser_base(baser) + (u64)id * 8;
	}
	return is_memory(w, *gpa);
}

static bool find_dte(struct world *w, struct its *its, u32 devid, u64 *gpa)
{
	return devid <= 0xffff && find_entry(w, its->baser[0], devid, gpa);
}

static bool find_ite(struct world *w, struct device *dev, u32 event, u64 *gpa)
{
	*gpa = dev->itt + (u64)event * 8;
	return event < BIT_ULL(dev->bits) && is_memory(w, *gpa);
}

static bool holds_icid(struct world *w, struct its *its, u32 icid)
{
	u64 gpa;

	return find_entry(w, its->baser[1], icid, &gpa);
}

/* The model's map. */

static struct device *find_device(struct its *its, u32 devid)
{
	int i = find_devid(devid);

	return i != NONE && its->devices[i].mapped ? &its->devices[i] : NULL;
}

static struct event *find_event(struct its *its, u32 devid, u32 event)
{
	struct device *dev = find_device(its, devid);
	int i = find_eventid(event);

	return dev && i != NONE && dev->events[i].lpi != NONE ? &dev->events[i] : NULL;
}

static struct collection *find_collection(struct its *its, u32 icid)
{
	struct collection *coll = &its->collections[find_icid(icid)];

	return coll->created ? coll : NULL;
}

/* vCPU that an event's collection is mapped to, or NONE. */
static int event_target(struct its *its, struct event *ev)
{
	return ev->coll == NONE ? NONE : its->collections[ev->coll].target;
}

static void withdraw(struct lpi *lpi)
{
	lpi->moved = NONE;
	lpi->pending = false;
	lpi->from_table = false;
}

/* If it is pending, it moves along. */
static void retarget(struct lpi *lpi, int target)
{
	if (lpi->target != target) {
		lpi->moved = NONE;
		lpi->from_table = false;
	}
	lpi->target = target;
}

/* The vCPU that takes what is pending. */
static int place(struct lpi *lpi)
{
	return lpi->moved == NONE ? lpi->target : lpi->moved;
}

static void put_lpi(struct lpi *lpi)
{
	if (--lpi->refs)
		return;
	lpi->target = NONE;
	withdraw(lpi);
}

static void unmap_event(struct world *w, struct event *ev)
{
	struct lpi *lpi = &w->lpis[ev->lpi];

	/* Linux 6.12 leaves it pending while another event is mapped to it. */
	if (!w->base)
		withdraw(lpi);
	ev->lpi = NONE;
	put_lpi(lpi);
}

static void unmap_device(struct world *w, struct device *dev)
{
	for (u32 i = 0; i < NR_EVENTS; i++) {
		if (dev->mapped && dev->events[i].lpi != NONE)
			unmap_event(w, &dev->events[i]);
	}
	dev->mapped = false;
}

static void unmap_devices(struct world *w, struct its *its)
{
	for (u32 i = 0; i < NR_DEVICES; i++)
		unmap_device(w, &its->devices[i]);
}

static void map_device(struct world *w, struct its *its, u32 devid, u64 itt, u32 bits)
{
	struct device *dev = &its->devices[find_devid(devid)];

	unmap_device(w, dev);
	dev->mapped = true;
	dev->itt = itt;
	dev->bits = bits;
	for (u32 i = 0; i < NR_EVENTS; i++)
		dev->events[i].lpi = NONE;
}

static void unmap_collection(struct its *its, u32 icid)
{
	int nr = find_icid(icid);

	for (u32 i = 0; i < NR_DEVICES; i++) {
		for (u32 j = 0; j < NR_EVENTS; j++) {
			if (its->devices[i].events[j].coll == nr)
				its->devices[i].events[j].coll = NONE;
		}
	}
	its->collections[nr] = (struct collection) { .target = NONE };
}

static void unmap_collections(struct its *its)
{
	for (u32 i = 0; i < NR_COLLECTIONS; i++)
		unmap_collection(its, icids[i]);
}

static void map_collection(struct its *its, u32 icid, int target)
{
	its->collections[find_icid(icid)] = (struct collection) {
		.created = ++its->nr_created,
		.target = target,
	};
}

static void retarget_collection(struct world *w, struct its *its, u32 icid, int target)
{
	int nr = find_icid(icid);

	its->collections[nr].target = target;
	for (u32 i = 0; i < NR_DEVICES; i++) {
		for (u32 j = 0; j < NR_EVENTS; j++) {
			struct event *ev = &its->devices[i].events[j];

			if (its->devices[i].mapped && ev->lpi != NONE && ev->coll == nr)
				retarget(&w->lpis[ev->lpi], target);
		}
	}
}

/*
 * Whether the LPI's bit of a pending table counts, which it does once. Linux 6.12 reads it
 * whenever the LPI is mapped.
 */
static bool bit_counts(struct world *w, int vcpu, int nr)
{
	bool seen = w->lpis[nr].seen[vcpu];

	if (w->base)
		return true;
	if (!w->lpis_enabled[vcpu] || w->ptz[vcpu])
		return false;
	w->lpis[nr].seen[vcpu] = true;
	return !seen;
}

/* The state of an LPI that was not mapped is in its target's pending table. */
static void get_lpi(struct world *w, int nr, int target)
{
	struct lpi *lpi = &w->lpis[nr];

	if (lpi->refs++) {
		if (target != NONE && !w->base)
			retarget(lpi, target);
		return;
	}
	lpi->target = target;
	if (target != NONE && bit_counts(w, target, nr) && load_pending(w, target, nr)) {
		lpi->pending = true;
		lpi->from_table = true;
		/* Linux 6.12 cleared what it had read. */
		if (w->base)
			store_pending(w, target, nr, false);
	}
}

/* Returns whether there is an error. */
static bool map_event(struct world *w, struct its *its, struct device *dev, u32 event,
		      u32 intid, u32 icid)
{
	struct event *ev;
	u64 gpa;

	if (!find_ite(w, dev, event, &gpa) || intid < 8192 || intid >= NR_INTIDS)
		return true;
	ev = &dev->events[find_eventid(event)];
	if (ev->lpi != NONE)
		return false;
	if (!find_collection(its, icid)) {
		if (!holds_icid(w, its, icid))
			return true;
		map_collection(its, icid, NONE);
	}
	ev->lpi = find_intid(intid);
	ev->coll = find_icid(icid);
	get_lpi(w, ev->lpi, event_target(its, ev));
	return false;
}

/* The model's MSIs: DELIVERED, or the counter that goes up. */
static int inject(struct world *w, struct its *its, u32 devid, u32 event)
{
	struct event *ev = find_event(its, devid, event);
	int target;

	if (!its->enabled)
		return ITS_DISABLED;
	if (!find_device(its, devid))
		return DEVICE_UNMAPPED;
	if (!ev)
		return EVENT_UNMAPPED;
	target = event_target(its, ev);
	if (target == NONE)
		return COLLECTION_UNMAPPED;
	/* They differ where another event, or MOVALL, has sent the LPI elsewhere. */
	if (!w->base)
		target = w->lpis[ev->lpi].target;
	if (target == NONE)
		return TARGET_ABSENT;
	if (!w->lpis_enabled[target])
		return LPIS_DISABLED;
	w->lpis[ev->lpi].pending = true;
	return DELIVERED;
}

/* The model's commands. Each returns whether there is an error. */

static bool run_unmapd(struct world *w, struct its *its, struct command *cmd)
{
	struct device *dev = find_device(its, cmd->devid);
	u64 gpa;

	/* Linux 6.12 needs the entry to unmap a device, and writes to it. */
	if ((w->base || !dev) && !find_dte(w, its, cmd->devid, &gpa))
		return true;
	if (dev)
		unmap_device(w, dev);
	if (w->base)
		store(w, gpa, 0);
	return false;
}

static bool run_mapd(struct world *w, struct its *its, struct command *cmd)
{
	u64 gpa;

	if (!cmd->valid)
		return run_unmapd(w, its, cmd);
	if (!find_dte(w, its, cmd->devid, &gpa))
		return true;
	if (cmd->bits > 16)
		return true;
	map_device(w, its, cmd->devid, cmd->itt, cmd->bits);
	return false;
}

static bool run_mapc(struct world *w, struct its *its, struct command *cmd)
{
	if (!cmd->valid) {
		unmap_collection(its, cmd->icid);
		return false;
	}
	if (cmd->vcpu[0] >= NR_VCPUS)
		return true;
	if (find_collection(its, cmd->icid)) {
		retarget_collection(w, its, cmd->icid, cmd->vcpu[0]);
		return false;
	}
	if (!holds_icid(w, its, cmd->icid))
		return true;
	map_collection(its, cmd->icid, cmd->vcpu[0]);
	return false;
}

static bool run_map_event(struct world *w, struct its *its, struct command *cmd)
{
	u32 intid = cmd->opcode == GITS_CMD_MAPI ? cmd->event : cmd->intid;
	struct device *dev = find_device(its, cmd->devid);

	return !dev || map_event(w, its, dev, cmd->event, intid, cmd->icid);
}

static bool run_movi(struct world *w, struct its *its, struct command *cmd)
{
	struct event *ev = find_event(its, cmd->devid, cmd->event);
	struct collection *to = find_collection(its, cmd->icid);

	if (!ev || event_target(its, ev) == NONE || !to || to->target == NONE)
		return true;
	ev->coll = find_icid(cmd->icid);
	retarget(&w->lpis[ev->lpi], to->target);
	return false;
}

static bool run_movall(struct world *w, struct its *its, struct command *cmd)
{
	if (cmd->vcpu[0] >= NR_VCPUS || cmd->vcpu[1] >= NR_VCPUS)
		return true;
	for (u32 i = 0; i < NR_LPIS; i++) {
		struct lpi *lpi = &w->lpis[i];

		if (w->base && lpi->target == cmd->vcpu[0])
			lpi->target = cmd->vcpu[1];
		/* What is pending moves, which the tables do not show. */
		if (!w->base && lpi->pending && place(lpi) == cmd->vcpu[0])
			lpi->moved = cmd->vcpu[1] == lpi->target ? NONE : cmd->vcpu[1];
	}
	return false;
}

static bool run_discard(struct world *w, struct its *its, struct command *cmd)
{
	struct event *ev = find_event(its, cmd->devid, cmd->event);
	u64 gpa;

	if (!ev || (w->base && event_target(its, ev) == NONE))
		return true;
	unmap_event(w, ev);
	if (w->base && find_ite(w, find_device(its, cmd->devid), cmd->event, &gpa))
		store(w, gpa, 0);
	return false;
}

static bool run_clear(struct world *w, struct its *its, struct command *cmd)
{
	struct event *ev = find_event(its, cmd->devid, cmd->event);

	if (ev)
		withdraw(&w->lpis[ev->lpi]);
	return !ev;
}

static bool run_int(struct world *w, struct its *its, struct command *cmd)
{
	int outcome = inject(w, its, cmd->devid, cmd->event);

	return outcome == DEVICE_UNMAPPED || outcome == EVENT_UNMAPPED ||
	       outcome == COLLECTION_UNMAPPED;
}

static bool run_inv(struct world *w, struct its *its, struct command *cmd)
{
	return !find_event(its, cmd->devid, cmd->event);
}

static bool run_invall(struct world *w, struct its *its, struct command *cmd)
{
	struct collection *coll = find_collection(its, cmd->icid);

	return !coll || coll->target == NONE;
}

static bool run_sync(struct world *w, struct its *its, struct command *cmd)
{
	return false;
}

static bool run_unknown(struct world *w, struct its *its, struct command *cmd)
{
	return true;
}

/* Weights say how often a command is drawn. */
static const struct {
	const char *name;
	u8 opcode;
	u32 weight;
	bool valid;
	bool (*run)(struct world *w, struct its *its, struct command *cmd);
} commands[] = {
	{ "MAPTI",	GITS_CMD_MAPTI,		150, false, run_map_event },
	{ "MAPI",	GITS_CMD_MAPI,		20, false, run_map_event },
	{ "MAPD",	GITS_CMD_MAPD,		24, true, run_mapd },
	{ "MAPD V=0",	GITS_CMD_MAPD,		6, false, run_mapd },
	{ "MAPC",	GITS_CMD_MAPC,		40, true, run_mapc },
	{ "MAPC V=0",	GITS_CMD_MAPC,		5, false, run_mapc },
	{ "MOVI",	GITS_CMD_MOVI,		30, false, run_movi },
	{ "MOVALL",	GITS_CMD_MOVALL,	10, false, run_movall },
	{ "DISCARD",	GITS_CMD_DISCARD,	30, false, run_discard },
	{ "CLEAR",	GITS_CMD_CLEAR,		30, false, run_clear },
	{ "INT",	GITS_CMD_INT,		30, false, run_int },
	{ "INV",	GITS_CMD_INV,		10, false, run_inv },
	{ "INVALL",	GITS_CMD_INVALL,	10, false, run_invall },
	{ "SYNC",	GITS_CMD_SYNC,		5, false, run_sync },
	{ "unknown",	0x00,			1, false, run_unknown },
	{ "unknown",	0x02,			1, false, run_unknown },
	{ "unknown",	0x10,			1, false, run_unknown },
	{ "VMAPP",	GITS_CMD_VMAPP,		1, false, run_unknown },
	{ "unknown",	0xff,			1, false, run_unknown },
};

static void run_command(struct world *w, struct its *its, struct command *cmd)
{
	bool bad = its->queue_outside;
	u32 i;

	for (i = 0; commands[i].opcode != cmd->opcode || commands[i].valid != cmd->valid; i++)
		;
	bad = bad || commands[i].run(w, its, cmd);
	w->counts[BAD_COMMANDS] += bad;
	totals.commands++;
	show(w, commands[i].name, bad ? "bad" : "ok", its - w->its, cmd->devid, cmd->event,
	     cmd->opcode == GITS_CMD_MAPD ? cmd->bits : cmd->intid, cmd->icid,
	     cmd->vcpu[0] << 16 | cmd->vcpu[1]);
}

static void run_queue(struct world *w, struct its *its)
{
	if (!its->enabled)
		return;
	for (u32 i = 0; i < its->queued; i++) {
		run_command(w, its, &its->queue[i]);
		w->step++;
	}
	its->queued = 0;
}

/* The model's save and restore. */

/* What does not count goes from the tables. */
static void clean_pending(struct world *w)
{
	for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++) {
		for (u32 i = 0; i < NR_LPIS && w->lpis_enabled[vcpu]; i++) {
			if (w->ptz[vcpu] || w->lpis[i].seen[vcpu])
				store_pending(w, vcpu, i, false);
		}
	}
}

static void save_pending(struct world *w)
{
	if (!w->base)
		clean_pending(w);
	for (u32 i = 0; i < NR_LPIS; i++) {
		struct lpi *lpi = &w->lpis[i];

		if (!lpi->refs || lpi->target == NONE ||
		    (!w->base && !w->lpis_enabled[lpi->target]))
			continue;
		lpi->seen[lpi->target] = true;
		store_pending(w, lpi->target, i, lpi->pending);
	}
}

/* How far it is to the next event that is saved, or 0. */
static u32 next_event(struct world *w, struct device *dev, u32 nr)
{
	for (u32 i = nr + 1; i < NR_EVENTS; i++) {
		struct event *ev = &dev->events[i];

		/* Linux 6.12 points at the zero entries of those without collection. */
		if (ev->lpi != NONE && (ev->coll != NONE || w->base))
			return events[i] - events[nr];
	}
	return 0;
}

/* Entries that are valid and must not be: those of them that @valid is a part of. */
static void clear_entries(struct world *w, u64 gpa, u64 nr, u64 valid)
{
	for (u64 entry; nr--; gpa += 8) {
		if (!load(w, gpa, &entry) && entry & valid)
			store(w, gpa, 0);
	}
}

/* What a restore reads before it finds an event. */
static void clear_itt(struct world *w, struct device *dev)
{
	u64 first = BIT(dev->bits);

	for (u32 i = NR_EVENTS; i--;) {
		if (dev->events[i].lpi != NONE && dev->events[i].coll != NONE)
			first = events[i];
	}
	clear_entries(w, dev->itt, first, ITE_VALID);
}

static void save_itt(struct world *w, struct device *dev)
{
	for (u32 i = 0; i < NR_EVENTS; i++) {
		struct event *ev = &dev->events[i];
		u64 gpa = dev->itt + (u64)events[i] * 8;

		if (ev->lpi == NONE)
			continue;
		if (ev->coll != NONE)
			store(w, gpa, ITE(next_event(w, dev, i), intids[ev->lpi], icids[ev->coll]));
	}
	for (u32 i = 0; i < NR_EVENTS; i++) {
		if (dev->events[i].lpi != NONE && dev->events[i].coll == NONE)
			clear_entries(w, dev->itt + (u64)events[i] * 8, 1, ITE_VALID);
	}
}

static u32 next_device(struct world *w, struct its *its, u32 nr)
{
	u64 gpa;

	for (u32 i = nr + 1; i < NR_DEVICES; i++) {
		if (its->devices[i].mapped && find_dte(w, its, devids[i], &gpa))
			return min(devids[i] - devids[nr], 0x3fffu);
	}
	return 0;
}

/* Where a restore goes on behind a DTE: in a page of level 2 not past its end. */
static u32 next_read(struct world *w, struct its *its, u32 nr)
{
	u32 next = devids[nr] + next_device(w, its, nr);

	if (its->baser[0] & GITS_BASER_INDIRECT)
		next = min(next, round_down(devids[nr], IDS_PER_PAGE) + (u32)IDS_PER_PAGE);
	return next;
}

static void clear_dtes(struct world *w, struct its *its, u32 from, u32 to)
{
	u64 baser = its->baser[0], page;

	if (!(baser & GITS_BASER_INDIRECT)) {
		to = min_t(u64, to, baser_size(baser) / 8);
		if (from < to)
			clear_entries(w, baser_base(baser) + from * 8, to - from, ENTRY_VALID);
		return;
	}
	for (u32 next; from < to; from = next) {
		next = min_t(u32, to, round_down(from, IDS_PER_PAGE) + IDS_PER_PAGE);
		if (find_level_2(w, baser, from, &page))
			clear_entries(w, page + from % IDS_PER_PAGE * 8, next - from, ENTRY_VALID);
	}
}

/* All that a restore reads where nothing is mapped, before anything is written. */
static void clear_devices(struct world *w, struct its *its)
{
	u32 from = 0;
	u64 gpa;

	for (u32 i = 0; i < NR_DEVICES; i++) {
		if (!its->devices[i].mapped || !find_dte(w, its, devids[i], &gpa))
			continue;
		clear_dtes(w, its, from, devids[i]);
		clear_itt(w, &its->devices[i]);
		from = next_device(w, its, i) ? next_read(w, its, i) : 0x10000;
	}
	if (!from)
		clear_dtes(w, its, 0, 0x10000);
}

static void save_devices(struct world *w, struct its *its)
{
	u64 gpa;

	if (!(its->baser[0] & GITS_BASER_VALID))
		return;
	if (!w->base)
		clear_devices(w, its);
	for (u32 i = 0; i < NR_DEVICES; i++) {
		struct device *dev = &its->devices[i];

		if (!dev->mapped || !find_dte(w, its, devids[i], &gpa))
			continue;
		save_itt(w, dev);
		store(w, gpa, DTE(next_device(w, its, i), dev->itt, dev->bits));
	}
}

/* The index of the collection that was created next, or NONE. */
static int next_collection(struct its *its, u32 created)
{
	int next = NONE;

	for (u32 i = 0; i < NR_COLLECTIONS; i++) {
		if (its->collections[i].created > created &&
		    (next == NONE || its->collections[i].created < its->collections[next].created))
			next = i;
	}
	return next;
}

static int save_collections(struct world *w, struct its *its)
{
	u64 gpa = baser_base(its->baser[1]);
	int i = NONE;

	if (!(its->baser[1] & GITS_BASER_VALID))
		return 0;
	while ((i = next_collection(its, i == NONE ? 0 : its->collections[i].created)) != NONE) {
		store(w, gpa, CTE(its->collections[i].target, icids[i]));
		gpa += 8;
	}
	/* Where there is no memory, there is nothing to clear. */
	return store(w, gpa, 0) && w->base ? -EFAULT : 0;
}

static int save_tables(struct world *w, struct its *its)
{
	save_devices(w, its);
	return save_collections(w, its);
}

static int restore_collections(struct world *w, struct its *its)
{
	u64 base = baser_base(its->baser[1]), cte;
	u32 icid;
	int ret;

	for (u64 i = 0; i < baser_size(its->baser[1]) / 8; i++) {
		ret = load_table(w, base + i * 8, &cte);
		if (ret || !(cte & ENTRY_VALID))
			return ret;
		icid = ITE_ICID(cte);
		if (find_collection(its, icid))
			return -EEXIST;
		if (!holds_icid(w, its, icid))
			return -EINVAL;
		map_collection(its, icid, CTE_TARGET(cte));
	}
	return 0;
}

static int restore_ite(struct world *w, struct its *its, struct device *dev, u32 event, u64 ite)
{
	if (event + ITE_NEXT(ite) >= BIT(dev->bits) || !find_collection(its, ITE_ICID(ite)))
		return -EINVAL;
	return map_event(w, its, dev, event, ITE_INTID(ite), ITE_ICID(ite)) ? -EINVAL : 0;
}

static int restore_itt(struct world *w, struct its *its, struct device *dev)
{
	u32 event = 0, next;
	u64 ite;
	int ret;

	do {
		ret = load_table(w, dev->itt + (u64)event * 8, &ite);
		next = 1;
		if (!ret && ITE_INTID(ite)) {
			next = ITE_NEXT(ite);
			ret = restore_ite(w, its, dev, event, ite);
		}
		if (ret)
			return ret;
		event += next;
	} while (next && event < BIT(dev->bits));
	return 0;
}

static int restore_dte(struct world *w, struct its *its, u32 devid, u64 dte)
{
	u64 gpa;

	if (find_device(its, devid))
		return -EEXIST;
	if (!find_dte(w, its, devid, &gpa))
		return -EINVAL;
	map_device(w, its, devid, DTE_ITT(dte), DTE_BITS(dte));
	return restore_itt(w, its, find_device(its, devid));
}

/* Returns 1 when the last entry was found. */
static int restore_dtes(struct world *w, struct its *its, u64 base, u32 devid, u32 nr)
{
	u64 dte;
	int ret;

	for (u32 i = 0, next; i < nr; i += next) {
		ret = load_table(w, base + i * 8, &dte);
		if (ret)
			return ret;
		next = 1;
		if (!(dte & ENTRY_VALID))
			continue;
		next = DTE_NEXT(dte);
		ret = restore_dte(w, its, devid + i, dte);
		if (ret || !next)
			return ret ?: 1;
	}
	return 0;
}

static int restore_level_1(struct world *w, struct its *its, u64 base, u32 nr)
{
	u64 l1e;
	int ret;

	for (u32 i = 0; i < nr; i++) {
		ret = load_table(w, base + i * 8, &l1e);
		if (!ret && (l1e & ENTRY_VALID))
			ret = restore_dtes(w, its, l1e & L1E_ADDR, i * IDS_PER_PAGE, IDS_PER_PAGE);
		if (ret)
			return ret;
	}
	return 0;
}

static int restore_devices(struct world *w, struct its *its)
{
	u64 baser = its->baser[0], base = baser_base(baser);
	u32 nr = baser_size(baser) / 8;

	if (baser & GITS_BASER_INDIRECT)
		return restore_level_1(w, its, base, nr);
	return restore_dtes(w, its, base, 0, nr);
}

static void reset_registers(struct its *its)
{
	its->enabled = false;
	its->queue_valid = false;
	its->queue_outside = false;
	its->queued = 0;
	its->baser[0] &= ~GITS_BASER_VALID;
	its->baser[1] &= ~GITS_BASER_VALID;
}

static void reset(struct world *w, struct its *its)
{
	reset_registers(its);
	unmap_devices(w, its);
	unmap_collections(its);
}

/* What has been seen of LPIs that are not mapped counts again. */
static void renew_pending(struct world *w)
{
	for (u32 i = 0; i < NR_LPIS; i++) {
		for (u32 vcpu = 0; vcpu < NR_VCPUS; vcpu++)
			w->lpis[i].seen[vcpu] &= w->lpis[i].target == vcpu;
	}
}

static int restore_tables(struct world *w, struct its *its)
{
	int ret = 0;

	renew_pending(w);
	if (its->baser[1] & GITS_BASER_VALID)
		ret = restore_collections(w, its);
	if (!ret && (its->baser[0] & GITS_BASER_VALID))
		ret = restore_devices(w, its);
	if (ret >= 0)
		return 0;
	unmap_devices(w, its);
	unmap_collections(its);
	/* Linux 6.12 keeps the registers. */
	if (!w->base)
		reset_registers(its);
	return ret;
}

/* Counters. */

static void find_counters(struct world *w)
{
	struct kvm_stats_desc *desc;

	for (u32 i = 0; i < NR_COUNTERS; i++) {
		desc = its_vmm_find_stat(&w->v, counters[i]);
		w->offsets[i] = desc ? desc->offset : NONE;
		if (!desc && !w->base)
			fail(w, "no counter %s", counters[i]);
	}
}

static void check_counters(struct world *w)
{
	u64 data[256] = { };
	size_t size = its_vmm_read_stats(&w->v, data, sizeof(data));

	for (u32 i = 0; i < NR_COUNTERS; i++) {
		if (w->offsets[i] == NONE || w->offsets[i] >= size)
			continue;
		if (data[w->offsets[i] / 8] != w->counts[i])
			fail(w, "%s is %lu, not %lu", counters[i],
			     data[w->offsets[i] / 8], w->counts[i]);
	}
}

/* Steps: what is drawn and done, and compared. */

static struct its *select_its(struct world *w, u32 nr)
{
	its_vmm_select(&w->v, nr);
	return &w->its[nr];
}

static struct its *pick_its(struct world *w)
{
	return select_its(w, below(w, w->nr_its));
}

/* A device that is mapped, if there is one, or any. */
static u32 pick_device(struct world *w, struct its *its)
{
	u32 first = below(w, NR_DEVICES);

	for (u32 i = 0; i < NR_DEVICES && !one_in(w, 16); i++) {
		u32 nr = (first + i) % NR_DEVICES;

		if (its->devices[nr].mapped)
			return devids[nr];
	}
	return pick_devid(w);
}

/* The same of events. */
static void pick_event(struct world *w, struct its *its, u32 *devid, u32 *event)
{
	u32 nr = below(w, NR_DEVICES * NR_EVENTS);

	*devid = pick_device(w, its);
	*event = pick_eventid(w);
	if (one_in(w, 4))
		return;
	for (u32 i = 0; i < NR_DEVICES * NR_EVENTS; i++) {
		struct device *dev = &its->devices[nr / NR_EVENTS];

		if (dev->mapped && dev->events[nr % NR_EVENTS].lpi != NONE) {
			*devid = devids[nr / NR_EVENTS];
			*event = events[nr % NR_EVENTS];
			return;
		}
		nr = (nr + 1) % (NR_DEVICES * NR_EVENTS);
	}
}

/* What no other device has, most often. */
static void pick_itt(struct world *w, struct its *its, struct command *cmd)
{
	u32 nr = below(w, NR_BIG_ITTS + NR_SMALL_ITTS);

	cmd->bits = BIG_BITS;
	if (one_in(w, 32)) {
		cmd->itt = w->v.scratch_gpa + (one_in(w, 3) ? OUTSIDE : LAST_ITT);
	} else if (nr < NR_BIG_ITTS) {
		cmd->itt = area_gpa(w, its, BIG_ITT(nr));
	} else {
		cmd->itt = area_gpa(w, its, SMALL_ITT(nr - NR_BIG_ITTS));
		cmd->bits = one_in(w, 4) ? 1 : SMALL_BITS;
	}
	if (one_in(w, 16))
		cmd->bits = one_in(w, 2) ? 17 : 32;
}

static struct command pick_command(struct world *w, struct its *its)
{
	struct command cmd = { };
	u32 i, sum = 0, nr;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		sum += commands[i].weight;
	nr = below(w, sum);
	for (i = 0; nr >= commands[i].weight; i++)
		nr -= commands[i].weight;

	cmd.opcode = commands[i].opcode;
	cmd.valid = commands[i].valid;
	pick_event(w, its, &cmd.devid, &cmd.event);
	cmd.icid = icids[below_low(w, NR_COLLECTIONS)];
	cmd.vcpu[0] = pick_vcpu(w);
	cmd.vcpu[1] = pick_vcpu(w);
	if (cmd.opcode == GITS_CMD_MAPTI || cmd.opcode == GITS_CMD_MAPI) {
		cmd.devid = pick_device(w, its);
		cmd.event = pick_eventid(w);
		cmd.intid = pick_intid(w);
	}
	if (cmd.opcode == GITS_CMD_MAPD) {
		cmd.devid = pick_devid(w);
		pick_itt(w, its, &cmd);
	}
	return cmd;
}

static void write_command(struct world *w, struct command *cmd)
{
	u64 *dw = its_vmm_hva(&w->v, ITS_VMM_COMMANDS) + w->v.cwriter;

	dw[0] = (u64)cmd->devid << 32 | cmd->opcode;
	dw[1] = (u64)cmd->intid << 32 | cmd->event;
	dw[2] = (u64)cmd->vcpu[0] << 16 | cmd->icid;
	dw[3] = (u64)cmd->vcpu[1] << 16;
	if (cmd->opcode == GITS_CMD_MAPD) {
		dw[1] = cmd->bits - 1;
		dw[2] = cmd->itt;
	}
	dw[2] |= (u64)cmd->valid << 63;
	w->v.cwriter = (w->v.cwriter + 32) % SZ_64K;
}

static void step_commands(struct world *w)
{
	struct its *its = pick_its(w);
	u32 nr = one_in(w, 2) ? 1 : 1 + below(w, 64);

	/* As the last before the queue is invalid or full. */
	if (!its->queue_valid || its->queued + nr > QUEUE_SIZE)
		return;
	for (u32 i = 0; i < nr; i++) {
		struct command *cmd = &its->queue[its->queued++];

		*cmd = pick_command(w, its);
		write_command(w, cmd);
	}
	its_vmm_submit(&w->v);
	run_queue(w, its);
	check_counters(w);
}

/* The ITS that has a doorbell, or NULL. */
static struct its *find_its(struct world *w, u64 doorbell)
{
	for (u32 i = 0; i < w->nr_its; i++) {
		if (doorbell == GITS_BASE_GPA - i * KVM_VGIC_V3_ITS_SIZE + GITS_TRANSLATER)
			return &w->its[i];
	}
	return NULL;
}

static struct kvm_msi pick_msi(struct world *w)
{
	struct its *its = pick_its(w);
	struct kvm_msi msi = its_vmm_msi(its_vmm_doorbell(&w->v), 0, 0);

	pick_event(w, its, &msi.devid, &msi.data);
	if (one_in(w, 64))
		msi.address_hi++;
	/* Linux 6.12 takes all of the frame for the doorbell, and forgets to look for the flag. */
	if (one_in(w, 64) && !w->base)
		msi.address_lo += one_in(w, 2) ? 4 : SZ_64K;
	if (one_in(w, 64) && !w->base)
		msi.flags = 0;
	return msi;
}

/* The model's part in an MSI. */
static int expect_msi(struct world *w, const struct kvm_msi *msi)
{
	u64 doorbell = (u64)msi->address_hi << 32 | msi->address_lo;
	struct its *its = find_its(w, doorbell);
	int outcome;

	if (!(msi->flags & KVM_MSI_VALID_DEVID))
		outcome = NO_DEVID;
	else if (!its)
		outcome = NO_DOORBELL;
	else
		outcome = inject(w, its, msi->devid, msi->data);
	if (outcome == DELIVERED)
		totals.delivered++;
	else
		w->counts[outcome]++;
	show(w, "MSI", outcome == DELIVERED ? "delivered" : counters[outcome], doorbell,
	     msi->devid, msi->data, msi->flags, 0, 0);
	return outcome;
}

static void step_signal(struct world *w)
{
	struct kvm_msi msi = pick_msi(w);
	int outcome = expect_msi(w, &msi), expected, ret;

	switch (outcome) {
	case DELIVERED:
		expected = 1;
		break;
	case NO_DEVID:
	case NO_DOORBELL:
		expected = -EINVAL;
		break;
	default:
		expected = 0;
	}
	ret = __vm_ioctl(w->v.vm, KVM_SIGNAL_MSI, &msi);
	ret = ret < 0 ? -errno : ret;
	/* Linux 6.12 calls what is disabled busy, unless it has the LPI in its cache. */
	if (w->base && ret == -EBUSY && (outcome == ITS_DISABLED || outcome == LPIS_DISABLED))
		ret = 0;
	if (ret != expected)
		fail(w, "KVM_SIGNAL_MSI returns %d, not %d", ret, expected);
	check_counters(w);
	w->step++;
}

/* Done when write() returns; in Linux 6.12, when the irqfd is unbound. */
static void step_irqfd(struct world *w)
{
	u32 nr = below(w, NR_GSIS);

	if (w->base && !one_in(w, 10))
		return;
	show(w, "irqfd", "", nr, 0, 0, 0, 0, 0);
	expect_msi(w, &w->routes[nr]);
	if (w->base) {
		its_vmm_raise_irqfd(&w->v, w->fds[nr], FIRST_GSI + nr);
		its_vmm_irqfd(&w->v, w->fds[nr], FIRST_GSI + nr, 0);
	} else {
		its_vmm_signal_fd(w->fds[nr]);
	}
	check_counters(w);
	w->step++;
}

static void step_route(struct world *w)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[NR_GSIS];
	} table = { .header.nr = NR_GSIS };

	for (u32 i = 0; i < NR_GSIS; i++) {
		if (one_in(w, 2))
			w->routes[i] = pick_msi(w);
		table.entries[i] = its_vmm_route_msi(FIRST_GSI + i, &w->routes[i]);
	}
	vm_ioctl(w->v.vm, KVM_SET_GSI_ROUTING, &table.header);
	show(w, "routes", "", 0, 0, 0, 0, 0, 0);
}

static void write_ctlr(struct world *w, struct its *its, bool enable)
{
	u64 valid = its->baser[0] & its->baser[1] & GITS_BASER_VALID;

	show(w, "GITS_CTLR", "", its - w->its, enable, 0, 0, 0, 0);
	its_vmm_its_write(&w->v, GITS_CTLR, enable ? GITS_CTLR_ENABLE : 0);
	if (enable && !its->enabled && !(valid && its->queue_valid))
		return;
	its->enabled = enable;
	run_queue(w, its);
	check_counters(w);
}

static void check_registers(struct world *w, struct its *its)
{
	u64 ctlr = its_vmm_its_read(&w->v, GITS_CTLR);
	u64 creadr = its_vmm_its_read(&w->v, GITS_CREADR);
	u64 behind = (w->v.cwriter - creadr + SZ_64K) % SZ_64K / 32;

	if ((ctlr & GITS_CTLR_ENABLE) != its->enabled)
		fail(w, "GITS_CTLR is %#lx, with Enabled to be %d", ctlr, its->enabled);
	if (behind != its->queued)
		fail(w, "%lu commands are left, not %u", behind, its->queued);
	/* Enabled, it processes all that is queued; disabled, it does nothing. */
	if (!(ctlr & GITS_CTLR_QUIESCENT) != (its->enabled && its->queued))
		fail(w, "GITS_CTLR is %#lx with %u commands left", ctlr, its->queued);
}

static void step_ctlr(struct world *w)
{
	struct its *its = pick_its(w);

	write_ctlr(w, its, one_in(w, 8) ? its->enabled : !its->enabled);
	check_registers(w, its);
	w->step++;
}

/* An empty queue; one that leads out of memory now and then. */
static void write_cbaser(struct world *w, struct its *its)
{
	u64 gpa = its_vmm_gpa(&w->v, ITS_VMM_COMMANDS);
	bool outside = one_in(w, 10);

	if (outside)
		gpa = w->v.scratch_gpa + OUTSIDE;
	show(w, "CBASER", its->enabled ? "ignored" : "", its - w->its, outside, 0, 0, 0, 0);
	its_vmm_its_write(&w->v, GITS_CBASER, GITS_CBASER_VALID | gpa | (SZ_64K / SZ_4K - 1));
	if (its->enabled)
		return;
	its->queued = 0;
	its->queue_valid = true;
	its->queue_outside = outside;
}

static void write_baser(struct world *w, struct its *its, u32 nr, u64 baser)
{
	show(w, "BASER", its->enabled ? "ignored" : "", its - w->its, nr, baser,
	     its->baser[nr], 0, 0);
	its_vmm_its_write(&w->v, GITS_BASER + nr * 8, baser);
	if (its->enabled || baser == its->baser[nr])
		return;
	its->baser[nr] = baser;
	if (nr == 0)
		unmap_devices(w, its);
	else
		unmap_collections(its);
}

static u64 pick_device_baser(struct world *w, struct its *its)
{
	u64 baser = GITS_BASER_VALID | GITS_BASER_PAGE_SIZE_64K;

	switch (below(w, 10)) {
	case 0:
	case 1:
		return baser | area_gpa(w, its, FLAT_TABLE);
	case 2:
	case 3:
		return baser | area_gpa(w, its, FLAT_TABLE) | (8 - 1);
	case 4:
		return baser | (w->v.scratch_gpa + LAST_PAGES) | (8 - 1);
	case 5:
		if (one_in(w, 4))
			return baser | (w->v.scratch_gpa + OUTSIDE);
		fallthrough;
	default:
		return baser | GITS_BASER_INDIRECT | area_gpa(w, its, LEVEL_1);
	}
}

static u64 pick_collection_baser(struct world *w, struct its *its)
{
	u64 baser = GITS_BASER_VALID | GITS_BASER_PAGE_SIZE_64K;

	if (one_in(w, 20))
		return baser | (w->v.scratch_gpa + OUTSIDE);
	return baser | area_gpa(w, its, COLLECTIONS) | below(w, 2);
}

/* Tables of another shape, or of the same; both while the ITS is enabled, too. */
static void step_tables(struct world *w)
{
	struct its *its = pick_its(w);

	if (!one_in(w, 4))
		write_ctlr(w, its, false);
	for (u32 nr = 0; nr < 2; nr++) {
		u64 baser = its->baser[nr];

		if (one_in(w, 2) || !(baser & GITS_BASER_VALID))
			baser = nr ? pick_collection_baser(w, its) : pick_device_baser(w, its);
		if (one_in(w, 20))
			baser &= ~GITS_BASER_VALID;
		write_baser(w, its, nr, baser);
	}
	if (one_in(w, 2) || its->queue_outside || !its->queue_valid)
		write_cbaser(w, its);
	write_ctlr(w, its, true);
	check_registers(w, its);
	w->step++;
}

/* An entry of level 1 leads to its page, to none, or out of memory. */
static void write_l1e(struct world *w, struct its *its, u32 nr, bool valid)
{
	static const u32 index[NR_LEVEL_2] = { 0, 1, 7 };
	u64 l1e = area_gpa(w, its, LEVEL_2(nr));

	if (valid)
		l1e |= ENTRY_VALID;
	else if (one_in(w, 2))
		l1e = ENTRY_VALID | (w->v.scratch_gpa + OUTSIDE);
	poke(w, area_gpa(w, its, LEVEL_1) + index[nr] * 8, l1e);
	show(w, "L1E", "", its - w->its, nr, l1e, 0, 0, 0);
}

static void step_level_1(struct world *w)
{
	write_l1e(w, pick_its(w), below(w, NR_LEVEL_2), !one_in(w, 4));
}

/* A guest may write its pending table while nothing is mapped there, say. */
static void step_poke_pending(struct world *w)
{
	u32 vcpu = below(w, NR_VCPUS), intid = intids[below(w, NR_LPIS)];
	u64 gpa = its_vmm_gpa(&w->v, ITS_VMM_PENDING + vcpu) + round_down(intid, 64) / 8;
	u64 word = 0;

	load(w, gpa, &word);
	poke(w, gpa, word ^ BIT_ULL(intid % 64));
	show(w, "poke", "", vcpu, intid, 0, 0, 0, 0);
}

static void enable_lpis(struct world *w, u32 vcpu)
{
	u64 pendbaser = its_vmm_gpa(&w->v, ITS_VMM_PENDING + vcpu);
	bool ptz = one_in(w, 2);

	if (ptz)
		pendbaser |= GICR_PENDBASER_PTZ;
	its_vmm_redist_write(&w->v, vcpu, GICR_PENDBASER, pendbaser);
	its_vmm_redist_write(&w->v, vcpu, GICR_PENDBASER + 4, pendbaser >> 32);
	its_vmm_redist_write(&w->v, vcpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	show(w, "LPIs on", ptz ? "PTZ" : "", vcpu, 0, 0, 0, 0, 0);
	if (w->lpis_enabled[vcpu])
		return;
	w->lpis_enabled[vcpu] = true;
	w->ptz[vcpu] = ptz;
	for (u32 i = 0; i < NR_LPIS; i++) {
		struct lpi *lpi = &w->lpis[i];

		if (!lpi->refs || lpi->target != vcpu)
			continue;
		if (w->base && !ptz)
			lpi->pending = load_pending(w, vcpu, i);
		if (!w->base && bit_counts(w, vcpu, i) && load_pending(w, vcpu, i)) {
			lpi->pending = true;
			lpi->from_table = true;
		}
	}
}

/* What came from the table counts again. What else is set there is out of date. */
static void unload_pending(struct world *w, u32 vcpu)
{
	for (u32 i = 0; i < NR_LPIS; i++) {
		struct lpi *lpi = &w->lpis[i];

		lpi->seen[vcpu] &= load_pending(w, vcpu, i);
		if (!lpi->refs || place(lpi) != vcpu)
			continue;
		if (lpi->from_table && lpi->target == vcpu)
			lpi->seen[vcpu] = false;
		withdraw(lpi);
	}
}

/* Linux 6.12 let those pending that the configuration table disables. */
static void disable_lpis(struct world *w, u32 vcpu)
{
	its_vmm_redist_write(&w->v, vcpu, GICR_CTLR, 0);
	show(w, "LPIs off", "", vcpu, 0, 0, 0, 0, 0);
	/* Cleared when it is cleared already, it does nothing. */
	if (!w->base && w->lpis_enabled[vcpu])
		unload_pending(w, vcpu);
	w->lpis_enabled[vcpu] = false;
}

static void step_lpis(struct world *w)
{
	u32 vcpu = below(w, NR_VCPUS);
	bool enable = !w->lpis_enabled[vcpu];

	/* Linux 6.12 asks the collection's vCPU, or does not ask: keep them alike. */
	for (u32 i = 0; i < NR_VCPUS; i++) {
		if (i != vcpu && !w->base)
			continue;
		if (enable)
			enable_lpis(w, i);
		else
			disable_lpis(w, i);
	}
	w->step++;
}

static void step_reset(struct world *w)
{
	struct its *its = pick_its(w);
	u64 baser[2] = { its->baser[0], its->baser[1] };

	show(w, "reset", "", its - w->its, 0, 0, 0, 0, 0);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&w->v, KVM_DEV_ARM_ITS_CTRL_RESET));
	reset(w, its);
	check_registers(w, its);
	if (one_in(w, 4))
		return;
	write_baser(w, its, 0, baser[0] | GITS_BASER_VALID);
	write_baser(w, its, 1, baser[1] | GITS_BASER_VALID);
	write_cbaser(w, its);
	write_ctlr(w, its, true);
	check_registers(w, its);
	w->step++;
}

/* Let KVM write its state to memory, and compare all of that. */
static void step_check(struct world *w)
{
	its_vmm_save_pending(&w->v);
	save_pending(w);
	show(w, "check", "", 0, 0, 0, 0, 0, 0);
	compare_memory(w);
}

static void check_ctrl(struct world *w, struct its *its, const char *what, u64 attr, int expected)
{
	int ret;

	show(w, what, strerror(-expected), its - w->its, 0, 0, 0, 0, 0);
	ret = its_vmm_ctrl(&w->v, attr);
	if (ret != expected)
		fail(w, "%s returns %d, not %d", what, ret, expected);
	compare_memory(w);
}

static void check_save(struct world *w, struct its *its)
{
	totals.saves++;
	check_ctrl(w, its, "save", KVM_DEV_ARM_ITS_SAVE_TABLES, save_tables(w, its));
}

static bool check_restore(struct world *w, struct its *its)
{
	int expected = restore_tables(w, its);

	check_ctrl(w, its, "restore", KVM_DEV_ARM_ITS_RESTORE_TABLES, expected);
	check_registers(w, its);
	totals.restores += !expected;
	totals.failed_restores += !!expected;
	return !expected;
}

/* Tables that have nothing but what is saved next. */
static void clear_tables(struct world *w, struct its *its)
{
	clear(w, area_gpa(w, its, FLAT_TABLE), LEVEL_1 - FLAT_TABLE);
	clear(w, area_gpa(w, its, LEVEL_2(0)), ITS_AREA_USED - LEVEL_2(0));
	clear(w, w->v.scratch_gpa + LAST_PAGES, SZ_128K);
	show(w, "clear", "", its - w->its, 0, 0, 0, 0, 0);
}

/* An entry of some table, or nearly one. */
static u64 pick_garbage(struct world *w, struct its *its)
{
	switch (below(w, 4)) {
	case 0:
		return DTE(below(w, 3), area_gpa(w, its, SMALL_ITT(below(w, NR_SMALL_ITTS))),
			   1 + below(w, SMALL_BITS));
	case 1:
		return ITE(below(w, 3), intids[below(w, NR_LPIS)], below(w, 4));
	case 2:
		return CTE(below(w, NR_VCPUS), icids[below(w, NR_COLLECTIONS)]);
	default:
		return kvm_random_u64(&w->rng);
	}
}

/* The guest, or an earlier save, has left something where tables are. */
static void fill_tables(struct world *w, struct its *its)
{
	const struct {
		u64 offset;
		u64 size;
	} places[] = {
		{ FLAT_TABLE, SZ_512 }, { FLAT_TABLE + 8190 * 8, SZ_512 },
		{ LEVEL_2(0), SZ_512 }, { LEVEL_2(1), SZ_512 }, { LEVEL_2(2), SZ_64K },
		{ COLLECTIONS, SZ_128 }, { BIG_ITT(0), SZ_512 }, { BIG_ITT(1), SZ_128K },
		{ SMALL_ITT(0), NR_SMALL_ITTS * SZ_256 },
	};

	for (u32 i = 0; i < 64; i++) {
		u32 nr = below(w, ARRAY_SIZE(places));
		u64 offset = places[nr].offset + below(w, places[nr].size / 8) * 8;

		poke(w, area_gpa(w, its, offset), pick_garbage(w, its));
	}
	show(w, "fill", "", its - w->its, 0, 0, 0, 0, 0);
}

/* What is saved is all there once it is restored, and nothing else. */
static void compare_maps(struct world *w, struct its *its, struct its *was)
{
	u64 gpa;

	for (u32 i = 0; i < NR_DEVICES; i++) {
		struct device *dev = &its->devices[i], *old = &was->devices[i];

		if (dev->mapped != (old->mapped && find_dte(w, its, devids[i], &gpa)))
			fail(w, "the model: device %#x", devids[i]);
		for (u32 j = 0; j < NR_EVENTS && dev->mapped; j++) {
			int lpi = old->events[j].lpi;

			if (old->events[j].coll == NONE)
				lpi = NONE;
			if (dev->events[j].lpi != lpi)
				fail(w, "the model: event %#x of device %#x", events[j], devids[i]);
		}
	}
	for (u32 i = 0; i < NR_COLLECTIONS; i++) {
		if (its->collections[i].target != was->collections[i].target)
			fail(w, "the model: collection %u", icids[i]);
	}
}

static bool itts_overlap(struct its *its)
{
	for (u32 i = 0; i < NR_DEVICES; i++) {
		for (u32 j = 0; j < i; j++) {
			if (its->devices[i].mapped && its->devices[j].mapped &&
			    its->devices[i].itt == its->devices[j].itt)
				return true;
		}
	}
	return false;
}

/* Save, reset, restore, as in a migration. */
static void step_migrate(struct world *w)
{
	struct its *its = pick_its(w), was = *its;
	bool clean = w->base && !one_in(w, 4), restored;

	if (its->queued || !its->enabled)
		return;
	if (one_in(w, 2))
		step_check(w);
	write_ctlr(w, its, false);
	if (clean)
		clear_tables(w, its);
	else if (!w->base && one_in(w, 2))
		fill_tables(w, its);
	check_save(w, its);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(&w->v, KVM_DEV_ARM_ITS_CTRL_RESET));
	reset(w, its);
	show(w, "reset", "", its - w->its, 0, 0, 0, 0, 0);
	write_baser(w, its, 0, was.baser[0]);
	write_baser(w, its, 1, was.baser[1]);
	restored = check_restore(w, its);
	if (!itts_overlap(&was)) {
		if (!restored && !w->base)
			fail(w, "the model: what was saved is refused");
		if (restored && (clean || !w->base))
			compare_maps(w, its, &was);
	}
	write_cbaser(w, its);
	write_ctlr(w, its, true);
	w->step++;
}

/* Without a reset: what is mapped already is an error. */
static void step_restore(struct world *w)
{
	struct its *its = pick_its(w);

	if (w->base || its->queued)
		return;
	check_save(w, its);
	check_restore(w, its);
	w->step++;
}

static const struct {
	u32 weight;
	void (*run)(struct world *w);
} steps[] = {
	{ 2500, step_signal },
	{ 500, step_irqfd },
	{ 170, step_commands },
	{ 20, step_poke_pending },
	{ 16, step_check },
	{ 6, step_level_1 },
	{ 6, step_ctlr },
	{ 4, step_lpis },
	{ 4, step_tables },
	{ 10, step_migrate },
	{ 2, step_route },
	{ 1, step_reset },
	{ 1, step_restore },
};

/* An ITS that is disabled has little to show: let it not stay that way. */
static void repair(struct world *w)
{
	struct its *its = pick_its(w);

	if (its->enabled)
		return;
	if (!(its->baser[0] & GITS_BASER_VALID))
		write_baser(w, its, 0, pick_device_baser(w, its));
	if (!(its->baser[1] & GITS_BASER_VALID))
		write_baser(w, its, 1, pick_collection_baser(w, its));
	if (!its->queue_valid)
		write_cbaser(w, its);
	write_ctlr(w, its, true);
}

static void take_step(struct world *w)
{
	u32 i, sum = 0, nr;

	if (one_in(w, 32))
		repair(w);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		sum += steps[i].weight;
	nr = below(w, sum);
	for (i = 0; nr >= steps[i].weight; i++)
		nr -= steps[i].weight;
	steps[i].run(w);
}

/* Setting up. */

static void init_model(struct world *w)
{
	for (u32 i = 0; i < NR_LPIS; i++) {
		w->lpis[i].target = NONE;
		w->lpis[i].moved = NONE;
	}
	for (u32 i = 0; i < NR_VCPUS; i++)
		w->lpis_enabled[i] = true;
	for (u32 i = 0; i < w->nr_its; i++) {
		for (u32 j = 0; j < NR_COLLECTIONS; j++)
			w->its[i].collections[j].target = NONE;
	}
}

static void init_its(struct world *w, u32 nr)
{
	struct its *its = select_its(w, nr);

	its->enabled = true;
	write_ctlr(w, its, false);
	for (u32 i = 0; i < NR_LEVEL_2; i++)
		write_l1e(w, its, i, true);
	write_baser(w, its, 0, pick_device_baser(w, its));
	write_baser(w, its, 1, pick_collection_baser(w, its));
	write_cbaser(w, its);
	write_ctlr(w, its, true);
}

static void init_world(struct world *w, u32 seed, const struct settings *set)
{
	*w = (struct world) {
		.seed = seed,
		.base = set->base,
		.check_all = set->check_all,
		/* Never 0, and far apart for neighbouring seeds. */
		.rng = new_kvm_random_state((seed * 2654435769u >> 2) | 1),
	};
	w->nr_its = 1 + below(w, MAX_ITS);
	its_vmm_create_vm(&w->v, NR_VCPUS);
	its_vmm_add_gic(&w->v);
	for (u32 i = 0; i < w->nr_its; i++)
		its_vmm_add_its(&w->v);
	its_vmm_enable(&w->v);
	w->shadow = calloc(1, ram_size(w));
	TEST_ASSERT(w->shadow, "no memory");

	find_counters(w);
	init_model(w);
	for (u32 i = 0; i < w->nr_its; i++)
		init_its(w, i);
	for (u32 i = 0; i < NR_GSIS; i++) {
		w->routes[i] = pick_msi(w);
		w->fds[i] = eventfd(0, 0);
		its_vmm_irqfd(&w->v, w->fds[i], FIRST_GSI + i, 0);
	}
	step_route(w);
}

static void destroy_world(struct world *w)
{
	for (u32 i = 0; i < NR_COUNTERS; i++)
		totals.counts[i] += w->counts[i];
	for (u32 i = 0; i < NR_GSIS; i++)
		close(w->fds[i]);
	its_vmm_destroy(&w->v);
	free(w->shadow);
}

/* Returns how many steps were done. */
static u32 run_round(u32 seed, u32 nr_steps, const struct settings *set)
{
	static struct world w;
	u32 nr;

	init_world(&w, seed, set);
	while (w.step < nr_steps) {
		take_step(&w);
		if (w.check_all)
			step_check(&w);
	}
	step_check(&w);
	nr = w.step;
	destroy_world(&w);
	return nr;
}

static u32 run_rounds(const struct settings *set)
{
	time_t end = time(NULL) + set->seconds;
	u32 done = 0, seed = set->seed;

	while (done < set->steps && time(NULL) < end)
		done += run_round(seed++, min(set->steps - done, (u32)ROUND_STEPS), set);
	return done;
}

static void print_totals(void)
{
	ksft_print_msg("%lu commands, %lu MSIs delivered\n", totals.commands, totals.delivered);
	for (u32 i = 0; i < NR_COUNTERS; i++)
		ksft_print_msg("%s: %lu\n", counters[i], totals.counts[i]);
	ksft_print_msg("%lu saves, %lu restores and %lu that failed\n", totals.saves,
		       totals.restores, totals.failed_restores);
}

static void usage(const char *name)
{
	printf("%s [-b] [-c] [-n STEPS] [-s SEED] [-t SECONDS]\n", name);
	printf("  -b  expect of the ITS what that of Linux 6.12 does, which has no counters\n");
	printf("  -c  compare the pending tables after each step\n");
	printf("  -n  commands and MSIs (default: %u)\n", NR_STEPS);
	printf("  -s  seed of the first round (default: another each time)\n");
	printf("  -t  begin no round after so many seconds (default: %u)\n", TIME_LIMIT);
	exit(2);
}

static void parse_options(int argc, char **argv, struct settings *set)
{
	int opt;

	while ((opt = getopt(argc, argv, "bcn:s:t:")) != -1) {
		if (opt == 'b')
			set->base = true;
		else if (opt == 'c')
			set->check_all = true;
		else if (opt == 'n')
			set->steps = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			set->seed = strtoul(optarg, NULL, 0);
		else if (opt == 't')
			set->seconds = strtoul(optarg, NULL, 0);
		else
			usage(argv[0]);
	}
}

int main(int argc, char **argv)
{
	struct settings set = {
		.steps = NR_STEPS,
		.seconds = TIME_LIMIT,
	};
	u32 done;

	/* Not the time: a host without a clock begins with the same each time. */
	TEST_ASSERT(getrandom(&set.seed, sizeof(set.seed), 0) == sizeof(set.seed),
		    "getrandom: %d", errno);
	parse_options(argc, argv, &set);
	ksft_print_header();
	ksft_set_plan(1);
	ksft_print_msg("Seed %u\n", set.seed);
	done = run_rounds(&set);
	print_totals();
	if (done < set.steps)
		ksft_print_msg("Time is up after %u steps of %u\n", done, set.steps);
	ksft_test_result_pass("random steps\n");
	ksft_finished();
}
