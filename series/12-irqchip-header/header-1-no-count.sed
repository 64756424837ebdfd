# files: virt/kvm/irqchip.h
# Only KVM_UPDATE_GSI_ROUTING needs to know how many routes there are.
/nr_routes/d
