/*
 * prg.c
 *		The pseudo-random generator: AES-128 in counter mode, integers by rejection.
 */
#include "prg.h"

#define BLOCK_BYTES 16

_Static_assert(NSS_COUNTER_MODE_BLOCKS * BLOCK_BYTES % PRG_TRY_BYTES == 0,
			   "a chunk must hold a whole number of tries");

PrioStatus
prg_key(const uint8_t seed[PRG_SEED_BYTES], PrgVariant variant, const uint8_t *batch_id,
		size_t batch_id_size, uint8_t key[PRIO_AES_KEY_BYTES])
{
	uint8_t		hash[PRIO_HASH_BYTES];
	PrioStatus	status;

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

static PrioStatus
next_chunk(Prg *prg)
{
	PrioStatus	status = nss_counter_mode_stream(prg->mode, prg->next_block,
												 NSS_COUNTER_MODE_BLOCKS, prg->chunk);

	prg->next_block += NSS_COUNTER_MODE_BLOCKS;
	prg->used = 0;
	return status;
}

PrioStatus
prg_open(Prg *prg, const uint8_t key[PRIO_AES_KEY_BYTES], uint64_t tries)
{
	uint64_t	tries_per_chunk = sizeof(prg->chunk) / PRG_TRY_BYTES;
	PrioStatus	status = nss_counter_mode_new(key, &prg->mode);

	if (status != PRIO_OK)
	{
		prg->mode = NULL;
		return status;
	}
	prg->next_block = tries / tries_per_chunk * NSS_COUNTER_MODE_BLOCKS;
	prg->used = sizeof(prg->chunk);
	if (tries % tries_per_chunk != 0)
	{
		status = next_chunk(prg);
		prg->used = (size_t) (tries % tries_per_chunk) * PRG_TRY_BYTES;
		if (status != PRIO_OK)
			prg_close(prg);
	}
	return status;
}

void
prg_close(Prg *prg)
{
	nss_counter_mode_free(prg->mode);
	prio_wipe(prg, sizeof(*prg));
}

uint64_t
prg_tries(const Prg *prg)
{
	return (prg->next_block * BLOCK_BYTES - sizeof(prg->chunk) + prg->used) / PRG_TRY_BYTES;
}

PrioStatus
prg_draw(Prg *prg, uint128 bound, FieldElement *out, size_t count)
{
	size_t		done = 0;

	while (done < count)
	{
		size_t		used = prg->used;

		if (used == sizeof(prg->chunk))
		{
			PrioStatus	status = next_chunk(prg);

			if (status != PRIO_OK)
				return status;
			continue;
		}

		/* Every try is written, and overwritten by the next one unless it fits. */
		while (done < count && used < sizeof(prg->chunk))
		{
			uint8_t    *try = prg->chunk + used;
			uint128		value;

			try[0] = try[FIELD_BYTES];
			out[done] = field_from_bytes(try);
			value = field_to_integer(out[done]);
			done += (size_t) ((value - bound) >> 127);
			used += PRG_TRY_BYTES;
		}
		prg->used = used;
	}
	return PRIO_OK;
}
