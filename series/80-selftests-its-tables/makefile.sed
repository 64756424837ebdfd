# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_\(.*\) += \1/msi_devid_test$,TEST_GEN_PROGS_\1 += \1/its_tables_test\
&,
s,^TEST_GEN_PROGS_EXTENDED_\(.*\) += \1/msi_bench$,TEST_GEN_PROGS_EXTENDED_\1 += \1/its_tables_fixture\
&,
