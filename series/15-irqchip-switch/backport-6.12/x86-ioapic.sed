# files: arch/x86/kvm/irq_comm.c
# A GSI without routes has nothing for the I/O APIC to scan.
/^void kvm_scan_ioapic_routes(/,/^}/{
s/^	struct kvm_kernel_irq_routing_entry \*entry;/	const struct kvm_kernel_irq_routing_entry *entry;/
s/^	struct kvm_irq_routing_table \*table;/	const struct kvm_gsi_routes *routes;/
/^	table = srcu_dereference(/d
/^	nr_ioapic_pins = min_t(/{
N
s/.*/	nr_ioapic_pins = kvm->arch.nr_reserved_ioapic_pins;/
}
s/^		hlist_for_each_entry(entry, &table->map\[i\], link) {/		routes = kvm_gsi_to_routes(kvm, i);\
		if (!routes)\
			continue;\
\
		for (entry = routes->entries; entry < kvm_gsi_routes_end(routes); entry++) {/
}
