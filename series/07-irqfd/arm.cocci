// files: arch/arm64/kvm/arm.c
// An irqfd's route can change meanwhile: use a copy.

@@
identifier fn = { kvm_arch_irq_bypass_add_producer, kvm_arch_irq_bypass_del_producer };
identifier irqfd;
@@
 fn(...)
 {
 	struct kvm_kernel_irqfd *irqfd = ...;
+	struct kvm_kernel_irq_routing_entry e = kvm_irqfd_route(irqfd);
 	<...
-	&irqfd->irq_entry
+	&e
 	...>
 }
