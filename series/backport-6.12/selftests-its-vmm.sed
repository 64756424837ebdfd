# files: tools/testing/selftests/kvm/lib/arm64/its_vmm.c
# The library makes no GIC by itself, and keeps what it knows of statistics in the VM.
/test_disable_default_vgic();/d
s/kvm_get_stat(&\(.*\)->stats,/__vm_get_stat(\1,/
s/->stats\.\([a-z]\)/->stats_\1/g
