// files: arch/x86/kvm/irq_comm.c
// spatch: --smpl-spacing
// A GSI without routes has nothing for the I/O APIC to scan.

@@ identifier entry, table, nr_ioapic_pins; @@
 void kvm_scan_ioapic_routes(...)
 {
 ...
-	struct kvm_kernel_irq_routing_entry *entry;
-	struct kvm_irq_routing_table *table;
+	const struct kvm_kernel_irq_routing_entry *entry;
+	const struct kvm_gsi_routes *routes;
 ...
-	table = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
-	nr_ioapic_pins = min_t(...);
+	nr_ioapic_pins = kvm->arch.nr_reserved_ioapic_pins;
 ...
 }

@@
iterator name hlist_for_each_entry;
identifier entry, table, i;
statement S;
@@
-hlist_for_each_entry(entry, &table->map[i], link)
+routes = kvm_gsi_to_routes(kvm, i);
+if (!routes)
+	continue;
+for (entry = routes->entries; entry < kvm_gsi_routes_end(routes); entry++)
 S
