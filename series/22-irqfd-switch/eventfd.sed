# files: virt/kvm/eventfd.c
# Only ioeventfds stay here. What is before them and under the condition goes.
/^#include <linux\/\(irqbypass\|kvm_irqfd\|poll\|seqlock\|srcu\|syscalls\|wait\|workqueue\)\.h>$/d
/^#include <trace\/events\/kvm\.h>$/d
1,/^ \* ---*$/{
/^#ifdef CONFIG_HAVE_KVM_IRQCHIP$/,${
/^ \* --/!d
s,^,/*\n,
}
}
/^kvm_eventfd_init(/,/^}/{
/^#ifdef/,/^#endif/c\
	kvm_irqfd_init_vm(kvm);
}
