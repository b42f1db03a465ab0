/* SPDX-License-Identifier: MIT
 *
 * intake: what a server takes becomes the input of a run, or goes into a log; and acks go
 * out when it is safe: when the output was flushed, when the log is durable, or when
 * another process says so.
 */
#ifndef BANNERPIPE_FILTER_INTAKE_H
#define BANNERPIPE_FILTER_INTAKE_H

#include "lib/filter.h"
#include "lib/log.h"
#include "lib/net/keep.h"
#include "lib/net/server.h"
#include "lib/net/streams.h"

enum { INTAKE_ACK_LINE = 24 };

struct intake {
	struct run *run;
	struct source source;
	struct input *in; /* the run's */
	struct server *server;

	struct server_batch batch;
	size_t given;      /* bytes of the batch that were handed on */
	uint64_t messages; /* taken: the points of their acks */
	uint64_t records;  /* written, for the acks of others */
	size_t unflushed;
	bool untold;        /* the batch has no point yet */
	bool ended;         /* as many streams have ended as shall */
	uint64_t until_end; /* 0: never */
	struct streams streams;

	struct log *log; /* NULL: none */
	struct keeper *keeper;

	int acks;       /* a descriptor whose lines say what is safe, or -1 */
	uint64_t acked; /* what it said last */
	char ack_line[INTAKE_ACK_LINE];
	unsigned ack_size;
};

/* In start: serve, append to a log (NULL for none), listen to acks (-1 for none), end when
 * so many streams have. The config's known, say and context are set here. Each returns 0,
 * or -1 after run_fail. */
int intake_start(struct intake *n, struct run *run, struct server_config *config,
    const char *log_path, int acks, uint64_t until_end);
/* Callbacks of the filter, handed on. */
enum verdict intake_each(struct intake *n);
int intake_control(struct intake *n, struct slice bytes);
int intake_attend(struct intake *n);
int intake_finish(struct intake *n);
void intake_save(struct intake *n, struct state_writer *to);
int intake_load(struct intake *n, struct state_reader *from);
void intake_free(struct intake *n);

#endif
