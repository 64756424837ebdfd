# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/^F:	tools.*msi_devid/i\
F:	tools/testing/selftests/kvm/aarch64/msi_bench*.c
}
