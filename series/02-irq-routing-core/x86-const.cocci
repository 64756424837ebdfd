// files: arch/x86/include/asm/kvm_host.h
// The declaration to match.

@@ identifier kvm, e; @@
 void kvm_set_msi_irq(struct kvm *kvm,
-	struct kvm_kernel_irq_routing_entry *e
+	const struct kvm_kernel_irq_routing_entry *e
 	, ...);
