/*
 * prg.c
 *		The pseudo-random generator: AES-128 in counter mode, integers by rejection.
 */
#include "prg.h"

#define BLOCK_BYTES 16
#define FIRST_CHUNK_BLOCKS 48

/* The least number of blocks that is a whole number of tries: 48 bytes. */
#define UNIT_BLOCKS 3
#define UNIT_TRIES (UNIT_BLOCKS * BLOCK_BYTES / TRY_BYTES)

_Static_assert(NSS_COUNTER_MODE_BLOCKS % UNIT_BLOCKS == 0 &&
				   FIRST_CHUNK_BLOCKS % UNIT_BLOCKS == 0 &&
				   UNIT_TRIES * TRY_BYTES == UNIT_BLOCKS * BLOCK_BYTES,
			   "a chunk must hold a whole number of tries");

PrioStatus
prg_key(const uint8_t seed[PRG_SEED_BYTES], PrgVariant variant, const uint8_t *batch_id,
		size_t batch_id_size, uint8_t key[PRIO_AES_KEY_BYTES])
{
	uint8_t hash[PRIO_HASH_BYTES];
	PrioStatus status;

	if (variant == PRG_SEED)
	{
		memcpy(key, seed, PRIO_AES_KEY_BYTES);
		return PRIO_OK;
	}
	status = nss_sha256(seed, PRG_SEED_BYTES, batch_id, batch_id_size, hash);
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
next_chunk(Prg *prg)
{
	size_t blocks = prg->filled == 0 ? FIRST_CHUNK_BLOCKS : 2 * prg->filled / BLOCK_BYTES;
	PrioStatus status;

	if (blocks > NSS_COUNTER_MODE_BLOCKS)
		blocks = NSS_COUNTER_MODE_BLOCKS;
	status = nss_counter_mode_stream(prg->mode, prg->next_block, blocks, prg->chunk);
	prg->next_block += blocks;
	prg->used = 0;
	prg->filled = blocks * BLOCK_BYTES;
	return status;
}

PrioStatus
prg_open(Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES], uint64_t tries)
{
	PrioStatus status = nss_counter_mode_new(key, &prg->mode);

	if (status != PRIO_OK)
	{
		prg->mode = NULL;
		return status;
	}
	prg->next_block = tries / UNIT_TRIES * UNIT_BLOCKS;
	prg->used = prg->filled = 0;
	prg->ready = prg->taken = 0;
	if (tries % UNIT_TRIES != 0)
	{
		status = next_chunk(prg);
		prg->used = (size_t) (tries % UNIT_TRIES) * TRY_BYTES;
		if (status != PRIO_OK)
			prg_close(prg);
	}
	return status;
}

void
prg_close(Prg *prg)
{
	nss_counter_mode_free(prg->mode);
	prio_wipe(prg->chunk, prg->filled);
	prio_wipe(prg->elements, prg->filled / TRY_BYTES * sizeof(FieldElement));
}

uint64_t
prg_tries(const Prg *prg)
{
	return (prg->next_block * BLOCK_BYTES - prg->filled + prg->used) / TRY_BYTES;
}

PrioStatus
prg_draw(Prg *prg, uint128 bound, FieldElement *out, size_t count)
{
	FieldElement limit = field_from_integer(bound);
	size_t done = 0;

	while (done < count)
	{
		if (prg->used == prg->filled)
		{
			PrioStatus status = next_chunk(prg);

			if (status != PRIO_OK)
				return status;
		}

		/* Every try is written, and overwritten by the next one unless it fits. */
		out[done] = element_from_try(prg->chunk + prg->used);
		done += (size_t) field_less(out[done], limit);
		prg->used += TRY_BYTES;
	}
	return PRIO_OK;
}

PrioStatus
prg_elements(Prg *prg, const FieldElement **elements, size_t *count)
{
	while (prg->taken == prg->ready)
	{
		PrioStatus status = PRIO_OK;

		if (prg->used == prg->filled)
			status = next_chunk(prg);
		if (status != PRIO_OK)
			return status;
		prg->taken = 0;
		prg->ready = kernels->accept(prg->chunk + prg->used,
									 (prg->filled - prg->used) / TRY_BYTES, prg->elements);
		prg->used = prg->filled;
	}
	if (*count > prg->ready - prg->taken)
		*count = prg->ready - prg->taken;
	*elements = prg->elements + prg->taken;
	prg->taken += *count;
	return PRIO_OK;
}
