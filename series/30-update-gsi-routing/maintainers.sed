# files: MAINTAINERS
s/^F:	virt\/kvm\/irqchip\[\._\]\*$/F:	virt\/kvm\/irqchip*/
