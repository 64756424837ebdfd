# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_aarch64 += aarch64/msi_devid_test$,TEST_GEN_PROGS_aarch64 += aarch64/its_tables_restore_test\
TEST_GEN_PROGS_aarch64 += aarch64/its_tables_test\
&,
s,^TEST_GEN_PROGS_EXTENDED_aarch64 += aarch64/msi_bench$,TEST_GEN_PROGS_EXTENDED_aarch64 += aarch64/its_tables_fixture\
&,
