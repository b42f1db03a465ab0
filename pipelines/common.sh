# SPDX-License-Identifier: MIT
#
# What the pipelines share, to be sourced: the programs (those of build/bin when there
# are, else the installed ones), a folder to work in, and tables of the stages' counters.
# A pipeline names its stages in order; each writes its counters to $dir/<stage>.stats.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../build}
[ -d "$build/bin" ] && PATH=$(cd "$build/bin" && pwd):$PATH
command -v bp-parse >/dev/null || {
	echo "${0##*/}: no bp-parse here (run make, or install bannerpipe)" >&2
	exit 100
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM

usage() {
	echo "usage: $1" >&2
	exit 100
}

title() {
	printf '\n%s\n' "$1"
}

# What became of the records, stage by stage: for each, all that came in is accounted for,
# and the next one read all that it wrote. Then how fast each was.
stages() {
	title 'Where the records went (in = out + dropped + rejected + held + late)'
	for stage; do
		cat "$dir/$stage.stats"
		echo "end $stage"
	done | awk '
	/^bannerpipe_/ { name = $1; sub(/^bannerpipe_/, "", name); sub(/[{].*/, "", name); c[name] = $2 }
	$1 == "end" {
		if (NR > 1 && !head++)
			printf "  %-10s %9s %9s %9s %9s %7s %7s %9s  %s\n", "stage", "in", "out",
			    "dropped", "rejected", "held", "late", "new", "M records/s"
		all = c["out_total"] + c["dropped_total"] + c["rejected_total"] + c["held"] + c["late_total"]
		printf "  %-10s %9d %9d %9d %9d %7d %7d %9d  %.2f%s\n", $2, c["in_total"], c["out_total"],
		    c["dropped_total"], c["rejected_total"], c["held"], c["late_total"],
		    c["emitted_total"], c["in_total"] / (c["processor_us_total"] + 1),
		    all == c["in_total"] ? "" : "  NOT CONSERVED"
		wrong += all != c["in_total"]
	}
	END { exit wrong > 0 }'
}
