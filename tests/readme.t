#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the source and its pages, not about a build
#
# The README's table of filters says of every program what the program says of itself;
# with --rewrite it is written afresh. And every module of lib is in lib/README.md.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use File::Temp qw(tempdir);
use Bannerpipe qw(root build slurp spew ok done);

my $readme = root() . '/README.md';

sub about {
	my ($stem) = @_;
	my $program = build() . "/bin/bp-$stem";
	die "bp-$stem is not built: run make\n" if !-x $program;
	my @help = `$program --help`;
	chomp @help;
	return $help[1];
}

my $table = "| filter | what it does |\n|---|---|\n"
    . join '', map { sprintf "| [`bp-%s`](filters/%s.1) | %s |\n", $_, $_, about($_) }
    map { m{/([^/]+)\.c$} } sort glob root() . '/filters/*.c';

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

my ($example) = $text =~ /^ *```c\n(.*?)^ *```$/ms;
my $dir = tempdir('bannerpipe.XXXXXX', TMPDIR => 1, CLEANUP => 1);
spew("$dir/keep.c", $example =~ s/^   //gmr);
my @strict = map { "-$_" } qw(std=c17 Wall Wextra Wpedantic Wshadow Wconversion Werror);
ok('its example of a filter compiles', split /\n/,
    qx(cc @strict -D_GNU_SOURCE -I@{[root()]} -fsyntax-only $dir/keep.c 2>&1));
my $style = 'file:' . root() . '/.clang-format';
ok('and is laid out', split /\n/, qx(clang-format --style=$style --dry-run $dir/keep.c 2>&1));

my $modules = slurp(root() . '/lib/README.md');
my @wrong = map { m{lib/([a-z0-9_]+)} && $modules !~ /^\| $1 \|/m ? "$1 is missing" : () }
    glob root() . '/lib/*';
ok('every module is in lib/README.md', @wrong);
done();
