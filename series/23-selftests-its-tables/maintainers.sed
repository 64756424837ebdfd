# files: MAINTAINERS
/^KERNEL VIRTUAL MACHINE INTERRUPT ROUTING$/,/^$/{
/\/aarch64\/its_shapes_test\.c$/a\
F:	tools/testing/selftests/kvm/aarch64/its_tables_*
}
