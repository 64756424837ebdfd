// SPDX-License-Identifier: GPL-2.0-only
/*
 * gsi_routing_test - KVM_SET_GSI_ROUTING, observed by what irqfds deliver
 *
 * Each GSI under test has an eventfd. What a table of routes does is read from the
 * interrupt controller, where all stays pending because no vCPU runs.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/sizes.h>
#include <linux/userfaultfd.h>

#include "fail_nth.h"
#include "irq_target.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#ifdef __x86_64__
#include "hyperv.h"
#endif

#define NR_EVENTS	IRQ_TARGET_EVENTS
#define NR_GSIS		IRQ_TARGET_GSIS
#define FIRST_GSI	IRQ_TARGET_FIRST_GSI
#define NO_ROUTE	IRQ_TARGET_NOWHERE
#define PIN		IRQ_TARGET_PIN
#define PIN_GSI		(FIRST_GSI + 3)
#define MODEL_ROUNDS	250
#define STORM_ROUNDS	150
#define SLOW		300	/* s: the test is not quick on a debug kernel */

struct table {
	struct kvm_irq_routing header;
	struct kvm_irq_routing_entry entries[2 * NR_GSIS];
};

/* Returns 0 or -errno. */
static int set_raw(struct irq_target *t, struct kvm_irq_routing *routing)
{
	return __vm_ioctl(t->vm, KVM_SET_GSI_ROUTING, routing) ? -errno : 0;
}

static int set_table(struct irq_target *t, struct table *table, u32 nr)
{
	table->header.nr = nr;
	return set_raw(t, &table->header);
}

static struct kvm_irq_routing_entry route(u32 gsi, u32 where)
{
	return irq_target_route(gsi, where);
}

static u32 where(struct irq_target *t, u32 i)
{
	return irq_target_where(t, i);
}

static u32 max_routes(struct irq_target *t)
{
	return vm_check_cap(t->vm, KVM_CAP_IRQ_ROUTING);
}

FIXTURE(routing)
{
	struct irq_target t;
};

FIXTURE_SETUP(routing)
{
	irq_target_create(&self->t);
}

FIXTURE_TEARDOWN(routing)
{
	irq_target_destroy(&self->t);
}

TEST_F(routing, set_change_remove)
{
	struct table table = { };

	EXPECT_EQ(NO_ROUTE, where(&self->t, 0));

	table.entries[0] = route(FIRST_GSI, 1);
	table.entries[1] = route(FIRST_GSI + 1, 2);
	EXPECT_EQ(0, set_table(&self->t, &table, 2));
	EXPECT_EQ(1, where(&self->t, 0));
	EXPECT_EQ(2, where(&self->t, 1));

	table.entries[0] = route(FIRST_GSI, 3);
	EXPECT_EQ(0, set_table(&self->t, &table, 2));
	EXPECT_EQ(3, where(&self->t, 0));
	EXPECT_EQ(2, where(&self->t, 1));

	table.entries[2] = route(FIRST_GSI + 2, 4);
	EXPECT_EQ(0, set_table(&self->t, &table, 3));
	EXPECT_EQ(4, where(&self->t, 2));

	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(3, where(&self->t, 0));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 2));

	EXPECT_EQ(0, set_table(&self->t, &table, 0));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 0));

	EXPECT_EQ(0, set_table(&self->t, &table, 3));
	EXPECT_EQ(3, where(&self->t, 0));
	EXPECT_EQ(2, where(&self->t, 1));
	EXPECT_EQ(4, where(&self->t, 2));
}

/* A GSI's old route is gone although its irqfd was bound long before. */
TEST_F(routing, irqfd_follows)
{
	struct table table = { };

	for (u32 i = 0; i < 8; i++) {
		table.entries[0] = route(FIRST_GSI, i);
		EXPECT_EQ(0, set_table(&self->t, &table, 1));
		EXPECT_EQ(i, where(&self->t, 0));
		EXPECT_EQ(0, set_table(&self->t, &table, 0));
		EXPECT_EQ(NO_ROUTE, where(&self->t, 0));
	}
}

/* One more each time, as a guest enables vectors; nothing new every other time. */
TEST_F(routing, grow)
{
	struct table table = { };

	for (u32 nr = 1; nr <= NR_GSIS; nr++) {
		table.entries[nr - 1] = route(FIRST_GSI + nr - 1, nr);
		EXPECT_EQ(0, set_table(&self->t, &table, nr));
		EXPECT_EQ(0, set_table(&self->t, &table, nr));
		EXPECT_EQ(nr, where(&self->t, nr - 1));
		EXPECT_EQ(1, where(&self->t, 0));
	}
}

/* An eventfd raises one GSI of a VM, once. */
TEST_F(routing, eventfd_twice)
{
	struct kvm_irqfd irqfd = { .fd = self->t.fds[0], .gsi = FIRST_GSI };
	struct table table = { };

	table.entries[0] = route(FIRST_GSI, 1);
	table.entries[1] = route(FIRST_GSI + NR_GSIS, 2);
	ASSERT_EQ(0, set_table(&self->t, &table, 2));
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(-1, __vm_ioctl(self->t.vm, KVM_IRQFD, &irqfd));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_EQ(1, where(&self->t, 0));
		irqfd.gsi = FIRST_GSI + NR_GSIS;
	}
}

