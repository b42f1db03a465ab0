/* SPDX-License-Identifier: MIT
 *
 * What a decision asks of delivery: the eligible creatives of a request out of 1,000
 * campaigns with 10,000 creatives, caps of the candidates, budgets and pacing; and how
 * long reading such a catalogue with 100,000 items takes.
 *
 *	delivery [CAMPAIGNS CREATIVES ITEMS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/delivery/budget.h"
#include "lib/delivery/caps.h"
#include "lib/delivery/catalogue_file.h"
#include "lib/delivery/price.h"
#include "lib/text/json.h"
#include "tests/bench/cpu.h"

enum { ROUNDS = 20000, REQUESTS = 64, TEXT_MAX = 1 << 12, MEMORY = 256 << 20 };

static const char *const countries[] = { "DE", "AT", "CH", "FR", "NL", "IT", "PL",
	"ES" };

/* Half of the campaigns want countries, a quarter hours, one in ten a condition; creatives
 * have one of four sizes. */
static void
write_catalogue(FILE *f, unsigned campaigns, unsigned creatives, unsigned items)
{
	static const unsigned sizes[4][2] = { { 300, 250 }, { 728, 90 }, { 160, 600 },
		{ 320, 50 } };
	struct random r = { 1 };

	for (unsigned i = 0; i < campaigns; i++) {
		(void)fprintf(f,
		    "{\"event\":\"campaign\",\"campaign_id\":\"k%u\",\"bid_type\":"
		    "\"cpc\","
		    "\"bid_micros\":400000,\"daily_budget_micros\":50000000,"
		    "\"cap\":{\"window\":5,\"window_us\":86400000000}",
		    i);
		if (i % 10 == 9)
			(void)fprintf(
			    f, ",\"targeting\":\"age >= %u\"", 18 + i / 10 % 30);
		else if (i % 2 == 0)
			(void)fprintf(f,
			    ",\"targeting\":{\"country\":[\"%s\",\"%s\"]%s}",
			    countries[hash_bucket(random_next(&r), 8)],
			    countries[hash_bucket(random_next(&r), 8)],
			    i % 4 == 0 ? ",\"hour\":[8,9,10,11,12,17,18,19,20,21,22]"
				       : "");
		(void)fprintf(f, "}\n");
	}
	for (unsigned i = 0; i < creatives; i++) {
		const unsigned *size = sizes[hash_bucket(random_next(&r), 4)];

		(void)fprintf(f,
		    "{\"event\":\"creative\",\"creative_id\":\"c%u\",\"campaign_id\":"
		    "\"k%"
		    "u\",\"width\":%u,\"height\":%u,\"item_ids\":[\"i%u\"],"
		    "\"parts\":{\"headline\":\"Shoes\",\"image_url\":\"/i/%u.png\"}}\n",
		    i, i % campaigns, size[0], size[1],
		    (unsigned)hash_bucket(random_next(&r), items), i);
	}
	for (unsigned i = 0; i < items; i++)
		(void)fprintf(f,
		    "{\"event\":\"item\",\"item_id\":\"i%u\",\"stock\":%u,"
		    "\"fields\":{\"price_micros\":12990000,\"category\":[\"shoe\"]}}\n",
		    i, (unsigned)hash_bucket(random_next(&r), 20));
}

static void
complain(void *context, const char *text)
{
	(void)context;
	(void)fprintf(stderr, "%s\n", text);
}

static struct catalogue *
read_catalogue(unsigned campaigns, unsigned creatives, unsigned items)
{
	char path[] = "/tmp/bannerpipe-bench-XXXXXX";
	struct catalogue *c =
	    catalogue_new((struct hash_key){ 1, 2 }, CATALOGUE_LARGEST, MEMORY);
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	uint64_t refused;
	struct error error;
	double began;

	if (c == NULL || f == NULL)
		exit(111);
	write_catalogue(f, campaigns, creatives, items);
	if (fclose(f) != 0)
		exit(111);
	began = cpu();
	if (catalogue_read_file(
		c, &os_system, path, complain, NULL, &refused, &error) != 0) {
		(void)fprintf(stderr, "%s\n", error.text);
		exit(111);
	}
	(void)printf("read a catalogue of %u, %u, %u rows: %.0f ms\n", campaigns,
	    creatives, items, (cpu() - began) * 1e3);
	(void)unlink(path);
	return c;
}

