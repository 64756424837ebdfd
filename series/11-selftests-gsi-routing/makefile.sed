# files: tools/testing/selftests/kvm/Makefile
s,^LIBKVM_x86_64 += lib/x86_64/hyperv.c$,&\
LIBKVM_x86_64 += lib/irq_target.c\
LIBKVM_x86_64 += lib/x86_64/irq_target.c,
s,^LIBKVM_aarch64 += lib/aarch64/handlers.S$,&\
LIBKVM_aarch64 += lib/irq_target.c\
LIBKVM_aarch64 += lib/aarch64/irq_target.c,
s,^LIBKVM_riscv += lib/riscv/handlers.S$,&\
LIBKVM_riscv += lib/irq_target.c\
LIBKVM_riscv += lib/riscv/irq_target.c,
s,^TEST_GEN_PROGS_\(x86_64\|aarch64\|riscv\) += guest_print_test$,TEST_GEN_PROGS_\1 += gsi_routing_test\
&,
