#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
# shellcheck disable=SC3045,SC3060  # busybox sh has these of bash
#
# What runs in the emulated host, for scripts/fault: one guest of Debian's QEMU, which gets
# the faults of /wanted, rows of faults.tsv, one after the other, each of which is undone
# before the next. Files are as for host.sh, and vmm-faults.so and msi-reasons. Prints, after
# a line each "==== NAME":
#
#   fault NAME  what the guest sees, then the commands of
#               Documentation/virt/kvm/msi-debugging.rst with their output
#   shell       if there is input: what its lines printed, before the fault is undone
#   check NAME  ok, or each thing that is other than faults.tsv says
#   console, stderr
#               what the guest printed, and QEMU
#
# Exits with 1 if a check failed, or the guest did not do its part.

echo "==== progress"
. /vm.sh
cd /tmp || exit

TRACE=/sys/kernel/tracing
TAB=$(printf '\t')
requests=0 failed=0

start()
{
	new_console
	# For this QEMU alone: other programs here are static. The card sends an MSI for each
	# packet, whether or not the guest has taken the one before.
	cp /vmm-faults.so /tmp/
	export LD_PRELOAD=/tmp/vmm-faults.so
	{
		driven -global virtio-net-device.event_idx=off
		echo "QEMU ended with status $?" >ended
	} &
	unset LD_PRELOAD
	qmp '"qmp_capabilities"'
}

goes_on()
{
	! grep -q '^guest: failed' console && [ ! -e ended ]
}

# wait_for FILE TEXT: until a line of FILE begins so.
wait_for()
{
	local tries=0

	until grep -q "^$2" "$1" 2>/dev/null; do
		[ $((tries += 1)) -le 2400 ] && goes_on || fail "no line '$2' in $1"
		usleep 50000
	done
}

# guest CALL...: have the guest run it, print what it says, return its status.
guest()
{
	local from tries=0

	from=$(($(wc -l <console) + 1))
	echo "$*" >&5
	: >said
	until grep -q '^guest: end [0-9]' said; do
		[ $((tries += 1)) -le 2400 ] && goes_on || fail "the guest does not end: $*"
		usleep 50000
		tail -n "+$from" console | tr -d '\r' >said
	done
	grep '^guest: ' said | grep -v '^guest: end'
	return "$(sed -n 's/^guest: end //p' said)"
}

# vmm FAULT: let QEMU have it, or none.
vmm()
{
	: $((requests += 1))
	echo "$1 $requests" >fault.part
	mv fault.part fault
	wait_for fault.done "$1 $requests\$"
}

# run COMMAND: show it as the document does, and what it prints.
run()
{
	echo "# $1"
	eval "$1"
}

# What comes in is run, line by line. There is no echo: the reader's terminal has it.
shell()
{
	local line

	while printf '# ' && read -r line; do
		eval "$line" </dev/null
	done
}

# The lines of the ITS's file that are of a device.
device()
{
	awk -v device="$1" '/^device/ { on = $2 == device } on' "$its"
}

# symptom NAME BY: what the guest sees. Fails if it sees nothing.
symptom()
{
	case $1 in
	lpis-disabled)
		guest card 0 60 || fail "the card does not work on CPU 0"
		! guest card 1 2
		;;
	its-disabled | unrestored)
		! guest disk vda 2 && ! guest disk vdb 2
		;;
	*)
		guest disk vda 60 || fail "vda does not work"
		if [ "$2" = command ] || [ "$1" = early ]; then
			guest disk vdb 60
		else
			! guest disk vdb 2
		fi
		;;
	esac
}

