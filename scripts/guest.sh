# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154
#
# What scripts/run and scripts/snapshot share: a guest of Debian's QEMU in the
# emulated host, and how its output is read. Sourced after lib.sh; writes below $work
# and to the file $log, which the user has to set.

# guest_files IMAGE INIT: make what the guest boots, with scripts/guest/INIT.
guest_files()
{
	rm -rf "$work"
	mkdir -p "$work"/guest/{bin,dev,proc,sys,tmp}
	cp "$build/rootfs/bin/busybox" "$work/guest/bin/"
	cp "$top/scripts/guest/$2" "$work/guest/init"
	cp "$top/scripts/guest/devices.sh" "$work/guest/"
	ln -s "$(realpath "$1")" "$work/Image"
	guest_initramfs
}

# guest_initramfs: again, after more files were put below $work/guest.
guest_initramfs()
{
	(cd "$work/guest" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/initramfs"
}

# host_with_guest IMAGE SCRIPT [OPTION...]: boot the host with the guest's files, run
# scripts/guest/SCRIPT in it, and return its exit status. OPTIONs are of scripts/host.
# The host kernel's log goes beside $log. The limit of time is for a host that hangs,
# and longer than those of what runs in it.
host_with_guest()
{
	local image=$1 script=$2

	shift 2
	"$top/scripts/host" -t 3000 -l "${log%.log}-host.log" -s "$build/rootfs" \
		-f "$top/scripts/guest/vm.sh" -f "$work/Image" -f "$work/initramfs" "$@" \
		"$image" "$top/scripts/guest/$script"
}

# section NAME: what the host printed after "==== NAME".
section()
{
	awk -v name="==== $1" '/^==== / { on = $0 == name; next } on' "$log"
}

# show NAME TITLE...: of the host's output, put all into $log, and show the section
# NAME after TITLE, as it comes; any number of these pairs.
show()
{
	local line shown='' i

	: >"$log"
	while IFS= read -r line; do
		line=${line//$'\r'/}
		printf '%s\n' "$line" >>"$log"
		case $line in
		"==== "*)
			shown=''
			for ((i = 1; i < $#; i += 2)); do
				[ "$line" != "==== ${!i}" ] || { shown=y; echo "${@:i + 1:1}"; }
			done
			;;
		*) [ -z "$shown" ] || printf '%s\n' "$line" ;;
		esac
	done
}
