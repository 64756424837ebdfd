# files: tools/testing/selftests/kvm/Makefile.kvm
# There riscv has no dirty_log_perf_test.
s,^TEST_GEN_PROGS_riscv += get-reg-list$,&\
TEST_GEN_PROGS_riscv += gsi_routing_test,
