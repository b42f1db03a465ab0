#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the source and its pages, not about a build
#
# A module of lib includes only modules before it, a filter includes lib
# only, and each package is known to one module.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp sources ok done);

# The table of lib/README.md is the order.
my (undef, @order) = slurp(root() . '/lib/README.md') =~ /^\| (\w+) \|/mg;
my %packages = ('zstd.h' => 'stream net', 'msgpack.h' => 'record', 'simdjson.h' => 'text',
	'uv.h' => 'net http', 'llhttp.h' => 'http', 'zlib.h' => 'net', 'openssl/ssl.h' => 'net',
	'openssl/evp.h' => 'net', 'openssl/rand.h' => 'net', 'openssl/crypto.h' => 'net',
	'openssl/err.h' => 'net', 'pcre2.h' => 'text', 'xxhash.h' => 'hash state', 'seccomp.h' => 'filter',
	'hs/hs.h' => 'traffic', 'maxminddb.h' => 'traffic');

my $n = 0;
my %rank = map { $_ => $n++ } @order;

# lib/text/csv.c and lib/text.h belong to the module text.
sub module_of {
	my ($path) = @_;
	return $path =~ m{^lib/([a-z0-9_]+)[./]} ? $1 : undef;
}

my @wrong;
for my $path (sources(qr/\.(c|h|cc)$/, 'lib')) {
	my $module = module_of($path);
	push @wrong, "$path: no module '$module' in the order" if !exists $rank{$module};
	my @includes = slurp(root() . "/$path") =~ /^\s*#\s*include\s*"([^"]+)"/mg;
	for my $include (@includes) {
		my $used = module_of($include);
		if (!defined $used || !exists $rank{$used}) {
			push @wrong, "$path includes \"$include\", which is no path lib/MODULE";
		} elsif (($rank{$module} // 99) < $rank{$used}) {
			push @wrong, "$path includes $include, which is above it";
		}
	}
	my $own = $path =~ s/\.(c|cc)$/.h/r;
	push @wrong, "$path does not include its own header first"
	    if $own ne $path && -e root() . "/$own" && ($includes[0] // '') ne $own;
}
ok('a module includes only those before it', @wrong);

@wrong = ();
for my $path (sources(qr/\.c$/, 'filters')) {
	push @wrong, map { "$path includes \"$_\"" }
	    grep { !m{^lib/} } slurp(root() . "/$path") =~ /^\s*#\s*include\s*"([^"]+)"/mg;
}
ok('a filter includes lib only', @wrong);

@wrong = ();
for my $path (sources(qr/\.(c|h|cc)$/, 'lib', 'filters')) {
	for my $include (slurp(root() . "/$path") =~ /^\s*#\s*include\s*<([^>]+)>/mg) {
		my $owner = $packages{$include} // next;
		push @wrong, "$path includes <$include>, which only $owner may"
		    if !grep { $_ eq (module_of($path) // 'filters') } split ' ', $owner;
	}
}
ok('each package is known to one module', @wrong);
done();
