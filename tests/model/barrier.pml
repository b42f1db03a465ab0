/* SPDX-License-Identifier: MIT
 *
 * The barrier protocol of a pipeline under bp-run (README.md). Every process is always
 * between two steps, so killing it, or a power cut, is one assignment; what it had in
 * memory goes with it.
 *
 * A record is its number in its stream, so a sink knows what the next one must be. A file
 * is its length and where the first wrong byte is. Epochs of the generation that runs are
 * 1, 2, ...; slot 0 is the one that was restored.
 */
#define LINE 1    /* S0 -> F1 -> K2; S0 reads a foreign program's pipe */
#define FANOUT 2  /* S0 -> F1 -> K2, K3 */
#define FANIN 3   /* S0, S1 -> M2 -> K3; S0 ends long before S1 */
#define DIAMOND 4 /* S0 -> A1, B2 -> M3 -> K4, K5 */

#ifndef TOPOLOGY
#define TOPOLOGY LINE
#endif
#ifndef KILLS /* of single processes, the runner among them */
#define KILLS 1
#endif
#ifndef POWER /* power cuts */
#define POWER 1
#endif
#ifndef STOPS /* planned stops */
#define STOPS 1
#endif
#ifndef CUTS /* that a source makes in a generation, besides one at a stop */
#define CUTS 2
#endif
#ifndef ROOM /* messages that a pipe holds, and that a stage holds back */
#define ROOM 2
#endif

#if TOPOLOGY == LINE
#define STAGES 3
#define LINKS 2
#define SOURCES 1
#define SINKS 1
#define RECORDS(i) 2
#define TOTAL 2
#elif TOPOLOGY == FANOUT
#define STAGES 4
#define LINKS 3
#define SOURCES 1
#define SINKS 2
#define RECORDS(i) 2
#define TOTAL 2
#elif TOPOLOGY == FANIN
#define STAGES 4
#define LINKS 3
#define SOURCES 2
#define SINKS 1
#define RECORDS(i) (1 + (i))
#define TOTAL 3
#else
#define STAGES 6
#define LINKS 6
#define SOURCES 1
#define SINKS 2
#define RECORDS(i) 1
#define TOTAL 2
#endif
#define FINISHER (STAGES - SINKS - 1) /* writes one record more when its input ends */
#define FIRST_SINK (STAGES - SINKS)
#define GENERATIONS (1 + KILLS + POWER + STOPS)
#define SLOTS (CUTS + 3) /* those of the CUTs, 0, one of a stop, one of the end */

/* Faults that the protocol must not have; chosen at run time, 0 is the protocol. */
byte mutant;
#define CUT_BEFORE_DURABLE 1
#define VOTE_BEFORE_OUTPUT 2
#define NO_FENCE 3
#define MAXIMUM 4
#define EOF_IS_END 5
#define OLD_VOTES 6
#define OLD_DONE 7
#define TOPOLOGY_EARLY 8
#define TOPOLOGY_OF_LIVING 9
#define EMPTY_IS_SOURCE 10
#define FORGET_EARLY 11
#define PUBLISH_EARLY 12
#define GENERATION_EARLY 13
#define STATUS_IGNORED 14
#define NO_LAST_SNAPSHOT 15
#define NO_ALIGNMENT 16
#define ARRIVAL_ORDER 17
#define BEGINNING_AGAIN 18
#define OVERTAKE 19
#define STOP_BEFORE_DURABLE 20

/* Messages. */
#define HELLO 1
#define END 2
#define PAUSE 3
#define CUT 8     /* + epoch */
#define RECORD 32 /* + number */
#define FINAL 20  /* the number of what is written at the end */
#define WRONG 30  /* of what came of a wrong input */
#define NO 99     /* no link, no error */

chan pipe[LINKS] = [ROOM] of { byte };
chan held[STAGES] = [ROOM] of { byte }; /* behind a CUT that is not durable */

