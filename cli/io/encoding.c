/*
 * encoding.c
 *		Base64 (RFC 4648, section 4) and UUIDs (RFC 4122, section 4.4).
 */
#include "io/encoding.h"

#include "codec/hex_base64.h"
#include "crypto/crypto.h"
#include "exit.h"

#include <limits.h>
#include <string.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define NO_DIGIT 64

/* The value of every character. A table: what is read with it are messages, no secrets. */
static const uint8_t *
base64_values(void)
{
	static uint8_t values[UCHAR_MAX + 1];

	if (values[0] == 0)
	{
		memset(values, NO_DIGIT, sizeof(values));
		for (uint8_t i = 0; i < NO_DIGIT; i++)
			values[(unsigned char) alphabet[i]] = i;
	}
	return values;
}

bool
base64_decode(const char *text, size_t length, uint8_t *out, size_t *size)
{
	const uint8_t *values = base64_values();
	uint8_t *next = out;
	uint32_t group = 0;
	int digits = 0; /* in the group */
	int padding = 0;

	for (size_t i = 0; i < length; i++)
	{
		uint8_t value = values[(unsigned char) text[i]];

		if (text[i] == '\n' || text[i] == '\r')
			continue;
		if (text[i] == '=' && padding < 2)
		{
			padding++;
			continue;
		}
		if (value == NO_DIGIT || padding > 0)
			return false;
		group = group << 6 | value;
		if (++digits == 4)
		{
			*next++ = (uint8_t) (group >> 16);
			*next++ = (uint8_t) (group >> 8);
			*next++ = (uint8_t) group;
			group = 0;
			digits = 0;
		}
	}

	/* The rest: two digits are a byte, three are two, and bits left over are zero. */
	if (digits == 1 || padding != (4 - digits) % 4)
		return false;
	group <<= 6 * padding;
	if ((group & (padding == 2 ? 0xffff : 0xff)) != 0)
		return false;
	if (padding > 0)
		*next++ = (uint8_t) (group >> 16);
	if (padding == 1)
		*next++ = (uint8_t) (group >> 8);
	*size = (size_t) (next - out);
	return true;
}

void
uuid_write(const uint8_t bytes[UUID_BYTES], char out[UUID_CHARS + 1])
{
	char digits[2 * UUID_BYTES + 1];
	size_t from = 0;

	prio_write_hex(bytes, UUID_BYTES, digits);
	for (size_t i = 0; i < UUID_CHARS; i++)
	{
		char c = '-';

		if (i != 8 && i != 13 && i != 18 && i != 23)
			c = digits[from++];
		out[i] = (char) (c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
	}
	out[UUID_CHARS] = '\0';
}

void
uuid_make(char out[UUID_CHARS + 1])
{
	uint8_t bytes[UUID_BYTES];

	check_machine(prio_random(bytes, sizeof(bytes)));
	bytes[6] = (uint8_t) ((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t) ((bytes[8] & 0x3f) | 0x80);
	uuid_write(bytes, out);
}
