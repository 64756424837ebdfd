# files: arch/x86/kvm/hyperv.c
# Walk only the GSIs that lead to a SynIC source.
/^void kvm_hv_irq_routing_update(/,/^}/{
/^	struct kvm_irq_routing_table/,/^	}$/c\
	const struct kvm_gsi_routes *routes;\
	unsigned long gsi;\
\
	lockdep_assert_held(\&kvm->irq_lock);\
\
	for (gsi = 0; (routes = kvm_next_gsi_routes_of(kvm, KVM_IRQ_ROUTING_HV_SINT,\
						       \&gsi)); gsi++)\
		kvm_hv_set_sint_gsi(kvm, routes->entries[0].hv_sint.vcpu,\
				    routes->entries[0].hv_sint.sint, gsi);
}
