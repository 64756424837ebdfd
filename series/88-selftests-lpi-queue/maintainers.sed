# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/kvm\/\*\/msi_\*$/i\
F:	tools/testing/selftests/kvm/*/lpi_queue_test.c
}
