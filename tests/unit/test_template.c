/* SPDX-License-Identifier: MIT
 *
 * Templates: what each value becomes where it stands, and what is no template. That
 * hostile values stay values is held against another parser of HTML by
 * tests/pipe/compose-hostile.t, and against any bytes by tests/fuzz/template.c.
 */
#include "lib/compose/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/json_record.h"

enum { ROOM = 1 << 17 };

static uint8_t room[ROOM];
static struct error error;

/* The banner of a template and a creative. */
static const char *
rendered(const char *text, const struct template_values *v)
{
	struct template *t = template_new(slice_text(text), &error);
	static char html[ROOM];
	struct slice banner;
	struct build b;

	if (t == NULL)
		fail_msg("%s: %s", text, error.text);
	build_init(&b, room, sizeof room);
	assert_true(template_render(t, v, &b));
	assert_true(value_str(build_slice(&b), &banner));
	assert_int_equal(value_size(room), build_slice(&b).size);
	memcpy(html, banner.at, banner.size);
	html[banner.size] = '\0';
	template_free(t);
	return html;
}

static const char *
of_json(const char *text, const char *creative)
{
	struct template_values v = { .creative = json_record(creative) };

	return rendered(text, &v);
}

/* {{v}} with the bytes as its value. */
static const char *
of_bytes(const char *text, struct slice value)
{
	uint8_t bytes[512];
	struct template_values v;
	struct build b;

	build_init(&b, bytes, sizeof bytes);
	build_map(&b, 1);
	build_text(&b, "v");
	build_str(&b, value);
	v = (struct template_values){ .creative = build_slice(&b) };
	return rendered(text, &v);
}

static const char *
of_text(const char *text, const char *value)
{
	return of_bytes(text, slice_text(value));
}

static void
text_stays_text(void **state)
{
	(void)state;
	assert_string_equal(of_text("{{v}}", "a<b>&\"'\x7f\t\n\x01"),
	    "a&lt;b&gt;&amp;&#34;&#39;\xef\xbf\xbd\t\n\xef\xbf\xbd");
	assert_string_equal(of_text("<b title='{{v}}'>", "' onclick='x"),
	    "<b title='&#39; onclick=&#39;x'>");
	assert_string_equal(of_text("<title>{{ v }}</title>", "</title><b>"),
	    "<title>&lt;/title&gt;&lt;b&gt;</title>");
	assert_string_equal(
	    of_text("<TextArea>{{v}}</textarea >", "\xc3\xa9\xf0\x9f\x98\x80"),
	    "<TextArea>\xc3\xa9\xf0\x9f\x98\x80</textarea >");
	/* What is not UTF-8: overlong, a surrogate, cut off, the byte 0. */
	assert_string_equal(of_bytes("{{v}}", slice_of("\xc0\xaf|\xe2\x82|\0|", 8)),
	    "\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd|");
	assert_string_equal(of_text("<i data-x=\"{{v}}\" aria-label=\"{{v}}\">", "\""),
	    "<i data-x=\"&#34;\" aria-label=\"&#34;\">");
}

static void
a_url_leads_to_the_web_or_nowhere(void **state)
{
	static const char *const good[][2] = {
		{ "https://a.example/b?c=d&e=f#g",
		    "https://a.example/b?c=d&amp;e=f#g" },
		{ "HTTP://a", "HTTP://a" },
		{ "//a/b", "//a/b" },
		{ "/a:b", "/a:b" },
		{ "?a:b", "?a:b" },
		{ "#a:b", "#a:b" },
		{ "a b'\"<>\\\xc3\xa9", "a%20b%27%22%3C%3E%5C%C3%A9" },
		{ "a%20b%", "a%20b%" },
		{ "", "" },
	};
	static const char *const bad[] = { "javascript:alert(1)", "JavaScript:x",
		" javascript:x", "\tjavascript:x", "java\nscript:x", "\x01javascript:x",
		"data:text/html,x", "vbscript:x", "mailto:a@b", "https\t://a",
		"httpss:x", "htt:x", ":x", "view-source:https://a", "http&colon;:" };

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		char wanted[128];

		(void)snprintf(wanted, sizeof wanted, "<a href=\"%s\">", good[i][1]);
		assert_string_equal(of_text("<a href=\"{{v}}\">", good[i][0]), wanted);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(
		    of_text("<img src='{{v}}'>", bad[i]), "<img src='about:invalid'>");
	assert_string_equal(of_text("<a href='/x?q={{v}}'>", "a&b=c d/%\xc3\xa9"),
	    "<a href='/x?q=a%26b%3Dc%20d%2F%25%C3%A9'>");
	assert_string_equal(of_text("<a href='https://{{v}}/'>", "evil/?a@b:c"),
	    "<a href='https://evil%2F%3Fa%40b%3Ac/'>");
	assert_string_equal(of_text("<a href='{{v}}/{{v}}'>", "a"), "<a href='a/a'>");
	assert_string_equal(
	    of_text("<a href='{{v}}{{v}}'>", ":"), "<a href='about:invalid%3A'>");
}

