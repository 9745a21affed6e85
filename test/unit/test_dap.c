/*
 * test_dap.c
 *		Reports of DAP: those of a client by others are opened, verified and summed; ours go
 *		there and back in both drafts; every changed byte and every lying length is refused.
 */
#include "prio3.h"

#include "crypto/hpke.h"
#include "dap/report.h"

#include <stdlib.h>
#include <string.h>

/* Both servers of a task, with one key pair, as the vectors have it. */
typedef struct Task
{
	DapTask dap;
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t config_id[2];
	PrioKeyPair *pair;
	Party party;
} Task;

static void
decode_base64url(const char *text, uint8_t *out, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	int count = 0;
	size_t written = 0;

	for (; *text != '\0'; text++)
	{
		bits = bits << 6 | (uint32_t) (strchr(digits, *text) - digits);
		count += 6;
		if (count >= 8)
		{
			count -= 8;
			assert_true(written < size);
			out[written++] = (uint8_t) (bits >> count);
		}
	}
	assert_int_equal(written, size);
}

static void
task_from_json(Task *task, json_t *file)
{
	json_t *ids = json_object_get(file, "hpke_config_id");

	memset(task, 0, sizeof(*task));
	task->dap.version = DAP_09;
	task->dap.time_precision =
		(uint64_t) json_integer_value(json_object_get(file, "time_precision"));
	decode_base64url(json_string_value(json_object_get(file, "task_id")), task->dap.task_id,
					 DAP_TASK_ID_BYTES);
	bytes_from_hex(json_string_value(json_object_get(file, "private_key")), task->private_key,
				   PRIO_KEY_BYTES);
	bytes_from_hex(json_string_value(json_object_get(file, "public_key")), task->public_key,
				   PRIO_KEY_BYTES);
	task->config_id[PRIO_A] = (uint8_t) json_integer_value(json_object_get(ids, "leader"));
	task->config_id[PRIO_B] = (uint8_t) json_integer_value(json_object_get(ids, "helper"));
	assert_ok(prio_key_pair_import(task->private_key, task->public_key, &task->pair));
	party_make(&task->party, prio3_parameters_from_json(file), "");
}

static const uint8_t configuration[] = "a task configuration is opaque here";

static void
task_make(Task *task, DapVersion version, Prio3Kind kind)
{
	Prio3Parameters parameters = {.kind = kind,
								  .draft = version == DAP_18 ? PRIO3_DRAFT_18 : PRIO3_DRAFT_8,
								  .length = kind == PRIO3_HISTOGRAM ? 5 : 1,
								  .chunk_length = kind == PRIO3_HISTOGRAM ? 2 : 0,
								  .max = kind == PRIO3_SUM ? 15 : 1};
	uint8_t context[DAP_CONTEXT_BYTES];

	memset(task, 0, sizeof(*task));
	task->dap.version = version;
	task->dap.configuration = configuration;
	task->dap.configuration_size = sizeof(configuration);
	task->dap.time_precision = 300;
	for (size_t i = 0; i < DAP_TASK_ID_BYTES; i++)
		task->dap.task_id[i] = (uint8_t) (1 + test_random() % 255);
	task->config_id[PRIO_A] = 3;
	task->config_id[PRIO_B] = 250;
	assert_ok(prio_key_generate(task->private_key, task->public_key));
	assert_ok(prio_key_pair_import(task->private_key, task->public_key, &task->pair));
	dap_context(&task->dap, context);
	party_make(&task->party, parameters, "");
	if (version == DAP_18)
	{
		free(task->party.context.data);
		task->party.context = bytes_copy(context, sizeof(context));
		task->party.vdaf.context = task->party.context.data;
		task->party.vdaf.context_size = sizeof(context);
	}
}

static void
task_free(Task *task)
{
	prio_key_pair_free(task->pair);
	party_free(&task->party);
}

/*
 * Both servers with a Report: PRIO_OK if it is valid, and then their output shares are added to
 * the totals.
 */
