/* SPDX-License-Identifier: MIT
 *
 * Retention: sealed segments, the oldest first; never the last one, which says where the
 * log goes on.
 */
#include "lib/log/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { LOOK_US = 60 * 1000000 };

/* Why the oldest segment goes; NULL: it stays. */
static const char *
reason_to_remove(const struct log *l, const struct stat *oldest)
{
	int64_t sealed_us =
	    (int64_t)oldest->st_mtim.tv_sec * 1000000 + oldest->st_mtim.tv_nsec / 1000;

	if (l->options.keep_bytes > 0 && log_bytes(l) > l->options.keep_bytes)
		return "the log is larger than it may be";
	if (l->options.keep_us > 0 &&
	    l->os->wall_us(l->os) - sealed_us > l->options.keep_us)
		return "it is older than it may be";
	return NULL;
}

static int
remove_oldest(struct log *l, bool *removed, struct error *error)
{
	char name[LOG_NAME_SIZE], path[LOG_PATH_MAX];
	struct stat status;
	const char *reason;

	*removed = false;
	log_name(l->list.first[0], name);
	if (log_path(path, l->path, name, error) != 0)
		return -1;
	if (l->os->stat_path(l->os, path, &status) != 0)
		return error_set(error, "cannot look at %s: %s", path, strerror(errno));
	reason = reason_to_remove(l, &status);
	if (reason == NULL)
		return 0;
	/* Its records are those up to the next segment's first. */
	if (l->list.first[1] > l->guard)
		return 0;
	if (l->os->unlink(l->os, path) != 0)
		return error_set(error, "cannot remove %s: %s", path, strerror(errno));
	*removed = true;
	l->sealed_bytes -= (uint64_t)status.st_size;
	log_say(l, "%s: removed %s, records %" PRIu64 " to %" PRIu64 ": %s", l->path,
	    name, l->list.first[0], l->list.first[1] - 1, reason);
	l->list.n--;
	memmove(l->list.first, l->list.first + 1, l->list.n * sizeof *l->list.first);
	return 0;
}

int
log_retain(struct log *l, struct error *error)
{
	bool removed = true;

	if (l->options.keep_us == 0 && l->options.keep_bytes == 0)
		return 0;
	l->retain_us =
	    l->options.keep_us > 0 ? l->os->monotonic_us(l->os) + LOOK_US : INT64_MAX;
	if (log_list_read(l->os, l->path, &l->list, error) != 0)
		return -1;
	while (removed && l->list.n > 1)
		if (remove_oldest(l, &removed, error) != 0)
			return -1;
	return 0;
}