/* An input of the interrupt controller, and back to an MSI. */
TEST_F(routing, pin)
{
	struct table table = { };

	table.entries[0] = route(FIRST_GSI, PIN);
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(PIN, where(&self->t, 0));

	table.entries[0] = route(FIRST_GSI, 7);
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(7, where(&self->t, 0));
}

FIXTURE(refused)
{
	struct irq_target t;
};

/* @entry is the last of a table that is valid but for it, or for its flags. */
FIXTURE_VARIANT(refused)
{
	struct kvm_irq_routing_entry entry;
	u32 table_flags;
	bool at_limit;
};

#define MSI_ENTRY(_gsi, _flags)						\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_MSI, .flags = (_flags) }
#define PIN_ENTRY(_gsi, _chip, _pin, _flags)				\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_IRQCHIP,	\
		   .flags = (_flags),					\
		   .u.irqchip = { .irqchip = (_chip), .pin = (_pin) } }
#define OTHER_ENTRY(_gsi, _type)					\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_##_type }
#define CHIP		IRQ_TARGET_CHIP
#define PIN_NR		IRQ_TARGET_PIN_NR

FIXTURE_VARIANT_ADD(refused, type_0) { .entry = { .gsi = 200 } };
FIXTURE_VARIANT_ADD(refused, type_6) { .entry = { .gsi = 200, .type = 6 } };
FIXTURE_VARIANT_ADD(refused, type_max) { .entry = { .gsi = 200, .type = ~0u } };
FIXTURE_VARIANT_ADD(refused, type_adapter) { OTHER_ENTRY(200, S390_ADAPTER) };
FIXTURE_VARIANT_ADD(refused, gsi_limit) { MSI_ENTRY(0, 0), .at_limit = true };
FIXTURE_VARIANT_ADD(refused, gsi_max) { MSI_ENTRY(~0u, 0) };
FIXTURE_VARIANT_ADD(refused, msi_flag_1) { MSI_ENTRY(200, BIT(1)) };
FIXTURE_VARIANT_ADD(refused, msi_flag_31) { MSI_ENTRY(200, BIT(31)) };
FIXTURE_VARIANT_ADD(refused, msi_flag_more) { MSI_ENTRY(200, KVM_MSI_VALID_DEVID | BIT(4)) };
FIXTURE_VARIANT_ADD(refused, pin_flag) { PIN_ENTRY(200, CHIP, 1, KVM_MSI_VALID_DEVID) };
FIXTURE_VARIANT_ADD(refused, chip) { PIN_ENTRY(200, CHIP + 1, 1, 0) };
FIXTURE_VARIANT_ADD(refused, chip_max) { PIN_ENTRY(200, ~0u, 1, 0) };
FIXTURE_VARIANT_ADD(refused, pin_past_last) { PIN_ENTRY(200, CHIP, IRQ_TARGET_CHIP_PINS, 0) };
FIXTURE_VARIANT_ADD(refused, pin_max) { PIN_ENTRY(200, CHIP, ~0u, 0) };
FIXTURE_VARIANT_ADD(refused, table_flags) { MSI_ENTRY(200, 0), .table_flags = 1 };
/* A GSI that is in force, and earlier in the same table, is named again. */
FIXTURE_VARIANT_ADD(refused, second_msi) { MSI_ENTRY(FIRST_GSI, 0) };
FIXTURE_VARIANT_ADD(refused, second_type) { PIN_ENTRY(FIRST_GSI, CHIP, 0, 0) };
FIXTURE_VARIANT_ADD(refused, msi_after_pin) { MSI_ENTRY(PIN_GSI, 0) };
FIXTURE_VARIANT_ADD(refused, second_pin) { PIN_ENTRY(PIN_GSI, CHIP, 0, 0) };
FIXTURE_VARIANT_ADD(refused, same_pin) { PIN_ENTRY(PIN_GSI, CHIP, PIN_NR, 0) };

#ifdef __x86_64__
#define PIC_PINS	8

FIXTURE_VARIANT_ADD(refused, master_past_last) {
	PIN_ENTRY(200, KVM_IRQCHIP_PIC_MASTER, PIC_PINS, 0),
};

FIXTURE_VARIANT_ADD(refused, slave_past_last) {
	PIN_ENTRY(200, KVM_IRQCHIP_PIC_SLAVE, PIC_PINS, 0),
};

FIXTURE_VARIANT_ADD(refused, pic_after_msi) {
	PIN_ENTRY(FIRST_GSI, KVM_IRQCHIP_PIC_MASTER, 0, 0),
};

FIXTURE_VARIANT_ADD(refused, synic_after_pin) { OTHER_ENTRY(PIN_GSI, HV_SINT) };
FIXTURE_VARIANT_ADD(refused, synic_flag) {
	OTHER_ENTRY(200, HV_SINT), .entry.flags = KVM_MSI_VALID_DEVID,
};

