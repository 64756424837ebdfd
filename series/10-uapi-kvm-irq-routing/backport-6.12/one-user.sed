# files: include/uapi/linux/kvm_irq_routing.h
# Until irqfds are rewritten, only the VM itself is searched for the eventfd.
/^ \*   EBUSY   fd is bound to a GSI already/{
N
s/.*/ *   EBUSY   fd is bound to a GSI of this VM already/
}
