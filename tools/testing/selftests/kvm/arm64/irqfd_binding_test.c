// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd_binding_test - KVM_IRQFD: who raises what, from when on, and until when
 *
 * GSIs lead to events of one device, each with an LPI of its own that stays
 * pending because no vCPU runs; so what has been raised is read from the pending
 * table. Level-triggered irqfds lead to an SPI, whose level is an attribute of the
 * GIC; a guest runs where one has to end an interrupt.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "fail_nth.h"
#include "its_vmm.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "vgic.h"

#define DEVID		3
#define NR_EVENTS	BIT(ITS_VMM_EVENT_BITS)
#define LPI(event)	(8192 + (event))
#define GSI		100		/* and up: GSI + n leads to event n */
#define SPI_PIN		5		/* of GSI SPI_PIN, too */
#define ALL_LEVEL	0		/* in ICFGR */
#define SLOW		300		/* s: the test is not quick on a debug kernel */

/* Routes. */

static int set_routing(struct its_vmm *v, bool update, u32 nr, u32 gsi, u32 event)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[NR_EVENTS + 1];
	} table = { .header.nr = nr + 1 };

	table.entries[nr] = its_vmm_route_spi(SPI_PIN, SPI_PIN);
	for (u32 i = 0; i < nr; i++) {
		struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEVID,
						 (event + i) % NR_EVENTS);

		table.entries[i] = its_vmm_route_msi(gsi + i, &msi);
	}
	if (update)
		return __vm_ioctl(v->vm, KVM_UPDATE_GSI_ROUTING, &table.header) ? -errno : 0;
	return __vm_ioctl(v->vm, KVM_SET_GSI_ROUTING, &table.header) ? -errno : 0;
}

/* Route @nr GSIs from GSI on, and the SPI's; no others. */
static void set_routes(struct its_vmm *v, u32 nr, u32 first_event)
{
	TEST_ASSERT_EQ(0, set_routing(v, false, nr, GSI, first_event));
}

static void create(struct its_vmm *v)
{
	its_vmm_create(v, 1);
	its_vmm_mapc(v, 0, 0, true);
	its_vmm_mapd(v, DEVID, true);
	for (u32 i = 0; i < NR_EVENTS; i++) {
		its_vmm_mapti(v, DEVID, i, LPI(i), 0);
		/* The first one of an event may take longer. */
		TEST_ASSERT_EQ(1, its_vmm_signal(v, DEVID, i, KVM_MSI_VALID_DEVID));
		its_vmm_clear(v, DEVID, i);
	}
	its_vmm_dist_write(v, ITS_VMM_SPI_ICFGR, ALL_LEVEL);
	set_routes(v, NR_EVENTS, 0);
}

/* Eventfds. */

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	TEST_ASSERT(fd >= 0, "eventfd: %d", errno);
	return fd;
}

/* What it holds, which is then 0. */
static u64 read_eventfd(int fd)
{
	u64 count = 0;

	if (read(fd, &count, sizeof(count)) < 0)
		TEST_ASSERT_EQ(EAGAIN, errno);
	return count;
}

static int try_irqfd(struct its_vmm *v, int fd, u32 gsi, u32 flags, int resamplefd)
{
	struct kvm_irqfd irqfd = {
		.fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd,
	};

	return __vm_ioctl(v->vm, KVM_IRQFD, &irqfd) ? -errno : 0;
}

static void bind(struct its_vmm *v, int fd, u32 gsi)
{
	TEST_ASSERT_EQ(0, try_irqfd(v, fd, gsi, 0, 0));
}

static void unbind(struct its_vmm *v, int fd, u32 gsi)
{
	TEST_ASSERT_EQ(0, try_irqfd(v, fd, gsi, KVM_IRQFD_FLAG_DEASSIGN, 0));
}

static void bind_level(struct its_vmm *v, int fd, u32 gsi, int resamplefd)
{
	TEST_ASSERT_EQ(0, try_irqfd(v, fd, gsi, KVM_IRQFD_FLAG_RESAMPLE, resamplefd));
}

static bool pending(struct its_vmm *v, u32 event)
{
	bool is = its_vmm_pending(v, 0, LPI(event));

	its_vmm_clear(v, DEVID, event);
	return is;
}

/* Whether a write to an eventfd raises the event. */
static bool raises(struct its_vmm *v, int fd, u32 event)
{
	its_vmm_signal_fd(fd);
	return pending(v, event);
}

FIXTURE(irqfd)
{
	struct its_vmm v;
	int fd;
};

FIXTURE_SETUP(irqfd)
{
	create(&self->v);
	self->fd = new_eventfd();
}

FIXTURE_TEARDOWN(irqfd)
{
	close(self->fd);
	its_vmm_destroy(&self->v);
}