/* Stages, in memory. */
bool alive[STAGES], joined[STAGES];
byte read0[STAGES], read1[STAGES]; /* records read; 3: not the right ones */
byte sent0[STAGES], sent1[STAGES]; /* of these, sent on */
byte got[STAGES];                  /* inputs that reached the CUT, bits */
byte over[STAGES], paused[STAGES]; /* inputs at their END or PAUSE, bits; of a source:
				    * it cut for the stop */
byte cut[STAGES];                  /* the last CUT's number */
byte saving[STAGES];               /* the epoch that is being saved; 0: none */
byte cut_at[SOURCES];              /* the position of the last CUT */
bool final_sent;

/* Disk. A snapshot is absent, visible or durable. */
#define ABSENT 0
#define VISIBLE 1
#define DURABLE 2
#define LAST 1024 /* in a snapshot: the stage's last one, stands for later epochs */
typedef Folder { short value[SLOTS]; byte is[SLOTS] };
Folder folder[STAGES];
byte size[SINKS], synced[SINKS], wrong[SINKS];
byte topology; /* sinks that count, bits; 0: not known yet */
bool done[SINKS];
byte published;
bool finished;

byte generation, kills, cuts_of_power, stops;
bool failed;      /* a stage ended badly in this generation */
bool term;        /* TERM to the sources */
bool dry;         /* the foreign program was killed: only the shell's status tells */
bool source_over; /* a source came to its END */

#define ALL(b) (b == NO -> 1 : 3)
#define SINK(i) (i >= FIRST_SINK)
#define FREE(l) (l == NO || len(pipe[(l == NO -> 0 : l)]) < ROOM)
#define HOLDS(i) ((saving[i] && mutant != OVERTAKE) || len(held[i]) > 0)
#define CAN_SEND(i, x, y) (HOLDS(i) -> len(held[i]) < ROOM : (FREE(x) && FREE(y)))
#define IDLE(i) (!saving[i] && len(held[i]) == 0)
#define STATE(i) (read0[i] + 4 * read1[i] + 16 * sent0[i] + 64 * sent1[i])

inline post(x, y, message) {
	if :: x != NO -> pipe[x]!message :: else fi;
	if :: y != NO -> pipe[y]!message :: else fi
}

inline send(i, x, y, message) {
	if
	:: HOLDS(i) -> held[i]!message
	:: else -> post(x, y, message)
	fi
}

inline die(i) {
	alive[i] = false;
	failed = true;
	do :: len(held[i]) > 0 -> held[i]?_ :: else -> break od
}

inline append(k, number) {
	if
	:: wrong[k] == NO && number != (size[k] < TOTAL -> size[k] + 1 : FINAL) ->
		wrong[k] = size[k]
	:: else
	fi;
	if :: size[k] < 10 -> size[k]++ :: else fi
}

inline truncate(k, to) {
	assert(size[k] >= to); /* else committed output is lost */
	size[k] = to;
	synced[k] = to;
	if :: wrong[k] != NO && wrong[k] >= to -> wrong[k] = NO :: else fi
}

/* Gather the snapshot of epoch n. It is not on the disk yet. */
inline begin_save(i, n) {
	e = 0;
	do
	:: e < (mutant == FORGET_EARLY -> n : published) ->
		folder[i].is[e] = ABSENT;
		folder[i].value[e] = 0;
		e++
	:: else -> break
	od;
	e = 0;
	if
	:: SINK(i) ->
		folder[i].value[n] = size[i - FIRST_SINK];
		if
		:: mutant != VOTE_BEFORE_OUTPUT ->
			synced[i - FIRST_SINK] = size[i - FIRST_SINK]
		:: else
		fi
	:: else -> folder[i].value[n] = STATE(i)
	fi;
	folder[i].is[n] = ABSENT;
	saving[i] = n
}

