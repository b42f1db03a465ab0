/* SPDX-License-Identifier: MIT
 *
 * bp-replay: read logs again, any time of them, at any speed.
 *
 * in     logs of bp-log, files of records, text logs; each plain or zstd
 * out    their records, merged in the order of event time
 * state  where each of them was read up to
 * needs  inputs that are each about in order, when there are several
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/filter.h"
#include "lib/log/player.h"
#include "lib/text/expr.h"
#include "lib/text/format.h"
#include "lib/text/map.h"

enum { NAME_MAX_SIZE = 4096 };

struct replay {
	const char *from, *to, *speed, *where; /* options */
	const char *format, *map;
	struct span max_gap;
	int on_gap; /* 0 stop, 1 continue */
	bool follow;

	instant from_time, to_time;
	bool bounded;
	struct expr *condition; /* owned; NULL: none */
	bool taken;             /* the last record was in the time asked for */
	struct track_options tracks;
	uint8_t *map_text;     /* owned */
	struct player *player; /* the input's */
	struct input *in;      /* the run's */
	struct run *run;
	uint64_t faults;
};

static const struct option options[] = {
	OPTION('f', "from", struct replay, from, NULL,
	    "leave out what has an earlier timestamp", "TIME"),
	OPTION('t', "to", struct replay, to, NULL,
	    "leave out what has this timestamp or a later one", "TIME"),
	OPTION('w', "where", struct replay, where, NULL,
	    "leave out records for which this does not hold, see bp-select(1)",
	    "EXPRESSION"),
	OPTION_ASIDE('s', "speed", struct replay, speed, "max",
	    "how fast event time passes: 1x, 60x, 0.5x or max", "FACTOR"),
	OPTION_ASIDE(0, "max-gap", struct replay, max_gap, NULL,
	    "wait no longer than this event time between two records"),
	OPTION('F', "follow", struct replay, follow, NULL,
	    "at the end of a log wait for more"),
	OPTION_CHOICE_ASIDE(0, "on-gap", struct replay, on_gap, "stop|continue",
	    "what to do where a log is damaged"),
	OPTION(0, "format", struct replay, format, NULL,
	    "of text, as bp-parse has it; otherwise found out", "FORMAT"),
	OPTION(0, "map", struct replay, map, NULL,
	    "make records of text as this map says, see bp-map(5)", "FILE"),
	OPTION_END,
};

/* --- Starting ------------------------------------------------------------------- */

static int
read_time(struct run *run, const char *option, const char *text, instant *to)
{
	if (text == NULL || when_parse_any(slice_text(text), to))
		return 0;
	return run_usage(
	    run, "--%s wants a time (2019-11-24T00:03:13Z), not '%s'", option, text);
}

static int
read_speed(struct run *run, const struct replay *f, double *to)
{
	struct slice text = slice_text(f->speed);

	*to = 0;
	if (slice_is(text, "max"))
		return 0;
	if (text.size > 1 && text.at[text.size - 1] == 'x')
		text.size--;
	if (!number_parse_double(text, to) || *to < 1e-6 || *to > 1e9)
		return run_usage(
		    run, "--speed wants a factor (1x, 60x) or max, not '%s'", f->speed);
	return 0;
}

static void
hear(void *context, const char *text)
{
	struct replay *f = context;

	run_say(f->run, "%s", text);
}

static int
read_options(struct run *run, struct replay *f)
{
	struct error error;

	f->to_time = WHEN_MAX;
	f->from_time = -WHEN_MAX;
	f->bounded = f->from != NULL || f->to != NULL;
	if (read_time(run, "from", f->from, &f->from_time) != 0 ||
	    read_time(run, "to", f->to, &f->to_time) != 0)
		return -1;
	if (f->where != NULL) {
		f->condition = expr_compile_condition(
		    run_reader(run), slice_text(f->where), &error);
		if (f->condition == NULL)
			return run_usage(run, "--where: %s", error.text);
	}
	f->tracks = (struct track_options){ .format = f->format,
		.map_name = f->map,
		.bounded = f->bounded,
		.from = f->from_time,
		.to = f->to_time,
		.follow = f->follow,
		.step_over_gaps = f->on_gap == 1,
		.say = hear,
		.context = f };
	if (f->map == NULL)
		return 0;
	f->map_text = run_read_file(run, f->map, MAP_SIZE_MAX, &f->tracks.map, &error);
	return f->map_text != NULL ? 0 : run_usage(run, "--map: %s", error.text);
}

