# files: arch/arm64/kvm/vgic/vgic-irqfd.c
# Nothing is counted yet.
/^static_assert(VGIC_MSI_NO_DEVID + /d
/^	if (unlikely(outcome >= VGIC_MSI_NO_DEVID))$/{
N
d
}
s/^ \* Every MSI passes through here, and one that is not delivered is counted and$/ * Every MSI passes through here./
/^ \* traced with the reason\.$/d
s/^ \* Deliver an MSI, and have it counted and traced\./ * Deliver an MSI./
