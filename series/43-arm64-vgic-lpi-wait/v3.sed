# files: arch/arm64/kvm/vgic/vgic-v3.c
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
/^static void vgic_v3_fold_lr(/,/^}/{
s/^	if (vcpu->kvm->arch\.vgic\.vgic_model == KVM_DEV_TYPE_ARM_VGIC_V3) {$/&/
s/^		intid = val & ICH_LR_VIRTUAL_ID_MASK;$/&\
		if (intid >= VGIC_MIN_LPI)\
			return;	\/* folded by vgic_lpi_queue_fold() *\//
s/^	if (!irq)	.*/	if (!irq)/
/^		if (irq->intid >= VGIC_MIN_LPI)$/{
N
d
}
}
/^void vgic_v3_fold_lr_state(/,/^}/{
/^	for (int lr = 0;/i\
	vgic_lpi_queue_fold(vcpu);
}
