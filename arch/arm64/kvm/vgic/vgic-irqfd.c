// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last step of a route on arm64: to an SPI, or by way of an ITS to an LPI.
 * Every MSI passes through here, and one that is not delivered is counted and
 * traced with the reason.
 */
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <kvm/arm_vgic.h>
#include "vgic.h"
#include "vgic-msi.h"

#define CREATE_TRACE_POINTS
#include "trace_irqfd.h"

static const char * const vgic_msi_texts[] = {
#define MSI_TEXT(text)	text,
#include <kvm/arm_vgic_msi_outcomes.h>
};

static_assert(ARRAY_SIZE(vgic_msi_texts) == VGIC_MSI_NR_OUTCOMES);
static_assert(VGIC_MSI_NO_DEVID + VGIC_MSI_NR_COUNTERS == VGIC_MSI_NR_OUTCOMES);

/*
 * Deliver an MSI, and have it counted and traced. One whose LPI is forwarded by GICv4
 * is left, unless the caller @may_sleep.
 */
static enum vgic_msi_outcome vgic_deliver_msi(struct kvm *kvm, const struct kvm_msi *msi,
					      bool may_sleep)
{
	enum vgic_msi_outcome outcome;

	if (likely(msi->flags & KVM_MSI_VALID_DEVID))
		outcome = vgic_its_inject_msi(kvm, msi);
	else
		outcome = vgic_has_its(kvm) ? VGIC_MSI_NO_DEVID : VGIC_MSI_NO_DOORBELL;

	if (unlikely(outcome == VGIC_MSI_FORWARDED)) {
		if (!may_sleep)
			return outcome;
		outcome = vgic_its_inject_msi_sleeping(kvm, msi);
	}

	trace_vgic_msi(msi, outcome, vgic_msi_texts[outcome]);
	if (unlikely(outcome >= VGIC_MSI_NO_DEVID))
		atomic64_inc(&kvm->stat.msi_undelivered[outcome - VGIC_MSI_NO_DEVID]);
	return outcome;
}

/**
 * kvm_set_msi() - Deliver an MSI to the ITS whose doorbell it is written to.
 * @e: The MSI.
 * @kvm: The VM.
 * @irq_source_id: Ignored: an MSI has no level to share.
 * @level: 0 is the falling edge, which an MSI does not have.
 * @line_status: Ignored.
 *
 * Context: May sleep.
 * Return: What KVM_SIGNAL_MSI returns, or -1 if @level is 0.
 */
int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm,
		int irq_source_id, int level, bool line_status)
{
	enum vgic_msi_outcome outcome;

	if (!level)
		return -1;

	outcome = vgic_deliver_msi(kvm, &e->msi, true);
	if (likely(outcome < VGIC_MSI_NO_DEVID))
		return 1;
	if (outcome == VGIC_MSI_NO_DEVID)
		return -EINVAL;
	if (outcome == VGIC_MSI_NO_DOORBELL)
		return vgic_has_its(kvm) ? -EINVAL : -ENODEV;
	return 0;	/* the guest blocks it */
}

static int vgic_set_spi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm,
			int irq_source_id, int level, bool line_status)
{
	u32 intid = VGIC_NR_PRIVATE_IRQS + e->irqchip.pin;

	/*
	 * Injecting would initialise a GICv2, which sets the default routes and
	 * waits for readers of the old: this is one. (An irqfd cannot
	 * be bound before then.)
	 */
	if (!vgic_initialized(kvm))
		return -EBUSY;
	if (!vgic_valid_spi(kvm, intid))
		return -EINVAL;
	return kvm_vgic_inject_irq(kvm, NULL, intid, level, NULL);
}

static int vgic_set_msi_inatomic(struct kvm *kvm, const struct kvm_msi *msi)
{
	return vgic_deliver_msi(kvm, msi, false) == VGIC_MSI_FORWARDED ? -EWOULDBLOCK : 0;
}

/**
 * kvm_arch_set_irq_inatomic() - Deliver a route's interrupt without sleeping.
 * @e: The route.
 * @kvm: The VM.
 * @irq_source_id: As for kvm_set_irq().
 * @level: Only a rising edge is delivered here.
 * @line_status: As for kvm_set_irq().
 *
 * Context: Any.
 * Return: -EWOULDBLOCK if it takes kvm_set_irq() to deliver it; any other value
 * says that this dealt with it.
 */
int kvm_arch_set_irq_inatomic(struct kvm_kernel_irq_routing_entry *e,
			      struct kvm *kvm, int irq_source_id, int level,
			      bool line_status)
{
	if (!level)
		return -EWOULDBLOCK;

	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		return vgic_set_msi_inatomic(kvm, &e->msi);
	case KVM_IRQ_ROUTING_IRQCHIP:
		return vgic_set_spi(e, kvm, irq_source_id, level, line_status);
	default:
		return -EWOULDBLOCK;
	}
}

static void vgic_decode_msi(struct kvm_msi *msi,
			    const struct kvm_irq_routing_entry *ue)
{
	const struct kvm_irq_routing_msi *from = &ue->u.msi;

	msi->address_lo = from->address_lo;
	msi->address_hi = from->address_hi;
	msi->data = from->data;
	msi->flags = ue->flags;
	if (msi->flags & KVM_MSI_VALID_DEVID)
		msi->devid = from->devid;
}

int kvm_set_routing_entry(struct kvm *kvm,
			  struct kvm_kernel_irq_routing_entry *e,
			  const struct kvm_irq_routing_entry *ue)
{
	switch (ue->type) {
	case KVM_IRQ_ROUTING_MSI:
		vgic_decode_msi(&e->msi, ue);
		e->set = kvm_set_msi;
		return 0;
	case KVM_IRQ_ROUTING_IRQCHIP:
		e->irqchip = ue->u.irqchip;
		e->set = vgic_set_spi;
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * kvm_vgic_setup_default_irq_routing() - Route GSI n to SPI n, for each SPI.
 * @kvm: The VM.
 *
 * Return: 0, or -ENOMEM.
 */
int kvm_vgic_setup_default_irq_routing(struct kvm *kvm)
{
	struct kvm_irq_routing_entry *spis __free(kfree) = NULL;
	u32 nr = kvm->arch.vgic.nr_spis;

	spis = kcalloc(nr, sizeof(*spis), GFP_KERNEL_ACCOUNT);
	if (!spis)
		return -ENOMEM;

	for (u32 i = 0; i < nr; i++) {
		spis[i].gsi = i;
		spis[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		spis[i].u.irqchip.pin = i;
	}
	return kvm_set_irq_routing(kvm, spis, nr, 0);
}
