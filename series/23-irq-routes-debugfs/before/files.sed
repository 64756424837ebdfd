# files: virt/kvm/irqchip.h
/^ \*   irqchip_debug\.c	/d
