# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/its_mapping_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/its_random_test.c
}
