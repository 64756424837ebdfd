// SPDX-License-Identifier: GPL-2.0-only
/*
 * gsi_routing_test - KVM_SET_GSI_ROUTING, observed by what irqfds deliver
 *
 * Each GSI under test has an eventfd. Event n of the device under test sends LPI
 * LPI(n), which stays pending because no vCPU runs; so what a table of routes
 * does is read from the pending table.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "vgic.h"

#define DEVID		3
#define NR_EVENTS	BIT(ITS_VMM_EVENT_BITS)
#define LPI(event)	(8192 + (event))
#define NR_GSIS		16
#define FIRST_GSI	100
#define MODEL_ROUNDS	250
#define STORM_ROUNDS	150
#define STORM_WRITES	30	/* to wait for after a change */
#define SLOW		300	/* s: the test is not quick on a debug kernel */
#define NO_ROUTE	(~0u)
#define SPI_GSI		(FIRST_GSI + 3)
#define SPI_PIN		5

struct table {
	struct kvm_irq_routing header;
	struct kvm_irq_routing_entry entries[2 * NR_GSIS];
};

/* A VM with an eventfd for each GSI from FIRST_GSI on. */
struct rig {
	struct its_vmm its;
	int fds[NR_GSIS];
	u32 limit;
};

/* Returns 0 or -errno. */
static int set_raw(struct its_vmm *its, struct kvm_irq_routing *routing)
{
	return __vm_ioctl(its->vm, KVM_SET_GSI_ROUTING, routing) ? -errno : 0;
}

static int set_table(struct its_vmm *its, struct table *table, u32 nr)
{
	table->header.nr = nr;
	return set_raw(its, &table->header);
}

static struct kvm_irq_routing_entry msi_route(u32 gsi, u32 event)
{
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEVID, event);

	return its_vmm_route_msi(gsi, &msi);
}

static void rig_create(struct rig *rig)
{
	its_vmm_create(&rig->its, 1);
	rig->limit = vm_check_cap(rig->its.vm, KVM_CAP_IRQ_ROUTING);

	its_vmm_mapc(&rig->its, 0, 0, true);
	its_vmm_mapd(&rig->its, DEVID, true);
	for (u32 i = 0; i < NR_EVENTS; i++) {
		its_vmm_mapti(&rig->its, DEVID, i, LPI(i), 0);
		TEST_ASSERT_EQ(1, its_vmm_signal(&rig->its, DEVID, i, KVM_MSI_VALID_DEVID));
		its_vmm_clear(&rig->its, DEVID, i);
	}
	for (u32 i = 0; i < NR_GSIS; i++) {
		rig->fds[i] = eventfd(0, EFD_NONBLOCK);
		TEST_ASSERT(rig->fds[i] >= 0, "eventfd: %d", errno);
		its_vmm_irqfd(&rig->its, rig->fds[i], FIRST_GSI + i, 0);
	}
}

static void rig_destroy(struct rig *rig)
{
	for (u32 i = 0; i < NR_GSIS; i++)
		close(rig->fds[i]);
	its_vmm_destroy(&rig->its);
}

/* Signal a GSI and wait until KVM is done with it, delivered or not. */
static void raise_gsi(struct rig *rig, u32 i)
{
	its_vmm_raise_irqfd(&rig->its, rig->fds[i], FIRST_GSI + i);
	its_vmm_irqfd(&rig->its, rig->fds[i], FIRST_GSI + i, 0);
}

/* Signal GSI @i: the event that becomes pending, or NO_ROUTE. */
static u32 where(struct rig *rig, u32 i)
{
	u32 found = NO_ROUTE;

	raise_gsi(rig, i);
	its_vmm_save_pending(&rig->its);
	for (u32 event = 0; event < NR_EVENTS; event++) {
		if (!its_vmm_saved(&rig->its, 0, LPI(event)))
			continue;
		TEST_ASSERT(found == NO_ROUTE, "events %u and %u pending", found, event);
		found = event;
		its_vmm_clear(&rig->its, DEVID, event);
	}
	return found;
}

