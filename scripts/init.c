// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of an emulated riscv64 host, for which there is no busybox in
 * Debian 12. scripts/host builds it, and leaves in /.run what it is to do, as strings
 * that end with a null: mount options of the 9p share, or none; the program; its
 * arguments. Output goes to hvc0, the exit status to vport0p1, an own error to the
 * kernel's log.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_ARGS	64

static void mount_at(const char *path, const char *type, const char *source, const char *options)
{
	if (mount(source, path, type, 0, options))
		err(1, "%s", path);
}

/* Once the driver has found it. */
static int open_device(const char *path)
{
	int fd;

	while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		usleep(20000);
	return fd;
}

static void run(char **argv)
{
	int fd = open_device("/dev/hvc0"), none = open("/dev/null", O_RDONLY);
	struct termios mode;

	setsid();
	if (tcgetattr(fd, &mode))
		err(1, "hvc0");
	cfmakeraw(&mode);
	tcsetattr(fd, TCSANOW, &mode);
	dup2(none, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	setenv("HOME", "/tmp", 1);
	setenv("PATH", "/:/bin", 1);
	execvp(argv[0], argv);
	warn("%s", argv[0]);
	_exit(127);
}

static void host(void)
{
	static char text[65536];
	int fd = open("/.run", O_RDONLY | O_CLOEXEC), status;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	char *argv[MAX_ARGS + 1] = { NULL };
	pid_t pid;

	if (len <= 0)
		err(1, "/.run");
	mount_at("/proc", "proc", "proc", NULL);
	mount_at("/sys", "sysfs", "sysfs", NULL);
	mount_at("/sys/kernel/debug", "debugfs", "debugfs", NULL);
	mount_at("/tmp", "tmpfs", "tmpfs", NULL);
	if (*text)
		mount_at("/mnt", "9p", "share", text);

	char *arg = text + strlen(text) + 1;

	for (int i = 0; i < MAX_ARGS && arg < text + len; i++, arg += strlen(arg) + 1)
		argv[i] = arg;

	/* See hold-vm.c. */
	ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), KVM_CREATE_VM, 0);
	fd = open_device("/dev/vport0p1");
	pid = fork();
	if (!pid)
		run(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(1, "%s", argv[0]);
	dprintf(fd, "%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The console is of no use here; and a process 1 that exits is a panic. */
int main(void)
{
	int status;

	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	if (!fork()) {
		dup2(open("/dev/kmsg", O_WRONLY), 2);
		host();
		_exit(0);
	}
	wait(&status);
	sync();
	reboot(RB_POWER_OFF);
}
