# files: virt/kvm/Makefile.kvm
s/ \$(KVM)\/irqchip\.o$/& $(KVM)\/irqchip_publish.o $(KVM)\/irqchip_stage.o/
