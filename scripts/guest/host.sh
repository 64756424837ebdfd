#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What runs in the emulated host, for scripts/run: prints KVM_CAP_MSI_DEVID, then
# counts the MSIs of one guest of Debian's QEMU. /Image is the guest's kernel,
# /initramfs its initramfs, /mnt Debian's tree, read only. Prints, after a line each
# "==== NAME": capability, progress, console, stderr (of QEMU), and histograms of
# msi and route. Exits with the status of the first part that fails.

echo "==== capability"
/msi-devid-cap || exit

echo "==== progress"
. /vm.sh
truncate -s 4M /tmp/vda /tmp/vdb
: >/tmp/console
tail -f /tmp/console | while read -r line; do
	case $line in guest:*) echo "  $line" ;; esac
done &
shown=$!

qemu format=raw,file=/tmp/vda format=raw,file=/tmp/vdb -m 256M \
	-monitor none -serial file:/tmp/console
status=$?
kill $shown

echo "==== console"
cat /tmp/console
echo "==== stderr"
cat /tmp/stderr
echo "==== msi"
cat "$events/vgic_msi/hist"
echo "==== route"
cat "$events/kvm_irq_route/hist"
echo "==== end"
exit $status
