# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*include\/linux\/kvm_irq_routing/i\
F:	arch/arm64/kvm/vgic/vgic-lpi-queue.*\
F:	include/kvm/arm_vgic_lpi_queue.h
}
