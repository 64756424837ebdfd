// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a GSI lead? On riscv: event n is an interrupt identity that the IMSIC
 * of vCPU 0 has pending, and so is the pin, by way of the APLIC.
 */
#include <stdlib.h>

#include "irq_target.h"

#define APLIC_GPA	0x0d000000
#define IMSIC_GPA	0x28000000
#define ID(n)		(64 + (n))
#define PIN_ID		1
#define NR_IDS		127
#define NR_SOURCES	32

#define DOMAINCFG	0x0000
#define SOURCECFG(n)	(4 * (n))
#define SETIENUM	0x1edc
#define TARGET(n)	(0x3000 + 4 * (n))
#define MSI_MODE	(BIT(8) | BIT(2))	/* enabled */
#define EDGE_RISE	4

#define EIP0		0x80	/* identities 0 to 63 */
#define EIP2		0x82	/* identities 64 to 127 */

static void config(int aia, u64 attr, u32 val)
{
	kvm_device_attr_set(aia, KVM_DEV_RISCV_AIA_GRP_CONFIG, attr, &val);
}

static void address(int aia, u64 attr, u64 gpa)
{
	kvm_device_attr_set(aia, KVM_DEV_RISCV_AIA_GRP_ADDR, attr, &gpa);
}

static void aplic_write(int aia, u64 reg, u32 val)
{
	kvm_device_attr_set(aia, KVM_DEV_RISCV_AIA_GRP_APLIC, reg, &val);
}

static int *aia_fd(struct irq_target *t)
{
	return t->arch;
}

void irq_target_create_vm(struct irq_target *t)
{
	int aia;

	t->vm = vm_create_barebones();
	__vm_vcpu_add(t->vm, 0);
	aia = kvm_create_device(t->vm, KVM_DEV_TYPE_RISCV_AIA);
	config(aia, KVM_DEV_RISCV_AIA_CONFIG_MODE, KVM_DEV_RISCV_AIA_MODE_EMUL);
	config(aia, KVM_DEV_RISCV_AIA_CONFIG_IDS, NR_IDS);
	config(aia, KVM_DEV_RISCV_AIA_CONFIG_SRCS, NR_SOURCES);
	config(aia, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, 0);
	address(aia, KVM_DEV_RISCV_AIA_ADDR_APLIC, APLIC_GPA);
	address(aia, KVM_DEV_RISCV_AIA_ADDR_IMSIC(0), IMSIC_GPA);
	kvm_device_attr_set(aia, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT, NULL);
	aplic_write(aia, DOMAINCFG, MSI_MODE);
	aplic_write(aia, SOURCECFG(IRQ_TARGET_PIN_NR), EDGE_RISE);
	aplic_write(aia, TARGET(IRQ_TARGET_PIN_NR), PIN_ID);
	aplic_write(aia, SETIENUM, IRQ_TARGET_PIN_NR);
	t->arch = malloc(sizeof(int));
	*aia_fd(t) = aia;
}

void irq_target_destroy_vm(struct irq_target *t)
{
	close(*aia_fd(t));
	free(t->arch);
	kvm_vm_free(t->vm);
}

struct kvm_irq_routing_entry irq_target_route_msi(u32 gsi, u32 event)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = IMSIC_GPA, .data = ID(event) },
	};
}

/*
 * Linux 6.12 reaches the lower half of a register only, so what is used are
 * identities of two lower halves.
 */
static u32 take(int aia, u64 reg)
{
	u64 attr = KVM_DEV_RISCV_AIA_IMSIC_MKATTR(0, reg), none = 0, eip;

	kvm_device_attr_get(aia, KVM_DEV_RISCV_AIA_GRP_IMSIC, attr, &eip);
	if (eip)
		kvm_device_attr_set(aia, KVM_DEV_RISCV_AIA_GRP_IMSIC, attr, &none);
	return eip;
}

u64 irq_target_take(struct irq_target *t)
{
	u64 found = take(*aia_fd(t), EIP2);

	if (take(*aia_fd(t), EIP0) & BIT(PIN_ID)) {
		/* An irqfd raises an input of Linux 6.12, and does not lower it again. */
		kvm_irq_line(t->vm, IRQ_TARGET_PIN_NR, 0);
		found |= BIT(IRQ_TARGET_PIN);
	}
	return found;
}

/* The IMSIC has no memory of MSIs. */
void irq_target_forget(struct irq_target *t)
{
}
