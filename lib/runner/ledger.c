/* SPDX-License-Identifier: MIT */
#include "lib/runner/ledger.h"

#include <inttypes.h>

#include "lib/base/bytes.h"
#include "lib/runner/shape.h"
#include "lib/state.h"

const char *const account_names[ACCOUNTS] = { "in", "out", "dropped", "rejected",
	"held", "late", "emitted", "control" };

int
ledger_read(const struct os *os, const char *dir, const struct topology *t,
    uint64_t epoch, struct ledger *to, struct error *error)
{
	uint8_t bytes[8 * ACCOUNTS];
	char path[EPOCH_PATH_MAX];

	to->epoch = epoch;
	for (unsigned i = 0; i < t->n; i++) {
		const char *id = t->stage[i].id;
		uint64_t standing;

		if (epoch_standing(os, dir, id, epoch, &standing, error) != 0 ||
		    epoch_snapshot_path(path, dir, id, standing, error) != 0 ||
		    state_head(os, path, bytes, sizeof bytes, error) != 0)
			return -1;
		for (unsigned k = 0; k < ACCOUNTS; k++)
			to->count[i][k] = bytes_load_le64(bytes + 8 * k);
	}
	return 0;
}

static int
check_stage(
    const struct stage *s, uint64_t epoch, const uint64_t *c, struct error *error)
{
	uint64_t ends = c[ACCOUNT_OUT] + c[ACCOUNT_DROPPED] + c[ACCOUNT_REJECTED] +
	    c[ACCOUNT_HELD] + c[ACCOUNT_LATE];

	return c[ACCOUNT_IN] == ends
	    ? 0
	    : error_set(error,
		  "the ledger of epoch %016" PRIx64 " does not balance: into %s came "
		  "%" PRIu64 " records, but out %" PRIu64 " + dropped %" PRIu64
		  " + rejected %" PRIu64 " + held %" PRIu64 " + late %" PRIu64
		  " are %" PRIu64,
		  epoch, s->id, c[ACCOUNT_IN], c[ACCOUNT_OUT], c[ACCOUNT_DROPPED],
		  c[ACCOUNT_REJECTED], c[ACCOUNT_HELD], c[ACCOUNT_LATE], ends);
}

static int
check_inputs(const struct topology *t, unsigned stage, const struct ledger *l,
    struct error *error)
{
	const struct stage *s = &t->stage[stage];
	uint64_t sent = 0;

	for (unsigned k = 0; k < s->inputs; k++) {
		int from = shape_find(t, s->input[k]);

		if (from >= 0)
			sent += l->count[from][ACCOUNT_OUT] +
			    l->count[from][ACCOUNT_EMITTED];
	}
	/* A stage of several inputs holds records of one back until another has spoken, and
	 * an input that is over has sent more since its last snapshot. */
	return s->inputs != 1 || sent == l->count[stage][ACCOUNT_IN]
	    ? 0
	    : error_set(error,
		  "the ledger of epoch %016" PRIx64 " does not balance: %s%s sent "
		  "%" PRIu64 " records, but into %s came %" PRIu64,
		  l->epoch, s->input[0], s->inputs > 1 ? " and others" : "", sent,
		  s->id, l->count[stage][ACCOUNT_IN]);
}

int
ledger_check(const struct topology *t, const struct ledger *l, struct error *error)
{
	for (unsigned i = 0; i < t->n; i++)
		if (check_stage(&t->stage[i], l->epoch, l->count[i], error) != 0 ||
		    check_inputs(t, i, l, error) != 0)
			return -1;
	return 0;
}
