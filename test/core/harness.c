/*
 * harness.c
 *		What the unit tests share.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Bytes
bytes_copy(const void *data, size_t size)
{
	Bytes		bytes = {malloc(size + 1), size};

	assert_non_null(bytes.data);
	memcpy(bytes.data, data, size);
	return bytes;
}

Bytes
hex_bytes(json_t *object, const char *name)
{
	const char *hex = json_string_value(json_object_get(object, name));
	Bytes		bytes;

	assert_non_null(hex);
	bytes.size = strlen(hex) / 2;
	bytes.data = malloc(bytes.size + 1);
	for (size_t i = 0; i < bytes.size; i++)
	{
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes.data[i] = (uint8_t) byte;
	}
	return bytes;
}

json_t *
load_vectors(const char *name)
{
	char		path[1024];
	json_error_t error;
	json_t	   *file;

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
		assert_ok(nss_key_pair_import(servers->private_key[role], servers->public_key[role],
									  &servers->pair[role]));
		servers->memory[role] = malloc(poly_weights_size(servers->n) * sizeof(FieldElement));
		assert_non_null(servers->memory[role]);
	}
	servers_set_ordinal(servers, 0);
}

void
servers_make(Servers *servers, const char *batch_id, size_t n, PrgVariant variant)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
		assert_ok(nss_generate_key(servers->private_key[role], servers->public_key[role]));
	assert_ok(nss_random(servers->shared_secret, PRG_SEED_BYTES));
	servers->batch_id = strdup(batch_id);
	servers->n = n;
	servers->variant = variant;
	set_up(servers);
}

static void
copy_hex(json_t *file, const char *name, uint8_t *out, size_t size)
{
	Bytes		bytes = hex_bytes(file, name);

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
	copy_hex(file, "shared_secret", servers->shared_secret, PRG_SEED_BYTES);
	servers->batch_id = strdup(json_string_value(json_object_get(file, "batch_id")));
	servers->n = (size_t) json_integer_value(json_object_get(file, "n_data"));
	servers->variant = strcmp(json_string_value(json_object_get(file, "prg")), "seed") == 0 ?
		PRG_SEED : PRG_BATCH;
	set_up(servers);
}

void
servers_set_ordinal(Servers *servers, uint64_t ordinal)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		FieldElement r;

		assert_ok(verifier_point(servers->shared_secret, servers->variant,
								 (uint8_t *) servers->batch_id, strlen(servers->batch_id),
								 servers->n, ordinal, &servers->cursor[role], &r, NULL));
		assert_ok(verifier_context_init(&servers->context[role], (PrioRole) role,
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
		nss_key_pair_free(servers->pair[role]);
		free(servers->memory[role]);
	}
	free(servers->batch_id);
}

PrioStatus
servers_open(Servers *servers, PrioRole role, Bytes share, Verifier *verifier)
{
	uint8_t    *plaintext = malloc(share.size + 1);
	PrioStatus	status = verifier_open(&servers->context[role], servers->pair[role],
									   share.data, share.size, plaintext, verifier);

	free(plaintext);
	return status;
}

bool
servers_exchange(const Verifier *a, const Verifier *b)
{
	uint8_t		verify1[2][VERIFY1_MAX_BYTES];
	uint8_t		verify2[2][VERIFY2_MAX_BYTES];
	size_t		size1[2];
	size_t		size2[2];
	bool		valid;

	size1[PRIO_A] = verifier_verify1(a, verify1[PRIO_A]);
	size1[PRIO_B] = verifier_verify1(b, verify1[PRIO_B]);
	assert_ok(verifier_verify2(a, verify1[PRIO_B], size1[PRIO_B], verify2[PRIO_A],
							   &size2[PRIO_A]));
	assert_ok(verifier_verify2(b, verify1[PRIO_A], size1[PRIO_A], verify2[PRIO_B],
							   &size2[PRIO_B]));
	valid = verifier_is_valid(verify2[PRIO_A], size2[PRIO_A], verify2[PRIO_B], size2[PRIO_B]);
	assert_true(valid == verifier_is_valid(verify2[PRIO_B], size2[PRIO_B], verify2[PRIO_A],
										   size2[PRIO_A]));
	return valid;
}

void
client_make_packets(const Servers *servers, const FieldElement *data, Bytes plaintext[2])
{
	Client		client;
	size_t		id_size = strlen(servers->batch_id);
	FieldElement *memory = malloc(poly_coset_size(servers->n) * sizeof(FieldElement));
	FieldElement *scratch = malloc(client_scratch_size(servers->n) * sizeof(FieldElement));

	for (int role = PRIO_A; role <= PRIO_B; role++)
		plaintext[role].data = malloc(packet_max_plaintext((PrioRole) role, id_size,
														   servers->n));
	assert_ok(client_init(&client, servers->n, memory, NULL));
	assert_ok(client_packets(&client, servers->variant, (uint8_t *) servers->batch_id, id_size,
							 data, plaintext[PRIO_A].data, &plaintext[PRIO_A].size,
							 plaintext[PRIO_B].data, &plaintext[PRIO_B].size, scratch, NULL));
	free(memory);
	free(scratch);
}

Bytes
seal_bytes(const Servers *servers, PrioRole role, Bytes plaintext)
{
	Bytes		sealed = {malloc(plaintext.size + SEAL_OVERHEAD), plaintext.size + SEAL_OVERHEAD};

	assert_ok(seal(servers->public_key[role], plaintext.data, plaintext.size, sealed.data));
	return sealed;
}
