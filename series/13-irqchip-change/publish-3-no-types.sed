# files: virt/kvm/irqchip_publish.c
# kvm_has_gsi_routes_of() comes in a later patch.
/^\/\* Count @routes in, /,/^$/d
/^bool kvm_has_gsi_routes_of(/,/^$/d
/^		irqchip_count(/d
/^		if (routes != anchor)$/{
N
d
}
