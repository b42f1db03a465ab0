/* SPDX-License-Identifier: MIT */
#include "lib/filter/inlet.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/filter/run.h"

int
inlet_open(struct inlet *n, struct run *run)
{
	struct error error;

	n->run = run;
	n->hungry = true;
	if (fcntl(STDIN_FILENO, F_GETFD) < 0 || isatty(STDIN_FILENO))
		return 0;
	n->reader = reader_new();
	if (n->reader == NULL)
		return run_fail(run, "no memory for standard input");
	n->in = input_open(run_os(run), "-", &error);
	return n->in != NULL ? 0 : run_fail(run, "%s", error.text);
}

void
inlet_close(struct inlet *n)
{
	input_free(n->in);
	n->in = NULL;
	reader_free(n->reader);
	n->reader = NULL;
}

static void
end(struct inlet *n)
{
	input_free(n->in);
	n->in = NULL;
	n->hungry = true;
}

/* The run's own input is another: what is rejected here says where it was read. */
static void
reject(struct inlet *n, struct slice bytes, const char *reason)
{
	struct origin origin = { .offset = input_offset(n->in), .number = n->number };

	(void)snprintf(origin.source, sizeof origin.source, "%s", input_name(n->in));
	n->run->counters.in++;
	n->run->counters.held++;
	run_reject_held(n->run, &origin, bytes, reason);
}

static void
give_up(struct inlet *n, const char *reason)
{
	n->number++;
	reject(n, input_bytes(n->in), reason);
	run_say(
	    n->run, "no more is read from standard input; the server itself goes on");
	end(n);
}

/* False: there is nothing now. */
static bool
fill(struct inlet *n)
{
	const struct os *os = run_os(n->run);
	struct pollfd ready = { .fd = input_wait_fd(n->in), .events = POLLIN };
	struct error error;

	n->hungry = true;
	if (n->stopped || (!input_ready(n->in) && os->poll(os, &ready, 1, 0) <= 0))
		return false;
	switch (input_fill(n->in, &error)) {
	case FILL_MORE:
		n->hungry = false;
		return true;
	case FILL_AGAIN:
		return false;
	case FILL_FAIL:
		give_up(n, error.text);
		return false;
	default:
		if (input_bytes(n->in).size > 0 || n->skipper.begun)
			give_up(n, "cut off within a record");
		else
			end(n);
		return false;
	}
}

static void
hand_over(struct inlet *n, const struct record *r)
{
	struct error error;
	enum verdict verdict;

	n->number++;
	verdict = n->take(n->context, r, &error);
	if (verdict == REJECT)
		reject(n, slice_of(r->bytes, r->size), error.text);
	else if (verdict == DROP)
		run_took(n->run, 1, DROP);
	/* One that passes is counted where it is read again. */
	input_consume(n->in, r->size);
}

static bool
step_over(struct inlet *n)
{
	struct fault fault;
	size_t consumed;
	enum scan scan;

	if (!n->skipper.begun) {
		n->number++;
		reject(n, input_bytes(n->in),
		    "a record of more than 1 MiB (its first bytes are kept)");
	}
	scan = record_skip(&n->skipper, input_bytes(n->in), &consumed, &fault);
	if (scan == SCAN_FOREIGN) {
		give_up(n, fault.reason);
		return false;
	}
	input_consume(n->in, consumed);
	if (scan == SCAN_MORE)
		return fill(n);
	n->skipper = (struct skipper){ 0 };
	return true;
}

/* False: there is nothing more now. */
static bool
next(struct inlet *n)
{
	struct slice bytes = input_bytes(n->in);
	struct record r;
	struct fault fault;
	size_t need;

	if (n->skipper.begun)
		return step_over(n);
	if (bytes.size == 0)
		return fill(n);
	switch (record_scan(n->reader, bytes, &r, &fault, &need)) {
	case SCAN_RECORD:
		hand_over(n, &r);
		return true;
	case SCAN_CONTROL:
		input_consume(n->in, r.size);
		return true;
	case SCAN_REJECT:
		n->number++;
		reject(n, slice_of(r.bytes, r.size), fault.reason);
		input_consume(n->in, r.size);
		return true;
	case SCAN_LARGE:
		return step_over(n);
	case SCAN_MORE:
		return fill(n);
	default:
		give_up(n, fault.reason);
		return false;
	}
}

void
inlet_step(struct inlet *n)
{
	for (unsigned i = 0; n->in != NULL && i < INLET_STEP; i++)
		if (!n->has_room(n->context) || !next(n))
			break;
}

void
inlet_stop(struct inlet *n)
{
	n->stopped = true;
}

int
inlet_wait_fd(const struct inlet *n)
{
	return n->in != NULL && !n->stopped && n->has_room(n->context)
	    ? input_wait_fd(n->in)
	    : -1;
}
