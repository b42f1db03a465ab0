/* SPDX-License-Identifier: MIT
 *
 * bp-login: tell who logs in as somebody else.
 *
 * in     logins, which are answered; sign-ups, which are learned from; verdicts and
 *        retracts of either, and their compensations, which are taken back; others pass
 * out    the same records in the same order; a login has its answer in login_risk: {answer,
 *        score, reasons, values, ...}, and behind one that is denied comes a verdict
 * state  the last logins of each user, how often each value came, devices, counts of who
 *        fails within the window; what was learned of each event; the stalest are evicted
 * needs  logins in order of time, each once (bp-sort, bp-dedupe); bp-givt --places before
 *        it where records do not say themselves where an address is
 */
#include <stdlib.h>

#include "lib/filter.h"
#include "lib/login/answer.h"

enum { LIST_MAX = (1 << 20) - 1 };

struct login_filter {
	const char *challenge, *deny, *networks_path, *devices;
	double prior, failures, speed;
	uint64_t history;
	struct span window, remember;
	int challenged;

	struct login_keys keys;
	struct judgement_keys judgement;
	struct key login_risk, verdict;
	struct networks *networks; /* owned; NULL: no list */
	struct judge *judge;       /* owned */
	uint64_t without_id;
};

static const struct option options[] = {
	OPTION('c', "challenge", struct login_filter, challenge, "0",
	    "score from which a login is challenged: log-odds, or a rate, 1%", "SCORE"),
	OPTION('d', "deny", struct login_filter, deny, "6",
	    "score from which it is denied, likewise", "SCORE"),
	OPTION_CHOICE(0, "challenged", struct login_filter, challenged, "learn|wait",
	    "what becomes of a challenged login that succeeds"),
	OPTION_ASIDE('n', "networks", struct login_filter, networks_path, NULL,
	    "kinds of networks, a line each: 64500 mobile", "FILE"),
	OPTION('p', "prior", struct login_filter, prior, "0.001",
	    "share of logins that are attacks"),
	OPTION('f', "failures", struct login_filter, failures, "0.1",
	    "share of honest users that fail within the window"),
	OPTION('s', "speed", struct login_filter, speed, "900",
	    "km/h that nobody exceeds"),
	OPTION('w', "window", struct login_filter, window, "1h",
	    "time over which failures are counted"),
	OPTION('H', "history", struct login_filter, history, "16",
	    "last logins that are kept of a user, at most 64"),
	OPTION('r', "remember", struct login_filter, remember, "180d",
	    "how long the devices of users are known beyond them"),
	OPTION('k', "devices", struct login_filter, devices, "device_id,device",
	    "keys that tell a device, the first that is there", "NAMES"),
	OPTION_END,
};

/* --- Start ------------------------------------------------------------------------- */

static struct networks *
read_networks(struct run *run, const struct login_filter *f, struct error *error)
{
	struct error why;
	struct slice text;
	uint8_t *owned = run_read_file(run, f->networks_path, LIST_MAX, &text, error);
	struct networks *n;

	if (owned == NULL)
		return NULL;
	n = networks_new(text, &why);
	if (n == NULL)
		(void)error_set(error, "%s: %s", f->networks_path, why.text);
	free(owned);
	return n;
}

static int
reload(struct run *run, void *self)
{
	struct login_filter *f = self;
	struct networks *n;
	struct error error;

	if (f->networks_path == NULL)
		return 0;
	n = read_networks(run, f, &error);
	if (n == NULL) {
		run_say(run, "%s; going on with the networks of before", error.text);
		return 0;
	}
	networks_free(f->networks);
	f->networks = n;
	run_say(run, "%zu networks read again", networks_count(n));
	return 0;
}

