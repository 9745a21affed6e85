/*
 * harness.c
 *		What the unit tests share.
 */
#include "harness.h"

#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Bytes
bytes_copy(const void *data, size_t size)
{
	Bytes bytes = {malloc(size + 1), size};

	assert_non_null(bytes.data);
	memcpy(bytes.data, data, size);
	return bytes;
}

void
bytes_from_hex(const char *hex, uint8_t *out, size_t size)
{
	assert_int_equal(strlen(hex), 2 * size);
	for (size_t i = 0; i < size; i++)
	{
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t) byte;
	}
}

Bytes
hex_bytes(json_t *object, const char *name)
{
	const char *hex = json_string_value(json_object_get(object, name));
	Bytes bytes;

	assert_non_null(hex);
	bytes.size = strlen(hex) / 2;
	bytes.data = malloc(bytes.size + 1);
	bytes_from_hex(hex, bytes.data, bytes.size);
	return bytes;
}

json_t *
load_vectors(const char *name)
{
	char path[1024];
	json_error_t error;
	json_t *file;

	snprintf(path, sizeof(path), "%s/%s.json", VECTORS_DIR, name);
	file = json_load_file(path, 0, &error);
	if (file == NULL)
		fail_msg("%s: %s", path, error.text);
	return file;
}

static void
set_up(Servers *servers)
{
	memset(servers->cursor, 0, sizeof(servers->cursor));
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		assert_ok(prio_key_pair_import(servers->private_key[role], servers->public_key[role],
									   &servers->pair[role]));
		servers->memory[role] = malloc(prio_lagrange87_size(servers->n) * sizeof(Field87));
		assert_non_null(servers->memory[role]);
	}
	servers_set_ordinal(servers, 0);
}

void
servers_make(Servers *servers, const char *batch_id, size_t n, Prio1PrgVariant variant)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
		assert_ok(prio_key_generate(servers->private_key[role], servers->public_key[role]));
	assert_ok(prio_random(servers->shared_secret, PRIO1_SEED_BYTES));
	servers->batch_id = strdup(batch_id);
	servers->n = n;
	servers->variant = variant;
	set_up(servers);
}

static void
copy_hex(json_t *file, const char *name, uint8_t *out, size_t size)
{
	Bytes bytes = hex_bytes(file, name);

	assert_int_equal(bytes.size, size);
	memcpy(out, bytes.data, size);
	free(bytes.data);
}

void
servers_from_json(Servers *servers, json_t *file)
{
	copy_hex(file, "private_key_a", servers->private_key[PRIO_A], PRIO_KEY_BYTES);
	copy_hex(file, "private_key_b", servers->private_key[PRIO_B], PRIO_KEY_BYTES);
	copy_hex(file, "public_key_a", servers->public_key[PRIO_A], PRIO_KEY_BYTES);
	copy_hex(file, "public_key_b", servers->public_key[PRIO_B], PRIO_KEY_BYTES);
	copy_hex(file, "shared_secret", servers->shared_secret, PRIO1_SEED_BYTES);
	servers->batch_id = strdup(json_string_value(json_object_get(file, "batch_id")));
	servers->n = (size_t) json_integer_value(json_object_get(file, "n_data"));
	servers->variant = strcmp(json_string_value(json_object_get(file, "prg")), "seed") == 0 ?
		PRIO1_PRG_SEED :
		PRIO1_PRG_BATCH;
	set_up(servers);
}

void
servers_set_ordinal(Servers *servers, uint64_t ordinal)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Field87 r;

		assert_ok(prio1_verifier_point(servers->shared_secret, servers->variant,
									   (uint8_t *) servers->batch_id, strlen(servers->batch_id),
									   servers->n, ordinal, &servers->cursor[role], &r, NULL));
		assert_ok(prio1_verifier_context_init(&servers->context[role], (PrioRole) role,
											  servers->variant, (uint8_t *) servers->batch_id,
											  strlen(servers->batch_id), servers->n, r,
											  servers->memory[role], NULL));
	}
}