FIXTURE(routing)
{
	struct rig rig;
};

FIXTURE_SETUP(routing)
{
	rig_create(&self->rig);
}

FIXTURE_TEARDOWN(routing)
{
	rig_destroy(&self->rig);
}

TEST_F(routing, set_change_remove)
{
	struct table table = { };

	EXPECT_EQ(NO_ROUTE, where(&self->rig, 0));

	table.entries[0] = msi_route(FIRST_GSI, 1);
	table.entries[1] = msi_route(FIRST_GSI + 1, 2);
	EXPECT_EQ(0, set_table(&self->rig.its, &table, 2));
	EXPECT_EQ(1, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));

	table.entries[0] = msi_route(FIRST_GSI, 3);
	EXPECT_EQ(0, set_table(&self->rig.its, &table, 2));
	EXPECT_EQ(3, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));

	table.entries[2] = msi_route(FIRST_GSI + 2, 4);
	EXPECT_EQ(0, set_table(&self->rig.its, &table, 3));
	EXPECT_EQ(4, where(&self->rig, 2));

	EXPECT_EQ(0, set_table(&self->rig.its, &table, 1));
	EXPECT_EQ(3, where(&self->rig, 0));
	EXPECT_EQ(NO_ROUTE, where(&self->rig, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->rig, 2));

	EXPECT_EQ(0, set_table(&self->rig.its, &table, 0));
	EXPECT_EQ(NO_ROUTE, where(&self->rig, 0));

	EXPECT_EQ(0, set_table(&self->rig.its, &table, 3));
	EXPECT_EQ(3, where(&self->rig, 0));
	EXPECT_EQ(2, where(&self->rig, 1));
	EXPECT_EQ(4, where(&self->rig, 2));
}

/* A GSI's old route is gone although its irqfd was bound long before. */
TEST_F(routing, irqfd_follows)
{
	struct table table = { };

	for (u32 i = 0; i < 8; i++) {
		table.entries[0] = msi_route(FIRST_GSI, i);
		EXPECT_EQ(0, set_table(&self->rig.its, &table, 1));
		EXPECT_EQ(i, where(&self->rig, 0));
		EXPECT_EQ(0, set_table(&self->rig.its, &table, 0));
		EXPECT_EQ(NO_ROUTE, where(&self->rig, 0));
	}
}

/* One more each time, as a guest enables vectors; nothing new every other time. */
TEST_F(routing, grow)
{
	struct table table = { };

	for (u32 nr = 1; nr <= NR_GSIS; nr++) {
		table.entries[nr - 1] = msi_route(FIRST_GSI + nr - 1, nr);
		EXPECT_EQ(0, set_table(&self->rig.its, &table, nr));
		EXPECT_EQ(0, set_table(&self->rig.its, &table, nr));
		EXPECT_EQ(nr, where(&self->rig, nr - 1));
		EXPECT_EQ(1, where(&self->rig, 0));
	}
}

/* An eventfd raises one GSI of a VM, once. */
TEST_F(routing, eventfd_twice)
{
	struct kvm_irqfd irqfd = { .fd = self->rig.fds[0], .gsi = FIRST_GSI };
	struct table table = { };

	table.entries[0] = msi_route(FIRST_GSI, 1);
	table.entries[1] = msi_route(FIRST_GSI + NR_GSIS, 2);
	ASSERT_EQ(0, set_table(&self->rig.its, &table, 2));
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(-1, __vm_ioctl(self->rig.its.vm, KVM_IRQFD, &irqfd));
		EXPECT_EQ(EBUSY, errno);
		EXPECT_EQ(1, where(&self->rig, 0));
		irqfd.gsi = FIRST_GSI + NR_GSIS;
	}
}

