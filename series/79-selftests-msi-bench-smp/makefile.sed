# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_EXTENDED_\(.*\) += \1/msi_bench$,&\
TEST_GEN_PROGS_EXTENDED_\1 += \1/msi_bench_smp,
