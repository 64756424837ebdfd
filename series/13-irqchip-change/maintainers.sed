# files: MAINTAINERS
s/^F:	virt\/kvm\/irqchip\.h$/F:	virt\/kvm\/irqchip[._]*/
