# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*uapi/i\
F:	include/trace/events/kvm_irq_routing.h
}
