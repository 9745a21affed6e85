/*
 * prio3.c
 *		What the tests of Prio3 share.
 */
#include "prio3.h"

#include <stdlib.h>
#include <string.h>

uint64_t
json_uint64(json_t *value)
{
	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return json_is_boolean(value) ? json_is_true(value) : (uint64_t) json_integer_value(value);
}

static uint64_t
parameter(json_t *parameters, const char *name)
{
	json_t *value = json_object_get(parameters, name);

	return value == NULL ? 0 : json_uint64(value);
}

Prio3Parameters
prio3_parameters_from_json(json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "vdaf"));
	json_t *p = json_object_get(file, "parameters");
	uint64_t bits = parameter(p, "bits");
	Prio3Parameters parameters = {0};

	assert_true(prio3_kind_from_name(name, &parameters.kind));
	assert_string_equal(prio3_kind_name(parameters.kind), name);
	parameters.draft = (Prio3Draft) json_integer_value(json_object_get(file, "draft"));
	parameters.length = parameter(p, "length");
	if (parameters.length == 0)
		parameters.length = 1;
	parameters.chunk_length = parameter(p, "chunk_length");
	parameters.max = parameter(p, "max_measurement") + parameter(p, "max_weight") +
		parameter(p, "max_value");
	if (bits > 0)
		parameters.max = UINT64_MAX >> (64 - bits);
	if (parameters.max == 0)
		parameters.max = 1;
	return parameters;
}

static void
set_up(Party *party, Prio3Parameters parameters)
{
	assert_ok(
		prio3_vdaf_init(&party->vdaf, &parameters, party->context.data, party->context.size));
	party->tables = malloc(prio3_tables_size(&party->vdaf));
	assert_ok(prio3_tables_init(&party->vdaf, party->tables, NULL));
}

void
party_make(Party *party, Prio3Parameters parameters, const char *context)
{
	party->context = bytes_copy(context, strlen(context));
	for (size_t i = 0; i < sizeof(party->verify_key); i++)
		party->verify_key[i] = (uint8_t) (test_random() >> 32);
	set_up(party, parameters);
}

void
party_from_json(Party *party, json_t *file)
{
	Bytes key = hex_bytes(file, "verify_key");

	party->context = hex_bytes(file, "ctx");
	set_up(party, prio3_parameters_from_json(file));
	assert_int_equal(key.size, party->vdaf.seed_size);
	memcpy(party->verify_key, key.data, key.size);
	free(key.data);
}

void
party_free(Party *party)
{
	free(party->tables);
	free(party->context.data);
}

Bytes
bytes_of_hex(json_t *hex)
{
	const char *digits = json_string_value(hex);
	Bytes bytes;

	assert_non_null(digits);
	bytes.size = strlen(digits) / 2;
	bytes.data = malloc(bytes.size + 1);
	bytes_from_hex(digits, bytes.data, bytes.size);
	return bytes;
}

TestReport
report_from_json(json_t *report)
{
	json_t *shares = json_object_get(report, "input_shares");
	TestReport made = {.nonce = hex_bytes(report, "nonce"),
					   .public_share = hex_bytes(report, "public_share")};

	for (size_t role = 0; role < 2; role++)
		made.share[role] = bytes_of_hex(json_array_get(shares, role));
	return made;
}

void
report_free(TestReport *report)
{
	free(report->nonce.data);
	free(report->public_share.data);
	bytes_free_pair(report->share);
}

uint64_t *
random_measurement(const Prio3Vdaf *vdaf)
{
	const Prio3Parameters *p = &vdaf->parameters;
	uint64_t *measurement = calloc(vdaf->measurement_len, sizeof(uint64_t));
	uint64_t left = p->max;

	for (size_t i = 0; i < vdaf->measurement_len; i++)
		switch (p->kind)
		{
			case PRIO3_HISTOGRAM:
				measurement[i] = test_random() % p->length;
				break;
			case PRIO3_MULTIHOT_COUNT_VEC:
				measurement[i] = left > 0 && test_random() % 2;
				left -= measurement[i];
				break;
			case PRIO3_L1_BOUND_SUM:
				measurement[i] = left == UINT64_MAX ? test_random() : test_random() % (left + 1);
				left -= measurement[i];
				break;
			default:
				measurement[i] =
					p->max == UINT64_MAX ? test_random() : test_random() % (p->max + 1);
		}
	return measurement;
}

