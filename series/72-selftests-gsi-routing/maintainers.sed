# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/\*\/irq_target\.\*$/a\
F:	tools/testing/selftests/kvm/*gsi_routing_test.c\
F:	tools/testing/selftests/kvm/include/fail_nth.h
}
