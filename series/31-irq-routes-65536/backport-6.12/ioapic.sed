# files: arch/x86/kvm/ioapic.h
# How many GSIs can stand for I/O APIC pins stays as it is: each is looked at for
# each scan.
s/^\(#define MAX_NR_RESERVED_IOAPIC_PINS\) KVM_MAX_IRQ_ROUTES$/\1 4096/