FIXTURE_VARIANT_ADD(refused, xen_priority) {
	OTHER_ENTRY(200, XEN_EVTCHN), .entry.u.xen_evtchn.priority = 1,
};
#endif

FIXTURE_SETUP(refused)
{
	irq_target_create(&self->t);
}

FIXTURE_TEARDOWN(refused)
{
	irq_target_destroy(&self->t);
}

TEST_F(refused, changes_nothing)
{
	struct irq_target *t = &self->t;
	struct table table = { };

	table.entries[0] = route(FIRST_GSI, 1);
	table.entries[1] = route(FIRST_GSI + 1, 2);
	table.entries[2] = route(PIN_GSI, PIN);
	ASSERT_EQ(0, set_table(t, &table, 3));

	/* One added, one lost, and the one to refuse; then one changed as well. */
	table.entries[1] = route(FIRST_GSI + 2, 4);
	table.entries[3] = variant->entry;
	if (variant->at_limit)
		table.entries[3].gsi = max_routes(t);
	table.header.flags = variant->table_flags;
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, set_table(t, &table, 4));
		EXPECT_EQ(1, where(t, 0));
		EXPECT_EQ(2, where(t, 1));
		EXPECT_EQ(NO_ROUTE, where(t, 2));
		table.entries[0] = route(FIRST_GSI, 3);
	}
}

/* The last entry is bad, or cannot be read, in a table as long as any can be. */
TEST_F_TIMEOUT(routing, long_table, SLOW)
{
	struct irq_target *t = &self->t;
	u32 limit = max_routes(t);
	size_t size = sizeof(struct kvm_irq_routing) +
		      (limit + 1) * sizeof(struct kvm_irq_routing_entry);
	size_t page = getpagesize(), room = roundup(size, page);
	struct kvm_irq_routing *table;
	void *map;

	map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	table = map;
	for (u32 i = 0; i <= limit; i++)
		table->entries[i] = route(i, i % NR_EVENTS);

	table->nr = limit;
	EXPECT_EQ(0, set_raw(t, table));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(t, 1));

	table->entries[FIRST_GSI + 1].u.msi.data++;
	table->entries[limit - 1].gsi = limit;
	EXPECT_EQ(-EINVAL, set_raw(t, table));
	table->entries[limit - 1].gsi = 0;
	EXPECT_EQ(-EINVAL, set_raw(t, table));
	table->entries[limit - 1].gsi = limit - 1;
	table->nr = limit + 1;
	EXPECT_EQ(-EINVAL, set_raw(t, table));
	table->nr = ~0u;
	EXPECT_EQ(-EINVAL, set_raw(t, table));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(t, 1));

	/* It ends beyond the last page that can be read. */
	table = map + room + page - size + sizeof(struct kvm_irq_routing_entry) * 2;
	memmove(table, map, (void *)map + room + page - (void *)table);
	table->nr = limit;
	ASSERT_EQ(0, mprotect(map + room, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, set_raw(t, table));
	ASSERT_EQ(0, mprotect(map, room, PROT_NONE));
	EXPECT_EQ(-EFAULT, set_raw(t, table));
	EXPECT_EQ(-EFAULT, set_raw(t, NULL));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(t, 1));
	munmap(map, room + page);
}

/* Model: the event that each GSI leads to. */

static void model_edit(struct table *table, u32 *nr)
{
	struct kvm_irq_routing_entry *entries = table->entries, entry;
	u32 i = *nr ? rand() % *nr : 0, j = *nr ? rand() % *nr : 0;

	switch (rand() % 7) {
	case 0:	/* change one */
		entries[i] = route(entries[i].gsi, rand() % NR_EVENTS);
		break;
	case 1:	/* append, now and then a second destination */
	case 2:
		if (*nr < NR_GSIS)
			entries[(*nr)++] = route(FIRST_GSI + rand() % NR_GSIS,
						 rand() % NR_EVENTS);
		break;
	case 3:	/* the last one takes the place of one that goes */
		if (*nr)
			entries[i] = entries[--*nr];
		break;
	case 4:	/* close the gap */
		if (*nr)
			memmove(&entries[i], &entries[i + 1], (--*nr - i) * sizeof(*entries));
		break;
	case 5:	/* swap */
		entry = entries[i];
		entries[i] = entries[j];
		entries[j] = entry;
		break;
	case 6:	/* insert at the front */
		if (*nr == NR_GSIS)
			break;
		memmove(&entries[1], &entries[0], (*nr)++ * sizeof(*entries));
		entries[0] = route(FIRST_GSI + rand() % NR_GSIS, rand() % NR_EVENTS);
		break;
	}
}

/* Fills in where GSIs lead; false if some GSI is named twice. */
static bool model_table(const struct table *table, u32 nr, u32 *events)
{
	for (u32 i = 0; i < NR_GSIS; i++)
		events[i] = NO_ROUTE;
	for (u32 i = 0; i < nr; i++) {
		u32 *event = &events[table->entries[i].gsi - FIRST_GSI];

		if (*event != NO_ROUTE)
			return false;
		*event = table->entries[i].u.msi.data - route(0, 0).u.msi.data;
	}
	return true;
}

