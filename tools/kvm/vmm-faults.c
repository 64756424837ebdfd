// SPDX-License-Identifier: GPL-2.0-only
/*
 * Give a VMM a fault: a library that is loaded before a VMM's own (LD_PRELOAD), and changes
 * what the VMM asks of KVM for one PCI function, 00:03.0, as VMMs with a bug in their MSIs
 * do. For `make run FAULT=NAME`.
 *
 * /tmp/fault has the fault's name and a number that is new for each request. It can change
 * at any time: routes are set again, and when the fault goes, each MSI that has a route is
 * sent, as it may be missing. Then /tmp/fault.done has the same.
 *
 * As a VMM may do, it takes a descriptor of the VM's statistics when the VM gets its ITS:
 * /tmp/stats has PID and descriptor, for Documentation/virt/kvm/examples/msi-reasons.c.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

#define DEVID		0x18	/* 00:03.0 */
#define EARLY_DEVID	0x30	/* of the fault "early", which no function has */
#define EARLY_EVENT	9999
#define DOORBELL	0x8090040	/* of QEMU's machine "virt" */
#define GITS_CTLR	0

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char request[64];	/* lock: the request that has been done */
static char fault[32] = "none";	/* lock */
static int vm = -1;		/* lock */
static struct kvm_irq_routing *routes;	/* lock: what the VMM has asked for */

static int do_ioctl(int fd, unsigned long cmd, void *arg)
{
	return syscall(SYS_ioctl, fd, cmd, arg);
}

static int is(const char *name)
{
	return !strcmp(fault, name);
}

/* The faults of MSIs, by which a route and KVM_SIGNAL_MSI have the same. */
static void change(__u32 *flags, __u32 *address_lo, __u32 *data, __u32 *devid)
{
	if (!(*flags & KVM_MSI_VALID_DEVID) || *devid != DEVID)
		return;
	if (is("no-devid"))
		*flags = *devid = 0;
	else if (is("no-doorbell"))
		*address_lo &= ~0xffff;		/* the frame, and not the register in it */
	else if (is("segment"))
		*devid |= 1 << 16;
	else if (is("vector"))
		*data += 32;
}

static int set_routes(void)
{
	size_t size = sizeof(*routes) + routes->nr * sizeof(routes->entries[0]);
	struct kvm_irq_routing *table = malloc(size);
	int ret;

	if (!table)
		err(EXIT_FAILURE, "malloc");
	memcpy(table, routes, size);
	for (__u32 i = 0; i < table->nr; i++) {
		struct kvm_irq_routing_entry *e = &table->entries[i];

		if (e->type == KVM_IRQ_ROUTING_MSI)
			change(&e->flags, &e->u.msi.address_lo, &e->u.msi.data, &e->u.msi.devid);
	}
	ret = do_ioctl(vm, KVM_SET_GSI_ROUTING, table);
	free(table);
	return ret;
}

static int keep_routes(const struct kvm_irq_routing *table)
{
	size_t size = sizeof(*table) + table->nr * sizeof(table->entries[0]);

	free(routes);
	routes = malloc(size);
	if (!routes)
		err(EXIT_FAILURE, "malloc");
	memcpy(routes, table, size);
	return set_routes();
}

static int signal_msi(struct kvm_msi msi)
{
	change(&msi.flags, &msi.address_lo, &msi.data, &msi.devid);
	return do_ioctl(vm, KVM_SIGNAL_MSI, &msi);
}

static void send_again(void)
{
	for (__u32 i = 0; i < routes->nr; i++) {
		struct kvm_irq_routing_entry *e = &routes->entries[i];
		struct kvm_msi msi = {
			.address_lo = e->u.msi.address_lo,
			.address_hi = e->u.msi.address_hi,
			.data = e->u.msi.data,
			.flags = e->flags,
			.devid = e->u.msi.devid,
		};

		if (e->type == KVM_IRQ_ROUTING_MSI)
			do_ioctl(vm, KVM_SIGNAL_MSI, &msi);
	}
}

static void put_file(const char *name, const char *text)
{
	char part[64];
	FILE *file;

	snprintf(part, sizeof(part), "%s.part", name);
	file = fopen(part, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) || rename(part, name))
		err(EXIT_FAILURE, "%s", name);
}

static void look(void)
{
	char text[64] = "";
	FILE *file = fopen("/tmp/fault", "r");

	if (!file)
		return;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	if (!strchr(text, '\n') || !strcmp(text, request))
		return;

	pthread_mutex_lock(&lock);
	strcpy(request, text);
	sscanf(request, "%31s", fault);
	if (routes) {
		set_routes();
		if (is("none"))
			send_again();
	}
	pthread_mutex_unlock(&lock);
	put_file("/tmp/fault.done", text);
}

static void *watch(void *unused)
{
	struct kvm_msi early = { .flags = KVM_MSI_VALID_DEVID, .data = EARLY_EVENT,
				 .devid = EARLY_DEVID, .address_lo = DOORBELL };

	for (;; usleep(is("early") ? 1000 : 20000)) {
		look();
		if (is("early"))
			do_ioctl(vm, KVM_SIGNAL_MSI, &early);
	}
	return unused;
}

/* The VM @fd has an ITS from now on. */
static void created_its(int fd)
{
	char text[64];
	pthread_t thread;

	vm = fd;
	snprintf(text, sizeof(text), "%d %d\n", getpid(), do_ioctl(vm, KVM_GET_STATS_FD, NULL));
	put_file("/tmp/stats", text);
	if (pthread_create(&thread, NULL, watch, NULL))
		errx(EXIT_FAILURE, "pthread_create");
}

static int set_attr(int fd, struct kvm_device_attr *attr)
{
	/* What restores all but one register. */
	if (is("unrestored") && attr->group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS &&
	    attr->attr == GITS_CTLR)
		return 0;
	return do_ioctl(fd, KVM_SET_DEVICE_ATTR, attr);
}

int ioctl(int fd, unsigned long cmd, ...)
{
	void *arg;
	va_list ap;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);

	cmd = (unsigned int)cmd;	/* QEMU has it as an int */
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
		return set_attr(fd, arg);
	case KVM_CREATE_DEVICE:
	case KVM_SET_GSI_ROUTING:
	case KVM_SIGNAL_MSI:
		break;
	default:
		return do_ioctl(fd, cmd, arg);
	}

	pthread_mutex_lock(&lock);
	if (cmd == KVM_CREATE_DEVICE) {
		struct kvm_create_device *device = arg;

		ret = do_ioctl(fd, cmd, device);
		if (!ret && device->type == KVM_DEV_TYPE_ARM_VGIC_ITS &&
		    !(device->flags & KVM_CREATE_DEVICE_TEST))
			created_its(fd);
	} else if (vm != fd) {
		ret = do_ioctl(fd, cmd, arg);	/* before there is an ITS */
	} else if (cmd == KVM_SET_GSI_ROUTING) {
		ret = keep_routes(arg);
	} else {
		ret = signal_msi(*(struct kvm_msi *)arg);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}
