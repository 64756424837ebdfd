# files: virt/kvm/irqchip.c
# The read side ends after the last delivery, unless that may wait for userspace.
/^int kvm_set_irq(/,/^}/{
s/^	int ret = -1, i, idx;$/&\
	bool waits;/
/^	srcu_read_unlock(/i\
\
	/*\
	 * A page of the guest can be missing for as long as userspace likes. A\
	 * change of routes must not wait for that: it could not be killed.\
	 */\
	waits = i == 1 \&\& (irq_set[0].type == KVM_IRQ_ROUTING_XEN_EVTCHN ||\
			   irq_set[0].type == KVM_IRQ_ROUTING_S390_ADAPTER);\
	if (waits)
s/^	srcu_read_unlock(/	&/
/^	return ret;$/i\
	if (!waits)\
		srcu_read_unlock(\&kvm->irq_srcu, idx);\

}
