# files: virt/kvm/irqchip.c virt/kvm/irqchip_stage.c
# 6.12 scans a split irqchip's I/O APIC in a call of its own, and has other interfaces.
s/^	irqchip_retire(&change);$/	kvm_arch_post_irq_routing_update(kvm);\
&/
s/^EXPORT_SYMBOL_FOR_KVM_INTERNAL(/EXPORT_SYMBOL_GPL(/
s/zalloc_obj(\(\*[a-z]*\), /zalloc(sizeof(\1), /
