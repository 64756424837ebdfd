// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_commands_test - commands of an ITS, good and bad, and their queue
 *
 * A bad command is one that the architecture has an error for. It is counted and
 * traced, changes nothing, and the queue goes on behind it.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "its_machine.h"
#include "kselftest_harness.h"

#define CMD_SIZE	32
#define CMDS_PER_QUEUE	(SZ_64K / CMD_SIZE)

/* The codes of IHI 0069, "The ITS command interface", by command and kind. */
#define ERROR(command, kind)	(0x010000 | (command) << 8 | (kind))
#define DEVICE_OOR		0x01
#define ITTSIZE_OOR		0x02
#define PROCNUM_OOR		0x02
#define MOVALL_PROCNUM_OOR	0x01
#define COLLECTION_OOR		0x03
#define UNMAPPED_DEVICE		0x04
#define ID_OOR			0x05
#define PHYSICALID_OOR		0x06
#define UNMAPPED_INTERRUPT	0x07
#define UNMAPPED_COLLECTION	0x09
#define CLEAR_CLASS		0x05	/* not the command's opcode */
#define ANY_ERROR		0	/* the architecture has two that fit */

/* Traces: kernels without the tracepoint fail one test, not all. */

#define TRACING		"/sys/kernel/tracing/"
#define TRACE_ENABLE	TRACING "events/kvm/vgic_its_bad_command/enable"

static pid_t tracer;	/* the process that enabled it, and disables it */

static bool traces(void)
{
	return !access(TRACE_ENABLE, W_OK);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) == strlen(text),
		    "%s: cannot write \"%s\", errno %d", path, text, errno);
	close(fd);
}

/* Once for all tests: it takes long. */
static void __attribute__((constructor)) trace_enable(void)
{
	if (!traces())
		return;
	tracer = getpid();
	write_file(TRACE_ENABLE, "1");
}

static void __attribute__((destructor)) trace_disable(void)
{
	if (tracer == getpid())
		write_file(TRACE_ENABLE, "0");
}

static void forget_traces(void)
{
	if (traces())
		write_file(TRACING "trace", "\n");
}

/* What a trace says of a field. */
static u32 trace_field(const char *trace, const char *name)
{
	const char *at = strstr(trace, name);

	TEST_ASSERT(at, "no %sin \"%s\"", name, trace);
	return strtoul(at + strlen(name), NULL, 0);
}

/* The opcode, the error, and the DeviceID and EventID of a command that has them. */
static bool trace_fits(const char *trace, const u64 *command, u32 error)
{
	u8 opcode = command[0];

	if (trace_field(trace, " opcode ") != opcode)
		return false;
	if (error != ANY_ERROR && trace_field(trace, " error ") != error)
		return false;

	switch (opcode) {
	case GITS_CMD_MAPTI:
	case GITS_CMD_MAPI:
	case GITS_CMD_MOVI:
	case GITS_CMD_DISCARD:
	case GITS_CMD_CLEAR:
	case GITS_CMD_INT:
	case GITS_CMD_INV:
		if (trace_field(trace, " event ") != (u32)command[1])
			return false;
		fallthrough;
	case GITS_CMD_MAPD:
		return trace_field(trace, " devid ") == command[0] >> 32;
	}
	return true;
}

/* Returns how many new traces fit; of an error alone, if there is no command. */
static u32 read_traces(const u64 *command, u32 error)
{
	char line[256];
	u32 nr = 0;
	FILE *file;
	int fd;

	if (!traces())
		return 0;
	fd = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);
	TEST_ASSERT(fd >= 0, "trace_pipe: errno %d", errno);
	file = fdopen(fd, "r");
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "vgic_its_bad_command:"))
			continue;
		if (command)
			nr += trace_fits(line, command, error);
		else
			nr += error == ANY_ERROR || trace_field(line, " error ") == error;
	}
	fclose(file);
	return nr;
}

#define EXPECT_TRACED(nr, command, error)	\
	EXPECT_EQ(traces() ? (nr) : 0, read_traces(command, error))

TEST(counter)
{
	struct its_vmm v;

	its_vmm_create(&v, 1);
	EXPECT_TRUE(counts(&v));
	EXPECT_EQ(0, bad_commands(&v));
	its_vmm_destroy(&v);
}

TEST(tracepoint)
{
	if (access(TRACING "events/kvm", F_OK))
		SKIP(return, "no tracepoints");
	EXPECT_TRUE(traces());
}

/* Commands, as initialisers of a row. */

