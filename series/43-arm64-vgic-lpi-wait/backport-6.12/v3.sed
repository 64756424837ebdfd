# files: arch/arm64/kvm/vgic/vgic-v3.c
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
/^void vgic_v3_fold_lr_state(/,/^}/{
s/^			intid = val & ICH_LR_VIRTUAL_ID_MASK;$/&\
			if (intid >= VGIC_MIN_LPI)\
				continue;	\/* folded by vgic_lpi_queue_fold() *\//
/^		if (!irq)	/s/	\/\*.*//
/An LPI is active in a list register only/,/Of others/c\
		/* Always preserve the active bit, note deactivation */
/^	for (lr = 0; /i\
	vgic_lpi_queue_fold(vcpu);\

}
