/*
 * base64.h
 *		Base64 as others write it, of any length.
 */
#ifndef PRIO_CODEC_BASE64_H
#define PRIO_CODEC_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes at most for so many characters of base64. */
static inline size_t
prio_base64_max_size(size_t length)
{
	return length / 4 * 3;
}

/*
 * As PostgreSQL's decode() reads it: blanks and line breaks may stand anywhere, and what bits are
 * left over does not matter. Padding must be there, and nothing but the alphabet may be. out has
 * room for prio_base64_max_size(length) bytes.
 */
extern bool prio_decode_base64(const char *text, size_t length, uint8_t *out, size_t *size);

#endif /* PRIO_CODEC_BASE64_H */
