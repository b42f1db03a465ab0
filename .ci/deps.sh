#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install the Debian packages named that are missing; say nothing when none is.
# "a/b" is met by either; the first is installed.
missing=
for names; do
	met=
	for name in $(echo "$names" | tr / ' '); do
		state=$(dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | head -n 1)
		[ "$state" = installed ] && met=yes
	done
	[ -n "$met" ] || missing="$missing ${names%%/*}"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "deps: no apt-get here; going on without a check of:$missing" >&2
	exit 0
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "deps: installing$missing" >&2
install() {
	# shellcheck disable=SC2086 # a list of names
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y \
	    --no-install-recommends $missing >/dev/null
}
$sudo apt-get update -qq && install && exit 0
echo "deps: cannot install$missing (see above; install them by hand and run make again)" >&2
exit 100
