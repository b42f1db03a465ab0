/* SPDX-License-Identifier: MIT
 *
 * bp-send: send records to a server.
 *
 * in     anything
 * out    nothing: the records go to a bp-recv, or to another server of the Forward
 *        protocol; a record is sent again until it is acknowledged
 * state  the stream's id, and the number and hash of the next record, so that a bp-recv
 *        takes each record once over restarts of both
 * needs  to repeat itself exactly when it starts again from a state: a bp-recv refuses
 *        other bytes under numbers that it has taken
 */
#include <string.h>

#include "lib/filter.h"
#include "lib/filter/network.h"
#include "lib/net/client.h"

enum { WAIT_MS = 100, SMALLEST_MEMORY = 80 << 20 };

/* In the order of --packing's words. */
enum packing { AUTO, NONE, GZIP, ZSTD };

struct send {
	const char *to; /* operand */
	const char *tag;
	struct network_options network_options;
	int peer, packing;
	struct size chunk, window;
	struct span timeout, give_up;
	bool tls, no_control;

	struct run *run;
	struct client *client;
	struct network network;
	struct address address;
	bool ended; /* END was sent */
};

static const struct option operands[] = {
	OPERAND("ADDRESS", struct send, to, "HOST:PORT or unix:PATH of the server"),
	OPTION_END,
};

static const struct option options[] = {
	OPTION_ASIDE('t', "tag", struct send, tag, "bannerpipe",
	    "the tag of the messages", "TAG"),
	OPTION_CHOICE_ASIDE(0, "peer", struct send, peer, "auto|bannerpipe|forward",
	    "who listens there: auto asks it"),
	OPTION_CHOICE_ASIDE('z', "packing", struct send, packing, "auto|none|gzip|zstd",
	    "compress chunks: auto is zstd to a bp-recv, gzip to others"),
	OPTION_ASIDE(
	    0, "no-control", struct send, no_control, NULL, "send no control records"),
	OPTION_ASIDE(0, "chunk", struct send, chunk, "256K",
	    "records of so many bytes go into one chunk"),
	OPTION_ASIDE(0, "window", struct send, window, "16M",
	    "records not yet acknowledged, at most"),
	OPTION_ASIDE(0, "timeout", struct send, timeout, "60s",
	    "connect again when no answer comes for so long"),
	OPTION_ASIDE(0, "give-up-after", struct send, give_up, "60s",
	    "at the end: without an ack for so long it has failed"),
	OPTION_ASIDE('k', "shared-key-file", struct send, network_options.key_file,
	    NULL, "the shared key that the server asks for", "FILE"),
	OPTION_ASIDE(0, "user-file", struct send, network_options.users_file, NULL,
	    "NAME:PASSWORD for a server that asks for users", "FILE"),
	OPTION_ASIDE(0, "hostname", struct send, network_options.hostname, "",
	    "what to call this host in the handshake; '' its own name", "NAME"),
	OPTION_ASIDE(0, "tls", struct send, tls, NULL,
	    "speak TLS, and check the server's certificate"),
	OPTION_ASIDE(0, "tls-authority", struct send, network_options.authority, NULL,
	    "who signed it (PEM), in place of those the system trusts", "FILE"),
	OPTION_ASIDE(0, "tls-certificate", struct send, network_options.certificate,
	    NULL, "our certificate, for a server that asks for one (PEM)", "FILE"),
	OPTION_ASIDE(0, "tls-key", struct send, network_options.key, NULL,
	    "its key (PEM)", "FILE"),
	OPTION_END,
};

/* --- Sending -------------------------------------------------------------------- */

static int
refused(struct send *s, const struct error *error)
{
	return run_usage(s->run, "%s", error->text);
}

