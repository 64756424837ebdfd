// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_forward_test - LPIs of a device that VFIO passes through, which GICv4 may forward
 *
 * The device is QEMU's `edu`: a write to one of its registers has it send its MSI. The
 * test takes it away from its driver. Whether an LPI is forwarded is read in debugfs, what
 * is delivered is taken by a guest. Without GICv4 the same is delivered by software.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "its_taker.h"

#define GSI		40
#define EDU_RAISE	(0x60 / 4)
#define EDU_ACK		(0x64 / 4)

struct edu {
	char name[32];
	int container;
	int group;
	int fd;
	u32 *regs;
};

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, buf, size - 1);
	close(fd);
	buf[len < 0 ? 0 : len] = '\0';
	return len > 0;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static bool is_edu(const char *name)
{
	char path[PATH_MAX], id[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", name);
	if (!read_file(path, id, 16) || strcmp(id, "0x1234\n"))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", name);
	return read_file(path, id, 16) && !strcmp(id, "0x11e8\n");
}

static bool find_edu(struct edu *edu)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		found = entry->d_name[0] != '.' && is_edu(entry->d_name);
		if (found)
			snprintf(edu->name, sizeof(edu->name), "%.30s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Returns the number of its IOMMU group, or -1. */
static int give_to_vfio(struct edu *edu)
{
	char path[PATH_MAX], link[PATH_MAX] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", edu->name);
	write_file(path, "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", edu->name);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", edu->name);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return -1;
	return atoi(strrchr(link, '/') + 1);
}

static void map_edu(struct edu *edu)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = {
		.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	u16 command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	TEST_ASSERT(!ioctl(edu->fd, VFIO_DEVICE_GET_REGION_INFO, &config), "config space");
	TEST_ASSERT(pwrite(edu->fd, &command, 2, config.offset + PCI_COMMAND) == 2, "PCI_COMMAND");
	TEST_ASSERT(!ioctl(edu->fd, VFIO_DEVICE_GET_REGION_INFO, &bar), "BAR 0");
	edu->regs = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED, edu->fd, bar.offset);
	TEST_ASSERT(edu->regs != MAP_FAILED, "mmap: errno %d", errno);
}

static bool open_edu(struct edu *edu)
{
	char path[64];
	int nr;

	if (!find_edu(edu))
		return false;
	edu->container = open("/dev/vfio/vfio", O_RDWR);
	nr = give_to_vfio(edu);
	if (edu->container < 0 || nr < 0)
		return false;
	snprintf(path, sizeof(path), "/dev/vfio/%d", nr);
	edu->group = open(path, O_RDWR);
	TEST_ASSERT(edu->group >= 0, "%s: errno %d", path, errno);
	TEST_ASSERT(!ioctl(edu->group, VFIO_GROUP_SET_CONTAINER, &edu->container), "container");
	TEST_ASSERT(!ioctl(edu->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "IOMMU");
	edu->fd = ioctl(edu->group, VFIO_GROUP_GET_DEVICE_FD, edu->name);
	TEST_ASSERT(edu->fd >= 0, "%s: errno %d", edu->name, errno);
	map_edu(edu);
	return true;
}

static void close_edu(struct edu *edu)
{
	munmap(edu->regs, SZ_4K);
	close(edu->fd);
	close(edu->group);
	close(edu->container);
}

/* Its MSI signals @eventfd. */
static void set_trigger(struct edu *edu, int eventfd)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irqs = {
		.set = {
			.argsz = sizeof(irqs),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = 1,
		},
		.fd = eventfd,
	};

	TEST_ASSERT(!ioctl(edu->fd, VFIO_DEVICE_SET_IRQS, &irqs), "SET_IRQS: errno %d", errno);
}

static void clear_trigger(struct edu *edu)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSI_IRQ_INDEX,
	};

	TEST_ASSERT(!ioctl(edu->fd, VFIO_DEVICE_SET_IRQS, &set), "SET_IRQS: errno %d", errno);
}

