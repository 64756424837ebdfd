# files: arch/arm64/include/asm/kvm_host.h
/^#define KVM_REQ_NESTED_S2_UNMAP	/a\
#define KVM_REQ_ITS_COMMANDS	KVM_ARCH_REQ(12)
