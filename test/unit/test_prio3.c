/*
 * test_prio3.c
 *		Prio3 beyond the vectors: lengths and impossible parameters, batches under every kernel,
 *		split reports, hostile states, results that cannot be, stopping.
 */
#include "prio3.h"

#include "kernels/kernels.h"
#include "prio3/state.h"
#include "prio3/elements.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------ parameters */

/* docs/prio3.md, "Lengths": the examples with two servers. */
static void
lengths(void **state)
{
	static const struct
	{
		Prio3Parameters parameters;
		size_t meas, output, arity, calls, wire_len, joint, query, proof, verifier;
		size_t leader, helper, public_share, verifier_share, aggregate;
	} rows[] = {
#define ROW(kind, length, chunk, max) {kind, PRIO3_DRAFT_18, length, chunk, max}
		{ROW(PRIO3_COUNT, 1, 0, 1), 1, 1, 2, 1, 2, 0, 1, 5, 4, 48, 32, 0, 32, 8},
		{ROW(PRIO3_SUM, 1, 0, 1), 1, 1, 1, 1, 2, 0, 1, 4, 3, 40, 32, 0, 24, 8},
		{ROW(PRIO3_SUM, 1, 0, 255), 8, 1, 1, 8, 16, 0, 9, 32, 3, 320, 32, 0, 24, 8},
		{ROW(PRIO3_SUM, 1, 0, UINT32_MAX), 32, 1, 1, 32, 64, 0, 33, 128, 3, 1280, 32, 0, 24, 8},
		{ROW(PRIO3_HISTOGRAM, 10, 4, 1), 10, 10, 8, 3, 4, 3, 3, 15, 10, 432, 64, 64, 192, 160},
		{ROW(PRIO3_HISTOGRAM, 100, 7, 1), 100, 100, 14, 15, 16, 15, 3, 45, 16, 2352, 64, 64,
		 288, 1600},
		{ROW(PRIO3_HISTOGRAM, 1000, 33, 1), 1000, 1000, 66, 31, 32, 31, 3, 129, 68, 18096, 64,
		 64, 1120, 16000},
		{ROW(PRIO3_HISTOGRAM, 10000, 79, 1), 10000, 10000, 158, 127, 128, 127, 3, 413, 160,
		 166640, 64, 64, 2592, 160000},
		{ROW(PRIO3_SUM_VEC, 100, 26, 255), 800, 100, 52, 31, 32, 31, 1, 115, 54, 14672, 64, 64,
		 896, 1600},
		{ROW(PRIO3_SUM_VEC, 1000, 33, 1), 1000, 1000, 66, 31, 32, 31, 1, 129, 68, 18096, 64,
		 64, 1120, 16000},
		{ROW(PRIO3_SUM_VEC, 1000, 63, 255), 8000, 1000, 126, 127, 128, 127, 1, 381, 128,
		 134128, 64, 64, 2080, 16000},
		{ROW(PRIO3_MULTIHOT_COUNT_VEC, 100, 7, 10), 104, 100, 14, 15, 16, 15, 3, 45, 16, 2416,
		 64, 64, 288, 1600},
		{ROW(PRIO3_L1_BOUND_SUM, 100, 27, 255), 808, 100, 54, 30, 32, 30, 3, 117, 56, 14832,
		 64, 64, 928, 1600},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Prio3Vdaf vdaf;

		assert_ok(prio3_vdaf_init(&vdaf, &rows[i].parameters, NULL, 0));
		assert_int_equal(vdaf.meas_len, rows[i].meas);
		assert_int_equal(vdaf.output_len, rows[i].output);
		assert_int_equal(vdaf.arity, rows[i].arity);
		assert_int_equal(vdaf.calls, rows[i].calls);
		assert_int_equal(vdaf.wire_len, rows[i].wire_len);
		assert_int_equal(vdaf.joint_rand_len, rows[i].joint);
		assert_int_equal(vdaf.query_rand_len, rows[i].query);
		assert_int_equal(vdaf.proof_len, rows[i].proof);
		assert_int_equal(vdaf.verifier_len, rows[i].verifier);
		assert_int_equal(vdaf.input_share_size[PRIO_A], rows[i].leader);
		assert_int_equal(vdaf.input_share_size[PRIO_B], rows[i].helper);
		assert_int_equal(vdaf.public_share_size, rows[i].public_share);
		assert_int_equal(vdaf.verifier_share_size, rows[i].verifier_share);
		assert_int_equal(vdaf.output_share_size, rows[i].aggregate);
	}
}

