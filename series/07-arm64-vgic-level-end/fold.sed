# files: arch/arm64/kvm/vgic/vgic-v3.c
s/^	if (deactivated && lr_signals_eoi_mi(val) &&/	if (lr_signals_eoi_mi(val) \&\&/
/^	if (lr_signals_eoi_mi(val) &&/,/^	}/s/^		atomic_dec_if_positive(/		if (deactivated)\
			atomic_dec_if_positive(/