/* Wait until there is room: this is how a server that hangs holds up the pipeline. */
static int
make_room(struct send *s)
{
	struct error error;

	while (client_full(s->client)) {
		client_flush(s->client);
		if (client_wait(s->client, WAIT_MS, &error) != CLIENT_GOOD)
			return refused(s, &error);
		if (client_full(s->client) && run_stopping(s->run))
			return run_fail(s->run,
			    "stopped, and %llu records are not acknowledged",
			    (unsigned long long)client_unacknowledged(s->client));
	}
	return 0;
}

static int
add(struct send *s, struct slice bytes)
{
	if (client_full(s->client) && make_room(s) != 0)
		return -1;
	return client_add(s->client, bytes) ? 0
					    : run_fail(s->run, "no memory for a chunk");
}

static enum verdict
each(struct run *run, void *self, const struct record *r)
{
	(void)run;
	return add(self, slice_of(r->bytes, r->size)) == 0 ? PASS : FAIL;
}

/* What is of this pipeline's own keeping stays here. */
static int
control(struct run *run, void *self, struct slice bytes)
{
	struct send *s = self;
	struct control c;
	bool damaged;

	(void)run;
	if (s->no_control)
		return 0;
	if (control_read(bytes, &c, &damaged)) {
		if (c.kind == CONTROL_HELLO || c.kind == CONTROL_CUT ||
		    (c.kind == CONTROL_END && control_is_pause(&c)))
			return 0;
		if (c.kind == CONTROL_END)
			s->ended = true;
	}
	return add(s, bytes);
}

/* Between reads: acks, connections, timeouts. */
static int
attend(struct run *run, void *self)
{
	struct send *s = self;
	struct error error;

	if (client_poll(s->client, &error) != CLIENT_GOOD)
		return refused(s, &error);
	run_wait_also(run, client_wait_fd(s->client), client_wait_ms(s->client));
	return 0;
}

/* There is nothing to read: send what is there. */
static int
idle(struct run *run, void *self)
{
	struct send *s = self;

	client_flush(s->client);
	return attend(run, self);
}

/* Wait until everything is acknowledged. */
static int
settle(struct send *s)
{
	const struct os *os = run_os(s->run);
	uint64_t left = UINT64_MAX, now_left;
	int64_t since = os->monotonic_us(os);
	struct error error;

	client_flush(s->client);
	while ((now_left = client_unacknowledged(s->client)) > 0) {
		if (now_left < left)
			since = os->monotonic_us(os);
		left = now_left;
		if (os->monotonic_us(os) - since > s->give_up.us)
			return run_fail(s->run,
			    "%s: %llu records are not acknowledged (give more time "
			    "with "
			    "--give-up-after, or start again)",
			    s->to, (unsigned long long)left);
		if (client_wait(s->client, WAIT_MS, &error) != CLIENT_GOOD)
			return refused(s, &error);
	}
	return 0;
}

static int
finish(struct run *run, void *self)
{
	struct send *s = self;
	uint8_t storage[CONTROL_SIZE_MAX];
	struct build b;

	/* A stop by a signal is not the end of what is sent. */
	if (!s->ended && !s->no_control && !run_stopping(run)) {
		build_init(&b, storage, sizeof storage);
		control_build_end(&b, 0, false);
		if (add(s, build_slice(&b)) != 0)
			return -1;
		s->ended = true;
	}
	return settle(s);
}

/* --- Starting ------------------------------------------------------------------- */

static void
say(void *context, const char *text)
{
	struct send *s = context;

	run_say(s->run, "%s", text);
}

static int
set_tls(struct send *s)
{
	const struct network_options *o = &s->network_options;

	if (!s->tls)
		return o->certificate == NULL && o->key == NULL && o->authority == NULL
		    ? 0
		    : run_usage(s->run, "certificates are for --tls");
	if (s->address.local)
		return run_usage(s->run, "--tls is for HOST:PORT");
	return network_tls(s->run, &s->network, o, false);
}

static void
set_packing(const struct send *s, struct client_config *c)
{
	c->packing = PACKING_ZSTD;
	c->foreign_packing = PACKING_GZIP;
	if (s->packing == AUTO && s->address.local)
		c->packing = PACKING_NONE;
	if (s->packing == AUTO)
		return;
	c->packing = s->packing == NONE ? PACKING_NONE
	    : s->packing == GZIP        ? PACKING_GZIP
					: PACKING_ZSTD;
	c->foreign_packing = c->packing;
}

