/*
 * prio3.c
 *		Prio3: everything that a client or a peer sends, and stored states.
 *
 * Input: the VDAF (1 byte), what the rest is (1 byte): the public share, the input share of A or B,
 * a verifier share of A or B, the verifier message, an aggregate share, a state; and that.
 */
#include "fuzz.h"

#include "kernels/kernels.h"
#include "prio3.h"
#include "prio3/elements.h"
#include "prio3/proof.h"
#include "prio3/xof.h"
#include "prio3_slow.h"

#define HEAD_BYTES 2

enum
{
	PUBLIC_SHARE,
	SHARE_A,
	SHARE_B,
	VERIFIER_SHARE_A,
	VERIFIER_SHARE_B,
	MESSAGE,
	AGGREGATE_SHARE,
	STATE,
	WHATS
};

/* One honest report of each. */
typedef struct Target
{
	const char *file;
	Party party;
	TestReport report;
	Verified verified;
} Target;

static Target targets[] = {
	{.file = "draft18_Count"},
	{.file = "draft18_Sum_1000"},
	{.file = "draft18_SumVec_5_1000_3"},
	{.file = "draft18_Histogram_11_3"},
	{.file = "draft18_MultihotCountVec_4_2_2"},
	{.file = "draft18_L1BoundSum_3_7_2"},
	{.file = "draft08_Count"},
	{.file = "draft08_Sum_8"},
	{.file = "draft08_SumVec_7_8_9"},
	{.file = "draft08_Histogram_11_3"},
};

#define TARGETS (sizeof(targets) / sizeof(targets[0]))

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	for (Target *target = targets; target < targets + TARGETS; target++)
	{
		char name[100];
		json_t *file;

		snprintf(name, sizeof(name), "prio3/%s", target->file);
		file = load_vectors(name);
		party_from_json(&target->party, file);
		target->report = report_from_json(json_array_get(json_object_get(file, "reports"), 0));
		target->verified = verify_report(&target->party, &target->report);
		assert_null(target->verified.refused_at);
		json_decref(file);
	}
	return 0;
}

/* ------------------------------------------------------------------ shares */

/* Elements from the XOF, a lane, one call after another: what prio3.c does itself. */
static uint8_t *
expand(const Prio3Vdaf *vdaf, Prio3Usage usage, const uint8_t *seed, const uint8_t *binder,
	   size_t binder_size, size_t count)
{
	uint8_t *out = malloc(count * vdaf->element_size + 1);
	PrioTurboShake stream;

	prio3_xof_start(&stream, vdaf, usage, 1, &seed, true);
	prio_turboshake_absorb_all(&stream, binder, binder_size);
	assert_ok(prio3_xof_elements(&stream, vdaf, &out, count, NULL));
	return out;
}

/*
 * What verify_init has to give for well-formed shares: the verifier and the output share, by
 * slow ways from the seeds.
 */
static void
check_opened(const Party *party, PrioRole role, const TestReport *report,
			 const Prio3State *state, const uint8_t *output_share)
{
	static const uint8_t binder[2] = {1, PRIO_B};
	static const uint8_t one = 1;
	const Prio3Vdaf *vdaf = &party->vdaf;
	const uint8_t *share = report->share[role].data;
	size_t verifier_size = vdaf->verifier_len * vdaf->element_size;
	size_t meas_size = vdaf->meas_len * vdaf->element_size;
	uint8_t *verifier = malloc(verifier_size);
	uint8_t *output = malloc(vdaf->output_share_size);
	uint8_t *meas = NULL;
	uint8_t *proof = NULL;
	uint8_t *query_rand;
	uint8_t *joint_rand = NULL;
	uint8_t query_binder[1 + PRIO3_NONCE_BYTES] = {1};

	memcpy(query_binder + 1, report->nonce.data, PRIO3_NONCE_BYTES);
	if (prio3_has_joint_rand(vdaf))
		joint_rand = expand(vdaf, PRIO3_JOINT_RANDOMNESS, state->joint_seed, &one, 1,
							vdaf->joint_rand_len);
	query_rand = expand(vdaf, PRIO3_QUERY_RANDOMNESS, party->verify_key, query_binder,
						sizeof(query_binder), vdaf->query_rand_len);
	if (role == PRIO_B)
	{
		meas = expand(vdaf, PRIO3_MEAS_SHARE, share, binder + 1, 1, vdaf->meas_len);
		proof = expand(vdaf, PRIO3_PROOF_SHARE,
					   vdaf->parameters.draft == PRIO3_DRAFT_8 ? share + vdaf->seed_size : share,
					   binder, 2, vdaf->proof_len);
	}
	assert_true(slow_query(vdaf, role == PRIO_A ? share : meas,
						   role == PRIO_A ? share + meas_size : proof, query_rand, joint_rand,
						   verifier));
	assert_memory_equal(state->verifier_share, verifier, verifier_size);
	slow_truncate(vdaf, role == PRIO_A ? share : meas, output);
	assert_memory_equal(output_share, output, vdaf->output_share_size);
	free(verifier);
	free(output);
	free(meas);
	free(proof);
	free(query_rand);
	free(joint_rand);
}

