/*
 * verify.h
 *		The two servers: from input shares to output shares.
 *
 * Each server calls prio3_verify_init() for its input share and sends the verifier share to
 * the other; whoever has both makes the verifier message; prio3_verify_next() then says
 * whether this server may add the output share. One server can accept what the other
 * refuses, when a client has falsified the public share: a report counts when both accept.
 *
 * Reports come in arrays: up to PRIO3_LANES of them are computed side by side in vector
 * registers, so that hundreds at once cost less each than one alone. A report that is at
 * fault never disturbs another.
 */
#ifndef PRIO_PRIO3_VERIFY_H
#define PRIO_PRIO3_VERIFY_H

#include "prio3/state.h"

#define PRIO3_LANES 8

/* One report for prio3_verify_init(). */
typedef struct Prio3Report
{
	/* In: as they came, whatever their sizes. */
	const uint8_t *nonce; /* PRIO3_NONCE_BYTES */
	const uint8_t *public_share;
	size_t public_share_size;
	const uint8_t *input_share;
	size_t input_share_size;

	/* Out: each NULL, or room for what it is called. */
	uint8_t *state;          /* prio3_state_size() bytes */
	uint8_t *verifier_share; /* vdaf->verifier_share_size bytes */
	uint8_t *output_share; /* vdaf->output_share_size bytes; not to be added before verify_next */
	uint8_t *joint_seed; /* vdaf->message_size bytes; what the message has to be equal to */

	/*
	 * Out: PRIO_OK, or what is wrong with this report: PRIO_WRONG_LENGTH, PRIO_OUT_OF_RANGE
	 * (an element is not below p), PRIO_BAD_POINT (the query point is a root of unity, with a
	 * probability of 2^-57 at most). Then nothing that was written means anything.
	 */
	PrioStatus status;
} Prio3Report;

/* Bytes of scratch memory for so many reports in one call, aligned as malloc() does. */
extern size_t prio3_verify_init_scratch(const Prio3Vdaf *vdaf, PrioRole role, size_t count);

/*
 * Verifies input shares (docs/prio3.md, "The query"). verify_key has vdaf->seed_size bytes and is
 * secret. Returns PRIO_OK when every report has its status, or PRIO_INTERRUPTED, and then none
 * means anything. The scratch memory is wiped.
 */
extern PrioStatus prio3_verify_init(const Prio3Vdaf *vdaf, PrioRole role,
									const uint8_t *verify_key, Prio3Report *reports,
									size_t count, void *scratch, PrioStop stop);

/*
 * Decides, and makes the verifier message, vdaf->message_size bytes (perhaps none), from
 * the verifier shares of A and B (docs/prio3.md, "The decision"). PRIO_WRONG_LENGTH,
 * PRIO_OUT_OF_RANGE: one of the shares is malformed; PRIO_PROOF_FAILED: the proof does not
 * hold. Takes no scratch memory and no time to speak of.
 */
extern PrioStatus prio3_verifier_message(const Prio3Vdaf *vdaf, const uint8_t *share_a,
										 size_t size_a, const uint8_t *share_b, size_t size_b,
										 uint8_t *message);

/*
 * Does the verifier message fit the joint randomness that this server used?
 * PRIO_WRONG_LENGTH, or PRIO_JOINT_RAND_DIFFERS. This is all that verify_next checks.
 */
extern PrioStatus prio3_check_message(const Prio3Vdaf *vdaf, const uint8_t *joint_seed,
									  const uint8_t *message, size_t size);

/* One report for prio3_verify_next(). */
typedef struct Prio3Finish
{
	const uint8_t *joint_seed; /* of the state */
	const uint8_t *secret;     /* of the state */
	const uint8_t *message;
	size_t message_size;
	uint8_t *output_share; /* out: vdaf->output_share_size bytes */
	PrioStatus status;     /* out: as prio3_check_message() says */
} Prio3Finish;

extern size_t prio3_verify_next_scratch(const Prio3Vdaf *vdaf, PrioRole role, size_t count);

/*
 * The output shares of accepted reports. Fails as a whole with PRIO_INTERRUPTED alone.
 * The scratch memory is wiped. Needs no tables.
 */
extern PrioStatus prio3_verify_next(const Prio3Vdaf *vdaf, PrioRole role, Prio3Finish *reports,
									size_t count, void *scratch, PrioStop stop);

#endif /* PRIO_PRIO3_VERIFY_H */
