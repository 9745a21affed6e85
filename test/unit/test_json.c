/*
 * test_json.c
 *		Members of JSON objects, and strings.
 */
#include "harness.h"

#include "json_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text in a literal, which may hold null bytes. */
#define TEXT(literal) \
	{ \
		(literal), sizeof(literal) - 1 \
	}

typedef struct Text
{
	const char *text;
	size_t size;
} Text;

/* ------------------------------------------------------------------ against a tree */

static const Text lines[] = {
	TEXT("{\"id\": \"a\", \"payload\": \"AAAA\"}"),
	TEXT(" \t{ \"payload\" : \"\\/\\u002b\\n\" , \"id\" :17 }\r"),
	TEXT("{\"id\":-0,\"x\":[1,-2.5e+3,{\"y\":[true,false,null,[],{}]}],\"payload\":{\"id\":1}}"),
	TEXT("{\"\\u0069d\":\"\\ud83d\\ude00\\\\\\\"\\b\\f\\r\\t\xc3\xa4\",\"p\\u0061yload\":0.5}"),
	TEXT("{\"id\": \"\xf4\x8f\xbf\xbf\xef\xbf\xbf\xe0\xa0\x80\xed\x9f\xbf\", \"idx\": 1, \"i\": 2}"),
	TEXT("{}"),
	TEXT("[1, {\"id\": 2}]"),
	TEXT("\"id\""),
	TEXT("{\"id\": \"a\\u0000b\", \"payload\": \"\x7f\"}"),
};

static void
lines_are_what_a_tree_makes_of_them(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		check_against_tree(lines[i].text, lines[i].size);
}

static void
so_are_their_beginnings(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t size = 0; size < lines[i].size; size++)
			check_against_tree(lines[i].text, size);
}

/* Every byte in every place. */
static void
so_are_lines_in_which_something_is_wrong(void **state)
{
	char text[128];

	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t place = 0; place < lines[i].size; place++)
			for (int c = 0; c < 256; c++)
			{
				assert_true(lines[i].size <= sizeof(text));
				memcpy(text, lines[i].text, lines[i].size);
				text[place] = (char) c;
				check_against_tree(text, lines[i].size);
			}
}

/* A long string is passed over eight bytes at a time. */
static void
nothing_hides_in_a_long_string(void **state)
{
	char text[100];

	(void) state;
	memset(text, 'A', sizeof(text));
	memcpy(text, "{\"id\":\"", 7);
	memcpy(text + sizeof(text) - 2, "\"}", 2);
	for (size_t place = 7; place < sizeof(text) - 2; place++)
		for (int c = 0; c < 256; c++)
		{
			char kept = text[place];

			text[place] = (char) c;
			check_against_tree(text, sizeof(text));
			text[place] = kept;
		}
}

/* ------------------------------------------------------------------ what a tree cannot */

static void
what_nobody_needs_is_not_judged(void **state)
{
	static const char *const members[] = {
		"14695981039346656037",
		"1e400",
		"-1e-400",
		"\"\\u0000\"",
		"\"\\ud800\"",
		"\"\\udc00\\ud800\"",
		"1, \"x\": 2",
		"[[{\"id\": 1, \"id\": 2}, \"payload\"]]",
		"1, \"\\u0000\": 1, \"\\ud800\": 1",
		"1, \"\\ud800id\": 1, \"id\\u0000\": 1",
	};
	PrioJsonMember found[] = {{.name = "id"}, {.name = "payload"}};
	char text[256];

	(void) state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
	{
		int size = snprintf(text, sizeof(text),
							"{\"id\": 12, \"x\": %s, \"payload\": \"abc\"}", members[i]);

		assert_true(prio_json_members(text, (size_t) size, found, 2));
		assert_int_equal(found[0].kind, PRIO_JSON_INTEGER);
		assert_int_equal(found[0].size, 2);
		assert_memory_equal(found[0].text, "12", 2);
		assert_int_equal(found[1].kind, PRIO_JSON_STRING);
		assert_int_equal(found[1].size, 3);
		assert_memory_equal(found[1].text, "abc", 3);
	}
}

