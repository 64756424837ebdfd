# files: virt/kvm/kvm_main.c
# The ioctl and its capability, beside those of KVM_SET_GSI_ROUTING.
/^\tcase KVM_CAP_IRQ_ROUTING:$/,/return/{
/return/a\
	case KVM_CAP_UPDATE_GSI_ROUTING:\
		return 1;
}
/^\tcase KVM_SET_GSI_ROUTING:$/,/break;/{
/break;/a\
	case KVM_UPDATE_GSI_ROUTING:\
		r = kvm_vm_ioctl_update_gsi_routing(kvm, argp);\
		break;
}
