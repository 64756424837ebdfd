# files: arch/arm64/kvm/vgic/vgic.c
# The queue has no reference: an LPI leaves it before the last one is dropped.
/^void vgic_put_irq(/,/^}/{
s/^	__xa_erase(/	scoped_guard(raw_spinlock_irqsave, \&irq->irq_lock)\
		vgic_lpi_queue_withdraw(irq);\
&/
}
# An LPI waits in its own queue.
/^bool vgic_queue_irq_unlock(/,/^}/{
/^	lockdep_assert_held(&irq->irq_lock);$/a\
\
	if (irq->intid >= VGIC_MIN_LPI) {\
		vcpu = vgic_lpi_queue_update(irq);\
		raw_spin_unlock_irqrestore(&irq->irq_lock, flags);\
		vgic_lpi_queue_kick(vcpu);\
		return vcpu;\
	}
}
# List registers go to both by priority.
/^static void vgic_flush_lr_state(/,/^}/{
s/^	bool multi_sgi;$/	u32 lpis = vgic_lpi_queue_deliverable(vcpu);\
	bool multi_sgi, compete, more = false;\
	struct vgic_vmcr vmcr;/
s/^	count = compute_ap_list_depth(vcpu, &multi_sgi);$/&\
	compete = lpis \&\& count + lpis > kvm_vgic_global_state.nr_lr;\
	if (compete)\
		vgic_get_vmcr(vcpu, \&vmcr);/
s/^	if (count > kvm_vgic_global_state\.nr_lr || multi_sgi)$/	if (compete || count > kvm_vgic_global_state.nr_lr || multi_sgi)/
s/^	list_for_each_entry(irq, .*/&\
		if (compete)\
			count = vgic_lpi_queue_fill(vcpu, count,\
						    vgic_lr_rank(vcpu, irq, \&vmcr));\
		if (count == kvm_vgic_global_state.nr_lr) {\
			more = true;\
			break;\
		}\
/
/^		if (count == kvm_vgic_global_state\.nr_lr) {$/,/^		}$/{
/list_is_last/,/break;/c\
			more = !list_is_last(\&irq->ap_list,\
					     \&vgic_cpu->ap_list_head);\
			break;
}
s/^	\/\* Nuke remaining LRs \*\/$/	if (lpis) {\
		count = vgic_lpi_queue_fill(vcpu, count, VGIC_LR_RANK_LAST);\
		more |= vgic_lpi_queue_deliverable(vcpu);\
	}\
	if (more \&\& count == kvm_vgic_global_state.nr_lr)\
		vgic_set_underflow(vcpu);\
\
&/
}
/^\/\* Requires the VCPU's ap_list_lock to be held\. \*\/$/i\
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
	return irq->active ? VGIC_LR_RANK_FIRST : irq->priority;\
}\

# An empty ap_list does not mean that there is nothing to do.
/^void kvm_vgic_sync_hwstate(/,/^}/{
/^	\/\* An empty ap_list_head implies/,/^$/d
/^	if (can_access_vgic_from_kernel())$/{
N
N
h
d
}
# With LPIs alone there is nothing to prune.
/^	vgic_prune_ap_list(vcpu);$/{
s/^/	/
i\
	if (!list_empty(\&vcpu->arch.vgic_cpu.ap_list_head))
}
/^	if (used_lrs)$/i\
	if (list_empty(\&vcpu->arch.vgic_cpu.ap_list_head) \&\& !used_lrs)\
		return;\
\
	if (can_access_vgic_from_kernel())\
		vgic_save_state(vcpu);\

}
/^void kvm_vgic_flush_hwstate(/,/^}/{
/^	if (list_empty(&vcpu->arch\.vgic_cpu\.ap_list_head) &&$/{
N
s/.*/	if (!wait \&\& !vgic_supports_direct_msis(vcpu->kvm))/
}
s/^	if (!list_empty(&vcpu->arch\.vgic_cpu\.ap_list_head)) {$/	if (wait) {/
/^{$/a\
	bool wait = !list_empty(\&vcpu->arch.vgic_cpu.ap_list_head) ||\
		    vgic_lpi_queue_has_any(vcpu);\

}