static int
start(struct run *run, void *self)
{
	struct replay *f = self;
	unsigned n = run_files(run);
	struct error error;
	double speed;

	f->run = run;
	if (read_options(run, f) != 0 || read_speed(run, f, &speed) != 0)
		return -1;
	if (n > PLAYER_TRACKS_MAX)
		return run_usage(run, "at most %d inputs", PLAYER_TRACKS_MAX);
	if (f->follow && (n != 1 || !log_is(run_os(run), run_file(run, 0))))
		return run_usage(run,
		    "--follow wants one log (bp-parse --follow follows a text log)");
	f->player = player_new(run_os(run), speed, f->max_gap.us, &error);
	if (f->player == NULL)
		return run_fail(run, "%s", error.text);
	f->in = input_of_source(run_os(run), player_source(f->player),
	    n == 1 ? run_file(run, 0) : "the inputs", &error);
	if (f->in == NULL)
		return run_fail(run, "%s", error.text);
	run_input(run, f->in);
	for (unsigned i = 0; i < (n == 0 ? 1 : n); i++) {
		struct track *t = track_new(
		    run_os(run), n == 0 ? "-" : run_file(run, i), &f->tracks, &error);

		if (t == NULL)
			return run_fail(run, "%s", error.text);
		player_add(f->player, t);
	}
	run_opens_files(run);
	run_counter(
	    run, "faults", "gaps of logs and malformed lines of text", &f->faults);
	return 0;
}

/* --- Records -------------------------------------------------------------------- */

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct replay *f = self;
	instant t;

	(void)run;
	/* One without a timestamp belongs to the one before it. */
	if (f->bounded) {
		if (record_timestamp(r, &t))
			f->taken = t >= f->from_time && t < f->to_time;
		if (!f->taken)
			return DROP;
	}
	return f->condition == NULL || expr_test(f->condition, r) ? PASS : DROP;
}

/* What steered the run that wrote a file is no part of this one; watermarks are of one
 * input, and mean nothing among others. */
static int
control(struct run *run, void *self, struct slice bytes)
{
	struct replay *f = self;
	struct control c;
	bool damaged;

	if (control_read(bytes, &c, &damaged) &&
	    (c.kind == CONTROL_HELLO || c.kind == CONTROL_CUT ||
		c.kind == CONTROL_END ||
		(c.kind == CONTROL_TICK && player_tracks(f->player) > 1)))
		return 0;
	return f->bounded && !f->taken && c.kind != CONTROL_GAP ? 0
								: run_print(run, bytes);
}

static int
attend(struct run *run, void *self)
{
	struct replay *f = self;

	(void)run;
	f->faults = 0;
	for (unsigned i = 0; i < player_tracks(f->player); i++)
		f->faults += track_faults(player_track(f->player, i));
	return 0;
}

/* --- Snapshots ------------------------------------------------------------------ */

static void
put_track(struct state_writer *to, const struct track_position *p)
{
	state_put_u64(to, p->kind);
	state_put_u64(to, p->batch.seq);
	state_put_u64(to, p->batch.segment);
	state_put_u64(to, p->batch.offset);
	state_put(to, p->batch.chain, LOG_HASH_SIZE);
	state_put_u64(to, p->used);
	state_put_u64(to, p->input.offset);
	state_put_u64(to, p->input.seek);
	state_put_u64(to, p->input.head_hash);
	state_put_u64(to, p->input.last_hash);
	state_put_i64(to, p->time);
	state_put_slice(to, p->peeked);
	state_put_slice(to, slice_text(p->format));
	state_put_slice(to, p->header);
	state_put_slice(to, p->ids);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct replay *f = self;
	struct track_position p;
	struct error error;

	state_put_u64(to, f->taken);
	state_put_u64(to, player_tracks(f->player));
	for (unsigned i = 0; i < player_tracks(f->player); i++) {
		if (track_tell(player_track(f->player, i), &p, &error) != 0)
			return run_fail(run, "%s", error.text);
		put_track(to, &p);
	}
	/* Taken from the tracks, but not yet dealt with: first here, then there. */
	state_put_slice(to, input_bytes(f->in));
	state_put_slice(to, player_left(f->player));
	return 0;
}

