/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenes: what is mapped in an ITS, described so that a kernel's tables can be
 * compared with those that another kernel saved of the same scene. Shared by
 * its_tables_fixture, which prints saved tables, and its_tables_test.
 *
 * Tables that are saved hold addresses, so the memory of a scene has a place of its
 * own. The LPI tables and the command queue are those of its_vmm.
 */
#ifndef SELFTEST_KVM_ITS_TABLES_SCENES_H
#define SELFTEST_KVM_ITS_TABLES_SCENES_H

#include <linux/sizes.h>
#include <stdlib.h>

#include "its_vmm.h"

#define SCENE_GPA		0x950000000ULL
#define SCENE_SLOT		10
#define SCENE_SIZE		(SZ_2M + SZ_1M)
#define SCENE_VCPUS		4

/* Offsets in the memory. No guest memory follows after it. */
#define SCENE_DEVICES		0		/* flat, or first level */
#define SCENE_COLLECTIONS	SZ_512K
#define SCENE_LEVEL2		SZ_1M		/* a page for each first level entry */
#define SCENE_ITTS		(SZ_1M + SZ_512K)

#define ITS_ENTRY_SIZE		8
#define ITS_ITT_ALIGN		256
#define ITS_PAGE_ENTRIES	(SZ_64K / ITS_ENTRY_SIZE)
#define ITS_L1_ENTRIES		8		/* for 16 bits of DeviceID */
#define FIRST_LPI		8192
#define END_LPI			65536

/**
 * enum scene_target - Where the events of a collection go.
 * @SCENE_END: Ends the list of collections.
 * @SCENE_NEVER: Nowhere: only MAPTI named the collection.
 * @SCENE_GONE: Nowhere: MAPC with V=0 came after MAPTI.
 * @SCENE_VCPU: To a vCPU, whose number is added.
 */
enum scene_target { SCENE_END, SCENE_NEVER, SCENE_GONE, SCENE_VCPU };

/* Collections, in the order in which they are mapped. */
struct scene_collection {
	u32 icid;
	u32 target;
};

/**
 * struct scene_devices - Devices that are mapped one after the other.
 * @devid: DeviceID of the first.
 * @step: From one DeviceID to the next.
 * @count: How many; 0 ends the list.
 * @bits: EventID bits of the first.
 * @grow: Bits that each has more than the one before.
 */
struct scene_devices {
	u32 devid;
	int step;
	u32 count;
	u32 bits;
	u32 grow;
};

/* A step from event 0 to the last that the ITT has room for. */
#define SCENE_TO_LAST		65536

/**
 * struct scene_events - Events that are mapped one after the other.
 * @devices: Index of the devices; each of them has the events.
 * @event: EventID of the first.
 * @step: From one EventID to the next.
 * @count: How many; 0 ends the list.
 * @icid: Their collection.
 * @lpi: INTID of the first, or 0 for the first that no event has yet.
 */
struct scene_events {
	u32 devices;
	u32 event;
	int step;
	u32 count;
	u32 icid;
	u32 lpi;
};

/**
 * struct scene - What is mapped.
 * @name: The variant of the test.
 * @device_pages: Size of the device table, 0 for one page.
 * @collection_pages: Size of the collection table, 0 for one page.
 * @level2: For a device table of two levels: the valid entries of the first.
 * @reused: Much else was mapped, saved and unmapped before.
 * @stale_next: A kernel may save a next-offset that leads to an ITE of no
 *	collection. Linux 6.12 does.
 * @collections: In the order of their commands.
 * @devices: Likewise, after the collections.
 * @events: Likewise, after the devices.
 */
struct scene {
	const char *name;
	u32 device_pages;
	u32 collection_pages;
	u32 level2;
	bool reused;
	bool stale_next;
	struct scene_collection collections[5];
	struct scene_devices devices[6];
	struct scene_events events[7];
};

enum {
	NOTHING, ONE_EVENT, COLLECTIONS, NO_EVENTS, FLAT_SPARSE, INDIRECT_SPARSE,
	INDIRECT_DENSE, EVENT_GAPS, ITT_SIZES, THOUSANDS, DESCENDING, NEVER_MAPPED,
	GONE_FIRST, GONE_MIDDLE, GONE_LAST, SHARED_LPI, REUSED, REUSED_INDIRECT,
	NR_SCENES,
};

