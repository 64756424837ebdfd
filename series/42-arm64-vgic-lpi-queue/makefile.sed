# files: arch/arm64/kvm/Makefile
s|vgic/vgic-its\.o vgic/vgic-debug\.o|vgic/vgic-lpi-queue.o &|
