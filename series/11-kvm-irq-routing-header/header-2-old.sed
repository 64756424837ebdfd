# files: include/linux/kvm_irq_routing.h
# What the old table still needs.
/^struct kvm_kernel_irq_routing_entry {$/,/^};$/s/^};$/	struct hlist_node link;\
&/
s/^ \* @adapter: KVM_IRQ_ROUTING_S390_ADAPTER\.$/&\
 * @link: Entry in the list of the GSI's destinations./
s/^void kvm_irq_routing_update(struct kvm \*kvm, u32 gsi);$/void kvm_irq_routing_update(struct kvm *kvm);/
s/^ \* Tell irqfds that their GSI leads elsewhere\. The caller holds kvm->irq_lock and$/ * Tell irqfds that routes have changed. The caller holds kvm->irq_lock and/
