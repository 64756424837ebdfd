# files: arch/arm64/kvm/arm.c
# A producer is noted, so that it is told of changes of the route.
/^int kvm_arch_irq_bypass_add_producer(/,/^}/{
/^	struct kvm_kernel_irq_routing_entry \*irq_entry/,/^}/c\
	struct kvm_kernel_irq_routing_entry e;\
	struct kvm *kvm = irqfd->kvm;\
	bool changed;\
	int ret;\
\
	/* From here on, a change of the route unmaps the vLPI. */\
	scoped_guard(spinlock_irq, &kvm->irqfds.lock) {\
		irqfd->producer = prod;\
		e = irqfd->irq_entry;\
	}\
\
	/* Only LPIs can be injected directly. */\
	if (e.type != KVM_IRQ_ROUTING_MSI)\
		return 0;\
\
	ret = kvm_vgic_v4_set_forwarding(kvm, prod->irq, &e);\
\
	scoped_guard(spinlock_irq, &kvm->irqfds.lock) {\
		if (ret)\
			irqfd->producer = NULL;\
		changed = irqfd->irq_entry.type != KVM_IRQ_ROUTING_MSI ||\
			  memcmp(&irqfd->irq_entry.msi, &e.msi, sizeof(e.msi));\
	}\
\
	/* A change that came before the vLPI was mapped did not find it. */\
	if (!ret && changed)\
		kvm_vgic_v4_unset_forwarding(kvm, prod->irq);\
	return ret;\
}
}
/^void kvm_arch_irq_bypass_del_producer(/,/^}/{
/^	struct kvm_kernel_irq_routing_entry \*irq_entry/,/^}/c\
\
	scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)\
		irqfd->producer = NULL;\
\
	kvm_vgic_v4_unset_forwarding(irqfd->kvm, prod->irq);\
}
}
