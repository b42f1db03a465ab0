#!/bin/sh
# SPDX-License-Identifier: MIT
# once: the names are the same in every build
#
# No name of the library is defined twice: the linker would take either.
. "${0%/*}/lib.sh"

twice() {
	nm "$build/lib.a" 2>/dev/null | awk '$2 == "T" || $2 == "D" || $2 == "B" { print $3 }' |
	    sort | uniq -d
}
same 'no function or variable of the library is defined twice' '' twice
ok 'and there are some' sh -c 'nm "$1" 2>/dev/null | grep -q " T filter_main$"' - "$build/lib.a"
done_testing