static PrioStatus
take_report(const Task *task, Bytes bytes, uint8_t *const total[2])
{
	DapReport report;
	TestReport opened = {.nonce = {NULL, 0}};
	uint8_t *memory[2] = {NULL, NULL};
	Verified v;
	PrioStatus status = dap_report_parse(task->dap.version, bytes.data, bytes.size, &report);

	if (status != PRIO_OK)
		return status;
	opened.nonce = bytes_copy(report.report_id, DAP_REPORT_ID_BYTES);
	opened.public_share = (Bytes){(uint8_t *) report.public_share, report.public_share_size};
	for (int role = PRIO_A; role <= PRIO_B && status == PRIO_OK; role++)
	{
		DapInputShare share;

		memory[role] = malloc(
			dap_share_open_memory(&task->dap, report.header_size, report.share_size[role]));
		status =
			dap_share_open(&task->dap, (PrioRole) role, task->pair, task->public_key,
						   task->config_id[role], report.header, report.header_size,
						   report.share[role], report.share_size[role], memory[role], &share);
		if (status == PRIO_OK)
			opened.share[role] = (Bytes){(uint8_t *) share.payload, share.payload_size};
	}
	if (status == PRIO_OK)
	{
		v = verify_report(&task->party, &opened);
		status = v.status[0] != PRIO_OK ? v.status[0] : v.status[1];
		for (int role = PRIO_A; role <= PRIO_B && status == PRIO_OK; role++)
			prio3_aggregate_add(&task->party.vdaf, total[role], v.output_share[role].data);
		verified_free(&v);
	}
	free(opened.nonce.data);
	free(memory[0]);
	free(memory[1]);
	return status;
}

static void
reports_of_a_client_by_others(void **state)
{
	char name[100];
	json_t *file;
	json_t *reports;
	json_t *expected;
	Task task;
	uint8_t *total[2];
	prio_uint128 result[100];
	size_t size;

	snprintf(name, sizeof(name), "dap09/%s", (const char *) *state);
	file = load_vectors(name);
	task_from_json(&task, file);
	reports = json_object_get(file, "reports");
	expected = json_object_get(file, "result");
	size = task.party.vdaf.output_share_size;
	for (size_t role = 0; role < 2; role++)
		total[role] = calloc(1, size);
	assert_int_equal(json_array_size(reports), 6);
	for (size_t i = 0; i < json_array_size(reports); i++)
	{
		Bytes bytes = bytes_of_hex(json_array_get(reports, i));
		DapReport report;
		int64_t seconds;

		assert_ok(take_report(&task, bytes, total));
		assert_ok(dap_report_parse(DAP_09, bytes.data, bytes.size, &report));
		assert_ok(dap_report_seconds(&task.dap, report.time, &seconds));
		assert_int_equal(seconds % (int64_t) task.dap.time_precision, 0);
		assert_true(seconds > 1600000000);
		free(bytes.data);
	}
	assert_ok(prio3_unshard(&task.party.vdaf, total[0], size, total[1], size, 6, result));
	assert_int_equal(json_array_size(expected), task.party.vdaf.output_len);
	for (size_t i = 0; i < json_array_size(expected); i++)
		assert_true(result[i] == json_uint64(json_array_get(expected, i)));

	/* Every byte of the first one, and every length. */
	{
		Bytes bytes = bytes_of_hex(json_array_get(reports, 0));
		size_t step = bytes.size > 600 ? 3 : 1;

		for (size_t i = 0; i < bytes.size; i += step)
		{
			uint8_t bit = (uint8_t) (1 << i % 8);

			bytes.data[i] ^= bit;
			assert_int_not_equal(take_report(&task, bytes, total), PRIO_OK);
			bytes.data[i] ^= bit;
		}
		assert_ok(take_report(&task, bytes, total));
		free(bytes.data);
	}
	for (size_t role = 0; role < 2; role++)
		free(total[role]);
	task_free(&task);
	json_decref(file);
}

static Bytes
make_report(const Task *task, int64_t seconds)
{
	uint64_t *measurement = random_measurement(&task->party.vdaf);
	TestReport report = report_make(&task->party, measurement);
	const size_t sizes[2] = {report.share[0].size, report.share[1].size};
	DapRecipient recipient[2];
	uint8_t *memory =
		malloc(dap_report_make_memory(&task->dap, report.public_share.size, sizes));
	Bytes made;

	made.size = dap_report_size(&task->dap, report.public_share.size, sizes);
	made.data = malloc(made.size);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		memcpy(recipient[role].public_key, task->public_key, PRIO_KEY_BYTES);
		recipient[role].config_id = task->config_id[role];
		recipient[role].input_share = report.share[role].data;
		recipient[role].input_share_size = report.share[role].size;
	}
	assert_ok(dap_report_make(&task->dap, report.nonce.data, seconds, report.public_share.data,
							  report.public_share.size, recipient, memory, made.data));
	assert_status(dap_report_make(&task->dap, report.nonce.data, -1, report.public_share.data,
								  report.public_share.size, recipient, memory, made.data + 0),
				  PRIO_OUT_OF_RANGE);
	free(memory);
	report_free(&report);
	free(measurement);
	return made;
}

