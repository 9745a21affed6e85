/*
 * json_tree.c
 *		The same members in jansson's tree.
 */
#include "json_tree.h"

#include "harness.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* A string is what the tree has, and comes back when it is written and read again. */
static void
check_string(const PrioJsonMember *member, const json_t *expected)
{
	size_t size = json_string_length(expected);
	char *plain = malloc(member->size + 1);
	char *written = malloc(PRIO_JSON_ESCAPED_SIZE(size));
	size_t plain_size = 0;
	bool taken = prio_json_unescape(member->text, member->size, plain, &plain_size);

	/* jansson was told to take null characters. */
	assert_true(taken == (memchr(json_string_value(expected), '\0', size) == NULL));
	if (taken)
	{
		size_t written_size;
		json_t *again;

		assert_int_equal(plain_size, size);
		assert_memory_equal(plain, json_string_value(expected), size);
		assert_true(member->has_escapes || member->size == size);
		written_size = prio_json_escape(plain, plain_size, written);
		assert_true(written_size <= PRIO_JSON_ESCAPED_SIZE(size));
		for (size_t i = 0; i < written_size; i++)
			assert_in_range(written[i], ' ', '~');
		again = json_loadb(written, written_size, JSON_DECODE_ANY, NULL);
		assert_true(json_equal(again, expected));
		json_decref(again);
	}
	free(plain);
	free(written);
}

static void
check_member(const PrioJsonMember *member, const json_t *expected)
{
	json_t *alone;

	if (expected == NULL)
	{
		assert_int_equal(member->kind, PRIO_JSON_NONE);
		return;
	}
	assert_int_equal(member->kind,
					 json_is_string(expected)      ? PRIO_JSON_STRING :
						 json_is_integer(expected) ? PRIO_JSON_INTEGER :
													 PRIO_JSON_OTHER);
	if (member->kind == PRIO_JSON_STRING)
	{
		check_string(member, expected);
		return;
	}
	alone = json_loadb(member->text, member->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_true(json_equal(alone, expected));
	json_decref(alone);
}

/* Is this about values, and not about syntax? */
static bool
is_about_values(const json_error_t *error)
{
	switch (json_error_code(error))
	{
		case json_error_numeric_overflow:
		case json_error_duplicate_key:
		case json_error_null_byte_in_key:
		case json_error_stack_overflow:
			return true;
		default:
			return strstr(error->text, "invalid Unicode '\\u") != NULL;
	}
}

bool
check_against_tree(const char *text, size_t size)
{
	PrioJsonMember members[] = {{.name = "id"}, {.name = "payload"}};
	char *block = malloc(size + 1);
	json_error_t error;
	json_t *tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	bool taken;

	/* malloc() would round the size of an empty block up. */
	memcpy(block + 1, text, size);
	taken = prio_json_members(block + 1, size, members, 2);
	/* jansson loses a null byte behind a number or a word. */
	if (memchr(text, '\0', size) != NULL)
		assert_false(taken);
	else if (tree != NULL || !is_about_values(&error))
		if (taken != json_is_object(tree))
			fail_msg("%.*s: the scanner says %s, the tree %s", (int) size, text,
					 taken ? "yes" : "no", tree == NULL ? error.text : "yes");
	if (taken && tree != NULL)
		for (int i = 0; i < 2; i++)
			check_member(&members[i], json_object_get(tree, members[i].name));
	json_decref(tree);
	free(block);
	return taken;
}
