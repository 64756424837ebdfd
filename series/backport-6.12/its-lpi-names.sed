# files: arch/arm64/kvm/vgic/vgic-its-lpi.c
# A reference count is a kref there.
s/vgic_\(try_\)\?get_irq_ref(/vgic_\1get_irq_kref(/
s/refcount_set(&irq->refcount, 1)/kref_init(\&irq->refcount)/