/* Has it send its MSI. If the host takes that, it has done so after a moment. */
static void send(struct edu *edu)
{
	WRITE_ONCE(edu->regs[EDU_RAISE], 1);
	WRITE_ONCE(edu->regs[EDU_ACK], 1);
	usleep(20000);
}

/* The parameter is the host's, and its default is off. */
static bool has_gicv4(void)
{
	char line[1024];

	return read_file("/proc/cmdline", line, sizeof(line)) &&
	       strstr(line, "kvm-arm.vgic_v4_enable=1");
}

struct rig {
	struct its_vmm v;
	struct kvm_vcpu *vcpus[NR_GUEST_VCPUS];
	struct edu edu;
	int eventfd;
	bool gicv4;
	bool vm_is_closed;
};

static bool set_up_rig(struct rig *r)
{
	if (!open_edu(&r->edu))
		return false;
	r->gicv4 = has_gicv4();
	r->eventfd = eventfd(0, EFD_NONBLOCK);
	TEST_ASSERT(r->eventfd >= 0, "eventfd: errno %d", errno);
	set_up_guest(&r->v, r->vcpus, guest_takes);
	return true;
}

static void close_vm(struct rig *r)
{
	if (!r->vm_is_closed)
		its_vmm_destroy(&r->v);
	r->vm_is_closed = true;
}

static void tear_down_rig(struct rig *r)
{
	close_vm(r);
	close(r->eventfd);
	close_edu(&r->edu);
}

#define NO_EVENT	UINT_MAX

/* Route GSI to an event of DEV, or to nothing. */
static void route(struct its_vmm *v, u32 event)
{
	struct kvm_msi msi = its_vmm_msi(its_vmm_doorbell(v), DEV, event);
	struct {
		struct kvm_irq_routing header;
		struct kvm_irq_routing_entry entry;
	} table = {
		.header.nr = event != NO_EVENT,
		.entry = its_vmm_route_msi(GSI, &msi),
	};

	vm_ioctl(v->vm, KVM_SET_GSI_ROUTING, &table.header);
}

static void bind_irqfd(struct rig *r)
{
	its_vmm_irqfd(&r->v, r->eventfd, GSI, 0);
}

/* Binding makes the LPI forwarded, if that can be. */
static void connect_device(struct rig *r)
{
	bind_irqfd(r);
	set_trigger(&r->edu, r->eventfd);
}

static void unbind_irqfd(struct rig *r)
{
	its_vmm_irqfd(&r->v, r->eventfd, GSI, KVM_IRQFD_FLAG_DEASSIGN);
}

/* Whether debugfs has it that the LPI of an event is forwarded. */
static bool is_forwarded(struct its_vmm *v, u32 event)
{
	char path[128], line[256], prefix[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-its@%llx", getpid(),
		 v->vm->fd, (unsigned long long)GITS_BASE_GPA);
	snprintf(prefix, sizeof(prefix), "  event %u lpi %u ", event, LPI(event));
	file = fopen(path, "r");
	TEST_ASSERT(file, "%s: errno %d", path, errno);
	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, prefix, strlen(prefix)) && strstr(line, " hw\n");
	fclose(file);
	return found;
}

#define EXPECT_FORWARDED(r, event, when)	\
	check_forwarded(_metadata, r, event, when, __LINE__)

static void check_forwarded(struct __test_metadata *_metadata, struct rig *r, u32 event,
			    bool when, int line)
{
	EXPECT_EQ(r->gicv4 && when, is_forwarded(&r->v, event)) {
		TH_LOG("from line %d", line);
	}
}

/* Takes the LPI while it is pending. Returns how often it was. */
static u32 takes(struct rig *r, u32 event)
{
	struct kvm_vcpu *vcpu = r->vcpus[event / EVENTS_PER_VCPU];
	u32 n = 0, intid;

	while ((intid = take(vcpu)) != IAR_SPURIOUS) {
		TEST_ASSERT_EQ(LPI(event), intid);
		n++;
	}
	return n;
}