TEST_F_TIMEOUT(routing, follows_model, SLOW)
{
	struct table table = { }, next;
	u32 events[NR_GSIS], next_events[NR_GSIS], nr = 0, next_nr, refused = 0;
	u32 seed;

	if (getenv("SEED"))
		seed = atoi(getenv("SEED"));
	else
		ASSERT_EQ(sizeof(seed), getrandom(&seed, sizeof(seed), 0));
	TH_LOG("SEED=%u", seed);
	srand(seed);
	ASSERT_EQ(0, set_table(&self->t, &table, 0));
	model_table(&table, 0, events);

	for (u32 round = 0; round < MODEL_ROUNDS; round++) {
		next = table;
		next_nr = nr;
		for (u32 edits = rand() % 4; edits < 4; edits++)
			model_edit(&next, &next_nr);

		if (model_table(&next, next_nr, next_events)) {
			ASSERT_EQ(0, set_table(&self->t, &next, next_nr));
			table = next;
			nr = next_nr;
			memcpy(events, next_events, sizeof(events));
		} else {
			ASSERT_EQ(-EINVAL, set_table(&self->t, &next, next_nr));
			refused++;
		}
		for (u32 n = 0; n < 3; n++) {
			u32 i = rand() % NR_GSIS;

			ASSERT_EQ(events[i], where(&self->t, i)) {
				TH_LOG("round %u, GSI %u", round, FIRST_GSI + i);
			}
		}
	}
	EXPECT_LT(0, refused);
}

/* Tables that list many routes in another order each time, as a hash table does. */

#define NR_MANY		300
#define MANY_ROUNDS	150

struct many_routes {
	struct kvm_irq_routing header;
	struct kvm_irq_routing_entry entries[NR_MANY + 1];
};

static void many_fill(struct many_routes *table, const u32 *events)
{
	table->header.nr = 0;
	for (u32 gsi = 0; gsi < NR_MANY; gsi++) {
		if (events[gsi] != NO_ROUTE)
			table->entries[table->header.nr++] = route(gsi, events[gsi]);
	}
}

static void many_swap(struct many_routes *table, u32 swaps)
{
	while (swaps--) {
		u32 i = rand() % table->header.nr, j = rand() % table->header.nr;
		struct kvm_irq_routing_entry entry = table->entries[i];

		table->entries[i] = table->entries[j];
		table->entries[j] = entry;
	}
}

/* Name a GSI twice by the same entry, in the place of another one or at the end. */
static void many_repeat(struct many_routes *table)
{
	u32 nr = table->header.nr, from = rand() % nr, to = nr;

	if (rand() % 2)
		to = (from + 1 + rand() % (nr - 1)) % nr;
	else
		table->header.nr++;
	table->entries[to] = table->entries[from];
}

TEST_F_TIMEOUT(routing, reordered, SLOW)
{
	struct many_routes table = { };
	u32 events[NR_MANY], next[NR_MANY];

	srand(NR_MANY);
	for (u32 gsi = 0; gsi < NR_MANY; gsi++)
		events[gsi] = gsi % NR_EVENTS;

	for (u32 round = 0; round < MANY_ROUNDS; round++) {
		bool repeated = rand() % 4 == 0;

		memcpy(next, events, sizeof(next));
		for (u32 edits = rand() % 3; edits; edits--)
			next[FIRST_GSI + rand() % NR_GSIS] =
				rand() % 4 ? rand() % NR_EVENTS : NO_ROUTE;
		many_fill(&table, next);
		many_swap(&table, rand() % 2 ? NR_MANY : 3);
		if (repeated)
			many_repeat(&table);
		else
			memcpy(events, next, sizeof(events));

		ASSERT_EQ(repeated ? -EINVAL : 0, set_raw(&self->t, &table.header));
		for (u32 i = 0; i < NR_GSIS; i++) {
			ASSERT_EQ(events[FIRST_GSI + i], where(&self->t, i)) {
				TH_LOG("round %u, GSI %u", round, FIRST_GSI + i);
			}
		}
	}
}

/* Under a storm of signals. */

struct rebinder {
	pthread_t thread;
	struct irq_target *t;
	bool stop;
};

/* Unbinds and binds the eventfd that is signalled, all the time. */
static void *rebind_thread(void *arg)
{
	struct rebinder *rebinder = arg;

	while (!__atomic_load_n(&rebinder->stop, __ATOMIC_RELAXED)) {
		irq_target_irqfd(rebinder->t, 0, KVM_IRQFD_FLAG_DEASSIGN);
		irq_target_irqfd(rebinder->t, 0, 0);
	}
	return NULL;
}

FIXTURE(storm)
{
	struct irq_target t;
	struct irq_target_storm storm;
	struct rebinder rebinder;
};

/*
 * @cold: The interrupt controller is made to forget what it knows of MSIs.
 * @rebind: The irqfd is unbound and bound meanwhile.
 */
FIXTURE_VARIANT(storm)
{
	bool cold;
	bool rebind;
};

FIXTURE_VARIANT_ADD(storm, warm) { };
FIXTURE_VARIANT_ADD(storm, cold) { .cold = true };
FIXTURE_VARIANT_ADD(storm, rebind) { .rebind = true };

