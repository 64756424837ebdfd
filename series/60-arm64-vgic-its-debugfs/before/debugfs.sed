# files: arch/arm64/kvm/vgic/vgic-its.h arch/arm64/kvm/vgic/vgic-its-device.c
# The ITS has no file in debugfs yet.
/^ \*   vgic-its-debug\.c /d
/^\/\* vgic-its-debug\.c \*\/$/{
N
N
d
}
/^	if (!ret)$/{
N
/its_debug_init/d
}
