/* SPDX-License-Identifier: MIT
 *
 * bp-recv: take records from sockets.
 *
 * in     Forward messages, lines of JSON or syslog, from any number of connections
 * out    their records, in the order in which messages came whole; with --log nothing
 * state  how far each numbered stream (of a bp-send) was taken, so that what is sent
 *        again is left out; with --log that is in the log
 * needs  nothing
 *
 * An ack says that the records of a message are safe: written to standard output; or
 * durable, with --log; or whatever --ack-fd says. So acks go out when the output has been
 * flushed, or the log has been synced, never when a message was merely read.
 */
#include <string.h>

#include "lib/base/number.h"
#include "lib/filter.h"
#include "lib/filter/intake.h"
#include "lib/filter/network.h"

enum { SMALLEST_MEMORY = 8 << 20 };

struct recv {
	const char *listen, *tag_key, *log_path, *ack_fd;
	struct network_options network_options;
	int protocol;
	uint64_t connections, until_end;
	struct size message, unpacked;
	struct span timeout;

	struct intake intake;
	struct address address[SERVER_LISTEN_MAX];
	char names[SERVER_LISTEN_MAX][128];
	struct network network;
};

static const struct option options[] = {
	OPTION_ASIDE('l', "listen", struct recv, listen, "127.0.0.1:24224",
	    "HOST:PORT and unix:PATH, separated by commas", "ADDRESSES"),
	OPTION_CHOICE_ASIDE('p', "protocol", struct recv, protocol,
	    "forward|json|syslog", "what the peers speak"),
	OPTION_ASIDE('t', "tag-key", struct recv, tag_key, "tag",
	    "add the tag of a message under this key; '' adds none", "KEY"),
	OPTION_ASIDE('L', "log", struct recv, log_path, NULL,
	    "append to this log, and acknowledge what is durable there", "DIR"),
	OPTION_ASIDE(0, "ack-fd", struct recv, ack_fd, NULL,
	    "acknowledge as many records as the lines of this descriptor say", "FD"),
	OPTION_ASIDE('k', "shared-key-file", struct recv, network_options.key_file,
	    NULL, "the shared key that peers have to know", "FILE"),
	OPTION_ASIDE(0, "users-file", struct recv, network_options.users_file, NULL,
	    "NAME:PASSWORD lines of the users that may send", "FILE"),
	OPTION_ASIDE(0, "hostname", struct recv, network_options.hostname, "",
	    "what to call this host in the handshake; '' its own name", "NAME"),
	OPTION_ASIDE(0, "tls-certificate", struct recv, network_options.certificate,
	    NULL, "speak TLS on TCP, with this certificate (PEM)", "FILE"),
	OPTION_ASIDE(0, "tls-key", struct recv, network_options.key, NULL,
	    "its key (PEM)", "FILE"),
	OPTION_ASIDE(0, "tls-authority", struct recv, network_options.authority, NULL,
	    "ask peers for a certificate that this one signed", "FILE"),
	OPTION_ASIDE(0, "connections", struct recv, connections, "1000",
	    "at most so many at a time; others wait"),
	OPTION_ASIDE(0, "max-message", struct recv, message, "16M",
	    "the largest message taken, as it comes"),
	OPTION_ASIDE(0, "max-unpacked", struct recv, unpacked, "64M",
	    "the largest message taken, decompressed"),
	OPTION_ASIDE(0, "timeout", struct recv, timeout, "60s",
	    "close a connection that is silent so long within a message"),
	OPTION_ASIDE(0, "until-end", struct recv, until_end, "0",
	    "end when so many bp-send have ended; 0 never"),
	OPTION_END,
};

/* --- Starting ------------------------------------------------------------------- */

