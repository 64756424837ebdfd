# files: tools/testing/selftests/kvm/Makefile
s,^LIBKVM_aarch64 += lib/aarch64/handlers.S$,&\
LIBKVM_aarch64 += lib/aarch64/its_vmm.c,
