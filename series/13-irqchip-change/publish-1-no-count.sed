# files: virt/kvm/irqchip_publish.c
# Only KVM_UPDATE_GSI_ROUTING needs to know how many routes there are.
/nr_routes/d
