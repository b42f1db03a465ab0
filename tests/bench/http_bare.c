/* SPDX-License-Identifier: MIT
 *
 * http_bare PORT: the least that libuv and llhttp can do: each request that llhttp finds is
 * answered with the same bytes. No limits, no times, no checks; to compare lib/http with.
 */
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: 5\r\n\r\nhello";

struct peer {
	llhttp_t llhttp;
	uv_tcp_t tcp;
	unsigned requests;
};

static llhttp_settings_t settings;
static char scratch[65536], out[65536];

static int
on_complete(llhttp_t *l)
{
	((struct peer *)(void *)l)->requests++;
	return 0;
}

static int
on_text(llhttp_t *l, const char *at, size_t size)
{
	(void)l;
	(void)at;
	(void)size;
	return 0;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *to)
{
	(void)handle;
	(void)suggested;
	*to = uv_buf_init(scratch, sizeof scratch);
}

static void
on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *from)
{
	struct peer *p = stream->data;
	size_t size = 0, one = sizeof answer - 1;
	uv_buf_t buffer;

	if (n > 0 && llhttp_execute(&p->llhttp, from->base, (size_t)n) != HPE_OK)
		n = -1;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, on_closed);
		return;
	}
	for (; p->requests > 0 && size + one <= sizeof out; p->requests--, size += one)
		memcpy(out + size, answer, one);
	buffer = uv_buf_init(out, (unsigned)size);
	if (size > 0)
		(void)uv_try_write(stream, &buffer, 1);
}

static void
on_connection(uv_stream_t *server, int status)
{
	struct peer *p = calloc(1, sizeof *p);

	if (p == NULL || status != 0)
		abort();
	llhttp_init(&p->llhttp, HTTP_REQUEST, &settings);
	(void)uv_tcp_init(server->loop, &p->tcp);
	p->tcp.data = p;
	(void)uv_accept(server, (uv_stream_t *)&p->tcp);
	(void)uv_tcp_nodelay(&p->tcp, 1);
	(void)uv_read_start((uv_stream_t *)&p->tcp, on_room, on_bytes);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address;
	uv_tcp_t server;

	settings.on_message_complete = on_complete;
	settings.on_url = settings.on_header_field = settings.on_header_value = on_text;
	if (argc != 2 || uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address) != 0 ||
	    uv_tcp_init(uv_default_loop(), &server) != 0 ||
	    uv_tcp_bind(&server, (const struct sockaddr *)&address, 0) != 0 ||
	    uv_listen((uv_stream_t *)&server, 1024, on_connection) != 0) {
		fprintf(stderr, "http_bare: cannot listen\n");
		return 111;
	}
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