# steps NAME BY COUNTER: the commands of the document.
steps()
{
	if [ "$2" = command ]; then
		run "grep . its_bad_commands"
		run "grep vgic_its_command: $TRACE/trace"
		return
	fi
	run "grep -v '^0\$' msi_*"
	case $1 in
	its-disabled | unrestored) run "grep 'devid 0x18 ' $TRACE/trace" ;;
	lpis-disabled) run "grep 'devid 0x8 ' $TRACE/trace" ;;
	early) run "grep -m 1 absent $TRACE/trace" ;;
	*) run "grep vgic_msi: $TRACE/trace" ;;
	esac
	case $1 in
	its-disabled | unrestored) run "head -n 2 vgic-its@*" ;;
	no-devid) run "grep -A 1 msi irq-routes" ;;
	no-doorbell)
		run "grep address vgic-its@*"
		run "grep -A 1 msi irq-routes"
		;;
	segment)
		run "grep -e devbits -e device vgic-its@*"
		run "grep -A 1 msi irq-routes"
		;;
	lpis-disabled) run "grep -A 3 'device 0x8 ' vgic-its@*" ;;
	vector)
		run "grep -A 3 'device 0x18 ' vgic-its@*"
		run "grep -A 1 msi irq-routes"
		;;
	early)
		run "grep -e 'event 9999 ' -e ^collection vgic-its@*"
		;;
	discarded) run "grep -A 3 'device 0x18 ' vgic-its@*" ;;
	*)
		run "grep -A 4 'device 0x18 ' vgic-its@*"
		run "grep ^collection vgic-its@*"
		;;
	esac
}

# shown NAME: whether debugfs says what the fault is.
shown()
{
	case $1 in
	no-devid) grep -q 'data 0x2 devid none$' "$vm/irq-routes" ;;
	no-doorbell)
		grep -q '^address 0x8080000$' "$its" &&
			grep -q 'msi 0x8090000 data 0x2 devid 0x18$' "$vm/irq-routes"
		;;
	its-disabled | unrestored) grep -q '^enabled 0$' "$its" ;;
	segment)
		grep -q 'devid 0x10018$' "$vm/irq-routes" && grep -q '^devbits 16$' "$its" &&
			! grep -q 'device 0x10018 ' "$its"
		;;
	vector)
		grep -q 'data 0x22 devid 0x18$' "$vm/irq-routes" && device 0x18 | grep -q ' event 2 ' &&
			! device 0x18 | grep -q ' event 34 '
		;;
	discarded)
		grep -q 'data 0x2 devid 0x18$' "$vm/irq-routes" && device 0x18 | grep -q ' event 1 ' &&
			! device 0x18 | grep -q ' event 2 '
		;;
	moved-away) device 0x18 | grep -q ' event 2 .* collection none ' ;;
	early)
		device 0x30 | grep -q ' event 9999 .* collection 5 vcpu 1' &&
			grep -q '^collection 5 vcpu 1$' "$its"
		;;
	lpis-disabled) device 0x8 | grep -q ' collection 1 vcpu 1 enabled' ;;
	*) its_state | cmp -s - its.before ;;	# a command that is refused changes nothing
	esac
}

# What commands change.
its_state()
{
	grep -v -e '^cwriter' -e '^creadr' "$its" | sed 's/ pending$//'
}

wrong()
{
	echo "not ok $*"
	failed=1
	bad=1
}

# tally BY COUNTER TEXT: what the three say by now. Fails while they differ.
tally()
{
	counted=$(cat "$vm/$2")
	case $1 in
	command) traced=$(grep -c "vgic_its_command: .*: $3\$" $TRACE/trace) ;;
	*) traced=$(grep -c "vgic_msi: .*: $3\$" $TRACE/trace) ;;
	esac
	reasons=$(awk -v counter="$2" '$1 == counter { n += $2 } END { print n + 0 }' reasons)
	[ "$traced" -eq "$counted" ] && [ "$reasons" -eq "$counted" ]
}

