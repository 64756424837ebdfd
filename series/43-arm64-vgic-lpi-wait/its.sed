# files: arch/arm64/kvm/vgic/vgic-its.c
# An LPI that is sent elsewhere changes queues, one that is cleared or unmapped leaves its
# queue, and the pending table adds to what is pending. Other changes come with a call of
# vgic_queue_irq_unlock().
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
/^static int update_affinity(/,/^}/s/^	irq->target_vcpu = vcpu;$/&\
	vgic_lpi_queue_kick(vgic_lpi_queue_update(irq) ?: irq->lr_vcpu);/
/^static u32 max_lpis_propbaser(/i\
/* Take an LPI's pending state away, wherever it is. */\
static void its_withdraw(struct vgic_irq *irq)\
{\
	struct kvm_vcpu *vcpu;\
\
	scoped_guard(raw_spinlock_irqsave, &irq->irq_lock)\
		vcpu = vgic_lpi_queue_withdraw(irq);\
	vgic_lpi_queue_kick(vcpu);\
}\

s/^	ite->irq->pending_latch = false;$/	its_withdraw(ite->irq);/
/^static void its_free_ite(/,/^}/s/^		vgic_put_irq(kvm, ite->irq);$/		its_withdraw(ite->irq);\
&/
s/^			irq->pending_latch = pendmask & (1U << bit_nr);$/			irq->pending_latch |= !!(pendmask \& (1U << bit_nr));/
