# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_\(x86_64\|aarch64\|riscv\) += steal_time$,&\
TEST_GEN_PROGS_\1 += update_gsi_routing_test,
