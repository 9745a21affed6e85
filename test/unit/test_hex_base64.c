/*
 * test_hex_base64.c
 *		Hexadecimal and base64, and keys in them.
 */
#include "harness.h"

#include "codec/hex_base64.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Every character in every place of a text with this many bytes; only valid ones may pass. */
static void
check_characters(bool (*parse)(const char *, size_t, uint8_t *, size_t),
				 const char *valid_text, size_t digits, const char *valid, size_t size)
{
	size_t length = strlen(valid_text);
	char text[100];
	uint8_t out[PRIO_KEY_BYTES];

	for (size_t place = 0; place < length; place++)
		for (int c = 0; c < 256; c++)
		{
			bool expected =
				place < digits ? c != 0 && strchr(valid, c) != NULL : c == valid_text[place];

			memcpy(text, valid_text, length);
			text[place] = (char) c;
			if (parse(text, length, out, size) != expected)
				fail_msg("character %d in place %zu", c, place);
		}
	for (size_t other = 0; other < 2 * length; other++)
	{
		memset(text, valid_text[0], sizeof(text));
		memcpy(text, valid_text, length);
		assert_true(parse(text, other, out, size) == (other == length));
	}
}

static void
hexadecimal_is_two_digits_a_byte(void **state)
{
	uint8_t out[3];

	(void) state;
	assert_true(prio_parse_hex("00fFa9", 6, out, 3));
	assert_memory_equal(out, "\x00\xff\xa9", 3);
	for (int i = 0; i < 256; i++)
	{
		char digits[3];

		snprintf(digits, sizeof(digits), i % 3 == 0 ? "%02X" : "%02x", (unsigned int) i);
		assert_true(prio_parse_hex(digits, 2, out, 1));
		assert_int_equal(out[0], i);
	}
	assert_true(prio_parse_hex("", 0, out, 0));
}

static void
nothing_else_is_hexadecimal(void **state)
{
	(void) state;
	check_characters(prio_parse_hex, "5a6f60120c0ff365d345383de50436f5", 32,
					 "0123456789abcdefABCDEF", PRIO1_SEED_BYTES);
}

/* By the definition, from bits, for every length of a padding. */
static void
base64_is_six_bits_a_character(void **state)
{
	(void) state;
	for (size_t size = 1; size <= 33; size++)
		for (int round = 0; round < 20; round++)
		{
			Bytes bytes = random_bytes(size);
			size_t length = PRIO_BASE64_LENGTH(size);
			char text[64];
			char written[64];
			uint8_t out[33];

			memset(text, '=', sizeof(text));
			for (size_t i = 0; 6 * i < 8 * size; i++)
			{
				int value = 0;

				for (size_t bit = 6 * i; bit < 6 * i + 6; bit++)
					value = 2 * value +
						(bit < 8 * size ? bytes.data[bit / 8] >> (7 - bit % 8) & 1 : 0);
				text[i] = base64_digits[value];
			}
			assert_true(prio_parse_base64(text, length, out, size));
			assert_memory_equal(out, bytes.data, size);
			memset(written, '!', sizeof(written));
			prio_write_base64(bytes.data, size, written);
			assert_memory_equal(written, text, length);
			assert_memory_equal(written + length, "\0!", 2);
			free(bytes.data);
		}
}

/* Every digit in every place, and every byte. */
static void
all_values_are_written(void **state)
{
	char text[5];

	(void) state;
	for (uint8_t digit = 0; digit < 64; digit++)
		for (int place = 0; place < 4; place++)
		{
			uint32_t group = (uint32_t) digit << (6 * place);
			uint8_t bytes[3] = {(uint8_t) (group >> 16), (uint8_t) (group >> 8),
								(uint8_t) group};

			prio_write_base64(bytes, 3, text);
			for (int i = 0; i < 4; i++)
				assert_int_equal(text[3 - i], i == place ? base64_digits[digit] : 'A');
		}
	for (int i = 0; i < 256; i++)
	{
		uint8_t byte = (uint8_t) i;
		char expected[3];

		prio_write_hex(&byte, 1, text);
		snprintf(expected, sizeof(expected), "%02X", (unsigned int) i);
		assert_string_equal(text, expected);
	}
	prio_write_hex((const uint8_t *) "\x01\xaf\xff", 2, text);
	assert_string_equal(text, "01AF");
	prio_write_hex(NULL, 0, text);
	assert_string_equal(text, "");
	prio_write_base64(NULL, 0, text);
	assert_string_equal(text, "");
}

static void
nothing_else_is_base64(void **state)
{
	(void) state;
	check_characters(prio_parse_base64, "kSlLpMezXN2y1yf+XQgOEg==", 22, base64_digits,
					 PRIO1_SEED_BYTES);
	check_characters(prio_parse_base64, "kSlLpMezXN2y1yf+XQgOEgH=", 23, base64_digits, 17);
	check_characters(prio_parse_base64, "kSlLpMezXN2y1yf+XQgOEgHi", 24, base64_digits, 18);
}

static void
white_space_at_the_end_does_not_count(void **state)
{
	(void) state;
	assert_int_equal(prio_trimmed_length("", 0), 0);
	assert_int_equal(prio_trimmed_length(" \t\n\v\f\r", 6), 0);
	assert_int_equal(prio_trimmed_length(" a b\r\n", 6), 4);
	for (int c = 0; c < 256; c++)
	{
		char text[2] = {'a', (char) c};
		bool white = c != 0 && strchr(" \t\n\v\f\r", c) != NULL;

		assert_int_equal(prio_trimmed_length(text, 2), white ? 1 : 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hexadecimal_is_two_digits_a_byte),
		cmocka_unit_test(nothing_else_is_hexadecimal),
		cmocka_unit_test(base64_is_six_bits_a_character),
		cmocka_unit_test(nothing_else_is_base64),
		cmocka_unit_test(all_values_are_written),
		cmocka_unit_test(white_space_at_the_end_does_not_count),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