FIXTURE_SETUP(storm)
{
	irq_target_create(&self->t);
	irq_target_storm_start(&self->storm, self->t.fds[0]);
	self->rebinder.t = &self->t;
	if (variant->rebind)
		TEST_ASSERT_EQ(0, pthread_create(&self->rebinder.thread, NULL,
						 rebind_thread, &self->rebinder));
}

FIXTURE_TEARDOWN(storm)
{
	irq_target_storm_stop(&self->storm);
	__atomic_store_n(&self->rebinder.stop, true, __ATOMIC_RELAXED);
	if (variant->rebind)
		pthread_join(self->rebinder.thread, NULL);
	irq_target_destroy(&self->t);
}

/*
 * Once the ioctl has returned, the old event is cleared and has to stay so, while
 * the new one, if there is one, becomes pending.
 */
TEST_F_TIMEOUT(storm, old_route_is_gone, SLOW)
{
	struct irq_target *t = &self->t;
	struct table table = { };

	for (u32 round = 0; round < STORM_ROUNDS; round++) {
		u32 old = round % 8, new = (round + 1) % 8;
		bool removed = round % 4 == 3;
		u64 pending;

		table.entries[0] = route(FIRST_GSI, old);
		ASSERT_EQ(0, set_table(t, &table, 1));
		irq_target_storm_wait(&self->storm);
		if (variant->cold)
			irq_target_forget(t);

		table.entries[0] = route(FIRST_GSI, new);
		ASSERT_EQ(0, set_table(t, &table, !removed));
		irq_target_take(t);
		irq_target_storm_wait(&self->storm);
		pending = irq_target_take(t);
		ASSERT_FALSE(pending & BIT(old));
		if (!variant->cold && !variant->rebind)
			ASSERT_EQ(!removed, !!(pending & BIT(new)));
	}
}

/* Tables come from two threads while a third signals: the last one wins. */
static void *setter_thread(void *arg)
{
	struct irq_target *t = arg;
	struct table table = { };

	for (u32 i = 0; i < STORM_ROUNDS; i++) {
		table.entries[0] = route(FIRST_GSI, i % 8);
		table.entries[1] = route(FIRST_GSI + 1 + i % 8, i % 8);
		TEST_ASSERT_EQ(0, set_table(t, &table, 1 + i % 2));
	}
	return NULL;
}

TEST_F_TIMEOUT(storm, setters, SLOW)
{
	struct table table = { };
	pthread_t setter;

	ASSERT_EQ(0, pthread_create(&setter, NULL, setter_thread, &self->t));
	setter_thread(&self->t);
	pthread_join(setter, NULL);

	table.entries[0] = route(FIRST_GSI + 1, 9);
	ASSERT_EQ(0, set_table(&self->t, &table, 1));
	irq_target_take(&self->t);
	EXPECT_EQ(9, where(&self->t, 1));
	for (u32 i = 2; i < 10; i++)
		EXPECT_EQ(NO_ROUTE, where(&self->t, i));
}

/*
 * Let each allocation in turn fail. Some can do without: the call succeeds, and is
 * undone for the next round.
 */
FIXTURE(no_memory)
{
	struct irq_target t;
	struct table old, new;
};

FIXTURE_SETUP(no_memory)
{
	irq_target_create(&self->t);

	/* One changed, one lost, two added, of which one is a pin. */
	self->old.entries[0] = route(FIRST_GSI, 1);
	self->old.entries[1] = route(FIRST_GSI + 1, 2);
	self->new.entries[0] = route(FIRST_GSI, 5);
	self->new.entries[1] = route(FIRST_GSI + 2, 6);
	self->new.entries[2] = route(FIRST_GSI + 3, PIN);
}

FIXTURE_TEARDOWN(no_memory)
{
	irq_target_destroy(&self->t);
}

static void check_old(struct __test_metadata *_metadata, struct irq_target *t, int ret)
{
	ASSERT_EQ(-ENOMEM, ret);
	ASSERT_EQ(1, where(t, 0));
	ASSERT_EQ(2, where(t, 1));
	ASSERT_EQ(NO_ROUTE, where(t, 2));
}

static void check_new(struct __test_metadata *_metadata, struct irq_target *t, int ret)
{
	EXPECT_EQ(0, ret);
	EXPECT_EQ(5, where(t, 0));
	EXPECT_EQ(NO_ROUTE, where(t, 1));
	EXPECT_EQ(6, where(t, 2));
	EXPECT_EQ(PIN, where(t, 3));
}

TEST_F_TIMEOUT(no_memory, nth, SLOW)
{
	int fd = fail_nth_open(), ret;
	u32 n, refused = 0;

	if (fd < 0)
		SKIP(return, "no failslab");
	for (n = 1; n < 100; n++) {
		ASSERT_EQ(0, set_table(&self->t, &self->old, 2));
		fail_nth(fd, n);
		ret = set_table(&self->t, &self->new, 3);
		if (!fail_nth_happened(fd))
			break;
		if (!ret)
			continue;
		refused++;
		check_old(_metadata, &self->t, ret);
	}
	EXPECT_LT(4, refused);
	check_new(_metadata, &self->t, ret);
	TH_LOG("%u allocations, the call fails without %u", n - 1, refused);
	close(fd);
}

