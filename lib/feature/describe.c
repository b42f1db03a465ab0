/* SPDX-License-Identifier: MIT */
#include "lib/feature/describe.h"

int
describe_init(struct describe *d, struct spec *spec, struct reader *reader,
    uint64_t extract_bytes, uint64_t memo_bytes, uint64_t seed, extract_name *name,
    void *context, struct error *error)
{
	*d = (struct describe){
		.hash_key = hash_key(seed),
		.shown_at = reader_key(reader, "shown_at"),
		.occurred_at = reader_key(reader, "occurred_at"),
		.revision = reader_key(reader, "revision"),
	};
	d->extract = extract_new(spec, extract_bytes, seed, name, context, error);
	if (d->extract == NULL)
		return -1;
	if (memo_init(&d->memo, memo_bytes) == 0)
		return 0;
	extract_free(d->extract);
	*d = (struct describe){ 0 };
	return error_set(error, "no memory for revisions");
}

void
describe_fini(struct describe *d)
{
	extract_free(d->extract);
	memo_fini(&d->memo);
	*d = (struct describe){ 0 };
}

bool
describe_times(const struct describe *d, const struct record *r, enum kind kind,
    struct count_times *to)
{
	if (!record_timestamp(r, &to->known))
		return false;
	if (!record_instant(
		r, kind == KIND_OUTCOME ? d->shown_at : d->occurred_at, &to->shown) ||
	    to->shown > to->known || to->shown < -WHEN_MAX)
		to->shown = to->known;
	return true;
}

/* Outcomes of one banner have the same event_id up to the last dot (join.1). */
static bool
outcome_name(const struct describe *d, const struct record *r, uint64_t *name)
{
	struct slice id;

	if (!record_str(r, KEY_EVENT_ID, &id))
		return false;
	while (id.size > 0 && id.at[id.size - 1] != '.')
		id.size--;
	*name = hash_keyed(d->hash_key, id);
	return id.size > 0;
}

/* What came before the first revision cannot be read any more. */
static int
outcome(struct describe *d, const struct record *r, double weight, struct count_times t,
    struct features *to)
{
	int64_t revision = 0;
	uint64_t name = 0;
	bool named = outcome_name(d, r, &name), again;

	(void)record_int(r, d->revision, &revision);
	again = revision > 0 || weight < 0;
	if (named)
		memo_prefetch(&d->memo, name);
	if (again && named && memo_get(&d->memo, name, to))
		return 0;
	d->forgotten += again;
	if (extract_features(d->extract, r, t, !again, to) != 0)
		return -1;
	if (named && !again)
		memo_put(&d->memo, name, to);
	return 0;
}

int
describe_features(struct describe *d, const struct record *r, enum kind kind,
    double weight, struct count_times t, struct features *to)
{
	if (kind == KIND_OUTCOME)
		return outcome(d, r, weight, t, to);
	return extract_features(d->extract, r, t, !(weight < 0), to);
}

void
describe_save(struct describe *d, struct state_writer *to)
{
	extract_save(d->extract, to);
	memo_save(&d->memo, to);
}

int
describe_load(struct describe *d, struct state_reader *from, struct error *error)
{
	return extract_load(d->extract, from, error) != 0 ||
		memo_load(&d->memo, from, error) != 0
	    ? -1
	    : 0;
}
