# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*vgic-lpi-queue/{
i\
F:	arch/arm64/kvm/vgic/*irqfd*\
F:	arch/arm64/kvm/vgic/*its*
a\
F:	arch/arm64/kvm/vgic/vgic-msi.h
}
/^F:	include\/kvm\/arm_vgic_lpi_queue/a\
F:	include/kvm/arm_vgic_msi_outcomes.h
}
