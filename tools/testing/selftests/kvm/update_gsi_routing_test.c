// SPDX-License-Identifier: GPL-2.0-only
/*
 * update_gsi_routing_test - KVM_UPDATE_GSI_ROUTING, alone and together with
 * KVM_SET_GSI_ROUTING, observed by what irqfds deliver
 *
 * Each GSI under test has an eventfd. Where a GSI leads is read from the interrupt
 * controller, where all stays pending because no vCPU runs.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "fail_nth.h"
#include "irq_target.h"
#include "kselftest_harness.h"
#include "kvm_util.h"

#define NR_EVENTS	IRQ_TARGET_EVENTS
#define NR_GSIS		IRQ_TARGET_GSIS
#define FIRST_GSI	IRQ_TARGET_FIRST_GSI
#define NOWHERE		IRQ_TARGET_NOWHERE	/* no route, or no event */
#define PIN		IRQ_TARGET_PIN
#define MODEL_ROUNDS	400
#define RACE_ROUNDS	150
#define SLOW		300		/* s: the test is not quick on a debug kernel */

struct table {
	struct kvm_irq_routing header;
	struct kvm_irq_routing_entry entries[2 * NR_GSIS];
};

enum how { SET, UPDATE };

/* A VM, and entries that are being collected. */
struct rig {
	struct irq_target t;
	struct table table;
	u32 nr;
};

static int apply_raw(struct irq_target *t, enum how how, void *routing)
{
	struct kvm_irq_routing *header = routing;

	if (how == SET)
		return __vm_ioctl(t->vm, KVM_SET_GSI_ROUTING, header) ? -errno : 0;
	return __vm_ioctl(t->vm, KVM_UPDATE_GSI_ROUTING, header) ? -errno : 0;
}

static int apply_table(struct irq_target *t, enum how how, struct table *table, u32 nr)
{
	table->header.nr = nr;
	return apply_raw(t, how, table);
}

/* Collect entries, then apply them: GSIs are counted from FIRST_GSI. */

static void add(struct rig *rig, u32 i, u32 where)
{
	rig->table.entries[rig->nr++] = irq_target_route(FIRST_GSI + i, where);
}

static int apply(struct rig *rig, enum how how)
{
	int ret = apply_table(&rig->t, how, &rig->table, rig->nr);

	rig->nr = 0;
	return ret;
}

static int update_one(struct rig *rig, u32 i, u32 where)
{
	add(rig, i, where);
	return apply(rig, UPDATE);
}

static u32 where(struct rig *rig, u32 i)
{
	return irq_target_where(&rig->t, i);
}

static void rig_create(struct rig *rig)
{
	irq_target_create(&rig->t);
	TEST_ASSERT_EQ(0, apply(rig, SET));
}

static void rig_destroy(struct rig *rig)
{
	irq_target_destroy(&rig->t);
}

FIXTURE(update)
{
	struct rig rig;
};

FIXTURE_SETUP(update)
{
	rig_create(&self->rig);
	if (!vm_check_cap(self->rig.t.vm, KVM_CAP_UPDATE_GSI_ROUTING))
		SKIP(return, "no KVM_CAP_UPDATE_GSI_ROUTING");
}

FIXTURE_TEARDOWN(update)
{
	rig_destroy(&self->rig);
}

TEST_F(update, capability)
{
	EXPECT_EQ(1, kvm_check_cap(KVM_CAP_UPDATE_GSI_ROUTING));
	EXPECT_EQ(1, vm_check_cap(self->rig.t.vm, KVM_CAP_UPDATE_GSI_ROUTING));
	EXPECT_EQ(65536, kvm_check_cap(KVM_CAP_IRQ_ROUTING));
	EXPECT_EQ(65536, vm_check_cap(self->rig.t.vm, KVM_CAP_IRQ_ROUTING));
}

