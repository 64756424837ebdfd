# files: Documentation/virt/kvm/api.rst
# Point from each ioctl to its reference.
/^4\.[0-9]* \(KVM_SIGNAL_MSI\|KVM_SET_GSI_ROUTING\|KVM_IRQFD\)$/,/^:Returns:/{
/^:Returns:/a\
\
Fields and errors are listed in Documentation/virt/kvm/irq-routing.rst.
}