TEST_F(irqfd, bind_unbind)
{
	struct its_vmm *v = &self->v;

	for (u32 i = 0; i < 10; i++) {
		bind(v, self->fd, GSI + i);
		EXPECT_TRUE(raises(v, self->fd, i));
		EXPECT_EQ(0, read_eventfd(self->fd));

		unbind(v, self->fd, GSI + i);
		EXPECT_FALSE(raises(v, self->fd, i));
		EXPECT_EQ(1, read_eventfd(self->fd));
	}
}

/* Only what is bound can be unbound; anything else is no error and does nothing. */
TEST_F(irqfd, unbind_what_is_not_bound)
{
	struct its_vmm *v = &self->v, other;
	int fd = new_eventfd();

	create(&other);
	bind(v, self->fd, GSI);
	unbind(v, self->fd, GSI + 1);
	unbind(v, fd, GSI);
	unbind(&other, self->fd, GSI);
	EXPECT_TRUE(raises(v, self->fd, 0));

	unbind(v, self->fd, GSI);
	unbind(v, self->fd, GSI);
	EXPECT_FALSE(raises(v, self->fd, 0));
	its_vmm_destroy(&other);
	close(fd);
}

TEST_F(irqfd, several_of_one_gsi)
{
	struct its_vmm *v = &self->v;
	int fds[8];

	for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = new_eventfd();
		bind(v, fds[i], GSI);
	}
	set_routes(v, NR_EVENTS, 7);
	for (u32 i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_TRUE(raises(v, fds[i], 7));

	/* The first, the last, and those in between. */
	for (u32 n = 0; n < ARRAY_SIZE(fds); n++) {
		u32 gone = n % 2 ? ARRAY_SIZE(fds) - 1 - n / 2 : n / 2;

		unbind(v, fds[gone], GSI);
		EXPECT_FALSE(raises(v, fds[gone], 7 - n % 2));
		close(fds[gone]);
		fds[gone] = -1;

		set_routes(v, NR_EVENTS, 7 - !(n % 2));
		for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
			if (fds[i] >= 0)
				EXPECT_TRUE(raises(v, fds[i], 7 - !(n % 2)));
		}
	}
}

/* It raises once what was written before it was bound, and holds nothing after. */
TEST_F(irqfd, count_when_bound)
{
	struct its_vmm *v = &self->v;

	its_vmm_signal_fd(self->fd);
	its_vmm_signal_fd(self->fd);
	bind(v, self->fd, GSI);
	unbind(v, self->fd, GSI);
	EXPECT_TRUE(pending(v, 0));
	EXPECT_EQ(0, read_eventfd(self->fd));
}

/* A writer that waits for room gets it. */
static void *blocked_writer(void *arg)
{
	u64 most = ~0ULL - 1;

	TEST_ASSERT(write(*(int *)arg, &most, sizeof(most)) == sizeof(most), "write");
	return NULL;
}

TEST_F(irqfd, writer_waits)
{
	struct its_vmm *v = &self->v;
	int fd = eventfd(1, 0);
	pthread_t writer;

	bind(v, fd, GSI);
	ASSERT_EQ(0, pthread_create(&writer, NULL, blocked_writer, &fd));
	usleep(20000);
	unbind(v, fd, GSI);
	ASSERT_EQ(0, pthread_join(writer, NULL));
	EXPECT_TRUE(pending(v, 0));
	close(fd);
}

/* Unbound by the last close, not by the first. */
TEST_F(irqfd, close_unbinds)
{
	struct its_vmm *v = &self->v;
	int copy, fd;

	bind(v, self->fd, GSI);
	copy = dup(self->fd);
	close(self->fd);
	EXPECT_TRUE(raises(v, copy, 0));
	close(copy);

	/* The next eventfd often is where the last one was. */
	for (u32 i = 0; i < 100; i++) {
		u32 event = i % NR_EVENTS;

		fd = new_eventfd();
		ASSERT_EQ(0, try_irqfd(v, fd, GSI + event, 0, 0));
		ASSERT_TRUE(raises(v, fd, event));
		close(fd);
	}
	self->fd = new_eventfd();
}

/* When the VM has gone, its eventfds are free. */
TEST_F(irqfd, vm_unbinds)
{
	struct its_vmm other;

	for (u32 i = 0; i < 3; i++) {
		create(&other);
		bind(&other, self->fd, GSI);
		EXPECT_TRUE(raises(&other, self->fd, 0));
		its_vmm_destroy(&other);
		its_vmm_signal_fd(self->fd);
		EXPECT_EQ(1, read_eventfd(self->fd));
	}
	bind(&self->v, self->fd, GSI);
	EXPECT_TRUE(raises(&self->v, self->fd, 0));
}

