// SPDX-License-Identifier: GPL-2.0-only
/*
 * Have the ITS of the machine that this runs on process a command that its driver knows
 * nothing of:
 *
 *   its-command OPCODE [devid=N] [event=N] [lpi=N] [icid=N] [vcpu=N] [bits=N] [itt=ADDRESS]
 *                      [valid=1] [count=N]
 *
 * OPCODE is a name, as MAPC, or a number. With count, N commands, of which each has the next
 * event and LPI. For the guest of `make run FAULT=NAME`: it needs
 * /dev/mem, and an ITS where QEMU's machine "virt" has it. The driver keeps an offset in the
 * queue of its own, so the rest of the queue is filled with SYNC, until that is right again.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#define ITS_BASE	0x8080000
#define FRAME_BYTES	0x10000

#define GITS_CBASER	0x80
#define GITS_CWRITER	0x88
#define GITS_CREADR	0x90

#define COMMAND_BYTES	32
#define SYNC		0x05

static const struct {
	const char *name;
	uint8_t opcode;
} opcodes[] = {
	{ "MOVI", 0x01 }, { "INT", 0x03 }, { "CLEAR", 0x04 }, { "SYNC", SYNC }, { "MAPD", 0x08 },
	{ "MAPC", 0x09 }, { "MAPTI", 0x0a }, { "MAPI", 0x0b }, { "INV", 0x0c }, { "INVALL", 0x0d },
	{ "MOVALL", 0x0e }, { "DISCARD", 0x0f },
};

/* What a command can have. Those that an opcode does not have are 0. */
enum { DEVID, EVENT, LPI, ICID, VCPU, BITS, ITT, VALID, COUNT, NR_FIELDS };

static const char * const fields[NR_FIELDS] = {
	"devid", "event", "lpi", "icid", "vcpu", "bits", "itt", "valid", "count",
};

static uint64_t parse(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text || *end)
		errx(EXIT_FAILURE, "%s is not a number", text);
	return value;
}

static uint8_t parse_opcode(const char *text)
{
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (!strcasecmp(text, opcodes[i].name))
			return opcodes[i].opcode;
	return parse(text);
}

static void parse_field(const char *text, uint64_t values[])
{
	const char *equals = strchr(text, '=');

	for (int i = 0; equals && i < NR_FIELDS; i++) {
		if (strlen(fields[i]) == (size_t)(equals - text) &&
		    !strncmp(fields[i], text, equals - text)) {
			values[i] = parse(equals + 1);
			return;
		}
	}
	errx(EXIT_FAILURE, "%s is no argument of a command", text);
}

static void *map(int fd, uint64_t address, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address);

	if (at == MAP_FAILED)
		err(EXIT_FAILURE, "/dev/mem at %#llx", (unsigned long long)address);
	return at;
}

/* KVM emulates loads and stores of a register without write-back. */
static uint64_t read_register(volatile char *frame, unsigned int offset)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r" (value) : "r" (frame + offset) : "memory");
	return value;
}

static void write_register(volatile char *frame, unsigned int offset, uint64_t value)
{
	__asm__ volatile("dsb sy; str %0, [%1]" :: "r" (value), "r" (frame + offset) : "memory");
}

struct queue {
	volatile char *frame;
	char *commands;
	uint64_t size;
	uint64_t at;	/* of the next command */
};

/* Return when the ITS has read all commands. */
static void submit(struct queue *queue)
{
	write_register(queue->frame, GITS_CWRITER, queue->at);
	while (read_register(queue->frame, GITS_CREADR) != queue->at)
		usleep(1000);
}

/* A queue that got full would look empty, so each half is submitted. */
static void put(struct queue *queue, const uint64_t command[4])
{
	memcpy(queue->commands + queue->at, command, COMMAND_BYTES);
	queue->at = (queue->at + COMMAND_BYTES) % queue->size;
	if (queue->at % (queue->size / 2) == 0)
		submit(queue);
}

int main(int argc, char **argv)
{
	static const uint64_t sync[4] = { SYNC };
	uint64_t values[NR_FIELDS] = { }, command[4], cbaser, start;
	struct queue queue;
	int fd;

	if (argc < 2)
		errx(EXIT_FAILURE, "usage: its-command OPCODE [NAME=VALUE]...");
	values[BITS] = values[COUNT] = 1;
	for (int i = 2; i < argc; i++)
		parse_field(argv[i], values);
	command[0] = values[DEVID] << 32 | parse_opcode(argv[1]);
	command[1] = values[LPI] << 32 | values[EVENT] | (values[BITS] - 1);
	command[2] = values[VALID] << 63 | values[ITT] | values[VCPU] << 16 | values[ICID];
	command[3] = 0;

	/* Registers as of a device; the queue with the attributes of memory. */
	fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (fd < 0)
		err(EXIT_FAILURE, "/dev/mem");
	queue.frame = map(fd, ITS_BASE, FRAME_BYTES);
	cbaser = read_register(queue.frame, GITS_CBASER);
	queue.size = ((cbaser & 0xff) + 1) << 12;
	queue.at = start = read_register(queue.frame, GITS_CWRITER);
	fd = open("/dev/mem", O_RDWR);
	queue.commands = map(fd, cbaser & 0xffffffffff000, queue.size);

	for (uint64_t i = 0; i < values[COUNT]; i++) {
		put(&queue, command);
		command[1] += 1ULL << 32 | 1;
	}
	submit(&queue);
	while (queue.at != start)
		put(&queue, sync);
	submit(&queue);
	return EXIT_SUCCESS;
}
