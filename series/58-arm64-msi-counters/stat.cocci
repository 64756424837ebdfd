// files: arch/arm64/include/asm/kvm_host.h
// Count MSIs that are not delivered, by reason, and commands that are refused.

@@ @@
 struct kvm_vm_stat {
 	struct kvm_vm_stat_generic generic;
+	atomic64_t msi_no_devid;
+	atomic64_t msi_no_doorbell;
+	atomic64_t msi_its_disabled;
+	atomic64_t msi_device_unmapped;
+	atomic64_t msi_event_unmapped;
+	atomic64_t msi_collection_unmapped;
+	atomic64_t msi_target_absent;
+	atomic64_t msi_lpis_disabled;
+	atomic64_t its_bad_commands;
 };
