# SPDX-License-Identifier: GPL-2.0-only
#
# Reads what scripts/guest/host.sh printed, or host-snapshot.sh of one guest, and joins
# what the guest counted per vector with what the host sent per (DeviceID, EventID).
# Prints a table, each disagreement, and a summary; fails unless both agree throughout.

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

# The host, decimal: "{ KEY: VALUE, ... } hitcount: N".
/^{.*hitcount:/ {
	line = $0
	gsub(/[{},:]/, " ", line)
	n = split(line, word, " ")
	for (i = 1; i < n; i += 2)
		field[word[i]] = word[i + 1]
}

/^{ devid:/ {
	key = field["devid"] " " field["event"]
	if (field["outcome"] <= 1)	# delivered, or merged with one that is pending
		sent[key] += sign * field["hitcount"]
	else
		dropped["DeviceID " field["devid"] ", event " field["event"] ": outcome " \
			field["outcome"]] += sign * field["hitcount"]
}

/^{ gsi:/ {
	gsi[field["devid"] " " field["data"]] = field["gsi"]
}

/^ *Dropped: / && $2 != 0 {
	wrong("a histogram of the host lost " $2 " entries")
}

function wrong(text)
{
	problem[++problems] = text
}

END {
	form = "%-13s %-11s %8s %6s  %-8s %6s %9s %9s\n"
	printf form, "PCI function", "driver", "DeviceID", "event", "route", "LPI", \
	       "sent", "counted"
	for (i = 1; i <= vectors; i++) {
		event = lpi[i] - base[devid[i]]
		key = devid[i] " " event
		printf form, name[i], driver[i], devid[i], event, \
		       key in gsi ? "gsi " gsi[key] : sent[key] ? "direct" : "-", lpi[i], \
		       sent[key] + 0, counted[i]
		if (sent[key] + 0 != counted[i])
			wrong(name[i] " event " event ": the host sent " sent[key] + 0 \
			      " MSIs, the guest counted " counted[i] " interrupts")
		total += counted[i]
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

	for (i = 1; i <= problems; i++)
		print "WRONG: " problem[i]
	if (problems)
		exit 1
	print total " MSIs delivered by " devices " devices"
}
