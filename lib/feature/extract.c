/* SPDX-License-Identifier: MIT */
#include "lib/feature/extract.h"

#include <math.h>
#include <stdlib.h>

#include "lib/feature/vector.h"
#include "lib/hash.h"
#include "lib/state/block.h"

enum {
	DELAY_SHARE = 3,      /* of the memory: a third, */
	DELAY_MAX = 24 << 20, /* and no more */
	PEOPLE_SHARE = 6,     /* of the memory, for what their history is found by */
};

/* --- Combinations and counts ------------------------------------------------------ */

static void
cross(struct extract *x, const struct spec_feature *f, unsigned depth, uint64_t hash,
    double value, const char *before, size_t size)
{
	char text[4 * LABEL_MAX];
	unsigned part;

	if (depth == f->part_count) {
		vector_put(x, f, hash, value, slice_of(before, size));
		return;
	}
	part = f->parts[depth];
	for (unsigned i = x->begin[part]; i < x->begin[part + 1]; i++) {
		size_t n = 0;

		if (x->name != NULL) {
			struct label l = x->labels[i];

			n = size < sizeof text ? size : sizeof text;
			memcpy(text, before, n);
			if (depth > 0 && n < sizeof text)
				text[n++] = '*';
			if (l.size > sizeof text - n)
				l.size = (uint32_t)(sizeof text - n);
			memcpy(text + n, x->text + l.at, l.size);
			n += l.size;
		}
		cross(x, f, depth + 1, hash_pair(hash, x->keys[i]),
		    value * (double)x->values[i], text, n);
	}
}

static void
counted(struct extract *x, struct spec_feature *f, instant at)
{
	double v;

	if (!count_read(&x->counting, f, at, &v))
		return;
	if (f->verb >= FEATURE_RATE) {
		v = v < 1e-6 ? 1e-6 : v > 1 - 1e-6 ? 1 - 1e-6 : v;
		v = log(v / (1 - v));
		if (f->as_number)
			vector_put_value(x, f, 0, v, slice_text(""));
		else
			vector_put_integer(x, f, (int64_t)floor(2 * v));
		return;
	}
	if (f->verb == FEATURE_SINCE)
		v /= WHEN_SECOND;
	if (f->as_number)
		vector_put_value(x, f, 0, copysign(log1p(fabs(v)), v), slice_text(""));
	else
		vector_put_log(x, f, f->verb == FEATURE_DISTINCT ? round(v) : v, 2);
}

static void
last(struct extract *x, struct spec_feature *f, instant at)
{
	uint64_t hashes[SPEC_LAST_MAX];
	unsigned n = count_last(&x->counting, f, at, hashes);

	/* Unnamed: the values themselves are named when they are added. */
	for (unsigned i = 0; i < n; i++)
		vector_put(x, f, hashes[i], 1, slice_of(NULL, 0));
}

void
extract_one(
    struct extract *x, struct spec_feature *f, const struct record *r, instant at)
{
	switch (f->verb) {
	case FEATURE_FIELD:
		vector_field(x, f, r);
		break;
	case FEATURE_NUMBER:
	case FEATURE_LINEAR:
	case FEATURE_LOG:
	case FEATURE_EDGES:
		vector_numbers(x, f, r);
		break;
	case FEATURE_WORDS:
		vector_words(x, f, r);
		break;
	case FEATURE_VECTOR:
		vector_list(x, f, r);
		break;
	case FEATURE_HOUR:
	case FEATURE_WEEKDAY:
		vector_time(x, f, at);
		break;
	case FEATURE_CROSS:
		cross(x, f, 0, 0, 1, "", 0);
		break;
	case FEATURE_LAST:
		last(x, f, at);
		break;
	default:
		counted(x, f, at);
		break;
	}
}

/* --- Names ------------------------------------------------------------------------ */

static int
name_key(
    struct extract *x, const struct spec_feature *f, uint64_t key, struct slice label)
{
	char text[SPEC_NAME_MAX + 4 * LABEL_MAX + 1];
	size_t size = strlen(f->name);

	memcpy(text, f->name, size);
	if (label.size > 0) {
		text[size++] = '=';
		memcpy(text + size, label.at, label.size);
		size += label.size;
	}
	return x->name(x->context, key, slice_of(text, size));
}

