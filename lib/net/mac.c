/* SPDX-License-Identifier: MIT */
#include "lib/net/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"

enum { BLOCK = 64, DIGEST = 32 };

/* The hash after its first block, which is the key: a copy of it is where each begins. */
struct mac {
	EVP_MD_CTX *inner, *outer, *work; /* owned */
};

static EVP_MD_CTX *
begin(const EVP_MD *type, const uint8_t key[BLOCK], uint8_t pad)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t block[BLOCK];

	for (unsigned i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	if (c != NULL &&
	    (EVP_DigestInit_ex(c, type, NULL) != 1 ||
		EVP_DigestUpdate(c, block, BLOCK) != 1)) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	OPENSSL_cleanse(block, sizeof block);
	return c;
}

struct mac *
mac_new(struct slice key)
{
	struct mac *m = calloc(1, sizeof *m);
	EVP_MD *type = EVP_MD_fetch(NULL, "SHA256", NULL);
	uint8_t block[BLOCK] = { 0 };
	unsigned size;
	bool made = m != NULL && type != NULL;

	if (made && key.size > BLOCK)
		made = EVP_Digest(key.at, key.size, block, &size, type, NULL) == 1;
	else if (key.size > 0 && key.size <= BLOCK)
		memcpy(block, key.at, key.size);
	if (made) {
		m->inner = begin(type, block, 0x36);
		m->outer = begin(type, block, 0x5c);
		m->work = EVP_MD_CTX_new();
		made = m->inner != NULL && m->outer != NULL && m->work != NULL;
	}
	EVP_MD_free(type);
	OPENSSL_cleanse(block, sizeof block);
	if (made)
		return m;
	mac_free(m);
	return NULL;
}

void
mac_free(struct mac *m)
{
	if (m == NULL)
		return;
	EVP_MD_CTX_free(m->inner);
	EVP_MD_CTX_free(m->outer);
	EVP_MD_CTX_free(m->work);
	free(m);
}

void
mac_of(struct mac *m, const struct slice *texts, unsigned n, uint8_t to[MAC_SIZE])
{
	uint8_t digest[DIGEST];
	int good = EVP_MD_CTX_copy_ex(m->work, m->inner);

	for (unsigned i = 0; i < n; i++)
		good &= EVP_DigestUpdate(m->work, texts[i].at, texts[i].size);
	good &= EVP_DigestFinal_ex(m->work, digest, NULL);
	good &= EVP_MD_CTX_copy_ex(m->work, m->outer);
	good &= EVP_DigestUpdate(m->work, digest, DIGEST);
	good &= EVP_DigestFinal_ex(m->work, digest, NULL);
	assert(good == 1);
	memcpy(to, digest, MAC_SIZE);
}

bool
mac_equal(const uint8_t a[MAC_SIZE], const uint8_t b[MAC_SIZE])
{
	return CRYPTO_memcmp(a, b, MAC_SIZE) == 0;
}