static int
check(struct recv *r, struct run *run, uint64_t *memory, int *acks)
{
	uint64_t decoding = 3 * r->unpacked.bytes + (64 << 20) / 4, fd;

	*memory = run_memory(run);
	if (r->unpacked.bytes == 0 || r->message.bytes == 0 ||
	    r->message.bytes > UINT32_MAX || r->connections == 0 ||
	    r->connections > 100000 || r->timeout.us < 1000)
		return run_usage(run,
		    "--connections, --max-message, --max-unpacked and --timeout want "
		    "more "
		    "than 0");
	if (decoding + r->message.bytes + SMALLEST_MEMORY > *memory)
		return run_usage(
		    run, "--memory is too small for --max-message and --max-unpacked");
	*memory -= decoding;
	if (r->network_options.certificate == NULL &&
	    (r->network_options.key != NULL || r->network_options.authority != NULL))
		return run_usage(run, "TLS needs --tls-certificate and --tls-key");
	if (strlen(r->tag_key) > RECORD_KEY_SIZE_MAX)
		return run_usage(run, "--tag-key: at most 255 bytes");
	*acks = -1;
	if (r->ack_fd == NULL)
		return 0;
	if (r->log_path != NULL)
		return run_usage(run, "--ack-fd and --log exclude each other");
	if (!number_parse_uint(slice_text(r->ack_fd), &fd) || fd < 3 || fd > 1000)
		return run_usage(
		    run, "--ack-fd wants the number of a descriptor, from 3");
	*acks = (int)fd;
	return 0;
}

static int
start(struct run *run, void *self)
{
	struct recv *r = self;
	struct server_config c = {
		.os = run_os(run),
		.listen = r->address,
		.protocol = (enum server_protocol)r->protocol,
		.tag_key = r->tag_key,
		.connections = (unsigned)r->connections,
		.timeout_ms = r->timeout.us / 1000,
		.message_bytes = r->message.bytes,
		.unpacked_bytes = r->unpacked.bytes,
	};
	uint64_t memory;
	int acks;

	if (check(r, run, &memory, &acks) != 0 ||
	    network_listen(run, r->listen, r->address, r->names, SERVER_LISTEN_MAX,
		&c.listen_count) != 0 ||
	    network_handshake(
		run, &r->network, &r->network_options, "", &c.handshake) != 0)
		return -1;
	if (r->network_options.certificate != NULL &&
	    network_tls(run, &r->network, &r->network_options, true) != 0)
		return -1;
	c.memory_bytes = memory;
	c.tls = r->network.tls;
	return intake_start(&r->intake, run, &c, r->log_path, acks, r->until_end);
}

/* --- The rest is the intake's ------------------------------------------------------ */

static int
load(struct run *run, void *self, struct state_reader *from)
{
	struct recv *r = self;

	(void)run;
	return intake_load(&r->intake, from);
}

static enum verdict
each(struct run *run, void *self, const struct record *record)
{
	struct recv *r = self;

	(void)run;
	(void)record;
	return intake_each(&r->intake);
}

static int
control(struct run *run, void *self, struct slice bytes)
{
	struct recv *r = self;

	(void)run;
	return intake_control(&r->intake, bytes);
}

static int
attend(struct run *run, void *self)
{
	struct recv *r = self;

	(void)run;
	return intake_attend(&r->intake);
}

static int
finish(struct run *run, void *self)
{
	struct recv *r = self;

	(void)run;
	return intake_finish(&r->intake);
}

static int
save(struct run *run, void *self, struct state_writer *to)
{
	struct recv *r = self;

	(void)run;
	intake_save(&r->intake, to);
	return 0;
}

static void
stop(void *self)
{
	struct recv *r = self;

	intake_free(&r->intake);
	network_free(&r->network);
}

static const struct filter recv_filter = {
	.name = "recv",
	.about = "take records from sockets",
	.examples = "  bp-recv --listen :24224 --log events >/dev/null\n"
		    "  bp-recv --listen unix:/run/shop.sock | bp-print\n"
		    "  bp-recv --protocol syslog --listen :5514 | bp-print\n",
	.options = options,
	.size = sizeof(struct recv),
	.schema = 1,
	.no_files = true,
	.start = start,
	.load = load,
	.each = each,
	.control = control,
	.attend = attend,
	.finish = finish,
	.save = save,
	.stop = stop,
};

int
main(int argc, char **argv)
{
	return filter_main(&recv_filter, argc, argv);
}
