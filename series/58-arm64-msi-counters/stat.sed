# files: arch/arm64/include/asm/kvm_host.h
# Count MSIs that are not delivered, by reason, and commands that are refused.
/^struct kvm_vm_stat {$/,/^};$/s/^	struct kvm_vm_stat_generic generic;$/&\
	atomic64_t\
#define MSI_COUNTER(counter)	counter,\
#include <kvm\/arm_vgic_msi_outcomes.h>\
	its_bad_commands;/
