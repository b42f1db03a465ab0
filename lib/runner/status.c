/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runner/command.h"
#include "lib/runner/inspect.h"
#include "lib/runner/ledger.h"
#include "lib/runner/lock.h"
#include "lib/runner/quarantine.h"
#include "lib/when.h"

/* All that is shown. */
struct status {
	const struct os *os;
	const char *dir;
	struct generation generation;
	struct topology topology;
	uint64_t committed;
	double age; /* s since the commit; NAN when it is not known */
	struct ledger ledger;
	double rate[EPOCH_STAGES_MAX];    /* NAN when it does not run */
	uint64_t bytes[EPOCH_STAGES_MAX]; /* of its files */
	char command[EPOCH_FILE_MAX];     /* lines "argument ..." */
	pid_t runner;
	unsigned order[EPOCH_STAGES_MAX]; /* who reads of whom comes after him */
	bool json, first;
	FILE *to;
};

static void
put_json_text(FILE *to, const char *text)
{
	(void)fputc('"', to);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			(void)fprintf(to, "\\%c", c);
		else if (c < ' ')
			(void)fprintf(to, "\\u%04x", c);
		else
			(void)fputc(c, to);
	}
	(void)fputc('"', to);
}

/* --- Reading -------------------------------------------------------------------- */

struct sizes {
	const struct os *os;
	const char *folder;
	uint64_t bytes;
};

static void
add_size(void *context, const char *name)
{
	struct sizes *s = context;
	char path[EPOCH_PATH_MAX];
	struct error ignored;
	struct stat status;

	if (epoch_file_path(path, s->folder, name, &ignored) == 0 &&
	    s->os->stat_path(s->os, path, &status) == 0 && S_ISREG(status.st_mode))
		s->bytes += (uint64_t)status.st_size;
}

static void
measure(struct status *s)
{
	char folder[EPOCH_PATH_MAX];
	struct error ignored;

	for (unsigned i = 0; i < s->topology.n; i++) {
		struct sizes sizes = { s->os, folder, 0 };

		if (epoch_stage_path(
			folder, s->dir, s->topology.stage[i].id, &ignored) == 0)
			(void)s->os->list(s->os, folder, add_size, &sizes);
		s->bytes[i] = sizes.bytes;
	}
}

/* What the runner left at its last commit. */
static void
read_rates(struct status *s)
{
	char path[EPOCH_PATH_MAX], text[EPOCH_FILE_MAX], *at;
	struct error ignored;
	size_t size;

	for (unsigned i = 0; i < s->topology.n; i++)
		s->rate[i] = NAN;
	if (s->runner == 0 || epoch_file_path(path, s->dir, "rates", &ignored) != 0 ||
	    epoch_get(s->os, path, text, &ignored) != EPOCH_FOUND)
		return;
	for (unsigned i = 0; i < s->topology.n; i++) {
		size = strlen(s->topology.stage[i].id);
		for (at = text; at != NULL; at = strchr(at, '\n')) {
			at += at != text;
			if (strncmp(at, s->topology.stage[i].id, size) == 0 &&
			    at[size] == ' ')
				s->rate[i] = strtod(at + size, NULL);
		}
	}
}

static void
read_age(struct status *s)
{
	char path[EPOCH_PATH_MAX];
	struct error ignored;
	struct stat file;

	s->age = NAN;
	for (unsigned i = 0; i < s->topology.n; i++)
		if (s->topology.stage[i].sink &&
		    epoch_snapshot_path(path, s->dir, s->topology.stage[i].id,
			s->committed, &ignored) == 0 &&
		    s->os->stat_path(s->os, path, &file) == 0)
			s->age = (double)s->os->wall_us(s->os) / 1e6 -
			    (double)file.st_mtim.tv_sec -
			    (double)file.st_mtim.tv_nsec / 1e9;
}

