/* SPDX-License-Identifier: MIT
 *
 * OpenRTB below HTTP: strings of consent that were published, bids that do not
 * fit. The rest is in pipe/serve-openrtb.t, before an exchange.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/serve/openrtb_bid.h"
#include "lib/serve/privacy.h"
#include "lib/text/json.h"

/* Purposes 1, 3, 9 and 10 (the manual of GDPR::IAB::TCFv2), and 1, 2, 3 (that of IAB Tech
 * Lab's decoder). */
#define ONE_THREE_NINE                                                                 \
	"CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEA" \
	"IAEgAA.argAC0gAAAAAAAAAAAA"
#define ONE_TWO_THREE "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"

static uint8_t bytes[1 << 18];

static void
a_consent_string_is_read_bit_by_bit(void **state)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[] = ONE_TWO_THREE;

	(void)state;
	assert_false(privacy_tcf(slice_text(ONE_THREE_NINE)));
	assert_false(privacy_tcf(slice_text(ONE_TWO_THREE)));
	/* Bit 152 is the third one of letter 25: the first four purposes. */
	assert_int_equal(text[25], 'O');
	for (unsigned bits = 0; bits < 16; bits++) {
		text[25] = letters[bits];
		assert_int_equal(privacy_tcf(slice_text(text)), (bits & 11) == 11);
	}
}

static void
what_is_cut_off_or_of_another_kind_is_a_no(void **state)
{
	char text[] = ONE_TWO_THREE;

	(void)state;
	text[25] = 'P'; /* all of the first four */
	assert_true(privacy_tcf(slice_text(text)));
	for (size_t size = 0; size < 30; size++)
		assert_false(privacy_tcf(slice_of(text, size)));
	assert_true(privacy_tcf(slice_of(text, 30)));
	text[0] = 'B'; /* version 1 */
	assert_false(privacy_tcf(slice_text(text)));
	text[0] = 'C';
	text[35] = '=';
	assert_false(privacy_tcf(slice_text(text)));
	assert_true(privacy_us(slice_text("1YNN")) && privacy_us(slice_text("1---")));
	assert_false(privacy_us(slice_text("1NYN")));
	assert_false(privacy_us(slice_text("2YNN")));
	assert_false(privacy_us(slice_text("1YN")));
	assert_true(privacy_gpp(slice_text("DBABTA~1YNN"), 6));
	assert_false(privacy_gpp(slice_text("DBABTA~1YNN"), 2));
	assert_false(privacy_gpp(slice_text("DBABTA~1YNN"), 7));
	assert_false(privacy_gpp(slice_text("DBACNY~" ONE_TWO_THREE "~1YNN"), 6));
	assert_false(privacy_gpp(slice_text("1YNN"), 6));
}

/* The record of a creative, from JSON. */
static struct slice
record_of(const char *text)
{
	static uint8_t storage[1 << 17], padded[1 << 17];
	struct json *json = json_new();
	struct fault fault;
	struct build b;

	assert_non_null(json);
	memset(padded, 0, sizeof padded);
	memcpy(padded, text, strlen(text));
	build_init(&b, storage, sizeof storage);
	assert_true(json_parse(json, slice_of(padded, strlen(text)), &b, &fault));
	json_free(json);
	return build_slice(&b);
}

static void
a_picture_is_a_page_of_the_web(void **state)
{
	static const char *const bad[] = { "javascript:alert(1)", "data:image/png,x",
		"//a/b", "https://a b", "" };
	struct openrtb_terms t;
	char text[256];

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		(void)snprintf(
		    text, sizeof text, "{\"parts\":{\"image_url\":\"%s\"}}", bad[i]);
		openrtb_terms(record_of(text), &t);
		assert_int_equal(openrtb_image(&t).size, 0);
	}
	openrtb_terms(record_of("{\"parts\":[1],\"url\":\"https://WWW.a.b:8/\"}"), &t);
	assert_int_equal(openrtb_image(&t).size, 0);
	assert_true(slice_is(openrtb_domain(&t), "WWW.a.b"));
	openrtb_terms(record_of("{\"url\":\"https://www.a.b:8/?c\"}"), &t);
	assert_true(slice_is(openrtb_domain(&t), "a.b"));
	openrtb_terms(record_of("{\"url\":\"mailto:a@b\"}"), &t);
	assert_int_equal(openrtb_domain(&t).size, 0);
}

/* Whether it fits or not, nothing of it is half there. */
static void
a_bid_fits_or_leaves_no_trace(void **state)
{
	static char text[1 << 16];
	struct links links = { mac_new(slice_text("0123456789abcdef")), "https://a",
		{ WHEN_HOUR } };
	struct openrtb_terms t;
	struct openrtb_bid bid = { .impid = slice_text("1"),
		.decision = slice_text("id-0"),
		.price = 30000,
		.terms = &t };
	struct template *template;
	unsigned fitted = 0;
	struct error error;
	struct build b;

	(void)state;
	assert_non_null(links.mac);
	template = template_new(slice_text(template_built_in), &error);
	assert_non_null(template);
	bid.template = template;
	bid.creative = record_of("{\"creative_id\":-7,\"url\":\"https://b/\"}");
	openrtb_terms(bid.creative, &t);
	for (size_t room = 1; room < 2000; room++) {
		build_init(&b, bytes, room);
		if (!openrtb_bid(&links, &bid, &b)) {
			assert_true(b.at == b.start && !build_full(&b));
			assert_int_equal(fitted, 0);
			continue;
		}
		fitted++;
		assert_int_equal(value_size(bytes), build_slice(&b).size);
	}
	assert_true(fitted > 500 && fitted < 1500);
	(void)snprintf(text, sizeof text, "{\"parts\":{\"headline\":\"%0*d\"}}",
	    OPENRTB_BID_ROOM, 0);
	bid.creative = record_of(text);
	openrtb_terms(bid.creative, &t);
	build_init(&b, bytes, sizeof bytes);
	assert_false(openrtb_bid(&links, &bid, &b));
	assert_int_equal(build_slice(&b).size, 0);
	template_free(template);
	mac_free(links.mac);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_consent_string_is_read_bit_by_bit),
		cmocka_unit_test(what_is_cut_off_or_of_another_kind_is_a_no),
		cmocka_unit_test(a_picture_is_a_page_of_the_web),
		cmocka_unit_test(a_bid_fits_or_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