/* An input of the interrupt controller, and back to an MSI. */
TEST_F(routing, spi)
{
	const u32 all_edge = 0xaaaaaaaa;
	struct table table = { };

	its_vmm_dist_write(&self->rig.its, ITS_VMM_SPI_ICFGR, all_edge);
	table.entries[0] = its_vmm_route_spi(FIRST_GSI, SPI_PIN);
	EXPECT_EQ(0, set_table(&self->rig.its, &table, 1));
	EXPECT_EQ(NO_ROUTE, where(&self->rig, 0));
	EXPECT_EQ(BIT(SPI_PIN), its_vmm_dist_read(&self->rig.its, ITS_VMM_SPI_ISPENDR));

	table.entries[0] = msi_route(FIRST_GSI, 7);
	EXPECT_EQ(0, set_table(&self->rig.its, &table, 1));
	EXPECT_EQ(7, where(&self->rig, 0));
}

FIXTURE(refused)
{
	struct rig rig;
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
#define SPI_ENTRY(_chip, _pin, _flags)					\
	.entry = { .gsi = 200, .type = KVM_IRQ_ROUTING_IRQCHIP,		\
		   .flags = (_flags),					\
		   .u.irqchip = { .irqchip = (_chip), .pin = (_pin) } }
#define OTHER_ENTRY(_gsi, _type)					\
	.entry = { .gsi = (_gsi), .type = KVM_IRQ_ROUTING_##_type }

FIXTURE_VARIANT_ADD(refused, type_0) { .entry = { .gsi = 200 } };
FIXTURE_VARIANT_ADD(refused, type_6) { .entry = { .gsi = 200, .type = 6 } };
FIXTURE_VARIANT_ADD(refused, type_max) { .entry = { .gsi = 200, .type = ~0u } };
FIXTURE_VARIANT_ADD(refused, type_adapter) { OTHER_ENTRY(200, S390_ADAPTER) };
FIXTURE_VARIANT_ADD(refused, gsi_limit) { MSI_ENTRY(0, 0), .at_limit = true };
FIXTURE_VARIANT_ADD(refused, gsi_max) { MSI_ENTRY(~0u, 0) };
FIXTURE_VARIANT_ADD(refused, msi_flag_1) { MSI_ENTRY(200, BIT(1)) };
FIXTURE_VARIANT_ADD(refused, msi_flag_31) { MSI_ENTRY(200, BIT(31)) };
FIXTURE_VARIANT_ADD(refused, msi_flag_more) { MSI_ENTRY(200, KVM_MSI_VALID_DEVID | BIT(4)) };
FIXTURE_VARIANT_ADD(refused, spi_flag) { SPI_ENTRY(0, 1, KVM_MSI_VALID_DEVID) };
FIXTURE_VARIANT_ADD(refused, spi_chip) { SPI_ENTRY(1, 1, 0) };
FIXTURE_VARIANT_ADD(refused, spi_chip_max) { SPI_ENTRY(~0u, 1, 0) };
FIXTURE_VARIANT_ADD(refused, spi_pin) { SPI_ENTRY(0, KVM_IRQCHIP_NUM_PINS, 0) };
FIXTURE_VARIANT_ADD(refused, spi_pin_max) { SPI_ENTRY(0, ~0u, 0) };
FIXTURE_VARIANT_ADD(refused, table_flags) { MSI_ENTRY(200, 0), .table_flags = 1 };
/* A GSI that is in force, and earlier in the same table, is named again. */
FIXTURE_VARIANT_ADD(refused, second_msi) { MSI_ENTRY(FIRST_GSI, 0) };
FIXTURE_VARIANT_ADD(refused, second_type) { OTHER_ENTRY(FIRST_GSI, IRQCHIP) };
FIXTURE_VARIANT_ADD(refused, msi_after_spi) { MSI_ENTRY(SPI_GSI, 0) };
FIXTURE_VARIANT_ADD(refused, second_pin) { OTHER_ENTRY(SPI_GSI, IRQCHIP) };
FIXTURE_VARIANT_ADD(refused, same_pin) {
	OTHER_ENTRY(SPI_GSI, IRQCHIP), .entry.u.irqchip.pin = SPI_PIN,
};

FIXTURE_SETUP(refused)
{
	rig_create(&self->rig);
}

FIXTURE_TEARDOWN(refused)
{
	rig_destroy(&self->rig);
}

TEST_F(refused, changes_nothing)
{
	struct rig *rig = &self->rig;
	struct table table = { };

	table.entries[0] = msi_route(FIRST_GSI, 1);
	table.entries[1] = msi_route(FIRST_GSI + 1, 2);
	table.entries[2] = its_vmm_route_spi(SPI_GSI, SPI_PIN);
	ASSERT_EQ(0, set_table(&rig->its, &table, 3));

	/* One added, one lost, and the one to refuse; then one changed as well. */
	table.entries[1] = msi_route(FIRST_GSI + 2, 4);
	table.entries[3] = variant->entry;
	if (variant->at_limit)
		table.entries[3].gsi = rig->limit;
	table.header.flags = variant->table_flags;
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, set_table(&rig->its, &table, 4));
		EXPECT_EQ(1, where(rig, 0));
		EXPECT_EQ(2, where(rig, 1));
		EXPECT_EQ(NO_ROUTE, where(rig, 2));
		table.entries[0] = msi_route(FIRST_GSI, 3);
	}
}

