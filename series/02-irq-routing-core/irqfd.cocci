// files: virt/kvm/eventfd.c
// Touch only the irqfds of one GSI.

@@ typedef u32; iterator name list_for_each_entry; identifier irqfd; @@
 void kvm_irq_routing_update(struct kvm *kvm
+	, u32 gsi
 )
 {
 ...
 list_for_each_entry(irqfd, ...) {
+	if (irqfd->gsi != gsi)
+		continue;
 	...
 }
 ...
 }
