# files: arch/arm64/kvm/vgic/vgic-its.c
# An LPI that is sent elsewhere changes queues, one that is cleared or unmapped leaves its
# queue, and the pending table adds to what is pending. Other changes come with a call of
# vgic_queue_irq_unlock().
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
/^static int update_affinity(/,/^}/s/^	irq->target_vcpu = vcpu;$/&\
	vgic_lpi_queue_kick(vgic_lpi_queue_update(irq) ?: irq->lr_vcpu);/
s/^	ite->irq->pending_latch = false;$/	vgic_lpi_queue_clear(ite->irq);/
/^static void its_free_ite(/,/^}/s/^		vgic_put_irq(kvm, ite->irq);$/		vgic_lpi_queue_clear(ite->irq);\
&/
s/^			irq->pending_latch = pendmask & (1U << bit_nr);$/			irq->pending_latch |= !!(pendmask \& (1U << bit_nr));/
