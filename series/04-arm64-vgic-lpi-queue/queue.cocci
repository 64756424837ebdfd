// files: arch/arm64/kvm/vgic/vgic.c
// spatch: --smpl-spacing
// The caller may have no reference, but RCU.

@@ expression irq, vcpu; @@
-vgic_get_irq_kref(irq);
+if (!vgic_try_get_irq_kref(irq)) {
+	raw_spin_unlock(&irq->irq_lock);
+	raw_spin_unlock_irqrestore(&vcpu->arch.vgic_cpu.ap_list_lock, flags);
+	return false;
+}
 list_add_tail(&irq->ap_list, &vcpu->arch.vgic_cpu.ap_list_head);
