# files: arch/arm64/kvm/vgic/vgic-its-forward.c
# A reference count is a kref there.
s/vgic_get_irq_ref(/vgic_get_irq_kref(/
