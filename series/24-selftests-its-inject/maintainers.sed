# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/its_commands_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/its_inject_test.c
}