TEST_F(update, add_change_remove)
{
	EXPECT_EQ(0, update_one(&self->rig, 0, 1));
	EXPECT_EQ(0, update_one(&self->rig, 1, 2));
	EXPECT_EQ(1, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));

	EXPECT_EQ(0, update_one(&self->rig, 0, 3));
	EXPECT_EQ(0, update_one(&self->rig, 0, 3));
	EXPECT_EQ(3, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));

	EXPECT_EQ(0, update_one(&self->rig, 0, NOWHERE));
	EXPECT_EQ(NOWHERE, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));

	/* What has no route can be removed, and any number of times. */
	add(&self->rig, 0, NOWHERE);
	add(&self->rig, 2, NOWHERE);
	add(&self->rig, 2, NOWHERE);
	add(&self->rig, 1, NOWHERE);
	add(&self->rig, 1, NOWHERE);
	EXPECT_EQ(0, apply(&self->rig, UPDATE));
	EXPECT_EQ(NOWHERE, where(&self->rig, 1));

	EXPECT_EQ(0, update_one(&self->rig, 0, 4));
	EXPECT_EQ(4, where(&self->rig, 0));
}

TEST_F(update, several_at_once)
{
	add(&self->rig, 0, 1);
	add(&self->rig, 1, 2);
	add(&self->rig, 2, 3);
	EXPECT_EQ(0, apply(&self->rig, UPDATE));

	add(&self->rig, 2, 6);
	add(&self->rig, 1, NOWHERE);
	add(&self->rig, 3, PIN);
	EXPECT_EQ(0, apply(&self->rig, UPDATE));
	EXPECT_EQ(1, where(&self->rig, 0));
	EXPECT_EQ(NOWHERE, where(&self->rig, 1));
	EXPECT_EQ(6, where(&self->rig, 2));
	EXPECT_EQ(PIN, where(&self->rig, 3));
	EXPECT_EQ(NOWHERE, where(&self->rig, 4));

	add(&self->rig, 3, 7);
	add(&self->rig, 0, PIN);
	EXPECT_EQ(0, apply(&self->rig, UPDATE));
	EXPECT_EQ(PIN, where(&self->rig, 0));
	EXPECT_EQ(7, where(&self->rig, 3));
}

TEST_F(update, nothing)
{
	EXPECT_EQ(0, update_one(&self->rig, 0, 1));
	EXPECT_EQ(0, apply(&self->rig, UPDATE));
	EXPECT_EQ(1, where(&self->rig, 0));
}

/*
 * A table that was set is not what is in force after an update. Each time, a table
 * that is as the last one, as what is in force, or neither.
 */
TEST_F(update, set_after_update)
{
	struct {
		u32 gsi, where;
		u32 set[3];
	} rows[] = {
		{ 1, 9, { 0, 1, 2 } },
		{ 1, 9, { 0, 9, 2 } },
		{ 1, 9, { 0, 8, 2 } },
		{ 1, NOWHERE, { 0, 1, 2 } },
		{ 1, NOWHERE, { 0, NOWHERE, 2 } },
		{ 3, 9, { 0, 1, 2 } },
		{ 3, PIN, { 0, 1, 2 } },
		{ 0, PIN, { PIN, 1, 2 } },
	};

	for (u32 n = 0; n < ARRAY_SIZE(rows); n++) {
		/* The same table twice, so that the second one is compared with it. */
		for (u32 twice = 0; twice < 2; twice++) {
			for (u32 i = 0; i < 3; i++)
				add(&self->rig, i, i);
			ASSERT_EQ(0, apply(&self->rig, SET));
		}
		ASSERT_EQ(0, update_one(&self->rig, rows[n].gsi, rows[n].where));
		EXPECT_EQ(rows[n].where, where(&self->rig, rows[n].gsi));

		for (u32 i = 0; i < 3; i++) {
			if (rows[n].set[i] != NOWHERE)
				add(&self->rig, i, rows[n].set[i]);
		}
		ASSERT_EQ(0, apply(&self->rig, SET));
		for (u32 i = 0; i < 3; i++)
			EXPECT_EQ(rows[n].set[i], where(&self->rig, i));
		EXPECT_EQ(NOWHERE, where(&self->rig, 3));
	}
}