/* Load slot 0, or make it at the beginning. */
inline join(i) {
	if
	:: folder[i].is[0] == ABSENT || (mutant == BEGINNING_AGAIN && SINK(i) &&
	    folder[i].value[0] == 0) ->
		folder[i].is[0] = DURABLE;
		folder[i].value[0] = (SINK(i) -> size[(SINK(i) -> i - FIRST_SINK : 0)] : 0)
	:: else ->
		if
		:: SINK(i) -> truncate(i - FIRST_SINK, folder[i].value[0])
		:: else ->
			read0[i] = folder[i].value[0] & 3;
			read1[i] = (folder[i].value[0] >> 2) & 3;
			sent0[i] = (folder[i].value[0] >> 4) & 3;
			sent1[i] = (folder[i].value[0] >> 6) & 3;
			if :: i < SOURCES -> cut_at[i] = read0[i] :: else fi
		fi
	fi;
	joined[i] = true
}

/* What came from the input of that mask. */
inline take(i, b, x, y, mask, count) {
	if
	:: m >= RECORD ->
		if
		:: SINK(i) -> append(i - FIRST_SINK, m - RECORD)
		:: else ->
			count = (count != 3 && m - RECORD == count + 1 ->
			    m - RECORD : 3);
			if
			:: b == NO ->
				sent0[i] = read0[i];
				m = RECORD + (read0[i] == 3 -> WRONG : read0[i]);
				send(i, x, y, m)
			:: else
			fi
		fi
	:: m == END -> over[i] = over[i] | mask
	:: m == PAUSE -> paused[i] = paused[i] | mask
	:: m > CUT && m < RECORD ->
		if
		:: m - CUT > cut[i] || got[i] -> got[i] = got[i] | mask; cut[i] = m - CUT
		:: else
		fi
	fi;
	m = 0
}

#define CLOSED(l, writer) (len(pipe[l]) == 0 && !alive[writer])
#define READS(i, l, mask) (alive[i] && joined[i] && len(pipe[l]) > 0 && !(got[i] & mask))

/* Which input of a merge is next: a function of the inputs alone. */
#define EMPTY0(i) ((over[i] & 1) && sent0[i] == read0[i])
#define EMPTY1(i) ((over[i] & 2) && sent1[i] == read1[i])
#define TURN0(i) (!EMPTY0(i) && (sent0[i] <= sent1[i] || EMPTY1(i)))