TEST_F_TIMEOUT(no_memory, after, SLOW)
{
	int fd = fail_after_open(), ret = -ENOMEM;
	u32 bytes, refused = 0;

	if (fd < 0)
		SKIP(return, "no failslab");
	for (bytes = 0; bytes < 16384; bytes += 64) {
		ASSERT_EQ(0, set_table(&self->t, &self->old, 2));
		fail_after(fd, bytes);
		ret = set_table(&self->t, &self->new, 3);
		fail_after_stop(fd);
		if (!ret)
			break;
		refused++;
		check_old(_metadata, &self->t, ret);
	}
	fail_after_close(fd);
	EXPECT_LT(5, refused);
	check_new(_metadata, &self->t, ret);
	TH_LOG("%u bytes, refused %u times with less", bytes, refused);
}

#ifdef __x86_64__

static u8 pic_pending(struct irq_target *t, u32 chip_id)
{
	struct kvm_irqchip chip = { .chip_id = chip_id };

	vm_ioctl(t->vm, KVM_GET_IRQCHIP, &chip);
	return chip.chip.pic.irr;
}

static struct kvm_irq_routing_entry pic_route(u32 gsi, u32 chip)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = PIN_NR },
	};
}

/* A GSI leads to an input of each chip; then to some; none of them twice. */
TEST_F(routing, several_chips)
{
	struct table table = { };

	table.entries[0] = pic_route(FIRST_GSI, KVM_IRQCHIP_PIC_SLAVE);
	table.entries[1] = route(FIRST_GSI, PIN);
	table.entries[2] = pic_route(FIRST_GSI, KVM_IRQCHIP_PIC_MASTER);
	EXPECT_EQ(0, set_table(&self->t, &table, 3));
	EXPECT_EQ(PIN, where(&self->t, 0));
	EXPECT_EQ(BIT(PIN_NR), pic_pending(&self->t, KVM_IRQCHIP_PIC_SLAVE));
	EXPECT_TRUE(pic_pending(&self->t, KVM_IRQCHIP_PIC_MASTER) & BIT(PIN_NR));

	table.entries[3] = table.entries[0];
	EXPECT_EQ(-EINVAL, set_table(&self->t, &table, 4));
	table.entries[3] = route(FIRST_GSI, 1);
	EXPECT_EQ(-EINVAL, set_table(&self->t, &table, 4));
	EXPECT_EQ(PIN, where(&self->t, 0));

	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 0));
	EXPECT_EQ(0, set_table(&self->t, &table, 2));
	EXPECT_EQ(PIN, where(&self->t, 0));
}

/* A GSI leads to an interrupt source of the SynIC, which has a vector; and back. */
TEST_F(routing, synic)
{
	struct kvm_vcpu *vcpu = self->t.arch;
	struct table table = { };
	u32 sint = 2;

	if (!kvm_has_cap(KVM_CAP_HYPERV_SYNIC))
		SKIP(return, "no SynIC");
	vcpu_enable_cap(vcpu, KVM_CAP_HYPERV_SYNIC, 0);
	vcpu_set_msr(vcpu, HV_X64_MSR_SCONTROL, 1);
	vcpu_set_msr(vcpu, HV_X64_MSR_SINT0 + sint, route(0, 4).u.msi.data);

	table.entries[0].gsi = FIRST_GSI;
	table.entries[0].type = KVM_IRQ_ROUTING_HV_SINT;
	table.entries[0].u.hv_sint.sint = sint;
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(4, where(&self->t, 0));

	table.entries[0].u.hv_sint.sint = sint + 1;
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 0));

	table.entries[0] = route(FIRST_GSI, 5);
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(5, where(&self->t, 0));
}

/* The address's upper half counts once APIC IDs have 32 bits, and then bits 7:0 are 0. */
TEST_F(routing, apic_ids)
{
	struct table table = { };

	table.entries[0] = route(FIRST_GSI, 1);
	table.entries[0].u.msi.address_hi = 1;
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(1, where(&self->t, 0));

	vm_enable_cap(self->t.vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS);
	table.entries[0] = route(FIRST_GSI, 2);
	table.entries[0].u.msi.address_hi = 1;
	EXPECT_EQ(-EINVAL, set_table(&self->t, &table, 1));
	table.entries[0].u.msi.address_hi = 0;
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(2, where(&self->t, 0));
	table.entries[0].u.msi.address_hi = 1 << 8;
	EXPECT_EQ(0, set_table(&self->t, &table, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->t, 0));
}

