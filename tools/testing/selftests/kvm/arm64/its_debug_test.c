// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_debug_test - what debugfs shows of an ITS, of routes and of irqfds
 *
 * Each file is read by pages while it is as large as it gets, and while what it shows
 * comes and goes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "its_machine.h"
#include "kselftest_harness.h"

#define MAX_LPIS	57344	/* all that there are with INTIDs of 16 bits */
#define CHURNED		200	/* events that come and go */
#define READS		20

/* A file of the VM's folder; -1 if there is none. */
static int open_debug(struct its_vmm *v, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(), v->vm->fd, name);
	return open(path, O_RDONLY);
}

static int open_its(struct its_vmm *v)
{
	char name[64];

	snprintf(name, sizeof(name), "vgic-its@%llx", (unsigned long long)GITS_BASE_GPA);
	return open_debug(v, name);
}

/* Reads on to the end of the file. Returns what there is, to be freed. */
static char *read_rest(int fd)
{
	size_t len = 0, size = SZ_64K;
	char *text = malloc(size);
	ssize_t got;

	TEST_ASSERT(text, "malloc");
	while ((got = read(fd, text + len, SZ_4K)) > 0) {
		len += got;
		if (size - len <= SZ_4K)
			text = realloc(text, size *= 2);
		TEST_ASSERT(text, "realloc");
	}
	TEST_ASSERT(!got, "read: errno %d", errno);
	text[len] = '\0';
	return text;
}

/* The lines that begin with @prefix and a number, which rises. Returns how many. */
static u32 count_lines(struct __test_metadata *_metadata, const char *text, const char *prefix)
{
	u32 nr = 0;
	s64 last = -1, at;
	char *line = strdup(text), *rest = line, *next;

	while ((next = strsep(&rest, "\n"))) {
		if (strncmp(next, prefix, strlen(prefix)))
			continue;
		at = strtoul(next + strlen(prefix), NULL, 0);
		ASSERT_LT(last, at);
		last = at;
		nr++;
	}
	free(line);
	return nr;
}

/* An ITS. */

FIXTURE(its)
{
	struct its_vmm its;
	int fd;
};

FIXTURE_SETUP(its)
{
	create_machine(&self->its);
	self->fd = open_its(&self->its);
	if (self->fd < 0)
		SKIP(return, "no debugfs, or no file of an ITS");
}

FIXTURE_TEARDOWN(its)
{
	close(self->fd);
	its_vmm_destroy(&self->its);
}

TEST_F(its, shows_all)
{
	struct its_vmm *v = &self->its;
	char expected[256], *text;

	its_vmm_set_config(v, LPI(1), LPI_ENABLED);
	its_vmm_inv(v, DEV, 1);
	EXPECT_EQ(1, signal_event(v, DEV, 1));
	text = read_rest(self->fd);

	EXPECT_EQ(text, strstr(text, "address 0x"));
	EXPECT_TRUE(!!strstr(text, "\nenabled 1\n"));
	EXPECT_TRUE(!!strstr(text, "\nevents 5 of 131072\n"));
	EXPECT_TRUE(!!strstr(text, "\ncollection 2 vcpu 2\n"));
	snprintf(expected, sizeof(expected), "\ncollection %u vcpu none\n", ICID_NO_TARGET);
	EXPECT_TRUE(!!strstr(text, expected));
	snprintf(expected, sizeof(expected), "\ndevice %#x itt %#llx bits 16\ndevice ", DEV_LAST,
		 (unsigned long long)(v->scratch_gpa + LAST_PAGE));
	EXPECT_TRUE(!!strstr(text, expected));
	snprintf(expected, sizeof(expected),
		 "\n  event 0 lpi %u collection 0 vcpu 0\n"
		 "  event 1 lpi %u collection 1 vcpu 1 enabled pending\n"
		 "  event 2 lpi %u collection 2 vcpu 2\n", LPI(0), LPI(1), LPI(2));
	EXPECT_TRUE(!!strstr(text, expected));
	snprintf(expected, sizeof(expected), "\n  event %u lpi %u collection none", EVENT_REMOVED,
		 LPI(EVENT_REMOVED));
	EXPECT_TRUE(!!strstr(text, expected));
	if (_metadata->exit_code == KSFT_FAIL)
		TH_LOG("%s", text);
	free(text);
}

/* All LPIs, by a single device. */
static void map_all(struct its_vmm *v)
{
	its_vmm_mapd(v, DEV, false);
	its_vmm_mapd(v, DEV_EMPTY, false);
	its_vmm_mapd_itt(v, DEV_EMPTY, v->scratch_gpa + SZ_1M, 16, true);
	for (u64 n = 0; n < MAX_LPIS; n++)
		its_vmm_queue(v, (u64)DEV_EMPTY << 32 | GITS_CMD_MAPTI,
			      (FIRST_LPI + n) << 32 | n, n % NR_VCPUS);
	its_vmm_submit(v);
}

