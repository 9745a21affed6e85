/*
 * prg.h
 *		The pseudo-random generator (PROTOCOL.md, "Pseudo-random generator").
 */
#ifndef PRIO_PRG_H
#define PRIO_PRG_H

#include "crypto.h"
#include "kernels.h"

#define PRG_SEED_BYTES 16 /* a client's seed, or the shared secret */
#define PRG_CHUNK_BYTES (NSS_COUNTER_MODE_BLOCKS * 16)
#define PRG_CHUNK_TRIES (PRG_CHUNK_BYTES / TRY_BYTES)

/* How the key of the stream comes from the seed. */
typedef enum PrgVariant
{
	PRG_BATCH = 0, /* SHA-256 of seed and batch id, 16 bytes of it */
	PRG_SEED = 1   /* the seed itself: libprio up to 1.6, Firefox */
} PrgVariant;

/*
 * A stream being read, either by prg_draw() or by prg_elements(). The chunk is a whole
 * number of tries, so that a try never straddles two of them.
 */
typedef struct Prg
{
	NssCounterMode *mode;
	uint64_t next_block; /* first block behind the chunk */
	size_t filled;       /* bytes in the chunk */
	size_t used;         /* of them, already read */
	uint8_t chunk[PRG_CHUNK_BYTES];
	size_t ready; /* prg_elements(): elements made of the chunk */
	size_t taken; /* of them, already handed out */
	FieldElement elements[PRG_CHUNK_TRIES + ACCEPT_SLACK];
} Prg;

/* The key of the stream; batch_id counts for PRG_BATCH alone. */
extern PrioStatus prg_key(const uint8_t seed[PRG_SEED_BYTES], PrgVariant variant,
						  const uint8_t *batch_id, size_t batch_id_size,
						  uint8_t key[PRIO_AES_KEY_BYTES]);

/*
 * Starts reading at byte tries * TRY_BYTES of the stream. Whoever opened it closes
 * it, which wipes it.
 */
extern PrioStatus prg_open(Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES], uint64_t tries);
extern void prg_close(Prg *prg);

/* Tries read so far by prg_draw(), those of the offset included. */
extern uint64_t prg_tries(const Prg *prg);

/*
 * Draws count integers below bound, 2^87 < bound <= p.
 *
 * About one try in two is thrown away, and how many are is visible in the running time.
 * The tries are independent and a rejected one is used for nothing, so this tells
 * nothing about the values that are kept. The same goes for prg_elements().
 */
extern PrioStatus prg_draw(Prg *prg, uint128 bound, FieldElement *out, size_t count);

/*
 * The next random elements (integers below p): *elements points to *count of them, at
 * least one and at most as many as *count was before. Valid until the next call.
 */
extern PrioStatus prg_elements(Prg *prg, const FieldElement **elements, size_t *count);

#endif /* PRIO_PRG_H */
