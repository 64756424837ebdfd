# files: virt/kvm/irqchip.h
# kvm_has_gsi_routes_of() comes in a later patch.
/^ \* @nr_by_type: /{
N
d
}
/nr_by_type/d
