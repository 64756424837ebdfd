# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/\*\/aarch64\/its_vmm\.\*$/{
i\
F:	tools/testing/selftests/kvm/*/*/irq_target.c
a\
F:	tools/testing/selftests/kvm/*/irq_target.*\
F:	tools/testing/selftests/kvm/gsi_routing_test.c\
F:	tools/testing/selftests/kvm/include/fail_nth.h
}
}