/* What the device sends is taken, once. */
#define EXPECT_SENDS(r, event)	check_sends(_metadata, r, event, __LINE__)

static void check_sends(struct __test_metadata *_metadata, struct rig *r, u32 event, int line)
{
	send(&r->edu);
	EXPECT_EQ(1, takes(r, event)) {
		TH_LOG("from line %d", line);
	}
}

/* The vCPU @to alone takes the LPI of event 0, once. */
#define EXPECT_TAKEN_BY(r, to)	check_taken_by(_metadata, r, to, __LINE__)

static void check_taken_by(struct __test_metadata *_metadata, struct rig *r, u32 to, int line)
{
	EXPECT_EQ(IAR_SPURIOUS, take(r->vcpus[!to])) {
		TH_LOG("from line %d", line);
	}
	EXPECT_EQ(LPI(0), take(r->vcpus[to])) {
		TH_LOG("from line %d", line);
	}
	EXPECT_EQ(IAR_SPURIOUS, take(r->vcpus[to])) {
		TH_LOG("from line %d", line);
	}
}

/* How often the eventfd was signalled since it was read. */
static u64 signalled(struct rig *r)
{
	u64 count;

	return read(r->eventfd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* The host takes what the device sends, and the guest does not. */
#define EXPECT_HOST(r)	check_host(_metadata, r, __LINE__)

static void check_host(struct __test_metadata *_metadata, struct rig *r, int line)
{
	send(&r->edu);
	EXPECT_EQ(1, signalled(r)) {
		TH_LOG("from line %d", line);
	}
}

/* Binding, in either order. */

FIXTURE(forward)
{
	struct rig r;
};

FIXTURE_SETUP(forward)
{
	if (!set_up_rig(&self->r))
		SKIP(return, "no edu device behind an IOMMU");
}

FIXTURE_TEARDOWN(forward)
{
	tear_down_rig(&self->r);
}

TEST_F(forward, irqfd_first)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	bind_irqfd(r);
	EXPECT_FORWARDED(r, 0, false);
	set_trigger(&r->edu, r->eventfd);
	EXPECT_FORWARDED(r, 0, true);
	for (u32 i = 0; i < 10; i++)
		EXPECT_SENDS(r, 0);
	clear_trigger(&r->edu);
	EXPECT_FORWARDED(r, 0, false);
}

TEST_F(forward, device_first)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	set_trigger(&r->edu, r->eventfd);
	EXPECT_HOST(r);
	bind_irqfd(r);
	EXPECT_FORWARDED(r, 0, true);
	for (u32 i = 0; i < 10; i++)
		EXPECT_SENDS(r, 0);
	unbind_irqfd(r);
	EXPECT_FORWARDED(r, 0, false);
	takes(r, 0);
	EXPECT_HOST(r);
	EXPECT_EQ(0, takes(r, 0));
}

/* Pending state survives each change; an interrupt too many is allowed. */

TEST_F(forward, pending_before)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	EXPECT_EQ(1, its_vmm_signal(&r->v, DEV, 0, KVM_MSI_VALID_DEVID));
	connect_device(r);
	EXPECT_FORWARDED(r, 0, true);
	EXPECT_EQ(1, takes(r, 0));
	EXPECT_SENDS(r, 0);
}

TEST_F(forward, pending_after)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	bind_irqfd(r);
	for (u32 i = 0; i < 3; i++) {
		set_trigger(&r->edu, r->eventfd);
		EXPECT_FORWARDED(r, 0, true);
		send(&r->edu);
		clear_trigger(&r->edu);
		EXPECT_FORWARDED(r, 0, false);
		EXPECT_EQ(1, takes(r, 0));
	}
}

/* Commands and configuration act on an LPI that is forwarded. */

