# files: tools/testing/selftests/kvm/Makefile
s,^TEST_GEN_PROGS_EXTENDED += .(TEST_GEN_PROGS_EXTENDED_.(ARCH_DIR))$,TEST_GEN_PROGS_EXTENDED_aarch64 += aarch64/msi_bench\
TEST_GEN_PROGS_EXTENDED_aarch64 += aarch64/msi_bench_smp\
&,