static int
name_all(struct extract *x)
{
	for (unsigned i = 0; i < x->spec->count; i++) {
		const struct spec_feature *f = &x->spec->features[i];

		if (f->verb == FEATURE_LAST)
			continue;
		for (unsigned k = x->begin[i]; k < x->begin[i + 1]; k++)
			if (name_key(x, f, x->keys[k],
				slice_of(
				    x->text + x->labels[k].at, x->labels[k].size)) != 0)
				return -1;
	}
	return 0;
}

/* The values that `last` remembers, when they come. */
static void
name_values(struct extract *x, struct spec_feature *f, const struct record *r)
{
	struct slice values[SUBJECT_VALUES_MAX];
	unsigned n = subject_values(&f->subject, r, values, SUBJECT_VALUES_MAX);
	char label[LABEL_MAX];
	uint64_t hash;

	for (unsigned i = 0; i < n; i++)
		if (subject_hash(values[i], &hash))
			(void)name_key(x, f, feature_key(f->space, hash),
			    subject_label(values[i], label, sizeof label));
}

/* --- Records ---------------------------------------------------------------------- */

static void
sum_up(struct extract *x)
{
	x->counts.late = x->counting.late;
	x->counts.early = x->counting.early;
	x->counts.stuck = x->counting.stuck;
	x->counts.evicted = 0;
	if (x->counting.people_count > 0)
		x->counts.users = table_counts(x->counting.users.numbers).cells;
	for (unsigned i = 0; i < x->spec->group_count; i++)
		x->counts.evicted += x->spec->groups[i].evicted;
	if (x->counting.people_count > 0)
		x->counts.evicted += table_counts(x->counting.users.numbers).evicted;
}

bool
extract_reach(
    struct extract *x, const struct record *r, struct count_times t, bool counts)
{
	bool past;

	count_turn(&x->counting);
	if (counts)
		count_fetch(&x->counting, r);
	past = !count_advance(&x->counting, t.shown);
	sum_up(x);
	x->counts.behind += past && counts && x->spec->counts;
	return counts && !past;
}

void
extract_some(struct extract *x, const struct record *r, instant at,
    extract_wants *wants, const void *context)
{
	x->n = 0;
	x->weighted = false;
	x->text_used = 0;
	for (unsigned i = 0; i < x->spec->count; i++) {
		x->begin[i] = x->n;
		x->begin[i + 1] = x->n;
		if (wants(context, i))
			extract_one(x, &x->spec->features[i], r, at);
		x->begin[i + 1] = x->n;
	}
}

static bool
of_record(const void *context, unsigned feature)
{
	const struct extract *x = context;

	return !x->spec->features[feature].counts;
}

static bool
any(const void *context, unsigned feature)
{
	(void)context;
	(void)feature;
	return true;
}

int
extract_features(struct extract *x, const struct record *r, struct count_times t,
    bool counts, struct features *to)
{
	extract_some(
	    x, r, t.shown, extract_reach(x, r, t, counts) ? any : of_record, x);
	for (unsigned i = 0; i < x->n; i++) {
		uint32_t bits;

		memcpy(&bits, &x->values[i], sizeof bits);
		x->wire_keys[i] = bytes_le64(x->keys[i]);
		x->wire_values[i] = bytes_le32(bits);
	}
	to->keys = slice_of(x->wire_keys, 8 * (size_t)x->n);
	to->values = x->weighted ? slice_of(x->wire_values, 4 * (size_t)x->n)
				 : slice_of(NULL, 0);
	return x->name != NULL ? name_all(x) : 0;
}

static unsigned
append(struct extract *x, const struct features *from, unsigned n)
{
	static const float one = 1;
	unsigned count = features_count(from), room = FEATURES_MAX - n;
	uint32_t bits;

	if (count > room) {
		x->counts.cut += count - room;
		count = room;
	}
	if (count > 0)
		memcpy(x->joined_keys + n, from->keys.at, 8 * (size_t)count);
	if (from->values.at != NULL && count > 0) {
		memcpy(x->joined_values + n, from->values.at, 4 * (size_t)count);
		return n + count;
	}
	memcpy(&bits, &one, sizeof bits);
	for (unsigned i = 0; i < count; i++)
		x->joined_values[n + i] = bytes_le32(bits);
	return n + count;
}

