# files: include/linux/kvm_host.h
# The types and calls of GSI routing are in the new header now.
s/^#include <linux\/kvm_types\.h>$/&\
#include <linux\/kvm_irq_routing.h>/
/^struct kvm_s390_adapter_int {$/,/^};$/{
/^};$/N
d
}
/^struct kvm_hv_sint {$/,/^};$/{
/^};$/N
d
}
/^struct kvm_xen_evtchn {$/,/^};$/{
/^};$/N
d
}
/^struct kvm_kernel_irq_routing_entry {$/,/^};$/{
/^};$/N
d
}
/^#ifdef CONFIG_HAVE_KVM_IRQ_ROUTING$/{
N
/\n$/!b
:next
N
/\n#endif$/!b next
s/.*\(#define KVM_MAX_IRQ_ROUTES[^\n]*\).*/\1/
}
/^int kvm_send_userspace_msi(/{
N
d
}
/^void kvm_irq_routing_update(/d
/^void kvm_arch_irq_routing_update(/{
N
d
}
