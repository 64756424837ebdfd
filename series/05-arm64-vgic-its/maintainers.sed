# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*include\/linux/i\
F:	arch/arm64/kvm/vgic/*irqfd*\
F:	arch/arm64/kvm/vgic/*its*\
F:	arch/arm64/kvm/vgic/vgic-msi.h
}
