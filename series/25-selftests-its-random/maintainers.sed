# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	tools.*msi_bench/i\
F:	tools/testing/selftests/kvm/aarch64/its_random_test.c
}
