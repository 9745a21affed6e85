/*
 * aggregate.c
 *		Aggregate shares and the result.
 */
#include "prio3/aggregate.h"

#include "field/field128.h"
#include "field/field64.h"
#include "prio3/elements.h"

PrioStatus
prio3_check_aggregate(const Prio3Vdaf *vdaf, const uint8_t *share, size_t size)
{
	if (size != vdaf->output_share_size)
		return PRIO_WRONG_LENGTH;
	return prio3_elements_are_reduced(vdaf, share, vdaf->output_len) ? PRIO_OK :
																	   PRIO_OUT_OF_RANGE;
}

void
prio3_aggregate_add(const Prio3Vdaf *vdaf, uint8_t *total, const uint8_t *share)
{
	prio3_elements_add(vdaf, total, share, vdaf->output_len);
}

void
prio3_aggregate_subtract(const Prio3Vdaf *vdaf, uint8_t *total, const uint8_t *share)
{
	prio3_elements_subtract(vdaf, total, share, vdaf->output_len);
}

/* Element i of the sum of both shares. */
static prio_uint128
sum_of_shares(const Prio3Vdaf *vdaf, const uint8_t *a, const uint8_t *b, size_t i)
{
	size_t at = i * vdaf->element_size;

	if (vdaf->element_size == FIELD64_BYTES)
		return field64_to_integer(field64_add(field64_load(a + at), field64_load(b + at)));
	return field128_to_integer(field128_add(field128_load(a + at), field128_load(b + at)));
}

PrioStatus
prio3_unshard(const Prio3Vdaf *vdaf, const uint8_t *share_a, size_t size_a,
			  const uint8_t *share_b, size_t size_b, uint64_t reports, prio_uint128 *result)
{
	Prio3Kind kind = vdaf->parameters.kind;
	PrioStatus status = prio3_check_aggregate(vdaf, share_a, size_a);
	prio_uint128 all = (prio_uint128) reports * vdaf->parameters.max;
	prio_uint128 bound = kind == PRIO3_MULTIHOT_COUNT_VEC ? reports : all;
	prio_uint128 sum = 0;

	if (status == PRIO_OK)
		status = prio3_check_aggregate(vdaf, share_b, size_b);
	if (status != PRIO_OK)
		return status;
	for (size_t i = 0; i < vdaf->output_len; i++)
	{
		result[i] = sum_of_shares(vdaf, share_a, share_b, i);
		if (result[i] > bound)
			return PRIO_MISMATCH;
		/* At most 2^64 in each, and 2^30 of them. */
		if (kind == PRIO3_HISTOGRAM || kind == PRIO3_MULTIHOT_COUNT_VEC)
			sum += result[i];
		else if (kind == PRIO3_L1_BOUND_SUM)
		{
			if (result[i] > bound - sum)
				return PRIO_MISMATCH;
			sum += result[i];
		}
	}
	if ((kind == PRIO3_HISTOGRAM && sum != reports) ||
		(kind == PRIO3_MULTIHOT_COUNT_VEC && sum > all))
		return PRIO_MISMATCH;
	return PRIO_OK;
}
