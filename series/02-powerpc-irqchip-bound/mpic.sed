# files: arch/powerpc/kvm/mpic.c
s/^		if (e->irqchip.pin >= KVM_IRQCHIP_NUM_PINS)$/		if (e->irqchip.pin >= KVM_IRQCHIP_NUM_PINS ||\
		    e->irqchip.irqchip >= KVM_NR_IRQCHIPS)/
