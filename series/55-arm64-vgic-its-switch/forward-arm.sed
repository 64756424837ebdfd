# files: arch/arm64/kvm/arm.c
# What a producer and a route do to an LPI is the ITS's.
/^int kvm_arch_irq_bypass_add_producer(/,/^void kvm_arch_irq_bypass_stop(/{
/^void kvm_arch_irq_bypass_stop(/!d
}
