# files: arch/arm64/kvm/vgic/vgic-debug.c
# The ITS has its own file in debugfs.
/^\/\*\*$/{
N
/struct vgic_its_iter/{
:rest
$d
N
b rest
}
}
