# files: virt/kvm/kvm_main.c
# The core handles the whole ioctl. (Coccinelle does not replace a block that
# jumps out of its switch.)
/^\tcase KVM_SET_GSI_ROUTING: {$/,/^\t}$/c\
	case KVM_SET_GSI_ROUTING:\
		r = kvm_vm_ioctl_set_gsi_routing(kvm, argp);\
		break;
