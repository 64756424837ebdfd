# files: include/linux/kvm_host.h
# Conditionals and comments are out of Coccinelle's reach: drop those that hold
# only what the new header declares, and say what is true of the table now.
/^#ifdef CONFIG_HAVE_KVM_IRQ_ROUTING$/,/^#endif$/{
/^#endif$/N
d
}
/^struct kvm {$/,/^}/s/^\t \* Update side is protected by irq_lock\.$/\t * Set once; virt\/kvm\/irqchip.h has the rules of what it holds./
