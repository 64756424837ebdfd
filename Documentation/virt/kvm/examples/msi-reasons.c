// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watch why a VM's MSIs are not delivered: given a descriptor of the VM's statistics,
 * print each second which counters of reasons rose, and by how much.
 *
 *   msi-reasons [-n SECONDS] FD	FD was inherited from the VMM
 *   msi-reasons [-n SECONDS] PID FD	FD is the VMM's, and PID that of the VMM
 *
 * The VMM gets the descriptor by KVM_GET_STATS_FD on the VM, if KVM_CHECK_EXTENSION of
 * KVM_CAP_BINARY_STATS_FD there is not 0. It is closed by execve(), unless FD_CLOEXEC is
 * cleared. A VMM can do what this program does on a thread or a timer of its own. Reading
 * stops no vCPU.
 *
 * Build it against the kernel's headers (make headers_install):
 *
 *   aarch64-linux-gnu-gcc -static -Wall -Wextra -isystem usr/include msi-reasons.c
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kvm.h>

struct reason {
	char *name;
	off_t offset;
	__u64 value;
};

static void read_at(int fd, void *buf, size_t size, off_t offset)
{
	if (pread(fd, buf, size, offset) != (ssize_t)size)
		errx(EXIT_FAILURE, "the statistics are shorter than they say");
}

static int is_reason(const struct kvm_stats_desc *desc)
{
	return (desc->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE &&
	       (!strncmp(desc->name, "msi_", 4) || !strcmp(desc->name, "its_bad_commands"));
}

/* Names and offsets do not change while the VM exists, so they are read once. */
static size_t find_reasons(int fd, struct reason **reasons)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	size_t size, nr = 0;

	read_at(fd, &header, sizeof(header), 0);
	size = sizeof(*desc) + header.name_size;
	desc = calloc(1, size);
	*reasons = calloc(header.num_desc, sizeof(**reasons));
	if (!desc || !*reasons)
		err(EXIT_FAILURE, "calloc");

	for (__u32 i = 0; i < header.num_desc; i++) {
		read_at(fd, desc, size, header.desc_offset + i * size);
		if (!is_reason(desc))
			continue;
		(*reasons)[nr].name = strdup(desc->name);
		(*reasons)[nr].offset = header.data_offset + desc->offset;
		nr++;
	}
	free(desc);
	return nr;
}

static void print_risen(int fd, struct reason *reasons, size_t nr)
{
	__u64 value;

	for (size_t i = 0; i < nr; i++) {
		read_at(fd, &value, sizeof(value), reasons[i].offset);
		if (value != reasons[i].value)
			printf("%-24s +%llu\n", reasons[i].name,
			       (unsigned long long)(value - reasons[i].value));
		reasons[i].value = value;
	}
	fflush(stdout);
}

/* As a number, or exit. */
static int parse(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 0)
		errx(EXIT_FAILURE, "%s is not a number", text);
	return value;
}

/* A descriptor of another process. It takes the permission to trace that process. */
static int take_fd(int pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int taken = pidfd < 0 ? -1 : syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	if (taken < 0)
		err(EXIT_FAILURE, "descriptor %d of process %d", fd, pid);
	close(pidfd);
	return taken;
}

int main(int argc, char **argv)
{
	struct reason *reasons;
	int fd, seconds = -1;
	size_t nr;

	while (getopt(argc, argv, "+n:") == 'n')
		seconds = parse(optarg);
	argc -= optind;
	argv += optind;
	if (argc != 1 && argc != 2)
		errx(EXIT_FAILURE, "usage: msi-reasons [-n SECONDS] [PID] FD");
	fd = argc == 1 ? parse(argv[0]) : take_fd(parse(argv[0]), parse(argv[1]));

	nr = find_reasons(fd, &reasons);
	if (!nr)
		errx(EXIT_FAILURE, "this kernel does not count MSIs by reason");
	for (size_t i = 0; i < nr; i++)
		read_at(fd, &reasons[i].value, sizeof(reasons[i].value), reasons[i].offset);

	for (; seconds; seconds -= seconds > 0) {
		sleep(1);
		print_risen(fd, reasons, nr);
	}
	return EXIT_SUCCESS;
}
