# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*vgic-lpi-queue/{
i\
F:	arch/arm64/kvm/vgic/*irqfd*\
F:	arch/arm64/kvm/vgic/*its*
a\
F:	arch/arm64/kvm/vgic/vgic-msi.h
}
}
