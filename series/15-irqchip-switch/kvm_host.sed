# files: include/linux/kvm_host.h
# The table of a VM stays the same for its whole life.
/^#ifdef CONFIG_HAVE_KVM_IRQ_ROUTING$/,/^#endif$/{
/^#endif$/N
d
}
/^struct kvm {$/,/^}/{
s/^	 \* Update side is protected by irq_lock\.$/	 * Set once; virt\/kvm\/irqchip.h says what guards its contents./
s/struct kvm_irq_routing_table __rcu \*irq_routing;/struct kvm_irq_routing_table *irq_routing;/
}
