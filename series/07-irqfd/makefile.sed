# files: virt/kvm/Makefile.kvm
/irqchip\.o$/i\
kvm-$(CONFIG_HAVE_KVM_IRQCHIP) += $(KVM)/irqfd.o
