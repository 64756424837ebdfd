# files: MAINTAINERS
s/^F:	virt\/kvm\/irqchip\[\._\]\*$/&\
F:	virt\/kvm\/irqfd[._]*/