static void
a_style_takes_words_numbers_and_colours(void **state)
{
	static const char *const good[] = { "red", "#fff", "#FFAA00", "#12345678",
		"12px", "-1.5em", "50%", "rgb(1, 2, 3)", "hsl(120, 100%, 25%)",
		"rgba(255 0 0 / 50%)", "border-box" };
	static const char *const bad[] = { "", "red;x:y", "url(x)", "expression(1)",
		"a b", "#ggg", "#12345", "rgb(a)", "rgb(1", "rgb()(", "rgb(1))", "red}",
		"\"", "'", "re\\64", "red/**/", "\xc3\xa9", "var(--x)", "calc(1px)",
		"a:b", "!important",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm" };

	(void)state;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		char wanted[128];

		(void)snprintf(wanted, sizeof wanted, "<i style='color:%s'>", good[i]);
		assert_string_equal(
		    of_text("<i style='color:{{v}}'>", good[i]), wanted);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(
		    of_text("<i style='color:{{v}}'>", bad[i]), "<i style='color:'>");
	assert_string_equal(
	    of_text("<i style=\"--c:{{v}};background:url('/x;(')\">", "red"),
	    "<i style=\"--c:red;background:url('/x;(')\">");
	assert_string_equal(
	    of_text("<i style=\"background:url('/;a)');width:{{v}}px\">", "3"),
	    "<i style=\"background:url('/;a)');width:3px\">");
}

static void
a_name_is_an_own_one_then_a_part_then_a_key(void **state)
{
	static const char creative[] = "{\"creative_id\":7,\"width\":300,\"click_url\":"
				       "\"key\",\"parts\":{\"width\":1,"
				       "\"click_url\":\"part\",\"deep\":{\"a\":{\"b\":"
				       "2.5}},\"x.y\":true,\"n\":null,\"l\":[1]}}";
	struct template_values v = { .click_url = slice_text("/click") };

	(void)state;
	assert_string_equal(of_json("{{creative_id}} {{width}} {{deep.a.b}} {{x.y}} "
				    "{{parts.width}}",
				creative),
	    "7 1 2.5 true 1");
	assert_string_equal(
	    of_json("[{{click_url}}{{n}}{{l}}{{deep}}{{deep.c}}{{none}}{{width.a}}]",
		creative),
	    "[]");
	v.creative = json_record(creative);
	assert_string_equal(rendered("{{click_url}}", &v), "/click");
}

static void
conditions_choose_between_branches(void **state)
{
	static const char creative[] = "{\"yes\":\"y\",\"no\":\"\",\"off\":false,"
				       "\"on\":true,\"zero\":0,\"nil\":null,"
				       "\"list\":[1],\"none\":[]}";

	(void)state;
	assert_string_equal(of_json("{{#if yes}}A{{/if}}{{#if no}}B{{/if}}"
				    "{{#if off}}C{{/if}}{{#if on}}D{{/if}}"
				    "{{#if zero}}E{{/if}}{{#if nil}}F{{/if}}"
				    "{{#if list}}G{{/if}}{{#if none}}H{{/if}}"
				    "{{#if absent}}I{{else}}J{{/if}}",
				creative),
	    "ADEGJ");
	assert_string_equal(
	    of_json("{{#if no}}1{{#if yes}}2{{/if}}3{{else}}4{{#if yes}}5"
		    "{{yes}}{{else}}6{{/if}}7{{/if}}8",
		creative),
	    "45y78");
	assert_string_equal(
	    of_json(
		"<a {{#if yes}}class='x' {{/if}}{{#if no}}lang='y' {{/if}}>", creative),
	    "<a class='x' >");
	assert_string_equal(
	    of_json("<a href='/?a=1{{#if yes}}&b={{yes}}{{/if}}'>", creative),
	    "<a href='/?a=1&b=y'>");
	assert_string_equal(
	    of_json("<i style='{{#if yes}}color:{{yes}};{{/if}}'>", creative),
	    "<i style='color:y;'>");
}

/* A template, where it is wrong, and a word of why. */
static const struct {
	const char *text, *where, *why;
} wrong[] = {
	{ "<script>{{v}}</script>", "line 1, column 9", "in a script" },
	{ "<script>var a='\n{{v}}'</script>", "line 2, column 1", "in a script" },
	{ "<style>a{color:{{v}}}</style>", "line 1, column 16", "in a style sheet" },
	{ "<iframe>{{v}}</iframe>", "line 1, column 9", "in an iframe" },
	{ "<a href={{v}}>", "line 1, column 9", "without quotes" },
	{ "<a href=x{{v}}>", "line 1, column 10", "without quotes" },
	{ "<a {{v}}>", "line 1, column 4", "among the attributes" },
	{ "<a {{v}}='x'>", "line 1, column 4", "among the attributes" },
	{ "<a x{{v}}='x'>", "line 1, column 5", "name of an attribute" },
	{ "<{{v}}>", "line 1, column 2", "follow '<'" },
	{ "<a{{v}}>", "line 1, column 3", "name of an element" },
	{ "</{{v}}>", "line 1, column 3", "follow '<'" },
	{ "</a{{v}}>", "line 1, column 4", "name of an element" },
	{ "<!-- {{v}} -->", "line 1, column 6", "in a comment" },
	{ "<!doctype {{v}}>", "line 1, column 11", "in a doctype" },
	{ "<a onclick='{{v}}'>", "line 1, column 13", "event handler" },
	{ "<a OnClick='f({{v}})'>", "line 1, column 15", "event handler" },
	{ "<a srcdoc='{{v}}'>", "line 1, column 12", "in this attribute" },
	{ "<img srcset='{{v}}'>", "line 1, column 14", "in this attribute" },
	{ "<script src='{{v}}'></script>", "line 1, column 14", "in this attribute" },
	{ "<iframe src='{{v}}'></iframe>", "line 1, column 14", "in this attribute" },
	{ "<base href='{{v}}'>", "line 1, column 13", "in this attribute" },
	{ "<link href='{{v}}'>", "line 1, column 13", "in this attribute" },
	{ "<object data='{{v}}'>", "line 1, column 15", "in this attribute" },
	{ "<form action='{{v}}'>", "line 1, column 15", "in this attribute" },
	{ "<meta content='{{v}}'>", "line 1, column 16", "in this attribute" },
	{ "<a id='{{v}}'>", "line 1, column 8", "in this attribute" },
	{ "<a target='{{v}}'>", "line 1, column 12", "in this attribute" },
	{ "<svg><a href='{{v}}'>", "line 1, column 5", "rules of its own" },
	{ "<math>", "line 1, column 6", "rules of its own" },
	{ "<noscript>", "line 1, column 10", "rules of its own" },
	{ "<select class='x'>", "line 1, column 18", "rules of its own" },
	{ "<a href='javascript:{{v}}'>", "line 1, column 21", "http, https or none" },
	{ "<a href='java{{v}}'>", "line 1, column 14", "before a value in a URL" },
	{ "<a href='javascript&colon;{{v}}'>", "line 1, column 27",
	    "http, https or none" },
	{ "<a href=' {{v}}'>", "line 1, column 11", "http, https or none" },
	{ "<a href='{{v}}:alert(1)'>", "line 1, column 15", "'/', '?' or" },
	{ "<a href='{{v}}a:alert(1)'>", "line 1, column 16", "'/', '?' or" },
	{ "<a href='{{v}}{{v}}:x'>", "line 1, column 20", "'/', '?' or" },
	{ "<a href='{{v}}&#58;x'>", "line 1, column 15", "'/', '?' or" },
	{ "<i style='{{v}}'>", "line 1, column 11", "value of a property" },
	{ "<i style='{{v}}:red'>", "line 1, column 11", "value of a property" },
	{ "<i style='color:red;{{v}}'>", "line 1, column 21", "value of a property" },
	{ "<i style=\"font:'{{v}}'\">", "line 1, column 17", "in quotes" },
	{ "<i style='a:url({{v}})'>", "line 1, column 17", "parentheses" },
	{ "<i style='a:url(x;b:{{v}}'>", "line 1, column 21", "parentheses" },
	{ "<i style='a:{{v}}(1)'>", "line 1, column 18", "cannot follow a value" },
	{ "<i style='a:/*;b:{{v}}'>", "line 1, column 18", "cannot follow" },
	{ "<i style='a:/{{v}}*;b:{{v}}'>", "line 1, column 23", "cannot follow" },
	{ "<i style='a\\:b;c:{{v}}'>", "line 1, column 18", "cannot follow" },
	{ "<i style='a&#58;{{v}}'>", "line 1, column 17", "cannot follow" },
	{ "a < b", "line 1, column 4", "write &lt;" },
	{ "<title>a<b</title>", "line 1, column 10", "write &lt;" },
	{ "<?xml?>", "line 1, column 2", "write &lt;" },
	{ "<![CDATA[x]]>", "line 1, column 3", "comment or" },
	{ "</ a>", "line 1, column 3", "name of an element" },
	{ "</a b='c'>", "line 1, column 5", "name only" },
	{ "<a b=c\"d>", "line 1, column 7", "needs quotes" },
	{ "<a b='c'd='e'>", "line 1, column 9", "a space" },
	{ "<a b=>", "line 1, column 6", "no value" },
	{ "<a / b>", "line 1, column 5", "followed by '>'" },
	{ "<a \"b\">", "line 1, column 4", "attribute's name" },
	{ "<!-->-->", "line 1, column 5", "a comment ends" },
	{ "<!--->-->", "line 1, column 6", "a comment ends" },
	{ "<!-- --!> -->", "line 1, column 8", "a comment ends" },
	{ "<script><!--<script></script>", "line 1, column 10", "in a script" },
	{ "a\fb", "line 1, column 2", "control character" },
	{ "\xc3\xa9\xff", "line 1, column 2", "not UTF-8" },
	{ "<a", "line 1, column 3", "within a tag" },
	{ "<!--", "line 1, column 5", "within a comment" },
	{ "<script>", "line 1, column 9", "end tag is missing" },
	{ "{{v", "line 1, column 1", "without '}}'" },
	{ "{{v\n}}", "line 1, column 1", "without '}}'" },
	{ "{{}}", "line 1, column 1", "is a name" },
	{ "{{v w}}", "line 1, column 1", "is a name" },
	{ "{{<v>}}", "line 1, column 1", "is a name" },
	{ "{{#if}}{{/if}}", "line 1, column 1", "is a name" },
	{ "{{#if v}}", "line 1, column 10", "without its '/if'" },
	{ "{{/if}}", "line 1, column 1", "without its '#if'" },
	{ "{{else}}", "line 1, column 1", "without its '#if'" },
	{ "{{#if v}}{{else}}{{else}}{{/if}}", "line 1, column 18",
	    "without its '#if'" },
	{ "{{#if v}}<b{{/if}}>", "line 1, column 12", "ends elsewhere" },
	{ "<a{{#if v}} class='x'{{/if}}>", "line 1, column 3", "condition cannot be" },
	{ "{{#if v}}<script>{{else}}</script>{{/if}}", "line 1, column 18",
	    "ends elsewhere" },
	{ "<a href='{{#if v}}{{v}}{{/if}}x:y'>", "line 1, column 24",
	    "ends elsewhere" },
	{ "<script>{{#if v}}a{{/if}}</script>", "line 1, column 9",
	    "condition cannot be" },
};

static void
what_cannot_be_made_safe_is_no_template(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct template *t = template_new(slice_text(wrong[i].text), &error);

		if (t != NULL)
			fail_msg("%s: it was taken", wrong[i].text);
		if (strncmp(error.text, wrong[i].where, strlen(wrong[i].where)) != 0 ||
		    strstr(error.text, wrong[i].why) == NULL)
			fail_msg("%s: %s", wrong[i].text, error.text);
	}
}

