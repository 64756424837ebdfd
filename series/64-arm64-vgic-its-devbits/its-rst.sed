# files: Documentation/virt/kvm/devices/arm-vgic-its.rst
/^      - GITS_IIDR\. The Revision field/i\
      - GITS_TYPER. Its Devbits field is the number of bits of a DeviceID, less\
        one. It can be 16 bits, which is the default, to 24 bits. A value below\
        16 bits is ignored, and so are the other fields. Devbits can be changed\
        before the ITS is enabled for the first time, and while nothing is\
        mapped, so GITS_TYPER must be restored before calling\
        KVM_DEV_ARM_ITS_RESTORE_TABLES. Writing the value that was read is no\
        error at any time. A kernel that has no such choice ignores the write:\
        userspace must read the register back.
/^    -EINVAL  Offset is not 64-bit aligned$/a\
\             or GITS_TYPER.Devbits is above 24 bits
/^    -EBUSY   one or more VCPUS are running$/a\
\             or GITS_TYPER.Devbits is to be changed, and the ITS has been\
\             enabled, or has something mapped
/^ITS Reset State:$/,${
s/^- GITS_CBASER = 0, GITS_CREADR = 0, GITS_CWRITER = 0$/&\
- GITS_TYPER.Devbits is unchanged/
}