/* Several copies in one call, with every kernel, give what one gives. */
static void
check_batch(const Party *party, PrioRole role, const TestReport *report, const Bytes *expected,
			PrioStatus status)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	Prio3Report reports[5];
	const size_t count = sizeof(reports) / sizeof(reports[0]);
	uint8_t *states = malloc(count * prio3_state_size(vdaf, role));
	void *scratch = malloc(prio3_verify_init_scratch(vdaf, role, count));
	const PrioKernels *variant;

	for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
	{
		assert_true(prio_kernels_choose(variant->name));
		for (size_t i = 0; i < count; i++)
			reports[i] = (Prio3Report){.nonce = report->nonce.data,
									   .public_share = report->public_share.data,
									   .public_share_size = report->public_share.size,
									   .input_share = report->share[role].data,
									   .input_share_size = report->share[role].size,
									   .state = states + i * prio3_state_size(vdaf, role)};
		assert_ok(
			prio3_verify_init(vdaf, role, party->verify_key, reports, count, scratch, NULL));
		for (size_t i = 0; i < count; i++)
		{
			assert_status(reports[i].status, status);
			if (status == PRIO_OK)
				assert_memory_equal(reports[i].state, expected->data, expected->size);
		}
	}
	assert_true(prio_kernels_choose(NULL));
	free(scratch);
	free(states);
}

/* A report of which one part is hostile. What both servers accept must be a measurement. */
static void
check_report(const Target *target, uint8_t what, Bytes message)
{
	const Prio3Vdaf *vdaf = &target->party.vdaf;
	TestReport report = target->report;
	Verified v;

	if (what == PUBLIC_SHARE)
		report.public_share = message;
	else
		report.share[what == SHARE_B] = message;
	v = verify_report(&target->party, &report);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		PrioStatus status = v.refused_at != NULL && strcmp(v.refused_at, "verify_init") == 0 ?
			v.status[role] :
			PRIO_OK;

		assert_true(status == PRIO_OK || prio_is_packet_fault(status));
		check_batch(&target->party, (PrioRole) role, &report, &v.state[role], status);
		if (status == PRIO_OK)
		{
			Prio3State state;
			Prio3Finish one = {0};
			uint8_t *output = malloc(vdaf->output_share_size);
			void *scratch = malloc(prio3_verify_next_scratch(vdaf, (PrioRole) role, 1));

			assert_ok(prio3_state_read(v.state[role].data, v.state[role].size, &state));
			one = (Prio3Finish){.joint_seed = state.joint_seed,
								.secret = state.secret,
								.message = state.joint_seed,
								.message_size = vdaf->message_size,
								.output_share = output};
			assert_ok(prio3_verify_next(vdaf, (PrioRole) role, &one, 1, scratch, NULL));
			assert_ok(one.status);
			check_opened(&target->party, (PrioRole) role, &report, &state, output);
			free(scratch);
			free(output);
		}
	}
	if (v.refused_at == NULL)
	{
		prio_uint128 *result = malloc(vdaf->output_len * sizeof(prio_uint128));

		assert_ok(prio3_unshard(vdaf, v.output_share[0].data, v.output_share[0].size,
								v.output_share[1].data, v.output_share[1].size, 1, result));
		free(result);
	}
	verified_free(&v);
}

/* ------------------------------------------------------------------ messages */

