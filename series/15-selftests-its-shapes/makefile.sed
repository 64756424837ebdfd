# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_aarch64 += aarch64/its_mapping_test$,&\
TEST_GEN_PROGS_aarch64 += aarch64/its_shapes_test,
