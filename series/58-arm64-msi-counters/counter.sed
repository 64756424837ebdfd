# files: include/kvm/arm_vgic.h
/^enum vgic_type {$/i\
/* The counters of MSIs that are not delivered, in the order of their reasons */\
enum vgic_msi_counter {\
#define MSI_COUNTER(counter)	VGIC_COUNTER_##counter,\
#include <kvm\/arm_vgic_msi_outcomes.h>\
	VGIC_MSI_NR_COUNTERS\
};\

