/*
 * test_vectors.c
 *		Everything that libprio made comes out the same, byte for byte; everything hostile
 *		is refused or rejected, and disturbs nobody else.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"n1",         "n8",           "n31",
									"n32",        "n441",         "n2046",
									"n5-ordinal", "n10-prg-seed", "n7-prg-seed-ordinal",
									"uint8",      "uint42"};

static void
assert_same(Bytes expected, const uint8_t *data, size_t size)
{
	assert_int_equal(expected.size, size);
	assert_memory_equal(expected.data, data, size);
	free(expected.data);
}

/* total_X, total_uint_X and the results of a file. */
static void
check_totals(json_t *file, Prio1Total total[2])
{
	size_t n = total[PRIO_A].n;
	uint8_t *message = malloc(prio1_total_max_message(n));
	int64_t *counts = malloc(n * sizeof(int64_t));
	json_t *precision = json_object_get(file, "precision");
	json_t *result = json_object_get(file, "result");
	size_t where;

	assert_same(hex_bytes(file, "total_a"), message, prio1_total_write(&total[PRIO_A], message));
	assert_same(hex_bytes(file, "total_b"), message, prio1_total_write(&total[PRIO_B], message));
	assert_ok(prio1_total_publish(&total[PRIO_B], &total[PRIO_A], counts, &where));
	assert_int_equal(json_array_size(result), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(json_integer_value(json_array_get(result, i)), counts[i]);

	if (json_is_integer(precision))
	{
		int bits = (int) json_integer_value(precision);
		Prio1Total uints[2];
		Field87 *memory = malloc(2 * n * sizeof(Field87));

		result = json_object_get(file, "result_uint");
		for (int role = PRIO_A; role <= PRIO_B; role++)
			assert_ok(prio1_total_to_uints(&total[role], bits, &uints[role],
										   memory + (size_t) role * n));
		assert_same(hex_bytes(file, "total_uint_a"), message,
					prio1_total_write(&uints[PRIO_A], message));
		assert_same(hex_bytes(file, "total_uint_b"), message,
					prio1_total_write(&uints[PRIO_B], message));
		assert_ok(prio1_total_publish(&uints[PRIO_A], &uints[PRIO_B], counts, &where));
		assert_int_equal(json_array_size(result), uints[PRIO_A].n);
		for (size_t i = 0; i < uints[PRIO_A].n; i++)
			assert_int_equal(json_integer_value(json_array_get(result, i)), counts[i]);
		free(memory);
	}
	free(message);
	free(counts);
}

/* One row of a file: all messages of both rounds, and both shares added to the totals. */
static void
check_row(Servers *servers, json_t *row, Prio1Total total[2])
{
	static const char *const verify1_names[] = {"verify1_a", "verify1_b"};
	static const char *const verify2_names[] = {"verify2_a", "verify2_b"};
	Bytes share[2] = {hex_bytes(row, "a"), hex_bytes(row, "b")};
	Bytes verify1[2];
	Bytes verify2[2];
	Prio1Verifier verifier[2];

	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t message[PRIO1_VERIFY1_MAX_BYTES];

		verify1[role] = hex_bytes(row, verify1_names[role]);
		assert_ok(servers_open(servers, (PrioRole) role, share[role], &verifier[role]));
		assert_int_equal(prio1_verifier_verify1(&verifier[role], message), verify1[role].size);
		assert_memory_equal(message, verify1[role].data, verify1[role].size);
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
		size_t size;

		verify2[role] = hex_bytes(row, verify2_names[role]);
		assert_ok(prio1_verifier_verify2(&verifier[role], verify1[!role].data,
										 verify1[!role].size, message, &size));
		assert_int_equal(size, verify2[role].size);
		assert_memory_equal(message, verify2[role].data, size);
	}
	assert_true(is_valid(verify2[PRIO_A].data, verify2[PRIO_A].size, verify2[PRIO_B].data,
						 verify2[PRIO_B].size));
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t *plaintext = malloc(share[role].size);

		/* B's total needs no packet: give it to it every other time only. */
		if (role == PRIO_B && share[PRIO_B].data[0] % 2 == 0)
			assert_ok(prio1_total_add_share(&total[role], &verifier[role], NULL, 0, NULL));
		else
			assert_ok(prio1_total_add_share(&total[role], &verifier[role], share[role].data,
											share[role].size, plaintext));
		free(plaintext);
		free(share[role].data);
		free(verify1[role].data);
		free(verify2[role].data);
	}
}

static void
vectors_reproduce(void **state)
{
	json_t *file = load_vectors(*state);
	json_t *rows = json_object_get(file, "shares");
	bool by_row = json_is_string(json_object_get(file, "ordinal"));
	Servers servers;
	Prio1Total total[2];
	Field87 *memory;

	servers_from_json(&servers, file);
	memory = malloc(2 * servers.n * sizeof(Field87));
	prio1_total_init(&total[PRIO_A], PRIO_A, servers.n, memory);
	prio1_total_init(&total[PRIO_B], PRIO_B, servers.n, memory + servers.n);
	assert_true(json_array_size(rows) > 0);

	/* Backwards, so that the cursor has to start over: the order must not matter. */
	for (size_t i = json_array_size(rows); i-- > 0;)
	{
		servers_set_ordinal(&servers, by_row ? i : 0);
		check_row(&servers, json_array_get(rows, i), total);
	}
	check_totals(file, total);
	free(memory);
	servers_free(&servers);
	json_decref(file);
}

