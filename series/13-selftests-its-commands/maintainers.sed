# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/gsi_routing_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/its_commands_test.c
/^F:	virt.*irqchip/i\
F:	tools/testing/selftests/kvm/include/aarch64/its_machine.h
}
