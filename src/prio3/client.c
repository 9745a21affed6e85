/*
 * client.c
 *		From a measurement to two input shares.
 */
#include "prio3/client.h"

#include "base/secret.h"
#include "prio3/elements.h"
#include "prio3/proof.h"
#include "prio3/xof.h"

#include <string.h>

#define ALIGN(size) (((size) + 15) & ~(size_t) 15)

/* A client's randomness, taken apart: docs/prio3.md, "Prio3 around it". */
typedef struct Randomness
{
	const uint8_t *helper; /* its seeds and blind: the helper's input share */
	const uint8_t *helper_proof_seed;
	const uint8_t *blind[2];
	const uint8_t *prove_seed;
} Randomness;

static Randomness
take_apart(const Prio3Vdaf *vdaf, const uint8_t *rand)
{
	size_t seed = vdaf->seed_size;
	size_t blind = vdaf->message_size; /* 0 without joint randomness */
	size_t helper = vdaf->input_share_size[PRIO_B];
	Randomness parts = {
		.helper = rand,
		/* The last of the helper's seeds: in draft 8 the second of two. */
		.helper_proof_seed = rand + helper - blind - seed,
		.blind = {rand + helper, rand + helper - blind},
		.prove_seed = rand + helper + blind,
	};

	return parts;
}

/* Scratch memory: where the vectors lie. */
typedef struct Memory
{
	uint8_t *meas;       /* the measurement */
	uint8_t *helper;     /* the helper's share of it, and then of the proof */
	uint8_t *proof;      /* the proof */
	uint8_t *joint_rand; /* joint randomness */
	void *prove;         /* what prio3_prove() needs */
	PrioTurboShake *stream;
	size_t size;
} Memory;

static Memory
lay_out(const Prio3Vdaf *vdaf, uint8_t *scratch)
{
	size_t element = vdaf->element_size;
	size_t longest = vdaf->meas_len > vdaf->proof_len ? vdaf->meas_len : vdaf->proof_len;
	size_t at[6];

	at[0] = ALIGN(vdaf->meas_len * element);
	at[1] = at[0] + ALIGN(longest * element);
	at[2] = at[1] + ALIGN(vdaf->proof_len * element);
	at[3] = at[2] + ALIGN(vdaf->joint_rand_len * element);
	at[4] = at[3] + ALIGN(prio3_prove_scratch(vdaf));
	at[5] = at[4] + ALIGN(sizeof(PrioTurboShake));
	return (Memory){scratch,
					scratch + at[0],
					scratch + at[1],
					scratch + at[2],
					scratch + at[3],
					(PrioTurboShake *) (void *) (scratch + at[4]),
					at[5]};
}

size_t
prio3_shard_scratch(const Prio3Vdaf *vdaf)
{
	static uint8_t nowhere[1];

	return lay_out(vdaf, nowhere).size;
}

/* Elements from one seed and a short binder. */
static PrioStatus
expand(PrioTurboShake *stream, const Prio3Vdaf *vdaf, Prio3Usage usage, const uint8_t *seed,
	   const uint8_t *binder, size_t binder_size, uint8_t *out, size_t count, PrioStop stop)
{
	prio3_xof_start(stream, vdaf, usage, 1, &seed, true);
	prio_turboshake_absorb_all(stream, binder, binder_size);
	return prio3_xof_elements(stream, vdaf, &out, count, stop);
}

