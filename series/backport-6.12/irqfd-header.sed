# files: include/linux/kvm_irqfd.h
# 6.12's x86 keeps no vCPU of an irqfd.
/@\(irq_bypass_vcpu\|vcpu_list\): For the architecture\.$/d
/^	struct kvm_vcpu \*irq_bypass_vcpu;$/d
/^	struct list_head vcpu_list;$/d
