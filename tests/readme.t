#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# The README's table of filters says of every program what the program says of itself;
# with --rewrite it is written afresh. And every module of lib is in lib/README.md.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root build programs slurp spew ok done);

my $readme = root() . '/README.md';

sub about {
	my ($stem) = @_;
	my $program = build() . "/bin/bp-$stem";
	my @help = `$program --help`;
	chomp @help;
	return $help[1];
}

my $table = "| filter | what it does |\n|---|---|\n"
    . join '', map { sprintf "| [`bp-%s`](filters/%s.1) | %s |\n", $_, $_, about($_) } programs();

my $text = slurp($readme);
my $pattern = qr/(?<=<!-- filters -->\n).*?(?=<!-- end -->)/s;
if (@ARGV && $ARGV[0] eq '--rewrite') {
	$text =~ s/$pattern/$table/;
	spew($readme, $text);
	exit 0;
}
my ($says) = $text =~ /($pattern)/;
ok('the table of filters is what the programs say of themselves',
    ($says // '') eq $table ? () : 'run tests/readme.t --rewrite');

my @wrong =
    map { m{lib/([a-z0-9_]+)} && slurp(root() . '/lib/README.md') !~ /^\| $1 \|/m ? "$1 is missing" : () }
    glob root() . '/lib/*';
ok('every module is in lib/README.md', @wrong);
done();
