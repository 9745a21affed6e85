/*
 * verify.c
 *		From input shares to verifier shares, the message, and output shares.
 */
#include "prio3/verify.h"

#include "base/secret.h"
#include "prio3/elements.h"
#include "prio3/proof.h"
#include "prio3/state.h"
#include "prio3/xof.h"

#include <string.h>

#define ALIGN(size) (((size) + 15) & ~(size_t) 15)

/* The number of proofs, before what binds to it. */
static const uint8_t one_proof = 1;

/* Lanes may take so much scratch memory together; one lane takes what it needs. */
#define LANES_BYTES ((size_t) 16 * 1024 * 1024)

_Static_assert(PRIO3_LANES == PRIO_TURBOSHAKE_LANES, "as many reports as streams");

/* How many of so many reports are computed side by side. */
static size_t
lanes_for(size_t lane_size, size_t count)
{
	size_t lanes = count < PRIO3_LANES ? count : PRIO3_LANES;

	while (lanes > 1 && lanes * lane_size > LANES_BYTES)
		lanes--;
	return lanes;
}

/* ------------------------------------------------------------------ verify_init */

/* One report on its way: pointers into its input share or into scratch memory. */
typedef struct Lane
{
	Prio3Report *report;
	const uint8_t *meas;
	const uint8_t *proof;
	const uint8_t *blind;
	uint8_t *expanded;   /* B: both shares from their seeds */
	uint8_t *joint_rand; /* joint randomness */
	uint8_t *query_rand; /* query randomness */
	uint8_t *verifier;   /* the verifier share, this server's part behind it */
	uint8_t *joint_seed; /* what all joint randomness comes from */
} Lane;

/* What one call computes with, at the start of the scratch memory. */
typedef struct Work
{
	const Prio3Vdaf *vdaf;
	PrioRole role;
	const uint8_t *verify_key;
	PrioStop stop;
	void *query;
	size_t lanes;
	Lane lane[PRIO3_LANES];
	PrioTurboShake stream;
	PrioTurboShake parts; /* of joint randomness: absorbs shares of the measurement */
	bool parts_bound;     /* it has, while they were expanded */
} Work;

static size_t
expanded_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return role == PRIO_B ? ALIGN((vdaf->meas_len + vdaf->proof_len) * vdaf->element_size) : 0;
}

static size_t
lane_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return expanded_size(vdaf, role) + ALIGN(vdaf->joint_rand_len * vdaf->element_size) +
		ALIGN(vdaf->query_rand_len * vdaf->element_size) + ALIGN(vdaf->verifier_share_size) +
		ALIGN(PRIO3_MAX_SEED_BYTES);
}

size_t
prio3_verify_init_scratch(const Prio3Vdaf *vdaf, PrioRole role, size_t count)
{
	size_t size = lane_size(vdaf, role);

	return ALIGN(sizeof(Work)) + ALIGN(prio3_query_scratch(vdaf)) +
		lanes_for(size, count) * size;
}

static void
lay_out(Work *work, uint8_t *scratch, size_t lanes)
{
	const Prio3Vdaf *vdaf = work->vdaf;
	uint8_t *at = scratch + ALIGN(sizeof(Work));

	work->query = at;
	at += ALIGN(prio3_query_scratch(vdaf));
	for (size_t i = 0; i < lanes; i++)
	{
		Lane *lane = &work->lane[i];

		lane->expanded = at;
		at += expanded_size(vdaf, work->role);
		lane->joint_rand = at;
		at += ALIGN(vdaf->joint_rand_len * vdaf->element_size);
		lane->query_rand = at;
		at += ALIGN(vdaf->query_rand_len * vdaf->element_size);
		lane->verifier = at;
		at += ALIGN(vdaf->verifier_share_size);
		lane->joint_seed = at;
		at += ALIGN(PRIO3_MAX_SEED_BYTES);
	}
}

/* Lengths, and for A the range of every element. */
static PrioStatus
check_report(const Prio3Vdaf *vdaf, PrioRole role, const Prio3Report *report)
{
	if (report->public_share_size != vdaf->public_share_size ||
		report->input_share_size != vdaf->input_share_size[role])
		return PRIO_WRONG_LENGTH;
	if (role == PRIO_A &&
		!prio3_elements_are_reduced(vdaf, report->input_share, vdaf->meas_len + vdaf->proof_len))
		return PRIO_OUT_OF_RANGE;
	return PRIO_OK;
}

