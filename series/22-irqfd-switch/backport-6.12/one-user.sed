# files: include/uapi/linux/kvm_irq_routing.h
# An eventfd has one user now, whatever the VM.
s,^ \*   EBUSY   fd is bound to a GSI of this VM already$, *   EBUSY   fd is bound to a GSI already\, of this VM or another\, or raises an\
 *           interrupt in some other way,
