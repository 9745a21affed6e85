/*
 * vectors.h
 *		The two vectors of a share, n data shares and N h points: written out in the
 *		packet of A, drawn from a seed in that of B.
 */
#ifndef PRIO_PRIO1_VECTORS_H
#define PRIO_PRIO1_VECTORS_H

#include "prio1/packet.h"
#include "prio1/prg.h"

#define VECTORS_CHUNK 256

typedef struct Prio1Vectors
{
	PrioRole role;
	Prio1PacketReader reader;     /* A: what of the packet is still unread, */
	Field87 chunk[VECTORS_CHUNK]; /* and what was read last */
	Prio1Prg prg;                 /* B */
} Prio1Vectors;

/*
 * Starts on the vectors of A's share, where reader stands, or of B's, whose stream has
 * this key. Whoever began them ends them, which wipes them.
 */
extern void prio1_vectors_begin_a(Prio1Vectors *vectors, Prio1PacketReader reader);
extern PrioStatus prio1_vectors_begin_b(Prio1Vectors *vectors,
										const uint8_t key[PRIO_AES_KEY_BYTES]);
extern void prio1_vectors_end(Prio1Vectors *vectors);

/* The next vector has this many elements: first n, then N. */
extern PrioStatus prio1_vectors_next(Prio1Vectors *vectors, size_t count);

/*
 * The next elements of the vector: *elements points to *count of them, at least one and at
 * most as many as *count was before. Valid until the next call.
 */
extern PrioStatus prio1_vectors_read(Prio1Vectors *vectors, const Field87 **elements,
									 size_t *count);

/* A: PRIO_MALFORMED when something follows the vectors. */
extern PrioStatus prio1_vectors_check_end(const Prio1Vectors *vectors);

#endif /* PRIO_PRIO1_VECTORS_H */
