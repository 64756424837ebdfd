// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print KVM_CAP_MSI_DEVID as /dev/kvm and each kind of arm64 VM sees it: one
 * line per kind. Fails if an answer is not what the interface promises. A host
 * that cannot run a GICv2 is told apart, since most cannot.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#define NO_DEVICE	(-1)

struct vm_kind {
	const char *name;
	int gic;		/* KVM_DEV_TYPE_* or NO_DEVICE */
	int its;		/* the same */
	int want;		/* the capability, once all devices exist */
};

static const struct vm_kind vm_kinds[] = {
	{ "a VM without GIC", NO_DEVICE, NO_DEVICE, 0 },
	{ "a VM with GICv2", KVM_DEV_TYPE_ARM_VGIC_V2, NO_DEVICE, 0 },
	{ "a VM with GICv3", KVM_DEV_TYPE_ARM_VGIC_V3, NO_DEVICE, 0 },
	{ "a VM with GICv3 and ITS", KVM_DEV_TYPE_ARM_VGIC_V3,
	  KVM_DEV_TYPE_ARM_VGIC_ITS, 1 },
};

/* Returns 1 if the answer on @fd is @want. */
static int ask(const char *who, int fd, int want)
{
	int got = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID);

	printf("  %-24s %d%s\n", who, got, got == want ? "" : "  WRONG");
	return got == want;
}

/* Returns the device's file descriptor, or -1 if the host has no such device. */
static int create_device(int vm, int type)
{
	struct kvm_create_device dev = { .type = type };

	if (!ioctl(vm, KVM_CREATE_DEVICE, &dev))
		return dev.fd;
	if (errno == ENODEV)
		return -1;
	err(1, "KVM_CREATE_DEVICE %d", type);
}

/* Returns 1 if a VM of this kind answers as it should, or cannot exist here. */
static int ask_vm(int kvm, const struct vm_kind *kind)
{
	int vm, gic = -1, its = -1, ok = 1;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		err(1, "KVM_CREATE_VM");

	if (kind->gic != NO_DEVICE)
		gic = create_device(vm, kind->gic);
	if (kind->its != NO_DEVICE)
		its = create_device(vm, kind->its);

	if (gic >= 0 || kind->gic == NO_DEVICE) {
		ok = ask(kind->name, vm, kind->want);
	} else {
		printf("  %-24s not supported by this host\n", kind->name);
		ok = kind->gic == KVM_DEV_TYPE_ARM_VGIC_V2;
	}

	if (its >= 0)
		close(its);
	if (gic >= 0)
		close(gic);
	close(vm);
	return ok;
}

int main(void)
{
	int kvm, ok;
	size_t i;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		err(1, "/dev/kvm");

	ok = ask("/dev/kvm", kvm, 0);
	for (i = 0; i < sizeof(vm_kinds) / sizeof(vm_kinds[0]); i++)
		ok &= ask_vm(kvm, &vm_kinds[i]);

	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
