#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What runs in the emulated host, for scripts/snapshot: Debian's QEMU saves a guest
# while its devices are busy, lets it go on, and loads it again, several times; then a
# second QEMU starts from the last snapshot. Both guests have to finish their I/O.
# Files are as for host.sh. Prints, after a line each "==== NAME":
#
#   progress    what is done
#   first, second
#               of each QEMU: what the guest printed, a histogram of routes, and
#               those of MSIs, which scripts/guest/join.awk adds up: a guest that
#               is loaded forgets what came after its snapshot, which is taken back
#   stderr      of both QEMUs
#
# Exits with the status of the first part that fails.

# How often: at least so many times, and until LPIs were pending in a snapshot.
LEAST=3
MOST=12

# How long the guest runs before it is saved, or loaded. On a busy machine that may be
# too short for a request: a snapshot without a pending LPI doubles it, up to the most.
run_us=400000
MOST_US=20000000

echo "==== progress"
. /vm.sh
cd /tmp || exit

start()
{
	new_console
	driven "$@" &
	qemu=$!
	qmp '"qmp_capabilities"'
}

# disks IOPS: let the disks do so many requests of 512 bytes a second. With 1, those of
# the guest stay under way until it is stopped: QEMU completes them before it saves, so
# their MSIs come when no vCPU runs, and stay pending.
disks()
{
	local disk

	for disk in vda vdb; do
		qmp "\"block_set_io_throttle\", \"arguments\": { \"device\": \"$disk\",
			\"iops\": $1, \"iops_rd\": 0, \"iops_wr\": 0, \"iops_size\": 512,
			\"bps\": 0, \"bps_rd\": 0, \"bps_wr\": 0 }"
	done
}

# busy: the guest does I/O on all devices.
busy()
{
	local tries=0

	until grep -q '^guest: busy' console; do
		[ $((tries += 1)) -le 6000 ] && ! grep -q '^guest: failed' console ||
			fail "the guest did not begin its I/O"
		usleep 100000
	done
}

# stop: after the guest ran for a while.
stop()
{
	usleep $run_us
	qmp '"stop"'
}

pending()
{
	awk '$1 == "LPI" && $4 ~ /^1/ { n++ } END { print n + 0 }' /sys/kernel/debug/kvm/*/vgic-state
}

# sent NAME: what the host has sent so far, into the file NAME.
sent()
{
	grep -e hitcount: -e Dropped: "$events/vgic_msi/hist" >"$1"
}

# show SIGN FILE: for join.awk, to be added or taken back.
show()
{
	echo "---- $1"
	cat "$2"
}

# forget N: the first N times that the guest was loaded.
forget()
{
	for i in $(seq "$1"); do
		show - "undone$i"
		show + "saved$i"
	done
}

# end NAME: let the guest come to its end, and print what it printed.
end()
{
	echo finish >&5
	wait "$qemu" || fail "QEMU failed ($?)"
	tr -d '\r' <console >"$1"
	grep -q '^guest: done' "$1" || fail "the guest did not come to its end"
	sed -n '/did its I\/O/s/^guest:/ /p' "$1"
}

commands
start
busy
rounds=0 seen=0
until [ $rounds -eq $MOST ] || { [ $rounds -ge $LEAST ] && [ $seen -gt 0 ]; }; do
	: $((rounds += 1))
	disks 1
	stop
	count=$(pending)
	: $((seen += count))
	[ "$count" -gt 0 ] || [ $run_us -ge $MOST_US ] || run_us=$((2 * run_us))
	hmp "savevm busy"
	sent "saved$rounds"
	disks 1000000
	qmp '"cont"'
	stop
	sent "undone$rounds"
	hmp "loadvm busy"
	qmp '"cont"'
	echo "  snapshot $rounds, LPIs pending: $count; saved, and loaded after the guest went on"
done
usleep $run_us
end first
sent ended
[ $seen -gt 0 ] || fail "no LPI was pending in any snapshot"

echo "  a second QEMU starts from snapshot $rounds"
start -loadvm busy
usleep $run_us
end second
sent all

echo "==== first"
cat first "$events/kvm_irq_route/hist"
show + ended
forget $rounds

echo "==== second"
cat second "$events/kvm_irq_route/hist"
show + "saved$rounds"
forget $((rounds - 1))
show + all
show - ended

echo "==== stderr"
cat stderr
echo "==== end"
