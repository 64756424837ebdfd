# files: virt/kvm/irqchip.c
# The read side ends after the last delivery.
/^int kvm_set_irq(/,/^}/{
/^	srcu_read_unlock(/d
/^	return ret;$/i\
	srcu_read_unlock(\&kvm->irq_srcu, idx);\

}
