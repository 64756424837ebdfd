# files: arch/arm64/kvm/vgic/vgic-v3.c
# Saving the pending tables is the ITS's, but for GICv4.1's vPEs.
/^int vgic_v3_save_pending_tables(/,/^}/{
/^	struct vgic_dist \*dist = /d
/^	struct vgic_irq \*irq;$/d
/^	gpa_t last_ptr = /d
/^	unsigned long index;$/d
/^	u8 val;$/d
s/^	int ret = 0;$/	int ret;/
/^	xa_for_each(/,/^	}$/c\
	ret = vgic_its_save_pending(kvm);
/^out:$/d
}
