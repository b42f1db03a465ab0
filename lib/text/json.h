/* SPDX-License-Identifier: MIT
 *
 * json: one JSON text (RFC 8259) into one msgpack record.
 *
 * Integers stay integers, numbers with a fraction or exponent become float64, null,
 * true, false, strings, arrays and objects are what they seem; the order of keys is
 * kept. All of the text is checked, and nothing that msgpack cannot hold exactly is
 * guessed: an integer of more than 64 bits, a number beyond float64 and an unpaired
 * surrogate are faults, as is a key that occurs twice in one object. Limits are those of
 * record.h.
 *
 * What JSON lacks is written as an object with one key that begins with '$':
 *
 *	{"$binary":"BASE64"}         bin
 *	{"$ext":[TYPE,"BASE64"]}     ext; a line of its own is a control record
 *	{"$float32":X}               float32; X a number, or a text of $number
 *	{"$number":"NaN"}            float64; also "Infinity", "-Infinity", and a NaN of
 *	                             other bits as "NaN(0x7ff0000000000001)"
 *	{"$string":"BASE64"}         a str that is not UTF-8
 *	{"$map":[[KEY,VALUE],...]}   a map whose keys are not all different UTF-8 strs
 *
 * Escape: an object whose only key is one of these names with more than one '$' before
 * it ("$$binary") means the key with one '$' less; print writes it so. An object of this
 * look whose value is not as above, or that has more keys, is a plain map. Keys that
 * only begin with '$' ("$set", "$request_id") are plain, always.
 *
 * With print_json this maps every record whose values have their shortest msgpack form
 * (as build and every filter write them) to a line and back, byte for byte; other forms
 * come back shortened, with the same meaning.
 */
#ifndef BANNERPIPE_TEXT_JSON_H
#define BANNERPIPE_TEXT_JSON_H

#include "lib/record/build.h"
#include "lib/record/record.h"

enum { JSON_PADDING = 64 }; /* readable bytes that must follow a text */

struct json;

/* A parser for texts of up to RECORD_SIZE_MAX bytes. It keeps no state from one text to
 * the next, and takes 8 MiB, of which only what long texts need becomes resident. NULL
 * when there is no memory. */
struct json *json_new(void);
void json_free(struct json *json);

/* Append the text's object to the builder as a map, or as an ext when it is an
 * {"$ext"}. JSON_PADDING bytes after the text are readable; their content does not
 * matter. False when the text is at fault or the builder became full; what was appended
 * is then taken back. fault->at is the byte of the text where it was noticed. Cost:
 * about 150 ns for 10 keys, 300 bytes. */
bool json_parse(
    struct json *json, struct slice text, struct build *to, struct fault *fault);

/* The names above, as written ("$binary"). False when key is none of them with one or
 * more '$' before it; *dollars is their number. */
enum json_special {
	JSON_BINARY,
	JSON_EXT,
	JSON_FLOAT32,
	JSON_NUMBER,
	JSON_STRING,
	JSON_MAP,
};

bool json_special(struct slice key, enum json_special *special, size_t *dollars);

#endif
