# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/its_commands_test\.c$/i\
F:	tools/testing/selftests/kvm/aarch64/irqfd_test.c
}
