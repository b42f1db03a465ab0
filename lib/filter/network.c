/* SPDX-License-Identifier: MIT */
#include "lib/filter/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 64 * 1024 };

static int
read_secret(struct run *run, const char *path, uint8_t **to)
{
	struct error error;
	struct slice text;

	*to = run_read_file(run, path, SECRET_MAX, &text, &error);
	return *to != NULL ? 0 : run_usage(run, "%s", error.text);
}

/* Lines of NAME:PASSWORD. */
static int
read_users(struct run *run, struct network *n, const char *path, struct handshake *to)
{
	char *line, *rest, *colon;

	if (read_secret(run, path, &n->users) != 0)
		return -1;
	for (rest = (char *)n->users; (line = strsep(&rest, "\r\n")) != NULL;) {
		if (*line == '\0')
			continue;
		colon = strchr(line, ':');
		if (colon == NULL || colon - line > HANDSHAKE_TEXT_MAX ||
		    to->user_count == HANDSHAKE_USERS_MAX)
			return run_usage(run,
			    "%s: at most %d lines of NAME:PASSWORD are wanted", path,
			    HANDSHAKE_USERS_MAX);
		*colon = '\0';
		to->users[to->user_count++] =
		    (struct handshake_user){ line, colon + 1 };
	}
	return to->user_count > 0 ? 0 : run_usage(run, "%s: no user in it", path);
}

int
network_handshake(struct run *run, struct network *n, const struct network_options *o,
    const char *suffix, struct handshake *to)
{
	char host[200] = "";

	to->shared_key = "";
	to->keepalive = true;
	to->hostname = o->hostname;
	if (*o->hostname == '\0') {
		(void)gethostname(host, sizeof host - 1);
		(void)snprintf(n->own_name, sizeof n->own_name, "%s%s", host, suffix);
		to->hostname = n->own_name;
	}
	if (strlen(to->hostname) > HANDSHAKE_TEXT_MAX)
		return run_usage(
		    run, "--hostname: at most %d bytes", HANDSHAKE_TEXT_MAX);
	if (o->key_file != NULL) {
		if (read_secret(run, o->key_file, &n->secret) != 0)
			return -1;
		n->secret[strcspn((char *)n->secret, "\r\n")] = '\0';
		if (*n->secret == '\0')
			return run_usage(
			    run, "%s: no key in its first line", o->key_file);
		to->shared_key = (char *)n->secret;
	}
	return o->users_file != NULL ? read_users(run, n, o->users_file, to) : 0;
}

int
network_tls(
    struct run *run, struct network *n, const struct network_options *o, bool server)
{
	struct tls_files files = { o->certificate, o->key, o->authority };
	struct error error;

	if ((o->certificate == NULL) != (o->key == NULL))
		return run_usage(run, "--tls-certificate and --tls-key go together");
	n->tls = tls_context_new(server, &files, &error);
	return n->tls != NULL ? 0 : run_usage(run, "%s", error.text);
}

void
network_free(struct network *n)
{
	tls_context_free(n->tls);
	free(n->secret);
	free(n->users);
}

int
network_listen(struct run *run, const char *list, struct address *to,
    char (*names)[128], unsigned max, unsigned *count)
{
	const char *rest = list;
	struct slice name;
	struct error error;

	for (*count = 0; option_next_name(&rest, &name); ++*count) {
		if (*count == max || name.size >= sizeof names[0])
			return run_usage(
			    run, "--listen: too many addresses, or one too long");
		memcpy(names[*count], name.at, name.size);
		names[*count][name.size] = '\0';
		if (address_resolve(&to[*count], names[*count], true, &error) != 0)
			return run_usage(run, "--listen: %s", error.text);
	}
	return *count > 0 ? 0 : run_usage(run, "--listen wants an address");
}
