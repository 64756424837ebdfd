/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The LPIs that wait for a vCPU. What is done with them is in
 * arch/arm64/kvm/vgic/vgic-lpi-queue.c.
 */
#ifndef __KVM_ARM_VGIC_LPI_QUEUE_H
#define __KVM_ARM_VGIC_LPI_QUEUE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* An LPI's byte of the configuration table has six bits of priority. */
#define VGIC_LPI_LEVEL_SHIFT	2
#define VGIC_LPI_NR_LEVELS	64

/**
 * struct vgic_lpi_queue - The LPIs that are pending and enabled, and sent to a vCPU.
 * @lock: Guards the rest. Taken inside of an LPI's irq_lock, with IRQs off.
 * @nr: How many LPIs there are. Read without the lock, too.
 * @levels: Bit n is set if @waiting[n] is not empty. Read without the lock, too.
 * @waiting: By priority, those that wait longest first. Linked by vgic_irq.ap_list.
 */
struct vgic_lpi_queue {
	raw_spinlock_t		lock;
	u32			nr;
	u64			levels;
	struct list_head	waiting[VGIC_LPI_NR_LEVELS];
};

#endif /* __KVM_ARM_VGIC_LPI_QUEUE_H */
