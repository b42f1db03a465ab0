#!/bin/sh
# SPDX-License-Identifier: MIT
#
# completion.sh PROGRAM: bash completion of its options and of the words that they take,
# from its --help, which is printed from its option table.
set -eu
"$1" --help | sed '/^examples:/,$d' | awk -v program="${1##*/}" '
match($0, /^  (-[A-Za-z0-9],|   ) --[a-z0-9-]+/) {
	name = substr($0, RSTART, RLENGTH)
	sub(/.* /, "", name)
	names = names " " name
	if (match($0, /\([a-z0-9_-]+(\|[a-z0-9_-]+)+\)/)) {
		words = substr($0, RSTART + 1, RLENGTH - 2)
		gsub(/\|/, " ", words)
		cases = cases "\t" name ") COMPREPLY=($(compgen -W \"" words "\" -- \"$2\")); return ;;\n"
	}
	next
}
/^  --/ { # the common ones, several on a line
	for (i = 1; i <= NF; i++)
		if ($i ~ /^--/)
			names = names " " $i
}
END {
	f = program
	gsub(/-/, "_", f)
	printf "# bash completion of %s\n_%s()\n{\n", program, f
	if (cases != "")
		printf "\tcase $3 in\n%s\tesac\n", cases
	printf "\t[[ $2 == -* ]] && COMPREPLY=($(compgen -W \"%s\" -- \"$2\"))\n}\n", substr(names, 2)
	printf "complete -o default -F _%s %s\n", f, program
}'