/* An eventfd that is bound later has the route of an update, too. */
TEST_F(update, bound_later)
{
	irq_target_irqfd(&self->rig.t, 0, KVM_IRQFD_FLAG_DEASSIGN);
	EXPECT_EQ(0, update_one(&self->rig, 0, 5));
	irq_target_irqfd(&self->rig.t, 0, 0);
	EXPECT_EQ(5, where(&self->rig, 0));
}

/* What is refused, and changes nothing. */

FIXTURE(refused)
{
	struct rig rig;
};

/*
 * @entry comes after one that adds, one that changes and one that removes. Where it
 * is to be refused for a GSI that is named twice, that is of these: FIRST_GSI + 0
 * is added, + 1 is changed, + 2 is removed, + 3 keeps its route.
 */
FIXTURE_VARIANT(refused)
{
	struct kvm_irq_routing_entry entry;
	u32 header_flags;
	bool first;
};

#define MSI_ENTRY(_gsi, _flags)						\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_MSI, .flags = (_flags) }
#define PIN_ENTRY(_gsi, _chip, _pin, _flags)				\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_IRQCHIP,	\
		   .flags = (_flags),					\
		   .u.irqchip = { .irqchip = (_chip), .pin = (_pin) } }
#define CHIP	IRQ_TARGET_CHIP
#define NONE_ENTRY(...)							\
	.entry = { .gsi = FIRST_GSI + 3, .type = KVM_IRQ_ROUTING_NONE, __VA_ARGS__ }

FIXTURE_VARIANT_ADD(refused, type_6) { .entry = { .gsi = 200, .type = 6 } };
FIXTURE_VARIANT_ADD(refused, type_max) { .entry = { .gsi = 200, .type = ~0u } };
FIXTURE_VARIANT_ADD(refused, type_adapter) {
	.entry = { .gsi = 200, .type = KVM_IRQ_ROUTING_S390_ADAPTER },
};

FIXTURE_VARIANT_ADD(refused, gsi_limit) { MSI_ENTRY(65536, 0) };
FIXTURE_VARIANT_ADD(refused, gsi_max) { MSI_ENTRY(~0u, 0) };
FIXTURE_VARIANT_ADD(refused, msi_flag_1) { MSI_ENTRY(200, BIT(1)) };
FIXTURE_VARIANT_ADD(refused, msi_flag_31) { MSI_ENTRY(200, BIT(31) | KVM_MSI_VALID_DEVID) };
FIXTURE_VARIANT_ADD(refused, pin_flag) { PIN_ENTRY(200, CHIP, 1, KVM_MSI_VALID_DEVID) };
FIXTURE_VARIANT_ADD(refused, chip) { PIN_ENTRY(200, CHIP + 1, 1, 0) };
FIXTURE_VARIANT_ADD(refused, pin_past_last) { PIN_ENTRY(200, CHIP, IRQ_TARGET_CHIP_PINS, 0) };
FIXTURE_VARIANT_ADD(refused, pad) { MSI_ENTRY(200, 0), .entry.pad = 1 };
FIXTURE_VARIANT_ADD(refused, header_flags) { MSI_ENTRY(200, 0), .header_flags = 1 };
FIXTURE_VARIANT_ADD(refused, none_gsi_limit) { .entry = { .gsi = 65536 } };
FIXTURE_VARIANT_ADD(refused, none_flags) { NONE_ENTRY(.flags = KVM_MSI_VALID_DEVID) };
FIXTURE_VARIANT_ADD(refused, none_pad) { NONE_ENTRY(.pad = 1) };
FIXTURE_VARIANT_ADD(refused, none_address) { NONE_ENTRY(.u.msi.address_lo = 1) };
FIXTURE_VARIANT_ADD(refused, none_end) { NONE_ENTRY(.u.pad[7] = 1u << 31) };
FIXTURE_VARIANT_ADD(refused, msi_of_added) { MSI_ENTRY(FIRST_GSI, 0) };
FIXTURE_VARIANT_ADD(refused, msi_of_changed) { MSI_ENTRY(FIRST_GSI + 1, 0) };
FIXTURE_VARIANT_ADD(refused, msi_of_removed) { MSI_ENTRY(FIRST_GSI + 2, 0) };
FIXTURE_VARIANT_ADD(refused, pin_of_added) { PIN_ENTRY(FIRST_GSI, CHIP, 1, 0) };
FIXTURE_VARIANT_ADD(refused, pin_of_changed) { PIN_ENTRY(FIRST_GSI + 1, CHIP, 1, 0) };
FIXTURE_VARIANT_ADD(refused, none_of_added) { .entry = { .gsi = FIRST_GSI } };
FIXTURE_VARIANT_ADD(refused, none_of_changed) { .entry = { .gsi = FIRST_GSI + 1 } };
FIXTURE_VARIANT_ADD(refused, none_first_of_added) {
	.entry = { .gsi = FIRST_GSI }, .first = true,
};