struct buffers {
	uint8_t header[FORMAT_HEADER_MAX], ids[LINE_IDS_SIZE];
	uint8_t left[STREAM_HOLD_MAX + STREAM_BLOCK + MAP_OUTPUT_MAX];
	char format[NAME_MAX_SIZE];
};

static int
get_track(struct state_reader *from, struct buffers *b, struct track_position *p)
{
	uint64_t kind, seek;
	size_t header, ids, format, peeked;

	if (state_get_u64(from, &kind) != 0 ||
	    state_get_u64(from, &p->batch.seq) != 0 ||
	    state_get_u64(from, &p->batch.segment) != 0 ||
	    state_get_u64(from, &p->batch.offset) != 0 ||
	    state_get(from, p->batch.chain, LOG_HASH_SIZE) != 0 ||
	    state_get_u64(from, &p->used) != 0 ||
	    state_get_u64(from, &p->input.offset) != 0 ||
	    state_get_u64(from, &seek) != 0 ||
	    state_get_u64(from, &p->input.head_hash) != 0 ||
	    state_get_u64(from, &p->input.last_hash) != 0 ||
	    state_get_i64(from, &p->time) != 0 ||
	    state_get_slice(from, b->left, sizeof b->left, &peeked) != 0 ||
	    state_get_slice(from, b->format, NAME_MAX_SIZE - 1, &format) != 0 ||
	    state_get_slice(from, b->header, FORMAT_HEADER_MAX, &header) != 0 ||
	    state_get_slice(from, b->ids, LINE_IDS_SIZE, &ids) != 0 ||
	    kind > TRACK_TEXT)
		return -1;
	p->kind = (enum track_kind)kind;
	p->input.seek = seek != 0;
	b->format[format] = '\0';
	p->format = b->format;
	p->peeked = slice_of(b->left, peeked);
	p->header = slice_of(b->header, header);
	p->ids = slice_of(b->ids, ids);
	return 0;
}

static int
load_with(
    struct run *run, struct replay *f, struct state_reader *from, struct buffers *b)
{
	struct track_position p = { 0 };
	struct error error;
	uint64_t taken, n;
	size_t first, second;

	if (state_get_u64(from, &taken) != 0 || state_get_u64(from, &n) != 0)
		return -1;
	f->taken = taken != 0;
	f->tracks.input_goes_on = !run_is_stage(run);
	if (n != player_tracks(f->player))
		return run_usage(run, "the state is of %" PRIu64 " inputs, not %u", n,
		    player_tracks(f->player));
	for (unsigned i = 0; i < n; i++) {
		if (get_track(from, b, &p) != 0)
			return -1;
		if (track_resume(player_track(f->player, i), &p, &error) != 0)
			return run_fail(run, "%s", error.text);
	}
	if (state_get_slice(from, b->left, STREAM_HOLD_MAX + STREAM_BLOCK, &first) !=
		0 ||
	    state_get_slice(from, b->left + first, sizeof b->left - first, &second) !=
		0)
		return -1;
	return player_give_first(f->player, slice_of(b->left, first + second))
	    ? 0
	    : run_fail(run, "no memory to go on");
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct buffers *b = malloc(sizeof *b);
	int status = b == NULL ? run_fail(run, "no memory to go on")
			       : load_with(run, self, from, b);

	free(b);
	return status;
}

static void
stop(void *self)
{
	struct replay *f = self;

	expr_free(f->condition);
	free(f->map_text);
}

static const struct filter replay = {
	.name = "replay",
	.about = "read logs again, any time of them, at any speed",
	.examples =
	    "  bp-replay --from 2019-11-24 --to 2019-11-25 events | bp-print\n"
	    "  bp-replay --speed 60x --max-gap 2s events access.log.zst | bp-print\n"
	    "  bp-replay --follow --where 'event == \"click\"' events | bp-print\n",
	.options = options,
	.size = sizeof(struct replay),
	.schema = 1,
	.saves_places = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.attend = attend,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&replay, argc, argv);
}
