# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154  # $out is the caller's
#
# Packages of a Debian suite that the machine does not have: apt with a package list, a
# cache and a source of its own, all in $out, a folder in build/fetch. The machine's
# configuration is only read, for the mirror and the proxy. The signature must be by
# Debian's keyring. Needs no root. Sourced after lib.sh.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# absent REASON: stop with status 4, which says that a package cannot be had.
absent()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	exit 4
}

# mirror SUITE: where the machine gets Debian itself from, or for a suite of security
# updates those. While no list was fetched yet, apt knows no origins: then the entry that
# has the machine's release.
mirror()
{
	local release security=0
	local targets=(apt-get indextargets 'Created-By: Packages' 'Component: main' --format)

	[[ $1 != *-security ]] || security=1
	release=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016  # apt expands it
	{
		"${targets[@]}" '$(ORIGIN) $(REPO_URI) $(RELEASE)' || :
		"${targets[@]}" 'unknown $(REPO_URI) $(RELEASE)' --no-release-info || :
	} 2>/dev/null |
		awk -v release="$release" -v security=$security '
		$2 ~ /^(cdrom|file):/ || ($2 ~ /debian-security/) != security { next }
		$1 == "Debian" { print $2; exit }
		$1 == "unknown" && index($3, release) == 1 && $2 ~ /debian(-security)?\/?$/ { print $2; exit }'
}

apt()
{
	local command=$1

	shift
	"apt-$command" -q -o Dir::Etc::sourcelist="$out/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$out/lists" -o Dir::Cache="$out/cache" \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
		-o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o APT::Get::List-Cleanup=false "$@"
}

# apt_mirror SUITE [INSTEAD]: set $mirror. INSTEAD is what to do where there is no apt.
apt_mirror()
{
	local instead=${2:+; $2}

	command -v apt-get >/dev/null || absent "no apt-get here$instead"
	[ -r "$keyring" ] || absent "$keyring is missing: apt-get install debian-archive-keyring"
	mirror=$(mirror "$1")
	[ -n "$mirror" ] || absent "apt's configuration names no mirror of Debian$instead"
}

# apt_update SUITE: fetch its package list, from $mirror.
apt_update()
{
	mkdir -p "$out"/{lists,cache}/partial "$out/cache/archives/partial"
	printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$1" >"$out/sources.list"
	(step "fetch-list-$1" apt get --error-on=any update) ||
		absent "no list of $1 from $mirror (is there a network?)"
}
