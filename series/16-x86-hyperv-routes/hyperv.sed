# files: arch/x86/kvm/hyperv.c
/^void kvm_hv_irq_routing_update(/,/^}/{
/^	lockdep_assert_held(/a\
\
	if (!kvm_has_gsi_routes_of(kvm, KVM_IRQ_ROUTING_HV_SINT))\
		return;
}
