# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/msi_devid_test\.c$/i\
F:	tools/testing/selftests/kvm/aarch64/its_commands_test.c
/\/include\/fail_nth\.h$/i\
F:	tools/testing/selftests/kvm/include/aarch64/its_machine.h
}
