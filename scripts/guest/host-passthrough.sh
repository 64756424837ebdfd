#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# shellcheck disable=SC1091,SC2154  # /plan has what it sets
#
# What runs in the emulated host, for scripts/passthrough: passes three PCI devices to a
# guest of Debian's QEMU. /plan has what is to be done: $act is count or busy, $untouched
# is set on a base's kernel, and the others are how often the acts of busy are done.
# Files are as for host.sh. Prints, after a line each "==== NAME":
#
#   progress    what is done
#   console     what the guest printed
#   stderr      of QEMU
#   live        debugfs of the guest's ITS with the devices in use
#   counted     histograms of MSIs, routes, and the host's interrupts
#
# Exits with the status of the first part that fails.

. /plan
echo "==== progress"
append="act=$act trace_trigger=irq_handler_entry.hist:keys=name"
. /vm.sh
cd /tmp || exit
irq=/sys/kernel/tracing/events/irq/irq_handler_entry
echo 'hist:keys=name if name ~ "vfio*"' >$irq/trigger || exit

fail()
{
	echo "FAILED: $*"
	logs
	echo "==== state"
	cat /sys/kernel/debug/kvm/*/vgic-its@* /sys/kernel/debug/kvm/*/vgic-state 2>/dev/null
	grep -e GIC -e ITS /proc/interrupts
	echo "==== end"
	exit 1
}

# The devices' functions in the host; the guest has them as 2, 3 and 4.
for dev in 10 11 12; do
	dir=/sys/bus/pci/devices/0000:00:$dev.0
	[ -d $dir ] || fail "the host has no $dir"
	[ ! -e $dir/driver ] || echo 0000:00:$dev.0 >$dir/driver/unbind
	echo vfio-pci >$dir/driver_override
	echo 0000:00:$dev.0 >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink $dir/driver)")" = vfio-pci ] || fail "$dir: no vfio-pci"
done

mkfifo tty.in tty.out mon.in mon.out
exec 4<>mon.out 5<>tty.in 6<>mon.in
cat mon.out >/dev/null &

# start: a QEMU with a new console. What the guest says of itself is shown.
start()
{
	local line

	: >console
	while IFS= read -r line; do
		printf '%s\n' "$line" >>console
		case $line in
		"guest: "*) echo "  ${line#guest: }" ;;
		esac
	done <tty.out &
	machine -m 256M -chardev pipe,id=tty,path=/tmp/tty -serial chardev:tty \
		-chardev pipe,id=mon,path=/tmp/mon -mon chardev=mon \
		-device vfio-pci,host=0000:00:10.0,addr=2 \
		-device vfio-pci,host=0000:00:11.0,addr=3,rombar=0 \
		-device vfio-pci,host=0000:00:12.0,addr=4,rombar=0 &
	vm=$!
}

# signal NAME: to QEMU itself.
signal()
{
	# shellcheck disable=SC2046  # none or one
	kill -s "$1" $(pidof qemu-system-aarch64)
}

# seen N TEXT: once the guest's console has TEXT so often.
seen()
{
	local tries=0

	until [ "$(grep -c "^guest: $2" console)" -ge "$1" ]; do
		! grep -q -e '^guest: failed' -e 'Kernel panic' console ||
			fail "$(grep -e '^guest: failed' -e 'Kernel panic' console)"
		kill -0 "$vm" 2>/dev/null || fail "QEMU ended before 'guest: $2'"
		[ $((tries += 1)) -le 3000 ] || fail "the guest did not come to '$2' ($1)"
		usleep 100000
	done
}

# tell LINE: to the guest's init.
tell()
{
	echo "$1" >&5
}

now()
{
	cut -d. -f1 /proc/uptime
}

# did WHAT: of progress.
did()
{
	echo "  $1 ($(($(now) - began)) s)"
	began=$(now)
}

state()
{
	cat /sys/kernel/debug/kvm/*/vgic-its@* 2>/dev/null ||
		cat /sys/kernel/debug/kvm/*/vgic-state
}

act_count()
{
	start
	seen 1 live
	state >live
	tell go
	seen 1 counted
	signal KILL
	wait "$vm"
	tr -d '\r' <console >console.txt
	echo "==== console"
	cat console.txt
	echo "==== live"
	cat live
	echo "==== counted"
	[ -n "$untouched" ] || cat $events/vgic_msi/hist $events/kvm_irq_route/hist
	cat $irq/hist
}

# forwarded: how many LPIs are, of how many that are mapped.
forwarded()
{
	state | awk '/^ *event/ { n++; if (/ hw/) hw++ } END { print hw + 0 " of " n + 0 " LPIs forwarded" }'
}

# gone: QEMU has come to its end.
gone()
{
	local tries=0

	while kill -0 "$vm" 2>/dev/null; do
		[ $((tries += 1)) -le 600 ] || fail "QEMU did not end"
		usleep 100000
	done
	wait "$vm"
}

act_busy()
{
	local n i

	start
	seen 1 busy
	did "guest busy, $(forwarded)"
	tell "move$moves"
	seen 1 "did move"
	did "$(sed -n 's/^guest: did //p' console | tail -n 1 | tr -d '\r') interrupts moved between vCPUs, none lost"
	for i in $(seq "$rebinds"); do
		tell rebind
		seen "$i" "did rebind"
	done
	did "drivers unbound and bound $rebinds times, $(forwarded)"
	for i in $(seq "$resets"); do
		echo system_reset >&6
		seen $((i + 1)) busy
	done
	did "guest reset $resets times while busy"
	tell check
	seen 1 "did check"
	did "check: $(forwarded)"
	for n in $ends; do
		case $n in
		kill) signal KILL ;;
		term) signal TERM ;;
		quit) echo quit >&6 ;;
		poweroff) tell finish ;;
		esac
		gone
		did "QEMU: $n, while busy"
		start
		seen 1 busy
		tell check
		seen 1 "did check"
		did "new guest busy, $(forwarded)"
	done
	tell finish
	seen 1 "done"
	gone
	did "guest powered off"
	echo "==== console"
	tr -d '\r' <console
}

began=$(now)
dmesg | grep -i 'GICv4' | sed 's/^.*\] */  /'
"act_$act"
echo "==== stderr"
cat stderr
echo "==== end"