static void
chunk_lengths(void **state)
{
	static const uint64_t optimum[][2] = {{1, 1},     {10, 4},    {100, 7},    {800, 26},
										  {1000, 33}, {8000, 63}, {10000, 79}, {100000, 393}};
	Prio3Parameters sum_vec = {PRIO3_SUM_VEC, PRIO3_DRAFT_18, 100, 0, 255};
	Prio3Parameters count = {PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1};

	(void) state;
	for (size_t i = 0; i < sizeof(optimum) / sizeof(optimum[0]); i++)
		assert_int_equal(prio3_optimal_chunk_length(optimum[i][0]), optimum[i][1]);
	assert_int_equal(prio3_default_chunk_length(&sum_vec), 26);
	assert_int_equal(prio3_default_chunk_length(&count), 0);
	sum_vec.length = UINT64_MAX;
	assert_int_equal(prio3_default_chunk_length(&sum_vec), 0);
}

static void
impossible_parameters(void **state)
{
	static const struct
	{
		Prio3Parameters parameters;
		PrioStatus status;
	} rows[] = {
		{{0, PRIO3_DRAFT_18, 1, 0, 1}, PRIO_MISMATCH},
		{{6, PRIO3_DRAFT_18, 1, 1, 1}, PRIO_MISMATCH},
		{{PRIO3_COUNT, 12, 1, 0, 1}, PRIO_MISMATCH},
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 2, 0, 1}, PRIO_MISMATCH},
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 1, 1}, PRIO_MISMATCH},
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 2}, PRIO_MISMATCH},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 0}, PRIO_MISMATCH},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, UINT64_C(0xffffffff00000001)}, PRIO_MISMATCH},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, UINT64_C(0xffffffff00000000)}, PRIO_OK},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, UINT64_MAX}, PRIO_OK},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, 254}, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_8, 3, 2, 254}, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 0, 1, 1}, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 0, 1}, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 4, 1}, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 3, 1}, PRIO_OK},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, UINT64_MAX, 1, UINT64_MAX}, PRIO_WRONG_LENGTH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, UINT64_MAX / 64 + 2, 1, UINT64_MAX}, PRIO_WRONG_LENGTH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, UINT32_MAX, UINT32_MAX, UINT64_MAX}, PRIO_WRONG_LENGTH},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, UINT32_MAX, UINT32_MAX, 1}, PRIO_WRONG_LENGTH},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 60000000, 1, 1}, PRIO_WRONG_LENGTH},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 60000000, 10000, 1}, PRIO_OK},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 10, 3, 2}, PRIO_MISMATCH},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 10, 3, 11}, PRIO_MISMATCH},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 10, 14, 10}, PRIO_OK},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_8, 10, 3, 7}, PRIO_MISMATCH},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_8, 10, 3, 7}, PRIO_MISMATCH},
	};
	Prio3Vdaf vdaf;
	Prio3Parameters count = {PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1};
	uint8_t *context = calloc(1, PRIO3_MAX_CONTEXT + 1);

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_status(prio3_vdaf_init(&vdaf, &rows[i].parameters, NULL, 0), rows[i].status);
	assert_ok(prio3_vdaf_init(&vdaf, &count, context, PRIO3_MAX_CONTEXT));
	assert_status(prio3_vdaf_init(&vdaf, &count, context, PRIO3_MAX_CONTEXT + 1),
				  PRIO_WRONG_LENGTH);
	count.draft = PRIO3_DRAFT_8;
	assert_status(prio3_vdaf_init(&vdaf, &count, context, 1), PRIO_MISMATCH);
	free(context);
}