TEST_F(forward, movi)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	connect_device(r);
	for (u32 i = 0; i < 10; i++) {
		u32 to = (i + 1) % NR_GUEST_VCPUS;

		send(&r->edu);	/* pending, and moved along */
		its_vmm_movi(&r->v, DEV, 0, to);
		EXPECT_FORWARDED(r, 0, true);
		EXPECT_TAKEN_BY(r, to);
	}
}

TEST_F(forward, mapc)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	connect_device(r);
	for (u32 i = 0; i < 10; i++) {
		u32 to = (i + 1) % NR_GUEST_VCPUS;

		send(&r->edu);
		its_vmm_mapc(&r->v, 0, to, true);
		EXPECT_TAKEN_BY(r, to);
	}
}

TEST_F(forward, int_and_clear)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	connect_device(r);
	its_vmm_int(&r->v, DEV, 0);
	EXPECT_EQ(1, takes(r, 0));
	send(&r->edu);
	its_vmm_clear(&r->v, DEV, 0);
	EXPECT_EQ(0, takes(r, 0));
	EXPECT_EQ(1, its_vmm_signal(&r->v, DEV, 0, KVM_MSI_VALID_DEVID));
	EXPECT_EQ(1, takes(r, 0));
	EXPECT_SENDS(r, 0);
}

TEST_F(forward, masked)
{
	struct rig *r = &self->r;

	route(&r->v, 0);
	connect_device(r);
	for (u32 i = 0; i < 3; i++) {
		its_vmm_set_config(&r->v, LPI(0), LPI_ENABLED & ~LPI_PROP_ENABLED);
		its_vmm_inv(&r->v, DEV, 0);
		send(&r->edu);
		EXPECT_EQ(0, takes(r, 0));
		its_vmm_set_config(&r->v, LPI(0), LPI_ENABLED);
		if (i % 2)
			its_vmm_invall(&r->v, 0);
		else
			its_vmm_inv(&r->v, DEV, 0);
		EXPECT_EQ(1, takes(r, 0));
	}
}

/* What the guest or the VMM does with an LPI before, or while, it is forwarded. */
enum deed {
	NOTHING,
	ITS_OFF,
	LPIS_OFF,
	NO_COLLECTION,
	UNMAPPED,
	OTHER_ROUTE,
	NO_ROUTE,
};

static void hinder(struct its_vmm *v, enum deed deed)
{
	switch (deed) {
	case NOTHING:
		break;
	case ITS_OFF:
		its_vmm_its_write(v, GITS_CTLR, 0);
		break;
	case LPIS_OFF:
		its_vmm_redist_write(v, 0, GICR_CTLR, 0);
		break;
	case NO_COLLECTION:
		its_vmm_mapc(v, 0, 0, false);
		break;
	case UNMAPPED:
		its_vmm_discard(v, DEV, 0);
		break;
	case OTHER_ROUTE:
		route(v, EVENTS_PER_VCPU);
		break;
	case NO_ROUTE:
		route(v, NO_EVENT);
		break;
	}
}

FIXTURE(hindered)
{
	struct rig r;
};

FIXTURE_VARIANT(hindered)
{
	enum deed deed;
};

FIXTURE_VARIANT_ADD(hindered, nothing) { .deed = NOTHING };
FIXTURE_VARIANT_ADD(hindered, its_off) { .deed = ITS_OFF };
FIXTURE_VARIANT_ADD(hindered, lpis_off) { .deed = LPIS_OFF };
FIXTURE_VARIANT_ADD(hindered, no_collection) { .deed = NO_COLLECTION };
FIXTURE_VARIANT_ADD(hindered, unmapped) { .deed = UNMAPPED };
FIXTURE_VARIANT_ADD(hindered, other_route) { .deed = OTHER_ROUTE };
FIXTURE_VARIANT_ADD(hindered, no_route) { .deed = NO_ROUTE };

FIXTURE_SETUP(hindered)
{
	if (!set_up_rig(&self->r))
		SKIP(return, "no edu device behind an IOMMU");
	route(&self->r.v, 0);
}

FIXTURE_TEARDOWN(hindered)
{
	tear_down_rig(&self->r);
}

