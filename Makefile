# SPDX-License-Identifier: GPL-2.0-only
#
# Each target runs scripts of scripts/, which say at their top what they do.
# BASE=7.3 builds on Debian's linux-source-7.3, where the default is linux-source-6.12, and
# BASE=/path/to/linux on another tree of either version. SUITE names the Debian release
# that linux-source is from, or that `make fresh` tries.
# FAULT=NAME makes a fault in the guest of `make run`; FAULT=help lists them.

export BASE SUITE MACHINE BASE_KERNEL
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run snapshot passthrough test test-all fresh quick quick-x86 quick-riscv setup \
	setup-test setup-all base series digests kernel base-kernel debug-kernel selftests rootfs check \
	cross bisect litmus bench clean

help:			## list the targets
	@awk -F ':.*## *' '/^[a-z0-9-]+:.*##/ { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

ifeq ($(FAULT),help)
run:
	@scripts/fault help
else
run: kernel rootfs ## the main job: a patched host, a real guest, its MSIs by DeviceID
	$(if $(FAULT),scripts/fault $$([ ! -t 0 ] || echo -i) $(FAULT),scripts/run)
endif

snapshot: kernel rootfs	## save and load that guest while its devices are busy
	scripts/snapshot

passthrough: kernel rootfs ## PCI devices that VFIO passes through, on GICv3 and GICv4
	scripts/passthrough

test: setup-test	## every test on both versions, from quick to thorough
	scripts/test

test-all: setup-all	## ... with what is slow and rarely breaks
	scripts/test -a

fresh:			## make run in a new Debian: SUITE=bookworm or trixie (needs root)
	SUITE= scripts/fresh $(SUITE)

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

setup-all:		## ... and those that `make test-all` needs
	scripts/setup run test all

base: setup		## unpack the base kernel and import it as git
	scripts/base

series: base		## write the patches to build/series/
	scripts/series

digests: series	## write the trees of the patches to series/digests
	scripts/digests -w

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

litmus: setup series	## races between the ITS and vCPUs, on the memory model
	scripts/litmus

cross: setup-all series ## KVM of the other architectures
	scripts/cross -a

bisect: setup-test series ## every patch builds without a warning (slow)
	scripts/bisect

bench: kernel base-kernel selftests rootfs ## base and series side by side
	scripts/bench

clean:			## remove all that was built
	rm -rf build
