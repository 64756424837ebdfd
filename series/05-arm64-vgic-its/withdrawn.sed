# files: arch/arm64/kvm/vgic/vgic-v3.c
# An LPI whose pending state was taken away while a list register had it. The release
# pairs with its_lpi_take().
/^void vgic_v3_fold_lr_state(/,/^}/{
s/^\t\tif (irq->config == VGIC_CONFIG_EDGE &&$/\t\tif (irq->config == VGIC_CONFIG_EDGE \&\& !irq->withdrawn \&\&/
s/^\tcpuif->used_lrs = 0;$/\t\/* What they said has been folded back. *\/\
\tsmp_store_release(\&cpuif->used_lrs, 0);/
}
/^void vgic_v3_populate_lr(/,/^}/s/^\tif (irq->active) {$/\tirq->withdrawn = false;\
&/
