/* SPDX-License-Identifier: MIT
 *
 * records: the records of a file or pipe one after another, for those who are no filter.
 */
#ifndef BANNERPIPE_MODEL_RECORDS_H
#define BANNERPIPE_MODEL_RECORDS_H

#include "lib/record/record.h"
#include "lib/stream.h"

struct records {
	struct input *in;      /* borrowed */
	struct reader *reader; /* borrowed */
	/* May be NULL. Nothing can be read at once, or a signal came: 0 to wait for more, 1
	 * to end here, -1 with error. */
	int (*pause)(void *context, struct error *error);
	/* 0 to go on, -1 with error. */
	int (*each)(void *context, const struct record *r, struct error *error);
	void *context;
};

/* Call with each record up to the end; control records are passed over, as is what is no
 * record (a list, a map with other keys). -1 and the error of the stream, which names the
 * byte, or that of `each`. */
int records_read(const struct records *r, struct error *error);

#endif
