# SPDX-License-Identifier: MIT
#
# Use: how one program is used, as one of its golden cases shows it: its arguments, its
# input, the files around it.
package Use;
use strict;
use warnings;
use Bannerpipe qw(root build bin_path slurp spew in_copy);
use File::Temp qw(tempdir);
use Msgpack qw(split_stream is_map);
use Process;

# A program of the target's name that notes what the first call of it is given.
my $noter = <<'SH';
#!/bin/sh
if mkdir "$USE_NOTES" 2>/dev/null; then
	for argument; do printf '%s\0' "$argument"; done >"$USE_NOTES/arguments"
	cat >"$USE_NOTES/input"
	cp -R . "$USE_NOTES/folder"
	exec "$USE_PROGRAM" "$@" <"$USE_NOTES/input"
fi
exec "$USE_PROGRAM" "$@"
SH

# What the case gives to the program, or nothing when it does not use it.
sub from_case {
	my ($class, $stem, $case) = @_;
	my $notes = tempdir('bannerpipe.XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/notes';
	my $self = bless { stem => $stem, program => build() . "/bin/bp-$stem",
		case => $case, notes => $notes, home => "$notes/folder" }, $class;
	my ($status) = in_copy($case, sub {
		my ($dir) = @_;
		mkdir "$dir/.noter";
		spew("$dir/.noter/bp-$stem", $noter);
		chmod 0755, "$dir/.noter/bp-$stem";
		local @ENV{qw(PATH TZ USE_NOTES USE_PROGRAM)} =
		    ("$dir/.noter:" . bin_path(), 'UTC', $notes, $self->{program});
		system 'bash', '-o', 'pipefail', '-c',
		    "exec </dev/null >/dev/null 2>&1\n" . slurp("$dir/cmd");
		return $?;
	});
	if ($status != 0 || !-d "$notes/folder") {
		$self->done;
		return;
	}
	$self->{args} = [split /\0/, slurp("$notes/arguments")];
	# The laws ask for the counters themselves.
	for (my $i = 0; $i < @{ $self->{args} };) {
		if ($self->{args}[$i] =~ /^--stats(=|$)/) {
			splice @{ $self->{args} }, $i, $1 eq '=' ? 1 : 2;
		} else {
			$i++;
		}
	}
	$self->{input} = slurp("$notes/input");
	$self->_take_files if !length $self->{input};
	if (!length $self->{input}) {
		$self->done;
		return;
	}
	return $self->_look;
}

# FILE operands called in.* become standard input.
sub _take_files {
	my ($self) = @_;
	my $is_input = sub { $_[0] =~ m{^(\./)?in[^/]*$} && -f "$self->{home}/$_[0]" };
	$self->{input} = join '', map { slurp("$self->{home}/$_") } grep { $is_input->($_) }
	    @{ $self->{args} };
	$self->{args} = [grep { !$is_input->($_) } @{ $self->{args} }];
}

sub _look {
	my ($self) = @_;
	my ($values, $rest) = split_stream($self->{input});
	$self->{text_in} = $rest ne '' || grep { !is_map($_) && ord != 0xc7 } @$values;
	$self->{units} = $self->{text_in} ? [split /^/, $self->{input}] : $values;
	$self->{whole} = $self->run(input => $self->{input});
	my ($out, $left) = split_stream($self->{whole}{out});
	$self->{text_out} = $left ne '' || grep { !is_map($_) && ord != 0xc7 } @$out;
	return $self;
}

sub done { system 'rm', '-rf', $_[0]{notes} =~ s{/notes$}{}r }

sub records { return !$_[0]{text_in} && !$_[0]{text_out} }

# Start it in a folder that the caller owns; options as Process->start, and args.
sub start_in {
	my ($self, $dir, %o) = @_;
	return Process->start($dir, [$self->{program}, @{ $o{args} // [] }, @{ $self->{args} }],
	    env => { TZ => 'UTC', %{ $o{env} // {} } }, %o{grep { exists $o{$_} }
		qw(stdin stdout packets close_stdout)});
}

# Call with a fresh copy of the folder that it works in.
sub in_home {
	my ($self, $do) = @_;
	return in_copy($self->{home}, $do);
}

# Run it to its end on `input`, or on `chunks` that it gets one by one; in `dir` or in a
# copy of its folder. Answers the process, with out, err and status, and stats.
sub run {
	my ($self, %o) = @_;
	my $go = sub {
		my ($dir) = @_;
		my $p = $self->start_in($dir, %o,
			args => ['--stats', "$dir/.stats", @{ $o{args} // [] }],
			packets => exists $o{chunks});
		$p->give(exists $o{chunks} ? @{ $o{chunks} } : $o{input});
		$p->finish;
		$p->{stats} = read_stats("$dir/.stats");
		return $p;
	};
	return $go->($o{dir}) if $o{dir};
	my ($p) = $self->in_home($go);
	return $p;
}

# The counters of a stats file by their short names.
sub read_stats {
	my ($path) = @_;
	return {} if !-e $path;
	return { slurp($path) =~ /^bannerpipe_(\w+?)(?:_total)?(?:\{[^}]*\})? (\d+)$/mg };
}

1;
