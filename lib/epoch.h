/* SPDX-License-Identifier: MIT
 *
 * epoch: the folder of a pipeline that bp-run keeps (bannerpipe-checkpoint(7)): its
 * generations, its stages, and what is committed.
 *
 * A generation is one start of the group of processes; an epoch ends with a CUT. An
 * epoch's number is the generation's in the upper 32 bits and a count in the lower, and
 * is never given twice; epoch 0 is the beginning. Every stage has a snapshot of the
 * epochs that may be restored; a sink's snapshot is its vote: it says that all it wrote
 * up to that CUT is durable. Committed is the smallest of the sinks' last epochs.
 *
 *	DIR/lock                 flock'd by bp-run, inherited by the whole group
 *	DIR/generation           struct generation
 *	DIR/topology             the stages, once the first generation is complete
 *	DIR/committed            the last committed epoch; advice only, may be older
 *	DIR/waiting/PID          the generation of a stage that has read nothing yet
 *	DIR/refused              why a stage refuses to run: its message
 *	DIR/quarantine           records that stages shall reject unseen: "ID NUMBER" lines
 *	DIR/stage/ID/member      struct stage of the generation that runs
 *	DIR/stage/ID/EPOCH.snap  16 hexadecimal digits
 *	DIR/stage/ID/done        the generation and epoch whose END was reached
 *	DIR/stage/ID/lock        flock'd by the process that is the stage
 *	DIR/stage/ID/origin.snap another name of the snapshot of epoch 0, which stays: an
 *	                         audit begins with it
 *	DIR/stage/ID/current     the number of the record in hand, u64, mapped; kept when
 *	                         the file is there (quarantine)
 *	DIR/stage/ID/dead        rejects: the records that were quarantined
 *	DIR/stage/ID/outputs     where the files lie that it writes (epoch/places.h)
 *
 * And in an audit, whose folder is another one:
 *
 *	DIR/stage/ID/until       "in N", "control N": a source stops when it has read as
 *	                         many; "complete 1": that is the end of its input, no
 *	                         pause; "output SIZE NAME": compare it up to that byte
 *	DIR/stage/ID/compared    "bytes N" of each output that is a file, and "difference
 *	                         TEXT" if it had one
 *
 * The small files are lines of text, a key and a value each, the last of which is a
 * checksum. They are written beside their place, synced, renamed, and their folder is
 * synced: after a crash there is the old one or the new one. A failure is never retried:
 * what fsync could not write the page cache may show and the disk not have.
 */
#ifndef BANNERPIPE_EPOCH_H
#define BANNERPIPE_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/slice.h"
#include "lib/os.h"

#define EPOCH_DIR_VARIABLE "BP_DIR" /* names the folder to every process of the group */
#define EPOCH_RUNNER_VARIABLE                                                          \
	"BP_RUNNER" /* process id of the runner, to whom orphans come; when it dies, so do \
		       the stages */

enum {
	EPOCH_STAGES_MAX = 64,
	EPOCH_INPUTS_MAX = 16,
	EPOCH_ID_MAX = 64, /* with its terminating 0 */
	EPOCH_PATH_MAX = 4096,
	EPOCH_FILE_MAX = 64 * 1024,
};

struct generation {
	uint64_t number;  /* from 1, below 2^32 */
	uint64_t restore; /* what every stage loads before it reads */
	int64_t every_us; /* how often a source cuts when records came, > 0 */
	int64_t idle_us;  /* how often it does when none came, >= every_us */
	bool finished;    /* END was reached and all processes ended well */
	bool audit;       /* outputs are compared with what is there, not written */
};

/* One stage, as it says of itself when it has restored. */
struct stage {
	char id[EPOCH_ID_MAX]; /* letters, digits, '-', '_', '.' */
	unsigned inputs;       /* stages that it reads from; 0 for a source */
	char input[EPOCH_INPUTS_MAX][EPOCH_ID_MAX];
	bool source;  /* makes the CUTs */
	bool sink;    /* nobody of the pipeline reads its output */
	bool foreign; /* but a program that is no stage does: no promise covers that */
	uint64_t generation;
	int64_t pid;
};

struct topology {
	unsigned n;
	struct stage stage[EPOCH_STAGES_MAX]; /* in the order of their ids */
};

/* What reading gives: the file may not be there. -1 with error for all other trouble;
 * errno is EBADMSG when the file was read, and is damaged. */