/* The last entry is bad, or cannot be read, in a table as long as any can be. */
TEST_F_TIMEOUT(routing, long_table, SLOW)
{
	struct rig *rig = &self->rig;
	size_t size = sizeof(struct kvm_irq_routing) +
		      (rig->limit + 1) * sizeof(struct kvm_irq_routing_entry);
	size_t page = getpagesize(), room = roundup(size, page);
	struct kvm_irq_routing *table;
	void *map;

	map = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	table = map;
	for (u32 i = 0; i <= rig->limit; i++)
		table->entries[i] = msi_route(i, i % NR_EVENTS);

	table->nr = rig->limit;
	EXPECT_EQ(0, set_raw(&rig->its, table));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(rig, 1));

	table->entries[FIRST_GSI + 1].u.msi.data++;
	table->entries[rig->limit - 1].gsi = rig->limit;
	EXPECT_EQ(-EINVAL, set_raw(&rig->its, table));
	table->entries[rig->limit - 1].gsi = 0;
	EXPECT_EQ(-EINVAL, set_raw(&rig->its, table));
	table->entries[rig->limit - 1].gsi = rig->limit - 1;
	table->nr = rig->limit + 1;
	EXPECT_EQ(-EINVAL, set_raw(&rig->its, table));
	table->nr = ~0u;
	EXPECT_EQ(-EINVAL, set_raw(&rig->its, table));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(rig, 1));

	/* It ends beyond the last page that can be read. */
	table = map + room + page - size + sizeof(struct kvm_irq_routing_entry) * 2;
	memmove(table, map, (void *)map + room + page - (void *)table);
	table->nr = rig->limit;
	ASSERT_EQ(0, mprotect(map + room, page, PROT_NONE));
	EXPECT_EQ(-EFAULT, set_raw(&rig->its, table));
	ASSERT_EQ(0, mprotect(map, room, PROT_NONE));
	EXPECT_EQ(-EFAULT, set_raw(&rig->its, table));
	EXPECT_EQ(-EFAULT, set_raw(&rig->its, NULL));
	EXPECT_EQ((FIRST_GSI + 1) % NR_EVENTS, where(rig, 1));
	munmap(map, room + page);
}

/* Model: the event that each GSI leads to. */

