# files: Documentation/virt/kvm/index.rst
# List the documents on interrupts.
s/^   locking$/   arm64-vgic-its\
   irq-routing\
   msi-debugging\
   msi-devid\
\
&/
