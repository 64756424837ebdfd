/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an ITS and its software, or a VMM, write for each other in guest memory.
 * All of it is little endian, in double words of 64 bits.
 *
 * Commands: IHI 0069, "ITS commands". The tables: theirs is a private matter of an
 * ITS, and this is the form that KVM saves them in, revision 0 of
 * Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Table ABI REV0".
 */
#ifndef __KVM_ARM_VGIC_ITS_ABI_H__
#define __KVM_ARM_VGIC_ITS_ABI_H__

#include <linux/bits.h>
#include <linux/types.h>

/* A command is four double words; ITS_CMDn_ are fields of the n-th. */
#define ITS_CMD_DWORDS		4
#define ITS_CMD_BYTES		32

#define ITS_CMD0_OPCODE		GENMASK_ULL(7, 0)
#define ITS_CMD0_DEVICEID	GENMASK_ULL(63, 32)
#define ITS_CMD1_EVENTID	GENMASK_ULL(31, 0)
#define ITS_CMD1_INTID		GENMASK_ULL(63, 32)
#define ITS_CMD1_SIZE		GENMASK_ULL(4, 0)	/* EventID bits, less one */
#define ITS_CMD2_ICID		GENMASK_ULL(15, 0)
#define ITS_CMD2_RDBASE		GENMASK_ULL(50, 16)
#define ITS_CMD2_ITT		GENMASK_ULL(51, 8)	/* bits of the address */
#define ITS_CMD2_VALID		BIT_ULL(63)
#define ITS_CMD3_RDBASE		GENMASK_ULL(50, 16)

/*
 * Why a command is refused. IHI 0069 numbers errors 0x01ccrr: the command in cc,
 * for which ITS_CLASS_ stands, and one of these reasons in rr.
 */
enum its_reason {
	ITS_DEVICE_OOR			= 0x01,
	ITS_MOVALL_PROCNUM_OOR		= 0x01,
	ITS_ITTSIZE_OOR			= 0x02,
	ITS_MAPC_PROCNUM_OOR		= 0x02,
	ITS_COLLECTION_OOR		= 0x03,
	ITS_UNMAPPED_DEVICE		= 0x04,
	ITS_ID_OOR			= 0x05,
	ITS_PHYSICALID_OOR		= 0x06,
	ITS_UNMAPPED_INTERRUPT		= 0x07,
	ITS_UNMAPPED_COLLECTION		= 0x09,
};

/* The opcode, but for CLEAR. */
#define ITS_CLASS_MOVI		0x01
#define ITS_CLASS_INT		0x03
#define ITS_CLASS_CLEAR		0x05
#define ITS_CLASS_MAPD		0x08
#define ITS_CLASS_MAPC		0x09
#define ITS_CLASS_MAPTI		0x0a
#define ITS_CLASS_MAPI		0x0b
#define ITS_CLASS_INV		0x0c
#define ITS_CLASS_INVALL	0x0d
#define ITS_CLASS_MOVALL	0x0e
#define ITS_CLASS_DISCARD	0x0f

#define ITS_ERROR(class, reason)	(0x010000 | (class) << 8 | (reason))

/* An entry of any table is one double word. */
#define ITS_ENTRY_BYTES		8

/* Level 1 of an indirect table: the page of 64 KiB that is this part of level 2. */
#define ITS_L1E_VALID		BIT_ULL(63)
#define ITS_L1E_ADDR		GENMASK_ULL(51, 16)

/*
 * The device table is indexed by DeviceID. NEXT is how many entries further the
 * next valid one is, at most what fits; 0 ends the table.
 */
#define ITS_DTE_VALID		BIT_ULL(63)
#define ITS_DTE_NEXT		GENMASK_ULL(62, 49)
#define ITS_DTE_ITT		GENMASK_ULL(48, 5)	/* address bits 51 to 8 */
#define ITS_DTE_SIZE		GENMASK_ULL(4, 0)	/* EventID bits, less one */
#define ITS_DTE_ITT_SHIFT	8

/* An ITT is indexed by EventID. No INTID: invalid. NEXT as in the device table. */
#define ITS_ITE_NEXT		GENMASK_ULL(63, 48)
#define ITS_ITE_INTID		GENMASK_ULL(47, 16)
#define ITS_ITE_ICID		GENMASK_ULL(15, 0)

/* Collections stand one behind the other, up to an invalid one or the table's end. */
#define ITS_CTE_VALID		BIT_ULL(63)
#define ITS_CTE_RDBASE		GENMASK_ULL(47, 16)	/* vCPU id */
#define ITS_CTE_ICID		GENMASK_ULL(15, 0)
#define ITS_CTE_NO_TARGET	0xffffffffU		/* as RDBASE */

#endif /* __KVM_ARM_VGIC_ITS_ABI_H__ */
