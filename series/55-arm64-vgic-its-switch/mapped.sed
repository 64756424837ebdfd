# files: include/kvm/arm_vgic.h
# How many events are mapped to an LPI is in struct its_lpi.
/^	bool mapped:1;/d
