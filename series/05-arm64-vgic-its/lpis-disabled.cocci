// files: arch/arm64/kvm/vgic/vgic-mmio-v3.c
// There is no cache to invalidate. MSIs that found LPIs enabled must have made theirs
// pending before what is pending is flushed.

@@ expression vcpu; @@
+vgic_its_lpis_disabled(vcpu);
 vgic_flush_pending_lpis(vcpu);
-vgic_its_invalidate_all_caches(...);