/* Starts the own part of every report, up to the share of the measurement. */
static void
start_parts(Work *work)
{
	const uint8_t id = (uint8_t) work->role;
	const uint8_t *blind[PRIO3_LANES];
	const uint8_t *nonce[PRIO3_LANES];

	for (size_t i = 0; i < work->lanes; i++)
	{
		blind[i] = work->lane[i].blind;
		nonce[i] = work->lane[i].report->nonce;
	}
	prio3_xof_start(&work->parts, work->vdaf, PRIO3_JOINT_RAND_PART, work->lanes, blind, false);
	prio_turboshake_absorb_all(&work->parts, &id, 1);
	prio_turboshake_absorb(&work->parts, nonce, PRIO3_NONCE_BYTES);
}

/*
 * Shares of the measurement and the proof: A has them, B expands its seeds. Of a single report, the
 * share of the measurement is what its part absorbs, at the same time.
 */
static PrioStatus
expand_shares(Work *work)
{
	static const uint8_t helper_id = PRIO_B;
	static const uint8_t proofs_and_helper_id[2] = {1, PRIO_B};
	const Prio3Vdaf *vdaf = work->vdaf;
	size_t meas_size = vdaf->meas_len * vdaf->element_size;
	const uint8_t *seed[PRIO3_LANES];
	const uint8_t *proof_seed[PRIO3_LANES];
	uint8_t *meas[PRIO3_LANES] = {NULL};
	uint8_t *proof[PRIO3_LANES] = {NULL};
	PrioStatus status;

	for (size_t i = 0; i < work->lanes; i++)
	{
		Lane *lane = &work->lane[i];
		const uint8_t *share = lane->report->input_share;

		lane->blind = share + vdaf->input_share_size[work->role] - vdaf->message_size;
		seed[i] = share;
		proof_seed[i] = lane->blind - vdaf->seed_size;
		meas[i] = lane->expanded;
		proof[i] = lane->expanded + meas_size;
		lane->meas = work->role == PRIO_A ? share : meas[i];
		lane->proof = lane->meas + meas_size;
	}
	work->parts_bound = false;
	if (work->role == PRIO_A)
		return PRIO_OK;

	prio3_xof_start(&work->stream, vdaf, PRIO3_MEAS_SHARE, work->lanes, seed, false);
	prio_turboshake_absorb_all(&work->stream, &helper_id, 1);
	if (work->lanes == 1 && prio3_has_joint_rand(vdaf))
	{
		start_parts(work);
		status = prio3_xof_elements_to_binder(&work->stream, &work->parts, vdaf, meas[0],
											  vdaf->meas_len, work->stop, &work->parts_bound);
	}
	else
		status = prio3_xof_elements(&work->stream, vdaf, meas, vdaf->meas_len, work->stop);
	if (status != PRIO_OK)
		return status;
	prio3_xof_start(&work->stream, vdaf, PRIO3_PROOF_SHARE, work->lanes, proof_seed, false);
	prio_turboshake_absorb_all(&work->stream, proofs_and_helper_id, 2);
	return prio3_xof_elements(&work->stream, vdaf, proof, vdaf->proof_len, work->stop);
}

/*
 * The own part of every report, behind its verifier; the seed of the joint randomness from the
 * parts of the public share with the own one replaced; and joint randomness.
 */
static PrioStatus
make_joint_rand(Work *work)
{
	static const uint8_t no_seed[PRIO3_MAX_SEED_BYTES];
	const Prio3Vdaf *vdaf = work->vdaf;
	size_t seed_size = vdaf->seed_size;
	const uint8_t *meas[PRIO3_LANES];
	const uint8_t *parts[2][PRIO3_LANES];
	uint8_t *part[PRIO3_LANES];
	uint8_t *joint_seed[PRIO3_LANES];
	const uint8_t *seed[PRIO3_LANES];
	uint8_t *joint_rand[PRIO3_LANES];
	const uint8_t *const zeros = no_seed;
	PrioStatus status;

	for (size_t i = 0; i < work->lanes; i++)
	{
		const Lane *lane = &work->lane[i];

		meas[i] = lane->meas;
		part[i] = lane->verifier + vdaf->verifier_len * vdaf->element_size;
		parts[work->role][i] = part[i];
		parts[!work->role][i] = lane->report->public_share + (size_t) !work->role * seed_size;
		joint_seed[i] = lane->joint_seed;
		seed[i] = lane->joint_seed;
		joint_rand[i] = lane->joint_rand;
	}
	if (!work->parts_bound)
	{
		start_parts(work);
		status = prio3_xof_long_binder(&work->parts, meas, vdaf->meas_len * vdaf->element_size,
									   work->stop);
		if (status != PRIO_OK)
			return status;
	}
	prio3_xof_seed(&work->parts, vdaf, part);

	prio3_xof_start(&work->stream, vdaf, PRIO3_JOINT_RAND_SEED, work->lanes, &zeros, true);
	prio_turboshake_absorb(&work->stream, parts[PRIO_A], seed_size);
	prio_turboshake_absorb(&work->stream, parts[PRIO_B], seed_size);
	prio3_xof_seed(&work->stream, vdaf, joint_seed);

	prio3_xof_start(&work->stream, vdaf, PRIO3_JOINT_RANDOMNESS, work->lanes, seed, false);
	prio_turboshake_absorb_all(&work->stream, &one_proof, 1);
	return prio3_xof_elements(&work->stream, vdaf, joint_rand, vdaf->joint_rand_len, work->stop);
}

