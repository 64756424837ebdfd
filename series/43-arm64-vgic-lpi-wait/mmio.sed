# files: arch/arm64/kvm/vgic/vgic-mmio-v3.c
# vgic_lpi_queue_deliverable() reads it without a lock.
s/^\(	*\)dist->enabled = val & GICD_CTLR_ENABLE_SS_G1;$/\1WRITE_ONCE(dist->enabled, val \& GICD_CTLR_ENABLE_SS_G1);/
