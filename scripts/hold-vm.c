// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold-vm: make a VM, and keep it in the background. So the host has one VM at least, and
 * never patches the branch of its scheduler that is taken only if there is one.
 *
 * QEMU 7.2, with a thread for each CPU, can translate an instruction on one CPU while
 * another CPU patches it, and go on with what was there before. Of this branch that means:
 * a vCPU's registers are loaded when its thread is scheduled, and were not put when it was
 * preempted. KVM warns (kvm_vcpu_load_debug()), or the thread ends by SIGSEGV.
 *
 * Exits at once if there is no KVM.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0 || fork())
		return 0;
	for (;;)
		pause();
}
