/* SPDX-License-Identifier: MIT
 *
 * Where a value ends: msgpack by counting what is still to come, JSON by its brackets.
 */
#include "lib/net/forward.h"

static enum forward_frame
frame_json(struct forward_framer *f, struct slice bytes, size_t *size)
{
	for (; f->seen < bytes.size; f->seen++) {
		uint8_t c = bytes.at[f->seen];

		if (f->escaped)
			f->escaped = false;
		else if (f->in_string && c == '\\')
			f->escaped = true;
		else if (c == '"')
			f->in_string = !f->in_string;
		else if (!f->in_string && (c == '[' || c == '{'))
			f->depth++;
		else if (!f->in_string && (c == ']' || c == '}') && --f->depth == 0) {
			*size = ++f->seen;
			return FRAME_WHOLE;
		}
	}
	return FRAME_MORE;
}

enum forward_frame
forward_frame(
    struct forward_framer *f, struct slice bytes, size_t *size, struct fault *fault)
{
	size_t consumed;
	enum scan scan;

	if (bytes.size == 0)
		return FRAME_MORE;
	if (f->seen == 0)
		f->json = bytes.at[0] == '{' || bytes.at[0] == '[';
	if (f->json)
		return frame_json(f, bytes, size);
	scan = record_skip(&f->skipper, slice_from(bytes, f->seen), &consumed, fault);
	f->seen += consumed;
	if (scan == SCAN_RECORD)
		*size = f->seen;
	return scan == SCAN_RECORD ? FRAME_WHOLE
	    : scan == SCAN_MORE    ? FRAME_MORE
				   : FRAME_FAULT;
}
