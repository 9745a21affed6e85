/*
 * proof.c
 *		Measurements as elements, and the choice of the field.
 */
#include "prio3/proof.h"

#include "base/bytes.h"
#include "base/secret.h"
#include "field/field64.h"
#include "prio3/proof_fields.h"

#include <string.h>

static const Prio3ProofFunctions *
functions(const Prio3Vdaf *vdaf)
{
	return vdaf->element_size == FIELD64_BYTES ? &prio3_proof64 : &prio3_proof128;
}

size_t
prio3_prove_scratch(const Prio3Vdaf *vdaf)
{
	return functions(vdaf)->prove_scratch(vdaf);
}

size_t
prio3_query_scratch(const Prio3Vdaf *vdaf)
{
	return functions(vdaf)->query_scratch(vdaf);
}

PrioStatus
prio3_prove(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *joint_rand,
			uint8_t *proof, void *scratch, PrioStop stop)
{
	return functions(vdaf)->prove(vdaf, meas, joint_rand, proof, scratch, stop);
}

PrioStatus
prio3_query(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
			const uint8_t *query_rand, const uint8_t *joint_rand, uint8_t *verifier,
			void *scratch, PrioStop stop)
{
	return functions(vdaf)->query(vdaf, meas, proof, query_rand, joint_rand, verifier, scratch,
								  stop);
}

bool
prio3_decide(const Prio3Vdaf *vdaf, const uint8_t *a, const uint8_t *b)
{
	return functions(vdaf)->decide(vdaf, a, b);
}

void
prio3_truncate(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output)
{
	functions(vdaf)->truncate(vdaf, meas, output);
}

/* ------------------------------------------------------------------ encoding */

/* An element that is 0 or 1. */
static void
set_bit(const Prio3Vdaf *vdaf, uint8_t *meas, size_t i, uint64_t bit)
{
	uint8_t *element = meas + i * vdaf->element_size;

	memset(element, 0, vdaf->element_size);
	element[0] = (uint8_t) bit;
}

/* 1 if a < b, else 0, without a branch. */
static uint64_t
is_less(uint64_t a, uint64_t b)
{
	return (uint64_t) (((prio_uint128) a - b) >> 127);
}

/*
 * The bits of value, at elements i, i + 1 ... (docs/prio3.md, "Bits of an integer"). Returns 1
 * if it is at most max, else 0.
 */
static uint64_t
set_bits(const Prio3Vdaf *vdaf, uint8_t *meas, size_t i, uint64_t value)
{
	size_t last = vdaf->bits - 1;
	uint64_t low = (UINT64_C(1) << last) - 1; /* what the others make at most */
	uint64_t top = is_less(low, value);
	uint64_t rest = value - (-top & (vdaf->parameters.max - low));

	for (size_t b = 0; b < last; b++)
		set_bit(vdaf, meas, i + b, rest >> b & 1);
	set_bit(vdaf, meas, i + last, top);
	return is_less(vdaf->parameters.max, value) ^ 1;
}

PrioStatus
prio3_encode(const Prio3Vdaf *vdaf, const uint64_t *measurement, uint8_t *meas)
{
	uint64_t valid = 1;
	prio_uint128 sum = 0;

	switch (vdaf->parameters.kind)
	{
		case PRIO3_COUNT:
			valid = is_less(measurement[0], 2);
			set_bit(vdaf, meas, 0, measurement[0] & 1);
			break;
		case PRIO3_SUM:
		case PRIO3_SUM_VEC:
		case PRIO3_L1_BOUND_SUM:
			for (size_t i = 0; i < vdaf->output_len; i++)
			{
				valid &= set_bits(vdaf, meas, i * vdaf->bits, measurement[i]);
				sum += measurement[i];
			}
			if (vdaf->parameters.kind == PRIO3_L1_BOUND_SUM)
			{
				/* A sum beyond 64 bits, of so few elements, is beyond max as well. */
				valid &= is_less((uint64_t) (sum >> 64), 1);
				valid &= set_bits(vdaf, meas, vdaf->output_len * vdaf->bits, (uint64_t) sum);
			}
			break;
		case PRIO3_HISTOGRAM:
			for (size_t i = 0; i < vdaf->meas_len; i++)
			{
				uint64_t difference = measurement[0] ^ i;

				set_bit(vdaf, meas, i, is_less(difference, 1));
			}
			valid = is_less(measurement[0], vdaf->meas_len);
			break;
		case PRIO3_MULTIHOT_COUNT_VEC:
			for (size_t i = 0; i < vdaf->output_len; i++)
			{
				valid &= is_less(measurement[i], 2);
				set_bit(vdaf, meas, i, measurement[i] & 1);
				sum += measurement[i] & 1;
			}
			valid &= set_bits(vdaf, meas, vdaf->output_len, (uint64_t) sum);
			break;
	}
	/* The caller is told. */
	return prio_declassify(valid) != 0 ? PRIO_OK : PRIO_OUT_OF_RANGE;
}
