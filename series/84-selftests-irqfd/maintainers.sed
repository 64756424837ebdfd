# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/kvm\/\*\/its_\*$/i\
F:	tools/testing/selftests/kvm/*/irqfd_binding_test.c
}
