# files: arch/arm64/kvm/vgic/vgic-its-device.c
s/kvm_trylock_all_vcpus(kvm)/!lock_all_vcpus(kvm)/
s/kvm_unlock_all_vcpus(kvm)/unlock_all_vcpus(kvm)/
