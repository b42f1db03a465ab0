/* SPDX-License-Identifier: MIT
 *
 * A live model of three files is replaced while another process reads it: that one has the old
 * model or the new one at every instant, never the weights of one and the factors or slices
 * of the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/model/model.h"
#include "tests/unit/example.h"
#include "tests/unit/seed.h"

enum { BYTES = 24 << 20, STREAM = 3000, TIMES = 150, SLICE = 3, SIGHTS_MIN = 20 };

static struct error error;
static char folder[] = "/tmp/showing-XXXXXX", live[64];

/* What the two processes share. */
static struct shared {
	double says[2]; /* each model of the probe */
	uint64_t ends, began, sights[2];
} * shared;

static struct model *
fresh(void)
{
	struct model_options o = model_options_default(OPTIMISER_LANES);
	struct model *m;

	o.factors.k = 4;
	strcpy(o.by, "shop");
	m = model_new(&o, BYTES, &os_system, NULL, &error);
	if (m == NULL)
		fail_msg("%s", error.text);
	return m;
}

static void
draw(struct random *r, struct example *e)
{
	example_begin(e, false, 1);
	for (uint64_t f = 0; f < 4; f++)
		example_add(e, f << 48 | (1 + random_next(r) % 20), 1);
}

/* A model that likes pairs, or one that dislikes them. */
static struct model *
taught(unsigned which, struct random *r)
{
	struct model *m = fresh();

	for (unsigned i = 0; i < STREAM; i++) {
		struct model_estimates said;
		struct example e;
		bool pair;

		draw(r, &e);
		pair = (e.keys[0] + e.keys[8]) % 2 == which;
		example_label(&e, MODEL_CLICK, pair, 1);
		model_slice(m, i % 5);
		assert_int_equal(
		    model_learn(m, &e.features, &e.labels, &said), FEATURES_FINE);
	}
	return m;
}

static double
say(struct model *m)
{
	struct model_estimates said;
	struct example e;

	example_begin(&e, false, 1);
	for (uint64_t f = 0; f < 4; f++)
		example_add(&e, f << 48 | (3 + f), 1);
	model_slice(m, SLICE);
	return model_predict(m, &e.features, &said) == FEATURES_FINE
	    ? said.of[MODEL_CLICK].mean
	    : -1;
}

/* Until the writer ends: attach, look, and look again when it is over. 0: all that it saw was of
 * one of the two models. */
static int
reader(void)
{
	while (!__atomic_load_n(&shared->ends, __ATOMIC_ACQUIRE)) {
		bool missing, over = false;
		struct model *m = model_attach(&os_system, live, &missing, &error);

		if (m == NULL && missing)
			return 10;
		for (unsigned i = 0; m != NULL && i < 50 && !over; i++) {
			double said;

			over = model_is_over(m);
			said = say(m);
			if (said != shared->says[0] && said != shared->says[1])
				return 12;
			__atomic_fetch_add(&shared->sights[said == shared->says[1]], 1,
			    __ATOMIC_RELAXED);
		}
		model_free(m);
		__atomic_store_n(&shared->began, 1, __ATOMIC_RELEASE);
	}
	return 0;
}

static struct model *
replace(struct model *old, const struct model *by)
{
	struct model *m = fresh();

	assert_int_equal(model_copy(m, by, &error), 0);
	if (model_show(m, live, old, &error) != 0)
		fail_msg("%s", error.text);
	model_free(old);
	return m;
}

static void
who_reads_a_model_that_is_replaced_has_the_one_or_the_other(void **state)
{
	struct random r = seeded();
	struct model *of[2] = { taught(0, &r), taught(1, &r) }, *shown;
	int status;
	pid_t pid;

	(void)state;
	shared->says[0] = say(of[0]);
	shared->says[1] = say(of[1]);
	assert_true(shared->says[0] > 0 && shared->says[0] != shared->says[1]);
	shown = replace(NULL, of[0]);
	pid = fork();
	if (pid == 0)
		_exit(reader());
	while (!__atomic_load_n(&shared->began, __ATOMIC_ACQUIRE) &&
	    waitpid(pid, &status, WNOHANG) == 0)
		;
	for (unsigned i = 1; i <= TIMES || shared->sights[0] < SIGHTS_MIN ||
	     shared->sights[1] < SIGHTS_MIN;
	     i++) {
		if (waitpid(pid, &status, WNOHANG) != 0)
			fail_msg("the reader ended with %d", WEXITSTATUS(status));
		shown = replace(shown, of[i % 2]);
	}
	__atomic_store_n(&shared->ends, 1, __ATOMIC_RELEASE);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	print_message("# seen: %llu and %llu times\n",
	    (unsigned long long)shared->sights[0],
	    (unsigned long long)shared->sights[1]);
	model_free(shown);
	model_free(of[0]);
	model_free(of[1]);
}

/* A writer that died between two files: nobody takes them for a model. */
static void
parts_of_two_models_are_none(void **state)
{
	struct random r = seeded();
	struct model *a = taught(0, &r), *b = taught(1, &r), *seen;
	bool missing;

	(void)state;
	assert_int_equal(model_show(a, live, NULL, &error), 0);
	seen = model_attach(&os_system, live, &missing, &error);
	assert_non_null(seen);
	model_free(seen);
	assert_int_equal(
	    rows_beside(b->rows, live, a->rows, a->cells.showing + 1, &error), 0);
	assert_int_equal(rows_show(b->rows, a->rows, &error), 0);
	seen = model_attach(&os_system, live, &missing, &error);
	assert_null(seen);
	assert_false(missing);
	assert_non_null(strstr(error.text, "is just being replaced"));
	model_free(a);
	model_free(b);
}

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(live, sizeof live, "%s/live", folder);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int
remove_folder(void **state)
{
	static const char *const name[] = { "live", "live.slices", "live.factors" };
	char path[96];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, name[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    who_reads_a_model_that_is_replaced_has_the_one_or_the_other),
		cmocka_unit_test(parts_of_two_models_are_none),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