TEST_F_TIMEOUT(its, pages_through_all_lpis, SLOW)
{
	char *text;

	map_all(&self->its);
	text = read_rest(self->fd);
	EXPECT_TRUE(!!strstr(text, "\nevents 57344 of 131072\n"));
	EXPECT_EQ(MAX_LPIS, count_lines(_metadata, text, "  event "));
	EXPECT_EQ(3, count_lines(_metadata, text, "device "));
	EXPECT_LE(NR_VCPUS, count_lines(_metadata, text, "collection "));
	free(text);
}

/* A page shows the events that are mapped when it is read. */
TEST_F_TIMEOUT(its, reads_by_pages, SLOW)
{
	struct its_vmm *v = &self->its;
	char page[SZ_4K], *text;
	ssize_t len;

	map_all(v);
	len = read(self->fd, page, sizeof(page) - 1);
	ASSERT_LT(0, len);
	page[len] = '\0';
	EXPECT_TRUE(!!strstr(page, "\n  event 0 lpi 8192 "));

	its_vmm_discard(v, DEV_EMPTY, MAX_LPIS - 1);
	its_vmm_mapti(v, DEV_EMPTY, MAX_LPIS + 5, LAST_LPI, 0);
	text = read_rest(self->fd);
	EXPECT_FALSE(!!strstr(text, "\n  event 57343 "));
	EXPECT_TRUE(!!strstr(text, "\n  event 57349 lpi 65535 "));
	free(text);

	/* The device itself. */
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_LT(0, read(self->fd, page, sizeof(page) - 1));
	its_vmm_mapd(v, DEV_EMPTY, false);
	text = read_rest(self->fd);
	EXPECT_GT(SZ_4K, strlen(text));
	free(text);
}

struct churn {
	struct its_vmm *v;
	atomic_bool stop;
	u64 rounds;
	pthread_t thread;
};

static void churn_start(struct churn *churn, struct its_vmm *v, void *(*run)(void *))
{
	churn->v = v;
	TEST_ASSERT(!pthread_create(&churn->thread, NULL, run, churn), "pthread_create");
}

static void churn_end(struct churn *churn)
{
	churn->stop = true;
	TEST_ASSERT(!pthread_join(churn->thread, NULL), "pthread_join");
}

/* A collection, a device, its events, and those of another device, all come and go. */
static void *churn_map(void *arg)
{
	struct churn *churn = arg;
	struct its_vmm *v = churn->v;

	for (; !churn->stop || !churn->rounds; churn->rounds++) {
		its_vmm_mapc(v, ICID_NEW, 0, true);
		its_vmm_mapd_itt(v, DEV_UNMAPPED, v->scratch_gpa + SZ_1M, 16, true);
		for (u32 n = 0; n < CHURNED; n++) {
			its_vmm_mapti(v, DEV_UNMAPPED, n, LPI(1000 + n), ICID_NEW);
			its_vmm_mapti(v, DEV_LPIS, n, LPI(1000 + CHURNED + n), 1);
		}
		for (u32 n = 0; n < CHURNED; n += 2) {
			its_vmm_discard(v, DEV_UNMAPPED, n);
			its_vmm_discard(v, DEV_LPIS, n + 1);
		}
		its_vmm_mapd(v, DEV_UNMAPPED, false);
		its_vmm_mapc(v, ICID_NEW, 0, false);
	}
	return NULL;
}

TEST_F_TIMEOUT(its, is_safe_under_churn, SLOW)
{
	struct its_vmm *v = &self->its;
	struct churn churn = { };
	char *text;

	churn_start(&churn, v, churn_map);
	for (u32 i = 0; i < READS || churn.rounds < 2; i++) {
		ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
		text = read_rest(self->fd);
		EXPECT_LE(4, count_lines(_metadata, text, "device "));
		EXPECT_TRUE(!!strstr(text, "\n  event 2 lpi "));
		free(text);
	}
	churn_end(&churn);
}

/* Routes and irqfds. */

#define GSI		40
#define NR_GSIS		4000

FIXTURE(routes)
{
	struct its_vmm its;
	int fd;
};

FIXTURE_SETUP(routes)
{
	create_machine(&self->its);
	self->fd = open_debug(&self->its, "irq-routes");
	if (self->fd < 0)
		SKIP(return, "no debugfs");
}

