#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lists.sh: fetch the lists of bp-givt afresh from npm: the patterns of robots (and the
# agents to test them with) from crawler-user-agents, the networks of hosting.txt from
# @ip-location-db/asn.
set -eu
cd "$(dirname "$0")/.."
lists=$PWD/lib/traffic/lists
data=$PWD/tests/data
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fetch() { # fetch PACKAGE FOLDER: its files, and its version on standard output
	mkdir "$2"
	npm pack --silent --pack-destination "$2" "$1" >/dev/null
	tar xzf "$2"/*.tgz -C "$2" --strip-components=1
	jq -r .version "$2/package.json"
}

version=$(fetch crawler-user-agents robots)
{
	echo "# version: $version"
	jq -r '.[].pattern' robots/crawler-user-agents.json
} >robots.txt
jq -r '.[].instances[]?' robots/crawler-user-agents.json | awk '!seen[$0]++' |
    zstd -q -19 >robot-agents.txt.zst

version=$(fetch @ip-location-db/asn networks)
{
	echo "# version: $version"
	echo '# Networks of the systems in hosting.txt; by Route Views (routeviews.org) and DB-IP'
	echo '# (db-ip.com), CC BY 4.0.'
	# What lies side by side becomes one range; both files are in the order of addresses.
	for file in networks/asn-ipv4-num.csv networks/asn-ipv6-num.csv; do
		perl -Mbigint -e '
			sub text {
				my ($n, $six) = @_;
				return join ".", map { ($n >> $_) & 255 } 24, 16, 8, 0 if !$six;
				my $t = join ":", map { sprintf "%x", ($n >> 16 * $_) & 65535 } reverse 0 .. 7;
				$t =~ s/(^|:)0(:0)+$/::/;
				return $t;
			}
			my ($asns, $file) = @ARGV;
			my $six = $file =~ /ipv6/;
			open my $a, "<", $asns or die "$asns: $!\n";
			my %want = map { /^(\d+)/ ? ($1 => 1) : () } <$a>;
			open my $f, "<", $file or die "$file: $!\n";
			my ($first, $last);
			sub say_range {
				return if !defined $first;
				print text($first, $six), $first == $last ? "" : "-" . text($last, $six), "\n";
			}
			while (<$f>) {
				my ($from, $to, $asn) = split /,/;
				next if !$want{$asn};
				if (defined $last && $from == $last + 1) { $last = Math::BigInt->new($to); next }
				say_range();
				($first, $last) = (Math::BigInt->new($from), Math::BigInt->new($to));
			}
			say_range();' "$lists/hosting.txt" "$file"
	done
} >datacentres.txt

mv robots.txt datacentres.txt "$lists"
mv robot-agents.txt.zst "$data"
wc -l "$lists/robots.txt" "$lists/datacentres.txt"
