# files: arch/x86/kvm/x86.c
# A producer that could not be connected is freed without another call.
/^int kvm_arch_irq_bypass_add_producer(/,/^}/{
s/^	if (ret)$/	if (ret) {\
		irqfd->producer = NULL;/
s/^		kvm_arch_end_assignment(irqfd->kvm);$/&\
	}/
}
