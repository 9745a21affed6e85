/*
 * hex_base64.h
 *		Hexadecimal and base64 (RFC 4648, section 4), read and written without a branch or an
 *		index on what is written: it may be a key.
 */
#ifndef PRIO_CODEC_HEX_BASE64_H
#define PRIO_CODEC_HEX_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Are these exactly 2 size hexadecimal digits, of either case? Then out has their bytes. */
extern bool prio_parse_hex(const char *text, size_t length, uint8_t *out, size_t size);

/* Is this the base64 of size bytes, with its padding? Then out has them. */
extern bool prio_parse_base64(const char *text, size_t length, uint8_t *out, size_t size);

/* Writes 2 size hexadecimal digits in upper case, and a zero byte. */
extern void prio_write_hex(const uint8_t *bytes, size_t size, char *out);

/* Characters of base64 for size bytes. */
#define PRIO_BASE64_LENGTH(size) (((size) + 2) / 3 * 4)

/* Writes PRIO_BASE64_LENGTH(size) characters, with padding, and a zero byte. */
extern void prio_write_base64(const uint8_t *bytes, size_t size, char *out);

/* The length of a text without the white space at its end. */
extern size_t prio_trimmed_length(const char *text, size_t length);

#endif /* PRIO_CODEC_HEX_BASE64_H */
