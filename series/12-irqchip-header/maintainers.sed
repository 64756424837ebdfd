# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*uapi/a\
F:	virt/kvm/irqchip.h
}
