# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/gsi_routing_test\.c$/i\
F:	tools/testing/selftests/kvm/aarch64/msi_devid_test.c
}
