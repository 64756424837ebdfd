# files: arch/arm64/include/asm/kvm_host.h
/^#define KVM_REQ_VGIC_PROCESS_UPDATE	/a\
#define KVM_REQ_ITS_COMMANDS		KVM_ARCH_REQ(12)
