// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM with a GICv3 and an ITS that are driven from the VMM's side.
 */
#include <assert.h>
#include <time.h>
#include <unistd.h>

#include "its_vmm.h"
#include "vgic.h"

#define RAM_GPA		SZ_1G
#define RAM_SLOT	1
#define CMD_SIZE	32
#define ITT_SIZE	(8UL << ITS_VMM_EVENT_BITS)
#define NR_IRQS		64

/* In the memory: the tables of the VM, those of each ITS, the scratch memory. */
#define VM_TABLES	(ITS_VMM_PENDING - ITS_VMM_CONFIG + ITS_VMM_MAX_VCPUS)
#define ITS_TABLES	(ITS_VMM_ITTS + 1)
#define TABLES_SIZE	((VM_TABLES + ITS_VMM_MAX_ITS * ITS_TABLES) * SZ_64K)
#define RAM_SIZE	(TABLES_SIZE + ITS_VMM_SCRATCH_SIZE)

static_assert(ITS_VMM_MAX_DEVID * ITT_SIZE <= SZ_64K, "the ITTs do not fit");

static u64 table_offset(struct its_vmm *v, u32 table)
{
	if (table >= ITS_VMM_CONFIG)
		return (table - ITS_VMM_CONFIG) * SZ_64K;
	return (VM_TABLES + v->selected * ITS_TABLES + table) * SZ_64K;
}

u64 its_vmm_gpa(struct its_vmm *v, u32 table)
{
	return v->ram_gpa + table_offset(v, table);
}

void *its_vmm_hva(struct its_vmm *v, u32 table)
{
	return v->ram + table_offset(v, table);
}

void its_vmm_set_config(struct its_vmm *v, u32 lpi, u8 byte)
{
	u8 *config = its_vmm_hva(v, ITS_VMM_CONFIG);

	config[lpi - 8192] = byte;
}

static u64 nth_its_base(u32 n)
{
	return GITS_BASE_GPA - n * KVM_VGIC_V3_ITS_SIZE;
}

static u64 its_base(struct its_vmm *v)
{
	return nth_its_base(v->selected);
}

u64 its_vmm_doorbell(struct its_vmm *v)
{
	return its_base(v) + GITS_TRANSLATER;
}

u64 its_vmm_its_read(struct its_vmm *v, u32 reg)
{
	u64 val;

	kvm_device_attr_get(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, reg, &val);
	return val;
}

void its_vmm_its_write(struct its_vmm *v, u32 reg, u64 val)
{
	kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, reg, &val);

	/* A new queue is an empty one. */
	if (reg == GITS_CBASER)
		v->cwriter = its_vmm_its_read(v, GITS_CWRITER);
}

static u64 redist_attr(u64 vcpu, u32 reg)
{
	return vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | reg;
}

u64 its_vmm_redist_read(struct its_vmm *v, u64 vcpu, u32 reg)
{
	u64 val = 0;

	kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			    redist_attr(vcpu, reg), &val);
	return val;
}

void its_vmm_redist_write(struct its_vmm *v, u64 vcpu, u32 reg, u64 val)
{
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			    redist_attr(vcpu, reg), &val);
}

u32 its_vmm_dist_read(struct its_vmm *v, u32 reg)
{
	u32 val;

	kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, reg, &val);
	return val;
}

void its_vmm_dist_write(struct its_vmm *v, u32 reg, u32 val)
{
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, reg, &val);
}

int its_vmm_ctrl(struct its_vmm *v, u64 attr)
{
	int ret = __kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, attr, NULL);

	ret = ret ? -errno : 0;
	if (attr != KVM_DEV_ARM_ITS_SAVE_TABLES)
		v->cwriter = its_vmm_its_read(v, GITS_CWRITER);
	return ret;
}

void its_vmm_submit(struct its_vmm *v)
{
	its_vmm_its_write(v, GITS_CWRITER, v->cwriter);
}

static void queue(struct its_vmm *v, u64 dw0, u64 dw1, u64 dw2, u64 dw3)
{
	u64 *cmd = its_vmm_hva(v, ITS_VMM_COMMANDS) + v->cwriter;

	cmd[0] = dw0;
	cmd[1] = dw1;
	cmd[2] = dw2;
	cmd[3] = dw3;
	v->cwriter = (v->cwriter + CMD_SIZE) % SZ_64K;
}

void its_vmm_queue(struct its_vmm *v, u64 dw0, u64 dw1, u64 dw2)
{
	queue(v, dw0, dw1, dw2, 0);

	/* At each half: a queue that got full would look empty. */
	if (v->cwriter % SZ_32K == 0)
		its_vmm_submit(v);
}

