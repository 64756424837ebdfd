# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_\(.*\) += \1/its_random_test$,TEST_GEN_PROGS_\1 += \1/its_queue_test\
&,
