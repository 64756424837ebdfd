# files: include/linux/kvm_host.h
# The irqfds of a VM get a type.
/^struct kvm {$/,/^}/{
/^	struct {$/,/^	} irqfds;$/c\
	struct kvm_irqfds irqfds;
}
s/^#include <linux\/kvm_irq_routing\.h>$/&\
#include <linux\/kvm_irqfd.h>/
