// files: arch/x86/kvm/irq_comm.c arch/x86/kvm/svm/avic.c arch/x86/kvm/vmx/posted_intr.c
// Look routes up through the core's calls, not in its table. What decodes one
// does not change it. Without a route the device's interrupt is remapped, as for one
// that cannot be posted: it must not go on by the route that was.

@@ identifier fn = { kvm_set_msi_irq, get_pi_vcpu_info }; identifier kvm, e; @@
 fn(struct kvm *kvm,
-	struct kvm_kernel_irq_routing_entry *e
+	const struct kvm_kernel_irq_routing_entry *e
 	, ...)
 { ... }

@@
iterator name hlist_for_each_entry;
identifier fn = { avic_pi_update_irte, vmx_pi_update_irte };
identifier e, irq_rt, out;
expression guest_irq;
statement S;
@@
 fn(...)
 {
-	struct kvm_kernel_irq_routing_entry *e;
-	struct kvm_irq_routing_table *irq_rt;
+	const struct kvm_kernel_irq_routing_entry *e;
+	const struct kvm_gsi_routes *routes;
 ...
-	irq_rt = srcu_dereference(kvm->irq_routing, &kvm->irq_srcu);
+	routes = kvm_gsi_to_routes(kvm, guest_irq);
-	if (guest_irq >= irq_rt->nr_rt_entries || hlist_empty(&irq_rt->map[guest_irq])) {
-		pr_warn_once(...);
-		goto out;
-	}
 ...
-	hlist_for_each_entry(e, &irq_rt->map[guest_irq], link)
+	for (e = routes ? routes->entries : NULL; e && e < kvm_gsi_routes_end(routes); e++)
 		S
 ...
 }
