// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where does a GSI lead? On x86: event n is a vector that the local APIC of vCPU 0
 * has in its IRR, and so is the pin, by way of the I/O APIC.
 */
#include "apic.h"
#include "irq_target.h"

#define VECTOR(n)	(0x40 + (n))	/* 32 have a register of the IRR to themselves */
#define IRR(n)		(APIC_IRR + 0x10 * (VECTOR(n) / 32))
#define SPURIOUS	0xff

static u32 *reg(struct kvm_lapic_state *apic, u32 offset)
{
	return (void *)&apic->regs[offset];
}

static void enable_apic(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic_state apic;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &apic);
	*reg(&apic, APIC_SPIV) = APIC_SPIV_APIC_ENABLED | SPURIOUS;
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &apic);
}

/* Not masked, edge-triggered, to APIC 0. */
static void program_pin(struct kvm_vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	vm_ioctl(vm, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[IRQ_TARGET_PIN_NR].bits = VECTOR(IRQ_TARGET_PIN);
	vm_ioctl(vm, KVM_SET_IRQCHIP, &chip);
}

void irq_target_create_vm(struct irq_target *t)
{
	t->vm = vm_create_barebones();
	vm_create_irqchip(t->vm);
	t->arch = __vm_vcpu_add(t->vm, 0);
	enable_apic(t->arch);
	program_pin(t->vm);
}

void irq_target_destroy_vm(struct irq_target *t)
{
	kvm_vm_free(t->vm);
}

struct kvm_irq_routing_entry irq_target_route_msi(u32 gsi, u32 event)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = APIC_DEFAULT_GPA, .data = VECTOR(event) },
	};
}

u64 irq_target_take(struct irq_target *t)
{
	struct kvm_vcpu *vcpu = t->arch;
	struct kvm_lapic_state apic;
	u32 *events, *pin;
	u64 found;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &apic);
	events = reg(&apic, IRR(0));
	pin = reg(&apic, IRR(IRQ_TARGET_PIN));
	TEST_ASSERT(!(*pin & ~1), "vectors pending: %#x", *pin);
	found = (u64)*pin << IRQ_TARGET_PIN | *events;
	if (!found)
		return 0;
	*events = 0;
	*pin = 0;
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &apic);
	return found;
}

/* The APIC has no memory of MSIs. */
void irq_target_forget(struct irq_target *t)
{
}
