# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034  # what is set here is for others
#
# What every script here shares: where things are, how a long step is logged and
# shown, and how a failure is told. Sourced, never run; makes build/log, and changes
# nothing else.

set -euo pipefail

export top; top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export build=$top/build
export logs=$build/log
export jobs; jobs=$(nproc)
mkdir -p "$logs"

# die PROBLEM [WHAT TO DO]: stop with a message that names both.
die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	[ $# -lt 2 ] || printf '  %s\n' "$2" >&2
	exit 1
}

# BASE names the base: a version of Debian's linux-source, or the path of a kernel tree.
# SUITE names the Debian suite that linux-source comes from, if not the usual one. The
# series has two forms: for 6.12, and for 7.3 and later. What is built from another base
# than the usual 6.12 has $v in its name.
known="6.12, 7.3 and later, or the path of such a tree"
export BASE=${BASE:-6.12} SUITE=${SUITE:-}
case $BASE in
[0-9]*.*[0-9])
	version=$BASE source='' suite=$SUITE
	;;
*/*)
	[ -f "$BASE/Makefile" ] || die "BASE=$BASE is no kernel tree"
	version=$(sed -n 's/^VERSION = //p; s/^PATCHLEVEL = /./p' "$BASE/Makefile" | head -n 2 | tr -d '\n')
	BASE=$(realpath "$BASE") source=$BASE suite=''
	;;
*) die "BASE=$BASE is unknown" "known are: $known" ;;
esac
[[ $suite =~ ^([a-z]+(-backports|-security)?)?$ ]] || die "SUITE=$suite is no Debian suite" "for example: SUITE=trixie"
case $version in
6.12) form=6.12 v=${suite:+-6.12_$suite} ;;
7.[3-9] | 7.[1-9][0-9]) form=7.3 v=-$version${suite:+_$suite} ;;
*) die "BASE=$BASE is Linux $version, for which the series has no form" "known are: $known" ;;
esac
linux=$build/linux$v

# named NAME: NAME, as arm64 or arm64-debug, with the version that BASE names:
# arm64-7.3-debug.
named()
{
	local arch=${1%%-*}

	printf '%s\n' "$arch$v${1#"$arch"}"
}

# image NAME: the path of the kernel that scripts/kernel NAME makes.
image()
{
	local arch=${1%%-*}

	case $arch in
	x86_64) printf '%s\n' "$build/$(named "$1")/arch/x86/boot/bzImage" ;;
	*) printf '%s\n' "$build/$(named "$1")/arch/$arch/boot/Image" ;;
	esac
}

# patches: the folders of the series' patches for this form, in their order.
patches()
{
	local dir

	for dir in "${SERIES:-$top/series}"/[0-9][0-9]-*; do
		[ ! -d "$dir" ] || { [ -f "$dir/bases" ] && ! grep -qx "$form" "$dir/bases"; } ||
			printf '%s\n' "$dir"
	done
}

# own: the paths of the files that those patches bring, as our tree has them, in order.
own()
{
	local dir

	patches | while IFS= read -r dir; do
		[ ! -f "$dir/files" ] || cat "$dir/files"
	done | grep '^[^-]' | sort -u
}

# there: of paths on stdin, as our tree has them, where the kernel of this form has them.
there()
{
	local map=${SERIES:-$top/series}/backport-$form.paths

	if [ -f "$map" ]; then
		sed -E -f "$map"
	else
		cat
	fi
}

# say TEXT: one line of progress.
say()
{
	printf '%s\n' "$*" >&2
}

# step NAME COMMAND...: run COMMAND with its output in build/log/NAME$v.log. Shows
# that it runs and for how long; a failure shows the last lines and the path.
step()
{
	local name=$1$v log=$logs/$1$v.log start=$SECONDS pid status=0
	shift
	# A process group of its own: what stops this stops all that it started.
	set -m
	"$@" >"$log" 2>&1 </dev/null &
	set +m
	pid=$!
	# shellcheck disable=SC2064  # the pid is this step's
	trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM
	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%-20s %4d s  %s\033[K' "$name" $((SECONDS - start)) \
				"$(tail -c 200 "$log" | tail -n 1 | cut -c1-50)" >&2
		fi
		sleep 0.2
	done
	wait "$pid" || status=$?
	trap - INT TERM
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ $status -ne 0 ]; then
		grep -E '(error|warning): |^(ERROR|WARNING|CHECK)|No such file' "$log" | head -n 10 >&2 || :
		tail -n 10 "$log" >&2
		die "$name failed ($status)" "whole output: $log"
	fi
	printf '%-20s %4d s\n' "$name" $((SECONDS - start)) >&2
}

# try NAME COMMAND...: the step as one check: a KTAP line on stdout, and on to the
# next after a failure. done_testing then gives the exit status.
failures=0
try()
{
	local status

	# Not as a condition: COMMAND is to stop at its first error.
	set +e
	(set -e; step "$@")
	status=$?
	set -e
	[ $status -eq 0 ] || [ $status -eq 1 ] || exit $status
	if [ $status -eq 0 ]; then
		echo "ok $1$v"
	else
		echo "not ok $1$v"
		failures=$((failures + 1))
	fi
}

done_testing()
{
	[ "$failures" -eq 0 ]
}

# digest PATH...: one hash over the names and contents of files and folders.
digest()
{
	{ find "$@" -type f -print0 2>/dev/null || :; } | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# current STAMP VALUE: true if STAMP holds VALUE, so that a step can be left out.
current()
{
	[ -f "$1" ] && [ "$(cat "$1")" = "$2" ]
}

# stamp STAMP VALUE: record that a step is done, as the last thing it does.
stamp()
{
	printf '%s\n' "$2" >"$1.part"
	mv "$1.part" "$1"
}
