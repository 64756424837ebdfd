# files: arch/x86/kvm/irq_comm.c arch/x86/include/asm/kvm_host.h arch/x86/kvm/svm/avic.c
/^void kvm_set_msi_irq(/s/struct kvm_kernel_irq_routing_entry/const &/
/^get_pi_vcpu_info(/s/struct kvm_kernel_irq_routing_entry/const &/
/^static inline bool kvm_msi_route_invalid(/,/^{/s/struct kvm_kernel_irq_routing_entry/const &/
