/*
 * prg.c
 *		The pseudo-random generator: AES-128 in counter mode, integers by rejection.
 */
#include "prio1/prg.h"

#include "base/secret.h"

#define BLOCK_BYTES 16
#define FIRST_CHUNK_BLOCKS 48

/* The least number of blocks that is a whole number of candidates: 48 bytes. */
#define UNIT_BLOCKS 3
#define UNIT_CANDIDATES (UNIT_BLOCKS * BLOCK_BYTES / FIELD87_CANDIDATE_BYTES)

_Static_assert(PRIO_COUNTER_MODE_BLOCKS % UNIT_BLOCKS == 0 &&
				   FIRST_CHUNK_BLOCKS % UNIT_BLOCKS == 0 &&
				   UNIT_CANDIDATES * FIELD87_CANDIDATE_BYTES == UNIT_BLOCKS * BLOCK_BYTES,
			   "a chunk must hold a whole number of candidates");

PrioStatus
prio1_prg_key(const uint8_t seed[PRIO1_SEED_BYTES], Prio1PrgVariant variant,
			  const uint8_t *batch_id, size_t batch_id_size, uint8_t key[PRIO_AES_KEY_BYTES])
{
	uint8_t hash[PRIO_HASH_BYTES];
	PrioStatus status;

	if (variant == PRIO1_PRG_SEED)
	{
		memcpy(key, seed, PRIO_AES_KEY_BYTES);
		return PRIO_OK;
	}
	status = prio_sha256(seed, PRIO1_SEED_BYTES, batch_id, batch_id_size, hash);
	if (status == PRIO_OK)
		memcpy(key, hash, PRIO_AES_KEY_BYTES);
	prio_wipe(hash, sizeof(hash));
	return status;
}

/*
 * The first chunk of a stream is short, for vectors that need no more; each of the
 * following ones is longer, up to the whole buffer.
 */
static PrioStatus
next_chunk(Prio1Prg *prg)
{
	size_t blocks = prg->filled == 0 ? FIRST_CHUNK_BLOCKS : 2 * prg->filled / BLOCK_BYTES;
	PrioStatus status;

	if (blocks > PRIO_COUNTER_MODE_BLOCKS)
		blocks = PRIO_COUNTER_MODE_BLOCKS;
	status = prio_counter_mode_stream(prg->mode, prg->next_block, blocks, prg->chunk);
	prg->next_block += blocks;
	prg->used = 0;
	prg->filled = blocks * BLOCK_BYTES;
	return status;
}

PrioStatus
prio1_prg_open(Prio1Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES], uint64_t candidates)
{
	PrioStatus status = prio_counter_mode_new(key, &prg->mode);

	if (status != PRIO_OK)
	{
		prg->mode = NULL;
		return status;
	}
	prg->next_block = candidates / UNIT_CANDIDATES * UNIT_BLOCKS;
	prg->used = prg->filled = 0;
	prg->ready = prg->taken = 0;
	if (candidates % UNIT_CANDIDATES != 0)
	{
		status = next_chunk(prg);
		prg->used = (size_t) (candidates % UNIT_CANDIDATES) * FIELD87_CANDIDATE_BYTES;
		if (status != PRIO_OK)
			prio1_prg_close(prg);
	}
	return status;
}

void
prio1_prg_close(Prio1Prg *prg)
{
	prio_counter_mode_free(prg->mode);
	prio_wipe(prg->chunk, prg->filled);
	prio_wipe(prg->elements, prg->filled / FIELD87_CANDIDATE_BYTES * sizeof(Field87));
}

uint64_t
prio1_prg_candidates(const Prio1Prg *prg)
{
	return (prg->next_block * BLOCK_BYTES - prg->filled + prg->used) / FIELD87_CANDIDATE_BYTES;
}

PrioStatus
prio1_prg_draw(Prio1Prg *prg, prio_uint128 bound, Field87 *out, size_t count)
{
	Field87 limit = field87_from_integer(bound);
	size_t done = 0;

	while (done < count)
	{
		if (prg->used == prg->filled)
		{
			PrioStatus status = next_chunk(prg);

			if (status != PRIO_OK)
				return status;
		}

		/* Every candidate is written, and overwritten by the next one unless it fits. */
		out[done] = field87_from_candidate(prg->chunk + prg->used);
		done += (size_t) field87_less(out[done], limit);
		prg->used += FIELD87_CANDIDATE_BYTES;
	}
	return PRIO_OK;
}

PrioStatus
prio1_prg_elements(Prio1Prg *prg, const Field87 **elements, size_t *count)
{
	while (prg->taken == prg->ready)
	{
		PrioStatus status = PRIO_OK;

		if (prg->used == prg->filled)
			status = next_chunk(prg);
		if (status != PRIO_OK)
			return status;
		prg->taken = 0;
		prg->ready = prio_kernels->accept(prg->chunk + prg->used,
										  (prg->filled - prg->used) / FIELD87_CANDIDATE_BYTES,
										  prg->elements);
		prg->used = prg->filled;
	}
	if (*count > prg->ready - prg->taken)
		*count = prg->ready - prg->taken;
	*elements = prg->elements + prg->taken;
	prg->taken += *count;
	return PRIO_OK;
}
