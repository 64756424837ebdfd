# files: arch/arm64/kvm/Makefile
s|vgic/vgic-its-cmd\.o|& vgic/vgic-its-debug.o|
