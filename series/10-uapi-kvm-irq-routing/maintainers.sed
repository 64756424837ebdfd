# files: MAINTAINERS
/^KERNFS$/i\
KERNEL VIRTUAL MACHINE INTERRUPT ROUTING\
L:	kvm@vger.kernel.org\
L:	kvmarm@lists.linux.dev\
S:	Maintained\
F:	include/uapi/linux/kvm_irq_routing.h\

