// files: arch/arm64/kvm/vgic/vgic-init.c
// The guest says how many LPIs there are. What is kept of a vCPU's pending table goes
// with the vCPU.

@@ expression dist; @@
 xa_init_flags(&dist->lpi_xa,
-	XA_FLAGS_LOCK_IRQ
+	XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT
	)

@@ expression dist; @@
 xa_init_flags(&dist->lpi_xa, ...);
+mutex_init(&dist->lpi_tables_lock);

@@ expression vcpu; @@
 vgic_flush_pending_lpis(vcpu);
+vgic_its_vcpu_destroy(vcpu);
