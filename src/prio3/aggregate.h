/*
 * aggregate.h
 *		Aggregate shares: sums of output shares, and the result.
 *
 * An aggregate share is vdaf->output_share_size bytes: elements of the field, little endian,
 * each below p. The share of no reports is all zeros.
 */
#ifndef PRIO_PRIO3_AGGREGATE_H
#define PRIO_PRIO3_AGGREGATE_H

#include "prio3/vdaf.h"

/*
 * Is it an aggregate share (or output share) of this VDAF? PRIO_WRONG_LENGTH,
 * PRIO_OUT_OF_RANGE.
 */
extern PrioStatus prio3_check_aggregate(const Prio3Vdaf *vdaf, const uint8_t *share,
										size_t size);

/*
 * total += share, total -= share. Both are shares that prio3_check_aggregate() accepts, or
 * were made here.
 */
extern void prio3_aggregate_add(const Prio3Vdaf *vdaf, uint8_t *total, const uint8_t *share);
extern void prio3_aggregate_subtract(const Prio3Vdaf *vdaf, uint8_t *total,
									 const uint8_t *share);

/*
 * The result of so many reports, vdaf->output_len integers. Fails as
 * prio3_check_aggregate() does for each share; with PRIO_MISMATCH if so many reports cannot
 * have that result: the shares do not belong together, or another number of reports is in
 * them. (A Histogram's counts make exactly the number of reports.)
 */
extern PrioStatus prio3_unshard(const Prio3Vdaf *vdaf, const uint8_t *share_a, size_t size_a,
								const uint8_t *share_b, size_t size_b, uint64_t reports,
								prio_uint128 *result);

#endif /* PRIO_PRIO3_AGGREGATE_H */
