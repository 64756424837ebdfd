# files: include/linux/kvm_irq_routing.h
# kvm_has_gsi_routes_of() comes in a later patch.
/^\/\*\*$/{
N
/\n \* kvm_has_gsi_routes_of() - /!b
:next
N
/\n$/!b next
d
}