/* Measurements that are none; and what the client writes for the largest that are. */
static void
impossible_measurements(void **state)
{
	static const struct
	{
		Prio3Parameters parameters;
		uint64_t measurement[3];
		PrioStatus status;
	} rows[] = {
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1}, {1}, PRIO_OK},
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1}, {2}, PRIO_OUT_OF_RANGE},
		{{PRIO3_COUNT, PRIO3_DRAFT_8, 1, 0, 1}, {UINT64_MAX}, PRIO_OUT_OF_RANGE},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 1000}, {1000}, PRIO_OK},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 1000}, {1001}, PRIO_OUT_OF_RANGE},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 1}, {UINT64_MAX}, PRIO_OUT_OF_RANGE},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, 255}, {256}, PRIO_OUT_OF_RANGE},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, UINT64_MAX}, {UINT64_MAX}, PRIO_OK},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 2, 5}, {5, 5, 5}, PRIO_OK},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 2, 5}, {0, 0, 6}, PRIO_OUT_OF_RANGE},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {2}, PRIO_OK},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {3}, PRIO_OUT_OF_RANGE},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {UINT64_MAX}, PRIO_OUT_OF_RANGE},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {1, 0, 1}, PRIO_OK},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {1, 1, 1}, PRIO_OUT_OF_RANGE},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {2, 0, 0}, PRIO_OUT_OF_RANGE},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, 7}, {3, 4, 0}, PRIO_OK},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, 7}, {3, 4, 1}, PRIO_OUT_OF_RANGE},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, UINT64_MAX},
		 {UINT64_MAX, 1, 0},
		 PRIO_OUT_OF_RANGE},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, UINT64_MAX}, {UINT64_MAX, 0, 0}, PRIO_OK},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Party party;
		uint8_t *memory;
		uint8_t *share[2];
		Bytes rand;

		party_make(&party, rows[i].parameters, "");
		memory = malloc(party.vdaf.public_share_size + party.vdaf.input_share_size[0] +
						party.vdaf.input_share_size[1] + prio3_shard_scratch(&party.vdaf) + 16);
		share[0] = malloc(party.vdaf.input_share_size[0]);
		share[1] = malloc(party.vdaf.input_share_size[1]);
		rand = random_bytes(party.vdaf.rand_size);
		assert_status(prio3_shard(&party.vdaf, rows[i].measurement, rand.data, rand.data,
								  memory, share,
								  memory + (party.vdaf.public_share_size + 15) / 16 * 16, NULL),
					  rows[i].status);
		if (rows[i].status == PRIO_OK)
		{
			TestReport report = report_make(&party, rows[i].measurement);
			Verified v = verify_report(&party, &report);
			prio_uint128 result[3];

			assert_null(v.refused_at);
			assert_ok(prio3_unshard(&party.vdaf, v.output_share[0].data, v.output_share[0].size,
									v.output_share[1].data, v.output_share[1].size, 1, result));
			if (rows[i].parameters.kind == PRIO3_HISTOGRAM)
				assert_true(result[rows[i].measurement[0]] == 1);
			else
				for (size_t j = 0; j < party.vdaf.output_len; j++)
					assert_true(result[j] == rows[i].measurement[j]);
			verified_free(&v);
			report_free(&report);
		}
		free(rand.data);
		free(share[0]);
		free(share[1]);
		free(memory);
		party_free(&party);
	}
}

/* ------------------------------------------------------------------ batches */

static const Prio3Parameters some_parameters[] = {
	{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1},
	{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 1000},
	{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 9, 5, 100},
	{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 40, 6, 1},
	{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 20, 23, 7},
	{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 5, 1, 9},
	{PRIO3_COUNT, PRIO3_DRAFT_8, 1, 0, 1},
	{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, 65535},
	{PRIO3_SUM_VEC, PRIO3_DRAFT_8, 9, 4, 7},
	{PRIO3_HISTOGRAM, PRIO3_DRAFT_8, 40, 7, 1},
};

#define BATCH 19

/* One side's verify_init of all reports, in memory of just the size that was asked for. */
static void
init_all(const Party *party, PrioRole role, const TestReport *inputs, Prio3Report *reports,
		 size_t count, uint8_t *shares, uint8_t *outputs, uint8_t *joint_seeds)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	void *scratch = malloc(prio3_verify_init_scratch(vdaf, role, count));

	for (size_t i = 0; i < count; i++)
		reports[i] = (Prio3Report){.nonce = inputs[i].nonce.data,
								   .public_share = inputs[i].public_share.data,
								   .public_share_size = inputs[i].public_share.size,
								   .input_share = inputs[i].share[role].data,
								   .input_share_size = inputs[i].share[role].size,
								   .verifier_share = shares + i * vdaf->verifier_share_size,
								   .output_share = outputs + i * vdaf->output_share_size,
								   .joint_seed = joint_seeds + i * vdaf->message_size};
	assert_ok(prio3_verify_init(vdaf, role, party->verify_key, reports, count, scratch, NULL));
	free(scratch);
}

