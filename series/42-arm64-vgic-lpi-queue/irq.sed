# files: include/kvm/arm_vgic.h
# Where an LPI is, beside vgic_irq.vcpu.
s/^#include <kvm\/iodev\.h>$/#include <kvm\/arm_vgic_lpi_queue.h>\
&/
/^struct vgic_irq {$/,/^};$/{
/^	struct kvm_vcpu \*target_vcpu;/i\
	struct kvm_vcpu *lr_vcpu;	/* LPIs: The VCPU on whose LR this is */\

# 7.3 has bits here, 6.12 has none.
s/^	bool mapped:1;.*/&\
	bool withdrawn:1;		\/* LPIs: what is on the LR is out of date *\/\
	bool from_table:1;		\/* LPIs: pending as the pending table said *\//
s/^	bool hw;.*/&\
	bool withdrawn;			\/* LPIs: what is on the LR is out of date *\/\
	bool from_table;		\/* LPIs: pending as the pending table said *\//
s/^	u8 priority;$/&\
	u8 queued_level;		\/* LPIs: Which list of the queue has this *\//
/^	void \*owner;/{
N
s/.*/	union {\
		\/* Who has reserved it, of in-kernel devices *\/\
		void *owner;\
		\/* LPIs: The VCPU that MOVALL has moved what is pending to, or NULL *\/\
		struct kvm_vcpu *moved_to;\
	};/
}
}
/^struct vgic_cpu {$/,/^};$/s/^	struct list_head ap_list_head;$/&\
\
	\/* The LPIs that are pending for this VCPU are not in the AP list. *\/\
	struct vgic_lpi_queue lpi_queue;/
