# files: arch/arm64/kvm/arm.c
# The route can change while it is used: use a copy.
/^int kvm_arch_irq_bypass_add_producer(/,/^}/{
/^$/,/^}/c\
	struct kvm_kernel_irq_routing_entry e;\
\
	scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)\
		e = irqfd->irq_entry;\
\
	return kvm_vgic_v4_set_forwarding(irqfd->kvm, prod->irq, &e);\
}
}
/^void kvm_arch_irq_bypass_del_producer(/,/^}/{
/^$/,/^}/c\
	struct kvm_kernel_irq_routing_entry e;\
\
	scoped_guard(spinlock_irq, &irqfd->kvm->irqfds.lock)\
		e = irqfd->irq_entry;\
\
	kvm_vgic_v4_unset_forwarding(irqfd->kvm, prod->irq, &e);\
}
}
