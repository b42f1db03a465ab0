/* SPDX-License-Identifier: MIT */
#include "lib/simulate/world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/hash.h"
#include "lib/simulate/chance.h"
#include "lib/vec.h"

/* How far the directions of banners of one category lie apart. */
#define SCATTER 0.35

const char *const world_categories[WORLD_CATEGORIES] = { "shirts", "shoes", "jackets",
	"bags", "watches", "sports" };

/* What is drawn of the seed. */
enum { OF_VISITOR = 1, OF_BANNER, OF_DRIFT, OF_CONSENT };

_Static_assert(sizeof(struct visitor) == 48, "saved as it is");
_Static_assert(sizeof(struct banner) == 72, "saved as it is");

static struct random
chance(const struct world *w, uint64_t what, uint64_t which)
{
	return chance_of(w->o.seed, what, which);
}

static void
to_length_1(double v[WORLD_CATEGORIES])
{
	double sum = 0;

	for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
		sum += v[c] * v[c];
	for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
		v[c] = sum > 0 ? v[c] / sqrt(sum) : c == 0;
}

static double
liking(const struct world *w, const struct visitor *v, const struct banner *b)
{
	double z = 0;

	for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
		z += (double)v->tastes[c] * b->likes[c];
	return vec_exp(w->o.taste * z);
}

/* It draws below ((i + 1) / n)^2 ... */
double
world_activity(const struct world *w, uint64_t i)
{
	double n = (double)w->o.visitors;

	return sqrt((double)(i + 1) / n) - sqrt((double)i / n);
}

uint32_t
world_visitor(const struct world *w, double draw)
{
	uint64_t i = (uint64_t)(draw * draw * (double)w->o.visitors);

	return (uint32_t)(i < w->o.visitors ? i : w->o.visitors - 1);
}

/* Every banner's M. */
static void
scale(struct world *w)
{
	uint64_t step = (w->o.visitors + WORLD_SAMPLE - 1) / WORLD_SAMPLE;

	for (unsigned i = 0; i < w->n; i++) {
		double sum = 0, weights = 0;

		for (uint64_t v = 0; v < w->o.visitors; v += step) {
			double a = world_activity(w, v);

			sum += a * liking(w, &w->visitor[v], &w->banner[i]);
			weights += a;
		}
		w->banner[i].scale = w->o.rates->row[i].rate * weights / sum;
	}
}

static void
make_visitors(struct world *w)
{
	for (uint64_t i = 0; i < w->o.visitors; i++) {
		struct random r = chance(w, OF_VISITOR, i);
		struct visitor *v = &w->visitor[i];

		for (uint16_t c = 0; c < WORLD_CATEGORIES; c++) {
			v->tastes[c] = (float)chance_normal(&r);
			if (v->tastes[c] > v->tastes[v->favourite])
				v->favourite = c;
		}
	}
}

static void
make_banners(struct world *w)
{
	uint64_t newcomers = w->o.newcomers < w->n ? w->o.newcomers : w->n - 1;

	for (unsigned i = 0; i < w->n; i++) {
		struct random r = chance(w, OF_BANNER, i);
		struct banner *b = &w->banner[i];
		unsigned late = i + 1 + (unsigned)newcomers - w->n;

		b->category = i % WORLD_CATEGORIES;
		b->born = w->o.from;
		if (i >= w->n - newcomers)
			b->born += w->o.length.us / (int64_t)(newcomers + 1) * late;
		else
			w->born = i + 1;
		for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
			b->likes[c] = SCATTER * chance_normal(&r);
		b->likes[b->category] += 1;
		to_length_1(b->likes);
		if (i < w->born &&
		    w->o.rates->row[i].rate < w->o.rates->row[w->worst].rate)
			w->worst = i;
	}
}

uint64_t
world_bytes(const struct world_options *o)
{
	return o->visitors * sizeof(struct visitor) +
	    o->rates->n * sizeof(struct banner);
}

int
world_init(struct world *w, const struct world_options *o)
{
	assert(o->visitors > 0 && o->rates->n > 0 && o->length.us > 0);
	*w = (struct world){ .o = *o, .n = o->rates->n };
	w->banner = calloc(w->n, sizeof *w->banner);
	w->visitor = calloc(o->visitors, sizeof *w->visitor);
	if (w->banner == NULL || w->visitor == NULL)
		return -1;
	w->left[0] = 1;
	for (unsigned i = 1; i <= WORLD_SEEN; i++)
		w->left[i] = w->left[i - 1] * (1 - o->fatigue);
	w->day = o->from / WHEN_DAY - (o->from % WHEN_DAY < 0);
	make_visitors(w);
	make_banners(w);
	scale(w);
	return 0;
}

void
world_fini(struct world *w)
{
	free(w->banner);
	free(w->visitor);
	w->banner = NULL;
	w->visitor = NULL;
}