void its_vmm_command(struct its_vmm *v, u64 dw0, u64 dw1, u64 dw2, u64 dw3)
{
	queue(v, dw0, dw1, dw2, dw3);
	its_vmm_submit(v);
}

static void device_command(struct its_vmm *v, u8 command, u64 devid, u64 dw1, u64 dw2)
{
	its_vmm_command(v, devid << 32 | command, dw1, dw2, 0);
}

void its_vmm_mapc(struct its_vmm *v, u16 icid, u32 vcpu, bool valid)
{
	its_vmm_command(v, GITS_CMD_MAPC, 0,
			(u64)valid << 63 | (u64)vcpu << 16 | icid, 0);
}

void its_vmm_mapd_itt(struct its_vmm *v, u32 devid, u64 itt_gpa, u32 bits, bool valid)
{
	device_command(v, GITS_CMD_MAPD, devid, bits - 1, (u64)valid << 63 | itt_gpa);
}

void its_vmm_mapd(struct its_vmm *v, u32 devid, bool valid)
{
	u64 itt_gpa = its_vmm_gpa(v, ITS_VMM_ITTS) + devid * ITT_SIZE;

	TEST_ASSERT(devid < ITS_VMM_MAX_DEVID, "DeviceID %#x", devid);
	its_vmm_mapd_itt(v, devid, itt_gpa, ITS_VMM_EVENT_BITS, valid);
}

void its_vmm_mapti(struct its_vmm *v, u32 devid, u32 event, u32 lpi, u16 icid)
{
	device_command(v, GITS_CMD_MAPTI, devid, (u64)lpi << 32 | event, icid);
}

void its_vmm_mapi(struct its_vmm *v, u32 devid, u32 event_lpi, u16 icid)
{
	device_command(v, GITS_CMD_MAPI, devid, event_lpi, icid);
}

void its_vmm_movi(struct its_vmm *v, u32 devid, u32 event, u16 icid)
{
	device_command(v, GITS_CMD_MOVI, devid, event, icid);
}

void its_vmm_movall(struct its_vmm *v, u32 from, u32 to)
{
	its_vmm_command(v, GITS_CMD_MOVALL, 0, (u64)from << 16, (u64)to << 16);
}

void its_vmm_discard(struct its_vmm *v, u32 devid, u32 event)
{
	device_command(v, GITS_CMD_DISCARD, devid, event, 0);
}

void its_vmm_clear(struct its_vmm *v, u32 devid, u32 event)
{
	device_command(v, GITS_CMD_CLEAR, devid, event, 0);
}

void its_vmm_int(struct its_vmm *v, u32 devid, u32 event)
{
	device_command(v, GITS_CMD_INT, devid, event, 0);
}

void its_vmm_inv(struct its_vmm *v, u32 devid, u32 event)
{
	device_command(v, GITS_CMD_INV, devid, event, 0);
}

void its_vmm_invall(struct its_vmm *v, u16 icid)
{
	its_vmm_command(v, GITS_CMD_INVALL, 0, icid, 0);
}

void its_vmm_sync(struct its_vmm *v)
{
	its_vmm_command(v, GITS_CMD_SYNC, 0, 0, 0);
}

void its_vmm_save_pending(struct its_vmm *v)
{
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
}

bool its_vmm_saved(struct its_vmm *v, u32 vcpu, u32 lpi)
{
	u8 *table = its_vmm_hva(v, ITS_VMM_PENDING + vcpu);

	return table[lpi / 8] >> (lpi % 8) & 1;
}

bool its_vmm_pending(struct its_vmm *v, u32 vcpu, u32 lpi)
{
	u8 *table = its_vmm_hva(v, ITS_VMM_PENDING + vcpu);

	table[lpi / 8] &= ~BIT(lpi % 8);
	its_vmm_save_pending(v);
	return its_vmm_saved(v, vcpu, lpi);
}

struct kvm_msi its_vmm_msi(u64 doorbell, u32 devid, u32 event)
{
	return (struct kvm_msi) {
		.address_lo = doorbell,
		.address_hi = doorbell >> 32,
		.data = event,
		.flags = KVM_MSI_VALID_DEVID,
		.devid = devid,
	};
}

int its_vmm_signal_at(struct its_vmm *v, u64 doorbell, u32 devid, u32 event, u32 flags)
{
	struct kvm_msi msi = its_vmm_msi(doorbell, devid, event);
	int ret;

	msi.flags = flags;
	ret = __vm_ioctl(v->vm, KVM_SIGNAL_MSI, &msi);
	return ret < 0 ? -errno : ret;
}

