# files: arch/arm64/kvm/vgic/vgic-init.c
s/^#include "vgic\.h"$/&\
#include "vgic-lpi-queue.h"/
s/^	raw_spin_lock_init(&vgic_cpu->ap_list_lock);$/&\
	vgic_lpi_queue_init(vcpu);/
