# files: tools/testing/selftests/kvm/Makefile.kvm
s,^TEST_GEN_PROGS_s390x\? = ,# Programs to be run by hand\
TEST_GEN_PROGS_EXTENDED_arm64 += arm64/msi_bench\
\
&,
