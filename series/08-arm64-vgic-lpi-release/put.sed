# files: arch/arm64/kvm/vgic/vgic.c
# The release function was empty: it is the lock that has to be held.
/^\/\*$/{
N
/We can't do anything in here/{
:rest
N
/\n}$/!b rest
N
d
}
}
/^void vgic_put_irq(/,/^}/{
/^	if (!kref_put(/,/^	xa_lock_irqsave(/c\
	if (!refcount_dec_and_lock_irqsave(&irq->refcount.refcount,\
					   &dist->lpi_xa.xa_lock, &flags))\
		return;\

}
