# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/gsi_routing_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/irqfd_test.c
}
