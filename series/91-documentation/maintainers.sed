# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	arch.*irqfd/i\
F:	Documentation/virt/kvm/arm64-vgic-its.rst\
F:	Documentation/virt/kvm/examples/msi-*.c\
F:	Documentation/virt/kvm/irq-routing.rst\
F:	Documentation/virt/kvm/msi-debugging.rst\
F:	Documentation/virt/kvm/msi-devid.rst
}
