# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	virt.*irqchip/i\
F:	tools/testing/selftests/kvm/update_gsi_routing_test.c
}
