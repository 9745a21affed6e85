/*
 * total.h
 *		Sums of shares, and what is published (docs/protocol.md, "Totals").
 */
#ifndef PRIO_PRIO1_TOTAL_H
#define PRIO_PRIO1_TOTAL_H

#include "prio1/verifier.h"

/*
 * A sum of vectors of n elements. While vectors are added the limbs of an element grow
 * beyond 44 bits: with `pending` vectors added they are below 2^44 (pending + 1), and before
 * they reach 2^63 all are reduced. Whoever reads a sum reduces it, whatever its limbs are.
 */
typedef struct Prio1Total
{
	PrioRole role;
	size_t n;
	uint32_t pending;
	bool fresh;    /* nothing was added, and the sums are not even zero yet */
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

/* total += other, and total -= part; PRIO_MISMATCH when role or n differ. */
extern PrioStatus prio1_total_merge(Prio1Total *total, const Prio1Total *other);
extern PrioStatus prio1_total_subtract(Prio1Total *total, const Prio1Total *part);

/* Writes the message, at most prio1_total_max_message(n) bytes; returns its size. */
extern size_t prio1_total_max_message(size_t n);
extern size_t prio1_total_write(const Prio1Total *total, uint8_t *out);

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
extern PrioStatus prio1_total_to_uints(const Prio1Total *total, int bits, Prio1Total *uints,
									   Field87 *memory);

/*
 * The published counts, a->n of them, from the totals of both servers (in any order).
 * PRIO_MISMATCH for two of one role or different lengths; PRIO_OVERFLOW, and the entry
 * in *where, when one does not fit 63 bits.
 */
extern PrioStatus prio1_total_publish(const Prio1Total *a, const Prio1Total *b,
									  int64_t *counts, size_t *where);

/*
 * The stored form, which is added to where it lies: a head, and the sums as they are in
 * memory. For processes and machines of one kind; what is stored on one with another byte
 * order is of another version here. It is private: the sums are those of whole packets, and
 * come with the digest of their batch, which prio1_verifier_context_init() makes.
 */
#define PRIO1_TOTAL_HEAD_BYTES 28
extern size_t prio1_total_stored_size(size_t n);

/*
 * Begins a total in the prio1_total_stored_size(n) bytes at stored, 1 <= n <= PRIO1_MAX_DATA:
 * total->sums points in there. Its first byte is four behind a multiple of eight, as what
 * follows a length word of PostgreSQL is: so the sums are aligned. Without a digest, NULL,
 * there are zeros for it. There is no sum before a first share, or the vector of a first
 * message, is added: that is written to memory that nobody has to clear.
 */
extern void prio1_total_create(Prio1Total *total, PrioRole role, size_t n,
							   const uint8_t digest[PRIO1_DIGEST_BYTES], uint8_t *stored);

/*
 * The total in these bytes, aligned in that way. PRIO_MALFORMED or PRIO_OTHER_VERSION when
 * they are none: then nothing points to them. They may come from anybody: there is no further
 * check of the sums, as all limbs stand for some sum.
 */
extern PrioStatus prio1_total_open(Prio1Total *total, uint8_t *stored, size_t size);

/* After the total was added to: writes what of it is not in the sums. */
extern void prio1_total_save(const Prio1Total *total, uint8_t *stored);

/* The digest in there, PRIO1_DIGEST_BYTES. */
extern const uint8_t *prio1_total_digest(const uint8_t *stored);

#endif /* PRIO_PRIO1_TOTAL_H */
