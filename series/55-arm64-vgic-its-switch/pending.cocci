// files: arch/arm64/kvm/vgic/vgic-v3.c
// Reading an LPI's pending state, when it is mapped, is the ITS's.

@@ @@
-int vgic_v3_lpi_sync_pending_status(...) { ... }