enum { EPOCH_FOUND = 0, EPOCH_MISSING = 1 };

int epoch_write_generation(const struct os *os, const char *dir,
    const struct generation *g, struct error *error);
int epoch_read_generation(
    const struct os *os, const char *dir, struct generation *g, struct error *error);

int epoch_write_topology(const struct os *os, const char *dir, const struct topology *t,
    struct error *error);
int epoch_read_topology(
    const struct os *os, const char *dir, struct topology *t, struct error *error);

/* Make DIR/stage/ID. */
int epoch_make_stage(
    const struct os *os, const char *dir, const char *id, struct error *error);
/* A stage says that it takes part; DIR/stage/ID exists. Not synced: it is of this
 * generation only. */
int epoch_write_member(
    const struct os *os, const char *dir, const struct stage *s, struct error *error);
/* The members that have joined this generation, in the order of their ids. */
int epoch_read_members(const struct os *os, const char *dir, uint64_t generation,
    struct topology *t, struct error *error);

/* END was reached: all output is durable. `rejecting`: more was rejected than allowed,
 * which is no failure of the stage, and no exit status could tell it from the failures of
 * others in a shell's pipeline. */
struct done {
	uint64_t generation, epoch;
	bool rejecting;
};

int epoch_write_done(const struct os *os, const char *dir, const char *id,
    const struct done *done, struct error *error);
/* All 0 when it is missing. */
int epoch_read_done(const struct os *os, const char *dir, const char *id,
    struct done *done, struct error *error);

/* The epoch whose snapshot stands for this one: itself; or the stage's last one, when it
 * came to its END before this epoch ended, and others went on. 0, also when there is
 * neither; -1 with error when the files cannot be read. */
int epoch_standing(const struct os *os, const char *dir, const char *id, uint64_t epoch,
    uint64_t *standing, struct error *error);

/* A process says that its input has given it nothing yet, or that it has now. Advice: it
 * cannot fail. */
void epoch_write_waiting(
    const struct os *os, const char *dir, int64_t pid, uint64_t generation);
void epoch_remove_waiting(const struct os *os, const char *dir, int64_t pid);
/* Before a start: forget those of earlier ones. */
void epoch_clear_waiting(const struct os *os, const char *dir);
bool epoch_is_waiting(
    const struct os *os, const char *dir, int64_t pid, uint64_t generation);

/* Advice for stages and people; not synced. Missing reads as 0. */
int epoch_write_committed(
    const struct os *os, const char *dir, uint64_t epoch, struct error *error);
uint64_t epoch_read_committed(const struct os *os, const char *dir);

/* The newest epoch of this generation that the stage has a snapshot of, 0 for none;
 * -1 with error when the folder cannot be read. */
int epoch_voted(const struct os *os, const char *dir, const char *id,
    uint64_t generation, uint64_t *epoch, struct error *error);
/* The smallest over the sinks; a sink without a vote of this generation stands at the
 * epoch that was restored. */
int epoch_committed(const struct os *os, const char *dir, const struct generation *g,
    const struct topology *t, uint64_t *epoch, struct error *error);

/* DIR/stage/ID, DIR/stage/ID/EPOCH.snap and DIR/NAME. -1 with error when too long. */
int epoch_stage_path(
    char to[EPOCH_PATH_MAX], const char *dir, const char *id, struct error *error);
/* DIR/stage/ID/NAME */
int epoch_stage_file_path(char to[EPOCH_PATH_MAX], const char *dir, const char *id,
    const char *name, struct error *error);
int epoch_snapshot_path(char to[EPOCH_PATH_MAX], const char *dir, const char *id,
    uint64_t epoch, struct error *error);
int epoch_file_path(
    char to[EPOCH_PATH_MAX], const char *dir, const char *name, struct error *error);

/* The two routines that the others are made of, and for files of the runner's own.
 * `text` is lines without the checksum. epoch_get gives it back terminated by a 0. */
int epoch_put(const struct os *os, const char *path, struct slice text, bool durable,
    struct error *error);
int epoch_get(const struct os *os, const char *path, char to[EPOCH_FILE_MAX],
    struct error *error);

bool epoch_id_valid(struct slice id);

static inline uint64_t
epoch_of(uint64_t generation, uint64_t n)
{
	return generation << 32 | n;
}

static inline uint64_t
epoch_generation(uint64_t epoch)
{
	return epoch >> 32;
}

#endif
