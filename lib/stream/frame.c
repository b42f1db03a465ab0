/* SPDX-License-Identifier: MIT */
#include "lib/stream/frame.h"

#include <stdlib.h>
#include <zstd.h>

#include "lib/base/assert.h"

enum { LEVEL = 1 };

struct packer {
	ZSTD_CCtx *zstd;
	size_t limit;
};

struct unpacker {
	ZSTD_DCtx *zstd;
};

size_t
frame_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

struct packer *
packer_new(size_t limit, struct error *error)
{
	struct packer *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->zstd = ZSTD_createCCtx();
	if (p == NULL || p->zstd == NULL) {
		(void)error_set(error, "no memory to compress");
		free(p);
		return NULL;
	}
	p->limit = limit;
	(void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, LEVEL);
	(void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	(void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_contentSizeFlag, 1);
	return p;
}

void
packer_free(struct packer *p)
{
	if (p == NULL)
		return;
	(void)ZSTD_freeCCtx(p->zstd);
	free(p);
}

size_t
packer_pack(
    struct packer *p, struct slice body, uint8_t *to, size_t room, struct error *error)
{
	size_t size;

	assert(body.size <= p->limit && room >= frame_bound(body.size));
	size = ZSTD_compress2(p->zstd, to, room, body.at, body.size);
	if (!ZSTD_isError(size))
		return size;
	(void)error_set(error, "cannot compress: %s", ZSTD_getErrorName(size));
	return 0;
}

struct unpacker *
unpacker_new(struct error *error)
{
	struct unpacker *u = calloc(1, sizeof *u);

	if (u != NULL)
		u->zstd = ZSTD_createDCtx();
	if (u == NULL || u->zstd == NULL) {
		(void)error_set(error, "no memory to decompress");
		free(u);
		return NULL;
	}
	return u;
}

void
unpacker_free(struct unpacker *u)
{
	if (u == NULL)
		return;
	(void)ZSTD_freeDCtx(u->zstd);
	free(u);
}

bool
unpacker_unpack(struct unpacker *u, struct slice frame, uint8_t *to, size_t size)
{
	/* Skippable frames and frames end to end would be decompressed as well. */
	return ZSTD_getFrameContentSize(frame.at, frame.size) == size &&
	    ZSTD_findFrameCompressedSize(frame.at, frame.size) == frame.size &&
	    ZSTD_decompressDCtx(u->zstd, to, size, frame.at, frame.size) == size;
}
