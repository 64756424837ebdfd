# files: tools/testing/selftests/kvm/Makefile.kvm
s/^\(TEST_GEN_PROGS_EXTENDED_\)arm64 += arm64/\1aarch64 += aarch64/
