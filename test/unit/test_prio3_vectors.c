/*
 * test_prio3_vectors.c
 *		Every vector of Prio3 comes out the same, byte for byte, at every step; every bad
 *		report is refused at its step.
 */
#include "prio3.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY VECTORS_DIR "/prio3"

static void
assert_hex(json_t *expected, const uint8_t *data, size_t size)
{
	Bytes bytes = bytes_of_hex(expected);

	assert_int_equal(bytes.size, size);
	assert_memory_equal(bytes.data, data, size);
	free(bytes.data);
}

/* Number i of an array of hex strings. */
static json_t *
at(json_t *object, const char *name, size_t i)
{
	return json_array_get(json_object_get(object, name), i);
}

/*
 * The file as JSON, with integers of 19 digits and more as strings: jansson has 63 bits. They
 * are what follows a space; hex digits never do.
 */
static json_t *
load_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text;
	long file_size;
	size_t size = 0;
	json_error_t error;
	json_t *json;
	int c;
	size_t digits = 0;

	if (file == NULL)
		fail_msg("%s: cannot be opened", path);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	file_size = ftell(file);
	assert_true(file_size > 0);
	rewind(file);
	/* Two quotes are less than the 19 digits between them. */
	text = malloc(2 * (size_t) file_size);
	for (int before = 0; (c = fgetc(file)) != EOF; before = c)
	{
		bool digit = c >= '0' && c <= '9';

		if (digits >= 19 && !digit)
		{
			memmove(text + size - digits + 1, text + size - digits, digits);
			text[size - digits] = '"';
			text[size + 1] = '"';
			size += 2;
		}
		digits = digit && (digits > 0 || before == ' ') ? digits + 1 : 0;
		text[size++] = (char) c;
	}
	(void) fclose(file);
	json = json_loadb(text, size, 0, &error);
	if (json == NULL)
		fail_msg("%s: %s", path, error.text);
	free(text);
	return json;
}

static void
check_shard(const Party *party, json_t *row)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	json_t *measurement = json_object_get(row, "measurement");
	uint64_t *integers = malloc(vdaf->measurement_len * sizeof(uint64_t));
	Bytes nonce = hex_bytes(row, "nonce");
	Bytes rand = hex_bytes(row, "rand");
	uint8_t *public_share = malloc(vdaf->public_share_size + 1);
	uint8_t *share[2] = {malloc(vdaf->input_share_size[0]), malloc(vdaf->input_share_size[1])};
	void *scratch = malloc(prio3_shard_scratch(vdaf));

	assert_int_equal(rand.size, vdaf->rand_size);
	if (json_is_array(measurement))
	{
		assert_int_equal(json_array_size(measurement), vdaf->measurement_len);
		for (size_t i = 0; i < vdaf->measurement_len; i++)
			integers[i] = json_uint64(json_array_get(measurement, i));
	}
	else
		integers[0] = json_uint64(measurement);
	assert_ok(prio3_shard(vdaf, integers, nonce.data, rand.data, public_share, share, scratch,
						  NULL));
	assert_hex(json_object_get(row, "public_share"), public_share, vdaf->public_share_size);
	for (size_t role = 0; role < 2; role++)
	{
		assert_hex(at(row, "input_shares", role), share[role], vdaf->input_share_size[role]);
		free(share[role]);
	}
	free(scratch);
	free(public_share);
	free(rand.data);
	free(nonce.data);
	free(integers);
}

static void
check_report(const Party *party, json_t *row, uint8_t *const total[2])
{
	TestReport report = report_from_json(row);
	Verified v = verify_report(party, &report);

	assert_null(v.refused_at);
	assert_hex(json_object_get(row, "verifier_message"), v.message.data, v.message.size);
	for (size_t role = 0; role < 2; role++)
	{
		assert_hex(at(row, "verifier_shares", role), v.verifier_share[role].data,
				   v.verifier_share[role].size);
		assert_hex(at(row, "out_shares", role), v.output_share[role].data,
				   v.output_share[role].size);
		prio3_aggregate_add(&party->vdaf, total[role], v.output_share[role].data);
	}
	verified_free(&v);
	report_free(&report);
}

static void
check_result(const Party *party, json_t *file, uint8_t *const total[2])
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	json_t *expected = json_object_get(file, "agg_result");
	prio_uint128 *result = malloc(vdaf->output_len * sizeof(prio_uint128));
	size_t size = vdaf->output_share_size;

	for (size_t role = 0; role < 2; role++)
		assert_hex(at(file, "agg_shares", role), total[role], size);
	assert_ok(prio3_unshard(vdaf, total[0], size, total[1], size,
							json_array_size(json_object_get(file, "reports")), result));
	for (size_t i = 0; i < vdaf->output_len; i++)
		assert_true(
			result[i] ==
			json_uint64(json_is_array(expected) ? json_array_get(expected, i) : expected));
	free(result);
}

