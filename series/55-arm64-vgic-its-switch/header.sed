# files: arch/arm64/kvm/vgic/vgic.h
# The ITS's types are in vgic-its.h, its layout in vgic-its-abi.h, what routes ask of it
# in vgic-msi.h. What is left here is for the redistributors.
/^\/\*$/{
N
/arm-vgic-its\.rst,$/{
N
N
d
}
}
/^#define KVM_ITS_L1E_ADDR_MASK/{
N
d
}
/^#define KVM_ITS_/d
/^\/\* .*64 kB translation table page size \*\/$/d
/^int vgic_v3_lpi_sync_pending_status(/d
/^int vgic_its_inject_msi(/d
/^int vgic_its_resolve_lpi(/{
N
d
}
/^struct vgic_its \*vgic_msi_to_its(/d
/^int vgic_its_inject_cached_translation(/d
s/^void vgic_its_invalidate_all_caches(struct kvm \*kvm);$/void vgic_its_lpis_disabled(struct kvm_vcpu *vcpu);\
int vgic_its_save_pending(struct kvm *kvm);\
void vgic_its_vcpu_destroy(struct kvm_vcpu *vcpu);/
s/^int vgic_its_inv_lpi(struct kvm \*kvm, struct vgic_irq \*irq);$/void vgic_its_invlpi(struct kvm *kvm, u32 intid);/
/^struct its_device {$/,/^struct ap_list_summary {$/{
/^struct ap_list_summary {$/!d
}
/^int vgic_its_debug_init(/d
/^void vgic_its_debug_destroy(/d
