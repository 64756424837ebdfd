// SPDX-License-Identifier: GPL-2.0-only
/*
 * An MSI with a DeviceID, from the VMM's side: ask KVM_CAP_MSI_DEVID at each
 * stage of a VM's construction, route a GSI, raise it through an eventfd, and
 * read why it was not delivered. No guest code runs, so the guest has mapped
 * nothing in its ITS and every MSI is blocked.
 *
 * With a program as its argument, that watches the VM's statistics meanwhile:
 * msi-devid ./msi-reasons.
 *
 * For an arm64 host with a GICv3. Build it against the kernel's headers
 * (make headers_install):
 *
 *   aarch64-linux-gnu-gcc -static -Wall -Wextra -isystem usr/include msi-devid.c
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/kvm.h>

/* Where the interrupt controller is in the guest's physical address space. */
#define GICD_BASE	0x08000000ULL
#define ITS_BASE	0x08080000ULL
#define GICR_BASE	0x080a0000ULL

/* The register that devices write MSIs to, in the ITS's second 64 KiB frame. */
#define GITS_TRANSLATER	(ITS_BASE + 0x10040)

/* The device: PCI 00:02.0 behind a host bridge that maps IDs one to one. */
#define DEVICE_ID	(0 << 8 | 2 << 3 | 0)
#define EVENT_ID	5
#define GSI		32

static int check(const char *what, int ret)
{
	if (ret < 0)
		err(EXIT_FAILURE, "%s", what);
	return ret;
}

/* Some older kernels fail on /dev/kvm: an error is no. */
static int msi_needs_devid(int fd, const char *stage)
{
	int needs = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID) > 0;

	printf("KVM_CAP_MSI_DEVID %-24s %d\n", stage, needs);
	return needs;
}

static void create_vcpu(int vm)
{
	struct kvm_vcpu_init init = {};
	int vcpu = check("KVM_CREATE_VCPU", ioctl(vm, KVM_CREATE_VCPU, 0));

	check("KVM_ARM_PREFERRED_TARGET", ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init));
	check("KVM_ARM_VCPU_INIT", ioctl(vcpu, KVM_ARM_VCPU_INIT, &init));
}

static int create_device(int vm, __u32 type, const char *what)
{
	struct kvm_create_device device = { .type = type };

	check(what, ioctl(vm, KVM_CREATE_DEVICE, &device));
	return device.fd;
}

static void set_attr(int device, __u32 group, __u64 attr, __u64 *value)
{
	struct kvm_device_attr arg = {
		.group = group,
		.attr = attr,
		.addr = (uintptr_t)value,
	};

	check("KVM_SET_DEVICE_ATTR", ioctl(device, KVM_SET_DEVICE_ATTR, &arg));
}

