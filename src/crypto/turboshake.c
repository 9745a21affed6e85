/*
 * turboshake.c
 *		The sponge around the permutation.
 */
#include "crypto/turboshake.h"

#include "base/bytes.h"
#include "kernels/kernels.h"

#include <string.h>

#define RATE_WORDS (PRIO_TURBOSHAKE_RATE / 8)

void
prio_turboshake_init(PrioTurboShake *stream, size_t lanes)
{
	memset(stream->words, 0, sizeof(stream->words));
	stream->lanes = lanes;
	stream->position = 0;
	/* A vector register takes as long for one state as for all. */
	if (lanes > 1)
	{
		stream->width = prio_kernels->keccak_width;
		stream->permute = prio_kernels->keccak;
	}
	else
	{
		stream->width = 1;
		stream->permute = prio_kernels_keccak_portable;
	}
}

static void
permute(PrioTurboShake *stream)
{
	for (size_t lane = 0; lane < stream->lanes; lane += stream->width)
		stream->permute(stream->words + 25 * lane);
}

/* The first word of a lane's state; word i is at [i * width]. */
static uint64_t *
lane_words(PrioTurboShake *stream, size_t lane)
{
	size_t within = lane % stream->width;

	return stream->words + 25 * (lane - within) + within;
}

static void
absorb_block(PrioTurboShake *stream)
{
	for (size_t lane = 0; lane < stream->lanes; lane++)
	{
		uint64_t *words = lane_words(stream, lane);

		for (size_t i = 0; i < RATE_WORDS; i++)
			words[i * stream->width] ^= prio_load_le64(stream->block[lane] + 8 * i);
	}
	permute(stream);
	stream->position = 0;
}

/* stride: 1 if every lane has its own data, 0 if all have data[0]. */
static void
absorb(PrioTurboShake *stream, const uint8_t *const data[], size_t stride, size_t size)
{
	size_t done = 0;

	while (done < size)
	{
		size_t piece = PRIO_TURBOSHAKE_RATE - stream->position;

		if (piece > size - done)
			piece = size - done;
		for (size_t lane = 0; lane < stream->lanes; lane++)
			memcpy(stream->block[lane] + stream->position, data[lane * stride] + done, piece);
		stream->position += piece;
		done += piece;
		if (stream->position == PRIO_TURBOSHAKE_RATE)
			absorb_block(stream);
	}
}

void
prio_turboshake_absorb_all(PrioTurboShake *stream, const uint8_t *data, size_t size)
{
	absorb(stream, &data, 0, size);
}

void
prio_turboshake_absorb(PrioTurboShake *stream, const uint8_t *const data[], size_t size)
{
	absorb(stream, data, 1, size);
}

void
prio_turboshake_finish(PrioTurboShake *stream, uint8_t domain)
{
	for (size_t lane = 0; lane < stream->lanes; lane++)
	{
		uint8_t *block = stream->block[lane];

		block[stream->position] = domain;
		memset(block + stream->position + 1, 0, PRIO_TURBOSHAKE_RATE - stream->position - 1);
		block[PRIO_TURBOSHAKE_RATE - 1] ^= 0x80;
	}
	absorb_block(stream);
}

void
prio_turboshake_squeeze(PrioTurboShake *stream, uint8_t *const out[], size_t size)
{
	size_t done = 0;

	while (done < size)
	{
		size_t piece;

		if (stream->position == PRIO_TURBOSHAKE_RATE)
		{
			permute(stream);
			stream->position = 0;
		}
		piece = PRIO_TURBOSHAKE_RATE - stream->position;
		if (piece > size - done)
			piece = size - done;
		for (size_t lane = 0; lane < stream->lanes; lane++)
		{
			const uint64_t *words =
				lane_words(stream, lane) + stream->position / 8 * stream->width;
			uint8_t *to = out[lane] + done;
			size_t i;

			for (i = 0; i + 8 <= piece; i += 8)
				prio_store_le64(to + i, words[i / 8 * stream->width]);
			for (; i < piece; i++)
				to[i] = (uint8_t) (words[i / 8 * stream->width] >> i % 8 * 8);
		}
		stream->position += piece;
		done += piece;
	}
}
