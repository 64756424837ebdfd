# files: virt/kvm/kvm_main.c
# A work item can hold the VM, and be the last to use its irqfds.
/^static void kvm_destroy_vm(/,/^}/s/^	kvm_free_irq_routing(kvm);$/	kvm_irqfd_destroy_vm(kvm);\
&/
s/^	r = kvm_irqfd_init();$/	r = kvm_irqfd_init(module);/