# check NAME BY COUNTER TEXT: counter, trace, statistics and debugfs tell the same. A device
# may send again while they are read.
check()
{
	local counted traced reasons others before=.

	for _ in 1 2 3 4 5; do
		! tally "$2" "$3" "$4" || break
		sleep 2
	done
	# What comes before the guest has the collection mapped.
	[ "$1" != early ] || before="collection unmapped"
	others=$(grep -e 'vgic_msi: ' -e 'vgic_its_command: ' $TRACE/trace |
		grep -v ": $before\$" | grep -vc ": $4\$")

	[ "$counted" -gt 0 ] || wrong "$1: $3 did not rise"
	[ "$traced" -eq "$counted" ] || wrong "$1: $3 is $counted, and the trace has $traced: $4"
	[ "$others" -eq 0 ] || wrong "$1: the trace has $others of another kind"
	[ "$reasons" -eq "$counted" ] || wrong "$1: $3 is $counted, and msi-reasons says $reasons"
	others=$(grep -v '^0$' "$vm"/msi_* "$vm/its_bad_commands" | sed 's|.*/||' |
		grep -v -e "^$3:" -e "^msi_${before/ /_}:")
	[ -z "$others" ] || wrong "$1: these rose too: $others"
	others=$(awk -v counter="$3" -v before="msi_${before/ /_}" \
		'$1 != counter && $1 != before { print $1 }' reasons)
	[ -z "$others" ] || wrong "$1: msi-reasons has also $others"
	shown "$1" || wrong "$1: debugfs does not say so"
	say="$3, msi-reasons and trace say $counted: $4; debugfs agrees"
}

# early COUNTER: map a collection while a device sends, until an MSI comes meanwhile.
early()
{
	for _ in 1 2 3 4 5 6 7 8 9; do
		guest make early-events || fail "the guest did not map events"
		vmm early
		guest make early || fail "the guest did not map the collection"
		[ "$(cat "$vm/$1")" -eq 0 ] || return
		vmm none
		guest undo early
	done
	fail "no MSI came while the collection was mapped"
}

# fault NAME BY COUNTER TEXT: from health to health.
fault()
{
	local bad=0 watcher

	echo "==== fault $1"
	for counter in "$vm"/msi_* "$vm/its_bad_commands"; do
		echo 0 >"$counter"
	done
	its_state >its.before
	# shellcheck disable=SC2046  # two words
	/msi-reasons $(cat stats) >reasons &
	watcher=$!
	usleep 500000	# it has read the counters
	: >$TRACE/trace

	case $2 in
	vmm)
		if [ "$1" = unrestored ]; then
			qmp '"stop"'
			hmp "savevm whole"
			vmm "$1"
			hmp "loadvm whole"
			qmp '"cont"'
		else
			vmm "$1"
		fi
		;;
	*)
		if [ "$1" = early ]; then
			early "$3"
		else
			guest make "$1" || fail "the guest did not make $1"
		fi
		;;
	esac
	symptom "$1" "$2" || wrong "$1: the guest does not suffer as it should"
	(cd "$vm" && steps "$@")
	if [ -c /dev/vport0p2 ]; then	# option -S of scripts/host
		echo "==== shell"
		(cd "$vm" && shell)
		echo	# exit is a command too
	fi
	echo "==== check $1"
	check "$@"
	kill $watcher

	[ $bad -eq 1 ] || echo "ok $1: $say"
	[ "$2" != command ] || return

	[ "$2" != guest ] || guest undo "$1"
	vmm none
	if [ "$1" = unrestored ]; then
		qmp '"stop"'
		hmp "loadvm whole"
		qmp '"cont"'
	fi
	guest reads_done || wrong "$1: reads are not done when it is undone"
	guest disk vdb 60 && guest card 1 60 || wrong "$1: not all works when it is undone"
}

commands
start
wait_for console "guest: ready"
read -r pid fd <stats
vm=$(echo /sys/kernel/debug/kvm/"$pid"-*)
its=$vm/vgic-its@8080000
[ -e "$its" ] && [ -n "$fd" ] || fail "there is no $its"
echo 'outcome > 3' >"$events/vgic_msi/filter"
echo 'result != 0' >"$events/vgic_its_command/filter"
echo 1 >"$events/vgic_msi/enable"
echo 1 >"$events/vgic_its_command/enable"
echo "the guest is up"

while IFS=$TAB read -r name by counter text _ <&7; do
	fault "$name" "$by" "$counter" "$text"
done 7</wanted

logs
echo "==== end"
exit $failed