TestReport
report_make(const Party *party, const uint64_t *measurement)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	Bytes rand = random_bytes(vdaf->rand_size);
	void *scratch = malloc(prio3_shard_scratch(vdaf));
	TestReport report = {.nonce = random_bytes(PRIO3_NONCE_BYTES),
						 .public_share = {malloc(vdaf->public_share_size + 1),
										  vdaf->public_share_size}};
	uint8_t *share[2];

	for (size_t role = 0; role < 2; role++)
	{
		report.share[role].size = vdaf->input_share_size[role];
		share[role] = report.share[role].data = malloc(report.share[role].size + 1);
	}
	assert_ok(prio3_shard(vdaf, measurement, report.nonce.data, rand.data,
						  report.public_share.data, share, scratch, NULL));
	free(scratch);
	free(rand.data);
	return report;
}

PrioStatus
init_one(const Party *party, PrioRole role, const TestReport *report, Bytes *state,
		 Bytes *verifier_share)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	void *scratch = malloc(prio3_verify_init_scratch(vdaf, role, 1));
	Prio3Report one = {.nonce = report->nonce.data,
					   .public_share = report->public_share.data,
					   .public_share_size = report->public_share.size,
					   .input_share = report->share[role].data,
					   .input_share_size = report->share[role].size};

	*state = (Bytes){malloc(prio3_state_size(vdaf, role)), prio3_state_size(vdaf, role)};
	*verifier_share = (Bytes){malloc(vdaf->verifier_share_size), vdaf->verifier_share_size};
	one.state = state->data;
	one.verifier_share = verifier_share->data;
	assert_ok(prio3_verify_init(vdaf, role, party->verify_key, &one, 1, scratch, NULL));
	free(scratch);
	return one.status;
}

/* verify_next, from the state as it is stored. */
static PrioStatus
next_one(const Bytes *state, const Bytes *message, Bytes *output_share)
{
	Prio3State taken;
	Prio3Finish one = {0};
	void *scratch;

	assert_ok(prio3_state_read(state->data, state->size, &taken));
	scratch = malloc(prio3_verify_next_scratch(&taken.vdaf, taken.role, 1));
	*output_share = (Bytes){malloc(taken.vdaf.output_share_size), taken.vdaf.output_share_size};
	one.joint_seed = taken.joint_seed;
	one.secret = taken.secret;
	one.message = message->data;
	one.message_size = message->size;
	one.output_share = output_share->data;
	assert_ok(prio3_verify_next(&taken.vdaf, taken.role, &one, 1, scratch, NULL));
	free(scratch);
	return one.status;
}

Verified
verify_report(const Party *party, const TestReport *report)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	Verified v = {0};

	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		v.status[role] =
			init_one(party, (PrioRole) role, report, &v.state[role], &v.verifier_share[role]);
		if (v.status[role] != PRIO_OK)
			v.refused_at = "verify_init";
	}
	if (v.refused_at != NULL)
		return v;
	v.message = (Bytes){malloc(vdaf->message_size + 1), vdaf->message_size};
	v.status[0] = v.status[1] =
		prio3_verifier_message(vdaf, v.verifier_share[0].data, v.verifier_share[0].size,
							   v.verifier_share[1].data, v.verifier_share[1].size,
							   v.message.data);
	if (v.status[0] != PRIO_OK)
	{
		v.refused_at = "verifier_shares_to_message";
		return v;
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		v.status[role] = next_one(&v.state[role], &v.message, &v.output_share[role]);
		if (v.status[role] != PRIO_OK)
			v.refused_at = "verify_next";
	}
	return v;
}

void
verified_free(Verified *verified)
{
	bytes_free_pair(verified->verifier_share);
	bytes_free_pair(verified->state);
	bytes_free_pair(verified->output_share);
	free(verified->message.data);
}
