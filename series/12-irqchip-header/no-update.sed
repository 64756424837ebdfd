# files: virt/kvm/irqchip.h
# KVM_UPDATE_GSI_ROUTING comes in a later patch.
/irqchip_update\.c/d