static void
what_is_needed_may_be_there_once(void **state)
{
	static const char *const texts[] = {
		"{\"id\": 1, \"id\": 1}",
		"{\"id\": 1, \"\\u0069d\": null}",
		"{\"payload\": {}, \"x\": 0, \"payload\": {}}",
	};
	PrioJsonMember found[] = {{.name = "id"}, {.name = "payload"}};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(prio_json_members(texts[i], strlen(texts[i]), found, 2));
}

static void
integers_are_of_any_size(void **state)
{
	static const char text[] = "{\"id\": -123456789012345678901234567890, \"payload\": 1E0}";
	PrioJsonMember found[] = {{.name = "id"}, {.name = "payload"}};

	(void) state;
	assert_true(prio_json_members(text, sizeof(text) - 1, found, 2));
	assert_int_equal(found[0].kind, PRIO_JSON_INTEGER);
	assert_int_equal(found[0].size, 31);
	assert_memory_equal(found[0].text, "-123456789012345678901234567890", 31);
	assert_int_equal(found[1].kind, PRIO_JSON_OTHER);
}

/* So many brackets, and what they are in; half of them are objects. */
static bool
takes_depth(size_t depth)
{
	PrioJsonMember found = {.name = "id"};
	char *text = malloc(16 + 6 * depth);
	char *next = text + sprintf(text, "{\"x\": ");
	bool taken;

	for (size_t i = 1; i < depth; i++)
		next += sprintf(next, i % 2 == 0 ? "{\"\":" : "[");
	*next++ = '0';
	for (size_t i = depth - 1; i > 0; i--)
		*next++ = i % 2 == 0 ? '}' : ']';
	next += sprintf(next, ", \"id\": 1}");
	taken = prio_json_members(text, (size_t) (next - text), &found, 1);
	assert_true(!taken || found.kind == PRIO_JSON_INTEGER);
	free(text);
	return taken;
}

static void
depth_has_an_end(void **state)
{
	(void) state;
	for (size_t depth = 1; depth < 40; depth++)
		assert_true(takes_depth(depth));
	assert_true(takes_depth(PRIO_JSON_MAX_DEPTH));
	assert_false(takes_depth(PRIO_JSON_MAX_DEPTH + 1));
	assert_false(takes_depth(100000));
}

/* ------------------------------------------------------------------ strings */

static void
no_text_has_null_characters_and_half_pairs(void **state)
{
	static const char *const texts[] = {"\\u0000",        "\\ud800",         "\\udbff\\u0041",
										"\\udfff",        "\\ud800\\n",      "\\ud800\\ud800",
										"\\udc00\\udc00", "\\ud83d\\\\ude00"};
	char out[32];
	size_t size;

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(prio_json_unescape(texts[i], strlen(texts[i]), out, &size));
}

/* As Python's json.dumps() has it. */
static void
strings_are_written_in_ascii(void **state)
{
	static const char text[] =
		"a/\"\\\b\f\n\r\t\x01\x1f\x7f\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
	static const char expected[] =
		"\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u00e4\\u20ac\\ud83d\\ude00\"";
	char out[PRIO_JSON_ESCAPED_SIZE(sizeof(text))];

	(void) state;
	assert_int_equal(prio_json_escape(text, sizeof(text) - 1, out), sizeof(expected) - 1);
	assert_memory_equal(out, expected, sizeof(expected) - 1);
	assert_int_equal(prio_json_escape("", 0, out), 2);
	assert_memory_equal(out, "\"\"", 2);
}

static void
a_string_may_be_read_where_it_stands(void **state)
{
	char text[] = "\\u00e4\\ud83d\\ude00\\/x";
	size_t size;

	(void) state;
	assert_true(prio_json_unescape(text, sizeof(text) - 1, text, &size));
	assert_int_equal(size, 8);
	assert_memory_equal(text, "\xc3\xa4\xf0\x9f\x98\x80/x", 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_what_a_tree_makes_of_them),
		cmocka_unit_test(so_are_their_beginnings),
		cmocka_unit_test(so_are_lines_in_which_something_is_wrong),
		cmocka_unit_test(nothing_hides_in_a_long_string),
		cmocka_unit_test(what_nobody_needs_is_not_judged),
		cmocka_unit_test(what_is_needed_may_be_there_once),
		cmocka_unit_test(integers_are_of_any_size),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(no_text_has_null_characters_and_half_pairs),
		cmocka_unit_test(strings_are_written_in_ascii),
		cmocka_unit_test(a_string_may_be_read_where_it_stands),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
