/* SPDX-License-Identifier: MIT
 *
 * segment: the files of a log, found and read, batch by batch.
 */
#ifndef BANNERPIPE_LOG_SEGMENT_H
#define BANNERPIPE_LOG_SEGMENT_H

#include "lib/log/format.h"
#include "lib/stream/frame.h"

enum {
	LOG_PATH_MAX = 4096,
	LOG_SEGMENTS_MAX = 1 << 20, /* files of one folder */
	LOG_BODY_PADDING = 64,      /* readable bytes after an unpacked body */
};

/* The first record of each segment, ascending. Zeroed at first; free `first`. */
struct log_list {
	uint64_t *first;
	size_t n, room;
};

/* The segments that a folder has now. */
int log_list_read(
    const struct os *os, const char *folder, struct log_list *to, struct error *error);

struct log_file {
	const struct os *os;
	int fd; /* -1: none is open */
	uint64_t first;
	uint64_t size; /* when it was last looked at */
	mode_t mode;
	char path[LOG_PATH_MAX];
};

/* FOLDER/NAME of a segment. -1 when it is too long. */
int log_path(
    char to[LOG_PATH_MAX], const char *folder, const char *name, struct error *error);
/* Open the segment whose path is set already. */
int log_file_open(struct log_file *f, int flags, struct error *error);
void log_file_close(struct log_file *f);
/* Look at size and mode again. */
int log_file_measure(struct log_file *f, struct error *error);
/* Exactly so many bytes; a file that has fewer is a failure. */
int log_file_read(
    struct log_file *f, uint64_t offset, void *to, size_t size, struct error *error);

enum log_found {
	LOG_FOUND_BATCH,
	LOG_FOUND_END,   /* the file ends here */
	LOG_FOUND_SHORT, /* it ends within a header or a batch, which is good so far */
	LOG_FOUND_BAD,
	LOG_FOUND_FAIL = -1,
};

/* The header of the batch at an offset; the batch lies within `size`. */
enum log_found log_file_header(
    struct log_file *f, uint64_t offset, struct log_header *to, struct error *error);

/* Storage for one batch. */
struct log_buffers {
	uint8_t *packed, *body; /* owned; NULL before log_buffers_new */
	struct frame_unpacker *unpacker;
};

int log_buffers_new(struct log_buffers *b, struct error *error);
void log_buffers_free(struct log_buffers *b);

/* Read and check the records of the batch with that header into b->body. FOUND_BATCH or
 * FOUND_BAD, or FOUND_FAIL. */
enum log_found log_file_body(struct log_file *f, uint64_t offset,
    const struct log_header *h, struct log_buffers *b, struct error *error);

/* The next sound header of this log at `from` or behind it. 1 found, 0 there is none. */
int log_file_resync(struct log_file *f, uint64_t from, struct log_header *to,
    uint64_t *offset, struct error *error);

/* Whether it is sealed: 1 with the seal, 0 no, -1 with error. */
int log_file_seal(struct log_file *f, struct log_seal *to, struct error *error);
/* The index of a sealed segment, malloced. 0, 1 when it is damaged, -1 with error. */
int log_file_entries(struct log_file *f, const struct log_seal *seal,
    struct log_entry **to, struct error *error);

#endif
