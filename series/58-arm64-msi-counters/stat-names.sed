# files: arch/arm64/kvm/guest.c
# Name the counters to userspace. (Coccinelle does not keep the indentation of
# what it adds to an initialiser.)
s/^\tKVM_GENERIC_VM_STATS()$/&,\
	STATS_DESC_COUNTER(VM, msi_no_devid),\
	STATS_DESC_COUNTER(VM, msi_no_doorbell),\
	STATS_DESC_COUNTER(VM, msi_its_disabled),\
	STATS_DESC_COUNTER(VM, msi_device_unmapped),\
	STATS_DESC_COUNTER(VM, msi_event_unmapped),\
	STATS_DESC_COUNTER(VM, msi_collection_unmapped),\
	STATS_DESC_COUNTER(VM, msi_target_absent),\
	STATS_DESC_COUNTER(VM, msi_lpis_disabled),\
	STATS_DESC_COUNTER(VM, its_bad_commands),/