/* Inputs a and b come from the stages wa and wb; outputs are x and y. */
proctype Stage(byte i, a, b, wa, wb, x, y)
{
	byte m, e;

end:	do
	:: atomic { alive[i] && kills < KILLS -> kills++; die(i) }

	/* Begin. A source knows what it is, others wait for HELLO. */
	:: atomic { alive[i] && !joined[i] && a == NO && FREE(x) && FREE(y) ->
		join(i);
		post(x, y, HELLO)
	   }
	:: atomic { alive[i] && !joined[i] && a != NO && len(pipe[a]) > 0 &&
	    (b == NO || len(pipe[(b == NO -> 0 : b)]) > 0) && FREE(x) && FREE(y) ->
		pipe[a]?m;
		if :: b != NO -> pipe[b]?m :: else fi;
		m = 0;
		join(i);
		post(x, y, HELLO)
	   }
	:: atomic { alive[i] && !joined[i] && a != NO && FREE(x) && FREE(y) &&
	    (CLOSED(a, wa) || (b != NO && CLOSED((b == NO -> 0 : b), wb))) ->
		if
		:: mutant == EMPTY_IS_SOURCE ->
			join(i);
			over[i] = ALL(b);
			post(x, y, HELLO)
		:: else -> die(i)
		fi
	   }

	/* Read. */
	:: atomic { a != NO && READS(i, a, 1) && !(over[i] & 1) &&
	    (b != NO || CAN_SEND(i, x, y)) -> pipe[a]?m; take(i, b, x, y, 1, read0[i]) }
	:: atomic { b != NO && READS(i, b, 2) && !(over[i] & 2) ->
		pipe[b]?m; take(i, b, x, y, 2, read1[i]) }
	:: atomic { a != NO && alive[i] && joined[i] && CLOSED(a, wa) &&
	    !((over[i] | paused[i]) & 1) ->
		if :: mutant == EOF_IS_END -> over[i] = over[i] | 1 :: else -> die(i) fi }
	:: atomic { b != NO && alive[i] && joined[i] && CLOSED(b, wb) &&
	    !((over[i] | paused[i]) & 2) ->
		if :: mutant == EOF_IS_END -> over[i] = over[i] | 2 :: else -> die(i) fi }

	/* Merge. */
	:: atomic { b != NO && alive[i] && sent0[i] < read0[i] && CAN_SEND(i, x, y) &&
	    (TURN0(i) || mutant == ARRIVAL_ORDER) ->
		sent0[i]++;
		m = RECORD + ((read0[i] == 3 || read1[i] == 3) -> WRONG :
		    ((sent0[i] - 1 <= sent1[i] || EMPTY1(i)) -> sent0[i] + sent1[i] : WRONG));
		send(i, x, y, m);
		m = 0 }
	:: atomic { b != NO && alive[i] && sent1[i] < read1[i] && CAN_SEND(i, x, y) &&
	    (!TURN0(i) || mutant == ARRIVAL_ORDER) ->
		sent1[i]++;
		m = RECORD + ((read0[i] == 3 || read1[i] == 3) -> WRONG :
		    ((sent0[i] >= sent1[i] || EMPTY0(i)) -> sent0[i] + sent1[i] : WRONG));
		send(i, x, y, m);
		m = 0 }

	/* A barrier. */
	:: atomic { alive[i] && got[i] && IDLE(i) && ((got[i] | over[i] | paused[i]) == ALL(b) ||
	    mutant == NO_ALIGNMENT) && (mutant != CUT_BEFORE_DURABLE || (FREE(x) && FREE(y))) ->
		got[i] = 0;
		begin_save(i, cut[i]);
		if
		:: mutant == CUT_BEFORE_DURABLE -> m = CUT + cut[i]; post(x, y, m); m = 0
		:: else
		fi }
	:: atomic { alive[i] && saving[i] && folder[i].is[saving[i]] == ABSENT ->
		folder[i].is[saving[i]] = (SINK(i) -> VISIBLE : DURABLE) }
	:: atomic { alive[i] && saving[i] && folder[i].is[saving[i]] != ABSENT && FREE(x) &&
	    FREE(y) ->
		folder[i].is[saving[i]] = DURABLE;
		if
		:: mutant != CUT_BEFORE_DURABLE -> m = CUT + saving[i]; post(x, y, m); m = 0
		:: else
		fi;
		saving[i] = 0 }
	:: atomic { alive[i] && !saving[i] && len(held[i]) > 0 && FREE(x) && FREE(y) ->
		held[i]?m;
		post(x, y, m);
		m = 0 }

	/* The end, and a planned stop. */
	:: atomic { alive[i] && joined[i] && a != NO && (topology || mutant != EMPTY_IS_SOURCE) &&
	    (over[i] | paused[i]) == ALL(b) && !got[i] &&
	    (IDLE(i) || (paused[i] && mutant == STOP_BEFORE_DURABLE)) && FREE(x) && FREE(y) &&
	    (paused[i] || (read0[i] == sent0[i] && read1[i] == sent1[i])) ->
		if
		:: paused[i] -> post(x, y, PAUSE); alive[i] = false
		:: !paused[i] && i == FINISHER && !final_sent ->
			final_sent = true;
			m = RECORD + FINAL;
			post(x, y, m);
			m = 0
		:: else ->
			if
			:: SINK(i) ->
				synced[i - FIRST_SINK] = size[i - FIRST_SINK];
				done[i - FIRST_SINK] = true
			:: else
			fi;
			post(x, y, END);
			alive[i] = false
		fi }

	/* A source. */
	:: atomic { i < SOURCES && alive[i] && joined[i] && topology && read0[i] < RECORDS(i) &&
	    !dry && CAN_SEND(i, x, y) ->
		read0[i]++;
		sent0[i] = read0[i];
		m = RECORD + read0[i];
		send(i, x, y, m);
		m = 0 }
	:: atomic { i < SOURCES && alive[i] && joined[i] && topology && IDLE(i) &&
	    ((read0[i] != cut_at[i] && cut[i] < CUTS) || (term && !paused[i])) ->
		paused[i] = term;
		cut[i]++;
		cut_at[i] = read0[i];
		begin_save(i, cut[i]) }
	:: atomic { i < SOURCES && alive[i] && joined[i] && IDLE(i) && FREE(x) && FREE(y) &&
	    term && (paused[i] || !topology) && read0[i] == cut_at[i] ->
		/* between the last CUT and this is nothing */
		folder[i].value[cut[i]] = folder[i].value[cut[i]] | LAST;
		post(x, y, PAUSE);
		alive[i] = false }
	:: atomic { i < SOURCES && alive[i] && joined[i] && IDLE(i) && FREE(x) && FREE(y) &&
	    topology && (read0[i] == RECORDS(i) || dry) ->
		if
		:: mutant != NO_LAST_SNAPSHOT ->
			folder[i].value[cut[i] + 1] = STATE(i) | LAST;
			folder[i].is[cut[i] + 1] = DURABLE
		:: else
		fi;
		source_over = true;
		post(x, y, END);
		alive[i] = false }
	od
}

