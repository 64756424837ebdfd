// SPDX-License-Identifier: GPL-2.0-only
/*
 * msi_devid_test - MSIs that bring a DeviceID, and the capability that tells a
 * VMM whether they have to
 */
#include <linux/sizes.h>
#include <stddef.h>
#include <sys/eventfd.h>

#include "its_vmm.h"
#include "gic_v3_its.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "ucall.h"
#include "vgic.h"

#define GSI		40
#define SPI_GSI		41
#define SPI_PIN		5
#define SLOW		300	/* s: the test is not quick on a debug kernel */

/* What both sides of the ioctls agreed on before there were DeviceIDs. */
kvm_static_assert(sizeof(struct kvm_msi) == 32);
kvm_static_assert(offsetof(struct kvm_msi, data) == 8);
kvm_static_assert(offsetof(struct kvm_msi, flags) == 12);
kvm_static_assert(offsetof(struct kvm_msi, devid) == 16);
kvm_static_assert(sizeof(struct kvm_irq_routing) == 8);
kvm_static_assert(offsetof(struct kvm_irq_routing, entries) == 8);
kvm_static_assert(sizeof(struct kvm_irq_routing_entry) == 48);
kvm_static_assert(offsetof(struct kvm_irq_routing_entry, type) == 4);
kvm_static_assert(offsetof(struct kvm_irq_routing_entry, flags) == 8);
kvm_static_assert(offsetof(struct kvm_irq_routing_entry, u) == 16);
kvm_static_assert(sizeof(struct kvm_irq_routing_msi) == 16);
kvm_static_assert(offsetof(struct kvm_irq_routing_msi, data) == 8);
kvm_static_assert(offsetof(struct kvm_irq_routing_msi, devid) == 12);
kvm_static_assert(offsetof(struct kvm_irq_routing_msi, pad) == 12);
kvm_static_assert(sizeof(struct kvm_irqfd) == 32);
kvm_static_assert(KVM_SIGNAL_MSI == 0x4020aea5);
kvm_static_assert(KVM_SET_GSI_ROUTING == 0x4008ae6a);
kvm_static_assert(KVM_IRQFD == 0x4020ae76);

static int signal_msi(struct kvm_vm *vm, const struct kvm_msi *msi)
{
	int ret = __vm_ioctl(vm, KVM_SIGNAL_MSI, msi);

	return ret < 0 ? -errno : ret;
}

/* Makes one or two entries the table of routes. */
static int set_routes(struct kvm_vm *vm, const struct kvm_irq_routing_entry *one,
		      const struct kvm_irq_routing_entry *two)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[2];
	} table = { .header.nr = two ? 2 : 1, .entries[0] = *one };

	if (two)
		table.entries[1] = *two;
	return __vm_ioctl(vm, KVM_SET_GSI_ROUTING, &table.header) ? -errno : 0;
}

static int route_msi(struct kvm_vm *vm, const struct kvm_msi *msi)
{
	struct kvm_irq_routing_entry entry = its_vmm_route_msi(GSI, msi);

	return set_routes(vm, &entry, NULL);
}

/* Raises a GSI by an irqfd; KVM is done with it, delivered or not, on return. */
static void raise_gsi(struct its_vmm *its, u32 gsi)
{
	int fd = eventfd(0, 0);

	its_vmm_irqfd(its, fd, gsi, 0);
	its_vmm_raise_irqfd(its, fd, gsi);
	close(fd);
}

/* The answer, or -errno. */
static int needs_devid(struct kvm_vm *vm)
{
	int ret = __vm_ioctl(vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_MSI_DEVID);

	return ret < 0 ? -errno : ret;
}

TEST(capability_of_no_vm)
{
	int kvm = open_kvm_dev_path_or_exit();

	EXPECT_EQ(0, ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID));
	close(kvm);
}

FIXTURE(capability)
{
	struct its_vmm its;
};

FIXTURE_SETUP(capability)
{
	its_vmm_create_vm(&self->its, 1);
	ASSERT_EQ(0, needs_devid(self->its.vm));
}

