# SPDX-License-Identifier: MIT
#
# Process: run a program and hold all ends of it: what it is given and when, what it
# says, how it ends.
package Process;
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use IO::Handle;
use IO::Select;
use POSIX ();
use Socket qw(AF_UNIX SOCK_SEQPACKET PF_UNSPEC);
use Time::HiRes qw(time sleep);

# Start argv in a folder. Options: env => {}, stdin/stdout => an open handle instead of a
# pipe, packets => 1: standard input is a socket from which each read gets exactly one
# send, so that chunks stay apart.
sub start {
	my ($class, $dir, $argv, %o) = @_;
	my $self = bless { out => '', err => '', queue => [], sent => 0 }, $class;
	my ($in_r, $in_w, $out_r, $out_w, $err_r, $err_w);
	if ($o{stdin}) {
		$in_r = $o{stdin};
	} elsif ($o{packets}) {
		socketpair $in_w, $in_r, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC or die "socketpair: $!";
	} else {
		pipe $in_r, $in_w or die "pipe: $!";
	}
	$o{stdout} ? ($out_w = $o{stdout}) : (pipe $out_r, $out_w or die "pipe: $!");
	pipe $err_r, $err_w or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		chdir $dir or POSIX::_exit(126);
		@ENV{ keys %{ $o{env} } } = values %{ $o{env} } if $o{env};
		POSIX::dup2(fileno $in_r, 0);
		POSIX::dup2(fileno $out_w, 1);
		POSIX::close(1) if $o{close_stdout};
		POSIX::dup2(fileno $err_w, 2);
		POSIX::close($_) for 3 .. 64;
		{ no warnings; exec { $argv->[0] } @$argv; }
		POSIX::_exit(127);
	}
	close $in_r;
	close $out_w;
	close $err_w;
	@$self{qw(pid in_w out_r err_r)} = ($pid, $in_w, $out_r, $err_r);
	for (grep { defined } $in_w, $out_r, $err_r) {
		binmode $_;
		fcntl $_, F_SETFL, fcntl($_, F_GETFL, 0) | O_NONBLOCK;
	}
	return $self;
}

# Queue chunks; pump sends them.
sub give {
	my ($self, @chunks) = @_;
	push @{ $self->{queue} }, grep { length } @chunks;
}

sub _send {
	my ($self) = @_;
	my $n = syswrite $self->{in_w}, $self->{queue}[0];
	if (!defined $n) {
		return if $! == EAGAIN || $! == EINTR;
		$self->{queue} = [];    # it reads no more
		return;
	}
	substr($self->{queue}[0], 0, $n) = '';
	shift @{ $self->{queue} } if !length $self->{queue}[0];
}

sub _take {
	my ($self, $handle, $to) = @_;
	my $n = sysread $self->{$handle}, my $bytes, 1 << 16;
	return if !defined $n;
	$self->{$to} .= $bytes if $n;
	delete $self->{$handle} if $n == 0;
}

# Move bytes until the condition holds, both its outputs are closed, or the time is over.
# Returns whether the condition holds.
sub pump {
	my ($self, $seconds, $until) = @_;
	my $end = time + $seconds;
	local $SIG{PIPE} = 'IGNORE';
	while (!($until && $until->())) {
		my $left = $end - time;
		return 0 if $left <= 0 || !$self->{out_r} && !$self->{err_r};
		my ($r, $w) = ('', '');
		vec($r, fileno $self->{$_}, 1) = 1 for grep { $self->{$_} } qw(out_r err_r);
		vec($w, fileno $self->{in_w}, 1) = 1 if $self->{in_w} && @{ $self->{queue} };
		# What a condition is about may come without a byte.
		next if select($r, $w, undef, $until && $left > 0.01 ? 0.01 : $left) <= 0;
		$self->_take(out_r => 'out') if $self->{out_r} && vec($r, fileno $self->{out_r}, 1);
		$self->_take(err_r => 'err') if $self->{err_r} && vec($r, fileno $self->{err_r}, 1);
		$self->_send if $self->{in_w} && vec($w, fileno $self->{in_w}, 1);
	}
	return 1;
}

# Everything was sent, and the program has read it from its pipe (FIONREAD says how much
# it has not).
sub taken {
	my ($self) = @_;
	return 0 if @{ $self->{queue} };
	ioctl $self->{in_w}, 0x541b, my $left = pack 'i', 0 or die "FIONREAD: $!";
	return unpack('i', $left) == 0;
}

sub signal { kill $_[1], $_[0]{pid} }

# End of input, all output, exit status (128 + N for a signal). A program that takes
# longer is killed.
sub finish {
	my ($self, $seconds) = @_;
	$seconds //= 300;
	my $end = time + $seconds;
	$self->pump($seconds, sub { !@{ $self->{queue} } });
	close delete $self->{in_w} if $self->{in_w};
	$self->pump($end - time);
	while (waitpid($self->{pid}, POSIX::WNOHANG()) == 0) {
		if (time > $end) {
			kill 'KILL', $self->{pid};
			$self->{err} .= "killed after $seconds s\n";
			waitpid $self->{pid}, 0;
			last;
		}
		sleep 0.002;
	}
	$self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	return $self;
}

1;
