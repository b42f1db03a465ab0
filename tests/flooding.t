#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the source and its pages, not about a build
#
# What comes from outside is hashed with a key (hash_keyed), so that whoever does not know
# the seed cannot choose keys that collide. Where hash_bytes and hash_wide are used, it has
# to be said here why that is no table keyed from outside.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp sources ok done);

chdir root() or die;
my %why = map { /^(\S+)\s+(.*)/ ? ($1 => $2) : () } split /\n/, <<'WHY';
lib/compose/composition.c	parts of the shop's own creatives
lib/delivery/catalogue_save.c	a digest
lib/delivery/conditions.c	conditions of the shop's own catalogue
lib/delivery/targeting.c	keys of the shop's own targeting; 64 at most are looked through
lib/feature/spec.c	a digest
lib/feature/subject.c	becomes a feature, which models share and store; tables hash it again with a key
lib/feature/vector.c	becomes a feature, which models share and store
lib/filter/outputs.c	a digest
lib/fraud/behaviour.c	seeded; agents of one address, of which a bounded set is looked through
lib/log/format.c	a digest
lib/log/segment.c	a digest
lib/log/writer.c	a digest
lib/model/examination.c	the seed of a number drawn
lib/model/predictor.c	a slice of a model, stored with it
lib/model/region.c	a digest
lib/modeltool/delta.c	a digest
lib/net/client.c	spreads retries
lib/net/forward.c	a digest
lib/net/write.c	a name
lib/rank/decision.c	an id, the same for the same request
lib/rank/portrait.c	keys of a record, in one byte that is compared after
lib/rank/slate.c	candidates of one request, which are looked through
lib/record/feature_key.h	becomes a feature, which models share and store
lib/record/record.c	keys of a record, to tell its shape
lib/runner/check.c	a digest
lib/runner/gather.c	a digest
lib/simulate/market.c	names of our own
lib/simulate/rates.c	names of our own
lib/stream/input.c	a digest
lib/stream/output.c	a digest
lib/stream/tail.c	a digest
lib/text/accesslog.c	an id, the same for the same line; sets of four
lib/text/columns.c	columns of one file, which are looked through
lib/text/expr_call.c	what a person asks for
lib/text/map.c	names of the map itself
lib/text/sparse.h	becomes a feature, which models share and store
lib/traffic/invalid.c	a version
lib/trial/tally.c	shortens a long value where it is shown
lib/tune/tournament_enter.c	a digest
lib/tune/tournament_save.c	a digest
filters/parse.c	a digest
WHY

my (%uses, %keyed);
for my $path (sources(qr/\.(c|h)$/, 'lib', 'filters')) {
	next if $path =~ m{^lib/hash\.[ch]$};
	my $text = slurp($path);
	$uses{$path}++ if $text =~ /\bhash_(bytes|wide)\(/;
	$keyed{$path}++ if $text =~ /\bhash_keyed\(/;
}
ok('hashes without a key are of nothing that keys a table from outside',
    map { "$_ uses hash_bytes or hash_wide: use hash_keyed, or say here why not" }
    grep { !exists $why{$_} } sort keys %uses);
ok('no reason is given that is not needed', map { "$_: $why{$_}" }
    grep { !$uses{$_} } sort keys %why);

# A key that anyone can guess is none: it comes from the seed of the run, or at random.
my @wrong;
for my $path (sort keys %keyed) {
	my $line = 0;
	for (split /\n/, slurp($path)) {
		$line++;
		push @wrong, "$path:$line: $_"
		    if /hash_keyed\(\(struct hash_key\)|hash_keyed\(hash_key\(\d/;
	}
}
ok('keys of hashes come from the seed', @wrong);
done();
