/*
 * xof.h
 *		XofTurboShake128: seeds and vectors from seeds (docs/prio3.md, "The XOF").
 *
 * As many streams in step as reports are computed side by side.
 */
#ifndef PRIO_PRIO3_XOF_H
#define PRIO_PRIO3_XOF_H

#include "crypto/turboshake.h"
#include "prio3/vdaf.h"

typedef enum Prio3Usage
{
	PRIO3_MEAS_SHARE = 1,
	PRIO3_PROOF_SHARE = 2,
	PRIO3_JOINT_RANDOMNESS = 3,
	PRIO3_PROVE_RANDOMNESS = 4,
	PRIO3_QUERY_RANDOMNESS = 5,
	PRIO3_JOINT_RAND_SEED = 6,
	PRIO3_JOINT_RAND_PART = 7
} Prio3Usage;

/*
 * Starts streams, lanes of them: each with its own seed of vdaf->seed_size bytes, or, if
 * one_seed, all with seeds[0]. The caller absorbs the binder, with prio_turboshake_absorb() or
 * prio3_xof_long_binder(), then takes a seed or elements, once, and wipes the stream.
 */
extern void prio3_xof_start(PrioTurboShake *stream, const Prio3Vdaf *vdaf, Prio3Usage usage,
							size_t lanes, const uint8_t *const seeds[], bool one_seed);

/* Absorbs much. */
extern PrioStatus prio3_xof_long_binder(PrioTurboShake *stream, const uint8_t *const data[],
										size_t size, PrioStop stop);

/* Ends the binder; one seed for each lane. */
extern void prio3_xof_seed(PrioTurboShake *stream, const Prio3Vdaf *vdaf, uint8_t *const out[]);

/*
 * Ends the binder; count elements for each lane, as bytes, by rejection. A rejected
 * candidate is used for nothing else, so whether there was one (one in 2^32 or 2^59) is not secret.
 */
extern PrioStatus prio3_xof_elements(PrioTurboShake *stream, const Prio3Vdaf *vdaf,
									 uint8_t *const out[], size_t count, PrioStop stop);

/*
 * The same for one lane, while another stream of one lane absorbs the elements as its binder. If one
 * was rejected, that has absorbed it, too: *bound is false, and the binder has to be begun anew.
 */
extern PrioStatus prio3_xof_elements_to_binder(PrioTurboShake *stream, PrioTurboShake *binder,
											   const Prio3Vdaf *vdaf, uint8_t *out,
											   size_t count, PrioStop stop, bool *bound);

#endif /* PRIO_PRIO3_XOF_H */