bool
world_consents(const struct world *w, uint32_t visitor)
{
	struct random r = chance(w, OF_CONSENT, visitor);

	return chance_uniform(&r) < w->o.consent;
}

void
world_pages(const struct world *w, uint32_t visitor, double p[WORLD_CATEGORIES])
{
	double all = 0;

	for (unsigned i = 0; i < WORLD_CATEGORIES; i++)
		all += p[i] = vec_exp((double)w->visitor[visitor].tastes[i]);
	for (unsigned i = 0; i < WORLD_CATEGORIES; i++)
		p[i] /= all;
}

unsigned
world_category(const struct world *w, uint32_t visitor, double draw)
{
	double sum[WORLD_CATEGORIES], all = 0;
	unsigned c = 0;

	for (unsigned i = 0; i < WORLD_CATEGORIES; i++)
		sum[i] = all += vec_exp((double)w->visitor[visitor].tastes[i]);
	while (c + 1 < WORLD_CATEGORIES && draw * all >= sum[c])
		c++;
	return c;
}

double
world_rate(const struct world *w, uint32_t visitor, unsigned banner)
{
	const struct banner *b = &w->banner[banner];

	return b->scale * liking(w, &w->visitor[visitor], b);
}

double
world_left(const struct world *w, uint32_t visitor, unsigned banner)
{
	const struct visitor *v = &w->visitor[visitor];
	unsigned seen = 0;

	for (unsigned i = 0; i < WORLD_SEEN; i++)
		seen += v->seen[i] == banner + 1;
	return w->left[seen];
}

double
world_click(const struct world *w, uint32_t visitor, unsigned banner)
{
	double p = world_rate(w, visitor, banner) * world_left(w, visitor, banner);

	return p < WORLD_CLICK_MAX ? p : WORLD_CLICK_MAX;
}

void
world_clicks(const struct world *w, uint32_t visitor, unsigned n, double *p)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = world_click(w, visitor, i);
}

void
world_show(struct world *w, uint32_t visitor, unsigned banner)
{
	struct visitor *v = &w->visitor[visitor];

	v->seen[v->next] = (uint16_t)(banner + 1);
	v->next = (v->next + 1) % WORLD_SEEN;
}

/* A random direction at right angles to w. */
static void
aside(const double w[WORLD_CATEGORIES], struct random *r, double to[WORLD_CATEGORIES])
{
	double along = 0;

	for (unsigned c = 0; c < WORLD_CATEGORIES; c++) {
		to[c] = chance_normal(r);
		along += to[c] * w[c];
	}
	for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
		to[c] -= along * w[c];
	to_length_1(to);
}

void
world_turn(struct world *w, int64_t day)
{
	double r, chord, e[WORLD_CATEGORIES];

	w->day = day;
	if (w->o.drift.us == 0)
		return;
	r = vec_exp(-0.6931471805599453 * (double)WHEN_DAY / (double)w->o.drift.us);
	chord = sqrt(1 - r * r);
	for (unsigned i = 0; i < w->n; i++) {
		double *likes = w->banner[i].likes;
		struct random random = chance(w, OF_DRIFT, hash_pair((uint64_t)day, i));

		aside(likes, &random, e);
		for (unsigned c = 0; c < WORLD_CATEGORIES; c++)
			likes[c] = r * likes[c] + chord * e[c];
		to_length_1(likes); /* but for rounding it is */
	}
	scale(w);
}

instant
world_birth(const struct world *w)
{
	return w->born < w->n ? w->banner[w->born].born : WHEN_MAX;
}

unsigned
world_bear(struct world *w)
{
	assert(w->born < w->n);
	return w->born++;
}

void
world_save(const struct world *w, struct state_writer *to)
{
	state_put_u64(to, w->n);
	state_put_u64(to, w->born);
	state_put_i64(to, w->day);
	state_put(to, w->banner, w->n * sizeof *w->banner);
	state_put(to, w->visitor, w->o.visitors * sizeof *w->visitor);
}

int
world_load(struct world *w, struct state_reader *from)
{
	uint64_t n, born;

	if (state_get_u64(from, &n) != 0 || state_get_u64(from, &born) != 0 ||
	    n != w->n || born < 1 || born > n || state_get_i64(from, &w->day) != 0 ||
	    state_get(from, w->banner, w->n * sizeof *w->banner) != 0 ||
	    state_get(from, w->visitor, w->o.visitors * sizeof *w->visitor) != 0)
		return -1;
	w->born = (unsigned)born;
	for (uint64_t i = 0; i < w->o.visitors; i++)
		if (w->visitor[i].next >= WORLD_SEEN ||
		    w->visitor[i].favourite >= WORLD_CATEGORIES ||
		    w->visitor[i].account > 1)
			return -1;
	return 0;
}