static const struct scene scenes[NR_SCENES] = {
	[NOTHING] = { .name = "nothing" },
	[ONE_EVENT] = {
		.name = "one_event",
		.collections = { { 0, SCENE_VCPU } },
		.devices = { { 0, 1, 1, 1 } },
		.events = { { 0, 0, 1, 1, 0 } },
	},
	[COLLECTIONS] = {
		.name = "collections",
		.collection_pages = 8,
		.collections = {
			{ 5, SCENE_VCPU + 2 }, { 65535, SCENE_VCPU },
			{ 0, SCENE_VCPU + 3 }, { 8192, SCENE_VCPU + 1 },
		},
	},
	[NO_EVENTS] = {
		.name = "no_events",
		.devices = { { 0, 1, 2, 1, 4 }, { 7, 1, 1, 16 }, { 8191, 1, 1, 8 } },
	},
	/* From one DTE to the next: as far as it can tell, one more, and twice as far. */
	[FLAT_SPARSE] = {
		.name = "flat_sparse",
		.device_pages = 8,
		.collections = { { 1, SCENE_VCPU + 1 } },
		.devices = { { 3, 0x3fff, 2, 3 }, { 0x8002, 0x7ffd, 2, 3 } },
		.events = { { 0, 0, 7, 2, 1 }, { 1, 3, 1, 2, 1 } },
	},
	[INDIRECT_SPARSE] = {
		.name = "indirect_sparse",
		.level2 = BIT(0) | BIT(2) | BIT(4) | BIT(7),
		.collections = { { 1, SCENE_VCPU + 1 } },
		.devices = { { 3, 0x3fff, 2, 3 }, { 0x8002, 0x7ffd, 2, 3 } },
		.events = { { 0, 0, 7, 2, 1 }, { 1, 3, 1, 2, 1 } },
	},
	/* Over the end of one page and into the next. */
	[INDIRECT_DENSE] = {
		.name = "indirect_dense",
		.level2 = BIT(0) | BIT(1) | BIT(3) | BIT(4) | BIT(5),
		.collections = { { 0, SCENE_VCPU }, { 1, SCENE_VCPU + 1 } },
		.devices = { { 8184, 1, 16, 2 }, { 0x9ffc, 1, 8, 4 }, { 1, 1, 4, 6 } },
		.events = { { 0, 0, 3, 2, 0 }, { 1, 0, 5, 4, 1 }, { 2, 10, 1, 30, 0 } },
	},
	/* The longest way from one ITE to the next, and many that are long. */
	[EVENT_GAPS] = {
		.name = "event_gaps",
		.collections = { { 2, SCENE_VCPU + 2 } },
		.devices = { { 10, 1, 2, 16 } },
		.events = { { 0, 0, 65535, 1, 2 }, { 0, 65535, 1, 1, 2 }, { 1, 1, 4681, 14, 2 } },
	},
	[ITT_SIZES] = {
		.name = "itt_sizes",
		.collections = { { 0, SCENE_VCPU + 3 } },
		.devices = { { 1, 1, 16, 1, 1 } },
		.events = { { 0, 0, SCENE_TO_LAST, 2, 0 } },
	},
	[THOUSANDS] = {
		.name = "thousands",
		.collections = {
			{ 0, SCENE_VCPU }, { 1, SCENE_VCPU + 1 },
			{ 2, SCENE_VCPU + 2 }, { 3, SCENE_VCPU + 3 },
		},
		.devices = { { 5, 1, 2, 10 } },
		.events = {
			{ 0, 0, 1, 256, 0 }, { 0, 256, 1, 256, 1 },
			{ 0, 512, 1, 256, 2 }, { 0, 768, 1, 256, 3 },
		},
	},
	/* Tables are in the order of IDs, whatever that of commands was. */
	[DESCENDING] = {
		.name = "descending",
		.collections = { { 7, SCENE_VCPU + 1 }, { 6, SCENE_VCPU } },
		.devices = { { 900, -300, 3, 5 }, { 901, -2, 3, 5 } },
		.events = {
			{ 1, 31, -2, 16, 6 }, { 0, 31, -3, 10, 7 }, { 0, 30, -3, 10, 6 },
		},
	},
	[NEVER_MAPPED] = {
		.name = "never_mapped",
		.collections = { { 9, SCENE_NEVER }, { 2, SCENE_VCPU + 1 }, { 8, SCENE_NEVER } },
		.devices = { { 1, 1, 4, 4 }, { 5, 1, 1, 4 } },
		.events = {
			{ 0, 5, 1, 1, 9 }, { 0, 0, 1, 1, 2 }, { 0, 15, 1, 1, 2 },
			{ 1, 3, 1, 1, 8 }, { 1, 1, 1, 2, 9 },
		},
	},
	[GONE_FIRST] = {
		.name = "gone_first",
		.collections = { { 4, SCENE_GONE }, { 2, SCENE_VCPU + 1 } },
		.devices = { { 1, 1, 2, 4 }, { 5, 1, 1, 4 }, { 6, 1, 1, 4 } },
		.events = {
			{ 0, 0, 2, 2, 4 }, { 0, 5, 7, 2, 2 },
			{ 1, 8, 1, 1, 4 }, { 2, 0, 15, 2, 2 },
		},
	},
	[GONE_MIDDLE] = {
		.name = "gone_middle",
		.stale_next = true,
		.collections = { { 4, SCENE_GONE }, { 2, SCENE_VCPU + 1 } },
		.devices = { { 1, 1, 2, 4 }, { 5, 1, 1, 4 } },
		.events = {
			{ 0, 0, 15, 2, 2 }, { 0, 6, 1, 3, 4 }, { 0, 3, 1, 1, 4 },
			{ 1, 0, 2, 8, 2 }, { 1, 1, 2, 8, 4 },
		},
	},
	[GONE_LAST] = {
		.name = "gone_last",
		.stale_next = true,
		.collections = { { 4, SCENE_GONE }, { 2, SCENE_VCPU + 1 } },
		.devices = { { 1, 1, 2, 4 } },
		.events = { { 0, 0, 3, 3, 2 }, { 0, 9, 3, 3, 4 } },
	},
	/* Two events of one device, and those of two devices. */
	[SHARED_LPI] = {
		.name = "shared_lpi",
		.collections = { { 0, SCENE_VCPU + 2 }, { 1, SCENE_VCPU + 1 } },
		.devices = { { 1, 1, 2, 3 }, { 3, 1, 1, 3 } },
		.events = {
			{ 0, 2, 1, 1, 0, 9000 }, { 0, 3, 1, 1, 0, 9000 },
			{ 1, 0, 1, 2, 0, 9000 }, { 1, 5, 1, 1, 1, 65535 },
		},
	},
	[REUSED] = {
		.name = "reused",
		.reused = true,
		.collections = { { 3, SCENE_VCPU }, { 1, SCENE_VCPU + 2 } },
		.devices = { { 0, 9, 4, 4 } },
		.events = { { 0, 3, 5, 3, 3 }, { 0, 5, 5, 2, 1 } },
	},
	[REUSED_INDIRECT] = {
		.name = "reused_indirect",
		.reused = true,
		.level2 = BIT(0) | BIT(6),
		.collections = { { 3, SCENE_VCPU }, { 1, SCENE_VCPU + 2 } },
		.devices = { { 0xc009, 9, 2, 4 }, { 9, 9, 2, 4 } },
		.events = { { 0, 3, 5, 3, 3 }, { 1, 5, 5, 2, 1 } },
	},
};

