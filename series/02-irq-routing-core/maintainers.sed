# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:.*uapi/{
i\
F:	include/linux/kvm_irq_routing.h\
F:	include/trace/events/kvm_irq_routing.h
a\
F:	virt/kvm/irqchip.*
}
}
