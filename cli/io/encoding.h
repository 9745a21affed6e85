/*
 * encoding.h
 *		Bytes in writing: hexadecimal, base64, and UUIDs. Secrets are read by text.h.
 */
#ifndef PRIO_CLI_ENCODING_H
#define PRIO_CLI_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_CHARS 36

/* 2 * size digits in upper case, and a zero byte. */
extern void hex_encode(const uint8_t *bytes, size_t size, char *out);

/* Characters of base64 for size bytes, and bytes at most for so many characters. */
static inline size_t
base64_length(size_t size)
{
	return (size + 2) / 3 * 4;
}

static inline size_t
base64_max_size(size_t length)
{
	return length / 4 * 3;
}

/* base64_length(size) characters with padding, and a zero byte. */
extern void base64_encode(const uint8_t *bytes, size_t size, char *out);

/*
 * Line breaks may stand anywhere, as in what PostgreSQL's encode() writes. Apart from that
 * it is strict: padding is there, nothing but the alphabet is, and no bit is left over. out
 * has room for base64_max_size(length) bytes.
 */
extern bool base64_decode(const char *text, size_t length, uint8_t *out, size_t *size);

/* A random UUID (version 4) in lower case, and a zero byte. */
extern void uuid_make(char out[UUID_CHARS + 1]);

#endif /* PRIO_CLI_ENCODING_H */