/**
 * struct scene_device - A device of a scene.
 * @devid: Its DeviceID.
 * @bits: EventID bits.
 * @itt: Offset of its ITT in the scene's memory.
 */
struct scene_device {
	u32 devid;
	u32 bits;
	u32 itt;
};

/**
 * struct scene_event - An event that is mapped.
 * @devid: Its DeviceID.
 * @event: Its EventID.
 * @lpi: The INTID.
 * @icid: The collection.
 * @target: Where its MSIs go, as an enum scene_target.
 */
struct scene_event {
	u32 devid;
	u32 event;
	u32 lpi;
	u32 icid;
	u32 target;
};

/* All devices and events, in the order of the commands. */
struct scene_list {
	u32 nr_devices;
	u32 nr_events;
	struct scene_device devices[64];
	struct scene_event events[4096];
};

static inline u32 scene_target(const struct scene *scene, u32 icid)
{
	const struct scene_collection *c;

	for (c = scene->collections; c->target != SCENE_END; c++)
		if (c->icid == icid)
			return c->target;
	TEST_FAIL("scene %s: no collection %u", scene->name, icid);
	return SCENE_END;
}

static inline void scene_list_events(const struct scene *scene, const struct scene_events *e,
				     const struct scene_device *dev, struct scene_list *list)
{
	int step = e->step == SCENE_TO_LAST ? (int)BIT(dev->bits) - 1 : e->step;
	u32 event = e->event;

	for (u32 i = 0; i < e->count; i++, event += step) {
		TEST_ASSERT(list->nr_events < ARRAY_SIZE(list->events), "too many events");
		TEST_ASSERT(event < BIT(dev->bits), "scene %s: event %u", scene->name, event);
		list->events[list->nr_events] = (struct scene_event) {
			.devid = dev->devid,
			.event = event,
			.lpi = e->lpi ? e->lpi + i : FIRST_LPI + list->nr_events,
			.icid = e->icid,
			.target = scene_target(scene, e->icid),
		};
		list->nr_events++;
	}
}

