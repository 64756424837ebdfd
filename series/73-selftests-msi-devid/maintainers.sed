# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/kvm\/\*gsi_routing_test/i\
F:	tools/testing/selftests/kvm/*/msi_*
}
