/* SPDX-License-Identifier: MIT */
#include "lib/stream/frame.h"

#include <stdlib.h>
#include <zstd.h>

#include "lib/base/assert.h"

enum { LEVEL = 1 };

struct frame_packer {
	ZSTD_CCtx *zstd;
	size_t limit;
};

struct frame_unpacker {
	ZSTD_DCtx *zstd;
};

size_t
frame_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

struct frame_packer *
frame_packer_new(size_t limit, struct error *error)
{
	struct frame_packer *p = calloc(1, sizeof *p);

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
frame_packer_free(struct frame_packer *p)
{
	if (p == NULL)
		return;
	(void)ZSTD_freeCCtx(p->zstd);
	free(p);
}

size_t
frame_pack(struct frame_packer *p, struct slice body, uint8_t *to, size_t room,
    struct error *error)
{
	size_t size;

	assert(body.size <= p->limit && room >= frame_bound(body.size));
	size = ZSTD_compress2(p->zstd, to, room, body.at, body.size);
	if (!ZSTD_isError(size))
		return size;
	(void)error_set(error, "cannot compress: %s", ZSTD_getErrorName(size));
	return 0;
}

struct frame_unpacker *
frame_unpacker_new(struct error *error)
{
	struct frame_unpacker *u = calloc(1, sizeof *u);

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
frame_unpacker_free(struct frame_unpacker *u)
{
	if (u == NULL)
		return;
	(void)ZSTD_freeDCtx(u->zstd);
	free(u);
}

bool
frame_unpack(struct frame_unpacker *u, struct slice frame, uint8_t *to, size_t size)
{
	/* Skippable frames and frames end to end would be decompressed as well. */
	return ZSTD_getFrameContentSize(frame.at, frame.size) == size &&
	    ZSTD_findFrameCompressedSize(frame.at, frame.size) == frame.size &&
	    ZSTD_decompressDCtx(u->zstd, to, size, frame.at, frame.size) == size;
}
