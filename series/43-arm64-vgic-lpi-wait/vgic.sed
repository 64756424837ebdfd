# files: arch/arm64/kvm/vgic/vgic.c
# The queue has no reference: an LPI leaves it before the last one is dropped.
/^static void vgic_release_lpi_locked(/,/^}/{
s/^	__xa_erase(/	scoped_guard(raw_spinlock_irqsave, \&irq->irq_lock)\
		vgic_lpi_queue_withdraw(irq);\
&/
}
# No LPI is in the ap_list, so none is released while that is walked.
/^static __must_check bool __vgic_put_irq(/,/^void vgic_put_irq(/{
/^void vgic_put_irq(/!d
}
/^static void vgic_release_deleted_lpis(/,/^void vgic_flush_pending_lpis(/{
/^void vgic_flush_pending_lpis(/!d
}
/^static void vgic_prune_ap_list(/,/^}/{
s/deleted_lpis |= vgic_put_irq_norelease(vcpu->kvm, irq);/vgic_put_irq(vcpu->kvm, irq);/
/^	bool deleted_lpis = false;$/d
/^	\/\*$/{
N
/last_lr_irq/{
N
N
N
c\
	/* It is a position in the list, without a reference. */\
	*host_data_ptr(last_lr_irq) = NULL;
}
}
/^	irq = \*host_data_ptr(last_lr_irq);$/,/^	}$/d
/^	raw_spin_unlock(&vgic_cpu->ap_list_lock);$/{
N
N
/deleted_lpis/{
N
s/\n.*//
}
}
}
# An LPI waits in its own queue.
/^bool vgic_queue_irq_unlock(/,/^}/{
/^	lockdep_assert_held(&irq->irq_lock);$/a\
\
	if (irq_is_lpi(kvm, irq->intid)) {\
		vcpu = vgic_lpi_queue_update(irq);\
		raw_spin_unlock_irqrestore(&irq->irq_lock, flags);\
		vgic_lpi_queue_kick(vcpu);\
		return vcpu;\
	}
}
# List registers go to both by priority.
/^static void summarize_ap_list(/,/^}/{
s/^	\*als = (typeof(\*als)){};$/&\
	als->nr_pend = vgic_lpi_queue_deliverable(vcpu);/
}
/^static void vgic_flush_lr_state(/,/^}/{
s/^	int count = 0;$/&\
	struct vgic_vmcr vmcr;\
	bool compete;/
s/^	\*host_data_ptr(last_lr_irq) = NULL;$/&\
	compete = irqs_outside_lrs(\&als) \&\& vgic_lpi_queue_deliverable(vcpu);\
	if (compete)\
		vgic_get_vmcr(vcpu, \&vmcr);/
s/^	list_for_each_entry(irq, .*/&\
		if (compete) {\
			count = vgic_lpi_queue_fill(vcpu, count,\
						    vgic_lr_rank(vcpu, irq, \&vmcr));\
			if (count == kvm_vgic_global_state.nr_lr) {\
				*host_data_ptr(last_lr_irq) = list_prev_entry(irq, ap_list);\
				break;\
			}\
		}\
/
/vgic_get_irq_ref(irq);/d
s/^	\/\* Nuke remaining LRs \*\/$/	if (vgic_lpi_queue_deliverable(vcpu))\
		count = vgic_lpi_queue_fill(vcpu, count, VGIC_LR_RANK_LAST);\
\
&/
}
/^static void summarize_ap_list(/i\
/* The rank at which an interrupt of the ap_list competes with LPIs, which are of group 1. */\
static int vgic_lr_rank(struct kvm_vcpu *vcpu, struct vgic_irq *irq,\
			const struct vgic_vmcr *vmcr)\
{\
	guard(raw_spinlock)(&irq->irq_lock);\
\
	/* It takes no list register. */\
	if (vgic_target_oracle(irq) != vcpu)\
		return VGIC_LR_RANK_FIRST;\
	if (!vmcr->grpen1)\
		return VGIC_LR_RANK_FIRST;\
	if (!irq->group && !vmcr->grpen0)\
		return VGIC_LR_RANK_LAST;\
	return irq->active ? VGIC_LR_RANK_LAST : irq->priority;\
}\

# With LPIs alone there is nothing to prune.
/^void kvm_vgic_sync_hwstate(/,/^}/{
s/^	if (!vgic_is_v5(vcpu->kvm))$/	if (!vgic_is_v5(vcpu->kvm) \&\& !list_empty(\&vcpu->arch.vgic_cpu.ap_list_head))/
}
