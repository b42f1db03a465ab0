#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deb.sh BUILD VERSION: BUILD/bannerpipe_VERSION_ARCH.deb, of what install.sh installs.
set -eu
build=$1
version=$2
arch=$(dpkg --print-architecture)
tree=$build/deb
rm -rf "$tree"
sh .ci/install.sh "$build/bin" "$tree" /usr
find "$tree/usr/share/man" -name '*.[1-9]' -exec gzip -9n {} +
strip --strip-unneeded "$tree"/usr/bin/bp-*
mv "$tree/usr/share/doc/bannerpipe/LICENSE" "$tree/usr/share/doc/bannerpipe/copyright"
# The packages whose shared libraries the programs load, at least as new as here.
depends=$(for program in "$build"/bin/bp-*; do ldd "$program"; done |
    awk '$3 ~ /^\// { print $3 }' | sort -u |
    while read -r library; do
	# A package may know it by the path before /lib became a link to /usr/lib.
	real=$(realpath "$library")
	dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null ||
	    dpkg-query -S "$library"
    done | sed 's/:.*//' | sort -u |
    while read -r package; do
	dpkg-query -W -f '${binary:Package} (>= ${Version})\n' "$package" | head -n 1
    done | sed 's/:[a-z0-9]* (/ (/' | paste -sd, | sed 's/,/, /g')
mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: bannerpipe
Version: $version
Architecture: $arch
Maintainer: the bannerpipe authors <bannerpipe@localhost>
Section: web
Priority: optional
Depends: $depends
Installed-Size: $(du -sk "$tree/usr" | cut -f1)
Description: banner optimisation for shops, as Unix filters
 Programs that read and write streams of msgpack records: logs and events in, click
 and conversion models, rates with intervals and metrics out.
CONTROL
dpkg-deb --root-owner-group --build "$tree" "$build/bannerpipe_${version}_$arch.deb"
