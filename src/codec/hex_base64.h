/*
 * hex_base64.h
 *		Keys in writing, read without a branch or an index on what is written.
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

/* The length of a text without the white space at its end. */
extern size_t prio_trimmed_length(const char *text, size_t length);

#endif /* PRIO_CODEC_HEX_BASE64_H */
