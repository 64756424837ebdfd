# files: arch/arm64/kvm/vgic/vgic-irqfd.c arch/arm64/kvm/vgic/vgic-its-cmd.c
# There are no tracepoints yet.
/^$/{
N
/^\n	trace_vgic_/s/^\n.*//
/^\n#define CREATE_TRACE_POINTS$/{
N
d
}
}
/^	trace_vgic_/d
