# files: include/linux/kvm_irq_routing.h
# Routes have no file in debugfs yet.
/^void kvm_irq_routing_create_debugfs(/d
/^$/{
N
/\nstatic inline void kvm_irq_routing_create_debugfs(/{
N
N
d
}
}
