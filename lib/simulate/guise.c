/* SPDX-License-Identifier: MIT */
#include "lib/simulate/guise.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/base/number.h"
#include "lib/hash.h"
#include "lib/record/pair.h"

enum { STORAGE = 1 << 15, AGENT_MAX = 256, OF_100 = 100 };

const char *const guise_class_names[GUISE_CLASSES] = { "phone", "desktop", "tablet" };

#define WEBKIT "AppleWebKit/537.36 (KHTML, like Gecko) "
#define APPLE "AppleWebKit/605.1.15 (KHTML, like Gecko) "
#define WINDOWS "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
#define MAC "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
#define LINUX "Mozilla/5.0 (X11; Linux x86_64) "
#define ANDROID "Mozilla/5.0 (Linux; Android 10; K) "

/* "#" is the version, one of those from the first to the last, which are as frequent. */
static const struct browser_row {
	enum guise_class class;
	unsigned weight, first, last; /* the weights of a class are 100 */
	const char *os, *browser, *agent;
} rows[] = {
	{ GUISE_PHONE, 46, 4, 7, "iOS", "Safari",
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_# like Mac OS X) " APPLE
	    "Version/18.# Mobile/15E148 Safari/604.1" },
	{ GUISE_PHONE, 36, 138, 143, "Android", "Chrome",
	    ANDROID WEBKIT "Chrome/#.0.0.0 Mobile Safari/537.36" },
	{ GUISE_PHONE, 6, 4, 7, "iOS", "Line",
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_# like Mac OS X) " APPLE
	    "Mobile/15E148 Safari Line/15.12.1" },
	{ GUISE_PHONE, 5, 27, 29, "Android", "Samsung Internet",
	    ANDROID WEBKIT "SamsungBrowser/#.0 Chrome/130.0.0.0 Mobile Safari/537.36" },
	{ GUISE_PHONE, 5, 140, 143, "iOS", "Chrome",
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) " APPLE
	    "CriOS/#.0.0.0 Mobile/15E148 Safari/604.1" },
	{ GUISE_PHONE, 2, 142, 146, "Android", "Firefox",
	    "Mozilla/5.0 (Android 15; Mobile; rv:#.0) Gecko/#.0 Firefox/#.0" },
	{ GUISE_DESKTOP, 52, 138, 143, "Windows", "Chrome",
	    WINDOWS WEBKIT "Chrome/#.0.0.0 Safari/537.36" },
	{ GUISE_DESKTOP, 15, 140, 143, "Windows", "Edge",
	    WINDOWS WEBKIT "Chrome/#.0.0.0 Safari/537.36 Edg/#.0.0.0" },
	{ GUISE_DESKTOP, 12, 140, 143, "macOS", "Chrome",
	    MAC WEBKIT "Chrome/#.0.0.0 Safari/537.36" },
	{ GUISE_DESKTOP, 9, 3, 6, "macOS", "Safari",
	    MAC APPLE "Version/18.# Safari/605.1.15" },
	{ GUISE_DESKTOP, 6, 140, 146, "Windows", "Firefox",
	    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:#.0) Gecko/20100101 "
	    "Firefox/#.0" },
	{ GUISE_DESKTOP, 3, 140, 143, "Linux", "Chrome",
	    LINUX WEBKIT "Chrome/#.0.0.0 Safari/537.36" },
	{ GUISE_DESKTOP, 2, 120, 124, "Windows", "Opera",
	    WINDOWS WEBKIT "Chrome/139.0.0.0 Safari/537.36 OPR/#.0.0.0" },
	{ GUISE_DESKTOP, 1, 140, 146, "Linux", "Firefox",
	    "Mozilla/5.0 (X11; Linux x86_64; rv:#.0) Gecko/20100101 Firefox/#.0" },
	{ GUISE_TABLET, 60, 3, 6, "iOS", "Safari",
	    MAC APPLE "Version/18.# Safari/605.1.15" }, /* an iPad says so */
	{ GUISE_TABLET, 40, 138, 143, "Android", "Chrome",
	    ANDROID WEBKIT "Chrome/#.0.0.0 Safari/537.36" },
};