/* All reports of a file in one call; the bytes have to be those of a call for each. */
static void
check_batch(const Party *party, json_t *file, PrioRole role)
{
	const Prio3Vdaf *vdaf = &party->vdaf;
	json_t *good = json_object_get(file, "reports");
	json_t *bad = json_object_get(file, "bad_reports");
	size_t count = json_array_size(good) + json_array_size(bad);
	Prio3Report *reports = calloc(count, sizeof(Prio3Report));
	TestReport *inputs = calloc(count, sizeof(TestReport));
	uint8_t *shares = malloc(count * vdaf->verifier_share_size);
	void *scratch = malloc(prio3_verify_init_scratch(vdaf, role, count));

	for (size_t i = 0; i < count; i++)
	{
		/* Good and bad ones alternate as long as there are both. */
		size_t half = i / 2;
		bool is_good = half < json_array_size(good) ? i % 2 == 0 : false;
		json_t *row = is_good ?
			json_array_get(good, half) :
			json_array_get(bad, half < json_array_size(good) ? half : i - json_array_size(good));

		inputs[i] = report_from_json(row);
		reports[i] = (Prio3Report){.nonce = inputs[i].nonce.data,
								   .public_share = inputs[i].public_share.data,
								   .public_share_size = inputs[i].public_share.size,
								   .input_share = inputs[i].share[role].data,
								   .input_share_size = inputs[i].share[role].size,
								   .verifier_share = shares + i * vdaf->verifier_share_size};
	}
	assert_ok(prio3_verify_init(vdaf, role, party->verify_key, reports, count, scratch, NULL));
	for (size_t i = 0; i < count; i++)
	{
		Bytes state;
		Bytes verifier_share;
		PrioStatus status = init_one(party, role, &inputs[i], &state, &verifier_share);

		assert_status(reports[i].status, status);
		if (i / 2 < json_array_size(good) && i % 2 == 0)
			assert_ok(status);
		if (status == PRIO_OK)
			assert_memory_equal(reports[i].verifier_share, verifier_share.data,
								verifier_share.size);
		free(state.data);
		free(verifier_share.data);
		report_free(&inputs[i]);
	}
	free(scratch);
	free(shares);
	free(inputs);
	free(reports);
}

static void
check_file(const char *path)
{
	json_t *file = load_file(path);
	json_t *row;
	size_t i;
	Party party;
	uint8_t *total[2];

	party_from_json(&party, file);
	for (size_t role = 0; role < 2; role++)
		total[role] = calloc(1, party.vdaf.output_share_size);

	assert_true(json_array_size(json_object_get(file, "reports")) > 0);
	json_array_foreach(json_object_get(file, "reports"), i, row)
	{
		check_shard(&party, row);
		check_report(&party, row, total);
	}
	check_result(&party, file, total);

	assert_true(json_array_size(json_object_get(file, "bad_reports")) > 10);
	json_array_foreach(json_object_get(file, "bad_reports"), i, row)
	{
		TestReport report = report_from_json(row);
		Verified v = verify_report(&party, &report);

		if (v.refused_at == NULL)
			fail_msg("%s: %s: not refused", path,
					 json_string_value(json_object_get(row, "what")));
		assert_string_equal(v.refused_at, json_string_value(json_object_get(row, "refused_at")));
		verified_free(&v);
		report_free(&report);
	}
	check_batch(&party, file, PRIO_A);
	check_batch(&party, file, PRIO_B);
	for (size_t role = 0; role < 2; role++)
		free(total[role]);
	party_free(&party);
	json_decref(file);
}

/* Every file of a directory; drafts counts those of draft 8 and of draft 18. */
static void
check_directory(const char *directory, size_t drafts[2])
{
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort);

	assert_true(count > 0);
	for (int i = 0; i < count; i++)
	{
		const char *name = names[i]->d_name;
		char path[4096];

		if (strncmp(name, "draft", 5) == 0)
		{
			snprintf(path, sizeof(path), "%s/%s", directory, name);
			check_file(path);
			drafts[strncmp(name, "draft18", 7) == 0]++;
		}
		free(names[i]);
	}
	free(names);
}

static void
vectors_reproduce(void **state)
{
	size_t drafts[2] = {0, 0};

	(void) state;
	check_directory(DIRECTORY, drafts);
	assert_int_equal(drafts[0], 9);
	assert_int_equal(drafts[1], 24);
}

/* What test/reference/prio3_random_vectors.py made, see check-prio3-random. */
static void
fresh_vectors_reproduce(void **state)
{
	size_t drafts[2] = {0, 0};

	check_directory(*state, drafts);
	assert_true(drafts[0] > 0 && drafts[1] > 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_reproduce),
	};
	const struct CMUnitTest fresh[] = {
		{"fresh_vectors_reproduce", fresh_vectors_reproduce, NULL, NULL, argv[1]},
	};

	if (argc > 1)
		return cmocka_run_group_tests_name("prio3_vectors", fresh, NULL, NULL);
	return cmocka_run_group_tests_name("prio3_vectors", tests, NULL, NULL);
}
