/* SPDX-License-Identifier: MIT */
#include "lib/net/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { PAIR_BYTES = 64 * 1024 };

struct tls_context {
	SSL_CTX *ssl;
	bool server;
};

struct tls {
	SSL *ssl; /* owns its end of the pair */
	BIO *network;
};

static const char *
reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text != NULL ? text : "unknown reason";
}

static int
load(struct tls_context *c, const struct tls_files *f, struct error *error)
{
	if (f->certificate != NULL &&
	    SSL_CTX_use_certificate_chain_file(c->ssl, f->certificate) != 1)
		return error_set(error, "cannot use the certificate %s: %s",
		    f->certificate, reason());
	if (f->key != NULL &&
	    SSL_CTX_use_PrivateKey_file(c->ssl, f->key, SSL_FILETYPE_PEM) != 1)
		return error_set(error, "cannot use the key %s: %s", f->key, reason());
	if (f->certificate != NULL && SSL_CTX_check_private_key(c->ssl) != 1)
		return error_set(error, "%s is not the key of the certificate %s",
		    f->key != NULL ? f->key : "nothing", f->certificate);
	if (f->authority != NULL &&
	    SSL_CTX_load_verify_locations(c->ssl, f->authority, NULL) != 1)
		return error_set(
		    error, "cannot use the authority %s: %s", f->authority, reason());
	if (f->authority == NULL && !c->server &&
	    SSL_CTX_set_default_verify_paths(c->ssl) != 1)
		return error_set(error, "cannot read the system's authorities");
	return 0;
}

struct tls_context *
tls_context_new(bool server, const struct tls_files *files, struct error *error)
{
	struct tls_context *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->ssl =
		    SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	if (c == NULL || c->ssl == NULL) {
		(void)error_set(error, "no memory for TLS");
		tls_context_free(c);
		return NULL;
	}
	c->server = server;
	(void)SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(c->ssl,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
		SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION);
	if (!server || files->authority != NULL)
		SSL_CTX_set_verify(
		    c->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (load(c, files, error) != 0) {
		tls_context_free(c);
		return NULL;
	}
	return c;
}

void
tls_context_free(struct tls_context *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

static bool
name_peer(SSL *ssl, const char *hostname)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	/* An address is looked for among the certificate's addresses. */
	if (X509_VERIFY_PARAM_set1_ip_asc(p, hostname) == 1)
		return true;
	return SSL_set_tlsext_host_name(ssl, hostname) == 1 &&
	    SSL_set1_host(ssl, hostname) == 1;
}

struct tls *
tls_new(struct tls_context *c, const char *hostname)
{
	struct tls *t = calloc(1, sizeof *t);
	BIO *inner = NULL;

	if (t != NULL)
		t->ssl = SSL_new(c->ssl);
	if (t == NULL || t->ssl == NULL ||
	    BIO_new_bio_pair(&inner, PAIR_BYTES, &t->network, PAIR_BYTES) != 1) {
		tls_free(t);
		return NULL;
	}
	SSL_set_bio(t->ssl, inner, inner);
	if (c->server)
		SSL_set_accept_state(t->ssl);
	else
		SSL_set_connect_state(t->ssl);
	if (!c->server && hostname != NULL && !name_peer(t->ssl, hostname)) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	(void)BIO_free(t->network);
	free(t);
}

static int
bounded(size_t size)
{
	return size > INT_MAX ? INT_MAX : (int)size;
}

long
tls_take(struct tls *t, struct slice cipher)
{
	int n = cipher.size == 0
	    ? 0
	    : BIO_write(t->network, cipher.at, bounded(cipher.size));

	return n > 0 ? n : 0;
}

long
tls_give(struct tls *t, void *to, size_t size)
{
	int n = BIO_read(t->network, to, bounded(size));

	return n > 0 ? n : 0;
}

static long
settle(struct tls *t, int n, struct error *error)
{
	long verified;

	if (n > 0)
		return n;
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_END;
	default:
		verified = SSL_get_verify_result(t->ssl);
		if (verified != X509_V_OK)
			return error_set(
			    error, "TLS: %s", X509_verify_cert_error_string(verified));
		return error_set(error, "TLS: %s", reason());
	}
}

long
tls_read(struct tls *t, void *to, size_t size, struct error *error)
{
	ERR_clear_error();
	return settle(t, SSL_read(t->ssl, to, bounded(size)), error);
}

long
tls_write(struct tls *t, struct slice plain, struct error *error)
{
	ERR_clear_error();
	return plain.size == 0
	    ? 0
	    : settle(t, SSL_write(t->ssl, plain.at, bounded(plain.size)), error);
}

void
tls_end(struct tls *t)
{
	(void)SSL_shutdown(t->ssl);
}
