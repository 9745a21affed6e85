/*
 * turboshake.c
 *		The sponge around the permutation.
 */
#include "crypto/turboshake.h"

#include "base/bytes.h"
#include "base/secret.h"
#include "kernels/kernels.h"

#include <stdbool.h>
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
add_block(PrioTurboShake *stream, size_t lane, const uint8_t *block)
{
	uint64_t *words = lane_words(stream, lane);

	for (size_t i = 0; i < RATE_WORDS; i++)
		words[i * stream->width] ^= prio_load_le64(block + 8 * i);
}

static void
absorb_block(PrioTurboShake *stream)
{
	for (size_t lane = 0; lane < stream->lanes; lane++)
		add_block(stream, lane, stream->block[lane]);
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

/* size bytes of the block of a lane, from a position that is a multiple of 8 on. */
static void
take(PrioTurboShake *stream, size_t lane, size_t position, uint8_t *out, size_t size)
{
	const uint64_t *words = lane_words(stream, lane) + position / 8 * stream->width;
	size_t i;

	for (i = 0; i + 8 <= size; i += 8)
		prio_store_le64(out + i, words[i / 8 * stream->width]);
	for (; i < size; i++)
		out[i] = (uint8_t) (words[i / 8 * stream->width] >> i % 8 * 8);
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
			take(stream, lane, stream->position, out[lane] + done, piece);
		stream->position += piece;
		done += piece;
	}
}

static void
copy_state(PrioTurboShake *to, size_t to_lane, PrioTurboShake *from, size_t from_lane)
{
	uint64_t *to_words = lane_words(to, to_lane);
	const uint64_t *from_words = lane_words(from, from_lane);

	for (size_t i = 0; i < 25; i++)
		to_words[i * to->width] = from_words[i * from->width];
}

static void
permute_lane(PrioTurboShake *stream, size_t lane)
{
	PrioTurboShake alone;

	prio_turboshake_init(&alone, 1);
	copy_state(&alone, 0, stream, lane);
	permute(&alone);
	copy_state(stream, lane, &alone, 0);
	prio_wipe(&alone, sizeof(alone));
}

void
prio_turboshake_squeeze_into(PrioTurboShake *from, PrioTurboShake *to, uint8_t *out, size_t size)
{
	PrioTurboShake both;
	size_t done = 0;

	prio_turboshake_init(&both, 2);
	if (from->position == PRIO_TURBOSHAKE_RATE && size > 0)
	{
		permute(from);
		from->position = 0;
	}
	copy_state(&both, 0, from, 0);
	copy_state(&both, 1, to, 0);
	while (done < size)
	{
		size_t piece = PRIO_TURBOSHAKE_RATE - from->position;
		size_t room = PRIO_TURBOSHAKE_RATE - to->position;
		bool is_full;
		bool is_empty;

		if (piece > size - done)
			piece = size - done;
		take(&both, 0, from->position, out + done, piece);
		from->position += piece;
		is_full = piece >= room;
		memcpy(to->block[0] + to->position, out + done, is_full ? room : piece);
		to->position += piece;
		if (is_full)
		{
			add_block(&both, 1, to->block[0]);
			to->position -= PRIO_TURBOSHAKE_RATE;
			memcpy(to->block[0], out + done + room, to->position);
		}
		done += piece;

		/* Nearly always both: either has used up a block of the other. */
		is_empty = from->position == PRIO_TURBOSHAKE_RATE && done < size;
		if (is_full && is_empty)
			permute(&both);
		else if (is_full)
			permute_lane(&both, 1);
		else if (is_empty)
			permute_lane(&both, 0);
		if (is_empty)
			from->position = 0;
	}
	copy_state(from, 0, &both, 0);
	copy_state(to, 0, &both, 1);
	prio_wipe(&both, sizeof(both));
}
