# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/\*\/msi_\*$/i\
F:	tools/testing/selftests/kvm/*/its_*
}
