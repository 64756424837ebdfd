# files: virt/kvm/irqfd_ack.c
# The interfaces of 6.12.
s/^EXPORT_SYMBOL_FOR_KVM_INTERNAL(/EXPORT_SYMBOL_GPL(/
s/kzalloc_obj(\(\*[a-z]*\), /kzalloc(sizeof(\1), /
