# files: MAINTAINERS
s/^F:	virt\/kvm\/irqfd\[\._\]\*$/F:	virt\/kvm\/irqfd*/