FIXTURE_TEARDOWN(routes)
{
	close(self->fd);
	its_vmm_destroy(&self->its);
}

/* A kernel with debugfs has the file. */
TEST(routes_file)
{
	struct its_vmm v;
	int fd;

	if (access("/sys/kernel/debug/kvm", F_OK))
		SKIP(return, "no debugfs");
	its_vmm_create(&v, 1);
	fd = open_debug(&v, "irq-routes");
	EXPECT_LE(0, fd);
	close(fd);
	its_vmm_destroy(&v);
}

static void set_routes(struct its_vmm *v, const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct kvm_irq_routing *table = calloc(1, sizeof(*table) + nr * sizeof(*entries));

	TEST_ASSERT(table, "calloc");
	table->nr = nr;
	memcpy(table->entries, entries, nr * sizeof(*entries));
	vm_ioctl(v->vm, KVM_SET_GSI_ROUTING, table);
	free(table);
}

TEST_F(routes, shows_all)
{
	struct its_vmm *v = &self->its;
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEV, 1);
	struct kvm_msi placeholder = { .data = 7 };
	struct kvm_irq_routing_entry entries[] = {
		its_vmm_route_msi(GSI, &msi),
		its_vmm_route_msi(GSI + 1, &placeholder),
		its_vmm_route_spi(GSI + 2, 5),
	};
	int fds[4];
	char expected[256], *text;

	set_routes(v, entries, ARRAY_SIZE(entries));
	for (u32 i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = eventfd(0, 0);
	its_vmm_irqfd(v, fds[0], GSI, 0);
	its_vmm_irqfd(v, fds[1], GSI, 0);
	its_vmm_irqfd(v, fds[2], GSI + 2, 0);
	its_vmm_irqfd(v, fds[3], GSI + 1000, 0);

	text = read_rest(self->fd);
	snprintf(expected, sizeof(expected),
		 "gsi 40 msi %#llx data 0x1 devid %#x\n  irqfd\n  irqfd\n"
		 "gsi 41 msi 0x0 data 0x7 devid none\n"
		 "gsi 42 irqchip 0 pin 5\n  irqfd\n"
		 "gsi 1040 none\n  irqfd\n", (unsigned long long)ITS_VMM_DOORBELL, DEV);
	EXPECT_STREQ(expected, text);
	free(text);

	its_vmm_irqfd(v, fds[0], GSI, KVM_IRQFD_FLAG_DEASSIGN);
	its_vmm_irqfd(v, fds[3], GSI + 1000, KVM_IRQFD_FLAG_DEASSIGN);
	set_routes(v, &entries[1], 1);
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	text = read_rest(self->fd);
	EXPECT_STREQ("gsi 40 none\n  irqfd\n"
		     "gsi 41 msi 0x0 data 0x7 devid none\n"
		     "gsi 42 none\n  irqfd\n", text);
	free(text);
	for (u32 i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* Many routes, of which some come and go, and so do irqfds. */
static void *churn_routes(void *arg)
{
	struct churn *churn = arg;
	struct its_vmm *v = churn->v;
	struct kvm_irq_routing_entry *entries = calloc(NR_GSIS, sizeof(*entries));

	TEST_ASSERT(entries, "calloc");
	for (u32 i = 0; i < NR_GSIS; i++) {
		struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEV, i);

		entries[i] = its_vmm_route_msi(i, &msi);
	}
	for (; !churn->stop || !churn->rounds; churn->rounds++) {
		int fd = eventfd(0, 0);

		set_routes(v, entries, NR_GSIS / 2 + churn->rounds % (NR_GSIS / 2));
		its_vmm_irqfd(v, fd, churn->rounds % NR_GSIS, 0);
		if (churn->rounds % 2)
			its_vmm_irqfd(v, fd, churn->rounds % NR_GSIS, KVM_IRQFD_FLAG_DEASSIGN);
		close(fd);
	}
	set_routes(v, entries, NR_GSIS);
	free(entries);
	return NULL;
}

TEST_F_TIMEOUT(routes, is_safe_under_churn, SLOW)
{
	struct churn churn = { };
	char *text;

	churn_start(&churn, &self->its, churn_routes);
	for (u32 i = 0; i < READS || churn.rounds < 2; i++) {
		ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
		text = read_rest(self->fd);
		EXPECT_GE(NR_GSIS, count_lines(_metadata, text, "gsi "));
		free(text);
	}
	churn_end(&churn);

	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	text = read_rest(self->fd);
	EXPECT_EQ(NR_GSIS, count_lines(_metadata, text, "gsi "));
	free(text);
}

TEST_HARNESS_MAIN
