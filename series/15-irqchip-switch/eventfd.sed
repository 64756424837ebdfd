# files: virt/kvm/eventfd.c
# Only the irqfds of one GSI follow a change. Whether there are readers to wait for
# depends on the change.
s/^ \* Caller must invoke synchronize_srcu_expedited.*afterwards\.$/ * See <linux\/kvm_irq_routing.h>./
/^void kvm_irq_routing_update(/,/^}/{
s/(struct kvm \*kvm)/(struct kvm *kvm, u32 gsi)/
/^	list_for_each_entry(/a\
		if (irqfd->gsi != gsi)\
			continue;
}
