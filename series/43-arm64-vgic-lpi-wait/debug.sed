# files: arch/arm64/kvm/vgic/vgic-debug.c
# The vCPU that has an interrupt is also that which has an LPI in a list register.
s/^			(irq->vcpu) ? irq->vcpu->vcpu_\(idx\|id\) : -1);$/			(irq->vcpu ?: irq->lr_vcpu) ? (irq->vcpu ?: irq->lr_vcpu)->vcpu_\1 : -1);/
