# files: arch/arm64/kvm/vgic/vgic-v4.c
# Forwarding an LPI is the ITS's: all from vgic_get_its() on.
s/kvm_vgic_v4_set_forwarding()/kvm_arch_irq_bypass_add_producer()/
s/kvm_vgic_v4_unset_forwarding()/kvm_arch_irq_bypass_del_producer()/
/^$/{
N
/\nstatic struct vgic_its \*vgic_get_its(/{
:rest
$d
N
b rest
}
}
