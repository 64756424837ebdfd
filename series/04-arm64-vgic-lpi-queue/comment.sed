# files: arch/arm64/kvm/vgic/vgic.c
/^	 \* Grab a reference to the irq to reflect/,/^	 \*\/$/c\
	 * The list has a reference of its own. A caller that has found the\
	 * LPI under RCU, and has none, may find it gone by now: it has been\
	 * unmapped since irq_lock was dropped, so it must not be queued.\
	 */
