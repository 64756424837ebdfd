# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/\*\/its_\*$/{
i\
F:	tools/testing/selftests/kvm/*/*/irq_target.c
a\
F:	tools/testing/selftests/kvm/*/irq_target.*
}
}
