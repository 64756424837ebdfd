# files: arch/x86/kvm/svm/avic.c arch/x86/kvm/vmx/posted_intr.c
# Look routes up through the core. Without a route the device's interrupt is remapped,
# as one that cannot be posted: it must not be delivered by the route that was removed.
/^int \(avic\|vmx\)_pi_update_irte(/,/^}/{
s/^	struct kvm_kernel_irq_routing_entry \*e;/	const struct kvm_kernel_irq_routing_entry *e;/
s/^	struct kvm_irq_routing_table \*irq_rt;/	const struct kvm_gsi_routes *routes;/
s/^	irq_rt = srcu_dereference(.*/	routes = kvm_gsi_to_routes(kvm, guest_irq);/
/^	if (guest_irq >= irq_rt->nr_rt_entries/,/^	}/{
/^	}/N
d
}
s/^	hlist_for_each_entry(e, &irq_rt->map\[guest_irq\], link) {/	for (e = routes ? routes->entries : NULL;\
	     e \&\& e < kvm_gsi_routes_end(routes); e++) {/
}
