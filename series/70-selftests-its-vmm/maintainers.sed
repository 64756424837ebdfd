# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	virt.*irqchip/i\
F:	tools/testing/selftests/kvm/*/*/its_*
}
