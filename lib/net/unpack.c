/* SPDX-License-Identifier: MIT */
#include "lib/net/unpack.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>

enum {
	STEP = 256 * 1024,
	WINDOW_LOG = 23, /* 8 MiB, what RFC 8878 asks of every reader */
	GZIP = 16,       /* added to zlib's windowBits: gzip, nothing else */
	ZSTD_LEVEL = 1,
};

struct inflater {
	z_stream inflate, deflate;
	bool inflates, deflates;
	ZSTD_DCtx *unzstd;
	ZSTD_CCtx *zstd;
};

struct inflater *
inflater_new(void)
{
	return calloc(1, sizeof(struct inflater));
}

void
inflater_free(struct inflater *u)
{
	if (u == NULL)
		return;
	if (u->inflates)
		(void)inflateEnd(&u->inflate);
	if (u->deflates)
		(void)deflateEnd(&u->deflate);
	(void)ZSTD_freeDCtx(u->unzstd);
	(void)ZSTD_freeCCtx(u->zstd);
	free(u);
}

/* Room for one more step of output: as much as is allowed, and one byte more at the
 * limit, so that "full" and "too much" can be told apart. */
static size_t
next_room(struct buffer *to, size_t limit)
{
	size_t step = to->size + STEP <= limit ? STEP : limit + 1 - to->size;

	return buffer_reserve(to, step, limit + 1) ? step : 0;
}

static bool
begin_gzip(struct inflater *u)
{
	if (u->inflates)
		return inflateReset(&u->inflate) == Z_OK;
	u->inflates = inflateInit2(&u->inflate, MAX_WBITS + GZIP) == Z_OK;
	return u->inflates;
}

bool
unpack_gzip(struct inflater *u, struct slice bytes, struct buffer *to, size_t limit,
    const char **reason)
{
	z_stream *z = &u->inflate;
	int status = Z_STREAM_END;
	size_t room;

	*reason = "gzip: cut off";
	if (bytes.size > UINT_MAX || bytes.size == 0 || !begin_gzip(u))
		return false;
	z->next_in = (Bytef *)(uintptr_t)bytes.at;
	z->avail_in = (uInt)bytes.size;
	for (;;) {
		if ((room = next_room(to, limit)) == 0)
			break;
		z->next_out = to->at + to->size;
		z->avail_out = (uInt)room;
		status = inflate(z, Z_NO_FLUSH);
		to->size += room - z->avail_out;
		if (to->size > limit)
			break;
		if (status == Z_STREAM_END && z->avail_in == 0)
			return true;
		if (status == Z_STREAM_END && inflateReset(z) == Z_OK)
			continue;
		if (status == Z_BUF_ERROR && z->avail_in == 0)
			return false;
		if (status != Z_OK && status != Z_BUF_ERROR) {
			*reason = "gzip: damaged";
			return false;
		}
	}
	*reason = "more than is allowed when decompressed";
	return false;
}

bool
unpack_zstd(struct inflater *u, struct slice bytes, struct buffer *to, size_t limit,
    const char **reason)
{
	ZSTD_inBuffer in = { bytes.at, bytes.size, 0 };
	ZSTD_outBuffer out;
	size_t left = 1, room;

	if (u->unzstd == NULL)
		u->unzstd = ZSTD_createDCtx();
	*reason = "zstd: no memory";
	if (u->unzstd == NULL)
		return false;
	(void)ZSTD_DCtx_reset(u->unzstd, ZSTD_reset_session_only);
	(void)ZSTD_DCtx_setParameter(u->unzstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	for (;;) {
		*reason = "more than is allowed when decompressed";
		if ((room = next_room(to, limit)) == 0)
			return false;
		out = (ZSTD_outBuffer){ to->at + to->size, room, 0 };
		left = ZSTD_decompressStream(u->unzstd, &out, &in);
		if (ZSTD_isError(left)) {
			*reason = "zstd: damaged, or its window is too large";
			return false;
		}
		to->size += out.pos;
		if (to->size > limit)
			return false;
		/* 0: a frame is over and all of it is out, even if the room is full. */
		if (in.pos == in.size && (left == 0 || out.pos < room)) {
			*reason = "zstd: cut off";
			return left == 0;
		}
	}
}

bool
pack_gzip(struct inflater *u, struct slice bytes, struct buffer *to)
{
	z_stream *z = &u->deflate;
	uLong bound;

	if (!u->deflates)
		u->deflates = deflateInit2(z, Z_BEST_SPEED, Z_DEFLATED,
				  MAX_WBITS + GZIP, 8, Z_DEFAULT_STRATEGY) == Z_OK;
	else if (deflateReset(z) != Z_OK)
		return false;
	if (!u->deflates || bytes.size > UINT_MAX / 2)
		return false;
	bound = deflateBound(z, (uLong)bytes.size);
	if (!buffer_reserve(to, bound, SIZE_MAX / 4))
		return false;
	z->next_in = (Bytef *)(uintptr_t)bytes.at;
	z->avail_in = (uInt)bytes.size;
	z->next_out = to->at + to->size;
	z->avail_out = (uInt)bound;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false;
	to->size += bound - z->avail_out;
	return true;
}

bool
pack_zstd(struct inflater *u, struct slice bytes, struct buffer *to)
{
	size_t bound = ZSTD_compressBound(bytes.size), size;

	if (u->zstd == NULL && (u->zstd = ZSTD_createCCtx()) == NULL)
		return false;
	(void)ZSTD_CCtx_setParameter(u->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	(void)ZSTD_CCtx_setParameter(u->zstd, ZSTD_c_checksumFlag, 1);
	if (!buffer_reserve(to, bound, SIZE_MAX / 4))
		return false;
	size = ZSTD_compress2(u->zstd, to->at + to->size, bound, bytes.at, bytes.size);
	if (ZSTD_isError(size))
		return false;
	to->size += size;
	return true;
}