static PrioStatus
make_query_rand(Work *work)
{
	const uint8_t *nonce[PRIO3_LANES];
	uint8_t *query_rand[PRIO3_LANES];

	for (size_t i = 0; i < work->lanes; i++)
	{
		nonce[i] = work->lane[i].report->nonce;
		query_rand[i] = work->lane[i].query_rand;
	}
	prio3_xof_start(&work->stream, work->vdaf, PRIO3_QUERY_RANDOMNESS, work->lanes,
					&work->verify_key, true);
	prio_turboshake_absorb_all(&work->stream, &one_proof, 1);
	prio_turboshake_absorb(&work->stream, nonce, PRIO3_NONCE_BYTES);
	return prio3_xof_elements(&work->stream, work->vdaf, query_rand,
							  work->vdaf->query_rand_len, work->stop);
}

/* Hands out what the caller wants to have of a report. */
static void
write_results(const Work *work, const Lane *lane)
{
	const Prio3Vdaf *vdaf = work->vdaf;
	Prio3Report *report = lane->report;

	if (report->verifier_share != NULL)
		memcpy(report->verifier_share, lane->verifier, vdaf->verifier_share_size);
	if (report->joint_seed != NULL)
		memcpy(report->joint_seed, lane->joint_seed, vdaf->message_size);
	if (report->output_share != NULL)
		prio3_truncate(vdaf, lane->meas, report->output_share);
	if (report->state != NULL)
	{
		uint8_t *at = prio3_state_write_head(vdaf, work->role, report->state);

		memcpy(at, lane->verifier, vdaf->verifier_share_size);
		at += vdaf->verifier_share_size;
		memcpy(at, lane->joint_seed, vdaf->message_size);
		at += vdaf->message_size;
		if (work->role == PRIO_A)
			prio3_truncate(vdaf, lane->meas, at);
		else
			memcpy(at, report->input_share, vdaf->seed_size);
	}
}

/* All reports that lanes were given to. */
static PrioStatus
verify_lanes(Work *work)
{
	PrioStatus status = expand_shares(work);

	if (status == PRIO_OK && prio3_has_joint_rand(work->vdaf))
		status = make_joint_rand(work);
	if (status == PRIO_OK)
		status = make_query_rand(work);
	for (size_t i = 0; i < work->lanes && status == PRIO_OK; i++)
	{
		Lane *lane = &work->lane[i];

		if (prio_stopped(work->stop))
			return PRIO_INTERRUPTED;
		status = prio3_query(work->vdaf, lane->meas, lane->proof, lane->query_rand,
							 lane->joint_rand, lane->verifier, work->query, work->stop);
		lane->report->status = status;
		if (status == PRIO_OK)
			write_results(work, lane);
		if (status != PRIO_INTERRUPTED)
			status = PRIO_OK;
	}
	return status;
}

PrioStatus
prio3_verify_init(const Prio3Vdaf *vdaf, PrioRole role, const uint8_t *verify_key,
				  Prio3Report *reports, size_t count, void *scratch, PrioStop stop)
{
	Work *work = scratch;
	size_t lanes = lanes_for(lane_size(vdaf, role), count);
	PrioStatus status = PRIO_OK;

	work->vdaf = vdaf;
	work->role = role;
	work->verify_key = verify_key;
	work->stop = stop;
	work->lanes = 0;
	lay_out(work, scratch, lanes);
	for (size_t i = 0; i < count && status == PRIO_OK; i++)
	{
		reports[i].status = check_report(vdaf, role, &reports[i]);
		if (reports[i].status == PRIO_OK)
			work->lane[work->lanes++].report = &reports[i];
		if (work->lanes == lanes || (i + 1 == count && work->lanes > 0))
		{
			status = verify_lanes(work);
			work->lanes = 0;
		}
	}
	prio_wipe(scratch, prio3_verify_init_scratch(vdaf, role, count));
	return status;
}

/* ------------------------------------------------------------------ the message */

