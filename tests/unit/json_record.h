/* SPDX-License-Identifier: MIT
 *
 * json_record: records from JSON texts. Include after cmocka.h.
 */
#ifndef BANNERPIPE_TESTS_JSON_RECORD_H
#define BANNERPIPE_TESTS_JSON_RECORD_H

#include <stdio.h>
#include <string.h>

#include "lib/text/json.h"

enum { JSON_RECORD_MAX = 1 << 16 };

/* A JSON text as msgpack, in storage that is used again by the next call. */
static inline struct slice
json_record(const char *text)
{
	static uint8_t bytes[JSON_RECORD_MAX + RECORD_PADDING],
	    copy[JSON_RECORD_MAX + JSON_PADDING];
	struct json *json = json_new();
	struct fault fault;
	struct build b;

	assert_true(strlen(text) < JSON_RECORD_MAX);
	(void)snprintf((char *)copy, JSON_RECORD_MAX, "%s", text);
	build_init(&b, bytes, JSON_RECORD_MAX);
	if (!json_parse(json, slice_of(copy, strlen(text)), &b, &fault))
		fail_msg("%s: %s", text, fault.reason);
	json_free(json);
	return build_slice(&b);
}

#endif
