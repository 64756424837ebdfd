# files: arch/arm64/kvm/vgic/vgic.h
# The ITS's own layout is in vgic-its-abi.h, what routes ask of it in vgic-msi.h. What
# is left here is for the redistributors and for GICv4.
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
/^int vgic_its_inject_cached_translation(/d
s/^void vgic_its_invalidate_all_caches(struct kvm \*kvm);$/void vgic_its_lock(struct vgic_its *its);\
void vgic_its_unlock(struct vgic_its *its);\
void vgic_its_lpis_disabled(struct kvm_vcpu *vcpu);/
