/* SPDX-License-Identifier: MIT
 *
 * gen_log LINES SEED: the nginx combined log of a shop with banners on standard output,
 * and on standard error what is in it: "lines N", "malformed N" and the number of good
 * lines of each event. About 1 % of the lines are malformed in one of ten ways. The
 * same seed gives the same bytes.
 *
 * 50 events a second; users by a Zipf law over 200,000, items over 50,000, banners over
 * 500; each banner has a quality, and suits some users better than others, so that
 * there is something to learn.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/number.h"

enum { USERS = 200000, ITEMS = 50000, BANNERS = 500, PENDING = 65536, LINE_MAX = 4096 };
enum event { IMPRESSION, CLICK, VIEW, CART, ORDER, SEARCH, EVENTS };

static const char *const event_names[EVENTS] = { "impression", "click", "view", "cart",
	"order", "search" };
static const char *const slots[] = { "top", "side", "feed", "cart", "search", "exit" };
static const char *const agents[] = {
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
	"Gecko) Chrome/124.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
	"(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like "
	"Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"curl/8.5.0",
};

struct visit {
	unsigned user, item, banner, slot;
};

struct shop {
	uint64_t random;
	double user_sum[USERS], item_sum[ITEMS], banner_sum[BANNERS];
	double quality[BANNERS];
	struct visit pending[PENDING]; /* impressions that will be clicked */
	unsigned waiting;
	double now;
	uint64_t good[EVENTS], lines, malformed;
};

