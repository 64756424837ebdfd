# files: virt/kvm/Makefile.kvm
/^kvm-.*irqchip_stage\.o$/a\
kvm-$(CONFIG_HAVE_KVM_IRQ_ROUTING) += $(KVM)/irqchip_debug.o