static void
static_html_passes_as_it_is(void **state)
{
	static const char *const texts[] = { "", "a } b { c }}",
		"<!DOCTYPE html>\n<html lang=en><!-- a - b -- c --><br/><hr />",
		"<script>if (a<b && c) { d('</b>'); }</script >",
		"<style>@media (x) { a > b { c: url(d) } }</style>",
		"<title>&lt;</title><textarea\n></textarea>",
		"<a href=/x?y#w CLASS = \"x\" hidden>x</a><p\n>" };

	(void)state;
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_string_equal(of_json(texts[i], "{}"), texts[i]);
}

static void
sizes_are_bounded(void **state)
{
	static char text[TEMPLATE_SIZE_MAX + 2];
	struct template_values v = { .creative = slice_text("\x80") };
	struct template *t;
	struct build b;
	size_t n = 0;

	(void)state;
	memset(text, 'a', TEMPLATE_SIZE_MAX + 1);
	t = template_new(slice_of(text, TEMPLATE_SIZE_MAX + 1), &error);
	assert_null(t);
	assert_string_equal(error.text, "it has more than 65536 bytes");
	/* One byte more than a banner may have. */
	t = template_new(slice_of(text, TEMPLATE_SIZE_MAX), &error);
	assert_non_null(t);
	build_init(&b, room, sizeof room);
	build_byte(&b, 7);
	assert_false(template_render(t, &v, &b));
	assert_int_equal(build_slice(&b).size, 1);
	assert_false(build_full(&b));
	template_free(t);
	/* All sizes of a header, and of the room that is left. */
	for (size_t size = 0; size < 300; size++) {
		t = template_new(slice_of(text, size), &error);
		assert_non_null(t);
		for (size_t left = size; left < size + 10; left++) {
			build_init(&b, room, left);
			if (template_render(t, &v, &b))
				assert_int_equal(
				    value_size(room), build_slice(&b).size);
			else
				assert_true(left < size + 5 && !build_full(&b) &&
				    build_slice(&b).size == 0);
		}
		template_free(t);
	}
	while (n + 5 < sizeof text)
		n += (size_t)sprintf(text + n, "{{v}}");
	assert_null(template_new(slice_of(text, n), &error));
	assert_non_null(strstr(error.text, "too many values"));
	n = 0;
	for (unsigned i = 0; i <= TEMPLATE_NAMES_MAX; i++)
		n += (size_t)sprintf(text + n, "{{v%u}}", i);
	assert_null(template_new(slice_of(text, n), &error));
	assert_non_null(strstr(error.text, "too many different names"));
	for (n = 0; n < 9 * 9;)
		n += (size_t)sprintf(text + n, "{{#if v}}");
	assert_null(template_new(slice_of(text, n), &error));
	assert_non_null(strstr(error.text, "too many conditions"));
}

