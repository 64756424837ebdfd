// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ITS as userspace has it: a KVM device and its attributes
 * (Documentation/virt/kvm/devices/arm-vgic-its.rst).
 */
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgic-its.h"
#include "vgic.h"

static int its_device_reset(struct vgic_its *its)
{
	its_reset(its);
	return 0;
}

/*
 * GITS_CREADR says which commands the tables have the effect of. It stays so until a
 * vCPU runs or a register is written: its_device_access_reg().
 */
static int its_device_save(struct vgic_its *its)
{
	WRITE_ONCE(its->saved, true);
	return its_save(its);
}

static int its_device_restore(struct vgic_its *its)
{
	/* Mapping waits for RCU to free what has been unmapped, as commands do. */
	if (!its_map_may_add(its))
		rcu_barrier();
	return its_restore(its);
}

/* Run with cmd_lock and its_lock held, while the VM stands still. */
static const struct its_ctrl {
	u64	attr;
	int	(*run)(struct vgic_its *its);
} its_ctrls[] = {
	{ KVM_DEV_ARM_VGIC_CTRL_INIT,	NULL },		/* all is done at creation */
	{ KVM_DEV_ARM_ITS_CTRL_RESET,	its_device_reset },
	{ KVM_DEV_ARM_ITS_SAVE_TABLES,	its_device_save },
	{ KVM_DEV_ARM_ITS_RESTORE_TABLES, its_device_restore },
};

static const struct its_ctrl *its_device_find_ctrl(u64 attr)
{
	for (u32 i = 0; i < ARRAY_SIZE(its_ctrls); i++)
		if (its_ctrls[i].attr == attr)
			return &its_ctrls[i];
	return NULL;
}

/*
 * Stop the VM for what needs that: no vCPU runs, and none can until
 * its_device_resume_vm(). Return: 0; -EBUSY while one runs; or -EINTR if the caller is
 * about to be killed.
 */
static int its_device_stop_vm(struct kvm *kvm)
{
	if (mutex_lock_killable(&kvm->lock))
		return -EINTR;
	if (kvm_trylock_all_vcpus(kvm)) {
		mutex_unlock(&kvm->lock);
		return -EBUSY;
	}
	mutex_lock(&kvm->arch.config_lock);
	return 0;
}

static void its_device_resume_vm(struct kvm *kvm)
{
	mutex_unlock(&kvm->arch.config_lock);
	kvm_unlock_all_vcpus(kvm);
	mutex_unlock(&kvm->lock);
}

static int its_device_ctrl(struct vgic_its *its, u64 attr)
{
	const struct its_ctrl *ctrl = its_device_find_ctrl(attr);
	int ret;

	if (!ctrl)
		return -ENXIO;
	if (!ctrl->run)
		return 0;

	ret = its_device_stop_vm(its->kvm);
	if (ret)
		return ret;
	scoped_guard(mutex, &its->cmd_lock) {
		guard(mutex)(&its->its_lock);
		ret = ctrl->run(its);
	}
	its_device_resume_vm(its->kvm);
	return ret;
}

/*
 * Process the commands that are left, until a signal is pending. The VM is stopped for a
 * slice of time only, because who wants to run a vCPU waits meanwhile. Once a vCPU runs,
 * it processes the rest.
 */
static void its_device_process(struct vgic_its *its)
{
	while (its_cmd_pending(its) && !signal_pending(current)) {
		if (its_device_stop_vm(its->kvm))
			return;
		its_cmd_process(its);
		its_device_resume_vm(its->kvm);
		its_cmd_pause(its);
	}
}

static int its_device_access_reg(struct vgic_its *its, u64 offset, u64 *val, bool write)
{
	int has = its_regs_has(offset), ret;

	/* Not aligned comes first; that there is none, after the VM is seen to stand. */
	if (has == -EINVAL)
		return has;

	/* A register that is read after SAVE_TABLES must fit the tables that were saved. */
	if (!write && !READ_ONCE(its->saved))
		its_device_process(its);
	ret = its_device_stop_vm(its->kvm);
	if (ret)
		return ret;
	ret = has ?: its_regs_access(its, offset, val, write);
	its_device_resume_vm(its->kvm);
	if (write)
		its_device_process(its);
	return ret;
}

static int its_device_set_reg(struct vgic_its *its, struct kvm_device_attr *attr)
{
	u64 val;

	if (get_user(val, (u64 __user *)attr->addr))
		return -EFAULT;
	return its_device_access_reg(its, attr->attr, &val, true);
}

static int its_device_get_reg(struct vgic_its *its, struct kvm_device_attr *attr)
{
	u64 val;
	int ret;

	ret = its_device_access_reg(its, attr->attr, &val, false);
	return ret ?: put_user(val, (u64 __user *)attr->addr);
}

static int its_device_set_base(struct vgic_its *its, struct kvm_device_attr *attr)
{
	u64 base;
	int ret;

	if (attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
		return -ENODEV;
	if (copy_from_user(&base, (void __user *)attr->addr, sizeof(base)))
		return -EFAULT;
	ret = vgic_check_iorange(its->kvm, its->base, base, SZ_64K, ITS_FRAME_SIZE);
	ret = ret ?: its_regs_map_frame(its, base);
	if (!ret)
		its_debug_init(its);
	return ret;
}

static int its_device_get_base(struct vgic_its *its, struct kvm_device_attr *attr)
{
	u64 base = its->base;

	if (attr->attr != KVM_VGIC_ITS_ADDR_TYPE)
		return -ENODEV;
	return copy_to_user((void __user *)attr->addr, &base, sizeof(base)) ? -EFAULT : 0;
}

static int its_device_set_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	struct vgic_its *its = dev->private;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return its_device_set_base(its, attr);
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return its_device_ctrl(its, attr->attr);
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return its_device_set_reg(its, attr);
	default:
		return -ENXIO;
	}
}

static int its_device_get_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	struct vgic_its *its = dev->private;

	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return its_device_get_base(its, attr);
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return its_device_get_reg(its, attr);
	default:
		return -ENXIO;
	}
}

static int its_device_has_attr(struct kvm_device *dev, struct kvm_device_attr *attr)
{
	switch (attr->group) {
	case KVM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr == KVM_VGIC_ITS_ADDR_TYPE ? 0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_CTRL:
		return its_device_find_ctrl(attr->attr) ? 0 : -ENXIO;
	case KVM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return its_regs_has(attr->attr);
	default:
		return -ENXIO;
	}
}

static int its_device_create(struct kvm_device *dev, u32 type)
{
	struct vgic_its *its;

	guard(mutex)(&dev->kvm->arch.config_lock);
	its = its_create(dev->kvm);
	if (IS_ERR(its))
		return PTR_ERR(its);
	dev->private = its;
	return 0;
}

static void its_device_destroy(struct kvm_device *dev)
{
	its_destroy(dev->private);
	kfree(dev);
}

static const struct kvm_device_ops its_device_ops = {
	.name		= "kvm-arm-vgic-its",
	.create		= its_device_create,
	.destroy	= its_device_destroy,
	.set_attr	= its_device_set_attr,
	.get_attr	= its_device_get_attr,
	.has_attr	= its_device_has_attr,
};

int kvm_vgic_register_its_device(void)
{
	int ret = its_lpi_init();

	return ret ?: kvm_register_device_ops(&its_device_ops, KVM_DEV_TYPE_ARM_VGIC_ITS);
}
