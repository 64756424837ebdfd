# files: tools/testing/selftests/kvm/arm64/vgic_irq.c
# The test asserts that the limit is not over that of its own arrays, which is all
# that it needs to know.
s/kvm_max_routes <= KVM_MAX_IRQ_ROUTES/num <= KVM_MAX_IRQ_ROUTES/