FIXTURE_TEARDOWN(capability)
{
	ASSERT_EQ(self->its.its_fd >= 0, needs_devid(self->its.vm));
	its_vmm_destroy(&self->its);
}

/* Where KVM lets an ITS be created without a GICv3, it is one all the same. */
static void check_its_alone(struct __test_metadata *_metadata, struct its_vmm *its)
{
	its->its_fd = __kvm_create_device(its->vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	EXPECT_EQ(its->its_fd >= 0, needs_devid(its->vm));
}

TEST_F(capability, no_gic)
{
	check_its_alone(_metadata, &self->its);
}

TEST_F(capability, gicv2)
{
	struct kvm_vm *vm = self->its.vm;

	if (__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2))
		SKIP(return, "no GICv2");
	self->its.gic_fd = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2);
	EXPECT_EQ(0, needs_devid(vm));
	check_its_alone(_metadata, &self->its);
}

TEST_F(capability, gicv3)
{
	its_vmm_add_gic(&self->its);
	EXPECT_EQ(0, needs_devid(self->its.vm));

	/* To ask whether it could be created creates none. */
	EXPECT_EQ(0, __kvm_test_create_device(self->its.vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
	EXPECT_EQ(0, needs_devid(self->its.vm));
}

TEST_F(capability, its)
{
	its_vmm_add_gic(&self->its);
	its_vmm_add_its(&self->its);
	EXPECT_EQ(1, needs_devid(self->its.vm));
	its_vmm_enable(&self->its);
	EXPECT_EQ(1, needs_devid(self->its.vm));
}

/* It is the creation that counts, not what is done to the ITS later. */
TEST_F(capability, its_not_initialised)
{
	struct its_vmm *its = &self->its;

	its->gic_fd = kvm_create_device(its->vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	EXPECT_EQ(0, needs_devid(its->vm));
	its->its_fd = kvm_create_device(its->vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	EXPECT_EQ(1, needs_devid(its->vm));
}

/* VMs do not answer for each other. */
TEST_F(capability, two_vms)
{
	struct its_vmm other;

	its_vmm_create(&other, 1);
	EXPECT_EQ(1, needs_devid(other.vm));
	EXPECT_EQ(0, needs_devid(self->its.vm));
	its_vmm_destroy(&other);
}

/* VMs whose capability is 0. */

FIXTURE(no_devid)
{
	struct its_vmm its;
};

/* @device: the GIC, or 0. @signal: what an MSI without a DeviceID yields. */
FIXTURE_VARIANT(no_devid)
{
	u32 device;
	int signal;
};

FIXTURE_VARIANT_ADD(no_devid, no_gic) { .signal = -EINVAL };
FIXTURE_VARIANT_ADD(no_devid, gicv2) {
	.device = KVM_DEV_TYPE_ARM_VGIC_V2, .signal = -ENODEV,
};

FIXTURE_VARIANT_ADD(no_devid, gicv3) {
	.device = KVM_DEV_TYPE_ARM_VGIC_V3, .signal = -ENODEV,
};

FIXTURE_SETUP(no_devid)
{
	struct its_vmm *its = &self->its;

	its_vmm_create_vm(its, 1);
	if (!variant->device)
		return;
	if (__kvm_test_create_device(its->vm, variant->device))
		SKIP(return, "no such GIC");
	if (variant->device == KVM_DEV_TYPE_ARM_VGIC_V3)
		its_vmm_add_gic(its);
	else
		its->gic_fd = kvm_create_device(its->vm, variant->device);
}

FIXTURE_TEARDOWN(no_devid)
{
	its_vmm_destroy(&self->its);
}

static const struct kvm_msi plain_msi = {
	.address_lo = (u32)ITS_VMM_DOORBELL,
	.address_hi = ITS_VMM_DOORBELL >> 32,
};

TEST_F(no_devid, signal)
{
	struct kvm_msi msi = plain_msi;

	EXPECT_EQ(variant->signal, signal_msi(self->its.vm, &msi));
	for (u32 bit = 0; bit < 32; bit++) {
		msi.flags = BIT(bit);
		EXPECT_EQ(bit ? -EINVAL : variant->signal, signal_msi(self->its.vm, &msi)) {
			TH_LOG("flag %u", bit);
		}
	}
}

TEST_F(no_devid, route)
{
	struct kvm_msi msi = plain_msi;

	EXPECT_EQ(0, route_msi(self->its.vm, &msi));
	for (u32 bit = 0; bit < 32; bit++) {
		msi.flags = BIT(bit);
		EXPECT_EQ(bit ? -EINVAL : 0, route_msi(self->its.vm, &msi)) {
			TH_LOG("flag %u", bit);
		}
	}
}

/* Whether SPI_GSI reaches its pin. */
static bool spi_arrives(struct its_vmm *its)
{
	u32 pending;

	its_vmm_dist_write(its, ITS_VMM_SPI_ICFGR, 0xaaaaaaaa);	/* edge-triggered */
	raise_gsi(its, SPI_GSI);
	pending = its_vmm_dist_read(its, ITS_VMM_SPI_ISPENDR);
	its_vmm_dist_write(its, ITS_VMM_SPI_ICPENDR, ~0u);
	return pending == BIT(SPI_PIN);
}

/* A refused route leaves the routes that were there. */
TEST_F(no_devid, route_changes_nothing)
{
	struct kvm_irq_routing_entry spi, bad_spi, msi;
	struct kvm_vm *vm = self->its.vm;
	struct kvm_msi devid = plain_msi;

	if (variant->device != KVM_DEV_TYPE_ARM_VGIC_V3)
		SKIP(return, "no interrupt to look at");

	devid.flags = KVM_MSI_VALID_DEVID | BIT(1);
	msi = its_vmm_route_msi(GSI, &devid);
	spi = its_vmm_route_spi(SPI_GSI, SPI_PIN);
	bad_spi = spi;
	bad_spi.flags = KVM_MSI_VALID_DEVID;
	ASSERT_EQ(0, set_routes(vm, &spi, NULL));
	EXPECT_TRUE(spi_arrives(&self->its));
	EXPECT_EQ(-EINVAL, set_routes(vm, &msi, NULL));
	EXPECT_TRUE(spi_arrives(&self->its));
	EXPECT_EQ(-EINVAL, set_routes(vm, &spi, &msi));
	EXPECT_EQ(-EINVAL, set_routes(vm, &bad_spi, NULL));
	EXPECT_TRUE(spi_arrives(&self->its));
}

/* VMs whose capability is 1. */

static const char * const counters[] = {
	"msi_no_devid", "msi_no_doorbell", "msi_its_disabled", "msi_device_unmapped",
	"msi_event_unmapped", "msi_collection_unmapped", "msi_target_absent",
	"msi_lpis_disabled",
};

struct counts {
	u64 by[ARRAY_SIZE(counters)];
};

/* Kernels without the counters fail the test "counters", not each other one. */
static struct counts read_counts(struct its_vmm *its)
{
	struct counts counts = { };

	for (u32 i = 0; i < ARRAY_SIZE(counters); i++) {
		if (its_vmm_has_stat(its, counters[i]))
			counts.by[i] = its_vmm_stat(its, counters[i]);
	}
	return counts;
}

TEST_F(capability, counters)
{
	for (u32 i = 0; i < ARRAY_SIZE(counters); i++) {
		ASSERT_TRUE(its_vmm_has_stat(&self->its, counters[i]));
		EXPECT_EQ(0, its_vmm_stat(&self->its, counters[i]));
	}
}

/* The devices and events that are mapped, all to vCPU 0. */
#define NR_DEVICES	3	/* from 1 on */
#define NR_EVENTS	4
#define LPI(devid, event) (8192 + (devid) * NR_EVENTS + (event))

#define DEVID		2
#define EVENT		1

FIXTURE(msi)
{
	struct its_vmm its;
};

/*
 * @address, @devid, @event, @flags: The MSI, sent to a VM with an ITS.
 * @block: What the guest does before, if anything.
 * @ret: What KVM_SIGNAL_MSI returns.
 * @counter: The counter that goes up by one, if any.
 */
FIXTURE_VARIANT(msi)
{
	u64 address;
	u32 devid;
	u32 event;
	u32 flags;
	void (*block)(struct its_vmm *its);
	int ret;
	const char *counter;
};

static void disable_its(struct its_vmm *its)
{
	its_vmm_its_write(its, GITS_CTLR, 0);
}

static void disable_lpis(struct its_vmm *its)
{
	its_vmm_redist_write(its, 0, GICR_CTLR, 0);
}

static void unmap_collection(struct its_vmm *its)
{
	its_vmm_mapc(its, 0, 0, false);
}

static void unmap_device(struct its_vmm *its)
{
	its_vmm_mapd(its, DEVID, false);
}

static void unmap_event(struct its_vmm *its)
{
	its_vmm_discard(its, DEVID, EVENT);
}

#define MSI_TO(_address, _devid, _event, _flags)			\
	.address = (_address), .devid = (_devid), .event = (_event), .flags = (_flags)
#define MSI_FLAGS(_flags)	MSI_TO(ITS_VMM_DOORBELL, DEVID, EVENT, _flags)
#define MSI(_devid, _event)	\
	MSI_TO(ITS_VMM_DOORBELL, _devid, _event, KVM_MSI_VALID_DEVID)
#define NO_DOORBELL(_address)	\
	MSI_TO(_address, DEVID, EVENT, KVM_MSI_VALID_DEVID),	\
	.ret = -EINVAL, .counter = "msi_no_doorbell"
#define NO_DEVICE(_devid)	MSI(_devid, EVENT), .counter = "msi_device_unmapped"
#define NO_EVENT(_event)	MSI(DEVID, _event), .counter = "msi_event_unmapped"
#define BLOCKED(_block, _counter)	\
	MSI(DEVID, EVENT), .block = (_block), .counter = (_counter)

FIXTURE_VARIANT_ADD(msi, delivered) { MSI(DEVID, EVENT), .ret = 1 };
FIXTURE_VARIANT_ADD(msi, other_device) { MSI(DEVID + 1, EVENT), .ret = 1 };
FIXTURE_VARIANT_ADD(msi, other_event) { MSI(DEVID, EVENT + 1), .ret = 1 };

FIXTURE_VARIANT_ADD(msi, no_flag) {
	MSI_FLAGS(0), .ret = -EINVAL, .counter = "msi_no_devid",
};

FIXTURE_VARIANT_ADD(msi, flag_1) { MSI_FLAGS(BIT(1)), .ret = -EINVAL };
FIXTURE_VARIANT_ADD(msi, flag_31) { MSI_FLAGS(BIT(31)), .ret = -EINVAL };
FIXTURE_VARIANT_ADD(msi, flags_0_and_1) {
	MSI_FLAGS(KVM_MSI_VALID_DEVID | BIT(1)), .ret = -EINVAL,
};

FIXTURE_VARIANT_ADD(msi, flags_all) { MSI_FLAGS(~0u), .ret = -EINVAL };

FIXTURE_VARIANT_ADD(msi, doorbell_past) { NO_DOORBELL(ITS_VMM_DOORBELL + 4) };
FIXTURE_VARIANT_ADD(msi, doorbell_before) { NO_DOORBELL(ITS_VMM_DOORBELL - 4) };
FIXTURE_VARIANT_ADD(msi, doorbell_high) { NO_DOORBELL(ITS_VMM_DOORBELL | BIT(32)) };
FIXTURE_VARIANT_ADD(msi, doorbell_base) { NO_DOORBELL(GITS_BASE_GPA) };
FIXTURE_VARIANT_ADD(msi, doorbell_gicd) { NO_DOORBELL(GICD_BASE_GPA) };
FIXTURE_VARIANT_ADD(msi, doorbell_0) { NO_DOORBELL(0) };
FIXTURE_VARIANT_ADD(msi, doorbell_max) { NO_DOORBELL(~0ULL) };

FIXTURE_VARIANT_ADD(msi, device_0) { NO_DEVICE(0) };
FIXTURE_VARIANT_ADD(msi, device_unmapped) { NO_DEVICE(NR_DEVICES + 1) };
FIXTURE_VARIANT_ADD(msi, device_last) { NO_DEVICE(0xffff) };
FIXTURE_VARIANT_ADD(msi, device_wide) { NO_DEVICE(0x10000) };
/* A DeviceID that is mapped, were the bits that the ITS has not cut off. */
FIXTURE_VARIANT_ADD(msi, device_wide_low) { NO_DEVICE(0x10000 | DEVID) };
FIXTURE_VARIANT_ADD(msi, device_bit_31) { NO_DEVICE(BIT(31) | DEVID) };
FIXTURE_VARIANT_ADD(msi, device_max) { NO_DEVICE(~0u) };
FIXTURE_VARIANT_ADD(msi, event_unmapped) { NO_EVENT(NR_EVENTS) };
FIXTURE_VARIANT_ADD(msi, event_past_itt) {
	NO_EVENT(BIT(ITS_VMM_EVENT_BITS) | EVENT),
};

FIXTURE_VARIANT_ADD(msi, event_wide) { NO_EVENT(0x10000 | EVENT) };
FIXTURE_VARIANT_ADD(msi, event_max) { NO_EVENT(~0u) };

FIXTURE_VARIANT_ADD(msi, its_disabled) { BLOCKED(disable_its, "msi_its_disabled") };
FIXTURE_VARIANT_ADD(msi, lpis_disabled) { BLOCKED(disable_lpis, "msi_lpis_disabled") };
FIXTURE_VARIANT_ADD(msi, collection_gone) {
	BLOCKED(unmap_collection, "msi_collection_unmapped"),
};

FIXTURE_VARIANT_ADD(msi, device_gone) { BLOCKED(unmap_device, "msi_device_unmapped") };
FIXTURE_VARIANT_ADD(msi, event_gone) { BLOCKED(unmap_event, "msi_event_unmapped") };

FIXTURE_SETUP(msi)
{
	its_vmm_create(&self->its, 1);
	its_vmm_mapc(&self->its, 0, 0, true);
	for (u32 devid = 1; devid <= NR_DEVICES; devid++) {
		its_vmm_mapd(&self->its, devid, true);
		for (u32 event = 0; event < NR_EVENTS; event++)
			its_vmm_mapti(&self->its, devid, event, LPI(devid, event), 0);
	}
}

FIXTURE_TEARDOWN(msi)
{
	its_vmm_destroy(&self->its);
}

/* Once delivered, what the ITS remembers of an event may be used. */
static void warm_up(struct its_vmm *its)
{
	for (u32 i = 0; i < 3; i++) {
		TEST_ASSERT_EQ(1, its_vmm_signal(its, DEVID, EVENT, KVM_MSI_VALID_DEVID));
		its_vmm_clear(its, DEVID, EVENT);
	}
}

/* Returns the LPI that is pending, of all that are mapped; 0 for none. */
static u32 pending_lpi(struct its_vmm *its)
{
	u32 found = 0;

	its_vmm_save_pending(its);
	for (u32 lpi = LPI(1, 0); lpi < LPI(NR_DEVICES + 1, 0); lpi++) {
		if (!its_vmm_saved(its, 0, lpi))
			continue;
		TEST_ASSERT(!found, "LPIs %u and %u are pending", found, lpi);
		found = lpi;
	}
	return found;
}

/* The DeviceID of a route that was set before there was an ITS. */
TEST_F(no_devid, takes_effect)
{
	struct kvm_msi msi = its_vmm_msi(ITS_VMM_DOORBELL, DEVID, EVENT);
	struct its_vmm *its = &self->its;

	if (variant->device != KVM_DEV_TYPE_ARM_VGIC_V3)
		SKIP(return, "no ITS");

	ASSERT_EQ(0, route_msi(its->vm, &msi));
	raise_gsi(its, GSI);
	its_vmm_add_its(its);
	its_vmm_enable(its);
	its_vmm_mapc(its, 0, 0, true);
	its_vmm_mapd(its, DEVID, true);
	its_vmm_mapti(its, DEVID, EVENT, LPI(DEVID, EVENT), 0);
	EXPECT_EQ(0, pending_lpi(its));
	raise_gsi(its, GSI);
	EXPECT_EQ(LPI(DEVID, EVENT), pending_lpi(its));
}

static struct kvm_msi variant_msi(const FIXTURE_VARIANT(msi) * variant)
{
	return (struct kvm_msi) {
		.address_lo = (u32)variant->address,
		.address_hi = variant->address >> 32,
		.data = variant->event,
		.flags = variant->flags,
		.devid = variant->devid,
	};
}

static void check_outcome(struct __test_metadata *_metadata, struct its_vmm *its,
			  const FIXTURE_VARIANT(msi) * variant, struct counts before)
{
	u32 lpi = variant->ret > 0 ? LPI(variant->devid, variant->event) : 0;
	struct counts after = read_counts(its);

	EXPECT_EQ(lpi, pending_lpi(its));
	for (u32 i = 0; i < ARRAY_SIZE(counters); i++) {
		bool up = variant->counter && !strcmp(variant->counter, counters[i]) &&
			  its_vmm_has_stat(its, counters[i]);

		EXPECT_EQ(before.by[i] + up, after.by[i]) {
			TH_LOG("counter %s", counters[i]);
		}
	}
}

static void check_signal(struct __test_metadata *_metadata, struct its_vmm *its,
			 const FIXTURE_VARIANT(msi) * variant)
{
	struct counts before = read_counts(its);
	struct kvm_msi msi = variant_msi(variant);

	if (variant->block)
		variant->block(its);
	EXPECT_EQ(variant->ret, signal_msi(its->vm, &msi));
	check_outcome(_metadata, its, variant, before);
}

TEST_F(msi, signal_cold)
{
	check_signal(_metadata, &self->its, variant);
}

TEST_F(msi, signal_warm)
{
	warm_up(&self->its);
	check_signal(_metadata, &self->its, variant);
}

/* Where a route's MSI leads is its guest's business; its flags are not. */
static void check_irqfd(struct __test_metadata *_metadata, struct its_vmm *its,
			const FIXTURE_VARIANT(msi) * variant)
{
	bool refused = variant->flags & ~KVM_MSI_VALID_DEVID;
	struct counts before = read_counts(its);
	struct kvm_msi msi = variant_msi(variant);

	EXPECT_EQ(refused ? -EINVAL : 0, route_msi(its->vm, &msi));
	if (variant->block)
		variant->block(its);
	raise_gsi(its, GSI);
	check_outcome(_metadata, its, variant, before);
}

TEST_F(msi, irqfd_cold)
{
	check_irqfd(_metadata, &self->its, variant);
}

TEST_F(msi, irqfd_warm)
{
	warm_up(&self->its);
	check_irqfd(_metadata, &self->its, variant);
}

/* A route without a DeviceID that was set before the ITS remains a placeholder. */
TEST_F(capability, routes_before_its)
{
	struct kvm_msi msi = plain_msi;
	struct its_vmm *its = &self->its;

	msi.data = EVENT;
	msi.devid = DEVID;
	its_vmm_add_gic(its);
	EXPECT_EQ(0, route_msi(its->vm, &msi));

	its_vmm_add_its(its);
	its_vmm_enable(its);
	its_vmm_mapc(its, 0, 0, true);
	its_vmm_mapd(its, DEVID, true);
	its_vmm_mapti(its, DEVID, EVENT, LPI(DEVID, EVENT), 0);
	warm_up(its);

	raise_gsi(its, GSI);
	EXPECT_EQ(0, pending_lpi(its));
	msi.flags = KVM_MSI_VALID_DEVID;
	EXPECT_EQ(0, route_msi(its->vm, &msi));
	raise_gsi(its, GSI);
	EXPECT_EQ(LPI(DEVID, EVENT), pending_lpi(its));
}

/* Devices that send the same address and data, seen from inside the guest. */

#define DEVICE_TABLE_SZ	SZ_512K	/* reaches the last DeviceID */
#define ITT_SZ		SZ_4K
#define SAME_EVENT	7
#define GUEST_LPI(i)	(8192 + (i))
#define GUEST_MSIS	120

/* Alike in the low byte, the high byte, or in nothing. */
static const u32 guest_devids[] = { 0x0001, 0x0100, 0x0101, 0x00ff, 0xffff };
#define NR_GUEST_DEVICES ARRAY_SIZE(guest_devids)

enum { G_COMMANDS, G_COLLECTIONS, G_CONFIG, G_PENDING, G_ITTS, G_DEVICES };
#define G_TABLE(i)	(guest_tables + (i) * SZ_64K)

static u64 guest_tables;	/* their address */

/* Written by the guest. */
static u64 acked[NR_GUEST_DEVICES];
static u64 strange;

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	if (intid >= GUEST_LPI(0) && intid < GUEST_LPI(NR_GUEST_DEVICES))
		acked[intid - GUEST_LPI(0)]++;
	else
		strange++;
	gic_set_eoi(intid);
}

static void guest_map_devices(void)
{
	void *commands = (void *)G_TABLE(G_COMMANDS);

	its_send_mapc_cmd(commands, 0, 0, true);
	for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
		/* A size that is 32 events to the library. */
		its_send_mapd_cmd(commands, guest_devids[i],
				  G_TABLE(G_ITTS) + i * ITT_SZ, BIT(5), true);
		its_send_mapti_cmd(commands, guest_devids[i], SAME_EVENT, 0, GUEST_LPI(i));
	}
	its_send_invall_cmd(commands, 0);
}

/* Takes what is pending, then reports. */
static void guest_main(void)
{
	gic_init(GIC_V3, 1);
	gic_rdist_enable_lpis(G_TABLE(G_CONFIG), SZ_64K, G_TABLE(G_PENDING));
	its_init(G_TABLE(G_COLLECTIONS), SZ_64K, G_TABLE(G_DEVICES), DEVICE_TABLE_SZ,
		 G_TABLE(G_COMMANDS), SZ_64K);
	guest_map_devices();
	local_irq_enable();

	for (;;) {
		isb();
		GUEST_SYNC(0);
	}
}

FIXTURE(guest)
{
	struct its_vmm its;
	struct kvm_vcpu *vcpu;
	u64 expected[NR_GUEST_DEVICES];
	int fds[NR_GUEST_DEVICES];
};

static void run_guest(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_ASSERT_EQ(UCALL_SYNC, uc.cmd);
}

/* The guest has its tables in the scratch memory. */
static void add_tables(struct its_vmm *its)
{
	u8 *config;

	guest_tables = its->scratch_gpa;
	sync_global_to_guest(its->vm, guest_tables);
	its_vmm_map_ram(its, SZ_64K * (G_COMMANDS + 1));
	config = addr_gpa2hva(its->vm, G_TABLE(G_CONFIG));
	memset(config, 0xa0 | LPI_PROP_GROUP1 | LPI_PROP_ENABLED, NR_GUEST_DEVICES);
}

FIXTURE_SETUP(guest)
{
	struct kvm_vm *vm = its_vmm_guest_vm(1, guest_main, &self->vcpu);

	its_vmm_guest_irqs(vm, &self->vcpu, 1, guest_irq);
	its_vmm_use_vm(&self->its, vm, 1);
	its_vmm_add_gic(&self->its);
	its_vmm_add_its(&self->its);
	its_vmm_map_frames(&self->its);
	add_tables(&self->its);
	for (u32 i = 0; i < NR_GUEST_DEVICES; i++)
		self->fds[i] = -1;
	run_guest(self->vcpu);
}

FIXTURE_TEARDOWN(guest)
{
	for (u32 i = 0; i < NR_GUEST_DEVICES; i++)
		close(self->fds[i]);
	its_vmm_destroy(&self->its);
}

static struct kvm_msi guest_msi(u32 i)
{
	return its_vmm_msi(ITS_VMM_DOORBELL, guest_devids[i], SAME_EVENT);
}

/* Lets the guest take what was sent, and compares its counts with ours. */
static void check_acked(struct __test_metadata *_metadata,
			FIXTURE_DATA(guest) * self)
{
	struct kvm_vm *vm = self->its.vm;

	run_guest(self->vcpu);
	sync_global_from_guest(vm, acked);
	sync_global_from_guest(vm, strange);
	for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
		ASSERT_EQ(self->expected[i], acked[i]) {
			TH_LOG("DeviceID %#x", guest_devids[i]);
		}
	}
	ASSERT_EQ(0, strange);
}

/* One after the other, two at a time, all at once: each cold, then warm. */
static bool sends(u32 round, u32 i)
{
	switch (round / NR_GUEST_DEVICES % 3) {
	case 0:
		return i == round % NR_GUEST_DEVICES;
	case 1:
		return i == round % NR_GUEST_DEVICES ||
		       i == (round * 2 + 1) % NR_GUEST_DEVICES;
	default:
		return true;
	}
}

TEST_F_TIMEOUT(guest, tells_devices_apart_signal, SLOW)
{
	for (u32 round = 0; round < GUEST_MSIS; round++) {
		for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
			struct kvm_msi msi = guest_msi(i);

			if (!sends(round, i))
				continue;
			ASSERT_EQ(1, signal_msi(self->its.vm, &msi));
			self->expected[i]++;
		}
		check_acked(_metadata, self);
	}
}

