// files: arch/x86/kvm/x86.c
// A producer that could not be connected is freed without a word: forget it.

@@ identifier irqfd, ret; @@
 int kvm_arch_irq_bypass_add_producer(...)
 {
 ...
-	if (ret)
+	if (ret) {
+		irqfd->producer = NULL;
 		kvm_arch_end_assignment(irqfd->kvm);
+	}
 ...
 }
