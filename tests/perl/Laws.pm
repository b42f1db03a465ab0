# SPDX-License-Identifier: MIT
#
# Laws: one function for each law. It is given the uses of a program, the one that its
# first golden case shows before the others, and answers what is wrong, line by line.
package Laws;
use strict;
use warnings;
use Bannerpipe qw(root build slurp spew lint);
use List::Util qw(min max sum first shuffle);
use Msgpack qw(split_stream is_map pairs str uint map_of control);
use Time::HiRes qw(time);
use Use;

my $sanitized = build() =~ /address/;
my $passing_by = control(99, 'passing by');    # a kind that nobody knows
my $the_end = control(4);

# The uses that a program's own golden cases show.
sub uses {
	my ($stem) = @_;
	my @cases = grep { !-e "$_/status" || slurp("$_/status") == 0 }
	    sort(glob root() . "/tests/golden/$stem"), sort glob root() . "/tests/golden/$stem-*";
	return map { Use->from_case($stem, $_) } grep { -e "$_/cmd" } @cases;
}

# How two runs differ, in words.
sub differ {
	my ($what, $got, $wanted) = @_;
	my @wrong;
	push @wrong, "$what: exit $got->{status}, not $wanted->{status}: $got->{err}"
	    if $got->{status} != $wanted->{status};
	push @wrong, difference($what, $got->{out}, $wanted->{out});
	return @wrong;
}

sub difference {
	my ($what, $got, $wanted) = @_;
	return if $got eq $wanted;
	my $same = ("$got\0" ^ "$wanted\1") =~ /^(\0*)/ ? length $1 : 0;
	return sprintf '%s: %d bytes, not %d; they differ from byte %d', $what, length $got,
	    length $wanted, $same;
}

# Enough of the input for what costs a system call a byte.
sub beginning {
	my ($use, $size) = @_;
	my $some = '';
	for (@{ $use->{units} }) {
		last if length $some && length($some) + length > $size;
		$some .= $_;
	}
	return $some;
}

sub random_cuts {
	my ($bytes) = @_;
	my ($at, @chunks) = (0);
	while ($at < length $bytes) {
		my $size = 1 + int rand 2**rand 13;
		push @chunks, substr $bytes, $at, $size;
		$at += $size;
	}
	return @chunks;
}

