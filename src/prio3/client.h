/*
 * client.h
 *		The client: shares of a measurement, with the proof that it is one.
 */
#ifndef PRIO_PRIO3_CLIENT_H
#define PRIO_PRIO3_CLIENT_H

#include "prio3/vdaf.h"

/* Bytes of scratch memory for prio3_shard(), aligned as malloc() does. */
extern size_t prio3_shard_scratch(const Prio3Vdaf *vdaf);

/*
 * Shards a measurement (docs/prio3.md, "Prio3 around it"):
 *
 *	measurement   vdaf->measurement_len integers. Count: 0 or 1. Sum: at most max. SumVec: each
 *	              at most max. Histogram: the number of a bucket, from 0. MultihotCountVec: 0 or
 *	              1 each, at most max ones. L1BoundSum: all of them together at most max.
 *	nonce         PRIO3_NONCE_BYTES, random, used once
 *	rand          vdaf->rand_size random bytes, used once
 *	public_share  room for vdaf->public_share_size bytes
 *	input_share   of A and of B: room for vdaf->input_share_size[role] bytes
 *
 * PRIO_OUT_OF_RANGE: no such measurement. PRIO_INTERRUPTED: stop said so. After a failure
 * nothing that was written means anything. The scratch memory is wiped.
 */
extern PrioStatus prio3_shard(const Prio3Vdaf *vdaf, const uint64_t *measurement,
							  const uint8_t nonce[PRIO3_NONCE_BYTES], const uint8_t *rand,
							  uint8_t *public_share, uint8_t *const input_share[2],
							  void *scratch, PrioStop stop);

#endif /* PRIO_PRIO3_CLIENT_H */
