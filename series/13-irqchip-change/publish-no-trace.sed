# files: virt/kvm/irqchip_publish.c
# The tracepoint comes in a later patch.
/^#define CREATE_TRACE_POINTS$/{
N
N
d
}
/^static void irqchip_trace_routes(/{
:next
N
/\n}\n$/!b next
d
}
/trace_kvm_irq_route_enabled/{
N
d
}
