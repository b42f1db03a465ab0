# SPDX-License-Identifier: MIT
#
# What the tests of barriers share, after lib.sh: a runner of one start at a time.
#
#	start N COMMAND     start a pipeline of N stages in the folder $state, CUTs every
#	                    $every ms; $group is its process group
#	crash ID            kill -9 that stage, then the rest of the group
#	finish              wait for its end; its exit status
#	pids                the processes of the stages of this start
state=$dir/state every=20 group=
mkdir "$state"
trap '[ -z "$group" ] || pkill -KILL -g "$group"; rm -rf "$dir"' EXIT

start() {
	rm -f "$state/refused"
	epochs begin "$state" "$every" >restored
	BP_DIR=$state setsid bash -o pipefail -c "$2" 2>>err &
	group=$!
	[ "$1" -eq 0 ] || epochs gather "$state" "$1" && return
	pkill -KILL -g "$group"
	return 1
}

pid_of() { sed -n 's/^pid //p' "$state/stage/$1/member"; }

crash() {
	kill -KILL "$(pid_of "$1")" 2>/dev/null
	pkill -KILL -g "$group" 2>/dev/null
	wait "$group" 2>/dev/null
	until_true free
}

# The locks of the stages are free: all processes are gone.
free() {
	for lock in "$state"/stage/*/lock; do
		flock -n "$lock" true || return 1
	done
}

finish() { wait "$group"; }

# Wait until more was committed than at the start.
commits() { [ "$(epochs committed "$state")" \> "$(cat restored)" ]; }

is_refused() { grep -q "$1" "$state/refused" || { cat "$state/refused" err; return 1; }; }
