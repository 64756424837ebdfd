# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Debian's QEMU with a guest of four virtio PCI devices, as the scripts that run in
# the emulated host start it. Sourced. Makes /mnt, Debian's tree, ready to be the
# root of QEMU, with the host's /tmp; and traces what becomes of each MSI.

events=/sys/kernel/tracing/events/kvm

echo 'hist:keys=devid,event,outcome' >$events/vgic_msi/trigger &&
	echo 'hist:keys=gsi,devid,data if type == 2 && flags == 1' \
		>$events/kvm_irq_route/trigger || exit
for dir in dev proc sys tmp; do
	mount -o bind /$dir /mnt/$dir || exit
done
cp /Image /initramfs /tmp/

# qemu VDA VDB OPTION...: run a guest with these disks, of which each is a value of
# -drive. The network card and the random number generator have their MSIs sent by
# QEMU itself, those of the disks go through irqfd and routes. The limit of time is for
# a guest that hangs: it takes half a minute, and several times that on a busy machine.
qemu()
{
	local vda=$1 vdb=$2

	shift 2
	timeout -s KILL 1200 chroot /mnt /usr/bin/qemu-system-aarch64 \
		-accel kvm -M virt,gic-version=3,its=on -cpu host -smp 2 \
		-nographic -nodefaults -no-reboot \
		-kernel /tmp/Image -initrd /tmp/initramfs -append "console=ttyAMA0 quiet panic=-1" \
		-netdev user,id=net,restrict=on \
		-device virtio-net-pci,netdev=net,romfile=,addr=1 \
		-object iothread,id=io \
		-drive "if=none,id=vda,$vda" \
		-device virtio-blk-pci,drive=vda,iothread=io,addr=2 \
		-drive "if=none,id=vdb,$vdb" \
		-device virtio-blk-pci,drive=vdb,addr=3 \
		-device virtio-rng-pci,addr=4 "$@" 2>>/tmp/stderr
}
