// files: arch/arm64/kvm/vgic/vgic.c
// Erase the entry of that very LPI only.

@@ identifier dist, irq, kvm; @@
 void vgic_put_irq(struct kvm *kvm, struct vgic_irq *irq)
 {
 ...
-__xa_erase(&dist->lpi_xa, irq->intid);
+__xa_cmpxchg(&dist->lpi_xa, irq->intid, irq, NULL, 0);
 ...
 }
