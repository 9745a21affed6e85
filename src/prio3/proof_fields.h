/*
 * proof_fields.h
 *		The functions of proof.h for each field, for proof.c to choose from.
 */
#ifndef PRIO_PRIO3_PROOF_FIELDS_H
#define PRIO_PRIO3_PROOF_FIELDS_H

#include "prio3/vdaf.h"

typedef struct Prio3ProofFunctions
{
	size_t (*prove_scratch)(const Prio3Vdaf *vdaf);
	size_t (*query_scratch)(const Prio3Vdaf *vdaf);
	PrioStatus (*prove)(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *joint_rand,
						uint8_t *proof, void *scratch, PrioStop stop);
	PrioStatus (*query)(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
						const uint8_t *query_rand, const uint8_t *joint_rand,
						uint8_t *verifier, void *scratch, PrioStop stop);
	bool (*decide)(const Prio3Vdaf *vdaf, const uint8_t *a, const uint8_t *b);
	void (*truncate)(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output);
} Prio3ProofFunctions;

extern const Prio3ProofFunctions prio3_proof64;
extern const Prio3ProofFunctions prio3_proof128;

#endif /* PRIO_PRIO3_PROOF_FIELDS_H */
