# files: tools/testing/selftests/kvm/Makefile.kvm
/loongarch/!s,^TEST_GEN_PROGS_\(.*\) += steal_time$,&\
TEST_GEN_PROGS_\1 += update_gsi_routing_test,
