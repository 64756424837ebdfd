# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# shellcheck disable=SC2154  # $append and $untouched are the user's, or empty
#
# Debian's QEMU with a guest, as the scripts that run in the emulated host start it.
# Sourced. Makes /mnt, Debian's tree, ready to be the root of QEMU, with the host's /tmp;
# and traces what becomes of each MSI, unless $untouched says that the kernel is a base's.

events=/sys/kernel/tracing/events/kvm

if [ -z "$untouched" ]; then
	echo 'hist:keys=devid,event,outcome' >$events/vgic_msi/trigger &&
		echo 'hist:keys=gsi,devid,data if type == 2 && flags == 1' \
			>$events/kvm_irq_route/trigger || exit
fi
for dir in dev proc sys tmp; do
	mount -o bind /$dir /mnt/$dir || exit
done
cp /Image /initramfs /tmp/

# machine OPTION...: run a guest without devices. $append has more for its kernel. The
# limit of time is for a guest that hangs: it takes half a minute, and several times that
# on a busy machine.
machine()
{
	timeout -s KILL 1200 chroot /mnt /usr/bin/qemu-system-aarch64 \
		-accel kvm -M virt,gic-version=3,its=on -cpu host -smp 2 \
		-nographic -nodefaults -kernel /tmp/Image -initrd /tmp/initramfs \
		-append "console=ttyAMA0 quiet panic=-1 $append" "$@" 2>>/tmp/stderr
}

# qemu VDA VDB OPTION...: run a guest of four virtio devices with these disks, of which
# each is a value of -drive. The network card and the random number generator have their
# MSIs sent by QEMU itself, those of the disks go through irqfd and routes.
qemu()
{
	local vda=$1 vdb=$2

	shift 2
	machine -no-reboot -netdev user,id=net,restrict=on \
		-device virtio-net-pci,netdev=net,romfile=,addr=1 \
		-object iothread,id=io \
		-drive "if=none,id=vda,$vda" \
		-device virtio-blk-pci,drive=vda,iothread=io,addr=2 \
		-drive "if=none,id=vdb,$vdb" \
		-device virtio-blk-pci,drive=vdb,addr=3 \
		-device virtio-rng-pci,addr=4 "$@"
}

# logs: what the guest has printed on its console, and QEMU.
logs()
{
	echo "==== console"
	tr -d '\r' <console
	echo "==== stderr"
	cat stderr
}

# fail WHAT: the end. What QEMU's user knows of its end is in the file ended.
fail()
{
	echo "FAILED: $*" "$(cat ended 2>/dev/null)"
	logs
	exit 1
}

# A QEMU that takes commands, with two disks that can hold snapshots: commands() once,
# then a new_console() for each driven().

# commands: QMP is on descriptors 3 and 4; lines for the guest go to 5.
commands()
{
	disk vda
	disk vdb
	mkfifo qmp.in qmp.out tty.in tty.out
	exec 3<>qmp.out 4<>qmp.in 5<>tty.in
}

# new_console: what the guest prints goes to the file console, which is empty first.
new_console()
{
	: >console
	cat tty.out >>console &
}

# driven OPTION...: loaded, the network card tells the guest so with an MSI: once, lest two
# of them become one interrupt.
driven()
{
	qemu format=qcow2,file=/tmp/vda format=qcow2,file=/tmp/vdb -m 128M \
		-global migration.announce-rounds=1 \
		-chardev pipe,id=qmp,path=/tmp/qmp -mon chardev=qmp,mode=control \
		-chardev pipe,id=tty,path=/tmp/tty -serial chardev:tty "$@"
}

# put FILE OFFSET BYTES: BYTES are as for printf.
put()
{
	# shellcheck disable=SC2059  # they are the format
	printf "$3" | dd of="$1" bs=1 seek=$(($2)) conv=notrunc 2>/dev/null
}

# disk FILE: an empty disk of 4 MiB that can hold snapshots, without qemu-img: a
# qcow2 of version 2, whose clusters of 64 KiB are header, reference count table,
# reference counts of these four, and L1 table.
disk()
{
	truncate -s 256k "$1"
	put "$1" 0 'QFI\373\0\0\0\002'
	put "$1" 20 '\0\0\0\020'
	put "$1" 28 '\0\100\0\0'
	put "$1" 36 '\0\0\0\001'
	put "$1" 40 '\0\0\0\0\0\003\0\0'
	put "$1" 48 '\0\0\0\0\0\001\0\0'
	put "$1" 56 '\0\0\0\001'
	put "$1" 0x10000 '\0\0\0\0\0\002\0\0'
	put "$1" 0x20000 '\0\001\0\001\0\001\0\001'
}

# qmp COMMAND: have QEMU execute it; anything but an empty answer is a failure.
qmp()
{
	local line

	echo "{ \"execute\": $1 }" >&4
	# shellcheck disable=SC3045  # busybox sh has -t
	while read -r -t 600 line <&3; do
		case $line in
		'{"return": {}}'*|'{"return": ""}'*) return ;;
		'{"return"'*|'{"error"'*) fail "$1: $line" ;;
		esac
	done
	fail "$1: no answer"
}

# hmp COMMAND: the same for a command of the human monitor.
hmp()
{
	qmp "\"human-monitor-command\", \"arguments\": { \"command-line\": \"$1\" }"
}
