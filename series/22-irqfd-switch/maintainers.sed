# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	include\/linux\/kvm_irq_routing/a\
F:	include/linux/kvm_irqfd.h
}
