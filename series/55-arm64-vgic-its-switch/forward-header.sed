# files: include/kvm/arm_vgic.h
/^int kvm_vgic_v4_set_forwarding(/,/^int vgic_v4_load(/{
/^int vgic_v4_load(/!d
}
