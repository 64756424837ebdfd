# files: include/linux/kvm_irq_routing.h
# KVM_UPDATE_GSI_ROUTING comes in a later patch.
/kvm_vm_ioctl_update_gsi_routing/d