static void
there_and_back(void **state)
{
	static const Prio3Kind kinds[] = {PRIO3_COUNT, PRIO3_SUM, PRIO3_HISTOGRAM};

	(void) state;
	for (int version = 0; version < 2; version++)
		for (size_t k = 0; k < 3; k++)
		{
			Task task;
			Bytes bytes;
			Bytes cut;
			DapReport report;
			int64_t seconds;
			uint8_t *total[2];

			task_make(&task, version == 0 ? DAP_09 : DAP_18, kinds[k]);
			for (size_t role = 0; role < 2; role++)
				total[role] = calloc(1, task.party.vdaf.output_share_size);
			bytes = make_report(&task, 1700000123);
			assert_ok(take_report(&task, bytes, total));
			assert_ok(dap_report_parse(task.dap.version, bytes.data, bytes.size, &report));
			assert_ok(dap_report_seconds(&task.dap, report.time, &seconds));
			assert_int_equal(seconds, 1700000100);
			assert_int_equal(report.header_size,
							 dap_header_size(&task.dap, task.party.vdaf.public_share_size));
			assert_ok(dap_header_parse(task.dap.version, report.header, report.header_size,
									   &report));

			for (size_t i = 0; i < bytes.size; i++)
			{
				bytes.data[i] ^= (uint8_t) (1 << i % 8);
				assert_int_not_equal(take_report(&task, bytes, total), PRIO_OK);
				bytes.data[i] ^= (uint8_t) (1 << i % 8);
			}
			/* Every shorter one, in memory of just that size; and a longer one. */
			for (cut.size = 0; cut.size < bytes.size; cut.size++)
			{
				cut.data = malloc(cut.size > 0 ? cut.size : 1);
				memcpy(cut.data, bytes.data, cut.size);
				assert_status(take_report(&task, cut, total), PRIO_MALFORMED);
				free(cut.data);
			}
			cut = (Bytes){calloc(1, bytes.size + 1), bytes.size + 1};
			memcpy(cut.data, bytes.data, bytes.size);
			assert_status(take_report(&task, cut, total), PRIO_MALFORMED);
			free(cut.data);

			/* Another task, configuration or key: nothing opens. */
			task.dap.task_id[5] ^= 1;
			assert_status(take_report(&task, bytes, total), PRIO_DECRYPTION_FAILED);
			task.dap.task_id[5] ^= 1;
			task.dap.configuration_size--;
			assert_status(take_report(&task, bytes, total),
						  version == 0 ? PRIO_OK : PRIO_DECRYPTION_FAILED);
			task.dap.configuration_size++;
			task.config_id[PRIO_B]++;
			assert_status(take_report(&task, bytes, total), PRIO_UNKNOWN_KEY);
			for (size_t role = 0; role < 2; role++)
				free(total[role]);
			free(bytes.data);
			task_free(&task);
		}
}

/* A header of 18 with these extensions, and no public share. */
static PrioStatus
parse_with_extensions(const uint8_t *extensions, size_t size, DapReport *report)
{
	uint8_t *header = calloc(1, 30 + size);
	PrioStatus status;

	header[24] = (uint8_t) (size >> 8);
	header[25] = (uint8_t) size;
	memcpy(header + 26, extensions, size);
	status = dap_header_parse(DAP_18, header, 30 + size, report);
	free(header);
	return status;
}

static void
extensions(void **state)
{
	static const uint8_t one[] = {0, 7, 0, 2, 1, 2};
	static const uint8_t sorted[] = {0, 0, 0, 0, 0, 7, 0, 1, 1};
	static const uint8_t twice[] = {0, 7, 0, 0, 0, 7, 0, 0};
	static const uint8_t unsorted[] = {0, 7, 0, 0, 0, 6, 0, 0};
	static const uint8_t lying[] = {0, 7, 255, 255, 1};
	static const uint8_t broken[] = {0, 7, 0};
	DapReport report;

	(void) state;
	assert_ok(parse_with_extensions(one, 0, &report));
	assert_false(report.has_extensions);
	assert_ok(parse_with_extensions(one, sizeof(one), &report));
	assert_true(report.has_extensions);
	assert_ok(parse_with_extensions(sorted, sizeof(sorted), &report));
	assert_status(parse_with_extensions(twice, sizeof(twice), &report), PRIO_MALFORMED);
	assert_status(parse_with_extensions(unsorted, sizeof(unsorted), &report), PRIO_MALFORMED);
	assert_status(parse_with_extensions(lying, sizeof(lying), &report), PRIO_MALFORMED);
	assert_status(parse_with_extensions(broken, sizeof(broken), &report), PRIO_MALFORMED);
}