/* Where it cannot be forwarded, binding is no error; the LPI of another route can be. */
static void check_hindered(struct __test_metadata *_metadata, struct rig *r, enum deed deed)
{
	EXPECT_FORWARDED(r, 0, deed == NOTHING);
	EXPECT_FORWARDED(r, EVENTS_PER_VCPU, deed == OTHER_ROUTE);
}

TEST_F(hindered, before_device_first)
{
	struct rig *r = &self->r;

	hinder(&r->v, variant->deed);
	set_trigger(&r->edu, r->eventfd);
	bind_irqfd(r);
	check_hindered(_metadata, r, variant->deed);
}

TEST_F(hindered, before_irqfd_first)
{
	struct rig *r = &self->r;

	hinder(&r->v, variant->deed);
	connect_device(r);
	check_hindered(_metadata, r, variant->deed);
}

/*
 * However forwarding ends, and whatever is in its way, the host has its interrupt back,
 * and can forward it in another VM. On a debug kernel: no memory is used that is free.
 */
static void begin(struct __test_metadata *_metadata, struct rig *r, enum deed deed)
{
	connect_device(r);
	EXPECT_FORWARDED(r, 0, true);
	hinder(&r->v, deed);
	send(&r->edu);
}

static void check_next_vm(struct __test_metadata *_metadata, struct rig *r)
{
	close_vm(r);
	signalled(r);
	EXPECT_HOST(r);

	set_up_guest(&r->v, r->vcpus, guest_takes);
	r->vm_is_closed = false;
	route(&r->v, 1);
	bind_irqfd(r);
	EXPECT_FORWARDED(r, 1, true);
	EXPECT_SENDS(r, 1);
	EXPECT_EQ(0, takes(r, 0));
}

TEST_F(hindered, irqfd_unbound)
{
	struct rig *r = &self->r;

	begin(_metadata, r, variant->deed);
	unbind_irqfd(r);
	EXPECT_FORWARDED(r, 0, false);
	check_next_vm(_metadata, r);
}

TEST_F(hindered, device_unbound)
{
	struct rig *r = &self->r;

	begin(_metadata, r, variant->deed);
	clear_trigger(&r->edu);
	EXPECT_FORWARDED(r, 0, false);
	set_trigger(&r->edu, r->eventfd);
	check_next_vm(_metadata, r);
}

TEST_F(hindered, vm_closed)
{
	struct rig *r = &self->r;

	begin(_metadata, r, variant->deed);
	close_vm(r);
	check_next_vm(_metadata, r);
}

TEST_F(hindered, device_closed)
{
	struct rig *r = &self->r;

	begin(_metadata, r, variant->deed);
	close_edu(&r->edu);
	close_vm(r);
	ASSERT_TRUE(open_edu(&r->edu));
	set_trigger(&r->edu, r->eventfd);
	check_next_vm(_metadata, r);
}

/*
 * A route that is changed or removed ends forwarding before the ioctl returns, and what
 * was pending stays so. By another route the LPI is delivered, forwarded or not.
 */
static void check_rerouted(struct __test_metadata *_metadata, struct rig *r, enum deed deed)
{
	route(&r->v, 0);
	connect_device(r);
	EXPECT_FORWARDED(r, 0, true);
	send(&r->edu);
	hinder(&r->v, deed);
	EXPECT_FORWARDED(r, 0, false);
	EXPECT_EQ(1, takes(r, 0));
	if (deed == OTHER_ROUTE)
		EXPECT_SENDS(r, EVENTS_PER_VCPU);
	else
		send(&r->edu);
	EXPECT_EQ(0, takes(r, 0));

	route(&r->v, 0);
	EXPECT_SENDS(r, 0);
}

TEST_F(forward, other_route)
{
	check_rerouted(_metadata, &self->r, OTHER_ROUTE);
}

TEST_F(forward, no_route)
{
	check_rerouted(_metadata, &self->r, NO_ROUTE);
}

TEST_HARNESS_MAIN