/* Requests of a slot of one size, scanned. */
static void
make_requests(struct reader *readers[REQUESTS], struct record *to)
{
	static uint8_t bytes[REQUESTS][TEXT_MAX];
	struct json *json = json_new();
	struct random r = { 2 };

	for (unsigned i = 0; i < REQUESTS; i++) {
		char text[512 + JSON_PADDING] = "";
		struct fault fault;
		struct build b;
		size_t need;
		int n = snprintf(text, 512,
		    "{\"event\":\"request\",\"event_id\":\"r%u\",\"timestamp\":%llu,"
		    "\"request_id\":\"r%u\",\"user_id\":\"u%u\",\"slot_id\":\"top\","
		    "\"age\":%u,\"context\":{\"country\":\"%s\",\"device\":\"phone\","
		    "\"width\":300,\"height\":250},\"url\":\"/shoes\",\"k\":3}",
		    i, 1700000000000000ULL + i * 1000000ULL, i, i,
		    (unsigned)(16 + hash_bucket(random_next(&r), 50)),
		    countries[hash_bucket(random_next(&r), 8)]);

		build_init(&b, bytes[i], TEXT_MAX - RECORD_PADDING);
		readers[i] = reader_new();
		if (json == NULL || readers[i] == NULL ||
		    !json_parse(json, slice_of(text, (size_t)n), &b, &fault) ||
		    record_scan(readers[i], build_slice(&b), &to[i], &fault, &need) !=
			SCAN_RECORD)
			exit(111);
	}
	json_free(json);
}

/* Seconds a request, and what came of it: each step on the candidates of the one before. */
static void
measure(struct catalogue *c, const struct record *requests)
{
	static uint32_t rows[CATALOGUE_CREATIVES_MAX];
	struct caps *caps = caps_new((struct span){ WHEN_HOUR }, MEMORY);
	struct budgets *budgets = budgets_new(
	    (struct budget_rules){
		.wait = { { WHEN_MINUTE }, { WHEN_HOUR }, { WHEN_DAY } }, .share = 1 },
	    MEMORY);
	double spent[3] = { 0 }, began;
	uint64_t found = 0, free_of_caps = 0, funded = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		const struct record *r = &requests[i % REQUESTS];
		instant when = INT64_C(1700000000) * WHEN_SECOND + i * 1000;
		struct caps_user who = { 1 + i % 5000, 0 };
		uint32_t n, kept = 0;

		began = cpu();
		n = catalogue_eligible(c, r, when, rows, CATALOGUE_CREATIVES_MAX);
		spent[0] += cpu() - began;
		found += n;
		n = n > 50 ? 50 : n;
		began = cpu();
		for (uint32_t k = 0; k < n; k++) {
			uint32_t campaign = catalogue_creative(c, rows[k])->campaign;
			const struct campaign *of = catalogue_campaign(c, campaign);

			if (caps_ask(caps, who, CAPS_CAMPAIGN, of->id, of->cap, when) ==
			    CAPS_FREE)
				rows[kept++] = rows[k];
		}
		spent[1] += cpu() - began;
		free_of_caps += kept;
		began = cpu();
		budgets_reach(budgets, when);
		budgets_traffic(budgets, when);
		for (uint32_t k = 0; k < kept; k++) {
			uint32_t campaign = catalogue_creative(c, rows[k])->campaign;
			const struct campaign *of = catalogue_campaign(c, campaign);
			struct budget_of budget = budget_of(of);

			if (budgets_ask(budgets, &budget, hash_pair(i, of->id), when) !=
			    BUDGET_FREE)
				continue;
			funded++;
			if (k % 16 == 0 &&
			    budgets_reserve(budgets, &budget, hash_pair(i, k), when) ==
				BUDGET_FREE)
				caps_add(
				    caps, who, CAPS_CAMPAIGN, of->id, of->cap, when, 1);
		}
		spent[2] += cpu() - began;
	}
	(void)printf("eligible: %.2f us a request, %.0f creatives\n"
		     "caps:     %.2f us a request of 50 candidates, %.1f free\n"
		     "budgets:  %.2f us a request, %.1f take part\n",
	    spent[0] / ROUNDS * 1e6, (double)found / ROUNDS, spent[1] / ROUNDS * 1e6,
	    (double)free_of_caps / ROUNDS, spent[2] / ROUNDS * 1e6,
	    (double)funded / ROUNDS);
	caps_free(caps);
	budgets_free(budgets);
}

int
main(int argc, char **argv)
{
	static struct record requests[REQUESTS];
	static struct reader *readers[REQUESTS];
	struct catalogue *c =
	    read_catalogue(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000,
		argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000,
		argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 100000);

	make_requests(readers, requests);
	measure(c, requests);
	for (unsigned i = 0; i < REQUESTS; i++)
		reader_free(readers[i]);
	catalogue_free(c);
	return 0;
}
