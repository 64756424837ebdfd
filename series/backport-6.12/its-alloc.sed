# files: arch/arm64/kvm/vgic/vgic-its-map.c arch/arm64/kvm/vgic/vgic-its-lpi.c arch/arm64/kvm/vgic/vgic-its.c
s/kzalloc_obj(\(\*[a-z]*\), /kzalloc(sizeof(\1), /