#define IP(a, b, c, d)                                                                 \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct guise_robot robots[] = {
	{ "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) " WEBKIT
	  "Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; "
	  "+http://www.google.com/bot.html)",
	    IP(66, 249, 64, 0), 12, 15169, 30 },
	{ "Mozilla/5.0 " WEBKIT
	  "compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) "
	  "Chrome/116.0.1938.76 Safari/537.36",
	    IP(157, 55, 39, 0), 8, 8075, 15 },
	{ "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
	    IP(54, 36, 148, 0), 9, 16276, 10 },
	{ "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
	    IP(185, 191, 171, 0), 8, 209366, 8 },
	{ "Mozilla/5.0 " WEBKIT "compatible; GPTBot/1.2; +https://openai.com/gptbot)",
	    IP(20, 171, 206, 0), 8, 8075, 8 },
	{ "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
	    IP(5, 255, 253, 0), 8, 13238, 6 },
	{ "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " APPLE
	  "Version/17.4 Safari/605.1.15 (Applebot/0.1; "
	  "+http://www.apple.com/go/applebot)",
	    IP(17, 241, 208, 0), 12, 714, 5 },
	{ "facebookexternalhit/1.1 "
	  "(+http://www.facebook.com/externalhit_uatext.php)",
	    IP(69, 171, 249, 0), 8, 32934, 6 },
	{ "python-requests/2.32.3", IP(5, 9, 0, 0), 16, 24940, 5 },
	{ "Go-http-client/1.1", IP(3, 64, 0, 0), 18, 16509, 3 },
	{ "curl/8.5.0", IP(13, 114, 0, 0), 16, 16509, 2 },
	{ "Mozilla/5.0 (X11; Linux x86_64) " WEBKIT
	  "HeadlessChrome/141.0.0.0 Safari/537.36",
	    IP(3, 112, 0, 0), 16, 16509, 2 },
};

/* The template with its version. */
static struct slice
fill_in(const char *template, unsigned version, char to[AGENT_MAX])
{
	size_t n = 0;

	for (; *template != '\0'; template ++) {
		assert(n + NUMBER_TEXT_MAX < AGENT_MAX);
		if (*template == '#')
			n += number_format_uint(version, to + n);
		else
			to[n++] = *template;
	}
	return slice_of(to, n);
}

static void
add_row(struct guises *g, struct build *b, const struct browser_row *row)
{
	unsigned versions = row->last - row->first + 1;
	char text[AGENT_MAX];

	for (unsigned v = row->first; v <= row->last; v++) {
		bool is_first = g->n == g->first[row->class];
		unsigned before = is_first ? 0 : g->weight[g->n - 1];

		assert(g->n < GUISE_MAX);
		build_text(b, "user_agent");
		build_str(b, fill_in(row->agent, v, text));
		pair_text(b, "os", row->os);
		pair_text(b, "browser", row->browser);
		g->weight[g->n++] = before + row->weight * 840 / versions;
		g->at[g->n] = (uint32_t)build_slice(b).size;
	}
}

int
guises_init(struct guises *g)
{
	struct build b;

	*g = (struct guises){ .storage = malloc(STORAGE) };
	if (g->storage == NULL)
		return -1;
	build_init(&b, g->storage, STORAGE);
	for (unsigned c = 0; c < GUISE_CLASSES; c++) {
		g->first[c] = g->n;
		for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
			if (rows[i].class == c)
				add_row(g, &b, &rows[i]);
	}
	g->first[GUISE_CLASSES] = g->n;
	assert(!build_full(&b));
	return 0;
}

void
guises_fini(struct guises *g)
{
	free(g->storage);
	g->storage = NULL;
}

unsigned
guises_draw(const struct guises *g, enum guise_class class, uint64_t draw)
{
	unsigned i = g->first[class], last = g->first[class + 1] - 1;
	unsigned at = (unsigned)hash_bucket(draw, g->weight[last]);

	while (i < last && at >= g->weight[i])
		i++;
	return i;
}

struct slice
guises_pairs(const struct guises *g, unsigned guise)
{
	assert(guise < g->n);
	return slice_of(g->storage + g->at[guise], g->at[guise + 1] - g->at[guise]);
}

const struct guise_robot *
guise_robot(uint64_t draw)
{
	unsigned at = (unsigned)hash_bucket(draw, OF_100), i = 0;

	for (; at >= robots[i].weight; i++)
		at -= robots[i].weight;
	return &robots[i];
}
