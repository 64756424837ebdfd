// files: include/linux/kvm_host.h
// The types and calls of GSI routing move to a header of their own. The table
// of a VM stays the same for its whole life.

@@ @@
 #include <linux/kvm_types.h>
+#include <linux/kvm_irq_routing.h>

@@ @@
-struct kvm_s390_adapter_int { ... };

@@ @@
-struct kvm_hv_sint { ... };

@@ @@
-struct kvm_xen_evtchn { ... };

@@ @@
-struct kvm_kernel_irq_routing_entry { ... };

// (Matches with and without __rcu.)
@@ identifier table; @@
 struct kvm {
 	...
-	struct kvm_irq_routing_table *table;
+	struct kvm_irq_routing_table *irq_routing;
 	...
 };

@@ @@
-int kvm_send_userspace_msi(struct kvm *kvm, struct kvm_msi *msi);

@@ @@
-void kvm_irq_routing_update(struct kvm *);

@@ @@
-void kvm_arch_irq_routing_update(struct kvm *kvm);
