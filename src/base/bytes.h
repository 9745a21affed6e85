/*
 * bytes.h
 *		Words in memory, little endian whatever the machine is.
 */
#ifndef PRIO_BASE_BYTES_H
#define PRIO_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint64_t
prio_load_le64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline void
prio_store_le64(uint8_t *bytes, uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(bytes, &word, sizeof(word));
}

#endif /* PRIO_BASE_BYTES_H */