static void
the_template_that_is_built_in_shows_what_there_is(void **state)
{
	struct template_values v = { .creative =
					 json_record("{\"parts\":{\"headline\":"
						     "\"A&B\",\"colour\":\"red\"}}"),
		.click_url = slice_text("/c?a&b"),
		.impression_url = slice_text("/i") };

	(void)state;
	assert_string_equal(rendered(template_built_in, &v),
	    "<div class=\"banner\" style=\"background-color:red\" >\n"
	    "<a href=\"/c?a&amp;b\">\n\n<span "
	    "class=\"headline\">A&amp;B</span>\n\n</a>\n"
	    "<img src=\"/i\" width=\"1\" height=\"1\" alt=\"\">\n</div>\n");
	v = (struct template_values){ .creative = slice_text("\x80") };
	assert_string_equal(rendered(template_built_in, &v),
	    "<div class=\"banner\" >\n\n\n\n\n\n\n</div>\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays_text),
		cmocka_unit_test(a_url_leads_to_the_web_or_nowhere),
		cmocka_unit_test(a_style_takes_words_numbers_and_colours),
		cmocka_unit_test(a_name_is_an_own_one_then_a_part_then_a_key),
		cmocka_unit_test(conditions_choose_between_branches),
		cmocka_unit_test(what_cannot_be_made_safe_is_no_template),
		cmocka_unit_test(static_html_passes_as_it_is),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(the_template_that_is_built_in_shows_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
