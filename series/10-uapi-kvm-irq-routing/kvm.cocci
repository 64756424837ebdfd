// files: include/uapi/linux/kvm.h
// Include the new header, and drop what it defines.

@@ @@
 #include <asm/kvm.h>
+#include <linux/kvm_irq_routing.h>

@@ @@
-struct kvm_irq_routing_irqchip { ... };

@@ @@
-struct kvm_irq_routing_msi { ... };

@@ @@
-struct kvm_irq_routing_s390_adapter { ... };

@@ @@
-struct kvm_irq_routing_hv_sint { ... };

@@ @@
-struct kvm_irq_routing_xen_evtchn { ... };

@@ @@
-struct kvm_irq_routing_entry { ... };

@@ @@
-struct kvm_irq_routing { ... };

@@ @@
-struct kvm_irqfd { ... };

@@ @@
-struct kvm_msi { ... };

@@ expression E; @@
-#define KVM_IRQ_ROUTING_XEN_EVTCHN_PRIO_2LEVEL E

@@ expression E; @@
-#define KVM_IRQ_ROUTING_IRQCHIP E

@@ expression E; @@
-#define KVM_IRQ_ROUTING_MSI E

@@ expression E; @@
-#define KVM_IRQ_ROUTING_S390_ADAPTER E

@@ expression E; @@
-#define KVM_IRQ_ROUTING_HV_SINT E

@@ expression E; @@
-#define KVM_IRQ_ROUTING_XEN_EVTCHN E

@@ expression E; @@
-#define KVM_IRQFD_FLAG_DEASSIGN E

@@ expression E; @@
-#define KVM_IRQFD_FLAG_RESAMPLE E

@@ expression E; @@
-#define KVM_MSI_VALID_DEVID E

@@ expression E; @@
-#define KVM_SET_GSI_ROUTING E

@@ expression E; @@
-#define KVM_IRQFD E

@@ expression E; @@
-#define KVM_SIGNAL_MSI E
