# SPDX-License-Identifier: MIT
#
# Msgpack: as much of msgpack as the laws need, written from the specification and
# sharing nothing with lib/record.
package Msgpack;
use strict;
use warnings;
use Exporter qw(import);
our @EXPORT_OK = qw(size_at split_stream pairs str uint map_of control is_map);

# Header size, payload size and number of children of the value at an offset; nothing
# when it is cut off or no msgpack.
sub measure {
	my ($bytes, $at) = @_;
	return if $at >= length $bytes;
	my $c = ord substr $bytes, $at, 1;
	return (1, 0, 0) if $c < 0x80 || $c >= 0xe0 || $c == 0xc0 || $c == 0xc2 || $c == 0xc3;
	return (1, 0, 2 * ($c & 15)) if $c < 0x90;
	return (1, 0, $c & 15) if $c < 0xa0;
	return (1, $c & 31, 0) if $c < 0xc0;
	my $field = sub {
		my ($size) = @_;
		return if $at + 1 + $size > length $bytes;
		my $type = { 1 => 'C', 2 => 'n', 4 => 'N' }->{$size};
		return unpack $type, substr $bytes, $at + 1, $size;
	};
	my %fixed = (0xca => 5, 0xcb => 9, 0xcc => 2, 0xcd => 3, 0xce => 5, 0xcf => 9,
		0xd0 => 2, 0xd1 => 3, 0xd2 => 5, 0xd3 => 9,
		0xd4 => 3, 0xd5 => 4, 0xd6 => 6, 0xd7 => 10, 0xd8 => 18);
	return (1, $fixed{$c} - 1, 0) if $fixed{$c};
	my %sized = (0xc4 => 1, 0xc5 => 2, 0xc6 => 4, 0xd9 => 1, 0xda => 2, 0xdb => 4,
		0xc7 => 1, 0xc8 => 2, 0xc9 => 4);
	if (my $size = $sized{$c}) {
		my $n = $field->($size) // return;
		return (1 + $size, $n + ($c >= 0xc7 && $c <= 0xc9 ? 1 : 0), 0);
	}
	my %counted = (0xdc => [2, 1], 0xdd => [4, 1], 0xde => [2, 2], 0xdf => [4, 2]);
	my ($size, $each) = @{ $counted{$c} // return };
	my $n = $field->($size) // return;
	return (1 + $size, 0, $each * $n);
}

# Bytes of the whole value at an offset; nothing when it is cut off or no msgpack.
sub size_at {
	my ($bytes, $start) = @_;
	my ($at, $left) = ($start, 1);
	while ($left > 0) {
		my ($head, $body, $children) = measure($bytes, $at) or return;
		$at += $head + $body;
		$left += $children - 1;
		return if $at > length $bytes;
	}
	return $at - $start;
}

# The values of a stream one by one, and what is left that is none.
sub split_stream {
	my ($bytes) = @_;
	my ($at, @values) = (0);
	while (my $size = size_at($bytes, $at)) {
		push @values, substr $bytes, $at, $size;
		$at += $size;
	}
	return (\@values, substr $bytes, $at);
}

sub is_map {
	my $c = ord $_[0];
	return $c >= 0x80 && $c < 0x90 || $c == 0xde || $c == 0xdf;
}

# The pairs of a map in their order: ([key bytes, value bytes], ...).
sub pairs {
	my ($map) = @_;
	my ($at, undef, $children) = measure($map, 0);
	my @pairs;
	while ($children > 0) {
		my $key = size_at($map, $at);
		my $value = size_at($map, $at + $key);
		push @pairs, [substr($map, $at, $key), substr($map, $at + $key, $value)];
		$at += $key + $value;
		$children -= 2;
	}
	return @pairs;
}

sub str {
	my ($text) = @_;
	my $n = length $text;
	return pack($n < 32 ? 'C' : 'CC', $n < 32 ? 0xa0 | $n : (0xd9, $n)) . $text;
}

sub uint { return pack 'CQ>', 0xcf, $_[0] }

# A map of the pairs given as in the answer of pairs.
sub map_of {
	my (@pairs) = @_;
	my $n = @pairs;
	return join '', $n < 16 ? pack('C', 0x80 | $n) : pack('Cn', 0xde, $n),
	    map { @$_ } @pairs;
}

# CRC-32C (Castagnoli), bit by bit.
sub crc32c {
	my ($bytes) = @_;
	my $crc = 0xffffffff;
	for my $byte (unpack 'C*', $bytes) {
		$crc ^= $byte;
		$crc = ($crc >> 1) ^ ($crc & 1 ? 0x82f63b78 : 0) for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

# A control record (lib/record/control.h) of a kind, with its own bytes.
sub control {
	my ($kind, $own) = @_;
	my $payload = pack('CCQ<', $kind, 1, 0) . ($own // '');
	$payload .= pack 'V', crc32c($payload);
	return pack('CCc', 0xc7, length $payload, 66) . $payload;
}

1;
