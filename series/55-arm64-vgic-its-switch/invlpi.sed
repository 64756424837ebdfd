# files: arch/arm64/kvm/vgic/vgic-mmio-v3.c
# What has been read for an LPI that is not mapped yet is out of date as well.
/^static void vgic_mmio_write_invlpi(/,/^}/{
/^	struct vgic_irq \*irq;$/d
/^	irq = vgic_get_irq(/,/^	}$/c\
	vgic_its_invlpi(vcpu->kvm, intid);
}