static int
check(struct send *s)
{
	if (s->chunk.bytes == 0 || s->chunk.bytes > 16 << 20)
		return run_usage(s->run, "--chunk must be between 1 and 16M");
	if (s->window.bytes < s->chunk.bytes)
		return run_usage(s->run, "--window must be at least --chunk");
	if (s->window.bytes + 8 * s->chunk.bytes + SMALLEST_MEMORY > run_memory(s->run))
		return run_usage(s->run, "--memory is too small for --window");
	if (s->timeout.us < 1000 || strlen(s->tag) > FORWARD_TAG_MAX)
		return run_usage(
		    s->run, "--timeout must be more than 0, --tag shorter");
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct send *s = self;
	struct client_config c = { .os = run_os(run),
		.address = &s->address,
		.tag = s->tag,
		.peer = (enum client_peer)s->peer,
		.chunk_bytes = s->chunk.bytes,
		.window_bytes = s->window.bytes,
		.timeout_ms = s->timeout.us / 1000,
		.say = say,
		.context = s };
	const struct client_counts *counts;
	struct error error;

	s->run = run;
	if (check(s) != 0)
		return -1;
	if (address_resolve(&s->address, s->to, false, &error) != 0)
		return run_usage(run, "%s", error.text);
	/* Not the name of a server on the same host, which a client must not meet. */
	if (set_tls(s) != 0 ||
	    network_handshake(
		run, &s->network, &s->network_options, "/bp-send", &c.handshake) != 0)
		return -1;
	c.tls = s->network.tls;
	c.secured = s->network_options.key_file != NULL || c.handshake.user_count > 0;
	set_packing(s, &c);
	run_uses_network(run);
	s->client = client_new(&c, &error);
	if (s->client == NULL)
		return run_fail(run, "%s", error.text);
	counts = client_counts(s->client);
	run_counter(run, "connections", "connections made", &counts->connections);
	run_counter(run, "chunks", "chunks sent", &counts->chunks);
	run_counter(run, "resent", "chunks sent again", &counts->resent);
	run_counter(run, "acked", "records acknowledged", &counts->acked);
	return 0;
}

/* --- Snapshots ------------------------------------------------------------------ */

/* A snapshot says that all before it has arrived. */
static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct send *s = self;
	struct client_position p;

	(void)run;
	if (settle(s) != 0)
		return -1;
	client_tell(s->client, &p);
	state_put(to, p.stream, sizeof p.stream);
	state_put_u64(to, p.mark.next);
	state_put_u64(to, p.mark.chain);
	state_put_u64(to, s->ended);
	return 0;
}

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct send *s = self;
	struct client_position p;
	uint64_t ended;

	(void)run;
	if (state_get(from, p.stream, sizeof p.stream) != 0 ||
	    state_get_u64(from, &p.mark.next) != 0 ||
	    state_get_u64(from, &p.mark.chain) != 0 || state_get_u64(from, &ended) != 0)
		return -1;
	s->ended = ended != 0;
	client_resume(s->client, &p);
	return 0;
}

static void
stop(void *self)
{
	struct send *s = self;

	client_free(s->client);
	network_free(&s->network);
}

static const struct filter send_filter = {
	.name = "send",
	.about = "send records to a server",
	.examples =
	    "  bp-parse access.log | bp-send shop.example:24224\n"
	    "  bp-send --tls --shared-key-file key --state sent logs:24224 <events\n"
	    "  bp-send --peer forward --tag shop.clicks fluentd:24224 <clicks\n",
	.options = options,
	.operands = operands,
	.size = sizeof(struct send),
	.schema = 1,
	.text_out = true,
	.sink = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.attend = attend,
	.idle = idle,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&send_filter, argc, argv);
}
