#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Every manual page is clean mdoc, every program has one of its name, and the pages
# refer only to pages that exist. That pages and options agree is law 9 (laws.t).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp sources ok done);

chdir root() or die;
my @pages = sources(qr{\.[157]$}, 'filters', 'lib', 'pipelines');
my %known = map { m{([^/]+)\.(\d)$}; ($1 =~ /^b(p-|annerpipe)/ ? $1 : "bp-$1") . ".$2" => 1 }
    @pages;

for my $page (@pages) {
	ok("$page is clean mdoc", split /^/, `mandoc -T lint -W warning $page 2>&1`);
	my @wrong;
	my $text = slurp($page);
	push @wrong, "its first line is no SPDX line" if $text !~ /^\.\\" SPDX-License-Identifier: MIT\n/;
	while ($text =~ /^(?:\.It )?\.?Xr (bp-\S+|bannerpipe\S*) (\d)/mg) {
		push @wrong, "refers to $1($2), which does not exist" if !$known{"$1.$2"};
	}
	ok("$page refers to pages that exist", @wrong);
}
for my $filter (sources(qr/\.c$/, 'filters')) {
	my ($stem) = $filter =~ m{([^/]+)\.c$};
	my $page = "filters/$stem.1";
	my $text = -e $page ? slurp($page) : '';
	ok("bp-$stem has a page of its name",
	    $text =~ /^\.Nm bp-\Q$stem\E\n/m ? () : "$page: no .Nm bp-$stem");
}
done();