/* Which status each malformed case deserves. */
static PrioStatus
expected_fault(const char *name)
{
	static const struct
	{
		const char *name;
		PrioStatus status;
	} faults[] = {
		{"empty", PRIO_DECRYPTION_FAILED},
		{"shorter than the header", PRIO_DECRYPTION_FAILED},
		{"header only", PRIO_DECRYPTION_FAILED},
		{"last byte cut", PRIO_DECRYPTION_FAILED},
		{"bit flipped in ephemeral key", PRIO_DECRYPTION_FAILED},
		{"bit flipped in nonce", PRIO_DECRYPTION_FAILED},
		{"bit flipped in ciphertext", PRIO_DECRYPTION_FAILED},
		{"bit flipped in tag", PRIO_DECRYPTION_FAILED},
		{"all zero ephemeral key", PRIO_DECRYPTION_FAILED},
		{"sealed to another key", PRIO_DECRYPTION_FAILED},
		{"for the other server", PRIO_WRONG_SERVER},
		{"another batch", PRIO_WRONG_BATCH},
		{"prefix of the batch id", PRIO_WRONG_BATCH},
		{"empty plaintext", PRIO_MALFORMED},
		{"not msgpack", PRIO_MALFORMED},
		{"truncated msgpack", PRIO_MALFORMED},
		{"element equal to the modulus", PRIO_OUT_OF_RANGE},
		{"element of 64 bytes", PRIO_OUT_OF_RANGE},
		{"integer instead of string", PRIO_MALFORMED},
		{"role 2", PRIO_MALFORMED},
		{"bin instead of str", PRIO_MALFORMED},
		{"one data share too few", PRIO_WRONG_LENGTH},
		{"one data share too many", PRIO_WRONG_LENGTH},
		{"h points missing", PRIO_MALFORMED},
		{"half the h points", PRIO_WRONG_LENGTH},
		{"array claims 2^32-1 elements", PRIO_WRONG_LENGTH},
		{"nested arrays", PRIO_WRONG_LENGTH}, /* of one element each */
		{"seed of 15 bytes", PRIO_WRONG_LENGTH},
		{"seed of 17 bytes", PRIO_WRONG_LENGTH},
		{"seed missing", PRIO_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(faults[i].name, name) == 0)
			return faults[i].status;
	fail_msg("no expectation for the case \"%s\"", name);
	return PRIO_OK;
}

static void
hostile_packets_are_refused_or_rejected(void **state)
{
	json_t *file = load_vectors("invalid");
	json_t *cases = json_object_get(file, "cases");
	size_t rejected = 0;
	size_t malformed = 0;
	json_t *row;
	size_t i;
	Servers servers;

	(void) state;
	servers_from_json(&servers, file);
	json_array_foreach(cases, i, row)
	{
		const char *expect = json_string_value(json_object_get(row, "expect"));
		const char *name = json_string_value(json_object_get(row, "name"));
		Prio1Verifier verifier[2];

		if (strcmp(expect, "rejected") == 0)
		{
			Bytes a = hex_bytes(row, "a");
			Bytes b = hex_bytes(row, "b");

			assert_ok(servers_open(&servers, PRIO_A, a, &verifier[PRIO_A]));
			assert_ok(servers_open(&servers, PRIO_B, b, &verifier[PRIO_B]));
			assert_false(servers_exchange(&verifier[PRIO_A], &verifier[PRIO_B]));
			free(a.data);
			free(b.data);
			rejected++;
		}
		else
		{
			const char *role = json_string_value(json_object_get(row, "role"));
			Bytes share = hex_bytes(row, "share");
			PrioStatus status;

			assert_string_equal(expect, "malformed");
			status =
				servers_open(&servers, role[0] == 'A' ? PRIO_A : PRIO_B, share, &verifier[0]);
			if (status != expected_fault(name))
				fail_msg("case \"%s\" of %s: %s, not %s", name, role, prio_status_text(status),
						 prio_status_text(expected_fault(name)));
			free(share.data);
			malformed++;
		}
	}
	assert_int_equal(rejected, 14);
	assert_int_equal(malformed, json_array_size(cases) - 14);
	servers_free(&servers);
	json_decref(file);
}

int
main(void)
{
	struct CMUnitTest tests[sizeof(files) / sizeof(files[0]) + 1];
	size_t count = sizeof(files) / sizeof(files[0]);
	const char *title;
	int failed = 0;

	for (size_t i = 0; i < count; i++)
		tests[i] =
			(struct CMUnitTest){files[i], vectors_reproduce, NULL, NULL, (void *) files[i]};
	tests[count] = (struct CMUnitTest) cmocka_unit_test(hostile_packets_are_refused_or_rejected);
	while ((title = next_kernels("vectors")) != NULL)
		failed += cmocka_run_group_tests_name(title, tests, NULL, NULL);
	return failed;
}