void
extract_join(struct extract *x, const struct features *before, struct features *own)
{
	bool weighted = before->values.at != NULL || own->values.at != NULL;
	unsigned n = append(x, own, append(x, before, 0));

	own->keys = slice_of(x->joined_keys, 8 * (size_t)n);
	own->values =
	    weighted ? slice_of(x->joined_values, 4 * (size_t)n) : slice_of(NULL, 0);
}

void
extract_turn(struct extract *x)
{
	count_turn(&x->counting);
}

void
extract_update(struct extract *x, const struct record *r, enum kind kind, double weight,
    struct count_times t)
{
	if (x->counting.people_count > 0)
		count_meet(&x->counting, r, kind, weight, t);
	for (unsigned i = 0; i < x->spec->count; i++) {
		struct spec_feature *f = &x->spec->features[i];

		if (((f->of | f->per) >> kind & 1) == 0)
			continue;
		count_update(&x->counting, f, r, kind, weight, t);
		if (x->name != NULL && f->verb == FEATURE_LAST)
			name_values(x, f, r);
	}
	count_turn(&x->counting);
	sum_up(x);
}

/* --- Life ------------------------------------------------------------------------- */

struct extract *
extract_new(struct spec *spec, uint64_t memory_bytes, uint64_t seed, extract_name *name,
    void *context, struct error *error)
{
	struct extract *x = calloc(1, sizeof *x);
	bool fine = x != NULL;

	if (!fine) {
		spec_free(spec);
	} else {
		x->spec = spec;
		x->counting.spec = spec;
		x->counting.key = hash_key(seed);
		x->counting.turn = 1;
		x->name = name;
		x->context = context;
		if (name != NULL) {
			x->labels = calloc(FEATURES_MAX, sizeof *x->labels);
			x->text = malloc(LABELS);
			fine = x->labels != NULL && x->text != NULL;
		}
	}
	if (!fine)
		(void)error_set(error, "no memory for the features");
	if (fine && spec->counts) {
		uint64_t delay = memory_bytes / DELAY_SHARE;

		delay = delay < DELAY_MAX ? delay : DELAY_MAX;
		memory_bytes -= delay;
		fine = delay_init(&x->counting.delay, delay) == 0 &&
		    count_people(&x->counting, memory_bytes / PEOPLE_SHARE) == 0;
		if (x->counting.people_count > 0)
			memory_bytes -= memory_bytes / PEOPLE_SHARE;
		if (!fine)
			(void)error_set(error, "too little memory: raise --memory");
	}
	if (!fine || spec_reserve(spec, memory_bytes, error) != 0) {
		extract_free(x);
		return NULL;
	}
	return x;
}

void
extract_free(struct extract *x)
{
	if (x == NULL)
		return;
	delay_fini(&x->counting.delay);
	users_fini(&x->counting.users);
	spec_free(x->spec);
	free(x->labels);
	free(x->text);
	free(x);
}

const struct extract_counts *
extract_counts(const struct extract *x)
{
	return &x->counts;
}

void
extract_save(const struct extract *x, struct state_writer *to)
{
	state_put_u64(to, x->spec->hash);
	state_put(to, &x->counts, sizeof x->counts);
	state_put_u64(to, x->counting.late);
	state_put_u64(to, x->counting.early);
	state_put_u64(to, x->counting.stuck);
	delay_save(&x->counting.delay, to);
	if (x->counting.people_count > 0)
		users_save(&x->counting.users, to);
	for (unsigned i = 0; i < x->spec->group_count; i++)
		group_save(&x->spec->groups[i], to);
}

int
extract_load(struct extract *x, struct state_reader *from, struct error *error)
{
	uint64_t hash;

	if (state_get_u64(from, &hash) != 0 ||
	    state_get(from, &x->counts, sizeof x->counts) != 0 ||
	    state_get_u64(from, &x->counting.late) != 0 ||
	    state_get_u64(from, &x->counting.early) != 0 ||
	    state_get_u64(from, &x->counting.stuck) != 0)
		return error_set(error, "the snapshot is too short");
	if (hash != x->spec->hash)
		return error_set(error,
		    "the specification has changed since (go back to it, or start "
		    "afresh with --state NEWDIR)");
	if (delay_load(&x->counting.delay, from, error) != 0 ||
	    (x->counting.people_count > 0 &&
		users_load(&x->counting.users, from, error) != 0))
		return -1;
	for (unsigned i = 0; i < x->spec->group_count; i++)
		if (group_load(&x->spec->groups[i], from, error) != 0)
			return -1;
	return 0;
}
