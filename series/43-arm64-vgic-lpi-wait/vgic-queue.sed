# files: arch/arm64/kvm/vgic/vgic.c
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
/^void vgic_flush_pending_lpis(/,/^}/{
/^{/,/^}/c\
{\
	vgic_lpi_queue_flush(vcpu);\
}
}
/^int kvm_vgic_vcpu_pending_irq(/,/^}/{
s/^	vgic_get_vmcr(vcpu, &vmcr);$/&\
	if (vgic_lpi_queue_pending(vcpu, vmcr.pmr))\
		return true;/
}
# What waits when the distributor is enabled is not seen by the priority mask alone: that
# may be older than the guest's.
/^void vgic_kick_vcpus(/,/^}/{
s/^	unsigned long c;$/&\
\
	\/*\
	 * Orders dist.enabled before the queues. Pairs with vgic_lpi_queue_kick(): a vCPU that\
	 * is found without LPIs sees dist.enabled when it is kicked.\
	 *\/\
	smp_mb();/
s/^		if (kvm_vgic_vcpu_pending_irq(vcpu)) {$/		if (vgic_lpi_queue_deliverable(vcpu) ||\
		    kvm_vgic_vcpu_pending_irq(vcpu)) {/
}
