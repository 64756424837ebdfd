# SPDX-License-Identifier: GPL-2.0-only
#
# What join.awk and join-passthrough.awk have in common: it is given to awk before them. An
# entry of a histogram of the host, "{ KEY: VALUE, ... } hitcount: N", decimal, is in the
# array field when their rules see it. Problems are collected by wrong(), and end it.

BEGIN {
	# Outcomes of an MSI, of include/kvm/arm_vgic_msi_outcomes.h, counted from 0.
	IN_LR = 1
	MERGED = 2
}

/^{.*hitcount:/ {
	line = $0
	gsub(/[{},:]/, " ", line)
	words = split(line, word, " ")
	for (i = 1; i < words; i += 2)
		field[word[i]] = word[i + 1]
}

/^ *Dropped: / && $2 != 0 {
	wrong("a histogram of the host lost " $2 " entries")
}

function wrong(text)
{
	problem[++problems] = text
}

# Print the problems, and fail if there are any.
function judge(    i)
{
	for (i = 1; i <= problems; i++)
		print "WRONG: " problem[i]
	if (problems)
		exit 1
}
