#!/bin/sh
# SPDX-License-Identifier: MIT
#
# peers.sh DIR: put software by others that speaks our protocols into DIR, for
# tests/peers. Debian's packages are unpacked there, not installed: nothing of them
# starts, and none replaces what the machine has. What npm takes is pinned by hash.
set -eu
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
source=$here/../tests/peers/forward
packages='rsyslog libestr0 libfastjson4 liblognorm5 python3-fluent-logger python3-msgpack
    golang-github-fluent-fluent-logger-golang-dev golang-github-tinylib-msgp-dev
    golang-github-philhofer-fwd-dev'

# --- languages, where the machine has none
missing=
command -v go >/dev/null || missing="$missing golang-go"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
[ -x /usr/bin/python3 ] || missing="$missing python3"
# shellcheck disable=SC2086 # a list of names
[ -z "$missing" ] || sh "$here/deps.sh" $missing

# --- Debian
mkdir -p "$dir/deb" "$dir/root"
dir=$(cd "$dir" && pwd)
if [ "$(cat "$dir/root/.packages" 2>/dev/null)" != "$packages" ]; then
	apt-cache show rsyslog libestr0 python3-fluent-logger >/dev/null 2>&1 || {
		sudo=
		[ "$(id -u)" -eq 0 ] || sudo=sudo
		$sudo apt-get update -qq
	}
	# shellcheck disable=SC2086 # a list of names
	(cd "$dir/deb" && apt-get download -qq $packages) || {
		echo "peers: cannot download Debian packages (apt-get update?)" >&2
		exit 100
	}
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir/root"
	done
	printf '%s\n' "$packages" >"$dir/root/.packages"
fi

# --- npm
if ! cmp -s "$source/package-lock.json" "$dir/package-lock.json" ||
    [ ! -d "$dir/node_modules" ]; then
	cp "$source/package.json" "$dir"
	cp "$source/package-lock.json" "$dir/package-lock.json.new"
	rm -rf "$dir/node_modules"
	mv "$dir/package-lock.json.new" "$dir/package-lock.json"
	(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
	    >/dev/null) || {
		rm -f "$dir/package-lock.json"
		echo "peers: npm cannot install (see above)" >&2
		exit 100
	}
fi

# --- Go: one program, from the sources that Debian packs
if [ ! -x "$dir/go_client" ] || [ "$source/client.go" -nt "$dir/go_client" ]; then
	GO111MODULE=off GOFLAGS='' GOPATH="$dir/root/usr/share/gocode" \
	    GOCACHE="$dir/go-cache" go build -o "$dir/go_client" "$source/client.go"
fi

# --- Vowpal Wabbit
if ! "$dir/venv/bin/python" -c 'import vowpalwabbit' 2>/dev/null; then
	rm -rf "$dir/venv"
	python3 -m venv "$dir/venv" 2>/dev/null || {
		sh "$here/deps.sh" python3-venv
		python3 -m venv "$dir/venv"
	}
	"$dir/venv/bin/pip" install -q 'vowpalwabbit==9.11.*' ||
	    echo 'peers: pip cannot install vowpalwabbit (tests/peers/learner.t takes VW=PROGRAM)' >&2
fi
