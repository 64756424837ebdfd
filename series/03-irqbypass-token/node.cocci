// files: include/linux/irqbypass.h
// Neither side is in a list any more.

@@ identifier T = { irq_bypass_producer, irq_bypass_consumer }; @@
 struct T {
-	struct list_head node;
 	...
 };