void
servers_free(Servers *servers)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		prio_key_pair_free(servers->pair[role]);
		free(servers->memory[role]);
	}
	free(servers->batch_id);
}

PrioStatus
servers_open(Servers *servers, PrioRole role, Bytes share, Prio1Verifier *verifier)
{
	uint8_t *plaintext = malloc(share.size + 1);
	PrioStatus status = prio1_verifier_open(&servers->context[role], servers->pair[role],
											share.data, share.size, plaintext, verifier);

	free(plaintext);
	return status;
}

bool
is_valid(const uint8_t *verify2_a, size_t size_a, const uint8_t *verify2_b, size_t size_b)
{
	bool valid;
	bool valid_too;

	assert_ok(prio1_verifier_is_valid(verify2_a, size_a, verify2_b, size_b, &valid));
	assert_ok(prio1_verifier_is_valid(verify2_b, size_b, verify2_a, size_a, &valid_too));
	assert_true(valid == valid_too);
	return valid;
}

bool
servers_exchange(const Prio1Verifier *a, const Prio1Verifier *b)
{
	uint8_t verify1[2][PRIO1_VERIFY1_MAX_BYTES];
	uint8_t verify2[2][PRIO1_VERIFY2_MAX_BYTES];
	size_t size1[2];
	size_t size2[2];

	size1[PRIO_A] = prio1_verifier_verify1(a, verify1[PRIO_A]);
	size1[PRIO_B] = prio1_verifier_verify1(b, verify1[PRIO_B]);
	assert_ok(prio1_verifier_verify2(a, verify1[PRIO_B], size1[PRIO_B], verify2[PRIO_A],
									 &size2[PRIO_A]));
	assert_ok(prio1_verifier_verify2(b, verify1[PRIO_A], size1[PRIO_A], verify2[PRIO_B],
									 &size2[PRIO_B]));
	return is_valid(verify2[PRIO_A], size2[PRIO_A], verify2[PRIO_B], size2[PRIO_B]);
}

void
client_make_packets(const Servers *servers, const Field87 *data, Bytes plaintext[2])
{
	Prio1Client client;
	size_t id_size = strlen(servers->batch_id);
	Field87 *memory = malloc(prio_coset87_size(servers->n) * sizeof(Field87));
	Field87 *scratch = malloc(prio1_client_scratch_size(servers->n) * sizeof(Field87));

	for (int role = PRIO_A; role <= PRIO_B; role++)
		plaintext[role].data =
			malloc(prio1_packet_max_plaintext((PrioRole) role, id_size, servers->n));
	assert_ok(prio1_client_init(&client, servers->n, memory, NULL));
	assert_ok(prio1_client_packets(&client, servers->variant, (uint8_t *) servers->batch_id,
								   id_size, data, plaintext[PRIO_A].data,
								   &plaintext[PRIO_A].size, plaintext[PRIO_B].data,
								   &plaintext[PRIO_B].size, scratch, NULL));
	free(memory);
	free(scratch);
}

Bytes
seal_bytes(const Servers *servers, PrioRole role, Bytes plaintext)
{
	Bytes sealed = {malloc(plaintext.size + PRIO1_SEAL_OVERHEAD),
					plaintext.size + PRIO1_SEAL_OVERHEAD};

	assert_ok(prio1_seal(servers->public_key[role], plaintext.data, plaintext.size, sealed.data));
	return sealed;
}

void
client_make_shares(const Servers *servers, const Field87 *data, Bytes share[2])
{
	Bytes plaintext[2];

	client_make_packets(servers, data, plaintext);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		share[role] = seal_bytes(servers, (PrioRole) role, plaintext[role]);
	bytes_free_pair(plaintext);
}

void
bytes_free_pair(Bytes pair[2])
{
	free(pair[PRIO_A].data);
	free(pair[PRIO_B].data);
}

