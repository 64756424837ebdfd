# files: arch/x86/kvm/hyperv.c
# Walk the GSIs that have routes.
/^void kvm_hv_irq_routing_update(/,/^}/{
s/^	struct kvm_irq_routing_table \*irq_rt;/	const struct kvm_kernel_irq_routing_entry *e;/
s/^	struct kvm_kernel_irq_routing_entry \*e;/	const struct kvm_gsi_routes *routes;/
s/^	u32 gsi;/	unsigned long gsi;/
/^	irq_rt = srcu_dereference_check(/{
N
s/.*/	lockdep_assert_held(\&kvm->irq_lock);/
}
s/for (gsi = 0; gsi < irq_rt->nr_rt_entries; gsi++)/for (gsi = 0; (routes = kvm_next_gsi_routes(kvm, \&gsi)); gsi++)/
s/hlist_for_each_entry(e, &irq_rt->map\[gsi\], link)/for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++)/
}
