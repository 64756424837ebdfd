# files: arch/arm64/kvm/guest.c
# Name the counters to userspace.
s/^\tKVM_GENERIC_VM_STATS()$/&,\
#define MSI_COUNTER(counter)	STATS_DESC_COUNTER(VM, counter),\
#include <kvm\/arm_vgic_msi_outcomes.h>\
	STATS_DESC_COUNTER(VM, its_bad_commands),/
