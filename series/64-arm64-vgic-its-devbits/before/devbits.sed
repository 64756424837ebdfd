# files: arch/arm64/kvm/vgic/vgic-its.h arch/arm64/kvm/vgic/vgic-its.c arch/arm64/kvm/vgic/vgic-its-map.c arch/arm64/kvm/vgic/vgic-its-table.c arch/arm64/kvm/vgic/vgic-its-regs.c arch/arm64/kvm/vgic/vgic-its-save.c arch/arm64/kvm/vgic/vgic-its-debug.c
# DeviceIDs have 16 bits yet, so all are in vgic_its.buses, and 65,536 is all that there are.

# vgic-its.h
/^ \* Devices of more than 16 bits of DeviceID have nodes/{
N
d
}
/^\/\* What the VMM may choose for GITS_TYPER\.Devbits/d
/^#define ITS_MAX_DEVICEID_BITS/d
/^\/\* All that there are by default, and more/{
N
N
d
}
/^\/\*$/{
N
/ \* Devices are found in two steps/{
N
N
c\
/* Devices are found in two steps, which for PCI are bus and function. */
}
/ \* Set the device of @devid, after/{
N
N
c\
/* Set the device of @devid, after its_map_add_bus(). Return: the device before, or NULL. */
}
/ \* Userspace chooses how many bits DeviceIDs have/{
:typer
N
/\n}$/!b typer
N
d
}
}
/^ \* @was_enabled:/d
/^	bool			was_enabled;$/d
/^ \* @devid_bits:/{
N
d
}
/^ \* @buses:/{
N
c\
 * @buses:	Devices by DeviceID; NULL where none has been mapped since reset. Read\
 *		under RCU too.
}
/^ \* @wide:/d
/^ \* @nr_devices:/d
/^	u32			devid_bits;$/d
/^	struct xarray		wide;$/d
/^	u32			nr_devices;$/d
s/^	if (unlikely(nr >= ITS_NR_BUSES))$/	if (nr >= ITS_NR_BUSES)/
s/^		return xa_load(&its->wide, devid);$/		return NULL;/
/^ \* -ENOSPC past ITS_MAX_EVENTS or ITS_MAX_DEVICES;$/{
N
c\
 * -ENOSPC past ITS_MAX_EVENTS; -EFAULT for memory of the guest that can't be read);\
 * but for 0 nothing is changed.
}

# vgic-its.c
/^	its->devid_bits = ITS_DEVICEID_BITS;$/d
/^	xa_init_flags(&its->wide, /d
/^	xa_destroy(&its->wide);$/d
/^ \* GITS_TYPER stays what it is\.$/{
N
d
}

# vgic-its-map.c
/^\/\* Whether a DeviceID is too wide/,/^}$/{
/^}$/N
d
}
/^static struct its_device \*its_map_next_wide(/,/^}$/{
/^}$/N
d
}
/^static struct its_device \*its_map_set_wide(/,/^}$/{
/^}$/N
d
}
/^static struct its_device \*its_map_set_device(/,/^}$/{
s/^	struct its_bus \*bus;$/	struct its_bus *bus = its_map_bus(its, devid);/
/^	if (its_map_is_wide(devid))$/{
N
d
}
/^	bus = its_map_bus(its, devid);$/d
}
s/!its_map_is_wide(\*devid)/*devid < BIT(ITS_DEVICEID_BITS)/
s/its_map_is_wide(devid) || //
s/return its_map_next_wide(its, devid);/return NULL;/
/^	if (its->nr_devices == ITS_MAX_DEVICES/{
N
d
}
/^	if (IS_ERR(was)) {$/,/^	}$/d
/^	its->nr_devices\(++\|--\);$/d
s/its->nr_devices || its->nr_events/its->nr_events/

# vgic-its-table.c
s/ of its->devid_bits\.$/ below 1 << ITS_DEVICEID_BITS./
s/BIT(its->devid_bits)/BIT(ITS_DEVICEID_BITS)/

# vgic-its-regs.c
s/READ_ONCE(its->devid_bits)/ITS_DEVICEID_BITS/
s/\(GITS_TYPER,.*ignored, \)its_regs_set_typer/\1NULL/
/^	if (enable) {$/{
N
N
N
c\
	if (enable)\
		return;
}

# vgic-its-save.c
/^ \* It reads all of level 2 if the guest has made/{
N
N
d
}

# vgic-its-debug.c
/"devbits %u/d