u32 its_vmm_dirty(struct its_vmm *v)
{
	u64 words = DIV_ROUND_UP(RAM_SIZE / getpagesize(), BITS_PER_LONG);
	unsigned long *log = calloc(words, sizeof(*log));
	u32 nr = 0;

	TEST_ASSERT(log, "calloc");
	if (!(memslot2region(v->vm, RAM_SLOT)->region.flags & KVM_MEM_LOG_DIRTY_PAGES))
		vm_mem_region_set_flags(v->vm, RAM_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	kvm_vm_get_dirty_log(v->vm, RAM_SLOT, log);
	for (u64 i = 0; i < words; i++)
		nr += __builtin_popcountl(log[i]);
	free(log);
	return nr;
}

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

bool is_debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

int its_vmm_signal(struct its_vmm *v, u32 devid, u32 event, u32 flags)
{
	return its_vmm_signal_at(v, its_vmm_doorbell(v), devid, event, flags);
}

struct kvm_irq_routing_entry its_vmm_route_msi(u32 gsi, const struct kvm_msi *msi)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.flags = msi->flags,
		.u.msi = {
			.address_lo = msi->address_lo,
			.address_hi = msi->address_hi,
			.data = msi->data,
			.devid = msi->devid,
		},
	};
}

struct kvm_irq_routing_entry its_vmm_route_spi(u32 gsi, u32 pin)
{
	return (struct kvm_irq_routing_entry) {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip.pin = pin,
	};
}

void its_vmm_irqfd(struct its_vmm *v, int fd, u32 gsi, u32 flags)
{
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = gsi, .flags = flags };

	vm_ioctl(v->vm, KVM_IRQFD, &irqfd);
}

void its_vmm_signal_fd(int fd)
{
	u64 one = 1;

	TEST_ASSERT(write(fd, &one, sizeof(one)) == sizeof(one), "write eventfd: %d", errno);
}

void its_vmm_raise_irqfd(struct its_vmm *v, int fd, u32 gsi)
{
	its_vmm_signal_fd(fd);
	its_vmm_irqfd(v, fd, gsi, KVM_IRQFD_FLAG_DEASSIGN);
}

struct kvm_stats_desc *its_vmm_find_stat(struct its_vmm *v, const char *name)
{
	struct kvm_vm *vm = v->vm;
	struct kvm_stats_desc *desc;
	u64 val;

	kvm_get_stat(&vm->stats, "remote_tlb_flush", &val, 1);	/* reads the descriptors */
	for (u32 i = 0; i < vm->stats.header.num_desc; i++) {
		desc = get_stats_descriptor(vm->stats.desc, i, &vm->stats.header);
		if (!strcmp(desc->name, name))
			return desc;
	}
	return NULL;
}

bool its_vmm_has_stat(struct its_vmm *v, const char *name)
{
	return its_vmm_find_stat(v, name);
}

size_t its_vmm_read_stats(struct its_vmm *v, void *data, size_t size)
{
	struct kvm_vm *vm = v->vm;
	ssize_t ret = pread(vm->stats.fd, data, size, vm->stats.header.data_offset);

	TEST_ASSERT(ret > 0, "pread: %d", errno);
	return ret;
}

u64 its_vmm_stat(struct its_vmm *v, const char *name)
{
	u64 val = ~0ULL;

	kvm_get_stat(&v->vm->stats, name, &val, 1);
	TEST_ASSERT(val != ~0ULL, "no counter %s", name);
	return val;
}

static void add_vcpu(struct kvm_vm *vm, u32 id)
{
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, id);
	struct kvm_vcpu_init init;

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
}

struct kvm_vm *its_vmm_guest_vm(u32 nr_vcpus, void *guest_code, struct kvm_vcpu *vcpus[])
{
	test_disable_default_vgic();
	return vm_create_with_vcpus(nr_vcpus, guest_code, vcpus);
}

void its_vmm_guest_irqs(struct kvm_vm *vm, struct kvm_vcpu *vcpus[], u32 nr, handler_fn handler)
{
	vm_init_descriptor_tables(vm);
	for (u32 i = 0; i < nr; i++)
		vcpu_init_descriptor_tables(vcpus[i]);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, handler);
}

void its_vmm_use_vm(struct its_vmm *v, struct kvm_vm *vm, u32 nr_vcpus)
{
	TEST_ASSERT(nr_vcpus <= ITS_VMM_MAX_VCPUS, "%u vCPUs", nr_vcpus);
	*v = (struct its_vmm) {
		.vm = vm,
		.gic_fd = -1,
		.its_fd = -1,
		.nr_vcpus = nr_vcpus,
		.ram_gpa = RAM_GPA,
		.scratch_gpa = RAM_GPA + TABLES_SIZE,
	};
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, RAM_GPA, RAM_SLOT,
				    RAM_SIZE / vm->page_size, 0);
	v->ram = addr_gpa2hva(vm, RAM_GPA);
	v->scratch = v->ram + TABLES_SIZE;
}