static void
check_verifier_share(const Target *target, PrioRole role, Bytes share)
{
	const Prio3Vdaf *vdaf = &target->party.vdaf;
	Bytes shares[2] = {target->verified.verifier_share[0], target->verified.verifier_share[1]};
	uint8_t message[PRIO3_MAX_SEED_BYTES];
	size_t elements = vdaf->verifier_len * vdaf->element_size;
	bool same;
	PrioStatus status;

	shares[role] = share;
	status = prio3_verifier_message(vdaf, shares[0].data, shares[0].size, shares[1].data,
									shares[1].size, message);
	assert_true(status == PRIO_OK || prio_is_packet_fault(status));
	assert_true((status == PRIO_WRONG_LENGTH) == (share.size != vdaf->verifier_share_size));
	if (status != PRIO_OK)
		return;
	/* Sum's wire may also be one minus itself: x^2 - x is the same. */
	same = memcmp(share.data, target->verified.verifier_share[role].data, share.size) == 0;
	if (same)
		assert_memory_equal(message, target->verified.message.data, vdaf->message_size);
	else if (vdaf->message_size > 0 &&
			 memcmp(share.data + elements,
					target->verified.verifier_share[role].data + elements, vdaf->seed_size) != 0)
		assert_memory_not_equal(message, target->verified.message.data, vdaf->message_size);
}

static void
check_message(const Target *target, Bytes message)
{
	const Prio3Vdaf *vdaf = &target->party.vdaf;
	bool same = message.size == vdaf->message_size &&
		memcmp(message.data, target->verified.message.data, message.size) == 0;
	PrioStatus status =
		prio3_check_message(vdaf, target->verified.message.data, message.data, message.size);

	assert_true((status == PRIO_OK) == same);
}

static void
check_aggregate(const Target *target, Bytes share)
{
	const Prio3Vdaf *vdaf = &target->party.vdaf;
	const Bytes *own = &target->verified.output_share[PRIO_B];
	prio_uint128 *result = malloc(vdaf->output_len * sizeof(prio_uint128));
	PrioStatus status = prio3_check_aggregate(vdaf, share.data, share.size);

	assert_true((status == PRIO_WRONG_LENGTH) == (share.size != vdaf->output_share_size));
	if (status == PRIO_OK)
	{
		uint8_t *total = malloc(share.size);

		memcpy(total, share.data, share.size);
		prio3_aggregate_add(vdaf, total, own->data);
		assert_ok(prio3_check_aggregate(vdaf, total, share.size));
		prio3_aggregate_subtract(vdaf, total, own->data);
		assert_memory_equal(total, share.data, share.size);
		free(total);
		status = prio3_unshard(vdaf, share.data, share.size, own->data, own->size, 3, result);
		assert_true(status == PRIO_OK || status == PRIO_MISMATCH);
	}
	else
		assert_status(prio3_unshard(vdaf, share.data, share.size, own->data, own->size, 3,
									result),
					  status);
	free(result);
}

/* Only what prio3_verify_init() could have written is a state; and it can be used. */
static void
check_state(Bytes bytes)
{
	Prio3State state;
	PrioStatus status = prio3_state_read(bytes.data, bytes.size, &state);
	Prio3Finish one = {0};
	uint8_t *output;
	void *scratch;

	if (status != PRIO_OK)
	{
		assert_true(status == PRIO_MALFORMED || status == PRIO_OTHER_VERSION);
		return;
	}
	assert_int_equal(prio3_state_size(&state.vdaf, state.role), bytes.size);
	if (state.vdaf.meas_len > 100000)
		return;
	output = malloc(state.vdaf.output_share_size);
	scratch = malloc(prio3_verify_next_scratch(&state.vdaf, state.role, 1));
	one = (Prio3Finish){.joint_seed = state.joint_seed,
						.secret = state.secret,
						.message = state.joint_seed,
						.message_size = state.vdaf.message_size,
						.output_share = output};
	assert_ok(prio3_verify_next(&state.vdaf, state.role, &one, 1, scratch, NULL));
	assert_ok(one.status);
	assert_ok(prio3_check_aggregate(&state.vdaf, output, state.vdaf.output_share_size));
	free(scratch);
	free(output);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Target *target;
	Bytes message;

	if (size < HEAD_BYTES)
		return 0;
	target = &targets[data[0] % TARGETS];
	message = exact_copy(data + HEAD_BYTES, size - HEAD_BYTES);
	switch (data[1] % WHATS)
	{
		case PUBLIC_SHARE:
		case SHARE_A:
		case SHARE_B:
			check_report(target, data[1] % WHATS, message);
			break;
		case VERIFIER_SHARE_A:
		case VERIFIER_SHARE_B:
			check_verifier_share(target, (PrioRole) (data[1] % WHATS - VERIFIER_SHARE_A),
								 message);
			break;
		case MESSAGE:
			check_message(target, message);
			break;
		case AGGREGATE_SHARE:
			check_aggregate(target, message);
			break;
		default:
			check_state(message);
	}
	free_exact(message);
	return 0;
}