/*
 * Batches of every size up to more than two times the lanes, some reports bad: what a
 * report gives depends neither on its neighbours nor on the kernel.
 */
static void
batches(void **state)
{
	const PrioKernels *variant;

	(void) state;
	for (size_t p = 0; p < sizeof(some_parameters) / sizeof(some_parameters[0]); p++)
	{
		Party party;
		Prio3Vdaf *vdaf = &party.vdaf;
		TestReport inputs[BATCH];
		Verified expected[BATCH];
		uint8_t *shares;
		uint8_t *outputs;
		uint8_t *seeds;

		party_make(&party, some_parameters[p],
				   some_parameters[p].draft == PRIO3_DRAFT_8 ? "" : "a context");
		shares = malloc(BATCH * vdaf->verifier_share_size);
		outputs = malloc(BATCH * vdaf->output_share_size);
		seeds = malloc(BATCH * vdaf->message_size + 1);
		for (size_t i = 0; i < BATCH; i++)
		{
			uint64_t *measurement = random_measurement(vdaf);

			inputs[i] = report_make(&party, measurement);
			free(measurement);
			if (i % 5 == 3)
				inputs[i].share[i % 2].size--;
			if (i % 7 == 4)
				memset(inputs[i].share[0].data, 0xff, 16);
			expected[i] = verify_report(&party, &inputs[i]);
			assert_true((expected[i].refused_at == NULL) == (i % 5 != 3 && i % 7 != 4));
		}
		for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
			for (size_t count = 0; count <= BATCH; count++)
				for (int role = PRIO_A; role <= PRIO_B; role++)
				{
					Prio3Report reports[BATCH];

					assert_true(prio_kernels_choose(variant->name));
					init_all(&party, (PrioRole) role, inputs, reports, count, shares, outputs,
							 seeds);
					for (size_t i = 0; i < count; i++)
					{
						if (expected[i].refused_at != NULL)
						{
							assert_status(reports[i].status, expected[i].status[role]);
							continue;
						}
						assert_ok(reports[i].status);
						assert_memory_equal(reports[i].verifier_share,
											expected[i].verifier_share[role].data,
											vdaf->verifier_share_size);
						assert_memory_equal(reports[i].output_share,
											expected[i].output_share[role].data,
											vdaf->output_share_size);
						assert_memory_equal(reports[i].joint_seed, expected[i].message.data,
											vdaf->message_size);
					}
				}
		assert_true(prio_kernels_choose(NULL));
		for (size_t i = 0; i < BATCH; i++)
		{
			verified_free(&expected[i]);
			report_free(&inputs[i]);
		}
		free(shares);
		free(outputs);
		free(seeds);
		party_free(&party);
	}
}

/* The helper's output shares in one call of verify_next, some messages wrong. */
static void
finishing_a_batch(void **state)
{
	(void) state;
	for (size_t p = 0; p < sizeof(some_parameters) / sizeof(some_parameters[0]); p++)
	{
		Party party;
		Prio3Finish finish[BATCH] = {{0}};
		Verified v[BATCH];
		Prio3State taken[BATCH];
		void *scratch;

		party_make(&party, some_parameters[p], "");
		scratch = malloc(prio3_verify_next_scratch(&party.vdaf, PRIO_B, BATCH));
		for (size_t i = 0; i < BATCH; i++)
		{
			uint64_t *measurement = random_measurement(&party.vdaf);
			TestReport report = report_make(&party, measurement);

			v[i] = verify_report(&party, &report);
			assert_null(v[i].refused_at);
			assert_ok(prio3_state_read(v[i].state[1].data, v[i].state[1].size, &taken[i]));
			finish[i] = (Prio3Finish){.joint_seed = taken[i].joint_seed,
									  .secret = taken[i].secret,
									  .message = v[i].message.data,
									  .message_size = v[i].message.size,
									  .output_share = malloc(party.vdaf.output_share_size)};
			if (i % 4 == 1)
				finish[i].message_size++;
			else if (i % 4 == 2 && v[i].message.size > 0)
				v[i].message.data[i % v[i].message.size] ^= 0x10;
			report_free(&report);
			free(measurement);
		}
		assert_ok(prio3_verify_next(&party.vdaf, PRIO_B, finish, BATCH, scratch, NULL));
		for (size_t i = 0; i < BATCH; i++)
		{
			if (i % 4 == 1)
				assert_status(finish[i].status, PRIO_WRONG_LENGTH);
			else if (i % 4 == 2 && v[i].message.size > 0)
				assert_status(finish[i].status, PRIO_JOINT_RAND_DIFFERS);
			else
			{
				assert_ok(finish[i].status);
				assert_memory_equal(finish[i].output_share, v[i].output_share[1].data,
									party.vdaf.output_share_size);
			}
			free(finish[i].output_share);
			verified_free(&v[i]);
		}
		free(scratch);
		party_free(&party);
	}
}

