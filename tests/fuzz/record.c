/* SPDX-License-Identifier: MIT
 *
 * The scanner against msgpack-c: what record_scan accepts, msgpack-c accepts with the
 * same extent and the same meaning; and scanning allocates nothing, whatever the bytes
 * claim. The input is scanned as a stream of records.
 */
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/assert.h"
#include "lib/record/control.h"
#include "lib/record/kind.h"
#include "lib/record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *));

static bool scanning;

static void
on_malloc(const volatile void *at, size_t size)
{
	(void)at;
	(void)size;
	assert(!scanning);
}

static void
on_free(const volatile void *at)
{
	(void)at;
}

static void same(const msgpack_object *o, struct slice value);

static void
same_bytes(const void *at, size_t size, struct slice got)
{
	assert(slice_equal(slice_of(at, size), got));
}

static void
same_number(const msgpack_object *o, struct slice value)
{
	double number;
	int64_t i;
	uint64_t u;

	if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
		assert(value_uint(value, &u) && u == o->via.u64);
	} else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		assert(value_int(value, &i) && i == o->via.i64);
	} else {
		assert(value_number(value, &number));
		assert(number == o->via.f64 || (isnan(number) && isnan(o->via.f64)));
	}
}

static void
same_children(const msgpack_object *o, struct slice value)
{
	struct value_walk walk;
	struct slice key, item;
	uint32_t i = 0;

	for (value_open(value, &walk); value_next(&walk, &key, &item); i++) {
		if (o->type == MSGPACK_OBJECT_MAP) {
			assert(i < o->via.map.size);
			same(&o->via.map.ptr[i].key, key);
			same(&o->via.map.ptr[i].val, item);
		} else {
			assert(i < o->via.array.size && key.at == NULL);
			same(&o->via.array.ptr[i], item);
		}
	}
	assert(i == value_count(value));
	assert(
	    i == (o->type == MSGPACK_OBJECT_MAP ? o->via.map.size : o->via.array.size));
}

static void
same(const msgpack_object *o, struct slice value)
{
	enum value_type type = value_type(value);
	struct slice bytes;
	int8_t ext;
	bool flag;

	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		assert(type == VALUE_NIL);
		break;
	case MSGPACK_OBJECT_BOOLEAN:
		assert(value_bool(value, &flag) && flag == o->via.boolean);
		break;
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		assert(type == VALUE_INT);
		same_number(o, value);
		break;
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		assert(type == VALUE_FLOAT);
		same_number(o, value);
		break;
	case MSGPACK_OBJECT_STR:
		assert(value_str(value, &bytes));
		same_bytes(o->via.str.ptr, o->via.str.size, bytes);
		break;
	case MSGPACK_OBJECT_BIN:
		assert(value_bin(value, &bytes));
		same_bytes(o->via.bin.ptr, o->via.bin.size, bytes);
		break;
	case MSGPACK_OBJECT_EXT:
		assert(value_ext(value, &ext, &bytes) && ext == o->via.ext.type);
		same_bytes(o->via.ext.ptr, o->via.ext.size, bytes);
		break;
	case MSGPACK_OBJECT_ARRAY:
	case MSGPACK_OBJECT_MAP:
		assert(
		    type == (o->type == MSGPACK_OBJECT_MAP ? VALUE_MAP : VALUE_ARRAY));
		same_children(o, value);
		break;
	}
}

static void
same_record(const msgpack_object *o, const struct record *r)
{
	struct slice value;
	double weight;
	instant when;

	assert(o->type == MSGPACK_OBJECT_MAP && o->via.map.size == r->count);
	for (unsigned i = 0; i < r->count; i++) {
		const msgpack_object_kv *pair = &o->via.map.ptr[i];

		assert(pair->key.type == MSGPACK_OBJECT_STR);
		same_bytes(
		    pair->key.via.str.ptr, pair->key.via.str.size, record_key_at(r, i));
		same(&pair->val, record_value_at(r, i));
	}
	if (record_value(r, KEY_EVENT, &value))
		assert(value_get(slice_of(r->bytes, r->size), "event", &value));
	assert(record_kind(r) < KIND_COUNT);
	if (record_weight(r, &weight))
		assert(isfinite(weight));
	if (record_timestamp(r, &when))
		assert(when >= -WHEN_MAX && when <= WHEN_MAX);
}

static void
same_control(const msgpack_object *o, struct slice bytes)
{
	struct control control;
	instant watermark;
	bool damaged, idle;

	assert(o->type == MSGPACK_OBJECT_EXT);
	if (control_read(bytes, &control, &damaged))
		(void)control_tick(&control, &watermark, &idle);
}

/* Check one scan; the bytes to go on by, 0 to stop. */
static size_t
step(struct reader *reader, struct slice bytes)
{
	struct record record = { 0 };
	struct fault fault = { 0, NULL };
	msgpack_unpacked unpacked;
	size_t need = 0, end = 0;
	enum scan scan;

	scanning = true;
	scan = record_scan(reader, bytes, &record, &fault, &need);
	scanning = false;
	if (scan == SCAN_MORE)
		assert(need > bytes.size);
	if (scan == SCAN_REJECT || scan == SCAN_FOREIGN)
		assert(fault.reason != NULL && fault.at <= bytes.size);
	if (scan != SCAN_RECORD && scan != SCAN_CONTROL)
		return scan == SCAN_REJECT ? record.size : 0;
	assert(record.size > 0 && record.size <= bytes.size);
	msgpack_unpacked_init(&unpacked);
	assert(msgpack_unpack_next(&unpacked, (const char *)bytes.at, bytes.size,
		   &end) == MSGPACK_UNPACK_SUCCESS);
	assert(end == record.size);
	if (scan == SCAN_RECORD)
		same_record(&unpacked.data, &record);
	else
		same_control(&unpacked.data, slice_of(record.bytes, record.size));
	msgpack_unpacked_destroy(&unpacked);
	return record.size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reader *reader;
	size_t at = 0, used = 1;
	uint8_t *copy;

	if (reader == NULL) {
		reader = reader_new();
		assert(reader != NULL);
		(void)__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	}
	/* Allocated to size, so that a read beyond the padding is found. */
	copy = malloc(size + RECORD_PADDING);
	assert(copy != NULL);
	memcpy(copy, data, size);
	memset(copy + size, 0xdf, RECORD_PADDING);
	for (; at < size && used > 0; at += used)
		used = step(reader, slice_of(copy + at, size - at));
	free(copy);
	return 0;
}
