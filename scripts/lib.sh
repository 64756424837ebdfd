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

# say TEXT: one line of progress.
say()
{
	printf '%s\n' "$*" >&2
}

# die PROBLEM [WHAT TO DO]: stop with a message that names both.
die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	[ $# -lt 2 ] || printf '  %s\n' "$2" >&2
	exit 1
}

# step NAME COMMAND...: run COMMAND with its output in build/log/NAME.log. Shows
# that it runs and for how long; a failure shows the last lines and the path.
step()
{
	local name=$1 log=$logs/$1.log start=$SECONDS pid status=0
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
		echo "ok $1"
	else
		echo "not ok $1"
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