/* ------------------------------------------------------------------ hostile input */

/* Clients that falsified one part of the public share: one server accepts, the other does not. */
static void
split_reports(void **state)
{
	json_t *cases = load_vectors("prio3_split");
	json_t *row;
	size_t i;

	(void) state;
	assert_int_equal(json_array_size(cases), 4);
	json_array_foreach(cases, i, row)
	{
		json_t *accepts = json_object_get(row, "accepts");
		TestReport report = report_from_json(row);
		Party party;
		Verified v;

		party_from_json(&party, row);
		v = verify_report(&party, &report);
		assert_string_equal(v.refused_at, "verify_next");
		for (size_t role = 0; role < 2; role++)
			assert_status(v.status[role],
						  json_is_true(json_array_get(accepts, role)) ? PRIO_OK :
																		PRIO_JOINT_RAND_DIFFERS);
		verified_free(&v);
		report_free(&report);
		party_free(&party);
	}
	json_decref(cases);
}

/* Every byte of a report matters, but the top bits of nothing; so does the context. */
static void
changed_reports_are_refused(void **state)
{
	(void) state;
	for (size_t p = 0; p < sizeof(some_parameters) / sizeof(some_parameters[0]); p++)
	{
		Party party;
		uint64_t *measurement;
		TestReport report;
		Verified v;

		party_make(&party, some_parameters[p],
				   some_parameters[p].draft == PRIO3_DRAFT_8 ? "" : "context");
		measurement = random_measurement(&party.vdaf);
		report = report_make(&party, measurement);
		{
			Bytes *parts[] = {&report.public_share, &report.share[0], &report.share[1]};

			for (size_t part = 0; part < 3; part++)
				for (size_t i = 0; i < parts[part]->size; i++)
				{
					parts[part]->data[i] ^= (uint8_t) (1 << i % 8);
					v = verify_report(&party, &report);
					assert_non_null(v.refused_at);
					verified_free(&v);
					parts[part]->data[i] ^= (uint8_t) (1 << i % 8);
				}
		}
		v = verify_report(&party, &report);
		assert_null(v.refused_at);
		verified_free(&v);

		/* Count and Sum of draft 18, and Count of draft 8, do not bind the nonce. */
		report.nonce.data[7] ^= 1;
		v = verify_report(&party, &report);
		assert_true((v.refused_at != NULL) == prio3_has_joint_rand(&party.vdaf));
		verified_free(&v);
		report.nonce.data[7] ^= 1;
		if (party.vdaf.context_size > 0)
		{
			party.context.data[3] ^= 1;
			v = verify_report(&party, &report);
			assert_non_null(v.refused_at);
			verified_free(&v);
		}
		free(measurement);
		report_free(&report);
		party_free(&party);
	}
}