Verdict
servers_judge_shares(Servers *servers, const Bytes share[2], Prio1Verifier verifier[2])
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		PrioStatus status = servers_open(servers, (PrioRole) role, share[role], &verifier[role]);

		if (status != PRIO_OK)
		{
			assert_true(prio_is_packet_fault(status));
			return REFUSED;
		}
	}
	return servers_exchange(&verifier[PRIO_A], &verifier[PRIO_B]) ? ACCEPTED : REJECTED;
}

Verdict
servers_judge(Servers *servers, const Bytes plaintext[2])
{
	Bytes share[2];
	Prio1Verifier verifier[2];
	Verdict verdict;

	for (int role = PRIO_A; role <= PRIO_B; role++)
		share[role] = seal_bytes(servers, (PrioRole) role, plaintext[role]);
	verdict = servers_judge_shares(servers, share, verifier);
	bytes_free_pair(share);
	return verdict;
}

Prio1Total
total_make(PrioRole role, size_t n)
{
	Prio1Total total;
	Field87 *memory = malloc(n * sizeof(Field87));

	assert_non_null(memory);
	prio1_total_init(&total, role, n, memory);
	return total;
}

PrioStatus
total_take(Prio1Total *total, const Prio1Verifier *verifier, Bytes share)
{
	uint8_t *plaintext = malloc(share.size + 1);
	PrioStatus status =
		prio1_total_add_share(total, verifier, share.data, share.size, plaintext);

	free(plaintext);
	return status;
}

void
assert_same_total(const Prio1Total *a, const Prio1Total *b)
{
	uint8_t *message_a = malloc(prio1_total_max_message(a->n));
	uint8_t *message_b = malloc(prio1_total_max_message(b->n));
	size_t size_a = prio1_total_write(a, message_a);
	size_t size_b = prio1_total_write(b, message_b);

	assert_int_equal(size_a, size_b);
	assert_memory_equal(message_a, message_b, size_a);
	free(message_a);
	free(message_b);
}

const char *
next_kernels(const char *group)
{
	static char title[100];
	static size_t next;
	const PrioKernels *variant = prio_kernels_variant(next++);

	if (variant == NULL)
	{
		next = 0;
		prio_kernels_choose(NULL);
		return NULL;
	}
	if (!prio_kernels_choose(variant->name))
		fail_msg("cannot choose the kernels \"%s\"", variant->name);
	snprintf(title, sizeof(title), "%s, kernels: %s", group, variant->name);
	return title;
}

/* xorshift64* */
uint64_t
test_random(void)
{
	static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

Field87
random_element(void)
{
	prio_uint128 value = (prio_uint128) test_random() << 64;

	return field87_from_integer((value | test_random()) % FIELD87_P);
}

Bytes
random_bytes(size_t size)
{
	Bytes bytes = {malloc(size + 1), size};

	assert_non_null(bytes.data);
	for (size_t i = 0; i < size; i++)
		bytes.data[i] = (uint8_t) (test_random() >> 56);
	return bytes;
}

Field87 *
random_bits(size_t count)
{
	Field87 *bits = malloc(count * sizeof(Field87));

	assert_non_null(bits);
	for (size_t i = 0; i < count; i++)
		bits[i] = (Field87){test_random() >> 63, 0};
	return bits;
}

void
each_proper_prefix(Bytes message, PrefixCheck check, void *argument)
{
	uint8_t *block = malloc(message.size);

	assert_non_null(block);
	for (size_t size = 0; size < message.size; size++)
	{
		uint8_t *prefix = block + message.size - size;

		memcpy(prefix, message.data, size);
		check(prefix, size, argument);
	}
	free(block);
}

void
assert_value_between(const char *expression, uintmax_t value, uintmax_t least, uintmax_t most)
{
	if (value < least || value > most)
		fail_msg("%s is %ju, not between %ju and %ju", expression, value, least, most);
}

void
assert_filled(const void *memory, size_t size, uint8_t value)
{
	const uint8_t *bytes = memory;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			fail_msg("byte %zu of %zu is %02x, not %02x", i, size, bytes[i], value);
}

bool
stop_now(void)
{
	return true;
}

bool
stop_never(void)
{
	return false;
}
