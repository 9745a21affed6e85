/*
 * total.h
 *		Sums of shares, and what is published (docs/protocol.md, "Totals").
 */
#ifndef PRIO_PRIO1_TOTAL_H
#define PRIO_PRIO1_TOTAL_H

#include "prio1/verifier.h"

/*
 * A sum of vectors of n elements. Between two normalisations the limbs of an element grow
 * beyond 44 bits: with `pending` vectors added they are below 2^44 (pending + 1).
 */
typedef struct Prio1Total
{
	PrioRole role;
	size_t n;
	uint32_t pending;
	Field87 *sums; /* n elements, the caller's memory */
} Prio1Total;

/* A sum of nothing. memory has room for n elements and lives as long as the total. */
extern void prio1_total_init(Prio1Total *total, PrioRole role, size_t n, Field87 *memory);

/*
 * Adds the data shares of one packet. For A share is the sealed packet of size bytes, and
 * plaintext scratch memory of size bytes; it is wiped. For B share may be NULL, and
 * plaintext is not used.
 *
 * PRIO_MISMATCH when role or n differ, when the verifier was stored without its key, or
 * when share is not the packet that the verifier was made from; the total is then spoilt.
 */
extern PrioStatus prio1_total_add_share(Prio1Total *total, const Prio1Verifier *verifier,
										const uint8_t *share, size_t size, uint8_t *plaintext);

/* Adds n data shares, as prio1_verifier_open_data() gives them. */
extern void prio1_total_add_data(Prio1Total *total, const Field87 *data);

/* total += other; PRIO_MISMATCH when role or n differ. */
extern PrioStatus prio1_total_merge(Prio1Total *total, Prio1Total *other);

/* Writes the message, at most prio1_total_max_message(n) bytes; returns its size. */
extern size_t prio1_total_max_message(size_t n);
extern size_t prio1_total_write(Prio1Total *total, uint8_t *out);

/*
 * Reads the head of a message: role and n, 1 <= n <= PRIO1_MAX_DATA. The caller then
 * makes room, and adds the vector to a total with prio1_total_add_message(), which spoils the
 * total when it fails.
 */
extern PrioStatus prio1_total_read_head(Prio1PacketReader *reader, PrioRole *role, size_t *n);
extern PrioStatus prio1_total_add_message(Prio1Total *total, Prio1PacketReader *reader);

/*
 * The total of integers of `bits` bits: entry j = sum of 2^(bits - 1 - i) times entry
 * bits j + i. memory has room for total->n / bits elements. PRIO_MISMATCH when bits does
 * not divide n. 1 <= bits <= PRIO1_MAX_BITS.
 */
extern PrioStatus prio1_total_to_uints(Prio1Total *total, int bits, Prio1Total *uints,
									   Field87 *memory);

/*
 * The published counts, a->n of them, from the totals of both servers (in any order).
 * PRIO_MISMATCH for two of one role or different lengths; PRIO_OVERFLOW, and the entry
 * in *where, when one does not fit 63 bits.
 */
extern PrioStatus prio1_total_publish(Prio1Total *a, Prio1Total *b, int64_t *counts,
									  size_t *where);

/* The elements in `prio1_total_stored_size(n)` bytes, for another process of this server. */
extern size_t prio1_total_stored_size(size_t n);
extern void prio1_total_store(Prio1Total *total, uint8_t *out);
extern PrioStatus prio1_total_load(Prio1Total *total, const uint8_t *stored, size_t size);

#endif /* PRIO_PRIO1_TOTAL_H */
