# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*uapi/i\
F:	include/linux/kvm_irq_routing.h
}
