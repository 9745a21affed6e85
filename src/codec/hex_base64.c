/*
 * hex_base64.c
 *		Hexadecimal and base64, and keys in them.
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

	if (length != PRIO_BASE64_LENGTH(size))
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

/* The digit of a value below 16. */
static inline char
hex_digit(uint32_t value)
{
	return (char) ('0' + value + only_if(between(value, 10, 15), 'A' - '0' - 10));
}

void
prio_write_hex(const uint8_t *bytes, size_t size, char *out)
{
	for (size_t i = 0; i < size; i++)
	{
		*out++ = hex_digit(bytes[i] >> 4);
		*out++ = hex_digit(bytes[i] & 15);
	}
	*out = '\0';
}

#define FOUR_TIMES(byte) (UINT32_C(0x01010101) * (byte))

/* 1 in every byte of four that is >= limit, else 0; all of them are below 64. */
static inline uint32_t
each_at_least(uint32_t four, uint32_t limit)
{
	return (four + FOUR_TIMES(128 - limit)) >> 7 & FOUR_TIMES(1);
}

/*
 * The four characters of three bytes: of all four at once, each in a byte of a word. Where a
 * range of the alphabet ends, the distance from value to character changes. What a byte borrows
 * from the next one on the way is given back, since all are characters in the end.
 */
static inline void
write_group(uint32_t a, uint32_t b, uint32_t c, char *out)
{
	uint32_t group = a << 16 | b << 8 | c;
	uint32_t four =
		(group >> 18) << 24 | (group >> 12 & 63) << 16 | (group >> 6 & 63) << 8 | (group & 63);
	uint32_t text = four + FOUR_TIMES('A') + each_at_least(four, 26) * ('a' - 26 - 'A') -
		each_at_least(four, 52) * ('a' - 26 - ('0' - 52)) -
		each_at_least(four, 62) * ('0' - 52 - ('+' - 62)) +
		each_at_least(four, 63) * ('/' - 63 - ('+' - 62));

	for (int i = 0; i < 4; i++)
		out[i] = (char) (text >> (24 - 8 * i));
}

void
prio_write_base64(const uint8_t *bytes, size_t size, char *out)
{
	for (; size >= 3; size -= 3, bytes += 3, out += 4)
		write_group(bytes[0], bytes[1], bytes[2], out);
	if (size > 0)
	{
		write_group(bytes[0], size == 2 ? bytes[1] : 0, 0, out);
		if (size == 1)
			out[2] = '=';
		out[3] = '=';
		out += 4;
	}
	*out = '\0';
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