/* The routes come and go under what is bound. */
TEST_F(irqfd, table_shrinks)
{
	struct its_vmm *v = &self->v;
	int fds[NR_EVENTS], last = new_eventfd();

	for (u32 i = 0; i < NR_EVENTS; i++) {
		fds[i] = new_eventfd();
		bind(v, fds[i], GSI + i);
	}
	bind(v, last, ~0u);
	for (u32 nr = NR_EVENTS; nr--; ) {
		set_routes(v, nr, 0);
		EXPECT_FALSE(raises(v, fds[nr], nr));
		if (nr)
			EXPECT_TRUE(raises(v, fds[nr - 1], nr - 1));
	}
	its_vmm_signal_fd(last);
	unbind(v, last, ~0u);

	set_routes(v, NR_EVENTS, 0);
	for (u32 i = 0; i < NR_EVENTS; i++) {
		EXPECT_TRUE(raises(v, fds[i], i));
		close(fds[i]);
	}
	close(last);
}

/* An eventfd raises one GSI of one VM. */

FIXTURE(twice)
{
	struct its_vmm v;
	struct its_vmm other;
	int fd;
};

FIXTURE_VARIANT(twice)
{
	u32 first_flags;
	u32 gsi;
	u32 flags;
	bool other_vm;
};

FIXTURE_VARIANT_ADD(twice, same_gsi) { .gsi = GSI };
FIXTURE_VARIANT_ADD(twice, other_gsi) { .gsi = GSI + 1 };
FIXTURE_VARIANT_ADD(twice, other_vm) { .gsi = GSI, .other_vm = true };

FIXTURE_VARIANT_ADD(twice, other_vm_level) {
	.gsi = SPI_PIN, .flags = KVM_IRQFD_FLAG_RESAMPLE, .other_vm = true,
};

FIXTURE_VARIANT_ADD(twice, level) { .gsi = GSI, .flags = KVM_IRQFD_FLAG_RESAMPLE };

FIXTURE_VARIANT_ADD(twice, level_first) {
	.first_flags = KVM_IRQFD_FLAG_RESAMPLE, .gsi = GSI + 1,
};

FIXTURE_SETUP(twice)
{
	create(&self->v);
	create(&self->other);
	self->fd = new_eventfd();
}

FIXTURE_TEARDOWN(twice)
{
	close(self->fd);
	its_vmm_destroy(&self->v);
	its_vmm_destroy(&self->other);
}

TEST_F(twice, busy)
{
	struct its_vmm *second = variant->other_vm ? &self->other : &self->v;
	int resamplefd = new_eventfd();

	ASSERT_EQ(0, try_irqfd(&self->v, self->fd, GSI, variant->first_flags, resamplefd));
	for (u32 i = 0; i < 3; i++) {
		EXPECT_EQ(-EBUSY, try_irqfd(second, self->fd, variant->gsi, variant->flags,
					    resamplefd));
		EXPECT_TRUE(raises(&self->v, self->fd, 0));
	}
	EXPECT_FALSE(pending(&self->v, 1));
	EXPECT_FALSE(pending(&self->other, 0));

	unbind(&self->v, self->fd, GSI);
	EXPECT_EQ(0, try_irqfd(second, self->fd, variant->gsi, variant->flags, resamplefd));
	close(resamplefd);
}

/* What is refused. */

enum fd_kind { AN_EVENTFD, NO_FD, A_PIPE };

FIXTURE(refused)
{
	struct its_vmm v;
	int pipe[2];
};

FIXTURE_VARIANT(refused)
{
	u32 flags;
	enum fd_kind fd;
	enum fd_kind resamplefd;
	int err;
};

FIXTURE_VARIANT_ADD(refused, flag_2) { .flags = BIT(2), .err = -EINVAL };
FIXTURE_VARIANT_ADD(refused, flag_31) { .flags = BIT(31), .err = -EINVAL };

FIXTURE_VARIANT_ADD(refused, unbind_flag_2) {
	.flags = KVM_IRQFD_FLAG_DEASSIGN | BIT(2), .err = -EINVAL,
};

FIXTURE_VARIANT_ADD(refused, no_fd) { .fd = NO_FD, .err = -EBADF };
FIXTURE_VARIANT_ADD(refused, no_eventfd) { .fd = A_PIPE, .err = -EINVAL };

FIXTURE_VARIANT_ADD(refused, unbind_no_fd) {
	.flags = KVM_IRQFD_FLAG_DEASSIGN, .fd = NO_FD, .err = -EBADF,
};

