/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/epoch/body.h"
#include "lib/runner/audit.h"
#include "lib/runner/ledger.h"
#include "lib/runner/shape.h"
#include "lib/state.h"
#include "lib/state/file.h"

enum { PIECE = 1 << 16 };

/* One snapshot made whole, of what was committed or of what was made again. */
struct side {
	struct state_reader *r;
	struct body body;
	uint8_t piece[PIECE];
};

struct pair {
	struct side was, is;
};

static int
open_side(struct audit *a, const char *id, const char *folder, uint64_t epoch,
    const char *name, struct side *to, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	enum state_trouble trouble;

	if (epoch_stage_file_path(path, a->scratch, id, name, error) != 0 ||
	    state_compose(a->os, folder, epoch, path, error) != 0)
		return -1;
	to->r = state_read(a->os, path, NULL, &trouble, error);
	if (to->r == NULL)
		return -1;
	return body_read(to->r, &to->body) == 0
	    ? 0
	    : error_set(error, "%s is of another version", path);
}

/* --- What a body begins with ---------------------------------------------------- */

static void
compare_counters(struct audit *a, const char *id, const struct pair *p)
{
	for (unsigned i = 0; i < ACCOUNTS; i++)
		if (p->was.body.counter[i] != p->is.body.counter[i])
			audit_differs(a,
			    "%s: counter %s is %" PRIu64 ", again it is %" PRIu64, id,
			    account_names[i], p->was.body.counter[i],
			    p->is.body.counter[i]);
}

static void
compare_input(struct audit *a, const char *id, const struct pair *p)
{
	const struct body *was = &p->was.body, *is = &p->is.body;
	const char *name = was->input[0] != '\0' ? was->input : "its input";

	if (was->file != is->file || strcmp(was->input, is->input) != 0)
		audit_differs(a, "%s: it read %s, again %s", id, name,
		    is->input[0] != '\0' ? is->input : "another stage");
	else if (was->counter[ACCOUNT_IN] > is->counter[ACCOUNT_IN] && was->file > 0)
		audit_differs(a,
		    "%s: %s does not give the same again: it ends after %" PRIu64
		    " records of %" PRIu64,
		    id, name, is->counter[ACCOUNT_IN], was->counter[ACCOUNT_IN]);
	else if (was->offset != is->offset || was->number != is->number)
		audit_differs(a,
		    "%s: %s was read up to byte %" PRIu64 " (number %" PRIu64
		    "), again up to byte %" PRIu64 " (%" PRIu64 ")",
		    id, name, was->offset, was->number, is->offset, is->number);
	else if (was->seek != is->seek || was->head_hash != is->head_hash ||
	    was->last_hash != is->last_hash)
		audit_differs(a,
		    "%s: %s does not give the same again: it has other bytes before "
		    "byte %" PRIu64,
		    id, name, was->offset);
}

/* The bytes were compared as they were made; what a stage keeps of quarantined records is
 * none of the pipeline's outputs. */
static bool
has_output(const struct body *b, const char *name)
{
	static const char dead[] = "/dead";
	size_t size = strlen(name);

	for (unsigned i = 0; i < b->outputs; i++)
		if (strcmp(b->output[i].name, name) == 0)
			return true;
	return size >= sizeof dead && strcmp(name + size + 1 - sizeof dead, dead) == 0;
}

static void
compare_outputs(struct audit *a, const char *id, const struct pair *p)
{
	const struct body *was = &p->was.body, *is = &p->is.body;

	for (unsigned i = 0; i < was->outputs; i++)
		if (!has_output(is, was->output[i].name))
			audit_differs(a, "%s: %s was an output, and is none again", id,
			    was->output[i].name);
	for (unsigned i = 0; i < is->outputs; i++)
		if (!has_output(was, is->output[i].name))
			audit_differs(a, "%s: %s is an output, and was none", id,
			    is->output[i].name);
}

/* --- What the filter saved ------------------------------------------------------- */

static int
next_piece(struct side *s, size_t *size, struct error *error)
{
	uint64_t left = state_left(s->r);

	*size = left < PIECE ? (size_t)left : PIECE;
	return state_get(s->r, s->piece, *size) == 0
	    ? 0
	    : error_set(error, "cannot read a snapshot again");
}

static int
compare_own(struct audit *a, const char *id, struct pair *p, struct error *error)
{
	uint64_t was = state_left(p->was.r), is = state_left(p->is.r), at = 0;
	size_t n, m, i;

	if (!p->is.body.own) {
		a->skipped++;
		return 0;
	}
	do {
		if (next_piece(&p->was, &n, error) != 0 ||
		    next_piece(&p->is, &m, error) != 0)
			return -1;
		for (i = 0; i < n && i < m && p->was.piece[i] == p->is.piece[i]; i++)
			continue;
		at += i;
	} while (i == PIECE);
	if (i == n && i == m) {
		a->equal++;
		return 0;
	}
	audit_differs(a,
	    "%s: its state differs from what is made again, at byte %" PRIu64
	    " of %" PRIu64 " (again %" PRIu64 ")",
	    id, at, was, is);
	return 0;
}

/* --- What was compared as it was made -------------------------------------------- */

static int
report_outputs(struct audit *a, const char *id, struct error *error)
{
	static char text[EPOCH_FILE_MAX];
	char path[EPOCH_PATH_MAX], *line = text, *end;
	uint64_t bytes;
	int status;

	if (epoch_stage_file_path(path, a->scratch, id, "compared", error) != 0)
		return -1;
	status = epoch_get(a->os, path, text, error);
	if (status == EPOCH_MISSING)
		return error_set(error, "%s has not come to its end", id);
	if (status < 0)
		return -1;
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (strncmp(line, "difference ", 11) == 0)
			audit_differs(a, "%s: %s", id, line + 11);
		else if (strncmp(line, "bytes ", 6) == 0 &&
		    number_parse_uint(slice_text(line + 6), &bytes))
			a->bytes += bytes;
	}
	return 0;
}

/* Whether streams meet in a stage, or before it. Where one has ended long before another,
 * the last CUT of both is not that of the run before. */
static bool
meets(const struct topology *t, unsigned i)
{
	const struct stage *s = &t->stage[i];
	int from;

	for (; s->inputs == 1; s = &t->stage[from])
		if ((from = shape_find(t, s->input[0])) < 0)
			return false;
	return s->inputs > 1;
}

int
compare_stage(struct audit *a, unsigned i, struct error *error)
{
	const struct stage *s = &a->topology.stage[i];
	struct pair *p = calloc(1, sizeof *p);
	char was[EPOCH_PATH_MAX], is[EPOCH_PATH_MAX];
	uint64_t epoch;
	int status = -1;

	if (p == NULL)
		return error_set(error, "no memory");
	if (a->uneven && meets(&a->topology, i)) {
		free(p);
		a->skipped++;
		return report_outputs(a, s->id, error);
	}
	if (report_outputs(a, s->id, error) == 0 &&
	    scratch_committed(a, s->id, was, error) == 0 &&
	    epoch_stage_path(is, a->scratch, s->id, error) == 0 &&
	    epoch_voted(a->os, a->scratch, s->id, 1, &epoch, error) == 0 &&
	    open_side(a, s->id, was, a->standing[i], "was", &p->was, error) == 0 &&
	    open_side(a, s->id, is, epoch, "is", &p->is, error) == 0) {
		compare_counters(a, s->id, p);
		compare_input(a, s->id, p);
		compare_outputs(a, s->id, p);
		status = compare_own(a, s->id, p, error);
	}
	state_close(p->was.r);
	state_close(p->is.r);
	free(p);
	return status;
}