static void
states_of_somebody_else(void **state)
{
	Party party;
	uint64_t *measurement;
	TestReport report;
	Verified v;
	Prio3State taken;

	(void) state;
	party_make(&party, some_parameters[3], "context");
	measurement = random_measurement(&party.vdaf);
	report = report_make(&party, measurement);
	v = verify_report(&party, &report);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes *s = &v.state[role];

		assert_ok(prio3_state_read(s->data, s->size, &taken));
		assert_int_equal(taken.role, role);
		assert_memory_equal(&taken.vdaf.parameters, &some_parameters[3],
							sizeof(Prio3Parameters));
		assert_memory_equal(taken.verifier_share, v.verifier_share[role].data,
							party.vdaf.verifier_share_size);
		assert_int_equal(taken.vdaf.context_size, 7);
		/* What may be shown of it. */
		assert_status(prio3_state_read_shown(s->data, s->size, &taken), PRIO_MALFORMED);
		assert_ok(
			prio3_state_read_shown(s->data,
								   s->size -
									   prio3_state_secret_size(&party.vdaf, (PrioRole) role),
								   &taken));
		assert_null(taken.secret);
		/* Shorter ones, in memory of just their size. */
		for (size_t size = 0; size < s->size; size++)
		{
			uint8_t *shorter = malloc(size > 0 ? size : 1);

			memcpy(shorter, s->data, size);
			assert_status(prio3_state_read(shorter, size, &taken), PRIO_MALFORMED);
			free(shorter);
		}
		/* Parameters that are impossible, enormous, or of another length. */
		for (size_t i = 1; i < 30; i++)
			for (unsigned bit = 0; bit < 8; bit++)
			{
				s->data[i] ^= (uint8_t) (1 << bit);
				if (prio3_state_read(s->data, s->size, &taken) == PRIO_OK)
					assert_true(prio3_state_size(&taken.vdaf, taken.role) == s->size);
				s->data[i] ^= (uint8_t) (1 << bit);
			}
		s->data[0] ^= 2;
		assert_status(prio3_state_read(s->data, s->size, &taken), PRIO_OTHER_VERSION);
	}
	/* An output share that is none. */
	v.state[PRIO_A].data[0] ^= 2;
	memset(v.state[PRIO_A].data + v.state[PRIO_A].size - 16, 0xff, 16);
	assert_status(prio3_state_read(v.state[PRIO_A].data, v.state[PRIO_A].size, &taken),
				  PRIO_MALFORMED);
	verified_free(&v);
	report_free(&report);
	free(measurement);
	party_free(&party);
}

static void
verifier_shares_of_hostile_peers(void **state)
{
	(void) state;
	for (size_t p = 0; p < sizeof(some_parameters) / sizeof(some_parameters[0]); p++)
	{
		Party party;
		uint64_t *measurement;
		TestReport report;
		Verified v;
		uint8_t message[PRIO3_MAX_SEED_BYTES];
		size_t size;

		party_make(&party, some_parameters[p], "");
		measurement = random_measurement(&party.vdaf);
		report = report_make(&party, measurement);
		v = verify_report(&party, &report);
		size = party.vdaf.verifier_share_size;
		for (int role = PRIO_A; role <= PRIO_B; role++)
		{
			uint8_t *share = v.verifier_share[role].data;
			size_t elements = party.vdaf.verifier_len * party.vdaf.element_size;

			for (size_t i = 0; i < size; i++)
			{
				PrioStatus status;

				share[i] ^= 0x40;
				status = prio3_verifier_message(&party.vdaf, v.verifier_share[0].data, size,
												v.verifier_share[1].data, size, message);
				if (i < elements)
					assert_true(status == PRIO_PROOF_FAILED || status == PRIO_OUT_OF_RANGE);
				else
					assert_memory_not_equal(message, v.message.data, v.message.size);
				share[i] ^= 0x40;
			}
			memset(share, 0xff, party.vdaf.element_size);
			assert_status(prio3_verifier_message(&party.vdaf, v.verifier_share[0].data, size,
												 v.verifier_share[1].data, size, message),
						  PRIO_OUT_OF_RANGE);
			memset(share, 0, party.vdaf.element_size);
		}
		assert_status(prio3_verifier_message(&party.vdaf, v.verifier_share[0].data, size - 1,
											 v.verifier_share[1].data, size, message),
					  PRIO_WRONG_LENGTH);
		assert_status(prio3_verifier_message(&party.vdaf, v.verifier_share[0].data, size,
											 v.verifier_share[1].data, size + 1, message),
					  PRIO_WRONG_LENGTH);
		verified_free(&v);
		report_free(&report);
		free(measurement);
		party_free(&party);
	}
}

/* ------------------------------------------------------------------ totals */

static void
set_share(const Prio3Vdaf *vdaf, uint8_t *share, size_t i, uint64_t value)
{
	memset(share + i * vdaf->element_size, 0, vdaf->element_size);
	memcpy(share + i * vdaf->element_size, &value, sizeof(value));
}

