# files: arch/x86/kvm/x86.c
# How many GSIs can stand for I/O APIC pins stays as it is: each is looked at for
# each scan.
s/cap->args\[0\] > KVM_MAX_IRQ_ROUTES/cap->args[0] > 4096/
