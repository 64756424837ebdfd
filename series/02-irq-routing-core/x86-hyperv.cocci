// files: arch/x86/kvm/hyperv.c
// spatch: --smpl-spacing
// Walk the GSIs that have routes.

@@ identifier irq_rt, e, gsi; @@
 void kvm_hv_irq_routing_update(struct kvm *kvm)
 {
-	struct kvm_irq_routing_table *irq_rt;
-	struct kvm_kernel_irq_routing_entry *e;
-	u32 gsi;
+	const struct kvm_kernel_irq_routing_entry *e;
+	const struct kvm_gsi_routes *routes;
+	unsigned long gsi;

-	irq_rt = srcu_dereference_check(...);
+	lockdep_assert_held(&kvm->irq_lock);

 	...
 }

@@ identifier irq_rt, gsi; statement S; @@
-for (gsi = 0; gsi < irq_rt->nr_rt_entries; gsi++)
+for (gsi = 0; (routes = kvm_next_gsi_routes(kvm, &gsi)); gsi++)
 S

@@
iterator name hlist_for_each_entry;
identifier irq_rt, e, gsi;
statement S;
@@
-hlist_for_each_entry(e, &irq_rt->map[gsi], link)
+for (e = routes->entries; e < kvm_gsi_routes_end(routes); e++)
 S
