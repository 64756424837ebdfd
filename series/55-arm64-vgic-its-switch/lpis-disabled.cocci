// files: arch/arm64/kvm/vgic/vgic-mmio-v3.c
// There is no cache to invalidate, and the ITS knows the vCPU's LPIs, whether in its
// list or not.

@@ expression vcpu; @@
-vgic_flush_pending_lpis(vcpu);
-vgic_its_invalidate_all_caches(...);
+vgic_its_lpis_disabled(vcpu);