PrioStatus
prio3_verifier_message(const Prio3Vdaf *vdaf, const uint8_t *share_a, size_t size_a,
					   const uint8_t *share_b, size_t size_b, uint8_t *message)
{
	static const uint8_t no_seed[PRIO3_MAX_SEED_BYTES];
	const uint8_t *const zeros = no_seed;
	size_t part_at = vdaf->verifier_len * vdaf->element_size;
	PrioTurboShake stream;

	if (size_a != vdaf->verifier_share_size || size_b != vdaf->verifier_share_size)
		return PRIO_WRONG_LENGTH;
	if (!prio3_elements_are_reduced(vdaf, share_a, vdaf->verifier_len) ||
		!prio3_elements_are_reduced(vdaf, share_b, vdaf->verifier_len))
		return PRIO_OUT_OF_RANGE;
	if (!prio3_decide(vdaf, share_a, share_b))
		return PRIO_PROOF_FAILED;
	if (prio3_has_joint_rand(vdaf))
	{
		prio3_xof_start(&stream, vdaf, PRIO3_JOINT_RAND_SEED, 1, &zeros, true);
		prio_turboshake_absorb_all(&stream, share_a + part_at, vdaf->seed_size);
		prio_turboshake_absorb_all(&stream, share_b + part_at, vdaf->seed_size);
		prio3_xof_seed(&stream, vdaf, &message);
	}
	return PRIO_OK;
}

/* ------------------------------------------------------------------ verify_next */

PrioStatus
prio3_check_message(const Prio3Vdaf *vdaf, const uint8_t *joint_seed, const uint8_t *message,
					size_t size)
{
	uint64_t different = 0;

	if (size != vdaf->message_size)
		return PRIO_WRONG_LENGTH;
	for (size_t i = 0; i < size; i++)
		different |= joint_seed[i] ^ message[i];
	/* The seed is no secret between the servers: the honest client's public share gives it. */
	return prio_declassify(different) == 0 ? PRIO_OK : PRIO_JOINT_RAND_DIFFERS;
}

static size_t
meas_share_size(const Prio3Vdaf *vdaf, PrioRole role)
{
	return role == PRIO_B ? ALIGN(vdaf->meas_len * vdaf->element_size) : 0;
}

size_t
prio3_verify_next_scratch(const Prio3Vdaf *vdaf, PrioRole role, size_t count)
{
	size_t size = meas_share_size(vdaf, role);

	return ALIGN(sizeof(PrioTurboShake)) + lanes_for(size, count) * size;
}

/* B's output shares, from the seeds again. */
static PrioStatus
expand_again(const Prio3Vdaf *vdaf, PrioTurboShake *stream, Prio3Finish *const reports[],
			 size_t lanes, uint8_t *memory, PrioStop stop)
{
	static const uint8_t helper_id = PRIO_B;
	const uint8_t *seed[PRIO3_LANES];
	uint8_t *meas[PRIO3_LANES];
	PrioStatus status;

	for (size_t i = 0; i < lanes; i++)
	{
		seed[i] = reports[i]->secret;
		meas[i] = memory + i * meas_share_size(vdaf, PRIO_B);
	}
	prio3_xof_start(stream, vdaf, PRIO3_MEAS_SHARE, lanes, seed, false);
	prio_turboshake_absorb_all(stream, &helper_id, 1);
	status = prio3_xof_elements(stream, vdaf, meas, vdaf->meas_len, stop);
	for (size_t i = 0; i < lanes && status == PRIO_OK; i++)
		prio3_truncate(vdaf, meas[i], reports[i]->output_share);
	return status;
}

PrioStatus
prio3_verify_next(const Prio3Vdaf *vdaf, PrioRole role, Prio3Finish *reports, size_t count,
				  void *scratch, PrioStop stop)
{
	PrioTurboShake *stream = scratch;
	uint8_t *memory = (uint8_t *) scratch + ALIGN(sizeof(PrioTurboShake));
	size_t max_lanes = lanes_for(meas_share_size(vdaf, role), count);
	Prio3Finish *lane[PRIO3_LANES];
	size_t lanes = 0;
	PrioStatus status = PRIO_OK;

	for (size_t i = 0; i < count && status == PRIO_OK; i++)
	{
		Prio3Finish *report = &reports[i];

		report->status = prio3_check_message(vdaf, report->joint_seed, report->message,
											 report->message_size);
		if (report->status == PRIO_OK && role == PRIO_A)
			memcpy(report->output_share, report->secret, vdaf->output_share_size);
		else if (report->status == PRIO_OK)
			lane[lanes++] = report;
		if (lanes == max_lanes || (i + 1 == count && lanes > 0))
		{
			status = expand_again(vdaf, stream, lane, lanes, memory, stop);
			lanes = 0;
		}
	}
	prio_wipe(scratch, prio3_verify_next_scratch(vdaf, role, count));
	return status;
}
