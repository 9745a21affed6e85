/*
 * encoding.h
 *		Base64 as others write it, and UUIDs. What may be a secret is read and written by
 *		codec/hex_base64.h.
 */
#ifndef PRIO_CLI_ENCODING_H
#define PRIO_CLI_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_CHARS 36
#define UUID_BYTES 16

/* Bytes at most for so many characters of base64. */
static inline size_t
base64_max_size(size_t length)
{
	return length / 4 * 3;
}

/*
 * As PostgreSQL's decode() reads it: blanks and line breaks may stand anywhere, and what bits are
 * left over does not matter. Padding must be there, and nothing but the alphabet may be. out has
 * room for base64_max_size(length) bytes.
 */
extern bool base64_decode(const char *text, size_t length, uint8_t *out, size_t *size);

/* A UUID in lower case, and a zero byte: of these bytes, or a random one (version 4). */
extern void uuid_write(const uint8_t bytes[UUID_BYTES], char out[UUID_CHARS + 1]);
extern void uuid_make(char out[UUID_CHARS + 1]);

#endif /* PRIO_CLI_ENCODING_H */