/* A plaintext of the client's own making, sealed as it should be. */
static PrioStatus
open_plaintext(const Task *task, const uint8_t *plaintext, size_t size, DapInputShare *share)
{
	static const uint8_t header[30] = {0};
	uint8_t info[] = "dap-18 input share\1\2";
	Bytes sealed = {malloc(7 + 32 + size + PRIO_HPKE_TAG_BYTES), 7 + 32 + size + 16};
	uint8_t aad[DAP_TASK_ID_BYTES + sizeof(configuration) + sizeof(header)];
	uint8_t *memory = malloc(dap_share_open_memory(&task->dap, sizeof(header), sealed.size));
	PrioStatus status;

	memcpy(aad, task->dap.task_id, DAP_TASK_ID_BYTES);
	memcpy(aad + DAP_TASK_ID_BYTES, configuration, sizeof(configuration));
	memcpy(aad + DAP_TASK_ID_BYTES + sizeof(configuration), header, sizeof(header));
	sealed.data[0] = task->config_id[PRIO_A];
	sealed.data[1] = 0;
	sealed.data[2] = 32;
	for (int i = 0; i < 4; i++)
		sealed.data[35 + i] = (uint8_t) ((size + 16) >> (24 - 8 * i));
	assert_ok(prio_hpke_seal(task->public_key, info, 20, aad, sizeof(aad), plaintext, size,
							 sealed.data + 3, sealed.data + 39));
	status = dap_share_open(&task->dap, PRIO_A, task->pair, task->public_key,
							task->config_id[PRIO_A], header, sizeof(header), sealed.data,
							sealed.size, memory, share);
	free(memory);
	free(sealed.data);
	return status;
}

static void
plaintexts_of_hostile_clients(void **state)
{
	static const uint8_t good[] = {0, 0, 0, 0, 0, 3, 1, 2, 3};
	static const uint8_t rest[] = {0, 0, 0, 0, 0, 2, 1, 2, 3};
	static const uint8_t lying[] = {0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3};
	static const uint8_t extended[] = {0, 4, 0, 1, 0, 0, 0, 0, 0, 1, 9};
	static const uint8_t long_list[] = {0xff, 0xff, 0, 1};
	DapInputShare share;
	Task task;

	(void) state;
	task_make(&task, DAP_18, PRIO3_COUNT);
	assert_ok(open_plaintext(&task, good, sizeof(good), &share));
	assert_int_equal(share.payload_size, 3);
	assert_status(open_plaintext(&task, rest, sizeof(rest), &share), PRIO_MALFORMED);
	assert_status(open_plaintext(&task, lying, sizeof(lying), &share), PRIO_MALFORMED);
	assert_status(open_plaintext(&task, extended, sizeof(extended), &share),
				  PRIO_UNKNOWN_EXTENSION);
	assert_status(open_plaintext(&task, long_list, sizeof(long_list), &share), PRIO_MALFORMED);
	assert_status(open_plaintext(&task, good, 0, &share), PRIO_MALFORMED);
	task_free(&task);
}

static void
times(void **state)
{
	DapTask task = {.version = DAP_18, .time_precision = 3600};
	int64_t seconds;

	(void) state;
	assert_ok(dap_report_seconds(&task, 10, &seconds));
	assert_int_equal(seconds, 36000);
	assert_status(dap_report_seconds(&task, UINT64_MAX, &seconds), PRIO_OUT_OF_RANGE);
	assert_status(dap_report_seconds(&task, (uint64_t) INT64_MAX / 3600 + 1, &seconds),
				  PRIO_OUT_OF_RANGE);
	task.version = DAP_09;
	assert_ok(dap_report_seconds(&task, 10, &seconds));
	assert_int_equal(seconds, 10);
	assert_status(dap_report_seconds(&task, UINT64_MAX, &seconds), PRIO_OUT_OF_RANGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		{"Count", reports_of_a_client_by_others, NULL, NULL, "Prio3Count"},
		{"Sum", reports_of_a_client_by_others, NULL, NULL, "Prio3Sum"},
		{"SumVec", reports_of_a_client_by_others, NULL, NULL, "Prio3SumVec"},
		{"Histogram", reports_of_a_client_by_others, NULL, NULL, "Prio3Histogram"},
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(extensions),
		cmocka_unit_test(plaintexts_of_hostile_clients),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests_name("dap", tests, NULL, NULL);
}
