# files: arch/arm64/kvm/vgic/vgic-irqfd.c arch/arm64/kvm/vgic/vgic-its-cmd.c
# There are no tracepoints yet.
/^$/{
N
/^\n	trace_vgic_/s/^\n.*//
/^\n#define CREATE_TRACE_POINTS$/{
N
d
}
/^\nstatic const char \* const vgic_msi_texts/{
:rest
N
/\n};$/!b rest
d
}
}
/^static_assert(ARRAY_SIZE(vgic_msi_texts)/d
/^	trace_vgic_/d
