/*
 * xof.c
 *		XofTurboShake128.
 */
#include "prio3/xof.h"

#include "base/secret.h"
#include "prio3/elements.h"

#define DOMAIN_BYTE 1
#define CLASS_VDAF 0

/* Bytes a lane between two questions whether to stop: less than a millisecond. */
#define BYTES_TO_STOP ((size_t) 100 * PRIO_TURBOSHAKE_RATE)

void
prio3_xof_start(PrioTurboShake *stream, const Prio3Vdaf *vdaf, Prio3Usage usage, size_t lanes,
				const uint8_t *const seeds[], bool one_seed)
{
	uint32_t id = vdaf->algorithm_id;
	size_t dst_size = 8 + vdaf->context_size;
	uint8_t head[10] = {(uint8_t) dst_size, (uint8_t) (dst_size >> 8)};
	uint8_t dst[8] = {(uint8_t) vdaf->parameters.draft,
					  CLASS_VDAF,
					  (uint8_t) (id >> 24),
					  (uint8_t) (id >> 16),
					  (uint8_t) (id >> 8),
					  (uint8_t) id,
					  0,
					  (uint8_t) usage};
	uint8_t seed_size = (uint8_t) vdaf->seed_size;
	bool draft_8 = vdaf->parameters.draft == PRIO3_DRAFT_8;

	prio_turboshake_init(stream, lanes);
	prio_turboshake_absorb_all(stream, head, draft_8 ? 1 : 2);
	prio_turboshake_absorb_all(stream, dst, sizeof(dst));
	prio_turboshake_absorb_all(stream, vdaf->context, vdaf->context_size);
	if (!draft_8)
		prio_turboshake_absorb_all(stream, &seed_size, 1);
	if (one_seed)
		prio_turboshake_absorb_all(stream, seeds[0], seed_size);
	else
		prio_turboshake_absorb(stream, seeds, seed_size);
}

PrioStatus
prio3_xof_long_binder(PrioTurboShake *stream, const uint8_t *const data[], size_t size,
					  PrioStop stop)
{
	for (size_t done = 0; done < size;)
	{
		const uint8_t *piece[PRIO_TURBOSHAKE_LANES];
		size_t piece_size = size - done < BYTES_TO_STOP ? size - done : BYTES_TO_STOP;

		for (size_t lane = 0; lane < stream->lanes; lane++)
			piece[lane] = data[lane] + done;
		prio_turboshake_absorb(stream, piece, piece_size);
		done += piece_size;
		if (done < size && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	return PRIO_OK;
}

void
prio3_xof_seed(PrioTurboShake *stream, const Prio3Vdaf *vdaf, uint8_t *const out[])
{
	prio_turboshake_finish(stream, DOMAIN_BYTE);
	prio_turboshake_squeeze(stream, out, vdaf->seed_size);
}

/* The next size bytes of each lane; if there is a binder, which absorbs them, of the only one. */
static PrioStatus
squeeze(PrioTurboShake *stream, PrioTurboShake *binder, uint8_t *const *out, size_t size,
		PrioStop stop)
{
	for (size_t done = 0; done < size;)
	{
		uint8_t *piece[PRIO_TURBOSHAKE_LANES] = {NULL};
		size_t piece_size = size - done < BYTES_TO_STOP ? size - done : BYTES_TO_STOP;

		for (size_t lane = 0; lane < stream->lanes; lane++)
			piece[lane] = out[lane] + done;
		if (binder != NULL)
			prio_turboshake_squeeze_into(stream, binder, piece[0], piece_size);
		else
			prio_turboshake_squeeze(stream, piece, piece_size);
		done += piece_size;
		if (done < size && prio_stopped(stop))
			return PRIO_INTERRUPTED;
	}
	return PRIO_OK;
}

/*
 * Something was rejected, which nearly never happens: moves up what remains, and fills
 * the rest from the stream, an element at a time. The other lanes' go nowhere: nobody takes
 * more of this stream.
 */
static void
fill_up(PrioTurboShake *stream, const Prio3Vdaf *vdaf, uint8_t *const out[], size_t count)
{
	size_t have[PRIO_TURBOSHAKE_LANES] = {0};
	bool missing = false;

	for (size_t lane = 0; lane < stream->lanes; lane++)
	{
		have[lane] = prio3_elements_accept(vdaf, out[lane], count);
		missing |= have[lane] < count;
	}
	while (missing)
	{
		uint8_t waste[PRIO_TURBOSHAKE_LANES][16];
		uint8_t *to[PRIO_TURBOSHAKE_LANES];

		for (size_t lane = 0; lane < stream->lanes; lane++)
		{
			to[lane] = waste[lane];
			if (have[lane] < count)
				to[lane] = out[lane] + have[lane] * vdaf->element_size;
		}
		prio_turboshake_squeeze(stream, to, vdaf->element_size);
		missing = false;
		for (size_t lane = 0; lane < stream->lanes; lane++)
		{
			if (have[lane] < count)
				have[lane] += prio3_elements_are_reduced(vdaf, to[lane], 1);
			missing |= have[lane] < count;
		}
		prio_wipe(waste, sizeof(waste));
	}
}

/* Elements for each lane; *reduced: none of them was rejected. */
static PrioStatus
elements(PrioTurboShake *stream, PrioTurboShake *binder, const Prio3Vdaf *vdaf,
		 uint8_t *const out[], size_t count, PrioStop stop, bool *reduced)
{
	PrioStatus status;

	prio_turboshake_finish(stream, DOMAIN_BYTE);
	status = squeeze(stream, binder, out, count * vdaf->element_size, stop);
	if (status != PRIO_OK)
		return status;
	*reduced = true;
	for (size_t lane = 0; lane < stream->lanes; lane++)
		*reduced &= prio3_elements_are_reduced(vdaf, out[lane], count);
	if (!*reduced)
		fill_up(stream, vdaf, out, count);
	return PRIO_OK;
}

PrioStatus
prio3_xof_elements(PrioTurboShake *stream, const Prio3Vdaf *vdaf, uint8_t *const out[],
				   size_t count, PrioStop stop)
{
	bool reduced;

	return elements(stream, NULL, vdaf, out, count, stop, &reduced);
}

PrioStatus
prio3_xof_elements_to_binder(PrioTurboShake *stream, PrioTurboShake *binder,
							 const Prio3Vdaf *vdaf, uint8_t *out, size_t count, PrioStop stop,
							 bool *bound)
{
	return elements(stream, binder, vdaf, &out, count, stop, bound);
}
