/* SPDX-License-Identifier: MIT */
#include "lib/net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/number.h"
#include "lib/base/slice.h"

static int
resolve_local(struct address *a, const char *path, struct error *error)
{
	struct sockaddr_un *to = (struct sockaddr_un *)&a->resolved[0];
	size_t size = strlen(path);

	if (size == 0 || size >= sizeof to->sun_path)
		return error_set(error, "'%s': a path of 1 to %zu bytes is needed",
		    a->text, sizeof to->sun_path - 1);
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, size + 1);
	a->local = true;
	a->n = 1;
	return 0;
}

/* "HOST:PORT" into its parts. False when it is not that. */
static bool
split(struct address *a, char port[8])
{
	struct slice text = slice_text(a->text), host = text, tail;
	size_t colon = text.size, n = 0;
	uint64_t number = ADDRESS_PORT;

	if (text.size > 0 && text.at[0] == '[') {
		size_t end = slice_find(text, ']');

		if (end == text.size)
			return false;
		host = slice_of(text.at + 1, end - 1);
		tail = slice_from(text, end + 1);
		if (tail.size > 0 && tail.at[0] != ':')
			return false;
		colon = tail.size > 0 ? end + 1 : text.size;
	} else {
		for (size_t i = 0; i < text.size; i++)
			if (text.at[i] == ':') {
				colon = i;
				n++;
			}
		if (n > 1)
			return false;
		host.size = colon;
	}
	if (colon < text.size &&
	    !number_parse_uint(slice_from(text, colon + 1), &number))
		return false;
	if (host.size >= sizeof a->host || number > 65535)
		return false;
	memcpy(a->host, host.at, host.size);
	a->host[host.size] = '\0';
	(void)snprintf(port, 8, "%u", (unsigned)number);
	return true;
}

int
address_resolve(struct address *a, const char *text, bool passive, struct error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) };
	struct addrinfo *found;
	char port[8];
	int status;

	*a = (struct address){ .text = text };
	if (strncmp(text, "unix:", 5) == 0)
		return resolve_local(a, text + 5, error);
	if (!split(a, port))
		return error_set(
		    error, "'%s' is neither HOST:PORT nor unix:PATH", text);
	status = getaddrinfo(a->host[0] != '\0' ? a->host : NULL, port, &hints, &found);
	if (status != 0)
		return error_set(
		    error, "cannot resolve %s: %s", text, gai_strerror(status));
	for (struct addrinfo *i = found; i != NULL && a->n < ADDRESS_RESOLVED_MAX;
	     i = i->ai_next)
		if (i->ai_addrlen <= sizeof a->resolved[0])
			memcpy(&a->resolved[a->n++], i->ai_addr, i->ai_addrlen);
	freeaddrinfo(found);
	return a->n > 0 ? 0 : error_set(error, "%s resolves to nothing", text);
}

void
address_format(const struct sockaddr *address, char to[128])
{
	char host[64], port[8];
	socklen_t size = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
							: sizeof(struct sockaddr_in);

	if (address->sa_family == AF_UNIX) {
		(void)snprintf(to, 128, "unix:%.108s",
		    ((const struct sockaddr_un *)address)->sun_path);
		return;
	}
	if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		(void)snprintf(to, 128, "an unknown address");
	else if (address->sa_family == AF_INET6)
		(void)snprintf(to, 128, "[%s]:%s", host, port);
	else
		(void)snprintf(to, 128, "%s:%s", host, port);
}
