# files: virt/kvm/eventfd.c
# Whether there is somebody to wait for depends on the change.
s/^ \* Caller must invoke synchronize_srcu_expedited.*afterwards\.$/ * <linux\/kvm_irq_routing.h> says what the caller has to do afterwards./
