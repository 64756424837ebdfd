# SPDX-License-Identifier: GPL-2.0-only
#
# After histogram.awk. Reads the count of what the devices sent ("sent REQUESTER EVENT N"),
# and then what scripts/guest/host-passthrough.sh printed of act=count. Prints a table of the
# vectors, each disagreement, and a summary; fails unless all agree. Variables: machine is
# gicv3 or gicv4, untouched is set for a base's kernel, which does not trace MSIs.
#
# On the way from device to guest an MSI passes two pending bits, of an LPI each. One that
# finds the bit set adds nothing (IHI 0069, "LPIs": the pending state is one bit, an LPI
# has no active state).
#
#   not forwarded  sent >= host, by the host's LPI. Each interrupt of the host is one
#                  vgic_msi. The guest's LPI: see join.awk, whose bounds are checked here.
#   forwarded      sent + more >= counted > 0, by the bit in the vPE's pending table. How
#                  often it was found set is known to nobody. The host takes no interrupt,
#                  and KVM sees no MSI: both are 0. That nothing was lost shows in the I/O,
#                  which waits for each interrupt in turn and was complete.
#                  "more" is 1 for each time that forwarding has ended before, because KVM
#                  makes the LPI pending then. QEMU ends it for all vectors of a device
#                  when the guest enables one more, and begins it anew: so that is at most
#                  the number of the device's other vectors.

BEGIN {
	# Functions of the guest, and what the host calls them.
	host_of[2] = 16
	host_of[3] = 17
	host_of[4] = 18
}

$1 == "sent" {
	sent[$2 / 8, $3] = $4
}

$1 == "vector" {
	n++
	pci[n] = $2
	slot[n] = substr($2, 9, 2) + 0
	driver[n] = $3
	devid[n] = $4
	entry[n] = $5
	lpi[n] = $6
	name[n] = $8
	vectors[slot[n]]++
}

/^guest-/ {
	handler = $1
	sub(/^guest-/, "", handler)
	counted[handler] += $NF
}

# debugfs of the series: "device 0x10 ...", "  event 0 lpi 8192 ... hw".
$1 == "device" {
	device = strtonum_($2)
}
$1 == "event" && $3 == "lpi" {
	found[$4] = 1
	forwarded[$4] = $NF == "hw"
	event_of[$4] = $2
}

# vgic-state of a base: "LPI INTID TGT flags... HWID ...".
untouched && $1 == "LPI" {
	found[$2] = 1
	forwarded[$2] = substr($4, 5, 1) == 1
}

function strtonum_(text,    i, value)
{
	sub(/^0x/, "", text)
	for (i = 1; i <= length(text); i++)
		value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
	return value
}

/^{ name: vfio/ {
	split($3, part, /[][()]/)
	# vfio-msix[INDEX](0000:00:10.0)
	split(part[4], address, /[:.]/)
	host[strtonum_(address[3]), part[2]] += $NF
}

/^{ devid:/ {
	if (field["outcome"] <= MERGED) {
		msis[field["devid"], field["event"]] += field["hitcount"]
		of[field["devid"], field["event"], field["outcome"]] += field["hitcount"]
	} else
		wrong(field["hitcount"] " MSIs dropped of DeviceID " field["devid"] ", event " \
		      field["event"] ": outcome " field["outcome"])
}
/^{ gsi:/ {
	gsi[field["devid"], field["data"]] = field["gsi"]
}
END {
	for (i = 1; i <= n; i++)
		if (!(devid[i] in base) || lpi[i] < base[devid[i]])
			base[devid[i]] = lpi[i]
	form = "%-13s %-10s %-17s %8s %5s  %-7s %6s %4s %6s %6s %6s %6s %5s %7s\n"
	printf form, "PCI function", "driver", "handler", "DeviceID", "event", "route", "LPI", \
	       "fwd", "sent", "host", "KVM", "merged", "in LR", "counted"
	for (i = 1; i <= n; i++) {
		event = lpi[i] - base[devid[i]]
		h = host_of[slot[i]]
		s = sent[h, entry[i]] + 0
		t = host[h, entry[i]] + 0
		k = msis[devid[i], event] + 0
		merged = of[devid[i], event, MERGED] + 0
		lr = of[devid[i], event, IN_LR] + 0
		c = counted[name[i]] + 0
		fwd = forwarded[lpi[i]]
		printf form, pci[i], driver[i], name[i] ? name[i] : "-", devid[i], event, \
		       (devid[i], event) in gsi ? "gsi " gsi[devid[i], event] : "-", lpi[i], \
		       fwd ? "yes" : "no", s, t, untouched ? "-" : k, merged, lr, c
		what = pci[i] " vector " entry[i] " (" name[i] "): "
		if (!found[lpi[i]])
			wrong(what "LPI " lpi[i] " is not in the host's debugfs")
		if (machine == "gicv4" && !fwd)
			wrong(what "not forwarded")
		if (machine == "gicv3" && fwd)
			wrong(what "forwarded, without GICv4")
		if (fwd) {
			if (t || k)
				wrong(what "forwarded, but the host had interrupts")
			if (c > s + vectors[slot[i]] - 1 || (s && !c))
				wrong(what "the device sent " s ", the guest counted " c)
		} else if (untouched) {
			if (t > s || c > t || (s && !c))
				wrong(what "sent " s ", host " t ", counted " c)
		} else {
			if (t > s || t != k)
				wrong(what "sent " s ", host " t ", KVM " k)
			if (c < k - merged - lr || c > k - merged)
				wrong(what "the guest counted " c " of " k " MSIs")
		}
		of_device[slot[i]] += c
		total += c
		all += s
		if (fwd)
			nr_fwd++
	}
	for (d in host_of)
		if (!of_device[d])
			wrong("the device in slot " d " made no interrupt")
	judge()
	print total " interrupts counted for " all " MSIs of 3 devices, " nr_fwd + 0 " of " n \
	      " LPIs forwarded"
}
