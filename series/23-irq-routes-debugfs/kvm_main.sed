# files: virt/kvm/kvm_main.c
s/^	kvm_arch_create_vm_debugfs(kvm);$/	kvm_irq_routing_create_debugfs(kvm);\
&/
