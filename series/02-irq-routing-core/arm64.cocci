// files: arch/arm64/kvm/vgic/vgic-irqfd.c
// spatch: --smpl-spacing
// The VM's answer, from what it has been until now.

@@ typedef bool; @@
 int kvm_set_msi(...)
 { ... }
+bool kvm_arch_msi_needs_devid(struct kvm *kvm)
+{
+	return kvm->arch.vgic.msis_require_devid;
+}
