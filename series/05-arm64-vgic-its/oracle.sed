# files: arch/arm64/kvm/vgic/vgic.c
# A vCPU whose LPIs are disabled gets none. What is pending stays so.
/^static struct kvm_vcpu \*vgic_target_oracle(/,/^}/{
s/^\t\treturn irq->target_vcpu;$/\t\tif (irq->intid >= VGIC_MIN_LPI \&\& irq->target_vcpu \&\&\
\t\t    !vgic_lpis_enabled(irq->target_vcpu))\
\t\t\treturn NULL;\
\
&/
}
