# files: include/linux/kvm_host.h
s/^#define KVM_MAX_IRQ_ROUTES 4096.*/#define KVM_MAX_IRQ_ROUTES 65536/
