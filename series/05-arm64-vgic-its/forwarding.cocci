// files: arch/arm64/kvm/vgic/vgic-v4.c
// The lock is inside the ITS.

@@ expression its; @@
-mutex_lock(&its->its_lock)
+vgic_its_lock(its)

@@ expression its; @@
-mutex_unlock(&its->its_lock)
+vgic_its_unlock(its)