FIXTURE_VARIANT_ADD(refused, none_first_of_changed) {
	.entry = { .gsi = FIRST_GSI + 1 }, .first = true,
};

FIXTURE_VARIANT_ADD(refused, msi_first_of_removed) {
	MSI_ENTRY(FIRST_GSI + 2, 0), .first = true,
};

#ifdef __x86_64__
FIXTURE_VARIANT_ADD(refused, pic_of_added) {
	PIN_ENTRY(FIRST_GSI, KVM_IRQCHIP_PIC_MASTER, 1, 0),
};
#endif

FIXTURE_SETUP(refused)
{
	rig_create(&self->rig);
	if (!vm_check_cap(self->rig.t.vm, KVM_CAP_UPDATE_GSI_ROUTING))
		SKIP(return, "no KVM_CAP_UPDATE_GSI_ROUTING");
}

FIXTURE_TEARDOWN(refused)
{
	rig_destroy(&self->rig);
}

TEST_F(refused, changes_nothing)
{
	struct rig *rig = &self->rig;

	for (u32 i = 1; i < 4; i++)
		add(rig, i, i);
	ASSERT_EQ(0, apply(rig, SET));

	for (u32 n = 0; n < 2; n++) {
		if (variant->first)
			rig->table.entries[rig->nr++] = variant->entry;
		add(rig, 0, 10);
		add(rig, 1, n ? 1 : 11);
		add(rig, 2, NOWHERE);
		if (!variant->first)
			rig->table.entries[rig->nr++] = variant->entry;
		rig->table.header.flags = variant->header_flags;
		EXPECT_EQ(-EINVAL, apply(rig, UPDATE));
		EXPECT_EQ(NOWHERE, where(rig, 0));
		for (u32 i = 1; i < 4; i++)
			EXPECT_EQ(i, where(rig, i));
	}

	/* The table that was set is known still, and nothing of the failure is. */
	rig->table.header.flags = 0;
	for (u32 i = 1; i < 4; i++)
		add(rig, i, i);
	EXPECT_EQ(0, apply(rig, SET));
	EXPECT_EQ(0, update_one(rig, 0, 12));
	EXPECT_EQ(12, where(rig, 0));
}

/* As long as the limit allows, and over. */

static struct kvm_irq_routing *full_table(u32 limit)
{
	struct kvm_irq_routing *table;

	table = calloc(1, sizeof(*table) + (limit + 1) * sizeof(table->entries[0]));
	TEST_ASSERT(table, "out of memory");
	for (u32 i = 0; i <= limit; i++)
		table->entries[i] = irq_target_route(i, i % NR_EVENTS);
	table->nr = limit;
	return table;
}

