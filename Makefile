# SPDX-License-Identifier: GPL-2.0-only
#
# Each target runs scripts of scripts/, which say at their top what they do.
# BASE=/path/to/linux-6.12.y builds on another tree than Debian's linux-source-6.12.

export BASE
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run snapshot test quick quick-x86 quick-riscv setup setup-test base series \
	kernel base-kernel debug-kernel selftests rootfs check cross bisect bench clean

help:			## list the targets
	@awk -F ':.*## *' '/^[a-z0-9-]+:.*##/ { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: kernel rootfs ## the main job: a patched host, a real guest, its MSIs by DeviceID
	scripts/run

snapshot: kernel rootfs	## save and load that guest while its devices are busy
	scripts/snapshot

test: setup-test	## every test, from quick to thorough
	scripts/test

quick: kernel rootfs selftests ## the selftests of the series on the lean kernel
	scripts/quick

quick-x86: setup-test series ## the same for x86_64
	scripts/kernel x86_64
	scripts/rootfs x86_64
	scripts/selftests x86_64
	scripts/quick x86_64

quick-riscv: setup-test series ## the same for riscv64
	scripts/kernel riscv
	scripts/selftests riscv
	scripts/quick riscv

setup:			## install the Debian packages that `make run` needs
	scripts/setup run

setup-test:		## ... and those that `make test` needs
	scripts/setup run test

base: setup		## unpack the base kernel and import it as git
	scripts/base

series: base		## write the patches to build/series/
	scripts/series

kernel: series		## build/arm64: the patched kernel
	scripts/kernel arm64

base-kernel: setup	## build/arm64-base: the same of the untouched base
	scripts/base -b
	scripts/kernel arm64-base

debug-kernel: series	## build/arm64-debug: the patched kernel with sanitizers and lockdep
	scripts/kernel arm64-debug

selftests: series	## build/selftests/arm64: the KVM selftests, static
	scripts/selftests arm64

rootfs: setup		## build/rootfs: Debian's QEMU for arm64
	scripts/rootfs

check: setup-test base	## the quick static gate
	scripts/check

cross: setup-test series ## KVM of x86_64, riscv64 and s390x
	scripts/cross

bisect: setup-test series ## every patch builds without a warning (slow)
	scripts/bisect

bench: kernel base-kernel selftests rootfs ## base and series side by side
	scripts/bench

clean:			## remove all that was built
	rm -rf build