/* Both parts, into the public share; and joint randomness from them. */
static PrioStatus
make_joint_rand(const Prio3Vdaf *vdaf, const Randomness *rand, const uint8_t *nonce,
				const uint8_t *const meas[2], uint8_t *public_share, Memory *memory,
				PrioStop stop)
{
	static const uint8_t no_seed[PRIO3_MAX_SEED_BYTES];
	static const uint8_t ids[2] = {PRIO_A, PRIO_B};
	static const uint8_t proofs = 1;
	const uint8_t *const id[2] = {&ids[PRIO_A], &ids[PRIO_B]};
	uint8_t *const part[2] = {public_share, public_share + vdaf->seed_size};
	const uint8_t *seed = no_seed;
	uint8_t joint_seed[PRIO3_MAX_SEED_BYTES];
	uint8_t *to = joint_seed;
	PrioStatus status;

	prio3_xof_start(memory->stream, vdaf, PRIO3_JOINT_RAND_PART, 2, rand->blind, false);
	prio_turboshake_absorb(memory->stream, id, 1);
	prio_turboshake_absorb_all(memory->stream, nonce, PRIO3_NONCE_BYTES);
	status =
		prio3_xof_long_binder(memory->stream, meas, vdaf->meas_len * vdaf->element_size, stop);
	if (status != PRIO_OK)
		return status;
	prio3_xof_seed(memory->stream, vdaf, part);

	prio3_xof_start(memory->stream, vdaf, PRIO3_JOINT_RAND_SEED, 1, &seed, true);
	prio_turboshake_absorb_all(memory->stream, public_share, vdaf->public_share_size);
	prio3_xof_seed(memory->stream, vdaf, &to);
	/* Whoever has the public share can compute all of this. */
	return expand(memory->stream, vdaf, PRIO3_JOINT_RANDOMNESS, joint_seed, &proofs, 1,
				  memory->joint_rand, vdaf->joint_rand_len, stop);
}

static PrioStatus
shard(const Prio3Vdaf *vdaf, const uint64_t *measurement, const uint8_t *nonce,
	  const Randomness *rand, uint8_t *public_share, uint8_t *const input_share[2],
	  Memory *memory, PrioStop stop)
{
	static const uint8_t helper_id = PRIO_B;
	static const uint8_t proofs_and_helper_id[2] = {1, PRIO_B};
	size_t meas_size = vdaf->meas_len * vdaf->element_size;
	size_t proof_size = vdaf->proof_len * vdaf->element_size;
	uint8_t *leader = input_share[PRIO_A];
	const uint8_t *const meas_shares[2] = {leader, memory->helper};
	PrioStatus status = prio3_encode(vdaf, measurement, memory->meas);

	if (status == PRIO_OK)
		status = expand(memory->stream, vdaf, PRIO3_MEAS_SHARE, rand->helper, &helper_id, 1,
						memory->helper, vdaf->meas_len, stop);
	if (status != PRIO_OK)
		return status;
	memcpy(leader, memory->meas, meas_size);
	prio3_elements_subtract(vdaf, leader, memory->helper, vdaf->meas_len);

	if (prio3_has_joint_rand(vdaf))
		status = make_joint_rand(vdaf, rand, nonce, meas_shares, public_share, memory, stop);
	if (status == PRIO_OK)
		status = expand(memory->stream, vdaf, PRIO3_PROVE_RANDOMNESS, rand->prove_seed,
						proofs_and_helper_id, 1, memory->proof, vdaf->arity, stop);
	if (status == PRIO_OK)
		status = prio3_prove(vdaf, memory->meas, memory->joint_rand, memory->proof,
							 memory->prove, stop);
	if (status == PRIO_OK)
		status = expand(memory->stream, vdaf, PRIO3_PROOF_SHARE, rand->helper_proof_seed,
						proofs_and_helper_id, 2, memory->helper, vdaf->proof_len, stop);
	if (status != PRIO_OK)
		return status;
	memcpy(leader + meas_size, memory->proof, proof_size);
	prio3_elements_subtract(vdaf, leader + meas_size, memory->helper, vdaf->proof_len);
	memcpy(leader + meas_size + proof_size, rand->blind[PRIO_A], vdaf->message_size);
	memcpy(input_share[PRIO_B], rand->helper, vdaf->input_share_size[PRIO_B]);
	return PRIO_OK;
}

PrioStatus
prio3_shard(const Prio3Vdaf *vdaf, const uint64_t *measurement,
			const uint8_t nonce[PRIO3_NONCE_BYTES], const uint8_t *rand, uint8_t *public_share,
			uint8_t *const input_share[2], void *scratch, PrioStop stop)
{
	Memory memory = lay_out(vdaf, scratch);
	Randomness randomness = take_apart(vdaf, rand);
	PrioStatus status =
		shard(vdaf, measurement, nonce, &randomness, public_share, input_share, &memory, stop);

	prio_wipe(scratch, memory.size);
	return status;
}
