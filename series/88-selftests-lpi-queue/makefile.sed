# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_\(.*\) += \1/msi_devid_test$,TEST_GEN_PROGS_\1 += \1/lpi_queue_test\
&,
