# files: include/kvm/arm_vgic.h
# Where an LPI is, beside vgic_irq.vcpu.
s/^#include <kvm\/iodev\.h>$/#include <kvm\/arm_vgic_lpi_queue.h>\
&/
/^struct vgic_irq {$/,/^};$/{
s/^	bool hw;.*/&\
	bool withdrawn;			\/* LPIs: what is on the LR is out of date *\//
/^	u32 intid;/i\
	struct kvm_vcpu *lr_vcpu;	/* LPIs: The VCPU on whose LR this is */\

s/^	u8 priority;$/&\
	u8 queued_level;		\/* LPIs: Which list of the queue has this *\//
}
/^struct vgic_cpu {$/,/^};$/s/^	struct list_head ap_list_head;$/&\
\
	\/* The LPIs that are pending for this VCPU are not in the AP list. *\/\
	struct vgic_lpi_queue lpi_queue;/
