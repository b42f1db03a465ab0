/* SPDX-License-Identifier: MIT */
#include "lib/modeltool/follow.h"

#include <poll.h>

#include "lib/model/records.h"
#include "lib/modeltool/delta.h"

enum { PAUSE_MS = 1000, COMMIT_US = 10 * 1000 * 1000 };

struct follow {
	const struct os *os;
	const struct follow_options *options;
	struct input *in;
	struct follower follower;
	bool changed; /* since the file was written */
	int64_t committed_us;
};

static int
commit(struct follow *f, struct error *error)
{
	if (!f->changed || !f->follower.complete)
		return 0;
	f->changed = false;
	f->committed_us = f->os->monotonic_us(f->os);
	return model_write(f->os, f->follower.model, f->options->model, error);
}

static int
each(void *context, const struct record *r, struct error *error)
{
	struct follow *f = context;
	int status = follower_take(&f->follower, r, error);

	if (status < 0)
		return -1;
	f->changed = f->changed || status > 0;
	return status > 0 && f->os->monotonic_us(f->os) - f->committed_us > COMMIT_US
	    ? commit(f, error)
	    : 0;
}

/* Wait in pieces, as a signal may come right before the wait. */
static int
pause_for(void *context, struct error *error)
{
	struct follow *f = context;
	struct pollfd fd = { .fd = input_wait_fd(f->in), .events = POLLIN };

	while (!input_ready(f->in) && fd.fd >= 0) {
		int n;

		if (*f->options->stop)
			return 1;
		n = f->os->poll(f->os, &fd, 1, PAUSE_MS);
		if (n > 0)
			break;
		if (n == 0 && commit(f, error) != 0)
			return -1;
	}
	return *f->options->stop != 0;
}

int
follow_run(
    const struct os *os, const struct follow_options *options, struct error *error)
{
	struct follow f = { .os = os, .options = options };
	struct records records = { .pause = pause_for, .each = each, .context = &f };
	int status = -1;

	f.in = records.in = input_open(os, "-", error);
	records.reader = f.in == NULL ? NULL : reader_new();
	if (records.reader != NULL) {
		follower_init(
		    &f.follower, records.reader, os, options->live, options->memory);
		f.committed_us = os->monotonic_us(os);
		status = records_read(&records, error);
		if (status == 0 && !f.follower.complete)
			status = error_set(error,
			    f.follower.model == NULL
				? "there is no delta in the input"
				: "the input ends within a version");
		if (status == 0)
			status = commit(&f, error);
		follower_fini(&f.follower);
	} else if (f.in != NULL) {
		error_set(error, "no memory for records");
	}
	reader_free(records.reader);
	input_free(f.in);
	return status;
}
