# files: tools/testing/selftests/kvm/Makefile.kvm
/loongarch/!s,^TEST_GEN_PROGS_\(.*\) += dirty_log_perf_test$,&\
TEST_GEN_PROGS_\1 += gsi_routing_test,
