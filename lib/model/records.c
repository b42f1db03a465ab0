/* SPDX-License-Identifier: MIT */
#include "lib/model/records.h"

#include <inttypes.h>

/* As many whole records as there are. 1: more bytes are needed, 0 never, -1 error. */
static int
take(const struct records *r, uint64_t *number, struct error *error)
{
	for (;;) {
		struct slice bytes = input_bytes(r->in);
		struct record record;
		struct fault fault;
		size_t need;

		if (bytes.size == 0)
			return 1;
		record.offset = input_offset(r->in);
		switch (record_scan(r->reader, bytes, &record, &fault, &need)) {
		case SCAN_RECORD:
			record.offset = input_offset(r->in);
			record.number = ++*number;
			if (r->each(r->context, &record, error) != 0)
				return -1;
			break;
		case SCAN_CONTROL:
		case SCAN_REJECT:
			break;
		case SCAN_MORE:
			if (bytes.size < RECORD_SIZE_MAX)
				return 1;
			/* fall through */
		case SCAN_LARGE:
			return error_set(error,
			    "%s: the record at byte %" PRIu64 " is larger than 1 MiB",
			    input_name(r->in), input_offset(r->in));
		default:
			return error_set(error,
			    "%s: no record stream at byte %" PRIu64 ": %s",
			    input_name(r->in), input_offset(r->in) + fault.at,
			    fault.reason);
		}
		input_consume(r->in, record.size);
	}
}

int
records_read(const struct records *r, struct error *error)
{
	uint64_t number = 0;

	for (;;) {
		int status = 0;

		if (take(r, &number, error) < 0)
			return -1;
		if (r->pause != NULL)
			status = r->pause(r->context, error);
		if (status != 0)
			return status < 0 ? -1 : 0;
		switch (input_fill(r->in, error)) {
		case FILL_FAIL:
			return -1;
		case FILL_END:
			if (input_bytes(r->in).size == 0)
				return 0;
			return error_set(error,
			    "%s: the record at byte %" PRIu64 " is cut off",
			    input_name(r->in), input_offset(r->in));
		default:
			break;
		}
	}
}
