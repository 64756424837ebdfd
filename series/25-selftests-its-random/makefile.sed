# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_aarch64 += aarch64/msi_devid_test$,TEST_GEN_PROGS_aarch64 += aarch64/its_random_test\
&,
