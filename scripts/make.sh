# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154
#
# The kernel's make, as every script here calls it: out of tree, cross, with ccache
# where there is one, and with nothing of this machine in what comes out. Sourced
# after lib.sh.

# Found by the same name wherever the clone is.
export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1
export KBUILD_BUILD_TIMESTAMP='Sun Nov 17 22:17:00 UTC 2024'
export KBUILD_BUILD_USER=kvm KBUILD_BUILD_HOST=build
unset ARCH CROSS_COMPILE MAKEFLAGS MFLAGS KBUILD_OUTPUT

declare -A cross=(
	[arm64]=aarch64-linux-gnu- [x86_64]='' [riscv]=riscv64-linux-gnu- [s390]=s390x-linux-gnu-
	[powerpc]=powerpc64le-linux-gnu- [loongarch]=loongarch64-linux-gnu-
)
[ "$(uname -m)" = x86_64 ] || cross[x86_64]=x86_64-linux-gnu-

# kmake TREE OUT ARCH ARG...: run make of the kernel TREE into OUT. LOCALVERSION is
# set, and empty, lest the release gets a + for not being a tagged version.
kmake()
{
	local tree=$1 out=$2 arch=$3 compiler=${cross[$3]}gcc
	shift 3
	if [ "$arch" = loongarch ] && ! command -v "$compiler" >/dev/null; then
		compiler=clang-19
		set -- LLVM=-19 "$@"
	fi
	! command -v ccache >/dev/null || compiler="ccache $compiler"
	make -C "$tree" O="$out" ARCH="$arch" CROSS_COMPILE="${cross[$arch]}" CC="$compiler" LOCALVERSION= "$@"
}

# no_warning COMMAND...: COMMAND, which fails if its output has a warning.
no_warning()
{
	"$@" 2>&1 | awk '{ print } /warning: / { found = 1 } END { exit found }'
}

# fragments NAME...: the files of scripts/kconfig with these names, each followed by its
# NAME-VERSION.config, if the form that BASE has needs other options there.
fragments()
{
	local name file

	for name; do
		for file in "$top/scripts/kconfig/$name"{,-"$form"}.config; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done
	done
}

# configure TREE OUT ARCH FRAGMENT...: allnoconfig plus the named fragments of
# scripts/kconfig, a later one over an earlier. Nothing to do if OUT has it already.
configure()
{
	local tree=$1 out=$2 arch=$3 id files step
	shift 3
	mapfile -t files < <(fragments "$@")
	step=${out##*/}

	mkdir -p "$out"
	cat "${files[@]}" >"$out/fragment"
	id="$(digest "${files[@]}") $(cd "$tree" && git ls-files -s '*Kconfig*' | sha256sum)"
	! current "$out/.config.id" "$id" || return 0
	step "${step/"$v"/}-config" kmake "$tree" "$out" "$arch" KCONFIG_ALLCONFIG="$out/fragment" allnoconfig
	granted "$out"
	stamp "$out/.config.id" "$id"
}

# granted OUT: all that OUT/fragment asks for is in OUT/.config.
granted()
{
	local line refused=''

	while IFS= read -r line; do
		case $line in
		'' | '#'*) ;;
		*=n) ! grep -q "^${line%=n}=" "$1/.config" || refused+=" $line" ;;
		*) grep -qxF "$line" "$1/.config" || refused+=" $line" ;;
		esac
	done < <(tac "$1/fragment" | sort -u -s -t= -k1,1)
	[ -z "$refused" ] || die "Kconfig does not grant:$refused" "$1/.config"
}