void its_vmm_create_vm(struct its_vmm *v, u32 nr_vcpus)
{
	struct kvm_vm *vm = vm_create_barebones();

	for (u32 i = 0; i < nr_vcpus; i++)
		add_vcpu(vm, i);
	its_vmm_use_vm(v, vm, nr_vcpus);
}

static void init_device(int fd)
{
	kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

void its_vmm_add_gic(struct its_vmm *v)
{
	u64 redists = REDIST_REGION_ATTR_ADDR(v->nr_vcpus, GICR_BASE_GPA, 0, 0);
	u64 dist = GICD_BASE_GPA;
	u32 nr_irqs = NR_IRQS;

	TEST_REQUIRE(!__kvm_test_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_V3));
	v->gic_fd = kvm_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redists);
	init_device(v->gic_fd);
}

void its_vmm_select(struct its_vmm *v, u32 n)
{
	TEST_ASSERT(n < v->nr_its, "ITS %u of %u", n, v->nr_its);
	v->others[v->selected].fd = v->its_fd;
	v->others[v->selected].cwriter = v->cwriter;
	v->selected = n;
	v->its_fd = v->others[n].fd;
	v->cwriter = v->others[n].cwriter;
}

void its_vmm_add_its(struct its_vmm *v)
{
	u32 n = v->nr_its++;
	u64 base;

	TEST_ASSERT(n < ITS_VMM_MAX_ITS, "%u ITSes", n + 1);
	its_vmm_select(v, n);
	base = its_base(v);
	v->cwriter = 0;
	v->its_fd = kvm_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_ITS_ADDR_TYPE, &base);
	init_device(v->its_fd);
}

/* KVM has devices in the first table, collections in the second. */
static void enable_its(struct its_vmm *v)
{
	u64 baser = GITS_BASER_VALID | GITS_BASER_PAGE_SIZE_64K;
	u64 cbaser = GITS_CBASER_VALID | (SZ_64K / SZ_4K - 1);

	its_vmm_its_write(v, GITS_BASER, baser | its_vmm_gpa(v, ITS_VMM_DEVICES));
	its_vmm_its_write(v, GITS_BASER + 8, baser | its_vmm_gpa(v, ITS_VMM_COLLECTIONS));
	its_vmm_its_write(v, GITS_CBASER, cbaser | its_vmm_gpa(v, ITS_VMM_COMMANDS));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

void its_vmm_enable(struct its_vmm *v)
{
	u32 selected = v->selected, i;

	/* All redistributors have the same configuration table: all off, then on. */
	for (i = 0; i < v->nr_vcpus; i++)
		its_vmm_redist_write(v, i, GICR_CTLR, 0);
	for (i = 0; i < v->nr_vcpus; i++) {
		its_vmm_redist_write(v, i, GICR_PROPBASER, its_vmm_gpa(v, ITS_VMM_CONFIG) | 15);
		its_vmm_redist_write(v, i, GICR_PENDBASER, its_vmm_gpa(v, ITS_VMM_PENDING + i));
		its_vmm_redist_write(v, i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	}

	for (i = 0; i < v->nr_its; i++) {
		its_vmm_select(v, i);
		enable_its(v);
	}
	its_vmm_select(v, selected);
}

static void map(struct kvm_vm *vm, u64 gpa, u64 size)
{
	virt_map(vm, gpa, gpa, vm_calc_num_guest_pages(vm->mode, size));
}

void its_vmm_map_frames(struct its_vmm *v)
{
	map(v->vm, GICD_BASE_GPA, KVM_VGIC_V3_DIST_SIZE);
	map(v->vm, GICR_BASE_GPA, v->nr_vcpus * KVM_VGIC_V3_REDIST_SIZE);
	for (u32 n = 0; n < v->nr_its; n++)
		map(v->vm, nth_its_base(n), KVM_VGIC_V3_ITS_SIZE);
}

void its_vmm_map_ram(struct its_vmm *v, u64 scratch)
{
	map(v->vm, v->ram_gpa, v->scratch_gpa - v->ram_gpa + scratch);
}

void its_vmm_create(struct its_vmm *v, u32 nr_vcpus)
{
	its_vmm_create_vm(v, nr_vcpus);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
}

void its_vmm_destroy(struct its_vmm *v)
{
	if (v->its_fd >= 0)
		close(v->its_fd);
	for (u32 i = 0; i < v->nr_its; i++) {
		if (i != v->selected)
			close(v->others[i].fd);
	}
	if (v->gic_fd >= 0)
		close(v->gic_fd);
	kvm_vm_free(v->vm);
}
