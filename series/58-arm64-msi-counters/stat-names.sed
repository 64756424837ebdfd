# files: arch/arm64/kvm/guest.c
# Name the counters to userspace.
/^const struct kvm_stats_desc kvm_vm_stats_desc\[\] = {$/i\
#define MSI_STATS_DESC(counter)							\\\
{										\\\
	STATS_DESC_COMMON(KVM_STATS_TYPE_CUMULATIVE, KVM_STATS_UNIT_NONE,	\\\
			  KVM_STATS_BASE_POW10, 0, 1, 0),			\\\
	.offset = offsetof(struct kvm_vm_stat,					\\\
			   msi_undelivered[VGIC_COUNTER_##counter]),		\\\
	.name = #counter,							\\\
}\

s/^\tKVM_GENERIC_VM_STATS()$/&,\
#define MSI_COUNTER(counter)	MSI_STATS_DESC(counter),\
#include <kvm\/arm_vgic_msi_outcomes.h>\
	STATS_DESC_COUNTER(VM, its_bad_commands),/
