// files: arch/arm64/kvm/arm.c
// /dev/kvm has no answer of its own to KVM_CAP_MSI_DEVID: it is 0.

@@ identifier r; @@
-if (!kvm)
-	r = -EINVAL;
-else
-	r = kvm->arch.vgic.msis_require_devid;
+r = kvm && READ_ONCE(kvm->arch.vgic.msis_require_devid);
