// files: arch/arm64/kvm/vgic/vgic-v4.c
// The lock is inside the ITS. The LPI of a route may not be the one that was forwarded:
// the guest maps it anew, or another event to it.

@@ expression its; @@
-mutex_lock(&its->its_lock)
+vgic_its_lock(its)

@@ expression its; @@
-mutex_unlock(&its->its_lock)
+vgic_its_unlock(its)

@@ identifier irq, virq; statement S; @@
-WARN_ON(!(irq->hw && irq->host_irq == virq));
-if (irq->hw)
+if (irq->hw && irq->host_irq == virq)
 S
