/*
 * hex_base64.c
 *		Keys in writing.
 *
 * isxdigit() and its like look a character up in a table, and so does everybody's base64:
 * which lines of the cache that touches tells something about a key. Here it is arithmetic.
 */
#include "codec/hex_base64.h"

#include "base/secret.h"

/* 1 if first <= c <= last, else 0; all of them are characters. */
static inline uint32_t
between(uint32_t c, uint32_t first, uint32_t last)
{
	return 1 - (((c - first) | (last - c)) >> 31);
}

/* value if condition is 1, zero if it is 0. */
static inline uint32_t
only_if(uint32_t condition, uint32_t value)
{
	return value & (0 - condition);
}

bool
prio_parse_hex(const char *text, size_t length, uint8_t *out, size_t size)
{
	uint32_t all_valid = 1;

	if (length != 2 * size)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		uint32_t c = (unsigned char) text[i];
		uint32_t digit = between(c, '0', '9');
		uint32_t letter = between(c | 0x20, 'a', 'f'); /* 0x20 makes it lower case */
		uint32_t value = only_if(digit, c - '0') | only_if(letter, (c | 0x20) - 'a' + 10);

		all_valid &= digit | letter;
		out[i / 2] = (uint8_t) (i % 2 == 0 ? value << 4 : out[i / 2] | value);
	}
	return prio_declassify(all_valid);
}

bool
prio_parse_base64(const char *text, size_t length, uint8_t *out, size_t size)
{
	size_t digits = (8 * size + 5) / 6;
	uint32_t all_valid = 1;
	uint32_t bits = 0; /* the low ones that are not in out yet */
	int count = 0;

	if (length != (size + 2) / 3 * 4)
		return false;
	for (size_t i = 0; i < digits; i++)
	{
		uint32_t c = (unsigned char) text[i];
		uint32_t upper = between(c, 'A', 'Z');
		uint32_t lower = between(c, 'a', 'z');
		uint32_t digit = between(c, '0', '9');
		uint32_t plus = between(c, '+', '+');
		uint32_t slash = between(c, '/', '/');

		all_valid &= upper | lower | digit | plus | slash;
		bits = bits << 6 | only_if(upper, c - 'A') | only_if(lower, c - 'a' + 26) |
			only_if(digit, c - '0' + 52) | only_if(plus, 62) | only_if(slash, 63);
		count += 6;
		if (count >= 8)
		{
			count -= 8;
			*out++ = (uint8_t) (bits >> count);
		}
	}
	for (size_t i = digits; i < length; i++)
		all_valid &= between((unsigned char) text[i], '=', '=');
	return prio_declassify(all_valid);
}

size_t
prio_trimmed_length(const char *text, size_t length)
{
	while (length > 0)
	{
		uint32_t c = (unsigned char) text[length - 1];

		/* Tab, line feed, vertical tab, form feed and carriage return are one range. */
		if (!prio_declassify(between(c, ' ', ' ') | between(c, '\t', '\r')))
			break;
		length--;
	}
	return length;
}
