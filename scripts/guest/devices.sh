# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# shellcheck disable=SC3057,SC3060  # busybox sh has these of bash
#
# What each guest's init does with its PCI devices, and how it counts their interrupts.
# Sourced, as the first thing. A failure ends with "guest: failed: what" and the guest.

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug
exec >/dev/console 2>&1
dmesg -n 1

fail()
{
	echo "guest: failed: $*"
	poweroff -f
}

# on_cpu CPU COMMAND ERRORS: a job stays on the CPU that takes its interrupts, and
# asks for one thing at a time. So an MSI seldom finds the one before it still
# pending: most MSIs make an interrupt each, and a lost one shows in the count.
on_cpu()
{
	taskset $((1 << $1)) sh -c "$2" 2>"$3"
}

# payload BLOCKS: make what disk() writes, of 4 KiB blocks.
payload()
{
	blocks=$1
	dd if=/dev/urandom of=/payload bs=4k count="$blocks" 2>/dev/null
}

# disk NODE: write on one CPU, read back on the other, compare. There is a queue,
# with a vector, per CPU.
disk()
{
	local errors=/tmp/errors.$1 back=/tmp/back.$1

	on_cpu 0 "dd if=/payload of=/dev/$1 bs=4k oflag=direct" "$errors" &&
		on_cpu 1 "dd if=/dev/$1 of=$back bs=4k count=$blocks iflag=direct" "$errors" ||
		fail "$1: $(cat "$errors")"
	cmp /payload "$back" || fail "$1: read other data than it wrote"
}

# network_up CARD NET: the network card's interrupts go where network() asks for them. NET is
# the third byte of its addresses.
network_up()
{
	local irq card=$1

	ifconfig "$card" "10.0.$2.15" netmask 255.255.255.0 up
	for irq in "/sys/class/net/$card"/device/msi_irqs/* "/sys/class/net/$card"/device/../msi_irqs/*; do
		[ ! -e "$irq" ] || echo 2 >"/proc/irq/${irq##*/}/smp_affinity"
	done
}

# network PACKETS CARD NET: one out, one back, and time for the interrupts of both
# before the next. An answer that does not come in five minutes is lost.
network()
{
	local card=$2

	on_cpu 1 "for i in \$(seq $1); do
		ping -q -c 1 -W 300 -s 1400 10.0.$3.2 >/tmp/ping.$card || exit
		usleep 20000
	done" "/tmp/errors.$card" || fail "$card: $(cat "/tmp/errors.$card" "/tmp/ping.$card")"
}

# rng READS: of 64 bytes each.
rng()
{
	dd if=/dev/hwrng of=/tmp/random bs=64 count="$1" 2>/tmp/errors.hwrng ||
		fail "hwrng: $(cat /tmp/errors.hwrng)"
}

msi_counts()
{
	grep MSI /proc/interrupts
}

# Until three seconds pass without an MSI: all requests are done by then.
quiet()
{
	local before='' now tries=0

	now=$(msi_counts)
	until [ "$now" = "$before" ]; do
		[ $((tries += 1)) -le 100 ] || fail "the devices still send MSIs"
		sleep 3
		before=$now
		now=$(msi_counts)
	done
}

# The same, where there is a random number generator: the requests of its thread end.
settle()
{
	echo none >/sys/class/misc/hw_random/rng_current
	quiet
}

# Per MSI-X vector: "vector", PCI function, driver, DeviceID, MSI-X index, LPI,
# interrupts that all CPUs counted, name of its handler. Numbers are decimal.
report()
{
	local dir bdf driver devid irq counts

	for dir in /sys/bus/pci/devices/*; do
		bdf=${dir##*/}
		[ -d "$dir/msi_irqs" ] || continue
		driver=$(readlink "$dir"/virtio*/driver || readlink "$dir/driver")
		devid=${bdf#*:}
		devid=$((0x${devid%%:*} << 8 | 0x${devid:3:2} << 3 | ${devid#*.}))
		for irq in "$dir"/msi_irqs/*; do
			irq=${irq##*/}
			# shellcheck disable=SC2046  # three words
			set -- $(sed -n 's/.*hwirq: *//p' "/sys/kernel/debug/irq/irqs/$irq")
			read -r counts <"/sys/kernel/irq/$irq/per_cpu_count"
			# From the device's domain down to the GIC: index first, LPI last.
			echo "vector $bdf ${driver##*/} $devid $(($1)) $(($3)) $((${counts//,/+}))" \
				"$(cat "/sys/kernel/irq/$irq/actions")"
		done
	done
}

# The end of a guest that came to it.
finish()
{
	settle
	report
	echo "guest: done"
	poweroff -f
}