FIXTURE_VARIANT_ADD(refused, unbind_no_eventfd) {
	.flags = KVM_IRQFD_FLAG_DEASSIGN, .fd = A_PIPE, .err = -EINVAL,
};

FIXTURE_VARIANT_ADD(refused, no_resamplefd) {
	.flags = KVM_IRQFD_FLAG_RESAMPLE, .resamplefd = NO_FD, .err = -EBADF,
};

FIXTURE_VARIANT_ADD(refused, resamplefd_no_eventfd) {
	.flags = KVM_IRQFD_FLAG_RESAMPLE, .resamplefd = A_PIPE, .err = -EINVAL,
};

FIXTURE_SETUP(refused)
{
	create(&self->v);
	TEST_ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(refused)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	its_vmm_destroy(&self->v);
}

static int fd_of(enum fd_kind kind, int eventfd, int pipe)
{
	return kind == AN_EVENTFD ? eventfd : kind == A_PIPE ? pipe : -1;
}

/* And nothing stays behind: the same eventfd can be bound afterwards. */
TEST_F(refused, binds_nothing)
{
	int fd = new_eventfd(), resamplefd = new_eventfd();

	for (u32 i = 0; i < 2; i++)
		EXPECT_EQ(variant->err,
			  try_irqfd(&self->v, fd_of(variant->fd, fd, self->pipe[0]), GSI,
				    variant->flags,
				    fd_of(variant->resamplefd, resamplefd, self->pipe[0])));
	its_vmm_signal_fd(fd);
	EXPECT_EQ(1, read_eventfd(fd));
	bind(&self->v, fd, GSI);
	EXPECT_TRUE(raises(&self->v, fd, 0));
	close(fd);
	close(resamplefd);
}

/* Before there is an interrupt controller to raise. */
TEST(too_early)
{
	struct its_vmm v;
	int fd = new_eventfd();

	its_vmm_create_vm(&v, 1);
	EXPECT_EQ(-EAGAIN, try_irqfd(&v, fd, GSI, 0, 0));
	EXPECT_EQ(0, try_irqfd(&v, fd, GSI, KVM_IRQFD_FLAG_DEASSIGN, 0));
	its_vmm_destroy(&v);
	close(fd);
}

/* Level-triggered. */

static bool level(int gic_fd)
{
	u64 attr = (u64)VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT | 32;
	u32 levels;

	kvm_device_attr_get(gic_fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr, &levels);
	return levels & BIT(SPI_PIN);
}

/* The last one to go takes the level along; resamplefd is not signalled. */
TEST_F(irqfd, level_goes_with_the_last)
{
	struct its_vmm *v = &self->v;
	int resamplefd = new_eventfd(), fds[3];

	for (u32 round = 0; round < 10; round++) {
		for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
			fds[i] = new_eventfd();
			bind_level(v, fds[i], SPI_PIN, resamplefd);
		}
		EXPECT_FALSE(level(v->gic_fd));
		its_vmm_signal_fd(fds[round % 3]);
		EXPECT_TRUE(level(v->gic_fd));
		for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
			EXPECT_TRUE(level(v->gic_fd));
			unbind(v, fds[i], SPI_PIN);
			close(fds[i]);
		}
		EXPECT_FALSE(level(v->gic_fd));
		EXPECT_EQ(0, read_eventfd(resamplefd));
	}
	close(resamplefd);
}

#define INTID	(32 + SPI_PIN)

static u32 ended;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid != INTID)
		return;
	gic_set_eoi(intid);
	WRITE_ONCE(ended, READ_ONCE(ended) + 1);
}

static void guest_main(void)
{
	gic_init(GIC_V3, 1);
	gic_irq_enable(INTID);
	local_irq_enable();
	for (;;) {
		isb();
		GUEST_SYNC(0);
	}
}

FIXTURE(resample)
{
	struct its_vmm v;	/* without ITS */
	struct kvm_vcpu *vcpu;
	int fds[2];
	int resamplefds[2];
};

static void run_guest(FIXTURE_DATA(resample) * self)
{
	struct ucall uc;

	vcpu_run(self->vcpu);
	switch (get_ucall(self->vcpu, &uc)) {
	case UCALL_SYNC:
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("ucall %lu", uc.cmd);
	}
	sync_global_from_guest(self->v.vm, ended);
}

FIXTURE_SETUP(resample)
{
	self->v.vm = its_vmm_guest_vm(1, guest_main, &self->vcpu);
	its_vmm_guest_irqs(self->v.vm, &self->vcpu, 1, guest_irq);
	self->v.its_fd = -1;
	self->v.gic_fd = vgic_v3_setup(self->v.vm, 1, 64);
	__TEST_REQUIRE(self->v.gic_fd >= 0, "no GICv3");
	its_vmm_dist_write(&self->v, ITS_VMM_SPI_ICFGR, ALL_LEVEL);
	run_guest(self);
	for (u32 i = 0; i < 2; i++) {
		self->fds[i] = new_eventfd();
		self->resamplefds[i] = new_eventfd();
		bind_level(&self->v, self->fds[i], SPI_PIN, self->resamplefds[i]);
	}
}