TEST_F_TIMEOUT(update, full, SLOW)
{
	struct irq_target *t = &self->rig.t;
	u32 limit = vm_check_cap(t->vm, KVM_CAP_IRQ_ROUTING);
	struct kvm_irq_routing *table = full_table(limit);
	struct kvm_irqfd last = { .fd = eventfd(0, EFD_NONBLOCK), .gsi = limit - 1 };
	u64 last_event = BIT((limit - 1) % NR_EVENTS);

	vm_ioctl(t->vm, KVM_IRQFD, &last);

	/* All by one update; all again, which changes nothing. */
	for (u32 n = 0; n < 2; n++) {
		ASSERT_EQ(0, apply_raw(t, UPDATE, table));
		for (u32 i = 0; i < NR_GSIS; i++)
			EXPECT_EQ((FIRST_GSI + i) % NR_EVENTS, where(&self->rig, i));
		irq_target_signal(last.fd);
		EXPECT_EQ(last_event, irq_target_take(t));
	}
	ASSERT_EQ(0, apply_raw(t, SET, table));
	EXPECT_EQ(FIRST_GSI % NR_EVENTS, where(&self->rig, 0));

	/* One of them; one too many. */
	EXPECT_EQ(0, update_one(&self->rig, 3, 1));
	EXPECT_EQ(1, where(&self->rig, 3));
	table->nr = limit + 1;
	EXPECT_EQ(-EINVAL, apply_raw(t, UPDATE, table));
	EXPECT_EQ(-EINVAL, apply_raw(t, SET, table));
	table->nr = ~0u;
	EXPECT_EQ(-EINVAL, apply_raw(t, UPDATE, table));

	/* All change, at the bad last entry not; then all go, but for one. */
	for (u32 i = 0; i < limit; i++)
		table->entries[i] = irq_target_route(i, (i + 1) % NR_EVENTS);
	table->nr = limit;
	table->entries[limit - 1].type = ~0u;
	EXPECT_EQ(-EINVAL, apply_raw(t, UPDATE, table));
	EXPECT_EQ(FIRST_GSI % NR_EVENTS, where(&self->rig, 0));
	table->nr = limit - 1;
	EXPECT_EQ(0, apply_raw(t, UPDATE, table));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(&self->rig, 0));

	for (u32 i = 0; i < limit; i++)
		table->entries[i] = irq_target_route(i == FIRST_GSI + 1 ? FIRST_GSI : i, NOWHERE);
	table->nr = limit;
	EXPECT_EQ(0, apply_raw(t, UPDATE, table));
	EXPECT_EQ(NOWHERE, where(&self->rig, 0));
	EXPECT_EQ((FIRST_GSI + 2) % NR_EVENTS, where(&self->rig, 1));
	irq_target_signal(last.fd);
	EXPECT_EQ(0, irq_target_take(t));
	close(last.fd);
	free(table);
}

TEST_F(update, unreadable)
{
	size_t page = getpagesize();
	struct kvm_irq_routing *table;
	void *map;

	ASSERT_EQ(0, update_one(&self->rig, 0, 1));
	map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + page, page, PROT_NONE));
	table = map + page - sizeof(*table) - sizeof(table->entries[0]);
	table->nr = 1;
	table->entries[0] = irq_target_route(FIRST_GSI, 2);
	EXPECT_EQ(0, apply_raw(&self->rig.t, UPDATE, table));
	EXPECT_EQ(2, where(&self->rig, 0));

	table->entries[0] = irq_target_route(FIRST_GSI, 3);
	table->nr = 2;
	EXPECT_EQ(-EFAULT, apply_raw(&self->rig.t, UPDATE, table));
	EXPECT_EQ(-EFAULT, apply_raw(&self->rig.t, UPDATE, map + page));
	EXPECT_EQ(-EFAULT, apply_raw(&self->rig.t, UPDATE, NULL));
	EXPECT_EQ(2, where(&self->rig, 0));
	munmap(map, 2 * page);
}

