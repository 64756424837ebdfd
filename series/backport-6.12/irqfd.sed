# files: virt/kvm/irqfd.c
# The interfaces of 6.12.
/^void __weak kvm_arch_update_irqfd_routing/,/^}/c\
int __weak kvm_arch_update_irqfd_routing(struct kvm *kvm, unsigned int host_irq,\
					 u32 guest_irq, bool set)\
{\
	return 0;\
}\
\
bool __weak kvm_arch_irqfd_route_changed(struct kvm_kernel_irq_routing_entry *old,\
					 struct kvm_kernel_irq_routing_entry *new)\
{\
	return true;\
}
s/^	if (irqfd->producer)$/	if (irqfd->producer \&\& kvm_arch_irqfd_route_changed(old, \&irqfd->irq_entry))/
s/^		kvm_arch_update_irqfd_routing(irqfd, old, &irqfd->irq_entry);$/		WARN_ON(kvm_arch_update_irqfd_routing(irqfd->kvm, irqfd->producer->irq,\
						      irqfd->gsi, 1));/
s/^	ret = irq_bypass_register_consumer(&irqfd->consumer, irqfd->eventfd);$/	irqfd->consumer.token = irqfd->eventfd;\
	ret = irq_bypass_register_consumer(\&irqfd->consumer);/
s/kzalloc_obj(\(\*[a-z]*\), /kzalloc(sizeof(\1), /