static void
results_that_cannot_be(void **state)
{
	static const struct
	{
		Prio3Parameters parameters;
		uint64_t total[3];
		uint64_t reports;
		PrioStatus status;
	} rows[] = {
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1}, {5}, 5, PRIO_OK},
		{{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1}, {6}, 5, PRIO_MISMATCH},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 10}, {50}, 5, PRIO_OK},
		{{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 10}, {51}, 5, PRIO_MISMATCH},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, UINT64_MAX}, {UINT64_MAX}, 1, PRIO_OK},
		{{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, UINT64_MAX}, {1}, 0, PRIO_MISMATCH},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 2, 10}, {50, 0, 50}, 5, PRIO_OK},
		{{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 3, 2, 10}, {50, 0, 51}, 5, PRIO_MISMATCH},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {2, 0, 3}, 5, PRIO_OK},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {2, 1, 3}, 5, PRIO_MISMATCH},
		{{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}, {1, 0, 3}, 5, PRIO_MISMATCH},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {5, 5, 0}, 5, PRIO_OK},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {5, 5, 1}, 5, PRIO_MISMATCH},
		{{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 3, 2, 2}, {6, 0, 0}, 5, PRIO_MISMATCH},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, 10}, {50, 0, 0}, 5, PRIO_OK},
		{{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 3, 2, 10}, {20, 20, 11}, 5, PRIO_MISMATCH},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Prio3Vdaf vdaf;
		uint8_t a[48];
		uint8_t b[48];
		prio_uint128 result[3];
		size_t size;

		assert_ok(prio3_vdaf_init(&vdaf, &rows[i].parameters, NULL, 0));
		size = vdaf.output_share_size;
		for (size_t j = 0; j < vdaf.output_len; j++)
		{
			set_share(&vdaf, a, j, rows[i].total[j]);
			set_share(&vdaf, b, j, test_random() >> 1);
		}
		/* a = total - b, so that both are shares as they look like. */
		prio3_aggregate_subtract(&vdaf, a, b);
		assert_status(prio3_unshard(&vdaf, a, size, b, size, rows[i].reports, result),
					  rows[i].status);
		assert_status(prio3_unshard(&vdaf, a, size - 1, b, size, rows[i].reports, result),
					  PRIO_WRONG_LENGTH);
		assert_status(prio3_unshard(&vdaf, a, size, b, size + 1, rows[i].reports, result),
					  PRIO_WRONG_LENGTH);
		prio3_aggregate_add(&vdaf, a, b);
		memset(b, 0xff, vdaf.element_size);
		assert_status(prio3_unshard(&vdaf, a, size, b, size, rows[i].reports, result),
					  PRIO_OUT_OF_RANGE);
		assert_status(prio3_check_aggregate(&vdaf, b, size), PRIO_OUT_OF_RANGE);
		assert_ok(prio3_check_aggregate(&vdaf, a, size));
		memset(b, 0, sizeof(b));
		assert_status(prio3_unshard(&vdaf, a, size, b, size, rows[i].reports, result),
					  rows[i].status);
		for (size_t j = 0; rows[i].status == PRIO_OK && j < vdaf.output_len; j++)
			assert_true(result[j] == rows[i].total[j]);
	}
}

/* ------------------------------------------------------------------ rejection */

static void
rejected_elements_move_up(void **state)
{
	Prio3Parameters kinds[] = {{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1},
							   {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 3, 2, 1}};

	(void) state;
	for (size_t k = 0; k < 2; k++)
		for (int pattern = 0; pattern < 64; pattern++)
		{
			uint8_t bytes[6 * 16];
			size_t expected = 0;
			size_t found;
			Prio3Vdaf vdaf;

			assert_ok(prio3_vdaf_init(&vdaf, &kinds[k], NULL, 0));
			for (int i = 0; i < 6; i++)
				memset(bytes + (size_t) i * vdaf.element_size, pattern >> i & 1 ? 0xff : i + 1,
					   vdaf.element_size);
			found = prio3_elements_accept(&vdaf, bytes, 6);
			for (int i = 0; i < 6; i++)
				if (!(pattern >> i & 1))
					assert_int_equal(bytes[expected++ * vdaf.element_size], i + 1);
			assert_int_equal(found, expected);
		}
}

/* ------------------------------------------------------------------ stopping */

static size_t questions;
static size_t stop_at;
static double longest;
static double last;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

static bool
stop(void)
{
	double time = now();

	if (time - last > longest)
		longest = time - last;
	last = time;
	return ++questions == stop_at;
}