#define RAW(...)	.command = { __VA_ARGS__ }
#define ON_DEVICE(_op, _devid, _dw1, _dw2)	\
	RAW((u64)(u32)(_devid) << 32 | GITS_CMD_##_op, _dw1, _dw2)
#define SOME_ITT	SZ_1G	/* where there is memory; nothing is written to it */

#define MAPD(_devid, _bits, _valid)	\
	ON_DEVICE(MAPD, _devid, (_bits) - 1, (_valid) | SOME_ITT)
#define MAPC(_icid, _vcpu, _valid)	\
	RAW(GITS_CMD_MAPC, 0, (_valid) | (u64)(u32)(_vcpu) << 16 | (_icid))
#define MAPTI(_devid, _event, _lpi, _icid)	\
	ON_DEVICE(MAPTI, _devid, (u64)(u32)(_lpi) << 32 | (u32)(_event), _icid)
#define MAPI(_devid, _event, _icid)	ON_DEVICE(MAPI, _devid, (u32)(_event), _icid)
#define MOVI(_devid, _event, _icid)	ON_DEVICE(MOVI, _devid, (u32)(_event), _icid)
#define DISCARD(_devid, _event)		ON_DEVICE(DISCARD, _devid, (u32)(_event), 0)
#define CLEAR(_devid, _event)		ON_DEVICE(CLEAR, _devid, (u32)(_event), 0)
#define INT(_devid, _event)		ON_DEVICE(INT, _devid, (u32)(_event), 0)
#define INV(_devid, _event)		ON_DEVICE(INV, _devid, (u32)(_event), 0)
#define INVALL(_icid)			RAW(GITS_CMD_INVALL, 0, _icid)
#define SYNC(_vcpu)			RAW(GITS_CMD_SYNC, 0, (u64)(_vcpu) << 16)
#define MOVALL(_from, _to)		\
	RAW(GITS_CMD_MOVALL, 0, (u64)(u32)(_from) << 16, (u64)(u32)(_to) << 16)

/* INTIDs below 0x4000: the LPIs of the machine are among them. */
static void few_lpis(struct its_vmm *v)
{
	set_intid_bits(v, 14);
}

/* The trace of each command, which is off by default. */

#define TRACE_COMMAND	TRACING "events/kvm/vgic_its_command/enable"

struct traced {
	u64 command[4];
	const char *name;
	u32 devid;
	u32 event;
	u32 intid;
	u32 icid;
	u32 bits;
	u64 itt;
	u32 rdbase;
	u32 to;
	bool valid;
	u32 result;
};

#define NEW_EVENT	.devid = DEV_UNMAPPED, .event = 3

static const struct traced traced[] = {
	{ MAPC(ICID_NEW, 1, VALID), "MAPC", .icid = ICID_NEW, .rdbase = 1, .valid = true },
	{ MAPD(DEV_UNMAPPED, 5, VALID), "MAPD", .devid = DEV_UNMAPPED, .bits = 5,
	  .itt = SOME_ITT, .valid = true },
	{ MAPTI(DEV_UNMAPPED, 3, LPI(100), ICID_NEW), "MAPTI", NEW_EVENT, .intid = LPI(100),
	  .icid = ICID_NEW },
	{ MAPI(DEV_LPIS, LPI(200), 1), "MAPI", .devid = DEV_LPIS, .event = LPI(200), .icid = 1 },
	{ MOVI(DEV_UNMAPPED, 3, 2), "MOVI", NEW_EVENT, .icid = 2 },
	{ INV(DEV_UNMAPPED, 3), "INV", NEW_EVENT },
	{ INT(DEV_UNMAPPED, 3), "INT", NEW_EVENT },
	{ CLEAR(DEV_UNMAPPED, 3), "CLEAR", NEW_EVENT },
	{ DISCARD(DEV_UNMAPPED, 3), "DISCARD", NEW_EVENT },
	{ DISCARD(DEV_UNMAPPED, 3), "DISCARD", NEW_EVENT, .result = 0x010f07 },
	{ INVALL(1), "INVALL", .icid = 1 },
	{ MOVALL(2, 1), "MOVALL", .rdbase = 2, .to = 1 },
	{ SYNC(2), "SYNC", .rdbase = 2 },
	/* There is no such command, so it may have any of them. */
	{ RAW(0x42, 5, 6), "0x42", .event = 5, .icid = 6, .bits = 6, .result = -EINVAL },
};

/* As the kernel prints it, from the name on. */
static void traced_text(const struct traced *t, char *text, size_t size)
{
	int len = snprintf(text, size, "%s devid 0x%x event %u intid %u icid %u ", t->name,
			   t->devid, t->event, t->intid, t->icid);

	snprintf(text + len, size - len, "bits %u itt 0x%llx rdbase %u to %u valid %d: 0x%x",
		 t->bits, (unsigned long long)t->itt, t->rdbase, t->to, t->valid, t->result);
}

static bool read_flag(const char *path)
{
	int fd = open(path, O_RDONLY);
	char flag = 0;

	TEST_ASSERT(fd >= 0 && read(fd, &flag, 1) == 1, "%s: errno %d", path, errno);
	close(fd);
	return flag == '1';
}

TEST(traces_each_command)
{
	u32 last = ARRAY_SIZE(traced) - 1, nr = 0;
	char line[256], expected[256], *text;
	struct its_vmm v;
	FILE *pipe;

	if (access(TRACING "events/kvm", F_OK))
		SKIP(return, "no tracepoints");
	ASSERT_EQ(0, access(TRACE_COMMAND, W_OK));
	EXPECT_FALSE(read_flag(TRACE_COMMAND));
	create_machine(&v);
	forget_traces();

	write_file(TRACE_COMMAND, "1");
	for (u32 i = 0; i <= last; i++) {
		const u64 *dw = traced[i].command;

		its_vmm_command(&v, dw[0], dw[1], dw[2], dw[3]);
	}
	write_file(TRACE_COMMAND, "0");
	its_vmm_sync(&v);

	pipe = fdopen(open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK), "r");
	TEST_ASSERT(pipe, "trace_pipe: errno %d", errno);
	while (fgets(line, sizeof(line), pipe)) {
		text = strstr(line, "vgic_its_command: its 0x");
		if (!text)
			continue;
		text += strlen("vgic_its_command: its 0x");
		text[strcspn(text, "\n")] = '\0';
		text += strcspn(text, " ") + 1;
		ASSERT_LE(nr, last);
		traced_text(&traced[nr++], expected, sizeof(expected));
		EXPECT_STREQ(expected, text);
	}
	EXPECT_EQ(ARRAY_SIZE(traced), nr);
	fclose(pipe);
	its_vmm_destroy(&v);
}

/* Bad commands. */

FIXTURE(bad)
{
	struct its_vmm its;
};

/* @setup: What the guest does before, if anything. @error: What is traced. */
FIXTURE_VARIANT(bad)
{
	void (*setup)(struct its_vmm *v);
	u64 command[4];
	u32 error;
};

#define BAD(_op, _kind)	.error = ERROR(GITS_CMD_##_op, _kind)
#define BAD_EVENT(_op)	BAD(_op, UNMAPPED_INTERRUPT)
#define BAD_CLEAR	.error = ERROR(CLEAR_CLASS, UNMAPPED_INTERRUPT)
#define UNKNOWN(_op)	RAW(_op), .error = -EINVAL

