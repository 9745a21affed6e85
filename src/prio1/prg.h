/*
 * prg.h
 *		The pseudo-random generator (docs/protocol.md, "Pseudo-random generator").
 */
#ifndef PRIO_PRIO1_PRG_H
#define PRIO_PRIO1_PRG_H

#include "base/params.h"
#include "crypto/crypto.h"
#include "kernels/kernels.h"

#define PRG_CHUNK_BYTES (PRIO_COUNTER_MODE_BLOCKS * 16)
#define PRG_CHUNK_CANDIDATES (PRG_CHUNK_BYTES / FIELD87_CANDIDATE_BYTES)

/*
 * A stream being read, either by prio1_prg_draw() or by prio1_prg_elements(). The chunk is a whole
 * number of candidates, so that a candidate never straddles two of them.
 */
typedef struct Prio1Prg
{
	PrioCounterMode *mode;
	uint64_t next_block; /* first block behind the chunk */
	size_t filled;       /* bytes in the chunk */
	size_t used;         /* of them, already read */
	uint8_t chunk[PRG_CHUNK_BYTES];
	size_t ready; /* prio1_prg_elements(): elements made of the chunk */
	size_t taken; /* of them, already handed out */
	Field87 elements[PRG_CHUNK_CANDIDATES + KERNELS_ACCEPT_SLACK];
} Prio1Prg;

/* The key of the stream; batch_id counts for PRIO1_PRG_BATCH alone. */
extern PrioStatus prio1_prg_key(const uint8_t seed[PRIO1_SEED_BYTES], Prio1PrgVariant variant,
								const uint8_t *batch_id, size_t batch_id_size,
								uint8_t key[PRIO_AES_KEY_BYTES]);

/*
 * Starts reading at byte candidates * FIELD87_CANDIDATE_BYTES of the stream. Whoever opened it closes
 * it, which wipes it.
 */
extern PrioStatus prio1_prg_open(Prio1Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES],
								 uint64_t candidates);
extern void prio1_prg_close(Prio1Prg *prg);

/* Tries read so far by prio1_prg_draw(), those of the offset included. */
extern uint64_t prio1_prg_candidates(const Prio1Prg *prg);

/*
 * Draws count integers below bound, 2^87 < bound <= p.
 *
 * About one candidate in two is thrown away, and how many are is visible in the running time.
 * The candidates are independent and a rejected one is used for nothing, so this tells
 * nothing about the values that are kept. The same goes for prio1_prg_elements().
 */
extern PrioStatus prio1_prg_draw(Prio1Prg *prg, prio_uint128 bound, Field87 *out, size_t count);

/*
 * The next random elements (integers below p): *elements points to *count of them, at
 * least one and at most as many as *count was before. Valid until the next call.
 */
extern PrioStatus prio1_prg_elements(Prio1Prg *prg, const Field87 **elements, size_t *count);

#endif /* PRIO_PRIO1_PRG_H */