/* A vector of 100000: asked often, and stopped at any question. */
static void
long_ones_stop(void **state)
{
	Party party;
	Prio3Vdaf *vdaf = &party.vdaf;
	uint64_t *measurement;
	TestReport report;

	(void) state;
	party_make(&party, (Prio3Parameters){PRIO3_SUM_VEC, PRIO3_DRAFT_18, 100000, 393, 1}, "");
	measurement = random_measurement(vdaf);
	report = report_make(&party, measurement);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		void *scratch = malloc(prio3_verify_init_scratch(vdaf, (PrioRole) role, 1));
		Prio3Report one = {.nonce = report.nonce.data,
						   .public_share = report.public_share.data,
						   .public_share_size = report.public_share.size,
						   .input_share = report.share[role].data,
						   .input_share_size = report.share[role].size};
		size_t all;

		questions = stop_at = 0;
		longest = 0;
		last = now();
		assert_ok(prio3_verify_init(vdaf, (PrioRole) role, party.verify_key, &one, 1, scratch,
									stop));
		(void) stop();
		all = questions;
		assert_true(all > 90);
		assert_true(longest < 0.1);
		for (stop_at = 1; stop_at < all; stop_at += 1 + all / 20)
		{
			questions = 0;
			assert_status(prio3_verify_init(vdaf, (PrioRole) role, party.verify_key, &one, 1,
											scratch, stop),
						  PRIO_INTERRUPTED);
			assert_int_equal(questions, stop_at);
		}
		free(scratch);
	}
	{
		void *scratch = malloc(prio3_shard_scratch(vdaf));
		Bytes rand = random_bytes(vdaf->rand_size);
		uint8_t *share[2] = {report.share[0].data, report.share[1].data};

		questions = stop_at = 0;
		longest = 0;
		last = now();
		assert_ok(prio3_shard(vdaf, measurement, report.nonce.data, rand.data,
							  report.public_share.data, share, scratch, stop));
		(void) stop();
		assert_true(questions > 90);
		assert_true(longest < 0.1);
		stop_at = questions / 2;
		questions = 0;
		assert_status(prio3_shard(vdaf, measurement, report.nonce.data, rand.data,
								  report.public_share.data, share, scratch, stop),
					  PRIO_INTERRUPTED);
		free(scratch);
		free(rand.data);
	}
	free(measurement);
	report_free(&report);
	party_free(&party);
}

/* Memory is a small multiple of what the longer share has, whatever the number of reports. */
static void
memory_is_bounded(void **state)
{
	(void) state;
	for (uint64_t length = 1; length <= 10000000; length *= 10)
		for (int chunks = 0; chunks < 3; chunks++)
		{
			Prio3Parameters p = {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, length, 0, 1};
			Prio3Vdaf vdaf;

			p.chunk_length = chunks == 0 ? 1 :
				chunks == 1              ? length :
										   prio3_default_chunk_length(&p);
			assert_ok(prio3_vdaf_init(&vdaf, &p, NULL, 0));
			for (int role = PRIO_A; role <= PRIO_B; role++)
			{
				size_t size = 3 * vdaf.input_share_size[PRIO_A] + 40000;

				assert_true(prio3_verify_init_scratch(&vdaf, (PrioRole) role, 1) < size);
				assert_true(prio3_verify_init_scratch(&vdaf, (PrioRole) role, 100000) <
							size + ((size_t) 17 << 20));
			}
			assert_true(prio3_tables_size(&vdaf) < 2 * vdaf.input_share_size[PRIO_A]);
			assert_true(prio3_shard_scratch(&vdaf) < 8 * vdaf.input_share_size[PRIO_A] + 40000);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(chunk_lengths),
		cmocka_unit_test(impossible_parameters),
		cmocka_unit_test(impossible_measurements),
		cmocka_unit_test(batches),
		cmocka_unit_test(finishing_a_batch),
		cmocka_unit_test(split_reports),
		cmocka_unit_test(changed_reports_are_refused),
		cmocka_unit_test(states_of_somebody_else),
		cmocka_unit_test(verifier_shares_of_hostile_peers),
		cmocka_unit_test(results_that_cannot_be),
		cmocka_unit_test(rejected_elements_move_up),
		cmocka_unit_test(long_ones_stop),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests_name("prio3", tests, NULL, NULL);
}