static void model_edit(struct table *table, u32 *nr)
{
	struct kvm_irq_routing_entry *entries = table->entries, entry;
	u32 i = *nr ? rand() % *nr : 0, j = *nr ? rand() % *nr : 0;

	switch (rand() % 7) {
	case 0:	/* change one */
		entries[i].u.msi.data = rand() % NR_EVENTS;
		break;
	case 1:	/* append, now and then a second destination */
	case 2:
		if (*nr < NR_GSIS)
			entries[(*nr)++] = msi_route(FIRST_GSI + rand() % NR_GSIS,
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
		entries[0] = msi_route(FIRST_GSI + rand() % NR_GSIS, rand() % NR_EVENTS);
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
		*event = table->entries[i].u.msi.data;
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
	ASSERT_EQ(0, set_table(&self->rig.its, &table, 0));
	model_table(&table, 0, events);

	for (u32 round = 0; round < MODEL_ROUNDS; round++) {
		next = table;
		next_nr = nr;
		for (u32 edits = rand() % 4; edits < 4; edits++)
			model_edit(&next, &next_nr);

		if (model_table(&next, next_nr, next_events)) {
			ASSERT_EQ(0, set_table(&self->rig.its, &next, next_nr));
			table = next;
			nr = next_nr;
			memcpy(events, next_events, sizeof(events));
		} else {
			ASSERT_EQ(-EINVAL, set_table(&self->rig.its, &next, next_nr));
			refused++;
		}
		for (u32 n = 0; n < 3; n++) {
			u32 i = rand() % NR_GSIS;

			ASSERT_EQ(events[i], where(&self->rig, i)) {
				TH_LOG("round %u, GSI %u", round, FIRST_GSI + i);
			}
		}
	}
	EXPECT_LT(0, refused);
}

/* Storm: threads that signal all the time. */

struct storm {
	pthread_t thread;
	pthread_t rebinder;
	struct its_vmm *its;
	int fd;
	u32 writes;
	bool stop;
};

static void *storm_thread(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		its_vmm_signal_fd(storm->fd);
		__atomic_fetch_add(&storm->writes, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Unbinds and binds the eventfd that is signalled, all the time. */
static void *rebind_thread(void *arg)
{
	struct storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		its_vmm_irqfd(storm->its, storm->fd, FIRST_GSI, KVM_IRQFD_FLAG_DEASSIGN);
		its_vmm_irqfd(storm->its, storm->fd, FIRST_GSI, 0);
	}
	return NULL;
}

static void storm_wait(struct storm *storm)
{
	u32 from = __atomic_load_n(&storm->writes, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&storm->writes, __ATOMIC_ACQUIRE) - from < STORM_WRITES)
		sched_yield();
}

FIXTURE(storm)
{
	struct rig rig;
	struct storm storm;
};

/*
 * @cold: The ITS is made to forget what it knows, so that it has to look up.
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
	rig_create(&self->rig);
	self->storm.its = &self->rig.its;
	self->storm.fd = self->rig.fds[0];
	TEST_ASSERT_EQ(0, pthread_create(&self->storm.thread, NULL, storm_thread,
					 &self->storm));
	if (variant->rebind)
		TEST_ASSERT_EQ(0, pthread_create(&self->storm.rebinder, NULL,
						 rebind_thread, &self->storm));
}

FIXTURE_TEARDOWN(storm)
{
	__atomic_store_n(&self->storm.stop, true, __ATOMIC_RELAXED);
	pthread_join(self->storm.thread, NULL);
	if (variant->rebind)
		pthread_join(self->storm.rebinder, NULL);
	rig_destroy(&self->rig);
}

/*
 * Once the ioctl has returned, the old event is cleared and has to stay so, while
 * the new one, if there is one, becomes pending.
 */
TEST_F_TIMEOUT(storm, old_route_is_gone, SLOW)
{
	struct its_vmm *its = &self->rig.its;
	struct table table = { };

	for (u32 round = 0; round < STORM_ROUNDS; round++) {
		u32 old = round % 8, new = (round + 1) % 8;
		bool removed = round % 4 == 3;

		table.entries[0] = msi_route(FIRST_GSI, old);
		ASSERT_EQ(0, set_table(its, &table, 1));
		storm_wait(&self->storm);
		if (variant->cold)
			its_vmm_discard(its, DEVID, NR_EVENTS - 1);

		table.entries[0] = msi_route(FIRST_GSI, new);
		ASSERT_EQ(0, set_table(its, &table, !removed));
		its_vmm_clear(its, DEVID, old);
		its_vmm_clear(its, DEVID, new);
		storm_wait(&self->storm);
		ASSERT_FALSE(its_vmm_pending(its, 0, LPI(old)));
		if (variant->cold)
			its_vmm_mapti(its, DEVID, NR_EVENTS - 1, LPI(NR_EVENTS - 1), 0);
		else if (!variant->rebind)
			ASSERT_EQ(!removed, its_vmm_pending(its, 0, LPI(new)));
	}
}

/* Tables come from two threads while a third signals: the last one wins. */
static void *setter_thread(void *arg)
{
	struct rig *rig = arg;
	struct table table = { };

	for (u32 i = 0; i < STORM_ROUNDS; i++) {
		table.entries[0] = msi_route(FIRST_GSI, i % 8);
		table.entries[1] = msi_route(FIRST_GSI + 1 + i % 8, i % 8);
		TEST_ASSERT_EQ(0, set_table(&rig->its, &table, 1 + i % 2));
	}
	return NULL;
}

TEST_F_TIMEOUT(storm, setters, SLOW)
{
	struct table table = { };
	pthread_t setter;

	ASSERT_EQ(0, pthread_create(&setter, NULL, setter_thread, &self->rig));
	setter_thread(&self->rig);
	pthread_join(setter, NULL);

	table.entries[0] = msi_route(FIRST_GSI + 1, 9);
	ASSERT_EQ(0, set_table(&self->rig.its, &table, 1));
	for (u32 i = 0; i < 8; i++)
		its_vmm_clear(&self->rig.its, DEVID, i);
	EXPECT_EQ(9, where(&self->rig, 1));
	for (u32 i = 2; i < 10; i++)
		EXPECT_EQ(NO_ROUTE, where(&self->rig, i));
}

/* Failing allocations: /proc/thread-self/fail-nth. */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/*
 * Arm the nth allocation to fail; 0 disarms. @fd stays open, as opening a file
 * allocates.
 */
static void fail_nth(int fd, u32 n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	TEST_ASSERT(pwrite(fd, text, len, 0) == len, "fail-nth: %d", errno);
}

/* Whether the armed failure has happened; disarms. */
static bool failed(int fd)
{
	char text[16] = "";

	TEST_ASSERT(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %d", errno);
	fail_nth(fd, 0);
	return atoi(text) == 0;
}

/*
 * Let each allocation in turn fail. Some can do without: the call succeeds, and is
 * undone for the next round.
 */
TEST_F_TIMEOUT(routing, no_memory, SLOW)
{
	struct rig *rig = &self->rig;
	struct table old = { }, new = { };
	u32 n, refused = 0;
	int fd, ret;

	fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fd < 0 || !write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N"))
		SKIP(return, "no failslab");
	write_file("/sys/kernel/debug/failslab/verbose", "0");

	/* One changed, one lost, two added, of which one is a pin. */
	old.entries[0] = msi_route(FIRST_GSI, 1);
	old.entries[1] = msi_route(FIRST_GSI + 1, 2);
	new.entries[0] = msi_route(FIRST_GSI, 5);
	new.entries[1] = msi_route(FIRST_GSI + 2, 6);
	new.entries[2] = its_vmm_route_spi(FIRST_GSI + 3, 7);

	for (n = 1; n < 100; n++) {
		ASSERT_EQ(0, set_table(&rig->its, &old, 2));
		fail_nth(fd, n);
		ret = set_table(&rig->its, &new, 3);
		if (!failed(fd))
			break;
		if (!ret)
			continue;
		refused++;
		ASSERT_EQ(-ENOMEM, ret);
		ASSERT_EQ(1, where(rig, 0));
		ASSERT_EQ(2, where(rig, 1));
		ASSERT_EQ(NO_ROUTE, where(rig, 2));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(4, refused);
	EXPECT_EQ(5, where(rig, 0));
	EXPECT_EQ(NO_ROUTE, where(rig, 1));
	EXPECT_EQ(6, where(rig, 2));
	TH_LOG("%u allocations, the call fails without %u", n - 1, refused);
	close(fd);
}

TEST_HARNESS_MAIN
