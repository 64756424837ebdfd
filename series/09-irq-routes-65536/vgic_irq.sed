# files: tools/testing/selftests/kvm/aarch64/vgic_irq.c
# The test asserts that the limit is not over that of its own arrays, which is all
# that it needs to know.
s/assert(num <= kvm_max_routes && kvm_max_routes <= KVM_MAX_IRQ_ROUTES);/assert(num <= kvm_max_routes \&\& num <= KVM_MAX_IRQ_ROUTES);/
