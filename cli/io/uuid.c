/*
 * uuid.c
 *		UUIDs (RFC 4122, section 4.4).
 */
#include "io/uuid.h"

#include "codec/hex_base64.h"
#include "crypto/crypto.h"
#include "exit.h"

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
