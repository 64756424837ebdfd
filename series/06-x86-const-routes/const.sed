# files: arch/x86/kvm/irq.c
/^static void kvm_msi_to_lapic_irq(/,/^{/s/struct kvm_kernel_irq_routing_entry/const &/
/^static inline bool kvm_msi_route_invalid(/,/^{/s/struct kvm_kernel_irq_routing_entry/const &/
