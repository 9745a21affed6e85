/*
 * share.h
 *		The two vectors of a share, n data shares and N h points: written out in the
 *		packet of A, drawn from a seed in that of B.
 */
#ifndef PRIO_SHARE_H
#define PRIO_SHARE_H

#include "packet.h"
#include "prg.h"

#define SHARE_CHUNK 256

typedef struct Share
{
	PrioRole role;
	PacketReader reader;             /* A: what of the packet is still unread, */
	FieldElement chunk[SHARE_CHUNK]; /* and what was read last */
	Prg prg;                         /* B */
} Share;

/*
 * Starts on the vectors of A's share, where reader stands, or of B's, whose stream has
 * this key. Whoever began a share ends it, which wipes it.
 */
extern void share_begin_a(Share *share, PacketReader reader);
extern PrioStatus share_begin_b(Share *share, const uint8_t prg_key[PRIO_AES_KEY_BYTES]);
extern void share_end(Share *share);

/* The next vector has this many elements: first n, then N. */
extern PrioStatus share_next_vector(Share *share, size_t count);

/*
 * The next elements of the vector: *elements points to *count of them, at least one and at
 * most as many as *count was before. Valid until the next call.
 */
extern PrioStatus share_read(Share *share, const FieldElement **elements, size_t *count);

/* A: PRIO_MALFORMED when something follows the vectors. */
extern PrioStatus share_check_end(const Share *share);

#endif /* PRIO_SHARE_H */
