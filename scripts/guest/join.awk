# SPDX-License-Identifier: GPL-2.0-only
#
# After histogram.awk. Reads what scripts/guest/host.sh printed, or host-snapshot.sh of one
# guest, and joins what the guest counted per vector with what the host sent per (DeviceID,
# EventID). Prints a table, each disagreement, and a summary; fails unless both agree
# throughout.
#
# An MSI is not always an interrupt of its own: the pending state of an LPI is one bit,
# so an MSI that finds it set adds none. The bit is in one of two places. What each
# means for the count, by the outcome that the host traced with the LPI locked:
#
#   merged     The vGIC has the LPI pending, which this MSI does not change: no
#              interrupt. The host clears the bit only when it copies it to a list
#              register, which the guest then acknowledges; or in which it is still
#              pending at the exit, and then it is copied back.
#   delivered  The vGIC has the LPI not pending, and no vCPU has it in a list register.
#              So the bit was in neither place, and is now: one interrupt.
#   in_lr      The vGIC has the LPI not pending, but a vCPU has it in a list register,
#              which may have it pending. If the guest acknowledges it there, this
#              MSI is an interrupt of its own, by the next entry. If the vCPU exits
#              before, both bits become one: no interrupt of its own. The host does
#              not see which, because the guest acknowledges without an exit.
#
# So delivered <= counted <= delivered + in_lr, and both bounds can be reached. This
# takes a guest that neither clears an LPI nor unmaps it while it is pending, and has
# no LPI made pending but by MSIs. Masking and INV or INVALL keep the bit where it is.
#
# A snapshot keeps the sum. No vCPU runs then, so the bits are all in the vGIC; they
# are saved as the pending tables, and loaded as they were. An LPI that was pending in
# the snapshot is still to be counted, by the guest that is loaded, for an MSI from
# before the snapshot. Those after it are taken back, with their outcomes, as the guest
# has forgotten its counts.
#
# An LPI that is lost is below the lower bound, unless as many MSIs were in_lr: that
# interrupt is missing in the guest, which waits for it.

BEGIN {
	sign = 1
}

# A line before histograms that are to be added, or taken back.
$1 == "----" {
	sign = $2 == "-" ? -1 : 1
}

# The guest: "vector", function, driver, DeviceID, MSI-X index, LPI, count.
$1 == "vector" {
	vectors++
	name[vectors] = $2
	driver[vectors] = $3
	devid[vectors] = $4
	lpi[vectors] = $6
	counted[vectors] = $7
	# The ITS driver gives a device consecutive LPIs, one per EventID from 0.
	if (!($4 in base) || $6 < base[$4])
		base[$4] = $6
}

/^{ devid:/ {
	key = field["devid"] " " field["event"]
	if (field["outcome"] <= MERGED) {
		sent[key] += sign * field["hitcount"]
		of[key, field["outcome"]] += sign * field["hitcount"]
	} else
		dropped["DeviceID " field["devid"] ", event " field["event"] ": outcome " \
			field["outcome"]] += sign * field["hitcount"]
}

/^{ gsi:/ {
	gsi[field["devid"] " " field["data"]] = field["gsi"]
}

END {
	form = "%-13s %-11s %8s %6s  %-8s %6s %6s %7s %7s %8s\n"
	printf form, "PCI function", "driver", "DeviceID", "event", "route", "LPI", \
	       "sent", "merged", "in LR", "counted"
	for (i = 1; i <= vectors; i++) {
		event = lpi[i] - base[devid[i]]
		key = devid[i] " " event
		most = sent[key] - of[key, MERGED]
		least = most - of[key, IN_LR]
		printf form, name[i], driver[i], devid[i], event, \
		       key in gsi ? "gsi " gsi[key] : sent[key] ? "direct" : "-", lpi[i], \
		       sent[key] + 0, of[key, MERGED] + 0, of[key, IN_LR] + 0, counted[i]
		if (counted[i] < least || counted[i] > most)
			wrong(name[i] " event " event ": the guest counted " counted[i] \
			      " interrupts, the host's MSIs make " \
			      (least == most ? least : least " to " most))
		total += counted[i]
		msis += sent[key]
		device[name[i]] += counted[i]
		delete sent[key]
	}

	for (key in sent)
		if (sent[key])
			wrong(sent[key] " MSIs of DeviceID and event " key \
			      ", where the guest has no vector")
	for (what in dropped)
		if (dropped[what])
			wrong(dropped[what] " MSIs dropped of " what \
			      " of arch/arm64/kvm/vgic/trace_irqfd.h")
	for (d in device) {
		devices++
		if (!device[d])
			wrong(d " sent no MSI")
	}
	if (!total)
		wrong("no MSI was delivered")

	judge()
	print total " interrupts counted for " msis " MSIs of " devices " devices"
}
