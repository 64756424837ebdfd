// files: arch/arm64/kvm/vgic/vgic-init.c
// The guest says how many LPIs there are.

@@ expression dist; @@
 xa_init_flags(&dist->lpi_xa,
-	XA_FLAGS_LOCK_IRQ
+	XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT
	)