static inline void scene_list_devices(const struct scene *scene, struct scene_list *list,
				      u32 *first)
{
	const struct scene_devices *d = scene->devices;
	u32 itt = SCENE_ITTS;

	for (u32 i = 0; d[i].count; i++) {
		first[i] = list->nr_devices;
		for (u32 j = 0; j < d[i].count; j++) {
			struct scene_device *dev = &list->devices[list->nr_devices++];

			TEST_ASSERT(list->nr_devices <= ARRAY_SIZE(list->devices), "devices");
			dev->devid = d[i].devid + j * d[i].step;
			dev->bits = d[i].bits + j * d[i].grow;
			dev->itt = itt;
			itt += max_t(u32, ITS_ITT_ALIGN, ITS_ENTRY_SIZE << dev->bits);
		}
	}
	TEST_ASSERT(itt <= SCENE_SIZE, "scene %s: no room for the ITTs", scene->name);
}

/* Free it with free(). */
static inline struct scene_list *scene_list(const struct scene *scene)
{
	struct scene_list *list = calloc(1, sizeof(*list));
	u32 first[ARRAY_SIZE(scene->devices)];
	const struct scene_events *e;

	TEST_ASSERT(list, "no memory");
	scene_list_devices(scene, list, first);
	for (e = scene->events; e->count; e++)
		for (u32 i = 0; i < scene->devices[e->devices].count; i++)
			scene_list_events(scene, e, &list->devices[first[e->devices] + i], list);
	return list;
}

static inline u64 scene_baser(u64 gpa, u32 pages, bool indirect)
{
	return GITS_BASER_VALID | GITS_BASER_PAGE_SIZE_64K |
	       (indirect ? GITS_BASER_INDIRECT : 0) | gpa | (max(pages, 1u) - 1);
}

/* Tables for the ITS. What it maps is gone where they are not those it had. */
static inline void scene_set_tables(struct its_vmm *v, const struct scene *scene)
{
	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_BASER,
			  scene_baser(SCENE_GPA + SCENE_DEVICES, scene->device_pages,
				      scene->level2));
	its_vmm_its_write(v, GITS_BASER + 8,
			  scene_baser(SCENE_GPA + SCENE_COLLECTIONS,
				      scene->collection_pages, false));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* Guest memory for the tables: zero. */
static inline void *scene_add_memory(struct its_vmm *v)
{
	vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, SCENE_GPA, SCENE_SLOT,
				    SCENE_SIZE / v->vm->page_size, 0);
	return addr_gpa2hva(v->vm, SCENE_GPA);
}

static inline u64 scene_level1_entry(u32 i)
{
	/* The pages are in another order than their entries. */
	return BIT_ULL(63) | (SCENE_GPA + SCENE_LEVEL2 + (ITS_L1_ENTRIES - 1 - i) * SZ_64K);
}

static inline void scene_fill_level1(const struct scene *scene, void *memory)
{
	u64 *level1 = memory + SCENE_DEVICES;

	for (u32 i = 0; i < ITS_L1_ENTRIES; i++)
		if (scene->level2 & BIT(i))
			level1[i] = scene_level1_entry(i);
}

static inline void scene_queue_mapc(struct its_vmm *v, u32 icid, u64 vcpu, bool valid)
{
	its_vmm_queue(v, GITS_CMD_MAPC, 0, (u64)valid << 63 | vcpu << 16 | icid);
}

static inline void scene_queue_mapd(struct its_vmm *v, const struct scene_device *d, bool valid)
{
	its_vmm_queue(v, (u64)d->devid << 32 | GITS_CMD_MAPD, d->bits - 1,
		      (u64)valid << 63 | (SCENE_GPA + d->itt));
}