/* splitmix64 (Steele, Lea, Flood 2014), as a number in [0, 1). */
static double
chance(struct shop *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static unsigned
below(struct shop *s, unsigned n)
{
	return (unsigned)(chance(s) * n);
}

static void
zipf(double *sum, unsigned n, double exponent)
{
	double total = 0;

	for (unsigned i = 0; i < n; i++)
		sum[i] = total += pow(i + 1, -exponent);
	for (unsigned i = 0; i < n; i++)
		sum[i] /= total;
}

static unsigned
pick(struct shop *s, const double *sum, unsigned n)
{
	double x = chance(s);
	unsigned from = 0, to = n - 1;

	while (from < to) {
		unsigned middle = (from + to) / 2;

		if (sum[middle] < x)
			from = middle + 1;
		else
			to = middle;
	}
	return from + 1;
}

static enum event
choose(struct shop *s)
{
	double x = chance(s);

	if (x < 0.55)
		return IMPRESSION;
	if (x < 0.62 && s->waiting > 0)
		return CLICK;
	return x < 0.88 ? VIEW : x < 0.95 ? CART : x < 0.97 ? ORDER : SEARCH;
}

/* What a visitor asks for: the request line's path, and what the server answers. */
struct request {
	char path[160], referrer[80];
	const char *method;
	unsigned status, bytes;
};

static void
banner_request(struct shop *s, enum event event, struct visit *v, struct request *r)
{
	double likes = v->user % 7 == v->banner % 7 ? 1.5 : 0.8;

	(void)strcpy(r->referrer, "https://shop.example/");
	if (event == IMPRESSION) {
		(void)snprintf(r->path, sizeof r->path,
		    "/banner/impression?b=%u&u=%u&slot=%s", v->banner, v->user,
		    slots[v->slot]);
		r->bytes = 43;
		if (chance(s) < s->quality[v->banner - 1] * likes &&
		    s->waiting < PENDING)
			s->pending[s->waiting++] = *v;
		return;
	}
	unsigned which = below(s, s->waiting);

	*v = s->pending[which];
	s->pending[which] = s->pending[--s->waiting];
	(void)snprintf(r->path, sizeof r->path,
	    "/banner/click?b=%u&u=%u&slot=%s&item=%u", v->banner, v->user,
	    slots[v->slot], v->item);
	r->status = 302;
	r->bytes = 0;
}

static void
shop_request(struct shop *s, enum event event, const struct visit *v, struct request *r)
{
	static const char *const words[] = { "shoe", "bag", "%E6%89%8B%E6%9C%BA",
		"lamp", "t-shirt" };

	switch (event) {
	case CART:
		r->method = "POST";
		r->bytes = 812;
		(void)snprintf(r->path, sizeof r->path, "/cart/add?u=%u&item=%u&qty=%u",
		    v->user, v->item, 1 + below(s, 3));
		(void)snprintf(r->referrer, sizeof r->referrer,
		    "https://shop.example/item/%u", v->item);
		break;
	case ORDER:
		r->method = "POST";
		r->bytes = 640;
		(void)snprintf(r->path, sizeof r->path,
		    "/order?amount=%.2f&u=%u&item=%u", 5 - 60 * log(1 - chance(s)),
		    v->user, v->item);
		(void)strcpy(r->referrer, "https://shop.example/cart");
		break;
	case SEARCH:
		r->bytes = 9000 + below(s, 9000);
		(void)snprintf(r->path, sizeof r->path, "/search?q=%s+%u&u=%u",
		    words[below(s, 5)], v->item % 97, v->user);
		break;
	default:
		r->status = chance(s) < 0.02 ? 404 : 200;
		r->bytes = r->status == 404 ? 162 : 4000 + below(s, 30000);
		(void)snprintf(
		    r->path, sizeof r->path, "/item/%u?u=%u", v->item, v->user);
		break;
	}
}

/* Take the first occurrence of a text out of a line. */
static void
take_out(char *line, const char *text)
{
	char *at = strstr(line, text);

	if (at != NULL)
		memmove(at, at + strlen(text), strlen(at + strlen(text)) + 1);
}

/* Spoil a line; the size of what is to be written. */
static size_t
spoil(struct shop *s, char *line, const struct request *r)
{
	static const char garbage[] = "\0\1\2 garbage";
	char *quote;

	switch (below(s, 10)) {
	case 0: /* cut off, at least its last quote */
		line[below(s, (unsigned)strlen(line))] = '\0';
		break;
	case 1:
		line[0] = '\0';
		break;
	case 2:
		memcpy(line, garbage, sizeof garbage - 1);
		return sizeof garbage - 1;
	case 3:
		take_out(line, "[");
		break;
	case 4:
		take_out(line, "\"");
		break;
	case 5:
		quote = strstr(line, "HTTP/1.1\" ");
		memcpy(quote + strlen("HTTP/1.1\" "), "abc", 3);
		break;
	case 6:
		(void)snprintf(line, LINE_MAX, "GET %s", r->path);
		break;
	case 7:
		(void)strcat(line, "\\x22");
		break;
	case 8:
		line[60] = '\0';
		break;
	default:
		memset(line, 'x', 3000);
		line[3000] = '\0';
		break;
	}
	return strlen(line);
}

static void
write_line(struct shop *s)
{
	struct visit v = { .user = pick(s, s->user_sum, USERS),
		.item = pick(s, s->item_sum, ITEMS),
		.banner = pick(s, s->banner_sum, BANNERS),
		.slot = below(s, 6) };
	struct request r = { .referrer = "-", .method = "GET", .status = 200 };
	enum event event = choose(s);
	char line[LINE_MAX], when[40];
	time_t second;
	struct tm day;
	size_t size;

	s->now += -log(1 - chance(s)) / 50;
	second = (time_t)s->now;
	(void)strftime(
	    when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&second, &day));
	if (event <= CLICK)
		banner_request(s, event, &v, &r);
	else
		shop_request(s, event, &v, &r);
	(void)snprintf(line, sizeof line,
	    "%u.%u.%u.%u - - [%s] \"%s %s HTTP/1.1\" %u %u \"%s\" \"%s\"",
	    1 + v.user % 223, v.user / 223 % 256, v.user * 31 % 256, 1 + v.user % 254,
	    when, r.method, r.path, r.status, r.bytes, r.referrer,
	    agents[v.user % 12 < 6     ? v.user % 4
		    : v.user % 97 == 0 ? 4 + v.user % 2
				       : 0]);
	size = strlen(line);
	s->lines++;
	if (chance(s) < 0.01) {
		s->malformed++;
		size = spoil(s, line, &r);
	} else {
		s->good[event]++;
	}
	(void)fwrite(line, 1, size, stdout);
	(void)putchar('\n');
}

int
main(int argc, char **argv)
{
	struct shop *s = calloc(1, sizeof *s);
	uint64_t lines;

	if (argc != 3 || s == NULL || !number_parse_uint(slice_text(argv[1]), &lines) ||
	    !number_parse_uint(slice_text(argv[2]), &s->random)) {
		(void)fputs("usage: gen_log LINES SEED\n", stderr);
		free(s);
		return 100;
	}
	zipf(s->user_sum, USERS, 1.07);
	zipf(s->item_sum, ITEMS, 1.05);
	zipf(s->banner_sum, BANNERS, 0.9);
	for (unsigned i = 0; i < BANNERS; i++)
		s->quality[i] = 0.005 + 0.045 * pow(chance(s), 2);
	s->now = 1714521600; /* 2024-05-01T00:00:00Z */
	while (s->lines < lines)
		write_line(s);
	(void)fprintf(stderr, "lines %" PRIu64 "\nmalformed %" PRIu64 "\n", s->lines,
	    s->malformed);
	for (unsigned i = 0; i < EVENTS; i++)
		(void)fprintf(stderr, "%s %" PRIu64 "\n", event_names[i], s->good[i]);
	free(s);
	return fflush(stdout) == 0 ? 0 : 111;
}