FIXTURE_TEARDOWN(resample)
{
	for (u32 i = 0; i < 2; i++) {
		close(self->fds[i]);
		close(self->resamplefds[i]);
	}
	its_vmm_destroy(&self->v);
}

/* The guest's end of interrupt takes the level back and signals all who share it. */
TEST_F(resample, end_of_interrupt)
{
	for (u32 i = 1; i < 10; i++) {
		its_vmm_signal_fd(self->fds[i % 2]);
		EXPECT_TRUE(level(self->v.gic_fd));
		EXPECT_EQ(0, read_eventfd(self->resamplefds[0]));

		run_guest(self);
		EXPECT_EQ(i, ended);
		EXPECT_FALSE(level(self->v.gic_fd));
		EXPECT_EQ(1, read_eventfd(self->resamplefds[0]));
		EXPECT_EQ(1, read_eventfd(self->resamplefds[1]));
	}
}

TEST_F(resample, unbound_is_not_signalled)
{
	unbind(&self->v, self->fds[0], SPI_PIN);
	its_vmm_signal_fd(self->fds[0]);
	its_vmm_signal_fd(self->fds[1]);
	run_guest(self);
	EXPECT_EQ(1, ended);
	EXPECT_EQ(0, read_eventfd(self->resamplefds[0]));
	EXPECT_EQ(1, read_eventfd(self->resamplefds[1]));

	/* What the eventfd holds raises it, by a work item. */
	bind_level(&self->v, self->fds[0], SPI_PIN, self->resamplefds[1]);
	for (u32 i = 0; i < 1000 && !level(self->v.gic_fd); i++)
		usleep(10000);
	run_guest(self);
	EXPECT_EQ(2, ended);
	EXPECT_EQ(2, read_eventfd(self->resamplefds[1]));
}

/* Set the route of a GSI to the SPI, or remove it. */
static void update_input(struct its_vmm *v, u32 gsi, bool set)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entry;
	} table = { .header.nr = 1, .entry.gsi = gsi };

	if (set)
		table.entry = its_vmm_route_spi(gsi, SPI_PIN);
	vm_ioctl(v->vm, KVM_UPDATE_GSI_ROUTING, &table.header);
}

/*
 * The end of an interrupt is told to one of the GSIs that lead to its input: to that whose
 * route changed last, or if that is removed, to the lowest.
 */
TEST_F(resample, several_gsis_of_an_input)
{
	const struct {
		u32 gsi;
		bool set;
		u32 told;
	} rows[] = {
		{ GSI + 1, true, 2 },
		{ GSI, true, 1 },
		{ GSI + 1, true, 1 },		/* nothing changes */
		{ GSI, false, 0 },
		{ GSI, true, 1 },
		{ SPI_PIN, false, 1 },
		{ GSI, false, 2 },
		{ SPI_PIN, true, 0 },
		{ GSI + 1, false, 0 },
	};
	int fds[] = { self->fds[0], self->fds[1], new_eventfd() };
	int resamplefds[] = { self->resamplefds[0], self->resamplefds[1], new_eventfd() };

	if (!vm_check_cap(self->v.vm, KVM_CAP_UPDATE_GSI_ROUTING))
		SKIP(return, "no KVM_CAP_UPDATE_GSI_ROUTING");

	unbind(&self->v, fds[1], SPI_PIN);
	bind_level(&self->v, fds[1], GSI, resamplefds[1]);
	bind_level(&self->v, fds[2], GSI + 1, resamplefds[2]);
	for (u32 n = 0; n < ARRAY_SIZE(rows); n++) {
		update_input(&self->v, rows[n].gsi, rows[n].set);
		its_vmm_signal_fd(fds[rows[n].told]);
		EXPECT_TRUE(level(self->v.gic_fd));
		run_guest(self);
		EXPECT_EQ(n + 1, ended);
		for (u32 i = 0; i < ARRAY_SIZE(fds); i++) {
			EXPECT_EQ(i == rows[n].told, read_eventfd(resamplefds[i])) {
				TH_LOG("row %u, eventfd %u", n, i);
			}
		}
	}
	close(fds[2]);
	close(resamplefds[2]);
}

struct level_churn {
	struct its_vmm *v;
	bool stop;
};