/* DeviceIDs of 16 bits; a table of 64 KiB, flat, has 8,192. */
FIXTURE_VARIANT_ADD(bad, mapd_past_table) { MAPD(IDS_PER_PAGE, 5, VALID), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_last) { MAPD(0xffff, 5, VALID), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_wide) { MAPD(0x10000, 5, VALID), BAD(MAPD, DEVICE_OOR) };
/* A DeviceID that is mapped, were the bits that the ITS has not cut off. */
FIXTURE_VARIANT_ADD(bad, mapd_wide_low) { MAPD(0x10000 | DEV, 5, VALID), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_max) { MAPD(~0u, 5, VALID), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, unmapd_past_table) { MAPD(IDS_PER_PAGE, 5, 0), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, unmapd_wide_low) { MAPD(0x10000 | DEV, 5, 0), BAD(MAPD, DEVICE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_bits_17) { MAPD(DEV, 17, VALID), BAD(MAPD, ITTSIZE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_bits_32) { MAPD(DEV, 32, VALID), BAD(MAPD, ITTSIZE_OOR) };
FIXTURE_VARIANT_ADD(bad, mapd_bits_17_new) {
	MAPD(DEV_UNMAPPED, 17, VALID), BAD(MAPD, ITTSIZE_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapc_vcpu) { MAPC(0, NO_VCPU, VALID), BAD(MAPC, PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, mapc_vcpu_new) { MAPC(ICID_NEW, NO_VCPU, VALID), BAD(MAPC, PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, mapc_vcpu_no_target) {
	MAPC(ICID_NO_TARGET, NO_VCPU, VALID), BAD(MAPC, PROCNUM_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapc_vcpu_wide) { MAPC(0, 0x10001, VALID), BAD(MAPC, PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, mapc_vcpu_bit_31) { MAPC(0, BIT(31), VALID), BAD(MAPC, PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, mapc_vcpu_max) { MAPC(0, ~0u, VALID), BAD(MAPC, PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, mapc_past_table) {
	MAPC(IDS_PER_PAGE, 0, VALID), BAD(MAPC, COLLECTION_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapc_last) { MAPC(0xffff, 0, VALID), BAD(MAPC, COLLECTION_OOR) };

FIXTURE_VARIANT_ADD(bad, mapti_device) {
	MAPTI(DEV_UNMAPPED, 0, LPI(100), 0), BAD(MAPTI, UNMAPPED_DEVICE),
};

FIXTURE_VARIANT_ADD(bad, mapti_device_wide) {
	MAPTI(0x10000 | DEV, EVENT_UNMAPPED, LPI(100), 0), BAD(MAPTI, UNMAPPED_DEVICE),
};

FIXTURE_VARIANT_ADD(bad, mapti_device_max) {
	MAPTI(~0u, 0, LPI(100), 0), BAD(MAPTI, UNMAPPED_DEVICE),
};

FIXTURE_VARIANT_ADD(bad, mapti_event_past) {
	MAPTI(DEV, EVENT_PAST, LPI(100), 0), BAD(MAPTI, ID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_event_wide) {
	MAPTI(DEV, 0x10000 | EVENT_UNMAPPED, LPI(100), 0), BAD(MAPTI, ID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_event_max) { MAPTI(DEV, ~0u, LPI(100), 0), BAD(MAPTI, ID_OOR) };
FIXTURE_VARIANT_ADD(bad, mapti_event_past_memory) {
	MAPTI(DEV_LAST, DEV_LAST_EVENTS, LPI(100), 0), BAD(MAPTI, ID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_event_16_bits) {
	MAPTI(DEV_LAST, 0xffff, LPI(100), 0), BAD(MAPTI, ID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_0) {
	MAPTI(DEV, EVENT_UNMAPPED, 0, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_spi) {
	MAPTI(DEV, EVENT_UNMAPPED, 40, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_spurious) {
	MAPTI(DEV, EVENT_UNMAPPED, 1023, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_before) {
	MAPTI(DEV, EVENT_UNMAPPED, FIRST_LPI - 1, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_past) {
	MAPTI(DEV, EVENT_UNMAPPED, LAST_LPI + 1, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_wide) {
	MAPTI(DEV, EVENT_UNMAPPED, BIT(31) | LPI(100), 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_max) {
	MAPTI(DEV, EVENT_UNMAPPED, ~0u, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_lpi_past_propbaser) {
	.setup = few_lpis,
	MAPTI(DEV, EVENT_UNMAPPED, 0x4000, 0), BAD(MAPTI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_icid_past_table) {
	MAPTI(DEV, EVENT_UNMAPPED, LPI(100), IDS_PER_PAGE), BAD(MAPTI, COLLECTION_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapti_icid_last) {
	MAPTI(DEV, EVENT_UNMAPPED, LPI(100), 0xffff), BAD(MAPTI, COLLECTION_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapi_device) {
	MAPI(DEV_UNMAPPED, LPI(100), 0), BAD(MAPI, UNMAPPED_DEVICE),
};

FIXTURE_VARIANT_ADD(bad, mapi_event_past) {
	MAPI(DEV_LPIS, BIT(DEV_LPIS_BITS), 0), BAD(MAPI, ID_OOR),
};

/* An LPI that no ITT of 5 bits has an event for. */
FIXTURE_VARIANT_ADD(bad, mapi_event_lpi) { MAPI(DEV, LPI(100), 0), BAD(MAPI, ID_OOR) };
FIXTURE_VARIANT_ADD(bad, mapi_lpi_low) {
	MAPI(DEV, EVENT_UNMAPPED, 0), BAD(MAPI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapi_lpi_before) {
	MAPI(DEV_LPIS, FIRST_LPI - 1, 0), BAD(MAPI, PHYSICALID_OOR),
};

FIXTURE_VARIANT_ADD(bad, mapi_icid_past_table) {
	MAPI(DEV_LPIS, LPI(100), IDS_PER_PAGE), BAD(MAPI, COLLECTION_OOR),
};

FIXTURE_VARIANT_ADD(bad, movi_device) { MOVI(DEV_UNMAPPED, 0, 1), BAD_EVENT(MOVI) };
FIXTURE_VARIANT_ADD(bad, movi_device_wide) { MOVI(0x10000 | DEV, 0, 1), BAD_EVENT(MOVI) };
FIXTURE_VARIANT_ADD(bad, movi_event) { MOVI(DEV, EVENT_UNMAPPED, 1), BAD_EVENT(MOVI) };
FIXTURE_VARIANT_ADD(bad, movi_event_past) { MOVI(DEV, EVENT_PAST, 1), BAD_EVENT(MOVI) };
FIXTURE_VARIANT_ADD(bad, movi_event_wide) { MOVI(DEV, 0x10000, 1), BAD_EVENT(MOVI) };
FIXTURE_VARIANT_ADD(bad, movi_to_new) { MOVI(DEV, 0, ICID_NEW), BAD(MOVI, UNMAPPED_COLLECTION) };
FIXTURE_VARIANT_ADD(bad, movi_to_no_target) {
	MOVI(DEV, 0, ICID_NO_TARGET), BAD(MOVI, UNMAPPED_COLLECTION),
};

FIXTURE_VARIANT_ADD(bad, movi_to_removed) {
	MOVI(DEV, 0, ICID_REMOVED), BAD(MOVI, UNMAPPED_COLLECTION),
};

FIXTURE_VARIANT_ADD(bad, movi_to_last) { MOVI(DEV, 0, 0xffff), BAD(MOVI, UNMAPPED_COLLECTION) };
FIXTURE_VARIANT_ADD(bad, movi_from_no_target) {
	MOVI(DEV, EVENT_NO_TARGET, 0), BAD(MOVI, UNMAPPED_COLLECTION),
};

FIXTURE_VARIANT_ADD(bad, movi_from_removed) {
	MOVI(DEV, EVENT_REMOVED, 0), BAD(MOVI, UNMAPPED_COLLECTION),
};

FIXTURE_VARIANT_ADD(bad, discard_device) { DISCARD(DEV_UNMAPPED, 0), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_device_wide) { DISCARD(0x10000 | DEV, 0), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_device_max) { DISCARD(~0u, 0), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_event) { DISCARD(DEV, EVENT_UNMAPPED), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_event_past) { DISCARD(DEV, EVENT_PAST), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_event_wide) { DISCARD(DEV, 0x10000), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_event_max) { DISCARD(DEV, ~0u), BAD_EVENT(DISCARD) };
FIXTURE_VARIANT_ADD(bad, discard_event_past_memory) {
	DISCARD(DEV_LAST, DEV_LAST_EVENTS), BAD_EVENT(DISCARD),
};

FIXTURE_VARIANT_ADD(bad, clear_device) { CLEAR(DEV_UNMAPPED, 0), BAD_CLEAR };
FIXTURE_VARIANT_ADD(bad, clear_device_wide) { CLEAR(0x10000 | DEV, 0), BAD_CLEAR };
FIXTURE_VARIANT_ADD(bad, clear_event) { CLEAR(DEV, EVENT_UNMAPPED), BAD_CLEAR };
FIXTURE_VARIANT_ADD(bad, clear_event_past) { CLEAR(DEV, EVENT_PAST), BAD_CLEAR };
FIXTURE_VARIANT_ADD(bad, clear_event_wide) { CLEAR(DEV, 0x10000), BAD_CLEAR };

FIXTURE_VARIANT_ADD(bad, int_device) { INT(DEV_UNMAPPED, 0), BAD_EVENT(INT) };
FIXTURE_VARIANT_ADD(bad, int_device_wide) { INT(0x10000 | DEV, 0), BAD_EVENT(INT) };
FIXTURE_VARIANT_ADD(bad, int_event) { INT(DEV, EVENT_UNMAPPED), BAD_EVENT(INT) };
FIXTURE_VARIANT_ADD(bad, int_event_past) { INT(DEV, EVENT_PAST), BAD_EVENT(INT) };
FIXTURE_VARIANT_ADD(bad, int_event_wide) { INT(DEV, 0x10000), BAD_EVENT(INT) };
FIXTURE_VARIANT_ADD(bad, int_no_target) { INT(DEV, EVENT_NO_TARGET), .error = ANY_ERROR };
FIXTURE_VARIANT_ADD(bad, int_removed) { INT(DEV, EVENT_REMOVED), .error = ANY_ERROR };

FIXTURE_VARIANT_ADD(bad, inv_device) { INV(DEV_UNMAPPED, 0), BAD_EVENT(INV) };
FIXTURE_VARIANT_ADD(bad, inv_device_wide) { INV(0x10000 | DEV, 0), BAD_EVENT(INV) };
FIXTURE_VARIANT_ADD(bad, inv_event) { INV(DEV, EVENT_UNMAPPED), BAD_EVENT(INV) };
FIXTURE_VARIANT_ADD(bad, inv_event_past) { INV(DEV, EVENT_PAST), BAD_EVENT(INV) };
FIXTURE_VARIANT_ADD(bad, inv_event_wide) { INV(DEV, 0x10000), BAD_EVENT(INV) };

FIXTURE_VARIANT_ADD(bad, invall_new) { INVALL(ICID_NEW), BAD(INVALL, UNMAPPED_COLLECTION) };
FIXTURE_VARIANT_ADD(bad, invall_no_target) {
	INVALL(ICID_NO_TARGET), BAD(INVALL, UNMAPPED_COLLECTION),
};

FIXTURE_VARIANT_ADD(bad, invall_removed) { INVALL(ICID_REMOVED), BAD(INVALL, UNMAPPED_COLLECTION) };
FIXTURE_VARIANT_ADD(bad, invall_last) { INVALL(0xffff), BAD(INVALL, UNMAPPED_COLLECTION) };

FIXTURE_VARIANT_ADD(bad, movall_from) { MOVALL(NO_VCPU, 0), BAD(MOVALL, MOVALL_PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, movall_to) { MOVALL(0, NO_VCPU), BAD(MOVALL, MOVALL_PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, movall_same) { MOVALL(NO_VCPU, NO_VCPU), BAD(MOVALL, MOVALL_PROCNUM_OOR) };
FIXTURE_VARIANT_ADD(bad, movall_from_wide) {
	MOVALL(0x10001, 0), BAD(MOVALL, MOVALL_PROCNUM_OOR),
};

FIXTURE_VARIANT_ADD(bad, movall_to_max) { MOVALL(0, ~0u), BAD(MOVALL, MOVALL_PROCNUM_OOR) };

FIXTURE_VARIANT_ADD(bad, opcode_00) { UNKNOWN(0x00) };
FIXTURE_VARIANT_ADD(bad, opcode_02) { UNKNOWN(0x02) };
FIXTURE_VARIANT_ADD(bad, opcode_06) { UNKNOWN(0x06) };
FIXTURE_VARIANT_ADD(bad, opcode_10) { UNKNOWN(0x10) };
FIXTURE_VARIANT_ADD(bad, opcode_vmovp) { UNKNOWN(GITS_CMD_VMOVP) };
FIXTURE_VARIANT_ADD(bad, opcode_vmapp) { UNKNOWN(GITS_CMD_VMAPP) };
FIXTURE_VARIANT_ADD(bad, opcode_vsync) { UNKNOWN(GITS_CMD_VSYNC) };
FIXTURE_VARIANT_ADD(bad, opcode_vinvall) { UNKNOWN(GITS_CMD_VINVALL) };
FIXTURE_VARIANT_ADD(bad, opcode_88) { UNKNOWN(0x80 | GITS_CMD_MAPD) };
FIXTURE_VARIANT_ADD(bad, opcode_ff) { UNKNOWN(0xff) };

FIXTURE_SETUP(bad)
{
	create_machine(&self->its);
	if (variant->setup)
		variant->setup(&self->its);
}

FIXTURE_TEARDOWN(bad)
{
	its_vmm_destroy(&self->its);
}

static void raw_command(struct its_vmm *v, const u64 *command)
{
	its_vmm_command(v, command[0], command[1], command[2], command[3]);
}

/* It is counted and traced, and that is all. */
TEST_F(bad, changes_nothing)
{
	struct its_vmm *v = &self->its;
	u64 before = bad_commands(v);

	for (u32 i = 0; i < NR_VCPUS; i++)
		ASSERT_EQ(1, signal_event(v, DEV, i));
	ASSERT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	copy_tables(v);

	read_traces(NULL, ANY_ERROR);
	raw_command(v, variant->command);
	EXPECT_TRACED(1, variant->command, variant->error);
	EXPECT_BAD(1, before, v);
	EXPECT_TRUE(queue_empty(v));

	check_tables(_metadata, v);
	EXPECT_EQ(0, its_vmm_ctrl(v, KVM_DEV_ARM_ITS_SAVE_TABLES));
	check_tables(_metadata, v);
	for (u32 i = 0; i < NR_VCPUS; i++)
		EXPECT_EQ(i, pending_on(v, LPI(i)));
	check_machine(_metadata, v);
}

static void queue_command(struct its_vmm *v, const u64 *command)
{
	u64 *last = its_vmm_hva(v, ITS_VMM_COMMANDS) + v->cwriter;

	its_vmm_queue(v, command[0], command[1], command[2]);
	last[3] = command[3];
}

TEST_F(bad, queue_goes_on)
{
	struct its_vmm *v = &self->its;
	u64 before = bad_commands(v);

	queue_command(v, variant->command);
	its_vmm_queue(v, (u64)DEV_EMPTY << 32 | GITS_CMD_MAPTI, (u64)LPI(200) << 32, 1);
	queue_command(v, variant->command);
	queue_command(v, variant->command);
	its_vmm_queue(v, (u64)DEV_EMPTY << 32 | GITS_CMD_MAPTI, (u64)LPI(201) << 32 | 1, 2);
	its_vmm_submit(v);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_BAD(3, before, v);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(200), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(201), 2);
	check_machine(_metadata, v);
}

/* Good commands that might be taken for bad ones. */

FIXTURE(good)
{
	struct its_vmm its;
};

/*
 * @setup: What the guest does before, if anything.
 * @devid, @event, @lpi, @vcpu: What the command's event then sends, and where to;
 *	nothing for an @lpi of 0.
 * @unmaps: The event is gone, and can be mapped anew.
 */
FIXTURE_VARIANT(good)
{
	void (*setup)(struct its_vmm *v);
	u64 command[4];
	u32 devid;
	u32 event;
	u32 lpi;
	int vcpu;
	bool unmaps;
};

#define SENDS(_devid, _event, _lpi, _vcpu)	\
	.devid = (_devid), .event = (_event), .lpi = (_lpi), .vcpu = (_vcpu)
#define UNMAPS(_event)	.devid = DEV, .event = (_event), .unmaps = true
#define SAME		SENDS(DEV, 0, LPI(0), 0)

FIXTURE_VARIANT_ADD(good, mapd_last) { MAPD(IDS_PER_PAGE - 1, 5, VALID), SAME };
FIXTURE_VARIANT_ADD(good, mapd_bits_16) { MAPD(DEV_UNMAPPED, 16, VALID), SAME };
FIXTURE_VARIANT_ADD(good, mapd_bits_1) { MAPD(DEV_UNMAPPED, 1, VALID), SAME };
FIXTURE_VARIANT_ADD(good, unmapd_unmapped) { MAPD(DEV_UNMAPPED, 1, 0), SAME };
FIXTURE_VARIANT_ADD(good, unmapd_bits_32) { MAPD(DEV_EMPTY, 32, 0), SAME };
FIXTURE_VARIANT_ADD(good, unmapd_bits_32_unmapped) { MAPD(DEV_UNMAPPED, 32, 0), SAME };
FIXTURE_VARIANT_ADD(good, mapc_same) { MAPC(0, 0, VALID), SAME };
FIXTURE_VARIANT_ADD(good, mapc_last) { MAPC(IDS_PER_PAGE - 1, 2, VALID), SAME };
FIXTURE_VARIANT_ADD(good, mapc_target) {
	MAPC(ICID_NO_TARGET, 2, VALID), SENDS(DEV, EVENT_NO_TARGET, LPI(EVENT_NO_TARGET), 2),
};

FIXTURE_VARIANT_ADD(good, mapc_other_target) { MAPC(0, 2, VALID), SENDS(DEV, 0, LPI(0), 2) };
FIXTURE_VARIANT_ADD(good, unmapc_new) { MAPC(ICID_NEW, 0, 0), SAME };
FIXTURE_VARIANT_ADD(good, unmapc_removed) { MAPC(ICID_REMOVED, 0, 0), SAME };
FIXTURE_VARIANT_ADD(good, unmapc_past_table) { MAPC(IDS_PER_PAGE, 0, 0), SAME };
FIXTURE_VARIANT_ADD(good, unmapc_no_vcpu) { MAPC(ICID_NO_TARGET, NO_VCPU, 0), SAME };
FIXTURE_VARIANT_ADD(good, mapti_first_lpi) {
	MAPTI(DEV_EMPTY, 0, FIRST_LPI, 1), SENDS(DEV_EMPTY, 0, FIRST_LPI, 1),
};

FIXTURE_VARIANT_ADD(good, mapti_last_lpi) {
	MAPTI(DEV_EMPTY, 0, LAST_LPI, 1), SENDS(DEV_EMPTY, 0, LAST_LPI, 1),
};

FIXTURE_VARIANT_ADD(good, mapti_last_lpi_propbaser) {
	.setup = few_lpis,
	MAPTI(DEV_EMPTY, 0, 0x3fff, 1), SENDS(DEV_EMPTY, 0, 0x3fff, 1),
};

FIXTURE_VARIANT_ADD(good, mapti_last_event) {
	MAPTI(DEV_EMPTY, EVENT_PAST - 1, LPI(100), 1),
	SENDS(DEV_EMPTY, EVENT_PAST - 1, LPI(100), 1),
};

FIXTURE_VARIANT_ADD(good, mapti_last_in_memory) {
	MAPTI(DEV_LAST, DEV_LAST_EVENTS - 1, LPI(100), 1),
	SENDS(DEV_LAST, DEV_LAST_EVENTS - 1, LPI(100), 1),
};

FIXTURE_VARIANT_ADD(good, mapti_again) { MAPTI(DEV, 0, LPI(0), 0), SAME };
FIXTURE_VARIANT_ADD(good, mapti_again_other_icid) { MAPTI(DEV, 0, LPI(0), 1), SAME };
FIXTURE_VARIANT_ADD(good, mapti_again_other_lpi) { MAPTI(DEV, 0, LPI(100), 1), SAME };
FIXTURE_VARIANT_ADD(good, mapti_new_icid) {
	MAPTI(DEV_EMPTY, 0, LPI(100), ICID_NEW), SENDS(DEV_EMPTY, 0, 0, 0),
};

FIXTURE_VARIANT_ADD(good, mapti_last_icid) {
	MAPTI(DEV_EMPTY, 0, LPI(100), IDS_PER_PAGE - 1), SENDS(DEV_EMPTY, 0, 0, 0),
};

/* Bits that mean nothing in this command. */
FIXTURE_VARIANT_ADD(good, mapti_reserved_bits) {
	RAW((u64)DEV_EMPTY << 32 | 0xffffff00 | GITS_CMD_MAPTI, (u64)LPI(100) << 32 | 3,
	    ~0xffffULL | 1, ~0ULL),
	SENDS(DEV_EMPTY, 3, LPI(100), 1),
};

FIXTURE_VARIANT_ADD(good, mapi) { MAPI(DEV_LPIS, LPI(5), 1), SENDS(DEV_LPIS, LPI(5), LPI(5), 1) };
FIXTURE_VARIANT_ADD(good, mapi_last) {
	MAPI(DEV_LPIS, BIT(DEV_LPIS_BITS) - 1, 1),
	SENDS(DEV_LPIS, BIT(DEV_LPIS_BITS) - 1, BIT(DEV_LPIS_BITS) - 1, 1),
};

FIXTURE_VARIANT_ADD(good, movi) { MOVI(DEV, 0, 2), SENDS(DEV, 0, LPI(0), 2) };
FIXTURE_VARIANT_ADD(good, movi_same) { MOVI(DEV, 0, 0), SAME };
FIXTURE_VARIANT_ADD(good, movall) { MOVALL(0, 1), SAME };
FIXTURE_VARIANT_ADD(good, movall_same) { MOVALL(0, 0), SAME };
FIXTURE_VARIANT_ADD(good, movall_others) { MOVALL(1, 2), SAME };
FIXTURE_VARIANT_ADD(good, discard) { DISCARD(DEV, 0), UNMAPS(0) };
FIXTURE_VARIANT_ADD(good, discard_no_target) {
	DISCARD(DEV, EVENT_NO_TARGET), UNMAPS(EVENT_NO_TARGET),
};

FIXTURE_VARIANT_ADD(good, discard_removed) { DISCARD(DEV, EVENT_REMOVED), UNMAPS(EVENT_REMOVED) };
FIXTURE_VARIANT_ADD(good, clear) { CLEAR(DEV, 0), SAME };
FIXTURE_VARIANT_ADD(good, clear_no_target) { CLEAR(DEV, EVENT_NO_TARGET), SAME };
FIXTURE_VARIANT_ADD(good, clear_removed) { CLEAR(DEV, EVENT_REMOVED), SAME };
FIXTURE_VARIANT_ADD(good, inv) { INV(DEV, 0), SAME };
FIXTURE_VARIANT_ADD(good, inv_no_target) { INV(DEV, EVENT_NO_TARGET), SAME };
FIXTURE_VARIANT_ADD(good, inv_removed) { INV(DEV, EVENT_REMOVED), SAME };
FIXTURE_VARIANT_ADD(good, invall) { INVALL(1), SAME };
FIXTURE_VARIANT_ADD(good, sync) { SYNC(0), SAME };
FIXTURE_VARIANT_ADD(good, sync_no_vcpu) { SYNC(NO_VCPU), SAME };

FIXTURE_SETUP(good)
{
	create_machine(&self->its);
	if (variant->setup)
		variant->setup(&self->its);
}

FIXTURE_TEARDOWN(good)
{
	its_vmm_destroy(&self->its);
}

TEST_F(good, takes_effect)
{
	struct its_vmm *v = &self->its;
	u64 before = bad_commands(v);

	read_traces(NULL, ANY_ERROR);
	raw_command(v, variant->command);
	EXPECT_BAD(0, before, v);
	EXPECT_TRACED(0, NULL, ANY_ERROR);
	EXPECT_TRUE(queue_empty(v));

	if (variant->lpi)
		EXPECT_DELIVERS(v, variant->devid, variant->event, variant->lpi, variant->vcpu);
	else
		EXPECT_EQ(0, signal_event(v, variant->devid, variant->event));
	if (variant->unmaps) {
		its_vmm_mapti(v, variant->devid, variant->event, LPI(300), 2);
		EXPECT_DELIVERS(v, variant->devid, variant->event, LPI(300), 2);
	}
	EXPECT_BAD(0, before, v);
}

/* The queue. */

FIXTURE(queues)
{
	struct its_vmm its;
	u64 bad;
};

FIXTURE_SETUP(queues)
{
	create_machine(&self->its);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(queues)
{
	its_vmm_destroy(&self->its);
}

static void queue_mapti(struct its_vmm *v, u32 devid, u32 event, u32 lpi, u16 icid)
{
	its_vmm_queue(v, (u64)devid << 32 | GITS_CMD_MAPTI, (u64)lpi << 32 | event, icid);
}

/* Any number at a time, round and round. */
TEST_F(queues, wraps)
{
	u32 round, queued = 0, past = 0;
	struct its_vmm *v = &self->its;

	for (round = 0; queued < 3 * CMDS_PER_QUEUE; round++) {
		for (u32 i = 0; i < 37 + round; i++) {
			queue_mapti(v, DEV_EMPTY, i, LPI(100 + i), round % NR_VCPUS);
			past += i >= EVENT_PAST;
			queued++;
		}
		its_vmm_submit(v);
		EXPECT_TRUE(queue_empty(v));
		EXPECT_BAD(past, self->bad, v);
		EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), round % NR_VCPUS);
		EXPECT_DELIVERS(v, DEV_EMPTY, 31, LPI(131), round % NR_VCPUS);
		its_vmm_mapd(v, DEV_EMPTY, true);
		queued++;
	}
	check_machine(_metadata, v);
}

/* A queue of the test's own, anywhere. */

struct queue {
	struct its_vmm *its;
	u64 at;		/* offset in the scratch memory */
	u32 size;
	u32 tail;
};

static void use_queue(struct queue *queue, struct its_vmm *v, u64 at, u32 pages)
{
	*queue = (struct queue) { v, at, pages * SZ_4K };
	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_CBASER, VALID | (v->scratch_gpa + at) | (pages - 1));
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* Back to that of its_vmm. */
static void leave_queue(struct its_vmm *v)
{
	u64 cbaser = VALID | its_vmm_gpa(v, ITS_VMM_COMMANDS) | (SZ_64K / SZ_4K - 1);

	its_vmm_its_write(v, GITS_CTLR, 0);
	its_vmm_its_write(v, GITS_CBASER, cbaser);
	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
}

/* Commands that would be past memory are only announced. */
static void put(struct queue *queue, u64 dw0, u64 dw1, u64 dw2)
{
	u64 *command = queue->its->scratch + queue->at + queue->tail;

	if (queue->at + queue->tail < PAST) {
		command[0] = dw0;
		command[1] = dw1;
		command[2] = dw2;
		command[3] = 0;
	}
	queue->tail = (queue->tail + CMD_SIZE) % queue->size;
}

static void put_mapti(struct queue *queue, u32 event, u16 icid)
{
	u64 lpi = LPI(100 + event);

	put(queue, (u64)DEV_EMPTY << 32 | GITS_CMD_MAPTI, lpi << 32 | event, icid);
}

static void put_mapd(struct queue *queue)
{
	put(queue, (u64)DEV_EMPTY << 32 | GITS_CMD_MAPD, 4, VALID | SOME_ITT);
}

static void announce(struct queue *queue)
{
	its_vmm_its_write(queue->its, GITS_CWRITER, queue->tail);
}

FIXTURE(queue)
{
	struct its_vmm its;
	struct queue queue;
	u64 bad;
};

/* @at, @pages: Where the queue is, and its size in 4 KiB. */
FIXTURE_VARIANT(queue)
{
	u64 at;
	u32 pages;
};

FIXTURE_VARIANT_ADD(queue, small) { .at = PAGE(1), .pages = 1 };
FIXTURE_VARIANT_ADD(queue, odd) { .at = PAGE(1), .pages = 3 };
FIXTURE_VARIANT_ADD(queue, large) { .at = PAGE(1), .pages = 256 };
FIXTURE_VARIANT_ADD(queue, at_the_end) { .at = LAST_PAGE, .pages = 16 };

FIXTURE_SETUP(queue)
{
	create_machine(&self->its);
	use_queue(&self->queue, &self->its, variant->at, variant->pages);
	self->bad = bad_commands(&self->its);
}

FIXTURE_TEARDOWN(queue)
{
	its_vmm_destroy(&self->its);
}

/* As many at once as there can be, from each of some places on. */
TEST_F_TIMEOUT(queue, full, SLOW)
{
	u32 nr = self->queue.size / CMD_SIZE - 1;

	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < nr - 2; i++)
			put(&self->queue, GITS_CMD_SYNC, 0, 0);
		put_mapd(&self->queue);
		put_mapti(&self->queue, 0, round);
		announce(&self->queue);
		EXPECT_TRUE(queue_empty(&self->its));
		EXPECT_EQ(self->queue.tail, its_vmm_its_read(&self->its, GITS_CREADR));
		EXPECT_EQ(1, signal_event(&self->its, DEV_EMPTY, 0));
		EXPECT_EQ(round, pending_on(&self->its, LPI(100)));
	}
	EXPECT_BAD(0, self->bad, &self->its);
}

/* The same, and all of them bad but the last two. */
TEST_F_TIMEOUT(queue, full_of_bad, SLOW)
{
	u32 nr = self->queue.size / CMD_SIZE - 1;

	for (u32 round = 0; round < 2; round++) {
		for (u32 i = 0; i < nr - 2; i++)
			put(&self->queue, i % 256 | GITS_CMD_GICv4(0), ~0ULL, ~0ULL);
		put_mapd(&self->queue);
		put_mapti(&self->queue, 0, round);
		announce(&self->queue);
		EXPECT_TRUE(queue_empty(&self->its));
		EXPECT_BAD((round + 1) * (nr - 2), self->bad, &self->its);
		EXPECT_EQ(1, signal_event(&self->its, DEV_EMPTY, 0));
		EXPECT_EQ(round, pending_on(&self->its, LPI(100)));
	}
	leave_queue(&self->its);
	check_machine(_metadata, &self->its);
	forget_traces();
}

/* What is announced while the ITS is off is processed when it comes on. */
TEST_F(queue, while_disabled)
{
	struct its_vmm *v = &self->its;

	its_vmm_its_write(v, GITS_CTLR, 0);
	put_mapti(&self->queue, 0, 1);
	put_mapti(&self->queue, EVENT_PAST, 1);
	put_mapti(&self->queue, 1, 2);
	announce(&self->queue);
	EXPECT_EQ(0, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_EQ(GITS_CTLR_QUIESCENT, its_vmm_its_read(v, GITS_CTLR));
	EXPECT_BAD(0, self->bad, v);

	its_vmm_its_write(v, GITS_CTLR, GITS_CTLR_ENABLE);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_EQ(GITS_CTLR_QUIESCENT, its_vmm_its_read(v, GITS_CTLR) & GITS_CTLR_QUIESCENT);
	EXPECT_BAD(1, self->bad, v);
	leave_queue(v);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_DELIVERS(v, DEV_EMPTY, 1, LPI(101), 2);
}

/* The queue is where there is no memory. */
TEST_F(queues, not_memory)
{
	struct its_vmm *v = &self->its;
	struct queue queue;

	use_queue(&queue, v, PAST, 16);
	for (u32 i = 0; i < 5; i++)
		put_mapti(&queue, i, 0);
	read_traces(NULL, ANY_ERROR);
	announce(&queue);
	EXPECT_TRACED(5, NULL, -EFAULT);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_EQ(5 * CMD_SIZE, its_vmm_its_read(v, GITS_CREADR));
	EXPECT_BAD(5, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, 0));

	leave_queue(v);
	check_machine(_metadata, v);
	its_vmm_mapti(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_BAD(5, self->bad, v);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 1);
}

/* Memory ends half-way; what follows the end, at the queue's beginning, counts. */
TEST_F(queues, past_memory)
{
	u32 nr = 2 * CMDS_PER_QUEUE - 1;
	struct its_vmm *v = &self->its;
	struct queue queue;

	use_queue(&queue, v, LAST_PAGE, 32);
	put_mapti(&queue, 0, 1);
	for (u32 i = 1; i < nr; i++)
		put(&queue, GITS_CMD_SYNC, 0, 0);
	announce(&queue);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_BAD(nr - CMDS_PER_QUEUE, self->bad, v);

	put_mapti(&queue, 1, 2);	/* the last, not memory */
	put_mapti(&queue, 2, 2);
	announce(&queue);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_BAD(nr - CMDS_PER_QUEUE + 1, self->bad, v);
	leave_queue(v);
	EXPECT_DELIVERS(v, DEV_EMPTY, 0, LPI(100), 1);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, 1));
	EXPECT_DELIVERS(v, DEV_EMPTY, 2, LPI(102), 2);
}

/* The VMM can't have the memory read, for a while. */
TEST_F(queues, cannot_be_read)
{
	struct its_vmm *v = &self->its;
	struct queue queue;

	use_queue(&queue, v, PAGE(1), 16);
	put_mapti(&queue, 0, 1);
	put_mapti(&queue, 1, 1);
	ASSERT_EQ(0, mprotect(v->scratch + PAGE(1), SZ_64K, PROT_NONE));
	announce(&queue);
	ASSERT_EQ(0, mprotect(v->scratch + PAGE(1), SZ_64K, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(queue_empty(v));
	EXPECT_BAD(2, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV_EMPTY, 0));
	put_mapti(&queue, 2, 1);
	announce(&queue);
	EXPECT_BAD(2, self->bad, v);
	leave_queue(v);
	EXPECT_DELIVERS(v, DEV_EMPTY, 2, LPI(102), 1);
}

/* An ITT and a device table can't be written: the mapping is gone all the same. */
TEST_F(queues, tables_cannot_be_written)
{
	struct its_vmm *v = &self->its;

	its_vmm_mapti(v, DEV_LPIS, 0, LPI(100), 1);
	ASSERT_EQ(0, mprotect(v->scratch, SZ_64K, PROT_NONE));
	its_vmm_discard(v, DEV_LPIS, 0);
	ASSERT_EQ(0, mprotect(v->scratch, SZ_64K, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, signal_event(v, DEV_LPIS, 0));
	EXPECT_TRUE(queue_empty(v));
	check_machine(_metadata, v);
}

/* INVALL reads the configuration of all LPIs of a vCPU: here there are many. */

#define MANY_LPIS	4096

static void map_many(struct its_vmm *v)
{
	its_vmm_mapd_itt(v, DEV_LPIS, v->scratch_gpa, 16, true);
	for (u32 i = 0; i < MANY_LPIS; i++)
		its_vmm_queue(v, (u64)DEV_LPIS << 32 | GITS_CMD_MAPTI,
			      (u64)(20000 + i) << 32 | i, i % 2);
	its_vmm_submit(v);
}

TEST_F_TIMEOUT(queues, full_of_invall, SLOW)
{
	struct timespec from, to;
	struct its_vmm *v = &self->its;
	struct queue queue;

	map_many(v);
	use_queue(&queue, v, PAGE(16), 16);
	for (u32 i = 0; i < CMDS_PER_QUEUE - 1; i++)
		put(&queue, GITS_CMD_INVALL, 0, i % 2);
	clock_gettime(CLOCK_MONOTONIC, &from);
	announce(&queue);
	clock_gettime(CLOCK_MONOTONIC, &to);
	to = timespec_sub(to, from);
	TH_LOG("%u INVALL, %u LPIs: %ld.%03ld s", CMDS_PER_QUEUE - 1, MANY_LPIS,
	       to.tv_sec, to.tv_nsec / 1000000);
	EXPECT_TRUE(queue_empty(v));
	EXPECT_BAD(0, self->bad, v);
	leave_queue(v);
	EXPECT_DELIVERS(v, DEV_LPIS, MANY_LPIS - 1, 20000 + MANY_LPIS - 1, 1);
}

/* The most events that an ITS maps, with LPIs that many share. */

#define MAX_EVENTS	131072
#define EVENTS_PER_DEV	65536

static u32 lpi_of(u32 n)
{
	return LPI(1000) + n % 50000;
}

static void map_max(struct its_vmm *v)
{
	for (u32 n = 0; n < MAX_EVENTS; n++) {
		u32 devid = n / EVENTS_PER_DEV, event = n % EVENTS_PER_DEV;

		if (!event)
			its_vmm_mapd_itt(v, devid, v->scratch_gpa + devid * SZ_512K, 16, true);
		queue_mapti(v, devid, event, lpi_of(n), n % NR_VCPUS);
	}
	its_vmm_submit(v);
}

FIXTURE(limit)
{
	struct its_vmm its;
	u64 bad;
};

/* Two ITSes, with collections. */
FIXTURE_SETUP(limit)
{
	struct its_vmm *v = &self->its;

	its_vmm_create_vm(v, NR_VCPUS);
	its_vmm_add_gic(v);
	its_vmm_add_its(v);
	its_vmm_add_its(v);
	its_vmm_enable(v);
	for (u32 n = 0; n < 2; n++) {
		its_vmm_select(v, n);
		for (u32 i = 0; i < NR_VCPUS; i++)
			its_vmm_mapc(v, i, i, true);
		its_vmm_mapd(v, DEV_LAST, true);
	}
	self->bad = bad_commands(v);
}

FIXTURE_TEARDOWN(limit)
{
	its_vmm_destroy(&self->its);
}

/* Where it isn't limited, lists of so many take too long. */
TEST_F_TIMEOUT(limit, events, SLOW)
{
	struct its_vmm *v = &self->its;

	if (!counts(v))
		SKIP(return, "no limit");

	its_vmm_select(v, 0);
	map_max(v);
	EXPECT_BAD(0, self->bad, v);
	EXPECT_EQ(1, signal_event(v, 0, 0));
	EXPECT_EQ(1, signal_event(v, 1, EVENTS_PER_DEV - 1));

	read_traces(NULL, ANY_ERROR);
	its_vmm_mapti(v, DEV_LAST, 0, LPI(0), 0);
	EXPECT_TRACED(1, NULL, -ENOSPC);
	EXPECT_BAD(1, self->bad, v);
	EXPECT_EQ(0, signal_event(v, DEV_LAST, 0));
	its_vmm_mapti(v, 0, 0, LPI(0), 0);
	EXPECT_BAD(1, self->bad, v);

	/* The others have their own. */
	its_vmm_select(v, 1);
	its_vmm_mapti(v, DEV_LAST, 0, LPI(0), 1);
	EXPECT_EQ(1, signal_event(v, DEV_LAST, 0));
	EXPECT_BAD(1, self->bad, v);

	/* One less, one more; then a device's less. */
	its_vmm_select(v, 0);
	its_vmm_discard(v, 1, 7);
	its_vmm_mapti(v, DEV_LAST, 0, LPI(0), 0);
	EXPECT_BAD(1, self->bad, v);
	EXPECT_EQ(1, signal_event(v, DEV_LAST, 0));
	its_vmm_mapti(v, 1, 7, LPI(0), 0);
	EXPECT_BAD(2, self->bad, v);
	its_vmm_mapd(v, DEV_LAST, false);
	its_vmm_mapti(v, 1, 7, LPI(0), 0);
	EXPECT_BAD(2, self->bad, v);
	EXPECT_EQ(1, signal_event(v, 1, 7));
}

TEST_HARNESS_MAIN
