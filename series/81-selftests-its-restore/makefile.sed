# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_\(.*\) += \1/its_tables_test$,TEST_GEN_PROGS_\1 += \1/its_tables_restore_test\
&,
