/*
 * base64.c
 *		Base64 (RFC 4648, section 4) as others write it.
 *
 * By tables: what is read are the messages and shares of files, which came as text through the
 * parsers of many. Keys are read by hex_base64.c.
 */
#include "codec/base64.h"

#include <limits.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NO_DIGIT (UINT32_C(1) << 24)

/* What every character is worth in each place of a group of four. */
static uint32_t values[4][UCHAR_MAX + 1];

__attribute__((constructor)) static void
make_values(void)
{
	for (int place = 0; place < 4; place++)
	{
		for (int c = 0; c <= UCHAR_MAX; c++)
			values[place][c] = NO_DIGIT;
		for (uint32_t i = 0; i < 64; i++)
			values[place][(unsigned char) alphabet[i]] = i << (18 - 6 * place);
	}
}

/* The next group if it is four digits without a blank; NO_DIGIT and above otherwise. */
static inline uint32_t
read_group(const unsigned char *text)
{
	return values[0][text[0]] | values[1][text[1]] | values[2][text[2]] | values[3][text[3]];
}

static inline uint8_t *
write_group(uint32_t group, uint8_t *out)
{
	*out++ = (uint8_t) (group >> 16);
	*out++ = (uint8_t) (group >> 8);
	*out++ = (uint8_t) group;
	return out;
}

bool
prio_decode_base64(const char *text, size_t length, uint8_t *out, size_t *size)
{
	const unsigned char *next = (const unsigned char *) text;
	const unsigned char *end = next + length;
	uint8_t *start = out;
	uint32_t group = 0;
	int digits = 0; /* in the group */
	int padding = 0;

	while (next < end)
	{
		unsigned char c;

		if (digits == 0 && padding == 0)
			for (uint32_t whole; end - next >= 4 && (whole = read_group(next)) < NO_DIGIT;
				 next += 4)
				out = write_group(whole, out);
		if (next == end)
			break;
		c = *next++;
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if (c == '=' && padding < 2)
			padding++;
		else if (values[3][c] == NO_DIGIT || padding > 0)
			return false;
		else
		{
			group = group << 6 | values[3][c];
			if (++digits == 4)
			{
				out = write_group(group, out);
				group = 0;
				digits = 0;
			}
		}
	}

	/* The rest: two digits are a byte, three are two; nobody looks at bits left over. */
	if (digits == 1 || padding != (4 - digits) % 4)
		return false;
	group <<= 6 * padding;
	if (padding > 0)
		*out++ = (uint8_t) (group >> 16);
	if (padding == 1)
		*out++ = (uint8_t) (group >> 8);
	*size = (size_t) (out - start);
	return true;
}