static bool
is_placed(const struct topology *t, const bool *placed, const struct stage *stage)
{
	for (unsigned k = 0; k < stage->inputs; k++)
		for (unsigned i = 0; i < t->n; i++)
			if (!placed[i] && strcmp(t->stage[i].id, stage->input[k]) == 0)
				return false;
	return true;
}

/* Down the stream. A damaged topology may run in a circle: of that any comes first. */
static void
put_in_order(struct status *s)
{
	const struct topology *t = &s->topology;
	bool placed[EPOCH_STAGES_MAX] = { false };
	unsigned next;

	for (unsigned n = 0; n < t->n; n++) {
		for (next = 0; next < t->n; next++)
			if (!placed[next] && is_placed(t, placed, &t->stage[next]))
				break;
		for (unsigned i = 0; next == t->n && i < t->n; i++)
			if (!placed[i])
				next = i;
		placed[next] = true;
		s->order[n] = next;
	}
}

/* A commit may come between two steps: its snapshots are gone, and newer ones there. */
static int
read_counters(struct status *s, struct error *error)
{
	for (unsigned tries = 0; tries < 5; tries++) {
		if (epoch_committed(s->os, s->dir, &s->generation, &s->topology,
			&s->committed, error) != 0)
			return -1;
		if (ledger_read(s->os, s->dir, &s->topology, s->committed, &s->ledger,
			error) == 0)
			return 0;
	}
	return -1;
}

static int
read_all(struct status *s, struct error *error)
{
	char path[EPOCH_PATH_MAX];
	int found = epoch_read_generation(s->os, s->dir, &s->generation, error);

	if (found == EPOCH_MISSING)
		return error_set(error,
		    "%s is no folder of a pipeline of bp-run (what --dir named when it "
		    "was started)",
		    s->dir);
	if (found < 0 || epoch_read_topology(s->os, s->dir, &s->topology, error) < 0 ||
	    epoch_file_path(path, s->dir, "command", error) != 0 ||
	    epoch_get(s->os, path, s->command, error) < 0)
		return -1;
	s->runner = lock_holder(s->os, s->dir);
	if (s->topology.n > 0 && read_counters(s, error) != 0)
		return -1;
	put_in_order(s);
	measure(s);
	read_rates(s);
	read_age(s);
	return 0;
}

/* --- Showing -------------------------------------------------------------------- */

static const char *
state_word(const struct status *s)
{
	return s->generation.finished ? "finished"
	    : s->runner != 0          ? "running"
				      : "stopped";
}

static void
show_quarantined(void *context, const char *id, uint64_t record)
{
	struct status *s = context;

	if (!s->json) {
		(void)fprintf(s->to, "quarantine  %s record %" PRIu64 "\n", id, record);
		return;
	}
	(void)fprintf(s->to, "%s{\"stage\":", s->first ? "" : ",");
	put_json_text(s->to, id);
	(void)fprintf(s->to, ",\"record\":%" PRIu64 "}", record);
	s->first = false;
}

/* The arguments, each given to `put`. */
static void
each_argument(struct status *s, void (*put)(struct status *s, const char *text))
{
	char *at = s->command, *end, *text;

	for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		text = command_argument(at);
		if (text != NULL)
			put(s, text);
	}
}

static void
put_argument(struct status *s, const char *text)
{
	(void)fprintf(s->to, " %s", text);
}

static void
put_json_argument(struct status *s, const char *text)
{
	(void)fputs(s->first ? "" : ",", s->to);
	put_json_text(s->to, text);
	s->first = false;
}

