#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bp-run under a supervisor: the unit, and what it says over NOTIFY_SOCKET.
. "${0%/*}/lib.sh"
unset BP_DIR

printf '{"n":1}\n' >one
cat >supervisor.pl <<'P'
use strict;
use warnings;
use Cwd;
use IO::Socket::UNIX;
my $path = getcwd() . '/notify';
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
$ENV{NOTIFY_SOCKET} = $path;
$ENV{WATCHDOG_USEC} = 60_000_000;
alarm 120;
my $pid = fork // die "fork: $!";
exec 'bp-run', '--dir', 'd', '--every', '20ms', '--',
    'bp-parse --format json --follow one | bp-print --format json >>out.json' if !$pid;
my %seen;
until ($seen{'READY=1'} && $seen{'WATCHDOG=1'} && $seen{STATUS}) {
	$socket->recv(my $note, 2000);
	$seen{ $note =~ /^STATUS=generation 1, epoch / ? 'STATUS' : $note } = 1;
}
kill TERM => $pid;
my $note = '';
$socket->recv($note, 2000) until $note eq 'STOPPING=1';
waitpid $pid, 0;
print "ended with $?\n";
P
same 'ready, alive, its state, stopping' 'ended with 0' perl supervisor.pl
if command -v systemd-analyze >/dev/null; then
	# The pages and programs need not be installed where this is built.
	mkdir units
	for unit in "$root"/pipelines/systemd/*.service "$root"/pipelines/systemd/*.target; do
		sed "s|/usr/share/bannerpipe/pipelines|$root/pipelines|" "$unit" >"units/${unit##*/}"
	done
	for unit in units/*.service units/*.target; do
		name=${unit##*/}
		SYSTEMD_UNIT_PATH=$dir/units: systemd-analyze verify "$unit" >verify 2>&1
		ok "systemd understands $name" \
			sh -c '! grep -v "Command .man" verify | grep bannerpipe'
		case $name in *.service)
			like 'and finds it safe' 'SAFE\|OK' \
				systemd-analyze security --offline=true "$unit"
			;;
		esac
	done
fi
done_testing
