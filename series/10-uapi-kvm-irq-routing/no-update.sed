# files: include/uapi/linux/kvm_irq_routing.h
# KVM_UPDATE_GSI_ROUTING comes in a later patch.
/KVM_IRQ_ROUTING_NONE/d
/^\/\*$/{
N
/\n \* KVM_UPDATE_GSI_ROUTING - /!b
:next
N
/\n$/!b next
d
}
