# files: include/linux/kvm_host.h
# The irqfds of a VM get a type.
/^struct kvm {$/,/^}/{
/^	struct {$/,/^	} irqfds;$/c\
	struct kvm_irqfds irqfds;
}
s/^#include <linux\/kvm_irq_routing\.h>$/&\
#include <linux\/kvm_irqfd.h>/
# Who holds a VM longer than its files do holds the module.
s/^\(static inline \)\{0,1\}int kvm_irqfd_init(void)/\1int kvm_irqfd_init(struct module *module)/
