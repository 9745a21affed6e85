/*
 * turboshake.h
 *		TurboSHAKE128 (RFC 9861): up to eight independent streams in step.
 *
 * Keccak-p[1600] of 12 rounds, rate 168 bytes. All lanes absorb and squeeze the same
 * number of bytes at a time; what differs is the bytes. The states lie beside one another as the
 * chosen kernel wants them (kernels/kernels.h), so that eight streams can cost what two do.
 */
#ifndef PRIO_CRYPTO_TURBOSHAKE_H
#define PRIO_CRYPTO_TURBOSHAKE_H

#include <stddef.h>
#include <stdint.h>

#define PRIO_TURBOSHAKE_LANES 8
#define PRIO_TURBOSHAKE_RATE 168

typedef struct PrioTurboShake
{
	/*
	 * Groups of `width` states: word i of lane l is at
	 * words[(l / width * 25 + i) * width + l % width].
	 */
	uint64_t words[25 * PRIO_TURBOSHAKE_LANES];
	size_t lanes;
	size_t width;
	void (*permute)(uint64_t *states);

	/* Bytes of the current block that were absorbed or squeezed. */
	size_t position;

	/* The current block of each lane, while absorbing. */
	uint8_t block[PRIO_TURBOSHAKE_LANES][PRIO_TURBOSHAKE_RATE];
} PrioTurboShake;

/* Starts so many streams, 1 to PRIO_TURBOSHAKE_LANES. The caller wipes it in the end. */
extern void prio_turboshake_init(PrioTurboShake *stream, size_t lanes);

/* Absorbs size bytes for every lane: the same ones, or each lane its own. */
extern void prio_turboshake_absorb_all(PrioTurboShake *stream, const uint8_t *data, size_t size);
extern void prio_turboshake_absorb(PrioTurboShake *stream, const uint8_t *const data[],
								   size_t size);

/* Ends the message, with a domain byte of 1 to 127. */
extern void prio_turboshake_finish(PrioTurboShake *stream, uint8_t domain);

/* The next size bytes of every lane; size is a multiple of 8 in all calls but the last. */
extern void prio_turboshake_squeeze(PrioTurboShake *stream, uint8_t *const out[], size_t size);

/*
 * The next size bytes of a stream, which another one absorbs, each of one lane; size as above. Block by block
 * both are computed in step, which a kernel of several states does at the price of one.
 */
extern void prio_turboshake_squeeze_into(PrioTurboShake *from, PrioTurboShake *to,
										 uint8_t *out, size_t size);

#endif /* PRIO_CRYPTO_TURBOSHAKE_H */
