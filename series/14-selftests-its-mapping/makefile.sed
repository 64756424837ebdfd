# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_aarch64 += aarch64/its_commands_test$,&\
TEST_GEN_PROGS_aarch64 += aarch64/its_mapping_test,
