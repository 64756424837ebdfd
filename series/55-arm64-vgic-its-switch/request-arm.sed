# files: arch/arm64/kvm/arm.c
# A vCPU that is about to enter the guest goes on with commands that are left.
/^static int check_vcpu_requests(/,/^}/{
/^		if (kvm_check_request(KVM_REQ_RECORD_STEAL, vcpu))$/i\
		if (kvm_check_request(KVM_REQ_ITS_COMMANDS, vcpu))\
			vgic_its_resume_commands(vcpu->kvm);\

}
