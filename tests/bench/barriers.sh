#!/bin/sh
# SPDX-License-Identifier: MIT
#
# barriers.sh: what it costs that a pipeline of six stages is exact: the same with
# bp-run at two distances of barriers, and as one process; and how long it stands still
# when a stage was killed. Processor time (user and system, of all processes) of runs in
# turn: the median of the ratios to the plain pipeline in the same round. A "line" is one
# of the log, which goes through all six stages; a "record" is what one stage takes in.
#
# LINES are those of a log, ROUNDS is how often all are run.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-500000} rounds=${ROUNDS:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
spec=$root/pipelines/access-log.spec

# pipeline [OPTION]: of every stage; "#" in it is the stage's number.
pipeline() {
	stage=0
	for command in \
	    "bp-parse --format combined --map $root/pipelines/access-log.map --max-rejects 100%" \
	    'bp-sort --lateness 1m' bp-join "bp-feature --spec $spec" 'bp-learn --model model' \
	    'bp-metric --by creative_id,slot_id --window 1h'; do
		stage=$((stage + 1))
		[ $stage -eq 1 ] || printf ' | '
		printf %s "$command${1:+ $(echo "$1" | sed "s/#/$stage/")}"
		[ $stage -gt 1 ] || printf ' access.log'
	done
	printf ' >>out'
}

# once NAME COMMAND...: one run; its processor and wall seconds are added to NAME.
once() {
	name=$1
	shift
	rm -rf out model state
	usage "$name" "$@" 2>errors || { cat errors >&2; exit 111; }
	cmp -s out want || { echo "$name: not the bytes of the plain pipeline" >&2; exit 111; }
}

# The median of lines of numbers.
median() { sort -n | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }
least() { cut -d ' ' -f 1 "$1" | sort -n | head -n 1; }
# ratio A B COLUMN: of A to B in the same round; more: the same as per cent more.
ratio() { paste -d ' ' "$1" "$2" | awk -v c="$3" '{ print $c / $(c + 3) }' | median; }
more() { ratio "$@" | awk '{ printf "%+.1f", 100 * $1 - 100 }'; }

gen_log "$lines" 7 >access.log 2>/dev/null
bash -o pipefail -c "$(pipeline '--stats stats.#')" 2>/dev/null
mv out want
records=$(sed -n 's/^bannerpipe_in_total{.*} //p' stats.? | awk '{ n += $1 } END { print n }')
for round in $(seq "$rounds"); do
	once plain bash -o pipefail -c "$(pipeline)"
	once fused bp-run fuse "$(pipeline)"
	for every in 10s 1s 100ms; do
		once "$every" bp-run --every $every --dir state -- "$(pipeline)"
	done
done

# Kill a stage after the first commit, and wait until the file grows again.
cat >kill.pl <<'PERL'
use Time::HiRes qw(time sleep);
sub value { my ($path, $key) = @_; open my $f, '<', $path or return ''; local $/; <$f> =~ /^$key (\S+)/m ? $1 : '' }
my $runner = shift;
sub until_true { my $test = shift; until ($test->()) { kill 0, $runner or die "it has ended\n"; sleep 0.0002 } }
until_true(sub { -s 'out' && hex value('state/committed', 'epoch') > 0 });
my ($was, $size) = (value('state/generation', 'generation'), 0);
kill 'KILL', value('state/stage/feature/member', 'pid');
my $killed = time;
until_true(sub { value('state/generation', 'generation') > $was });
$size = -s 'out';
until_true(sub { my $now = -s 'out'; my $grown = $now > $size; $size = $now; $grown });
printf "%.0f\n", 1000 * (time - $killed);
PERL
for round in $(seq "$rounds"); do
	rm -rf out model state
	bp-run --every 100ms --dir state -- "$(pipeline)" 2>errors &
	perl kill.pl $! >>restart
	wait $! || { cat errors >&2; exit 111; }
	cmp out want
done

per_core() { least plain | awk -v n="$1" '{ printf "%.2f", n / 1e6 / $1 }'; }
cat <<END
six stages as processes       $(per_core "$lines") M lines, $(per_core "$records") M records a second of processor time (goal 0.5)
as one process (bp-run fuse)  $(ratio plain fused 1) of that (goal 1.2)
under bp-run, barrier at end $(more 10s plain 1) % processor time, $(more 10s plain 2) % by the clock: what start and end cost
barriers every 1 s            $(more 1s plain 1) % (goal 3), $(more 1s plain 2) %
barriers every 100 ms         $(more 100ms plain 1) % (goal 10), $(more 100ms plain 2) %
a stage is killed             $(median <restart) ms until there is new output, $(sort -n restart | tail -n 1) ms at worst (goal 300 and what restoring takes)
END