/* Initialising the GIC also routes each GSI to the SPI of its number. */
static void create_gic(int vm)
{
	__u64 dist = GICD_BASE, redist = GICR_BASE;
	int gic = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3, "GICv3");

	set_attr(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	set_attr(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
	set_attr(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

static void create_its(int vm)
{
	__u64 base = ITS_BASE;
	int its = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, "ITS");

	set_attr(its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base);
	set_attr(its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* Replaces every route that the VM has, those of the SPIs included. */
static int set_route(int vm, int needs_devid)
{
	struct kvm_irq_routing *table;
	int ret, error;

	table = calloc(1, sizeof(*table) + sizeof(table->entries[0]));
	if (!table)
		err(EXIT_FAILURE, "calloc");

	table->nr = 1;
	table->entries[0].gsi = GSI;
	table->entries[0].type = KVM_IRQ_ROUTING_MSI;
	table->entries[0].u.msi.address_lo = (__u32)GITS_TRANSLATER;
	table->entries[0].u.msi.address_hi = GITS_TRANSLATER >> 32;
	table->entries[0].u.msi.data = EVENT_ID;
	if (needs_devid) {
		table->entries[0].flags = KVM_MSI_VALID_DEVID;
		table->entries[0].u.msi.devid = DEVICE_ID;
	}

	ret = ioctl(vm, KVM_SET_GSI_ROUTING, table);
	error = errno;
	free(table);
	errno = error;
	return ret;
}

static int signal_msi(int vm, int with_devid)
{
	struct kvm_msi msi = {
		.address_lo = (__u32)GITS_TRANSLATER,
		.address_hi = GITS_TRANSLATER >> 32,
		.data = EVENT_ID,
	};

	if (with_devid) {
		msi.flags = KVM_MSI_VALID_DEVID;
		msi.devid = DEVICE_ID;
	}
	return ioctl(vm, KVM_SIGNAL_MSI, &msi);
}

/* Bind, raise once, unbind; the last waits until the interrupt was handled. */
static void raise_by_eventfd(int vm)
{
	struct kvm_irqfd irqfd = { .gsi = GSI };
	int fd = check("eventfd", eventfd(0, EFD_CLOEXEC));

	irqfd.fd = fd;
	check("KVM_IRQFD", ioctl(vm, KVM_IRQFD, &irqfd));

	check("eventfd_write", eventfd_write(fd, 1));

	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	check("KVM_IRQFD (unbind)", ioctl(vm, KVM_IRQFD, &irqfd));
	close(fd);
}

static void read_at(int fd, void *buf, size_t size, off_t offset)
{
	if (pread(fd, buf, size, offset) != (ssize_t)size)
		errx(EXIT_FAILURE, "the statistics are shorter than they say");
}

static int stats_fd(int vm)
{
	if (ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		errx(EXIT_FAILURE, "this kernel has no binary statistics");
	return check("KVM_GET_STATS_FD", ioctl(vm, KVM_GET_STATS_FD, NULL));
}

/* Start a program that inherits the descriptor of the VM's statistics, for 2 seconds. */
static pid_t start_watcher(int vm, const char *program)
{
	int fd = stats_fd(vm);
	char arg[16];
	pid_t pid = check("fork", fork());

	if (!pid) {
		snprintf(arg, sizeof(arg), "%d", fd);
		check("fcntl", fcntl(fd, F_SETFD, 0));	/* not to be closed by execl() */
		execl(program, program, "-n", "2", arg, NULL);
		err(EXIT_FAILURE, "%s", program);
	}
	close(fd);
	usleep(500000);	/* until it has read the counters for the first time */
	return pid;
}

static int stop_watcher(pid_t pid)
{
	int status;

	check("waitpid", waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* Print the VM's counters whose names begin with "msi_", and that are not 0. */
static void print_counters(int vm)
{
	int fd = stats_fd(vm);
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size;

	read_at(fd, &header, sizeof(header), 0);
	size = sizeof(*desc) + header.name_size;
	desc = calloc(1, size);
	if (!desc)
		err(EXIT_FAILURE, "calloc");

	for (__u32 i = 0; i < header.num_desc; i++) {
		__u64 value;

		read_at(fd, desc, size, header.desc_offset + i * size);
		if (strncmp(desc->name, "msi_", 4))
			continue;
		read_at(fd, &value, sizeof(value), header.data_offset + desc->offset);
		if (value)
			printf("%-24s %llu\n", desc->name, (unsigned long long)value);
	}
	free(desc);
	close(fd);
}

int main(int argc, char **argv)
{
	int kvm = check("/dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
	int vm, needs_devid;
	pid_t watcher = -1;

	msi_needs_devid(kvm, "on /dev/kvm");
	vm = check("KVM_CREATE_VM", ioctl(kvm, KVM_CREATE_VM, 0));
	create_vcpu(vm);
	msi_needs_devid(vm, "without a GIC");
	create_gic(vm);
	msi_needs_devid(vm, "with a GICv3");
	create_its(vm);
	needs_devid = msi_needs_devid(vm, "with an ITS");

	fflush(stdout);
	if (argc > 1)
		watcher = start_watcher(vm, argv[1]);

	/* Without a DeviceID: an error at once, or a route that never delivers. */
	if (needs_devid && (signal_msi(vm, 0) >= 0 || errno != EINVAL))
		errx(EXIT_FAILURE, "KVM_SIGNAL_MSI without a DeviceID was accepted");
	check("KVM_SET_GSI_ROUTING", set_route(vm, 0));
	raise_by_eventfd(vm);

	/* With one: this reaches the ITS, where the guest has mapped nothing. */
	printf("KVM_SIGNAL_MSI       %d\n",
	       check("KVM_SIGNAL_MSI", signal_msi(vm, needs_devid)));
	check("KVM_SET_GSI_ROUTING", set_route(vm, needs_devid));
	raise_by_eventfd(vm);

	print_counters(vm);
	return argc > 1 ? stop_watcher(watcher) : EXIT_SUCCESS;
}