/* Model: where each GSI leads, through updates and tables in random order. */

static u32 random_where(void)
{
	u32 n = rand() % (NR_EVENTS + 8);

	return n < NR_EVENTS ? n : n < NR_EVENTS + 2 ? PIN : NOWHERE;
}

/* Fills in the array, and the model with it; false if a GSI is named twice. */
static bool random_array(struct rig *rig, enum how how, u32 *model)
{
	u32 given[NR_GSIS] = { };
	bool valid = true;

	if (how == SET) {
		for (u32 i = 0; i < NR_GSIS; i++)
			model[i] = NOWHERE;
	}
	for (u32 n = rand() % (how == SET ? NR_GSIS : 5); n; n--) {
		u32 i = rand() % NR_GSIS, to = random_where();

		if (how == SET && (to == NOWHERE || given[i]))
			continue;
		add(rig, i, to);
		/* Removing it twice is all right, anything else not. */
		if (given[i] && !(to == NOWHERE && model[i] == NOWHERE))
			valid = false;
		given[i] = true;
		model[i] = to;
	}
	return valid;
}

TEST_F_TIMEOUT(update, follows_model, SLOW)
{
	u32 model[NR_GSIS], next[NR_GSIS], seed, refused = 0;

	if (getenv("SEED"))
		seed = atoi(getenv("SEED"));
	else
		ASSERT_EQ(sizeof(seed), getrandom(&seed, sizeof(seed), 0));
	TH_LOG("SEED=%u", seed);
	srand(seed);
	for (u32 i = 0; i < NR_GSIS; i++)
		model[i] = NOWHERE;

	for (u32 round = 0; round < MODEL_ROUNDS; round++) {
		enum how how = rand() % 4 ? UPDATE : SET;

		memcpy(next, model, sizeof(next));
		if (random_array(&self->rig, how, next)) {
			ASSERT_EQ(0, apply(&self->rig, how));
			memcpy(model, next, sizeof(model));
		} else {
			ASSERT_EQ(-EINVAL, apply(&self->rig, how));
			refused++;
		}
		for (u32 n = 0; n < 3; n++) {
			u32 i = rand() % NR_GSIS;

			ASSERT_EQ(model[i], where(&self->rig, i)) {
				TH_LOG("round %u, GSI %u", round, FIRST_GSI + i);
			}
		}
	}
	EXPECT_LT(0, refused);
}

/* Concurrent calls. */

struct caller {
	struct irq_target *t;
	struct table table;
	enum how how;
	u32 nr;
	pthread_barrier_t *start;
};

static void *call_thread(void *arg)
{
	struct caller *caller = arg;

	pthread_barrier_wait(caller->start);
	TEST_ASSERT_EQ(0, apply_table(caller->t, caller->how, &caller->table, caller->nr));
	return NULL;
}

