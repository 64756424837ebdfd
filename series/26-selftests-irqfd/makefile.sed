# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_aarch64 += aarch64/page_fault_test$,TEST_GEN_PROGS_aarch64 += aarch64/irqfd_test\
&,
