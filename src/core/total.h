/*
 * total.h
 *		Sums of shares, and what is published (PROTOCOL.md, "Totals").
 */
#ifndef PRIO_TOTAL_H
#define PRIO_TOTAL_H

#include "verifier.h"

#define TOTAL_MAX_BITS 42 /* of an unsigned integer */

/*
 * A sum of vectors of n elements. Between two normalisations the limbs of an element grow
 * beyond 44 bits: with `pending` vectors added they are below 2^44 (pending + 1).
 */
typedef struct Total
{
	PrioRole role;
	size_t n;
	uint32_t pending;
	FieldElement *sums; /* n elements, the caller's memory */
} Total;

/* A sum of nothing. memory has room for n elements and lives as long as the total. */
extern void total_init(Total *total, PrioRole role, size_t n, FieldElement *memory);

/*
 * Adds the data shares of one packet. For A share is the sealed packet of size bytes, and
 * plaintext scratch memory of size bytes; it is wiped. For B share may be NULL, and
 * plaintext is not used.
 *
 * PRIO_MISMATCH when role or n differ, when the verifier was stored without its key, or
 * when share is not the packet that the verifier was made from; the total is then spoilt.
 */
extern PrioStatus total_add_share(Total *total, const Verifier *verifier, const uint8_t *share,
								  size_t size, uint8_t *plaintext);

/* total += other; PRIO_MISMATCH when role or n differ. */
extern PrioStatus total_merge(Total *total, Total *other);

/* Writes the message, at most total_max_message(n) bytes; returns its size. */
extern size_t total_max_message(size_t n);
extern size_t total_write(Total *total, uint8_t *out);

/*
 * Reads the head of a message: role and n, 1 <= n <= PRIO_MAX_DATA. The caller then
 * makes room, and adds the vector to a total with total_add_message(), which spoils the
 * total when it fails.
 */
extern PrioStatus total_read_head(PacketReader *reader, PrioRole *role, size_t *n);
extern PrioStatus total_add_message(Total *total, PacketReader *reader);

/*
 * The total of integers of `bits` bits: entry j = sum of 2^(bits - 1 - i) times entry
 * bits j + i. memory has room for total->n / bits elements. PRIO_MISMATCH when bits does
 * not divide n. 1 <= bits <= TOTAL_MAX_BITS.
 */
extern PrioStatus total_to_uints(Total *total, int bits, Total *uints, FieldElement *memory);

/*
 * The published counts, a->n of them, from the totals of both servers (in any order).
 * PRIO_MISMATCH for two of one role or different lengths; PRIO_OVERFLOW, and the entry
 * in *where, when one does not fit 63 bits.
 */
extern PrioStatus total_publish(Total *a, Total *b, int64_t *counts, size_t *where);

/* The elements in `total_stored_size(n)` bytes, for another process of this server. */
extern size_t total_stored_size(size_t n);
extern void total_store(Total *total, uint8_t *out);
extern PrioStatus total_load(Total *total, const uint8_t *stored, size_t size);

#endif /* PRIO_TOTAL_H */