static inline void scene_queue_mapti(struct its_vmm *v, const struct scene_event *e)
{
	its_vmm_queue(v, (u64)e->devid << 32 | GITS_CMD_MAPTI, (u64)e->lpi << 32 | e->event,
		      e->icid);
}

static inline void scene_queue_discard(struct its_vmm *v, const struct scene_event *e)
{
	its_vmm_queue(v, (u64)e->devid << 32 | GITS_CMD_DISCARD, e->event, 0);
}

/*
 * The past of a scene: another target for its collections, other ITTs for its
 * devices, all events in them, all of it saved; then part of it is unmapped event
 * by event, the rest with its device.
 */
static inline void scene_map_past(struct its_vmm *v, const struct scene *scene,
				  const struct scene_list *list)
{
	const struct scene_collection *c;
	struct scene_event e = { .icid = scene->collections[0].icid };
	struct scene_device d;

	for (c = scene->collections; c->target != SCENE_END; c++)
		scene_queue_mapc(v, c->icid, (c->icid + 1) % SCENE_VCPUS, true);
	for (u32 i = 0; i < list->nr_devices; i++) {
		d = list->devices[list->nr_devices - 1 - i];
		d.devid = list->devices[i].devid;
		scene_queue_mapd(v, &d, true);
		for (e.devid = d.devid, e.event = 0; e.event < BIT(d.bits); e.event++) {
			e.lpi = FIRST_LPI + i * BIT(d.bits) + e.event;
			scene_queue_mapti(v, &e);
		}
	}
	its_vmm_submit(v);
	TEST_ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));

	for (u32 i = 0; i < list->nr_devices; i++) {
		d = list->devices[i];
		for (e.devid = d.devid, e.event = i; e.event < BIT(d.bits); e.event++)
			scene_queue_discard(v, &e);
		/* Its ITT is cleaned by the guest that gave it. */
		scene_queue_mapd(v, &d, false);
	}
	for (c = scene->collections; c->target != SCENE_END; c++)
		scene_queue_mapc(v, c->icid, 0, false);
	its_vmm_submit(v);
}

/* The selftests' own memset() goes by bytes. */
static inline void scene_clear(void *memory, u64 size)
{
	for (u64 *word = memory; size; size -= sizeof(*word))
		*word++ = 0;
}

static inline void scene_clean_itts(const struct scene_list *list, void *memory)
{
	for (u32 i = 0; i < list->nr_devices; i++)
		scene_clear(memory + list->devices[i].itt,
			    ITS_ENTRY_SIZE << list->devices[i].bits);
}

static inline void scene_map(struct its_vmm *v, const struct scene *scene,
			     const struct scene_list *list)
{
	const struct scene_collection *c;

	for (c = scene->collections; c->target != SCENE_END; c++)
		if (c->target != SCENE_NEVER)
			scene_queue_mapc(v, c->icid, c->target == SCENE_GONE ? 0 :
					 c->target - SCENE_VCPU, true);
	for (u32 i = 0; i < list->nr_devices; i++)
		scene_queue_mapd(v, &list->devices[i], true);
	for (u32 i = 0; i < list->nr_events; i++)
		scene_queue_mapti(v, &list->events[i]);
	for (c = scene->collections; c->target != SCENE_END; c++)
		if (c->target == SCENE_GONE)
			scene_queue_mapc(v, c->icid, 0, false);
	its_vmm_submit(v);
}

/* A VM with the scene mapped. Returns the scene's memory. */
static inline void *scene_create(struct its_vmm *v, const struct scene *scene,
				 const struct scene_list *list)
{
	void *memory;

	its_vmm_create(v, SCENE_VCPUS);
	memory = scene_add_memory(v);
	scene_fill_level1(scene, memory);
	scene_set_tables(v, scene);
	if (scene->reused) {
		scene_map_past(v, scene, list);
		scene_clean_itts(list, memory);
	}
	scene_map(v, scene, list);
	return memory;
}

/**
 * struct scene_run - Words of saved tables that follow a rule; all others are zero.
 * @scene: The scene.
 * @offset: Offset of the first in the scene's memory, in bytes.
 * @value: The first.
 * @more: How many follow.
 * @stride: From one to the next, in bytes.
 * @delta: What the next has more.
 */
struct scene_run {
	u32 scene;
	u32 offset;
	u64 value;
	u32 more;
	u32 stride;
	u64 delta;
};

#endif /* SELFTEST_KVM_ITS_TABLES_SCENES_H */