/* Resamplers come and go, that of the GSI under test and others. */
static void *level_churn_thread(void *arg)
{
	struct level_churn *churn = arg;
	int resamplefd = new_eventfd();

	for (u32 i = 0; !__atomic_load_n(&churn->stop, __ATOMIC_RELAXED); i++) {
		u32 gsi = SPI_PIN + i % 4;
		int fd = new_eventfd();

		bind_level(churn->v, fd, gsi, resamplefd);
		if (i % 3)
			unbind(churn->v, fd, gsi);
		close(fd);
	}
	close(resamplefd);
	return NULL;
}

/* None of the interrupts is lost, for as long as a VMM writes again when it is told to. */
TEST_F_TIMEOUT(resample, churn, SLOW)
{
	struct level_churn churn = { .v = &self->v };
	u64 end = now_ms() + 2000;
	pthread_t thread;
	u32 lost = 0, rounds = 0;

	/* On and off: the resampler of the GSI itself comes and goes as well. */
	unbind(&self->v, self->fds[1], SPI_PIN);
	ASSERT_EQ(0, pthread_create(&thread, NULL, level_churn_thread, &churn));
	while (now_ms() < end) {
		its_vmm_signal_fd(self->fds[0]);
		run_guest(self);
		run_guest(self);
		lost += !read_eventfd(self->resamplefds[0]);
		if (rounds++ % 2) {
			unbind(&self->v, self->fds[0], SPI_PIN);
			bind_level(&self->v, self->fds[0], SPI_PIN, self->resamplefds[0]);
		}
	}
	__atomic_store_n(&churn.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, lost) {
		TH_LOG("%u of %u", lost, rounds);
	}
}

/* Many. */

#define NR_MANY		4096
#define MANY_MS		30000

FIXTURE(many)
{
	struct its_vmm v;
	int fds[NR_MANY];
	int resamplefd;
};

FIXTURE_VARIANT(many)
{
	u32 flags;
	u32 nr_gsis;
	bool unbind;
};

FIXTURE_VARIANT_ADD(many, edge) { .nr_gsis = NR_MANY };
FIXTURE_VARIANT_ADD(many, edge_one_gsi) { .nr_gsis = 1 };
FIXTURE_VARIANT_ADD(many, level) { KVM_IRQFD_FLAG_RESAMPLE, .nr_gsis = NR_MANY };
FIXTURE_VARIANT_ADD(many, level_one_gsi) { KVM_IRQFD_FLAG_RESAMPLE, .nr_gsis = 1 };
FIXTURE_VARIANT_ADD(many, unbind) { .nr_gsis = NR_MANY, .unbind = true };

FIXTURE_SETUP(many)
{
	struct rlimit limit = { 2 * NR_MANY, 2 * NR_MANY };

	TEST_ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	create(&self->v);
	self->resamplefd = new_eventfd();
	for (u32 i = 0; i < NR_MANY; i++) {
		self->fds[i] = new_eventfd();
		TEST_ASSERT_EQ(0, try_irqfd(&self->v, self->fds[i], GSI + i % variant->nr_gsis,
					    variant->flags, self->resamplefd));
	}
}

FIXTURE_TEARDOWN(many)
{
	close(self->resamplefd);
}

/* All at once: what waits, waits for all of them. */
TEST_F_TIMEOUT(many, close, SLOW)
{
	u64 start = now_ms();
	int fd;

	EXPECT_TRUE(raises(&self->v, self->fds[0], 0));
	for (u32 i = 0; i < NR_MANY; i++) {
		if (variant->unbind)
			unbind(&self->v, self->fds[i], GSI + i);
		close(self->fds[i]);
	}
	fd = new_eventfd();
	EXPECT_EQ(0, try_irqfd(&self->v, fd, GSI, variant->flags, self->resamplefd));
	EXPECT_TRUE(raises(&self->v, fd, 0));
	its_vmm_destroy(&self->v);
	EXPECT_GT(MANY_MS, now_ms() - start);
	TH_LOG("%u: %llu ms", NR_MANY, (unsigned long long)(now_ms() - start));
	close(fd);
}

/* By the VM, which is gone when that returns. */
TEST_F_TIMEOUT(many, release, SLOW)
{
	u64 start = now_ms();

	its_vmm_destroy(&self->v);
	EXPECT_GT(MANY_MS, now_ms() - start);
	TH_LOG("%u: %llu ms", NR_MANY, (unsigned long long)(now_ms() - start));
	its_vmm_signal_fd(self->fds[0]);
	EXPECT_EQ(1, read_eventfd(self->fds[0]));
	for (u32 i = 0; i < NR_MANY; i++)
		close(self->fds[i]);
}

/*
 * Storm: all that can happen to an irqfd, at the same time. What goes wrong shows
 * as a complaint of the kernel, or in that nothing works afterwards.
 */

