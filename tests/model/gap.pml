/* SPDX-License-Identifier: MIT
 *
 * A diamond with pipes that are full at once: source -> tee -> A, B -> merge. A drops
 * what comes before a CUT, so the merge hears nothing of it for long. tee writes whole
 * blocks, first to A and then to B. With a merge that reads ahead there is no deadlock.
 */
#define RECORDS 12
#define LARGE 12 /* messages that tee reads at once */
#define SMALL 4
#define CUT_AT 6 /* the record that the CUT comes after */
#define CUT 100
#define END 101

byte mutant;
#define READS_WANTED 1 /* the merge reads only the input that it wants next */
#define STOPS_AT_CUT 2 /* it reads nothing behind a CUT that the other has not reached */

chan from_source = [1] of { byte };
chan to_a = [1] of { byte };
chan to_b = [1] of { byte };
chan from_a = [1] of { byte };
chan from_b = [1] of { byte };

proctype Source()
{
	byte i;

	do
	:: i < RECORDS ->
		i++;
		from_source!i;
		if :: i == CUT_AT -> from_source!CUT :: else fi
	:: else -> break
	od;
	from_source!END
}

proctype Tee()
{
	byte block[LARGE], n, k, most;
	bool over;

	if :: most = SMALL :: most = LARGE fi;
	do
	:: over -> break
	:: else ->
		n = 0;
		do
		:: n < most && !over ->
			from_source?block[n];
			over = block[n] == END;
			n++
		:: n == most || over -> break
		od;
		k = 0;
		do :: k < n -> to_a!block[k]; k++ :: else -> break od;
		k = 0;
		do :: k < n -> to_b!block[k]; k++ :: else -> break od
	od
}

proctype A()
{
	byte m;

	do
	:: to_a?m ->
		if :: m <= CUT_AT :: else -> from_a!m fi;
		if :: m == END -> break :: else fi
	od
}

proctype B()
{
	byte m;

	do
	:: to_b?m ->
		from_b!m;
		if :: m == END -> break :: else fi
	od
}

/* Times that the merge knows of its inputs, and how many CUTs came. */
proctype Merge()
{
	byte m, time_a, time_b, cuts_a, cuts_b;
	bool over_a, over_b;

	do
	:: over_a && over_b -> break
	:: !over_a && len(from_a) > 0 && (mutant != READS_WANTED || time_a <= time_b || over_b) &&
	    (mutant != STOPS_AT_CUT || cuts_a <= cuts_b) -> from_a?m;
		if
		:: m == END -> over_a = true
		:: m == CUT -> cuts_a++
		:: else -> time_a = m
		fi
	:: !over_b && len(from_b) > 0 && (mutant != READS_WANTED || time_b < time_a || over_a) &&
	    (mutant != STOPS_AT_CUT || cuts_b <= cuts_a) -> from_b?m;
		if
		:: m == END -> over_b = true
		:: m == CUT -> cuts_b++
		:: else -> time_b = m
		fi
	od;
	assert(cuts_a == 1 && cuts_b == 1 && time_a == RECORDS && time_b == RECORDS)
}

init
{
	c_code { now.mutant = getenv("MUTANT") ? atoi(getenv("MUTANT")) : 0; };
	atomic { run Source(); run Tee(); run A(); run B(); run Merge() }
}
