# files: include/kvm/arm_vgic.h
/^struct vgic_irq {$/,/^};$/s/^\tbool hw;.*/&\
\tbool withdrawn;			\/* LPI: a list register that has it is out of date *\//
