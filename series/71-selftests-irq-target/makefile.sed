# files: tools/testing/selftests/kvm/Makefile.kvm
# handlers.S is there for what has an irq_target: x86, arm64 and riscv.
s,^LIBKVM_\(.*\) += lib/\1/handlers.S$,&\
LIBKVM_\1 += lib/irq_target.c\
LIBKVM_\1 += lib/\1/irq_target.c,