# 1
sub chunks {
	my ($use) = @_;
	my @wrong;
	my $some = beginning($use, 12_000);
	my $wanted = $some eq $use->{input} ? $use->{whole} : $use->run(input => $some);
	push @wrong, differ('byte by byte', $use->run(chunks => [split //, $some]), $wanted);
	for (1 .. 3) {
		my @cuts = random_cuts($use->{input});
		push @wrong, differ(@cuts . ' random chunks', $use->run(chunks => \@cuts),
			$use->{whole});
	}
	return @wrong;
}

# 2: with --state the end of an input is a pause; END (a control record) is the end.
sub goes_on {
	my ($use) = @_;
	my @units = @{ $use->{units} };
	my $end = $use->{text_in} ? '' : $the_end;
	my $wanted = $use->run(input => $use->{input} . $end);
	my @wrong;
	for my $at (0, int rand @units, int rand @units, scalar @units) {
		my ($a, $b) = $use->in_home(sub {
			my ($dir) = @_;
			my %o = (dir => $dir, args => ['--state', "$dir/.state"]);
			my $first = $use->run(%o, input => join '', @units[0 .. $at - 1]);
			my $second = $use->run(%o,
				input => join('', @units[$at .. $#units]) . $end);
			return ($first, $second);
		});
		push @wrong, "no snapshot after $at" if $a->{status} > 1;
		push @wrong, differ("cut after $at of " . @units,
			{ %$b, out => $a->{out} . $b->{out} }, $wanted);
	}
	return @wrong;
}

# What it has written of this input when it has not ended yet.
sub written_of {
	my ($use, $input) = @_;
	my ($p) = $use->in_home(sub {
		my ($dir) = @_;
		return $use->run(dir => $dir, input => $input, args => ['--state', "$dir/.state"]);
	});
	return $p->{out};
}

# Records (not control records) in an output.
sub count {
	my ($bytes) = @_;
	return scalar grep { is_map($_) } @{ (split_stream($bytes))[0] };
}

# One try of law 3: everything but the last unit, then the last. Answers the seconds that
# its output took, and what is wrong.
sub try_prompt {
	my ($use, $wanted) = @_;
	my @units = @{ $use->{units} };
	my $last = pop @units;
	my $mark = $use->records ? $passing_by : '';
	return $use->in_home(sub {
		my ($dir) = @_;
		my $p = $use->start_in($dir, args => ['--stats', "$dir/.stats"]);
		my $before = written_of($use, join('', @units) . $mark);
		$p->give(@units, $mark);
		my $there = $p->pump(120, sub { length $p->{out} >= length $before && $p->taken });
		my $began = time;
		$p->give($last, $mark);
		$there &&= $p->pump(120, sub { length $p->{out} >= length $wanted });
		my $took = time - $began;
		my @wrong = $there ? () : sprintf 'only %d of %d bytes came', length $p->{out},
		    length $wanted;
		push @wrong, difference('with the input open', $p->{out}, $wanted) if $there;
		push @wrong, counted_but_kept($use, $p, "$dir/.stats") if $there && $use->records;
		$p->finish;
		return ($took, @wrong);
	});
}

# What it counts as written must have come out.
sub counted_but_kept {
	my ($use, $p, $file) = @_;
	$p->signal('USR1');
	$p->pump(120, sub { -e $file }) or return 'no stats after USR1';
	my $stats = Use::read_stats($file);
	my ($says, $came) = ($stats->{out} + $stats->{emitted}, count($p->{out}));
	return $says == $came ? () : "it says that it wrote $says records; $came came";
}

# 3: what is held until its window closes is not waited for, only what it writes at once.
sub prompt {
	my ($use) = @_;
	my $mark = $use->records ? $passing_by : '';
	my @units = @{ $use->{units} };
	my $wanted = written_of($use,
	    join('', @units[0 .. $#units - 1]) . $mark . $units[-1] . $mark);
	my $best = 999;
	for (1 .. 40) {    # on a busy machine most tries may have to wait for a processor
		my ($took, @wrong) = try_prompt($use, $wanted);
		return @wrong if @wrong;
		$best = min($best, $took);
		last if $best < 0.05;
	}
	return $best < 0.05 ? () : sprintf 'it took %.0f ms at best', $best * 1000;
}

sub fails {
	my ($what, $p, $statuses) = @_;
	my @wrong;
	push @wrong, "$what: exit $p->{status}" if $p->{status} !~ /^(?:$statuses)$/;
	push @wrong, "$what: no message" if $p->{err} !~ /^bp-\w+: \S/m;
	return @wrong;
}

# 4
sub broken_ends {
	my ($use) = @_;
	my @wrong;
	my %ends = ('output to a full disk' => [stdout => '>', '/dev/full'],
		'a folder as input' => [stdin => '<', '/']);
	for my $what (sort keys %ends) {
		my ($end, $mode, $path) = @{ $ends{$what} };
		next if $end eq 'stdout' && $use->{whole}{out} eq '';
		my $handle;
		$mode eq '>' ? open($handle, '>', $path) : sysopen($handle, $path, 0);
		my ($p) = $use->in_home(sub {
			my $p = $use->start_in($_[0], $end => $handle);
			$p->give($use->{input}) if $end eq 'stdout';
			return $p->finish;
		});
		push @wrong, fails($what, $p, '111|100');
	}
	my ($closed) = $use->in_home(sub {
		my $p = $use->start_in($_[0], close_stdout => 1);
		$p->give($use->{input});
		return $p->finish;
	});
	push @wrong, fails('output closed from the start', $closed, '111');
	my ($gone) = $use->in_home(sub {
		my $p = $use->start_in($_[0]);
		close delete $p->{out_r};
		$p->give($use->{input});
		return $p->finish;
	});
	push @wrong, "the reader has gone: exit $gone->{status}: $gone->{err}"
	    if $gone->{status} != $use->{whole}{status};
	return @wrong;
}

# 5
sub terminated {
	my ($use) = @_;
	my $mark = $use->{text_in} ? '' : $passing_by;
	my @units = @{ $use->{units} };
	my $cut = int @units / 2;
	my ($a, $b) = (join('', @units[0 .. $cut - 1]) . $mark, join '', @units[$cut .. $#units]);
	my $end = $use->{text_in} ? '' : $the_end;
	my $wanted = $use->run(input => $a . $b . $end);
	my $half = written_of($use, $a);
	my ($first, $second, $saved) = $use->in_home(sub {
		my ($dir) = @_;
		my @state = ('--state', "$dir/.state");
		my $p = $use->start_in($dir, args => [@state]);
		$p->give($a);
		$p->pump(120, sub { length $p->{out} >= length $half && $p->taken });
		$p->signal('TERM');
		$p->pump(120);
		$p->finish;
		my $saved = -e "$dir/.state/$use->{stem}.snap";
		return ($p, $use->run(dir => $dir, input => $b . $end, args => \@state), $saved);
	});
	my @wrong;
	push @wrong, "exit $first->{status}: $first->{err}" if $first->{status} > 1;
	push @wrong, 'no snapshot was saved' if !$saved;
	push @wrong, differ('stopped and gone on',
		{ %$second, out => $first->{out} . $second->{out} }, $wanted);
	return @wrong;
}

# 6
sub damaged {
	my ($use) = @_;
	return damaged_text($use) if $use->{text_in};
	my @units = @{ $use->{units} };
	my $last = pop @units;
	my $before = join '', @units;
	my $n = 1 + grep { is_map($_) } @units;
	my $wanted = written_of($use, $before);
	my %bad = ('cut off' => [substr($last, 0, length($last) - 1), length($before . $last) - 1],
		'a foreign byte' => ["\xc1$last", length $before],
		'text' => ["GET / HTTP/1.1\n", length $before]);
	my @wrong;
	for my $what (sort keys %bad) {
		my ($bytes, $offset) = @{ $bad{$what} };
		my $p = $use->run(input => $before . $bytes);
		push @wrong, fails($what, $p, '111');
		push @wrong, map { "$what: no '$_' in: $p->{err}" }
		    grep { $p->{err} !~ /\b$_\b/ } "byte $offset", "record $n";
		push @wrong, difference("$what, output before it", $p->{out}, $wanted);
	}
	return @wrong;
}

# Of text, a line is wrong, not the stream.
sub damaged_text {
	my ($use) = @_;
	my $input = $use->{input} =~ s/\n?\z/\n/r;
	my ($offset, $n) = (length $input, 1 + $input =~ tr/\n//);
	my $clean = $use->run(input => $input);
	my $p = $use->run(input => "$input\x00\xff\x01 garbage\n");
	my @wrong = fails('a line of garbage', $p, '1');
	push @wrong, "no 'line $n at byte $offset' in: $p->{err}"
	    if $p->{err} !~ /\bline $n at byte $offset\b/;
	push @wrong, difference('the other lines', $p->{out}, $clean->{out});
	return @wrong;
}

# 7
sub repeats {
	my ($use) = @_;
	my @seed = (args => ['--seed', 42], input => $use->{input});
	my $first = $use->run(@seed);
	my $again = $use->run(@seed, env => { TZ => 'Asia/Kolkata', LC_ALL => 'C.UTF-8',
		HOSTNAME => 'elsewhere' });
	my $live = $use->run(args => ['--seed', 42], chunks => $use->{units});
	return (differ('again', $again, $first), differ('live', $live, $first));
}

# The records once more, `round` times: with identifiers of their own, later in time.
sub repeated {
	my ($units, $rounds) = @_;
	my @maps = map { is_map($_) ? [pairs($_)] : $_ } @$units;
	my @times = map { unpack 'xQ>', $_->[1] }
	    grep { $_->[0] eq str('timestamp') && ord $_->[1] == 0xcf }
	    map { ref ? @$_ : () } @maps;
	my $step = @times ? max(@times) - min(@times) + 1_000_000 : 0;
	my $all = '';
	for my $round (0 .. $rounds - 1) {
		for my $map (@maps) {
			$all .= !ref $map ? $map : map_of(map {
				my ($key, $value) = @$_;
				$key eq str('timestamp') && ord $value == 0xcf
				    ? [$key, uint($round * $step + unpack 'xQ>', $value)]
				: $key =~ /_id\z/ && $value =~ /^[\xa1-\xb7]/
				    ? [$key, str(substr($value, 1) . "~$round")]
				: $_;
			} @$map);
		}
	}
	return $all;
}

# Peak KiB of a run on this input, and its exit status.
sub peak {
	my ($use, $input) = @_;
	my $usage = build() . '/tools/usage';
	die "$usage is not built: run make\n" if !-x $usage;
	return $use->in_home(sub {
		my ($dir) = @_;
		spew("$dir/.input", $input);
		open my $stdin, '<', "$dir/.input" or die $!;
		open my $stdout, '>', '/dev/null' or die $!;
		my $p = Process->start($dir, [$usage, "$dir/.usage",
			$use->{program}, @{ $use->{args} }], stdin => $stdin, stdout => $stdout,
			env => { TZ => 'UTC', ASAN_OPTIONS => ($ENV{ASAN_OPTIONS} // '') .
			    ':quarantine_size_mb=8' });
		$p->finish;
		return ((split ' ', slurp("$dir/.usage"))[2], $p->{status});
	});
}

# 8: --memory as given, or its preset of 256M; sanitizers take a multiple of it.
sub bounded {
	my ($use) = @_;
	my $rounds = max(1, int 400_000 / length $use->{input});
	my $input = sub {
		my ($n) = @_;
		return $use->{text_in} ? $use->{input} x $n : repeated($use->{units}, $n);
	};
	my ($allowed) = "@{ $use->{args} }" =~ /--memory[ =](\d+)M/;
	$allowed = ($allowed // 256) * 1024 * ($sanitized ? 4 : 1);
	my ($once) = peak($use, $input->($rounds));
	my ($ten, $status) = peak($use, $input->(10 * $rounds));
	my @wrong;
	push @wrong, "exit $status on ten times the input" if $status > 1;
	push @wrong, "peak of $ten KiB (of $once KiB on a tenth); $allowed KiB are allowed"
	    if $ten > $allowed;
	return @wrong;
}

# Options as --help lists them: name => preset, "a|b" of a choice, or nothing. Own ones
# stand on a line each, "  -n, --cap COUNT  impressions allowed (3)"; those that are rare
# and common ones in a paragraph, "--cap COUNT (3)".
sub help_options {
	my ($own, $common) = @_;
	my %found;
	($own, my $rare) = split /^seldom needed.*\n/m, $own;
	$common .= $rare // '';
	for (split /\n/, $own // '') {
		my ($name) = /^  (?:-\w, |    )--([a-z0-9-]+)/ or next;
		($found{$name}) = (/\(([^()]*)\)$/, '');
	}
	my $brief = qr/--([a-z0-9-]+)(?: [A-Z][^ \n(]*)?(?: \(([^()]*)\))?/;
	$found{$1} = $2 // '' while $common =~ /$brief/g;
	return %found;
}

# Options as a page lists them: name => text of its item.
sub page_options {
	my ($text) = @_;
	my (%found, $name);
	for (split /\n/, $text) {
		undef $name if /^\.(It|El|Sh)/;
		$name = $1 if /^\.It .*?(?:Fl|,) -([a-z0-9-]+)/;
		$found{$name} .= "$_\n" if defined $name;
	}
	return %found;
}

sub differing_options {
	my ($page, $text, %help) = @_;
	my %page = page_options($text);
	my @wrong;
	for my $name (sort keys %help) {
		my $item = $page{$name};
		push @wrong, "$page has no --$name" if !defined $item;
		next if !defined $item;
		push @wrong, map { "$page, --$name: no word of '$_'" }
		    grep { $item !~ /(?<![\w.])\Q$_\E(?!\w)/ } split /\|/, $help{$name};
	}
	push @wrong, map { "$page has --$_, --help has not" }
	    grep { !exists $help{$_} } sort keys %page;
	return @wrong;
}

# What the program says of itself.
sub help_of {
	my ($stem) = @_;
	my $program = build() . "/bin/bp-$stem";
	return scalar `$program --help`;
}

# A program without --rejects takes no records: of the laws only that of pages holds.
sub is_filter {
	my ($stem) = @_;
	return help_of($stem) =~ /^ .*--rejects /m;
}

# A program that talks to sockets, and does nothing without, cannot be judged by standard
# input and output: tests/pipe/STEM-*.t hold it to what is true of it.
sub has_sockets {
	my ($stem) = @_;
	return help_of($stem) =~ /\bHOST:PORT\b/;
}

# 9: own options in the filter's page, common ones in bannerpipe(7).
sub documented {
	my ($use) = @_;
	my $page = "filters/$use->{stem}.1";
	return "no $page" if !-e root() . "/$page";
	my $help = help_of($use->{stem});
	my @wrong = $? == 0 ? () : "--help: exit $?";
	my ($own, $common) = split /^common options.*\n/m, $help =~ s/^examples:.*//msr;
	push @wrong, lint($page);
	push @wrong, 'no examples in --help' if $help !~ /^examples:\n./m;
	push @wrong, differing_options($page, slurp(root() . "/$page"), help_options($own, ''));
	push @wrong, differing_options('pipelines/bannerpipe.7',
		slurp(root() . '/pipelines/bannerpipe.7'), help_options('', $common))
	    if defined $common;
	my ($about) = $help =~ /\A.*\n(.*)\n/;
	push @wrong, "$page: .Nd is not '$about'"
	    if slurp(root() . "/$page") !~ /^\.Nd \Q$about\E$/m;
	return @wrong;
}

# A record of a kind that nobody knows, at the time of another one.
sub stranger {
	my ($like) = @_;
	my $time = first { $_->[0] eq str('timestamp') } pairs($like);
	return map_of([str('event'), str('zebra_crossing')], [str('event_id'), str('zebra-1')],
		$time // [str('timestamp'), uint(1_574_553_600_000_000)],
		[str('stripes'), "\x93\x01\xc0\x81\xa1a\xcb\x3f\xf0" . "\0" x 6]);
}

# event and event_id of a record, as bytes.
sub identity {
	my ($record) = @_;
	my %value = map { @$_ } pairs($record);
	return join '/', map { $value{ str($_) } // '' } qw(event event_id);
}

# Text may show a control record as a line of its own, or leave it out.
sub passes_control {
	my ($use) = @_;
	my @units = @{ $use->{units} };
	my $at = int @units / 2;
	my $input = join '', @units[0 .. $at - 1], $passing_by, @units[$at .. $#units];
	my $out = $use->run(input => $input)->{out};
	my $wanted = $use->{whole}{out};
	my @wrong;
	if ($use->{text_out}) {
		my @lines = split /^/, $out;
		my @shown = split /^/, $wanted;
		my $i = first { $lines[$_] ne ($shown[$_] // '') } 0 .. $#lines;
		splice @lines, $i, 1 if @lines == 1 + @shown;
		$out = join '', @lines;
	} else {
		my $times = () = $out =~ /\Q$passing_by\E/g;
		push @wrong, "the control record came out $times times" if $times != 1;
		$out =~ s/\Q$passing_by\E//;
	}
	push @wrong, difference('besides the control record', $out, $wanted);
	return @wrong;
}

# It goes where a record that passes is, so that it is not late where that is not.
sub passes_strangers {
	my ($use) = @_;
	my @units = @{ $use->{units} };
	my @maps = grep { is_map($units[$_]) } 0 .. $#units;
	my $at = (first { index($use->{whole}{out}, $units[$_]) >= 0 } @maps) // $maps[0];
	my $stranger = stranger($units[$at]);
	splice @units, $at + 1, 0, $stranger;
	my $p = $use->run(input => join '', @units);
	return if index($p->{out}, $stranger) >= 0;
	return 'a record of an unknown kind did not come out as it went in';
}

sub passes_unknown_keys {
	my ($use) = @_;
	my $pair = str('zebra_stripes') . "\xc4\x03\x00\xffz";
	my @marked = map { is_map($_) ? map_of(pairs($_), [$pair, '']) : $_ } @{ $use->{units} };
	my $p = $use->run(input => join '', @marked);
	my %given = map { identity($_) => 1 } grep { is_map($_) } @{ $use->{units} };
	my @came = grep { is_map($_) && $given{ identity($_) } } @{ (split_stream($p->{out}))[0] };
	my @lost = grep { index($_, $pair) < 0 } @came;
	return if !@lost;
	return @lost . ' of ' . @came . ' records came out without a key that is unknown';
}

# 10: a filter whose purpose is to select is used so that strangers pass by one of its
# golden cases at least.
sub transparent {
	my (@uses) = @_;
	return if $uses[0]{text_in};
	return passes_control($uses[0]) if $uses[0]{text_out};
	my @wrong = passes_control($uses[0]);
	for my $law (\&passes_strangers, \&passes_unknown_keys) {
		my @reasons;
		for (grep { $_->records } @uses) {
			my @these = $law->($_) or @reasons = (), last;
			push @reasons, @these;
		}
		push @wrong, $reasons[0] if @reasons;
	}
	return @wrong;
}

# 11
sub conserves {
	my (@uses) = @_;
	my @wrong;
	for my $use (@uses) {
		my $p = $use->{whole};
		my $s = $p->{stats};
		my $case = $use->{case} =~ s{.*/}{}r;
		my @ends = qw(out dropped rejected held late);
		push @wrong, "$case: no counter '$_'" for grep { !defined $s->{$_} } 'in', @ends;
		next if @wrong;
		my $sum = sum map { $s->{$_} } @ends;
		push @wrong, "$case: in $s->{in}, but " . join ', ', map { "$_ $s->{$_}" } @ends
		    if $s->{in} != $sum;
		next if $use->{text_in} && $use->{text_out};
		my $records = grep { is_map($_) } @{ $use->{units} };
		push @wrong, "$case: $records records went in, $s->{in} were counted"
		    if !$use->{text_in} && $s->{in} != $records;
		next if $use->{text_out};
		my $says = $s->{emitted} + $s->{out};
		push @wrong, "$case: " . count($p->{out}) . " records came out, $says were counted"
		    if count($p->{out}) != $says;
	}
	return @wrong;
}

# A record's timestamp; undef when it has none that is an integer.
sub instant_of {
	my ($record) = @_;
	my $time = first { $_->[0] eq str('timestamp') } pairs($record);
	my ($type, $bytes) = unpack 'Ca*', $time ? $time->[1] : "\xc0";
	return $type == 0xcf ? unpack 'Q>', $bytes
	    : $type == 0xd3  ? unpack 'q>', $bytes
	    : $type == 0xce  ? unpack 'N', $bytes
	    :                  undef;
}

# The watermark of a TICK; undef of all else.
sub watermark_of {
	my ($unit) = @_;
	my ($type, $size, $ext) = unpack 'CCc', $unit;
	return undef if $type != 0xc7 || $ext != 66 || ord(substr $unit, 3, 1) != 3;
	return unpack 'q<', substr $unit, 13, 8;
}

# Whether it flows once more: it was not held, and has the time that it had.
sub is_again {
	my ($record) = @_;
	return defined first { $_->[0] eq str('verdict') } pairs($record);
}

# What came in before a TICK, which is later than all of it, and what comes out behind one.
sub overtaken {
	my ($use, $at) = @_;
	my @units = @{ $use->{units} };
	my %before = map { identity($_) => 1 } grep { is_map($_) } @units[0 .. $at - 1];
	delete $before{ identity($_) } for grep { is_map($_) } @units[$at .. $#units];
	my @times = grep { defined } map { instant_of($_) } grep { is_map($_) } @units[0 .. $at - 1];
	my $tick = control(3, pack 'q<C', 1 + (max(@times) // 0), 0);
	my $out = $use->run(input => join '', @units[0 .. $at - 1], $tick, @units[$at .. $#units])->{out};
	my ($latest, @wrong);
	for (@{ (split_stream($out))[0] }) {
		$latest = watermark_of($_) // $latest, next if !is_map($_);
		next if is_again($_);
		my $time = instant_of($_);
		push @wrong, "a record of $time comes out after the TICK $latest, and came in before it"
		    if defined $latest && defined $time && $time < $latest && $before{ identity($_) };
	}
	return @wrong ? $wrong[0] : ();
}

# 12
sub overtakes {
	my (@uses) = @_;
	my @wrong;
	for my $use (grep { $_->records } @uses) {
		my $n = @{ $use->{units} };
		push @wrong, map { overtaken($use, $_) } grep { $_ > 0 } int $n / 2, $n;
	}
	return @wrong;
}

1;
