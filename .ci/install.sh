#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh BIN DESTDIR PREFIX: programs, manual pages, pipelines and shell completion.
set -eu
bin=$1
root=$2$3
mkdir -p "$root/bin" "$root/share/man/man1" "$root/share/man/man5" \
    "$root/share/man/man7" "$root/share/bannerpipe/pipelines" \
    "$root/share/bash-completion/completions" "$root/share/doc/bannerpipe"
install -m 755 "$bin"/bp-* "$root/bin"
# A page is installed by the name and section that its .Dt line gives it.
for page in filters/*.[1-9] lib/*.[57] lib/*/*.[57] pipelines/*.[57]; do
	[ -e "$page" ] || continue
	name=$(awk '$1 == ".Dt" { print tolower($2) "." $3 }' "$page")
	install -m 644 "$page" "$root/share/man/man${name##*.}/$name"
done
for file in pipelines/*; do
	case $file in
	*.sh) install -m 755 "$file" "$root/share/bannerpipe/pipelines" ;;
	*.md | *.[57]) ;;
	pipelines/systemd | pipelines/shop) ;;
	*) install -m 644 "$file" "$root/share/bannerpipe/pipelines" ;;
	esac
done
mkdir -p "$root/lib/systemd/system" "$root/share/bannerpipe/pipelines/shop"
install -m 644 pipelines/shop/* "$root/share/bannerpipe/pipelines/shop"
for unit in pipelines/systemd/*.service pipelines/systemd/*.target; do
	sed "s|/usr/share/bannerpipe|$3/share/bannerpipe|" "$unit" \
	    >"$root/lib/systemd/system/${unit##*/}"
done
install -m 644 pipelines/systemd/README.md "$root/share/doc/bannerpipe/systemd.md"
install -m 644 README.md LICENSE "$root/share/doc/bannerpipe"
for program in "$bin"/bp-*; do
	sh .ci/completion.sh "$program" \
	    >"$root/share/bash-completion/completions/${program##*/}"
done
