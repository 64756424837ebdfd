# files: arch/arm64/kvm/vgic/vgic-v3.c
/^void vgic_v3_fold_lr_state(/,/^}/{
/^		\/\* Always preserve the active bit, note deactivation \*\/$/c\
		/* An LPI is active in a list register only. */\
		if (intid >= VGIC_MIN_LPI)\
			val &= ~ICH_LR_ACTIVE_BIT;\
		/* Of others, preserve the active bit, and note deactivation. */
}