static void
show_table(struct status *s)
{
	char age[64] = "";

	(void)fprintf(s->to, "folder      %s\ncommand    ", s->dir);
	each_argument(s, put_argument);
	(void)fprintf(s->to, "\nstate       %s", state_word(s));
	if (s->runner != 0)
		(void)fprintf(s->to, ", process %d", (int)s->runner);
	if (!isnan(s->age))
		(void)snprintf(age, sizeof age, ", %.1f s ago", s->age);
	(void)fprintf(s->to,
	    "\ngeneration  %" PRIu64 "\ncommitted   epoch %" PRIu64 ".%" PRIu32 "%s\n",
	    s->generation.number, epoch_generation(s->committed),
	    (uint32_t)s->committed, age);
	if (s->topology.n > 0)
		(void)fprintf(s->to,
		    "\n%-16s %12s %12s %10s %10s %10s %8s %12s %10s %12s\n", "stage",
		    "in", "out", "dropped", "rejected", "held", "late", "emitted",
		    "in/s", "bytes");
	for (unsigned k = 0; k < s->topology.n; k++) {
		unsigned i = s->order[k];
		const uint64_t *c = s->ledger.count[i];
		char rate[32] = "-";

		if (!isnan(s->rate[i]))
			(void)snprintf(rate, sizeof rate, "%.0f", s->rate[i]);
		(void)fprintf(s->to,
		    "%-16s %12" PRIu64 " %12" PRIu64 " %10" PRIu64 " %10" PRIu64
		    " %10" PRIu64 " %8" PRIu64 " %12" PRIu64 " %10s %12" PRIu64 "\n",
		    s->topology.stage[i].id, c[ACCOUNT_IN], c[ACCOUNT_OUT],
		    c[ACCOUNT_DROPPED], c[ACCOUNT_REJECTED], c[ACCOUNT_HELD],
		    c[ACCOUNT_LATE], c[ACCOUNT_EMITTED], rate, s->bytes[i]);
	}
}

static void
show_json_stage(struct status *s, unsigned i)
{
	const struct stage *stage = &s->topology.stage[i];

	(void)fprintf(s->to, "%s{\"id\":\"%s\",\"source\":%s,\"sink\":%s,\"inputs\":[",
	    i == s->order[0] ? "" : ",", stage->id, stage->source ? "true" : "false",
	    stage->sink ? "true" : "false");
	for (unsigned k = 0; k < stage->inputs; k++)
		(void)fprintf(s->to, "%s\"%s\"", k == 0 ? "" : ",", stage->input[k]);
	(void)fputs("]", s->to);
	for (unsigned k = 0; k < ACCOUNTS; k++)
		(void)fprintf(
		    s->to, ",\"%s\":%" PRIu64, account_names[k], s->ledger.count[i][k]);
	if (!isnan(s->rate[i]))
		(void)fprintf(s->to, ",\"in_per_s\":%.0f", s->rate[i]);
	(void)fprintf(s->to, ",\"bytes\":%" PRIu64 "}", s->bytes[i]);
}

static void
show_json(struct status *s)
{
	(void)fputs("{\"dir\":", s->to);
	put_json_text(s->to, s->dir);
	(void)fputs(",\"command\":[", s->to);
	s->first = true;
	each_argument(s, put_json_argument);
	(void)fprintf(s->to,
	    "],\"state\":\"%s\",\"pid\":%d,\"generation\":%" PRIu64
	    ",\"committed\":\"%016" PRIx64 "\",",
	    state_word(s), (int)s->runner, s->generation.number, s->committed);
	if (!isnan(s->age))
		(void)fprintf(s->to, "\"committed_age_s\":%.3f,", s->age);
	(void)fputs("\"stages\":[", s->to);
	for (unsigned i = 0; i < s->topology.n; i++)
		show_json_stage(s, s->order[i]);
	(void)fputs("],\"quarantine\":[", s->to);
}

int
inspect_status(
    const struct os *os, const char *dir, bool json, FILE *to, struct error *error)
{
	struct status *s = calloc(1, sizeof *s);
	int status;

	if (s == NULL)
		return error_set(error, "no memory");
	s->os = os;
	s->dir = dir;
	s->json = json;
	s->to = to;
	status = read_all(s, error);
	if (status == 0) {
		json ? show_json(s) : show_table(s);
		s->first = true;
		status = quarantine_list(os, dir, show_quarantined, s, error);
		if (json)
			(void)fputs("]}\n", to);
	}
	free(s);
	return status;
}