#define STORM_FDS	16
#define STORM_GSIS	8
#define STORM_MS	2500

struct storm {
	struct its_vmm *v;
	int fds[STORM_FDS];
	int resamplefd;
	bool has_update;
	bool stop;
};

static bool storm_goes_on(struct storm *storm)
{
	return !__atomic_load_n(&storm->stop, __ATOMIC_RELAXED);
}

static int storm_fd(struct storm *storm, u32 *seed)
{
	return __atomic_load_n(&storm->fds[rand_r(seed) % STORM_FDS], __ATOMIC_RELAXED);
}

/* An fd may be closed, or be another eventfd by now: errors are as good as success. */

static void *storm_signal(void *arg)
{
	struct storm *storm = arg;
	u32 seed = 1;
	u64 one = 1;

	while (storm_goes_on(storm))
		if (write(storm_fd(storm, &seed), &one, sizeof(one)) < 0)
			sched_yield();
	return NULL;
}

static void *storm_bind(void *arg)
{
	struct storm *storm = arg;
	u32 seed = 2;

	while (storm_goes_on(storm))
		try_irqfd(storm->v, storm_fd(storm, &seed), GSI + rand_r(&seed) % STORM_GSIS,
			  rand_r(&seed) % 4, storm->resamplefd);
	return NULL;
}

static void *storm_close(void *arg)
{
	struct storm *storm = arg;
	u32 seed = 3;

	while (storm_goes_on(storm)) {
		u32 i = rand_r(&seed) % STORM_FDS;
		int old = storm->fds[i];

		__atomic_store_n(&storm->fds[i], new_eventfd(), __ATOMIC_RELAXED);
		close(old);
		usleep(100);
	}
	return NULL;
}

static void *storm_route(void *arg)
{
	struct storm *storm = arg;
	u32 seed = 4;

	while (storm_goes_on(storm)) {
		bool update = storm->has_update && rand_r(&seed) % 2;

		TEST_ASSERT_EQ(0, set_routing(storm->v, update, rand_r(&seed) % STORM_GSIS, GSI,
					      rand_r(&seed) % NR_EVENTS));
	}
	return NULL;
}

/* Another VM takes some of the eventfds, and goes. */
static void *storm_vm(void *arg)
{
	struct storm *storm = arg;
	u32 seed = 5;

	while (storm_goes_on(storm)) {
		struct its_vmm v;

		create(&v);
		for (u32 i = 0; i < 4 * STORM_FDS; i++)
			try_irqfd(&v, storm_fd(storm, &seed), GSI + i % STORM_GSIS,
				  i % 2 ? KVM_IRQFD_FLAG_RESAMPLE : 0, storm->resamplefd);
		its_vmm_destroy(&v);
	}
	return NULL;
}

TEST_F_TIMEOUT(irqfd, storm, SLOW)
{
	void *(*const threads[])(void *) = {
		storm_signal, storm_signal, storm_bind, storm_bind, storm_close, storm_route,
		storm_vm,
	};
	struct storm storm = { .v = &self->v, .resamplefd = new_eventfd() };
	pthread_t ids[ARRAY_SIZE(threads)];
	int fd;

	storm.has_update = vm_check_cap(storm.v->vm, KVM_CAP_UPDATE_GSI_ROUTING);
	for (u32 i = 0; i < STORM_FDS; i++)
		storm.fds[i] = new_eventfd();

	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, threads[i], &storm));
	usleep(STORM_MS * 1000);
	__atomic_store_n(&storm.stop, true, __ATOMIC_RELAXED);
	for (u32 i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(ids[i], NULL);

	for (u32 i = 0; i < STORM_FDS; i++)
		close(storm.fds[i]);
	set_routes(storm.v, NR_EVENTS, 0);
	for (u32 i = 0; i < STORM_GSIS; i++) {
		fd = new_eventfd();
		bind(storm.v, fd, GSI + i);
		its_vmm_clear(storm.v, DEVID, i);
		EXPECT_TRUE(raises(storm.v, fd, i));
		close(fd);
	}
	close(storm.resamplefd);
}

/*
 * Unbind and bind against changes of the route, under a storm of signals: once a
 * call has returned, nothing comes by what it has ended.
 */

struct racer {
	struct its_vmm *v;
	int fd;
	u32 writes;
	bool stop;
};

