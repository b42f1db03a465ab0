#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the source and its pages, not about a build
#
# Every manual page is clean mdoc, for mandoc and for the groff of man(1), which takes any
# word that is a macro for one; every program has a page of its name, and pages
# refer only to pages that exist. That pages and options agree is law 9 (laws.t).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp sources lint ok done);

chdir root() or die;
my @pages = sources(qr{\.[157]$}, 'filters', 'lib', 'pipelines');
# Each page by the name and section that its .Dt line gives it: "bp-join.1".
my %known = map { slurp($_) =~ /^\.Dt (\S+) (\d)$/m ? (lc "$1.$2" => $_) : () } @pages;

for my $page (@pages) {
	ok("$page is clean mdoc", lint($page), split /\n/, `groff -mandoc -Tutf8 -z $page 2>&1`);
	my @wrong;
	my $text = slurp($page);
	push @wrong, "its first line is no SPDX line"
	    if $text !~ /^\.\\" SPDX-License-Identifier: MIT\n/;
	while ($text =~ /\bXr (bp-\S+|bannerpipe\S*) (\d)/g) {
		push @wrong, "refers to $1($2), which does not exist" if !$known{"$1.$2"};
	}
	ok("$page refers to pages that exist", @wrong);
}
for my $filter (sources(qr/\.c$/, 'filters')) {
	my ($stem) = $filter =~ m{([^/]+)\.c$};
	ok("bp-$stem has a page",
	    ($known{"bp-$stem.1"} // '') eq "filters/$stem.1"
	    ? () : "no filters/$stem.1 of bp-$stem(1)");
}
done();
