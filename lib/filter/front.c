/* SPDX-License-Identifier: MIT */
#include "lib/filter/front.h"

#include <stdlib.h>
#include <string.h>

#include "lib/filter/network.h"

/* The whole of the file but the newline at its end; or one that nobody knows. */
static int
read_key(const struct front *f, struct run *run, uint8_t chance[32], struct slice *key)
{
	const struct os *os = run_os(run);
	struct error error;

	*key = slice_of(chance, 32);
	if (f->key_file == NULL)
		return os->random(os, chance, 32) == 0
		    ? 0
		    : run_fail(run, "no random bytes for a key");
	if (run_read_file(run, f->key_file, FRONT_KEY_MAX, key, &error) == NULL)
		return run_usage(run, "--key-file: %s", error.text);
	if (key->size > 0 && key->at[key->size - 1] == '\n')
		key->size--;
	return key->size >= FRONT_KEY_LEAST
	    ? 0
	    : run_usage(run, "--key-file %s: a key has 16 bytes at least", f->key_file);
}

int
front_links(struct front *f, struct run *run, struct links *to)
{
	uint8_t chance[32];
	struct slice key;
	int status;

	if (f->life.us <= 0)
		return run_usage(run, "--ttl must be longer than 0");
	status = read_key(f, run, chance, &key);
	if (status == 0)
		f->mac = mac_new(key);
	if (key.at != chance)
		free((void *)(uintptr_t)key.at);
	if (status != 0)
		return -1;
	if (strlen(f->base) > FRONT_BASE_MAX)
		return run_usage(run, "--base-url is longer than %d", FRONT_BASE_MAX);
	*to = (struct links){ f->mac, f->base, f->life };
	return f->mac != NULL ? 0 : run_fail(run, "no memory for the key");
}

static int
read_origins(struct front *f, struct run *run, unsigned *count)
{
	const char *rest = f->origins;
	struct slice name;
	char *at;

	f->origin_text = calloc(1, f->origins == NULL ? 1 : strlen(f->origins) + 2);
	if (f->origin_text == NULL)
		return run_fail(run, "no memory for --origins");
	for (at = f->origin_text; rest != NULL && option_next_name(&rest, &name);) {
		if (*count == FRONT_ORIGINS_MAX)
			return run_usage(run, "--origins: more than 64");
		memcpy(at, name.at, name.size);
		f->origin[(*count)++] = at;
		at += name.size + 1;
	}
	return 0;
}

int
front_open(struct front *f, struct run *run, struct pump *pump, uint64_t memory_bytes)
{
	struct http_config c = { .listen = f->address,
		.reuse_port = f->shared,
		.connections = (unsigned)f->connections,
		.proxies = (unsigned)f->proxies,
		.origins = f->origin,
		.memory_bytes = memory_bytes };

	if (f->connections == 0 || f->connections > HTTP_CONNECTIONS_MAX ||
	    f->proxies > 16)
		return run_usage(
		    run, "--connections is 1 to a million, --proxies at most 16");
	if (read_origins(f, run, &c.origin_count) != 0 ||
	    network_listen(run, f->listen, f->address, f->names, HTTP_LISTEN_MAX,
		&c.listen_count) != 0)
		return -1;
	pump->drain = f->drain;
	return pump_start(pump, &c);
}

void
front_close(struct front *f)
{
	mac_free(f->mac);
	free(f->origin_text);
}
