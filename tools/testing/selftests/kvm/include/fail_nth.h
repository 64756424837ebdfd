/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failing allocations of the calling thread, on a kernel with failslab: the nth one,
 * or all that come after some amount of memory. What tries again when it fails, as an
 * XArray does, fails only in the second way.
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

static inline int fail_open(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		return -1;
	if (!fail_nth_set("/sys/kernel/debug/failslab/ignore-gfp-wait", "N")) {
		close(fd);
		return -1;
	}
	fail_nth_set("/sys/kernel/debug/failslab/verbose", "0");
	return fd;
}

/*
 * Returns a file descriptor for the calling thread, to be kept open, as opening a
 * file allocates; -1 if there is no failslab.
 */
static inline int fail_nth_open(void)
{
	return fail_open("/proc/thread-self/fail-nth");
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

/* The same as fail_nth_open(), for fail_after(). */
static inline int fail_after_open(void)
{
	int fd = fail_open("/proc/thread-self/make-it-fail");

	if (fd < 0)
		return -1;
	TEST_ASSERT(fail_nth_set("/sys/kernel/debug/failslab/task-filter", "Y") &&
		    fail_nth_set("/sys/kernel/debug/failslab/times", "-1") &&
		    fail_nth_set("/sys/kernel/debug/failslab/probability", "100"),
		    "failslab: %d", errno);
	return fd;
}

/* From here on, allocations fail when they have come to so many bytes. */
static inline void fail_after(int fd, u32 bytes)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", bytes);
	TEST_ASSERT(fail_nth_set("/sys/kernel/debug/failslab/space", text), "space: %d", errno);
	TEST_ASSERT(pwrite(fd, "1", 1, 0) == 1, "make-it-fail: %d", errno);
}

static inline void fail_after_stop(int fd)
{
	TEST_ASSERT(pwrite(fd, "0", 1, 0) == 1, "make-it-fail: %d", errno);
}

static inline void fail_after_close(int fd)
{
	fail_nth_set("/sys/kernel/debug/failslab/probability", "0");
	close(fd);
}

#endif /* SELFTEST_KVM_FAIL_NTH_H */
