# files: tools/testing/selftests/kvm/Makefile.kvm
s,^LIBKVM_\(.*\) += lib/\1/gic_v3_its.c$,&\
LIBKVM_\1 += lib/\1/its_vmm.c,
