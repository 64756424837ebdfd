// files: include/kvm/arm_vgic.h
// spatch: --smpl-spacing
// struct vgic_its is the ITS's own business. The VM has a list of those that have an
// address, for MSIs to be looked up by it.

@@ @@
-struct vgic_its { ... };

@@ typedef bool; @@
 struct vgic_dist {
 ...
 bool has_its;
+struct vgic_its *its;
 ...
 };
