# files: virt/kvm/Makefile.kvm
s/ \$(KVM)\/irqchip_stage\.o$/&\
kvm-$(CONFIG_HAVE_KVM_IRQ_ROUTING) += $(KVM)\/irqchip_update.o/
