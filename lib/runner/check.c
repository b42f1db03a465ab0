/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/epoch/body.h"
#include "lib/epoch/places.h"
#include "lib/hash.h"
#include "lib/runner/inspect.h"
#include "lib/runner/ledger.h"
#include "lib/runner/quarantine.h"
#include "lib/runner/shape.h"
#include "lib/state.h"
#include "lib/state/file.h"
#include "lib/stream.h"
#include "lib/stream/inside.h"

struct check {
	const struct os *os;
	const char *dir;
	FILE *to;
	int faults;
	unsigned files, snapshots;
	struct generation generation;
	struct topology topology;
	uint64_t committed;
	const char *id; /* of the stage whose folder is being read */
	struct ledger ledger;
};

static void fault(struct check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
fault(struct check *c, const char *format, ...)
{
	va_list arguments;

	c->faults++;
	va_start(arguments, format);
	(void)vfprintf(c->to, format, arguments);
	va_end(arguments);
	(void)fputc('\n', c->to);
}

/* A small file of the folder or of a stage. What vanishes meanwhile is no fault. */
static void
check_small(struct check *c, const char *path)
{
	static char text[EPOCH_FILE_MAX];
	struct error error;

	c->files++;
	if (epoch_get(c->os, path, text, &error) < 0)
		fault(c, "%s", error.text);
}

static void
check_snapshot(struct check *c, const char *path)
{
	enum state_trouble trouble;
	struct error error;

	c->snapshots++;
	if (state_verify(c->os, path, &trouble, &error) != 0 &&
	    trouble != STATE_MISSING)
		fault(c, "%s", error.text);
}

static void
check_stage_file(void *context, const char *name)
{
	struct check *c = context;
	char path[EPOCH_PATH_MAX], relative[2 * EPOCH_ID_MAX + 256];
	size_t size = strlen(name);
	struct error error;
	struct stat status;

	if (size >= 256)
		return;
	(void)snprintf(relative, sizeof relative, "stage/%s/%s", c->id, name);
	if (epoch_file_path(path, c->dir, relative, &error) != 0)
		fault(c, "%s", error.text);
	else if (strcmp(name, "member") == 0 &&
	    c->os->stat_path(c->os, path, &status) == 0 && status.st_size == 0)
		return; /* what a power cut leaves: it is not synced */
	else if (strcmp(name, "member") == 0 || strcmp(name, "done") == 0 ||
	    strcmp(name, "until") == 0 || strcmp(name, "outputs") == 0)
		check_small(c, path);
	else if (size > 5 && strcmp(name + size - 5, ".snap") == 0)
		check_snapshot(c, path);
}

/* The last bytes before the committed position of one file. A pipeline that runs writes on
 * behind it. */
static void
check_output(struct check *c, const char *path, const struct body_output *o)
{
	static uint8_t last[STREAM_CHECKED];
	size_t n = o->size < sizeof last ? (size_t)o->size : sizeof last;
	int fd = c->os->open(c->os, path, O_RDONLY, 0);
	struct stat status;

	if (fd < 0 || c->os->stat(c->os, fd, &status) != 0)
		fault(c, "cannot open %s, an output of %s: %s", path, c->id,
		    strerror(errno));
	else if ((uint64_t)status.st_size < o->size)
		fault(c,
		    "%s, an output of %s, ends at byte %lld, but %" PRIu64
		    " were committed",
		    path, c->id, (long long)status.st_size, o->size);
	else if (!stream_read_at(c->os, fd, o->size - n, last, n))
		fault(c, "cannot read %s: %s", path, strerror(errno));
	else if (hash_bytes(slice_of(last, n), 0) != o->last_hash)
		fault(c,
		    "%s, an output of %s, has other bytes than were written, between "
		    "byte %" PRIu64 " and %" PRIu64,
		    path, c->id, o->size - n, o->size);
	if (fd >= 0)
		(void)c->os->close(c->os, fd);
}

/* What the committed snapshot says of the files that the stage wrote. Where they lie, it
 * has told when it was started. */
static void
check_outputs(struct check *c, const char *folder, uint64_t epoch)
{
	static struct places places;
	static struct body body;
	enum state_trouble trouble;
	struct error error;
	struct state_reader *r;
	const char *path;

	if (places_read(c->os, c->dir, c->id, &places, &error) < 0) {
		fault(c, "%s", error.text);
		return;
	}
	r = state_open_chain(c->os, folder, epoch, NULL, &trouble, &error);
	if (r == NULL || body_read(r, &body) != 0)
		fault(c, "%s: its snapshot is of another version", folder);
	for (unsigned i = 0; r != NULL && i < body.outputs; i++)
		if ((path = places_find(&places, body.output[i].name)) != NULL)
			check_output(c, path, &body.output[i]);
	state_close(r);
}

static void
check_stage(struct check *c, const struct stage *s)
{
	char folder[EPOCH_PATH_MAX];
	enum state_trouble trouble;
	struct error error;
	uint64_t standing;
	int before = c->faults;

	c->id = s->id;
	if (epoch_stage_path(folder, c->dir, s->id, &error) != 0)
		fault(c, "%s", error.text);
	else if (c->os->list(c->os, folder, check_stage_file, c) != 0)
		fault(c, "cannot list %s: %s", folder, strerror(errno));
	else if (c->faults == before &&
	    (epoch_standing(c->os, c->dir, s->id, c->committed, &standing, &error) !=
		    0 ||
		state_verify_epoch(c->os, folder, standing, &trouble, &error) != 0))
		fault(
		    c, "%s cannot restore the committed epoch: %s", folder, error.text);
	else if (c->faults == before)
		check_outputs(c, folder, standing);
}

static void
check_ledger(struct check *c)
{
	struct error error;

	if (ledger_read(
		c->os, c->dir, &c->topology, c->committed, &c->ledger, &error) != 0 ||
	    ledger_check(&c->topology, &c->ledger, &error) != 0)
		fault(c, "%s", error.text);
}

static void
check_quarantined(void *context, const char *id, uint64_t record)
{
	struct check *c = context;

	if (shape_find(&c->topology, id) < 0)
		fault(c, "%s/quarantine: record %" PRIu64 " of %s, which is no stage",
		    c->dir, record, id);
}

static void
check_stages(struct check *c)
{
	struct error error;
	int before;

	if (shape_check(&c->topology, &error) != 0)
		fault(c, "%s/topology: %s", c->dir, error.text);
	if (epoch_committed(c->os, c->dir, &c->generation, &c->topology, &c->committed,
		&error) != 0) {
		fault(c, "%s", error.text);
		return;
	}
	if (epoch_read_committed(c->os, c->dir) > c->committed)
		fault(c,
		    "%s/committed tells epoch %016" PRIx64
		    ", the sinks no more than %016" PRIx64,
		    c->dir, epoch_read_committed(c->os, c->dir), c->committed);
	before = c->faults;
	for (unsigned i = 0; i < c->topology.n; i++)
		check_stage(c, &c->topology.stage[i]);
	if (c->faults == before)
		check_ledger(c);
	if (quarantine_list(c->os, c->dir, check_quarantined, c, &error) != 0)
		fault(c, "%s", error.text);
}

/* Those of the runner. */
static void
check_folder(struct check *c)
{
	static const char *const names[] = { "command", "committed", "rates",
		"refused" };
	char path[EPOCH_PATH_MAX];
	struct error error;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (epoch_file_path(path, c->dir, names[i], &error) == 0)
			check_small(c, path);
	c->files += 2;
	switch (epoch_read_topology(c->os, c->dir, &c->topology, &error)) {
	case EPOCH_FOUND:
		check_stages(c);
		break;
	case EPOCH_MISSING:
		break; /* it has never been complete */
	default:
		fault(c, "%s", error.text);
	}
}

int
inspect_check(const struct os *os, const char *dir, FILE *to, struct error *error)
{
	struct check *c = calloc(1, sizeof *c);
	int status;

	if (c == NULL)
		return error_set(error, "no memory");
	c->os = os;
	c->dir = dir;
	c->to = to;
	status = epoch_read_generation(os, dir, &c->generation, error);
	if (status == EPOCH_MISSING) {
		free(c);
		return error_set(error,
		    "%s is no folder of a pipeline of bp-run (what --dir named when it "
		    "was started)",
		    dir);
	}
	if (status < 0)
		fault(c, "%s", error->text);
	check_folder(c);
	if (c->faults == 0)
		(void)fprintf(to,
		    "%s is sound: %u stages, %u snapshots, committed epoch %" PRIu64
		    ".%" PRIu32 "\n",
		    dir, c->topology.n, c->snapshots, epoch_generation(c->committed),
		    (uint32_t)c->committed);
	status = c->faults;
	free(c);
	return status;
}