static void route_guest_devices(FIXTURE_DATA(guest) * self)
{
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entries[NR_GUEST_DEVICES];
	} table = { .header.nr = NR_GUEST_DEVICES };

	for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
		struct kvm_msi msi = guest_msi(i);

		table.entries[i] = its_vmm_route_msi(GSI + i, &msi);
		self->fds[i] = eventfd(0, 0);
		its_vmm_irqfd(&self->its, self->fds[i], GSI + i, 0);
	}
	vm_ioctl(self->its.vm, KVM_SET_GSI_ROUTING, &table.header);
}

TEST_F_TIMEOUT(guest, tells_devices_apart_irqfd, SLOW)
{
	route_guest_devices(self);
	for (u32 round = 0; round < GUEST_MSIS; round++) {
		for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
			if (!sends(round, i))
				continue;
			its_vmm_raise_irqfd(&self->its, self->fds[i], GSI + i);
			its_vmm_irqfd(&self->its, self->fds[i], GSI + i, 0);
			self->expected[i]++;
		}
		check_acked(_metadata, self);
	}
}

/* Without its DeviceID the same MSI reaches none of them. */
TEST_F_TIMEOUT(guest, no_devid_reaches_none, SLOW)
{
	for (u32 i = 0; i < NR_GUEST_DEVICES; i++) {
		struct kvm_msi msi = guest_msi(i);

		msi.flags = 0;
		ASSERT_EQ(-EINVAL, signal_msi(self->its.vm, &msi));
		ASSERT_EQ(0, route_msi(self->its.vm, &msi));
		raise_gsi(&self->its, GSI);
		check_acked(_metadata, self);

		msi.flags = KVM_MSI_VALID_DEVID;
		ASSERT_EQ(1, signal_msi(self->its.vm, &msi));
		self->expected[i]++;
		check_acked(_metadata, self);

		msi.flags = 0;
		ASSERT_EQ(-EINVAL, signal_msi(self->its.vm, &msi));
		raise_gsi(&self->its, GSI);
		check_acked(_metadata, self);
	}
}

TEST_HARNESS_MAIN
