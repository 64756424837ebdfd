# files: arch/arm64/kvm/vgic/vgic-irqfd.c
# An ITS or LPIs that are disabled are an error yet.
s/^	return 0;	\/\* the guest blocks it \*\/$/	if (outcome == VGIC_MSI_ITS_DISABLED || outcome == VGIC_MSI_LPIS_DISABLED)\
		return -EBUSY;\
&/
