# files: arch/arm64/kvm/Makefile
s|vgic/vgic-its\.o vgic/vgic-debug\.o|vgic/vgic-debug.o \\\
	 vgic/vgic-its.o vgic/vgic-its-cmd.o \\\
	 vgic/vgic-its-device.o vgic/vgic-its-forward.o \\\
	 vgic/vgic-its-inject.o vgic/vgic-its-lpi.o \\\
	 vgic/vgic-its-map.o vgic/vgic-its-pending.o \\\
	 vgic/vgic-its-regs.o vgic/vgic-its-save.o \\\
	 vgic/vgic-its-table.o|
