/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failing allocations, by /proc/thread-self/fail-nth of a kernel with failslab.
 */
#ifndef SELFTEST_KVM_FAIL_NTH_H
#define SELFTEST_KVM_FAIL_NTH_H

#include <linux/types.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_util.h"

static inline bool fail_nth_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/*
 * Returns a file descriptor for the calling thread, to be kept open, as opening a
 * file allocates; -1 if there is no failslab.
 */
static inline int fail_nth_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR);

	if (fd < 0)
		return -1;
	if (!fail_nth_set("/sys/kernel/debug/failslab/ignore-gfp-wait", "N")) {
		close(fd);
		return -1;
	}
	fail_nth_set("/sys/kernel/debug/failslab/verbose", "0");
	return fd;
}

/* Arm the nth allocation from here on to fail; 0 disarms. */
static inline void fail_nth(int fd, u32 n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	TEST_ASSERT(pwrite(fd, text, len, 0) == len, "fail-nth: %d", errno);
}

/* Whether the armed failure has happened; disarms. */
static inline bool fail_nth_happened(int fd)
{
	char text[16] = "";

	TEST_ASSERT(pread(fd, text, sizeof(text) - 1, 0) > 0, "fail-nth: %d", errno);
	fail_nth(fd, 0);
	return atoi(text) == 0;
}

#endif /* SELFTEST_KVM_FAIL_NTH_H */
