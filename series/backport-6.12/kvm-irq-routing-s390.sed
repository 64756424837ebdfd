# files: include/linux/kvm_irq_routing.h
# 6.12 logs no dirty pages by these.
s/^	u64 ind_addr;.*/	u64 ind_addr;		\/* addresses are where userspace has it *\//
/^	u64 [a-z]*_gaddr;/d