/* The newest epoch that a sink has, and the smallest of them: committed. */
inline count_votes() {
	c = (mutant == MAXIMUM -> 0 : SLOTS);
	k = 0;
	do
	:: k < SINKS ->
		n = SLOTS - 1;
		do
		:: n > 0 && folder[FIRST_SINK + k].is[n] == ABSENT -> n--
		:: else -> break
		od;
		if
		:: !(topology & (1 << k)) /* nobody asks it */
		:: (topology & (1 << k)) && (mutant == MAXIMUM -> n > c : n < c) -> c = n
		:: else
		fi;
		k++
	:: else -> break
	od;
	if :: c == SLOTS -> c = 0 :: else fi
}

/* Make what the sinks voted durable: fsync of their folders. */
inline sync_votes() {
	k = FIRST_SINK;
	do
	:: k < STAGES ->
		n = 0;
		do
		:: n < SLOTS ->
			if :: folder[k].is[n] == VISIBLE -> folder[k].is[n] = DURABLE :: else fi;
			n++
		:: else -> break
		od;
		k++
	:: else -> break
	od
}

/* All are dead: the next generation begins where all stages have a snapshot. */
inline next_generation() {
	if :: mutant != GENERATION_EARLY -> sync_votes() :: else fi;
	count_votes();
	k = 0;
	do
	:: k < STAGES ->
		/* its snapshot of that epoch, or its last one */
		n = c;
		do
		:: n > 0 && folder[k].is[n] == ABSENT -> n--
		:: else -> break
		od;
		assert(generation == 0 || (n == c && folder[k].is[n] != ABSENT) ||
		    (n < c && folder[k].is[n] != ABSENT && (folder[k].value[n] & LAST)) ||
		    (c == 0 && !topology));
		folder[k].value[0] = folder[k].value[n] & 1023;
		folder[k].is[0] = folder[k].is[n];
		n = 1;
		do
		:: n < SLOTS ->
			if
			:: mutant != OLD_VOTES || !SINK(k) ->
				folder[k].value[n] = 0;
				folder[k].is[n] = ABSENT
			:: else
			fi;
			n++
		:: else -> break
		od;
		alive[k] = true;
		joined[k] = false;
		read0[k] = 0; read1[k] = 0; sent0[k] = 0; sent1[k] = 0;
		got[k] = 0; over[k] = 0; paused[k] = 0; cut[k] = 0; saving[k] = 0;
		do :: len(held[k]) > 0 -> held[k]?_ :: else -> break od;
		k++
	:: else -> break
	od;
	k = 0;
	do :: k < SOURCES -> cut_at[k] = 0; k++ :: else -> break od;
	k = 0;
	do
	:: k < LINKS ->
		do :: len(pipe[k]) > 0 -> pipe[k]?_ :: else -> break od;
		k++
	:: else -> break
	od;
	k = 0;
	do
	:: k < SINKS ->
		if :: mutant != OLD_DONE -> done[k] = false :: else fi;
		k++
	:: else -> break
	od;
	published = 0; final_sent = false; failed = false; term = false; dry = false;
	source_over = false;
	generation++;
	c = 0; n = 0; k = 0
}