static void
show_counters(struct run *run, struct login_filter *f)
{
	const struct judge_counts *c = judge_counts(f->judge);
	const struct past_counts *past = past_counts(judge_past(f->judge));
	const struct crowd_counts *crowd = crowd_counts(judge_crowd(f->judge));
	const struct {
		const char *name, *about;
		const uint64_t *value;
	} all[] = {
		{ "allowed", "logins allowed", &c->answers[ANSWER_ALLOW] },
		{ "challenged", "logins challenged", &c->answers[ANSWER_CHALLENGE] },
		{ "denied", "logins denied", &c->answers[ANSWER_DENY] },
		{ "without_id", "logins without event_id", &f->without_id },
		{ "attacks", "logins that are said to be attacks", &c->attacks },
		{ "returned", "logins taken out of what was learned", &c->returned },
		{ "restored", "logins learned after a verdict", &c->restored },
		{ "repeated", "logins and verdicts that came again", &c->repeated },
		{ "forgotten", "verdicts on what is not known", &c->forgotten },
		{ "stuck", "logins that distinct counts keep", &crowd->stuck },
		{ "aged", "logins behind newer ones of their user", &past->aged },
		{ "users_evicted", "users lost for want of memory",
		    &past->users_evicted },
		{ "logins_evicted", "and their logins", &past->users_evicted_logins },
		{ "values_evicted", "addresses, agents, ... lost likewise",
		    &past->values_evicted },
		{ "values_evicted_logins", "and the logins that had them",
		    &past->values_evicted_logins },
		{ "devices_lost", "devices that found no room, or came too late",
		    &past->devices_lost },
		{ "crowds_evicted", "counters of failures lost likewise",
		    &crowd->evicted },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		run_counter(run, all[i].name, all[i].about, all[i].value);
}

static int
check_options(struct run *run, const struct login_filter *f)
{
	if (!(f->prior > 0 && f->prior < 1))
		return run_usage(run, "--prior must lie between 0 and 1");
	if (!(f->failures >= 0 && f->failures < 1))
		return run_usage(run, "--failures must be at least 0 and less than 1");
	if (!(f->speed > 0))
		return run_usage(run, "--speed must be more than 0");
	if (f->window.us <= 0 || f->remember.us <= 0)
		return run_usage(run, "--window and --remember must be longer than 0");
	if (f->window.us > CROWD_WINDOW_MAX)
		return run_usage(run, "--window must be less than 70 years");
	if (f->history == 0 || f->history > HISTORY_LOGINS_MAX)
		return run_usage(run, "--history must be 1 to %d", HISTORY_LOGINS_MAX);
	return 0;
}

static int
read_thresholds(struct run *run, const struct login_filter *f, struct judge_rules *to)
{
	const double challenge = 0, deny = 6; /* until there is a rate */
	struct error error;

	if (threshold_parse(&to->challenge, f->challenge, challenge, &error) != 0)
		return run_usage(run, "--challenge: %s", error.text);
	if (threshold_parse(&to->deny, f->deny, deny, &error) != 0)
		return run_usage(run, "--deny: %s", error.text);
	if (!to->deny.is_rate && to->deny.score < 0)
		return run_usage(run,
		    "--deny must be at least 0: below that a login is "
		    "more likely its user's than not");
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct login_filter *f = self;
	struct judge_rules rules = {
		.risk = { f->prior, f->failures, f->speed },
		.past = { (unsigned)f->history, f->remember },
		.window = f->window,
		.wait = f->challenged == 1,
		.seed = run_seed(run),
	};
	struct error error;

	if (check_options(run, f) != 0 || read_thresholds(run, f, &rules) != 0)
		return -1;
	if (login_keys_init(&f->keys, run_reader(run), hash_key(run_seed(run)),
		f->devices, &error) != 0)
		return run_usage(run, "--devices: %s", error.text);
	f->judgement = judgement_keys(run_reader(run));
	f->login_risk = run_key(run, "login_risk");
	f->verdict = run_key(run, "verdict");
	if (f->networks_path != NULL) {
		f->networks = read_networks(run, f, &error);
		if (f->networks == NULL)
			return run_usage(run, "%s", error.text);
	}
	f->judge = judge_new(&rules, run_memory(run));
	if (f->judge == NULL)
		return run_fail(run, "no memory for logins: change --memory");
	show_counters(run, f);
	return 0;
}

/* --- Answers ----------------------------------------------------------------------- */

/* The login itself, and then the verdict on it: who reads them knows the event first. */
static enum verdict
deny(struct run *run, const struct record *r, const struct login *l,
    const struct judge_answer *a)
{
	struct build *b;
	struct slice id;
	size_t open;

	if (run_pass(run) != 0)
		return FAIL;
	b = run_build(run);
	open = build_open(b);
	(void)record_value(r, KEY_EVENT_ID, &id);
	build_close_map(b, open, answer_build_verdict(b, a, id, l->at));
	return run_emit_built(run) == 0 ? HOLD : FAIL;
}

static enum verdict
answer(struct run *run, struct login_filter *f, const struct record *r,
    const struct login *l)
{
	struct judge_answer a;

	judge_login(f->judge, l, &a);
	if (a.repeat)
		return PASS;
	f->without_id += l->event == 0;
	answer_build(run_set(run, f->login_risk), &a);
	return a.answer == ANSWER_DENY && l->event != 0 ? deny(run, r, l, &a) : PASS;
}

/* --- What is said later ------------------------------------------------------------ */

static enum verdict
judge_record(
    struct run *run, struct login_filter *f, const struct record *r, enum kind kind)
{
	struct judgement said;
	const char *wrong = judgement_read(&f->judgement, r, kind, &said);
	uint64_t event;

	if (wrong != NULL)
		return run_reject(run, "%s: %s", kind_name(kind), wrong);
	event = hash_keyed(f->keys.hash, said.event_id);
	judge_turn(f->judge, event + (event == 0), said.version, answer_word_of(&said));
	return PASS;
}

static enum verdict
take(struct run *run, struct login_filter *f, const struct record *r, enum kind kind)
{
	struct slice said = slice_of(NULL, 0);
	enum judge_word word;
	const char *wrong;
	int64_t version;
	struct login l;
	double weight;

	wrong = login_identify(&f->keys, r, kind, &l);
	if (wrong == NULL && !record_weight(r, &weight))
		wrong = "a weight that is no number";
	if (wrong != NULL)
		return run_reject(run, "%s: %s", kind_name(kind), wrong);
	judge_prefetch(f->judge, &l);
	login_show(&f->keys, f->networks, r, &l);
	if (record_value(r, f->verdict, &said) || weight < 0) {
		/* Taken back, or put in again: the event once more, with what was said. */
		word = answer_word_again(said, weight < 0, &version);
		judge_turn(f->judge, l.event, version, word);
		return PASS;
	}
	if (kind == KIND_LOGIN)
		return answer(run, f, r, &l);
	judge_sign_up(f->judge, &l);
	return PASS;
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	struct login_filter *f = self;
	enum kind kind = record_kind(r);

	switch (kind) {
	case KIND_LOGIN:
	case KIND_SIGN_UP:
		return take(run, f, r, kind);
	case KIND_VERDICT:
	case KIND_RETRACT:
		return judge_record(run, f, r, kind);
	default:
		return PASS;
	}
}

/* --- Between runs ------------------------------------------------------------------ */

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct login_filter *f = self;

	(void)run;
	state_put_u64(to, f->without_id);
	judge_save(f->judge, to);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct login_filter *f = self;
	struct error error;

	if (state_get_u64(from, &f->without_id) != 0)
		return run_fail(run, "the snapshot is too short");
	if (judge_load(f->judge, from, &error) != 0)
		return run_fail(run, "%s", error.text);
	return 0;
}

static void
stop(void *self)
{
	struct login_filter *f = self;

	networks_free(f->networks);
	judge_free(f->judge);
}

static const struct filter login = {
	.name = "login",
	.about = "tell who logs in as somebody else",
	.examples =
	    "  bp-sort events.bp | bp-dedupe | bp-givt --places city.mmdb | bp-login\n"
	    "  bp-login --challenge 1% --deny 0.1% <logins.bp | bp-print\n",
	.options = options,
	.size = sizeof(struct login_filter),
	.schema = 1,
	.start = start,
	.load = load,
	.each = each,
	.reload = reload,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&login, argc, argv);
}