static void *racer_signal(void *arg)
{
	struct racer *racer = arg;

	while (!__atomic_load_n(&racer->stop, __ATOMIC_RELAXED)) {
		its_vmm_signal_fd(racer->fd);
		__atomic_fetch_add(&racer->writes, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *racer_rebind(void *arg)
{
	struct racer *racer = arg;

	while (!__atomic_load_n(&racer->stop, __ATOMIC_RELAXED)) {
		unbind(racer->v, racer->fd, GSI);
		bind(racer->v, racer->fd, GSI);
	}
	return NULL;
}

static void racer_wait(struct racer *racer)
{
	u32 from = __atomic_load_n(&racer->writes, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&racer->writes, __ATOMIC_ACQUIRE) - from < 20)
		sched_yield();
}

TEST_F_TIMEOUT(irqfd, rebind_against_routes, SLOW)
{
	struct racer racer = { .v = &self->v, .fd = self->fd };
	pthread_t threads[2];

	bind(&self->v, self->fd, GSI);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, racer_signal, &racer));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, racer_rebind, &racer));
	for (u32 i = 0; i < 200; i++) {
		u32 old = i % NR_EVENTS;

		set_routes(&self->v, 1, old);
		racer_wait(&racer);
		set_routes(&self->v, i % 3 != 0, old + 1);
		its_vmm_clear(&self->v, DEVID, old);
		racer_wait(&racer);
		ASSERT_FALSE(pending(&self->v, old));
	}
	__atomic_store_n(&racer.stop, true, __ATOMIC_RELAXED);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

TEST_F_TIMEOUT(irqfd, silent_once_unbound, SLOW)
{
	struct racer racer = { .v = &self->v, .fd = self->fd };
	u32 before;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, racer_signal, &racer));
	for (u32 i = 0; i < 200; i++) {
		u32 event = i % NR_EVENTS;

		/* From the first one on: it has its route when it is bound. */
		bind(&self->v, self->fd, GSI + event);
		before = __atomic_load_n(&racer.writes, __ATOMIC_ACQUIRE);
		racer_wait(&racer);
		ASSERT_TRUE(pending(&self->v, event)) {
			TH_LOG("none of %u", racer.writes - before);
		}

		unbind(&self->v, self->fd, GSI + event);
		its_vmm_clear(&self->v, DEVID, event);
		racer_wait(&racer);
		ASSERT_FALSE(pending(&self->v, event));
	}
	__atomic_store_n(&racer.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* A binding that fails leaves nothing; bypassing is what it can do without. */
TEST_F_TIMEOUT(irqfd, no_memory, SLOW)
{
	int resamplefd = new_eventfd(), failing, ret = -ENOMEM;
	u32 bytes, refused = 0;

	failing = fail_after_open();
	if (failing < 0)
		SKIP(return, "no failslab");

	for (bytes = 0; ret && bytes < 16384; bytes += 64) {
		fail_after(failing, bytes);
		ret = try_irqfd(&self->v, self->fd, SPI_PIN, KVM_IRQFD_FLAG_RESAMPLE, resamplefd);
		fail_after_stop(failing);
		if (!ret)
			break;
		refused++;
		ASSERT_EQ(-ENOMEM, ret);
		its_vmm_signal_fd(self->fd);
		ASSERT_EQ(1, read_eventfd(self->fd));
		ASSERT_FALSE(level(self->v.gic_fd));
	}
	fail_after_close(failing);
	EXPECT_EQ(0, ret);
	/* The irqfd and its resampler, and a node for each to be found by. */
	EXPECT_LT(10, refused);
	its_vmm_signal_fd(self->fd);
	EXPECT_TRUE(level(self->v.gic_fd));
	TH_LOG("%u bytes, refused %u times with less", bytes, refused);
	close(resamplefd);
}

/*
 * It takes several nodes to find an irqfd whose GSI is far from those of others. What a
 * binding that fails has got of them goes with the VM at the latest: kmemleak sees what
 * stays. Each attempt has a path of its own, and none succeeds on it later.
 */
TEST_F_TIMEOUT(irqfd, no_memory_far, SLOW)
{
	int resamplefd = new_eventfd(), failing, ret = -ENOMEM;
	u32 bytes, refused = 0;

	failing = fail_after_open();
	if (failing < 0)
		SKIP(return, "no failslab");

	for (bytes = 0; bytes < 16384; bytes += 64) {
		u32 gsi = (1u << 30) + refused * (1u << 20);

		fail_after(failing, bytes);
		ret = try_irqfd(&self->v, self->fd, gsi, KVM_IRQFD_FLAG_RESAMPLE, resamplefd);
		fail_after_stop(failing);
		if (!ret)
			break;
		refused++;
		ASSERT_EQ(-ENOMEM, ret);
	}
	fail_after_close(failing);
	EXPECT_EQ(0, ret);
	EXPECT_LT(10, refused);
	TH_LOG("%u bytes, refused %u times with less", bytes, refused);
	close(resamplefd);
}

TEST_HARNESS_MAIN