/* What was not synced is there or not, and of the outputs in any state. */
inline cut_power() {
	k = FIRST_SINK;
	do
	:: k < STAGES ->
		n = 0;
		do
		:: n < SLOTS ->
			if
			:: folder[k].is[n] == VISIBLE -> folder[k].is[n] = ABSENT
			:: folder[k].is[n] == VISIBLE -> folder[k].is[n] = DURABLE
			:: folder[k].is[n] != VISIBLE
			fi;
			n++
		:: else -> break
		od;
		if
		:: size[k - FIRST_SINK] = synced[k - FIRST_SINK];
			if
			:: wrong[k - FIRST_SINK] != NO &&
			    wrong[k - FIRST_SINK] >= size[k - FIRST_SINK] ->
				wrong[k - FIRST_SINK] = NO
			:: else
			fi
		:: synced[k - FIRST_SINK] = size[k - FIRST_SINK]
		:: size[k - FIRST_SINK] > synced[k - FIRST_SINK] ->
			if
			:: wrong[k - FIRST_SINK] == NO ||
			    wrong[k - FIRST_SINK] > synced[k - FIRST_SINK] ->
				wrong[k - FIRST_SINK] = synced[k - FIRST_SINK]
			:: else
			fi
		fi;
		k++
	:: else -> break
	od;
	n = 0; k = 0
}

#if STAGES == 3
#define EVERY(p) (p[0] && p[1] && p[2])
#define JOINED_OR_DEAD EVERY_OR(0) && EVERY_OR(1) && EVERY_OR(2)
#define SOME (alive[0] || alive[1] || alive[2])
#elif STAGES == 4
#define EVERY(p) (p[0] && p[1] && p[2] && p[3])
#define JOINED_OR_DEAD EVERY_OR(0) && EVERY_OR(1) && EVERY_OR(2) && EVERY_OR(3)
#define SOME (alive[0] || alive[1] || alive[2] || alive[3])
#else
#define EVERY(p) (p[0] && p[1] && p[2] && p[3] && p[4] && p[5])
#define JOINED_OR_DEAD EVERY_OR(0) && EVERY_OR(1) && EVERY_OR(2) && EVERY_OR(3) && \
	EVERY_OR(4) && EVERY_OR(5)
#define SOME (alive[0] || alive[1] || alive[2] || alive[3] || alive[4] || alive[5])
#endif
#define EVERY_OR(k) (joined[k] || !alive[k])
#if SINKS == 1
#define SINKS_JOINED joined[FIRST_SINK]
#define DONE done[0]
#else
#define SINKS_JOINED (joined[FIRST_SINK] | joined[FIRST_SINK + 1] << 1)
#define DONE (done[0] && done[1])
#endif

/* Without the fence: a sink of the old generation writes one record more. */
proctype Zombie(byte record)
{
	atomic { append(0, record) }
}

