# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_\(.*\) += \1/its_commands_test$,&\
TEST_GEN_PROGS_\1 += \1/its_forward_test,