/* MSIs have no DeviceID, by no interface. */
TEST_F(routing, no_devid)
{
	struct kvm_msi msi = {
		.address_lo = route(0, 3).u.msi.address_lo, .data = route(0, 3).u.msi.data,
	};

	EXPECT_EQ(0, vm_check_cap(self->t.vm, KVM_CAP_MSI_DEVID));
	EXPECT_EQ(1, __vm_ioctl(self->t.vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(BIT(3), irq_target_take(&self->t));
	msi.flags = KVM_MSI_VALID_DEVID;
	EXPECT_EQ(1, __vm_ioctl(self->t.vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(BIT(3), irq_target_take(&self->t));
	msi.flags = BIT(1);
	EXPECT_EQ(-1, __vm_ioctl(self->t.vm, KVM_SIGNAL_MSI, &msi));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, irq_target_take(&self->t));
}

/*
 * An event channel of Xen is in a page of the guest that is missing until userspace
 * supplies it. What waits for the page must not hold up a change of routes.
 */

#define XEN_GPA		SZ_1G
#define XEN_SLOT	1
#define XEN_PORT	1
#define XEN_PENDING	0x800		/* evtchn_pending of a 32-bit guest */
#define HUNG_S		60		/* a call that takes longer does not return */

static void xen_add_page(struct irq_target *t)
{
	struct kvm_xen_hvm_attr shared_info = {
		.type = KVM_XEN_ATTR_TYPE_SHARED_INFO, .u.shared_info.gfn = XEN_GPA >> PAGE_SHIFT,
	};

	vm_userspace_mem_region_add(t->vm, VM_MEM_SRC_ANONYMOUS, XEN_GPA, XEN_SLOT, 1, 0);
	vm_ioctl(t->vm, KVM_XEN_HVM_SET_ATTR, &shared_info);
}

static struct kvm_irq_routing_entry xen_route(struct irq_target *t, u32 gsi)
{
	struct kvm_vcpu *vcpu = t->arch;

	return (struct kvm_irq_routing_entry) {
		.gsi = gsi, .type = KVM_IRQ_ROUTING_XEN_EVTCHN,
		.u.xen_evtchn = {
			.port = XEN_PORT, .vcpu = vcpu->id,
			.priority = KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL,
		},
	};
}

/* Returns a userfaultfd of the page, which is missing then; -1 if there is none. */
static int xen_remove_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (u64)page, .len = PAGE_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		return -1;
	TEST_ASSERT(!ioctl(uffd, UFFDIO_API, &api), "UFFDIO_API: %d", errno);
	TEST_ASSERT(!ioctl(uffd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER: %d", errno);
	TEST_ASSERT(!madvise(page, PAGE_SIZE, MADV_DONTNEED), "madvise: %d", errno);
	return uffd;
}

static void xen_wait_for_fault(int uffd)
{
	struct uffd_msg msg;

	TEST_ASSERT(read(uffd, &msg, sizeof(msg)) == sizeof(msg), "userfaultfd: %d", errno);
	TEST_ASSERT_EQ(UFFD_EVENT_PAGEFAULT, msg.event);
}

static void xen_supply_page(int uffd, void *page)
{
	struct uffdio_zeropage zero = { .range = { .start = (u64)page, .len = PAGE_SIZE } };

	TEST_ASSERT(!ioctl(uffd, UFFDIO_ZEROPAGE, &zero), "UFFDIO_ZEROPAGE: %d", errno);
}

static void *xen_change_route(void *arg)
{
	struct irq_target *t = arg;
	struct table table = { };

	table.entries[0] = route(FIRST_GSI, 3);
	TEST_ASSERT_EQ(0, set_table(t, &table, 1));
	return NULL;
}

TEST_F_TIMEOUT(routing, xen_page_missing, SLOW)
{
	struct irq_target *t = &self->t;
	struct table table = { };
	struct timespec end;
	pthread_t changer;
	u8 *page;
	int uffd;

	if (!(kvm_check_cap(KVM_CAP_XEN_HVM) & KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL))
		SKIP(return, "no event channels of Xen");
	xen_add_page(t);
	page = addr_gpa2hva(t->vm, XEN_GPA);
	uffd = xen_remove_page(page);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");

	table.entries[0] = xen_route(t, FIRST_GSI);
	ASSERT_EQ(0, set_table(t, &table, 1));
	irq_target_signal(t->fds[0]);
	xen_wait_for_fault(uffd);

	ASSERT_EQ(0, pthread_create(&changer, NULL, xen_change_route, t));
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += HUNG_S;
	EXPECT_EQ(0, pthread_timedjoin_np(changer, NULL, &end)) {
		xen_supply_page(uffd, page);
		pthread_join(changer, NULL);
		close(uffd);
		return;
	}
	EXPECT_EQ(3, where(t, 0));

	/* What was on its way by the old route still comes, in its own time. */
	xen_supply_page(uffd, page);
	while (!(READ_ONCE(page[XEN_PENDING]) & BIT(XEN_PORT)))
		usleep(10000);
	close(uffd);
}

/*
 * A VMM that has the userfaultfd itself, and is killed while the page is missing: it ends,
 * and with it the delivery, and the VM.
 */

FIXTURE(xen_killed)
{
	int pipe[2];
	pid_t vmm;
};

/* @then: What the VMM does when the delivery waits for the page, until it is killed. */
FIXTURE_VARIANT(xen_killed)
{
	void (*then)(struct irq_target *t);
};

static void then_pauses(struct irq_target *t)
{
	pause();
}

static void then_unbinds(struct irq_target *t)
{
	irq_target_irqfd(t, 0, KVM_IRQFD_FLAG_DEASSIGN);
}

static void then_closes_eventfd(struct irq_target *t)
{
	close(t->fds[0]);
	pause();
}

/* Each file of KVM, and the mapping of one, holds the VM. */
static void then_closes_vm(struct irq_target *t)
{
	int size = __kvm_ioctl(t->vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	struct kvm_vcpu *vcpu = t->arch;
	char path[64], target[64];

	munmap(vcpu->run, size);
	for (int fd = t->vm->kvm_fd + 1; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		memset(target, 0, sizeof(target));
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strstr(target, "anon_inode:kvm"))
			close(fd);
	}
}

FIXTURE_VARIANT_ADD(xen_killed, pauses) { then_pauses };
FIXTURE_VARIANT_ADD(xen_killed, unbinds) { then_unbinds };
FIXTURE_VARIANT_ADD(xen_killed, closes_eventfd) { then_closes_eventfd };
FIXTURE_VARIANT_ADD(xen_killed, closes_vm) { then_closes_vm };

/* Writes the VM's file descriptor to the pipe, or -1 if there is no userfaultfd. */
static void xen_run_vmm(int pipe, void (*then)(struct irq_target *t))
{
	struct table table = { };
	struct irq_target t;
	int uffd, fd = -1;

	irq_target_create(&t);
	xen_add_page(&t);
	uffd = xen_remove_page(addr_gpa2hva(t.vm, XEN_GPA));
	if (uffd >= 0) {
		table.entries[0] = xen_route(&t, FIRST_GSI);
		TEST_ASSERT_EQ(0, set_table(&t, &table, 1));
		irq_target_signal(t.fds[0]);
		xen_wait_for_fault(uffd);
		fd = t.vm->fd;
	}
	TEST_ASSERT_EQ(sizeof(fd), write(pipe, &fd, sizeof(fd)));
	then(&t);
	/* It must not come to this. */
	TEST_ASSERT_EQ(sizeof(fd), write(pipe, &fd, sizeof(fd)));
	pause();
}

FIXTURE_SETUP(xen_killed)
{
	if (!(kvm_check_cap(KVM_CAP_XEN_HVM) & KVM_XEN_HVM_CONFIG_EVTCHN_2LEVEL))
		SKIP(return, "no event channels of Xen");
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
	self->vmm = fork();
	ASSERT_LE(0, self->vmm);
	if (!self->vmm) {
		xen_run_vmm(self->pipe[1], variant->then);
		_exit(0);
	}
	close(self->pipe[1]);
}

FIXTURE_TEARDOWN(xen_killed)
{
	close(self->pipe[0]);
}

/* Returns whether it has ended. */
static bool xen_vmm_ends(pid_t vmm)
{
	for (u32 ms = 0; ms < HUNG_S * 1000; ms += 10) {
		if (waitpid(vmm, NULL, WNOHANG) == vmm)
			return true;
		usleep(10 * 1000);
	}
	return false;
}

static bool xen_vm_ends(const char *debugfs)
{
	for (u32 ms = 0; ms < HUNG_S * 1000; ms += 10) {
		if (access(debugfs, F_OK))
			return true;
		usleep(10 * 1000);
	}
	return false;
}

TEST_F_TIMEOUT(xen_killed, ends, SLOW)
{
	char debugfs[64];
	int fd;

	ASSERT_EQ(sizeof(fd), read(self->pipe[0], &fd, sizeof(fd)));
	snprintf(debugfs, sizeof(debugfs), "/sys/kernel/debug/kvm/%d-%d", self->vmm, fd);
	if (fd >= 0)
		EXPECT_EQ(0, access(debugfs, F_OK));
	/* In its call by then, most likely. */
	usleep(100 * 1000);
	ASSERT_EQ(0, kill(self->vmm, SIGKILL));
	EXPECT_TRUE(xen_vmm_ends(self->vmm));
	if (fd < 0)
		SKIP(return, "no userfaultfd");
	EXPECT_TRUE(xen_vm_ends(debugfs));
	/* The call has waited for the page: it did not return before. */
	EXPECT_EQ(0, read(self->pipe[0], &fd, sizeof(fd)));
}

/* Without an interrupt controller no route; with the APICs alone no input. */
TEST(no_chips)
{
	struct irq_target t = { .vm = vm_create_barebones() };
	struct table table = { };

	EXPECT_EQ(-EINVAL, set_table(&t, &table, 0));
	table.entries[0] = route(FIRST_GSI, 1);
	EXPECT_EQ(-EINVAL, set_table(&t, &table, 1));

	vm_enable_cap(t.vm, KVM_CAP_SPLIT_IRQCHIP, 24);
	EXPECT_EQ(0, set_table(&t, &table, 1));
	table.entries[1] = route(PIN_GSI, PIN);
	EXPECT_EQ(-EINVAL, set_table(&t, &table, 2));
	table.entries[1].u.irqchip.irqchip = KVM_IRQCHIP_PIC_MASTER;
	EXPECT_EQ(-EINVAL, set_table(&t, &table, 2));
	kvm_vm_free(t.vm);
}

#endif /* __x86_64__ */

TEST_HARNESS_MAIN
