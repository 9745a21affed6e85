/*
 * prg.h
 *		The pseudo-random generator (PROTOCOL.md, "Pseudo-random generator").
 */
#ifndef PRIO_PRG_H
#define PRIO_PRG_H

#include "field.h"
#include "crypto.h"

#define PRG_SEED_BYTES 16		/* a client's seed, or the shared secret */
#define PRG_TRY_BYTES (FIELD_BYTES + 1)	/* what one try at an element takes */

/* How the key of the stream comes from the seed. */
typedef enum PrgVariant
{
	PRG_BATCH = 0,				/* SHA-256 of seed and batch id, 16 bytes of it */
	PRG_SEED = 1				/* the seed itself: libprio up to 1.6, Firefox */
} PrgVariant;

/*
 * A stream being read. The chunk is a whole number of tries, so that a try never
 * straddles two of them.
 */
typedef struct Prg
{
	NssCounterMode *mode;
	uint64_t	next_block;		/* first block behind the chunk */
	size_t		used;			/* bytes of the chunk already read */
	uint8_t		chunk[NSS_COUNTER_MODE_BLOCKS * 16];
} Prg;

/* The key of the stream; batch_id counts for PRG_BATCH alone. */
extern PrioStatus prg_key(const uint8_t seed[PRG_SEED_BYTES], PrgVariant variant,
						  const uint8_t *batch_id, size_t batch_id_size,
						  uint8_t key[PRIO_AES_KEY_BYTES]);

/*
 * Starts reading at byte tries * PRG_TRY_BYTES of the stream. Whoever opened it closes
 * it, which wipes it.
 */
extern PrioStatus prg_open(Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES], uint64_t tries);
extern void prg_close(Prg *prg);

/* Tries read so far, those of the offset included. */
extern uint64_t prg_tries(const Prg *prg);

/*
 * Draws count integers below bound, 2^87 < bound <= p: with bound = p, random elements.
 *
 * About one try in two is thrown away, and how many are is visible in the running time.
 * The tries are independent and a rejected one is used for nothing, so this tells
 * nothing about the values that are kept.
 */
extern PrioStatus prg_draw(Prg *prg, uint128 bound, FieldElement *out, size_t count);

#endif							/* PRIO_PRG_H */