inline restart() {
	if
	:: mutant == NO_FENCE && alive[FIRST_SINK] && len(pipe[LINKS - SINKS]) > 0 &&
	    pipe[LINKS - SINKS]??[33] -> run Zombie(1)
	:: else
	fi;
	d_step { next_generation() }
	assert(generation <= GENERATIONS)
}

/* After a planned stop nothing is done twice. */
inline check_stop() {
	d_step {
		count_votes();
		k = 0;
		do
		:: k < SOURCES ->
			n = c;
			do
			:: n > 0 && folder[k].is[n] == ABSENT -> n--
			:: else -> break
			od;
			assert((folder[k].value[n] & 3) == read0[k]);
			k++
		:: else -> break
		od
	}
}

/* bp-run. Killed, it is started again: that is the step of a generation, too. */
init
{
	byte c, n, k;

	c_code { now.mutant = getenv("MUTANT") ? atoi(getenv("MUTANT")) : 0; };
	atomic {
#if TOPOLOGY == LINE
		run Stage(0, NO, NO, 0, 0, 0, NO);
		run Stage(1, 0, NO, 0, 0, 1, NO);
		run Stage(2, 1, NO, 1, 0, NO, NO);
#elif TOPOLOGY == FANOUT
		run Stage(0, NO, NO, 0, 0, 0, NO);
		run Stage(1, 0, NO, 0, 0, 1, 2);
		run Stage(2, 1, NO, 1, 0, NO, NO);
		run Stage(3, 2, NO, 1, 0, NO, NO);
#elif TOPOLOGY == FANIN
		run Stage(0, NO, NO, 0, 0, 0, NO);
		run Stage(1, NO, NO, 0, 0, 1, NO);
		run Stage(2, 0, 1, 0, 1, 2, NO);
		run Stage(3, 2, NO, 2, 0, NO, NO);
#else
		run Stage(0, NO, NO, 0, 0, 0, 1);
		run Stage(1, 0, NO, 0, 0, 2, NO);
		run Stage(2, 1, NO, 0, 0, 3, NO);
		run Stage(3, 2, 3, 1, 2, 4, 5);
		run Stage(4, 4, NO, 3, 0, NO, NO);
		run Stage(5, 5, NO, 3, 0, NO, NO);
#endif
		k = 0;
		do :: k < SINKS -> wrong[k] = NO; k++ :: else -> break od;
		restart()
	}
	do
	:: atomic { failed -> restart() }
	:: atomic { kills < KILLS && SOME -> kills++; restart() }
	:: atomic { cuts_of_power < POWER -> cuts_of_power++; cut_power(); restart() }
	:: atomic { stops < STOPS && !term && !failed && SOME -> stops++; term = true }
#if TOPOLOGY == LINE
	:: atomic { kills < KILLS && alive[0] && !dry -> kills++; dry = true }
#endif
	:: atomic { !topology && (EVERY(joined) || (SINKS_JOINED &&
	    (mutant == TOPOLOGY_EARLY || ((mutant == TOPOLOGY_OF_LIVING ||
	    mutant == EMPTY_IS_SOURCE) && JOINED_OR_DEAD)))) ->
		topology = SINKS_JOINED }
	:: d_step { topology && SOME ->
		count_votes();
		if
		:: c > published ->
			if :: mutant != PUBLISH_EARLY -> sync_votes() :: else fi;
			published = c
		:: else
		fi;
		c = 0; n = 0; k = 0 }
	:: atomic { !SOME ->
		if
		:: DONE && (!dry || mutant == STATUS_IGNORED) -> break
		:: else ->
			if
			:: term && !failed && !source_over -> check_stop()
			:: else
			fi;
			restart()
		fi }
	od;
	finished = true;
	k = 0;
	do
	:: k < SINKS ->
		assert(size[k] == TOTAL + 1 && synced[k] == size[k] && wrong[k] == NO);
		k++
	:: else -> break
	od
}
