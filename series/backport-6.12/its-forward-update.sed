# files: arch/arm64/kvm/vgic/vgic-its-forward.c
# The call that tells of a changed route names the host interrupt there, not the irqfd,
# and comes only if the architecture says that the route has changed.
/^void kvm_arch_update_irqfd_routing(/,/^}/c\
bool kvm_arch_irqfd_route_changed(struct kvm_kernel_irq_routing_entry *old,\
				  struct kvm_kernel_irq_routing_entry *new)\
{\
	return !its_forward_same_route(old, new);\
}\
\
int kvm_arch_update_irqfd_routing(struct kvm *kvm, unsigned int host_irq,\
				  u32 guest_irq, bool set)\
{\
	struct kvm_kernel_irqfd *first = xa_load(&kvm->irqfds.by_gsi, guest_irq);\
	struct kvm_kernel_irqfd *irqfd = first;\
\
	do {\
		if (irqfd->producer && irqfd->producer->irq == host_irq)\
			its_forward_stop(irqfd);\
		irqfd = list_next_entry(irqfd, same_gsi);\
	} while (irqfd != first);\
	return 0;\
}
