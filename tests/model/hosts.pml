/* SPDX-License-Identifier: MIT
 *
 * Two hosts (README.md): the sink of one pipeline sends its records over a socket to a
 * receiver that keeps them in a log. Each record has its number in the stream, an ack says
 * up to which one the log is durable. Connections break, with what is on its way lost or
 * arriving late; either end is killed, or loses its power, and starts again.
 *
 * The pipeline before the sender is not here: after a restart it gives the same records
 * from the sender's restored number on (barrier.pml), which is its vote.
 */
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef FAULTS
#define FAULTS 3
#endif

byte mutant;
#define ACK_BEFORE_DURABLE 1
#define DOUBLES_KEPT 2
#define VOTE_BEFORE_ACK 3
#define NUMBER_APART 4
#define NUMBER_FROM_RECEIVER 5
#define TAIL_NOT_SYNCED 6

/* Two connections: the one that is used, and the one that broke. */
chan data[2] = [2] of { byte, byte }; /* number, record */
chan ack[2] = [1] of { byte };
byte now_used, faults;

/* Sender, in memory: the next record to send, what is acked. */
byte next = 1, acked;
byte shift; /* between a record and its number: must be 0 */
bool connected;
/* On its disk: the number of the last CUT. */
byte vote;
bool finished;

/* Receiver: records in its log and how many are durable, the number it counts itself,
 * and whether any record is in a wrong place. */
byte size, durable, counted;
byte believed; /* in memory: how many of them it synced itself */
bool wrong;

inline drain(c) {
	do :: len(data[c]) > 0 -> data[c]?_, _ :: else -> break od;
	do :: len(ack[c]) > 0 -> ack[c]?_ :: else -> break od
}

/* What was on its way in the older connection is lost now. */
inline connect() {
	now_used = 1 - now_used;
	drain(now_used);
	connected = false
}

proctype Sender()
{
	byte n;

end:	do
	:: atomic { !finished && !connected ->
		/* The receiver says how far it is; resend what is not acked. */
		if
		:: mutant == NUMBER_FROM_RECEIVER -> shift = size - (next - 1)
		:: else -> next = acked + 1
		fi;
		connected = true }
	:: atomic { !finished && connected && next <= RECORDS && len(data[now_used]) < 2 ->
		data[now_used]!next + shift, next;
		next++ }
	:: atomic { !finished && connected && len(ack[now_used]) > 0 ->
		ack[now_used]?n;
		n = n - shift;
		if :: n > acked && n < next -> acked = n :: else fi;
		n = 0 }
	/* CUT: all that was sent is acked. */
	:: atomic { !finished && connected && next - 1 > vote &&
	    (acked == next - 1 || mutant == VOTE_BEFORE_ACK) -> vote = next - 1; assert(durable >= vote) }
	:: atomic { !finished && connected && next > RECORDS &&
	    (acked == RECORDS || mutant == VOTE_BEFORE_ACK) ->
		finished = true;
		assert(durable == RECORDS && size == RECORDS && !wrong);
		break }
	od
}

inline arrive(c) {
	data[c]?n, r;
	if
	:: n <= counted && mutant != DOUBLES_KEPT -> skip
	:: else ->
		assert(n <= counted + 1); /* else a gap: the receiver stops loudly */
		if :: r != size + 1 -> wrong = true :: else fi;
		size++;
		if :: mutant != NUMBER_APART -> counted++ :: else fi
	fi;
	n = 0; r = 0
}

proctype Receiver()
{
	byte n, r;

end:	do
	:: atomic { len(data[now_used]) > 0 -> arrive(now_used) }
	:: atomic { len(data[1 - now_used]) > 0 -> arrive((1 - now_used)) }
	:: atomic { mutant == NUMBER_APART && counted < size -> counted++ }
	:: atomic { believed < size -> durable = size; believed = size }
	:: atomic { len(ack[now_used]) == 0 && size > 0 ->
		n = (mutant == ACK_BEFORE_DURABLE -> size : believed);
		ack[now_used]!n;
		n = 0 }
	od
}

/* The receiver starts again: it knows what its log says. */
inline receiver_begins() {
	if :: mutant != NUMBER_APART -> counted = size :: else fi;
	believed = (mutant == TAIL_NOT_SYNCED -> size : 0);
	drain(0);
	drain(1);
	connected = false
}

init
{
	c_code { now.mutant = getenv("MUTANT") ? atoi(getenv("MUTANT")) : 0; };
	atomic { run Sender(); run Receiver() }
end:	do
	:: atomic { faults < FAULTS && !finished ->
		faults++;
		if
		:: connect()
		:: next = vote + 1; acked = vote; shift = 0; connect() /* the sender */
		:: receiver_begins()
		:: do /* the receiver's host loses its power */
		   :: size > durable -> size--
		   :: break
		   od;
		   if :: counted > size -> counted = size :: else fi;
		   receiver_begins()
		fi }
	od
}