static void run_callers(struct caller *callers, u32 nr)
{
	pthread_barrier_t start;
	pthread_t threads[4];

	pthread_barrier_init(&start, NULL, nr);
	for (u32 i = 0; i < nr; i++) {
		callers[i].start = &start;
		TEST_ASSERT_EQ(0, pthread_create(&threads[i], NULL, call_thread, &callers[i]));
	}
	for (u32 i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
}

/* An update and a table of the same GSIs: one comes last, whole. */
TEST_F_TIMEOUT(update, some_order, SLOW)
{
	u32 updates_last = 0;

	for (u32 round = 0; round < RACE_ROUNDS; round++) {
		struct caller callers[3] = { };
		u32 first, third;

		for (u32 n = 0; n < ARRAY_SIZE(callers); n++) {
			callers[n].t = &self->rig.t;
			callers[n].how = n ? UPDATE : SET;
			callers[n].nr = 4;
			for (u32 i = 0; i < 4; i++)
				callers[n].table.entries[i] =
					irq_target_route(FIRST_GSI + i + n, 5 * n + i);
		}
		run_callers(callers, ARRAY_SIZE(callers));

		/*
		 * The table has GSIs 0 to 3, the updates have 1 to 4 and 2 to 5: each
		 * who has both 2 and 3 has the last word on both or on neither.
		 */
		ASSERT_EQ(0, where(&self->rig, 0));
		first = where(&self->rig, 2);
		ASSERT_EQ(first + 1, where(&self->rig, 3));
		if (first == 2) {
			ASSERT_EQ(1, where(&self->rig, 1));
			ASSERT_EQ(NOWHERE, where(&self->rig, 4));
			ASSERT_EQ(NOWHERE, where(&self->rig, 5));
		} else if (first == 6) {
			ASSERT_EQ(5, where(&self->rig, 1));
			ASSERT_EQ(8, where(&self->rig, 4));
			third = where(&self->rig, 5);
			ASSERT_TRUE(third == 13 || third == NOWHERE);
			updates_last++;
		} else {
			ASSERT_EQ(10, first);
			ASSERT_EQ(12, where(&self->rig, 4));
			ASSERT_EQ(13, where(&self->rig, 5));
			updates_last++;
		}
	}
	TH_LOG("an update came last %u times of %u", updates_last, RACE_ROUNDS);
}

static u32 each_where(u32 round, u32 i)
{
	return round % 3 ? (round + i) % NR_EVENTS : NOWHERE;
}

/* Updates of GSIs of their own: none gets lost. */
TEST_F_TIMEOUT(update, each_its_own, SLOW)
{
	for (u32 round = 0; round < RACE_ROUNDS; round++) {
		struct caller callers[4] = { };

		for (u32 n = 0; n < ARRAY_SIZE(callers); n++) {
			callers[n].t = &self->rig.t;
			callers[n].how = UPDATE;
			callers[n].nr = 4;
			for (u32 i = 4 * n; i < 4 * n + 4; i++)
				callers[n].table.entries[i % 4] =
					irq_target_route(FIRST_GSI + i, each_where(round, i));
		}
		run_callers(callers, ARRAY_SIZE(callers));
		for (u32 i = 0; i < NR_GSIS; i += 3)
			ASSERT_EQ(each_where(round, i), where(&self->rig, i));
	}
}

/* Once the call has returned, the old route is gone, however often it is raised. */

TEST_F_TIMEOUT(update, old_route_is_gone, SLOW)
{
	struct irq_target_storm storm;

	irq_target_storm_start(&storm, self->rig.t.fds[0]);
	for (u32 round = 0; round < RACE_ROUNDS; round++) {
		u32 old = round % NR_EVENTS, new = (round + 1) % NR_EVENTS;
		bool removed = round % 4 == 3;
		u64 pending;

		ASSERT_EQ(0, update_one(&self->rig, 0, old));
		irq_target_storm_wait(&storm);
		ASSERT_EQ(0, update_one(&self->rig, 0, removed ? NOWHERE : new));
		irq_target_take(&self->rig.t);
		irq_target_storm_wait(&storm);
		pending = irq_target_take(&self->rig.t);
		ASSERT_FALSE(pending & BIT(old));
		ASSERT_EQ(!removed, !!(pending & BIT(new)));
	}
	irq_target_storm_stop(&storm);
}

TEST_F_TIMEOUT(update, no_memory, SLOW)
{
	u32 n, refused = 0;
	int fd, ret;

	fd = fail_nth_open();
	if (fd < 0)
		SKIP(return, "no failslab");

	for (n = 1; n < 100; n++) {
		add(&self->rig, 0, 1);
		add(&self->rig, 1, 2);
		add(&self->rig, 2, 3);
		ASSERT_EQ(0, apply(&self->rig, SET));

		/* One changes, one goes, one becomes an input, one is added. */
		add(&self->rig, 0, 5);
		add(&self->rig, 1, NOWHERE);
		add(&self->rig, 2, PIN);
		add(&self->rig, 3, 6);
		fail_nth(fd, n);
		ret = apply(&self->rig, UPDATE);
		if (!fail_nth_happened(fd))
			break;
		if (!ret)
			continue;
		refused++;
		ASSERT_EQ(-ENOMEM, ret);
		for (u32 i = 0; i < 3; i++)
			ASSERT_EQ(1 + i, where(&self->rig, i));
		ASSERT_EQ(NOWHERE, where(&self->rig, 3));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(4, refused);
	EXPECT_EQ(5, where(&self->rig, 0));
	EXPECT_EQ(NOWHERE, where(&self->rig, 1));
	EXPECT_EQ(PIN, where(&self->rig, 2));
	EXPECT_EQ(6, where(&self->rig, 3));
	TH_LOG("%u allocations, the call fails without %u", n - 1, refused);
	close(fd);
}

#ifdef __x86_64__

/* A GSI of several chips has all of its routes replaced, whatever an update names. */
TEST_F(update, several_chips)
{
	struct kvm_irq_routing_entry pic = {
		.gsi = FIRST_GSI, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_PIC_MASTER, .pin = 3 },
	};
	struct rig *rig = &self->rig;

	for (u32 n = 0; n < 2; n++) {
		if (n)
			add(rig, 0, PIN);
		rig->table.entries[rig->nr++] = pic;
		if (!n)
			add(rig, 0, PIN);
		EXPECT_EQ(0, apply(rig, UPDATE));
		EXPECT_EQ(PIN, where(rig, 0));

		/* Of the same chip twice, or an MSI too. */
		add(rig, 0, n ? PIN : 1);
		rig->table.entries[rig->nr++] = pic;
		rig->table.entries[rig->nr++] = pic;
		EXPECT_EQ(-EINVAL, apply(rig, UPDATE));
		EXPECT_EQ(PIN, where(rig, 0));

		rig->table.entries[rig->nr++] = pic;
		EXPECT_EQ(0, apply(rig, UPDATE));
		EXPECT_EQ(NOWHERE, where(rig, 0));
		EXPECT_EQ(0, update_one(rig, 0, 4));
		EXPECT_EQ(4, where(rig, 0));
	}
}

/* The first of several entries equals the only route in force; or all equal those. */
TEST_F(update, more_chips)
{
	struct kvm_irq_routing_entry pic = {
		.gsi = FIRST_GSI, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = KVM_IRQCHIP_PIC_MASTER, .pin = 3 },
	};
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, update_one(rig, 0, PIN));
	for (u32 n = 0; n < 2; n++) {
		add(rig, 0, PIN);
		rig->table.entries[rig->nr++] = pic;
		add(rig, 0, n ? PIN : 1);
		EXPECT_EQ(-EINVAL, apply(rig, UPDATE));

		/* Neither order of a removal and an entry. */
		add(rig, 0, n ? PIN : NOWHERE);
		add(rig, 0, n ? NOWHERE : PIN);
		rig->table.entries[rig->nr++] = pic;
		EXPECT_EQ(-EINVAL, apply(rig, UPDATE));
		EXPECT_EQ(PIN, where(rig, 0));
	}

	for (u32 n = 0; n < 3; n++) {
		add(rig, 0, PIN);
		rig->table.entries[rig->nr++] = pic;
		EXPECT_EQ(0, apply(rig, n == 1 ? SET : UPDATE));
		EXPECT_EQ(PIN, where(rig, 0));
	}
	ASSERT_EQ(0, update_one(rig, 0, PIN));
	EXPECT_EQ(PIN, where(rig, 0));
	ASSERT_EQ(0, update_one(rig, 0, NOWHERE));
	EXPECT_EQ(NOWHERE, where(rig, 0));
}

#endif /* __x86_64__ */

TEST_HARNESS_MAIN
