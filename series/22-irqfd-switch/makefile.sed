# files: virt/kvm/Makefile.kvm
/HAVE_KVM_IRQ_ROUTING/i\
kvm-$(CONFIG_HAVE_KVM_IRQCHIP) += $(KVM)/irqfd.o $(KVM)/irqfd_ack.o
