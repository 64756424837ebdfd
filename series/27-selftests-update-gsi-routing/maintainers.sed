# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/msi_devid_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/update_gsi_routing_test.c
}
