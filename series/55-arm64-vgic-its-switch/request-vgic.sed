# files: include/kvm/arm_vgic.h
s/^void kvm_vgic_flush_hwstate(struct kvm_vcpu \*vcpu);$/&\
void vgic_its_resume_commands(struct kvm *kvm);/
