# SPDX-License-Identifier: MIT
#
# A kit for pipe tests, to be sourced: . "${0%/*}/lib.sh"; it prints TAP. The test runs
# in a folder of its own, $dir, with the programs on the PATH; $data is tests/data.
#
#	same NAME EXPECTED COMMAND...   the output of a command (and no more) is this text
#	like NAME PATTERN COMMAND...    output and errors match a basic regular expression
#	exits NAME STATUS COMMAND...    the exit status
#	ok NAME COMMAND...              the command succeeds
#	until_true COMMAND...           wait until it succeeds, at most 120 s
#	done_testing                    last line
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
data=$root/tests/data
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
cd "$dir" || exit 1
tests=0 failed=0

# What was wrong is seen beside the name of the test, whoever runs it.
report() { # report STATUS NAME [DETAIL]
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		printf 'ok %d - %s\n' "$tests" "$2"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' "$tests" "$2"
		printf '%s: %s\n' "$2" "${3-}" | head -n 20 | sed "s/^/# ${0##*/}: /" >&2
	fi
}

ok() {
	name=$1 && shift
	detail=$("$@" 2>&1) && report 0 "$name" || report 1 "$name" "$* failed: $detail"
}

exits() {
	name=$1 wanted=$2 && shift 2
	detail=$("$@" 2>&1)
	got=$?
	[ "$got" -eq "$wanted" ]
	report $? "$name" "exit $got, not $wanted: $detail"
}

same() {
	name=$1 wanted=$2 && shift 2
	got=$("$@" 2>"$dir/.err")
	[ "$got" = "$wanted" ]
	report $? "$name" "wanted: $wanted
got: $got
errors: $(cat "$dir/.err")"
}

like() {
	name=$1 pattern=$2 && shift 2
	got=$("$@" 2>&1)
	printf '%s\n' "$got" | grep -q -e "$pattern"
	report $? "$name" "wanted: $pattern
got: $got"
}

until_true() {
	for _ in $(seq 2400); do
		"$@" && return 0
		sleep 0.05
	done
	echo "# ${0##*/}: waited in vain for $*" >&2
	return 1
}

done_testing() {
	printf '1..%d\n' "$tests"
	exit "$((failed > 0))"
}
