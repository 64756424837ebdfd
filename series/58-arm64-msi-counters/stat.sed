# files: arch/arm64/include/asm/kvm_host.h
# Count MSIs that are not delivered, by reason, and commands that are refused.
/^struct kvm_vm_stat {$/,/^};$/s/^	struct kvm_vm_stat_generic generic;$/&\
	\/* By reason, which is an enum vgic_msi_counter *\/\
	atomic64_t msi_undelivered[VGIC_MSI_NR_COUNTERS];\
	atomic64_t its_bad_commands;/
