/*
 * fuzz.c
 *		What the fuzz targets share: batches, blocks of memory, assertions.
 */
#include "fuzz.h"

/* ------------------------------------------------------------------ batches */

Batch batches[BATCHES] = {{.file = "n1"},          {.file = "n5-ordinal"},
						  {.file = "invalid"},     {.file = "n31"},
						  {.file = "n441"},        {.file = "n7-prg-seed-ordinal"},
						  {.file = "n10-prg-seed"}};

/* An assertion that fails is a crash, which libFuzzer keeps the input of. */
__attribute__((constructor)) static void
abort_on_failure(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
}

void
fuzz_begin(void)
{
	for (Batch *batch = batches; batch < batches + BATCHES; batch++)
	{
		json_t *file = load_vectors(batch->file);
		json_t *row = json_object_get(file, "honest");

		if (row == NULL)
			row = json_array_get(json_object_get(file, "shares"), 0);
		servers_from_json(&batch->servers, file);
		batch->share[PRIO_A] = hex_bytes(row, "a");
		batch->share[PRIO_B] = hex_bytes(row, "b");
		assert_int_equal(servers_judge_shares(&batch->servers, batch->share, batch->verifier),
						 ACCEPTED);
		json_decref(file);
	}
}

Batch *
batch_of_size(size_t n)
{
	for (Batch *batch = batches; batch < batches + BATCHES; batch++)
		if (batch->servers.n == n)
			return batch;
	fail_msg("no batch of %zu data fields", n);
	return NULL;
}

bool
unseal(const Batch *batch, PrioRole role, Bytes share, Bytes *plaintext,
	   uint8_t aes_key[PRIO_AES_KEY_BYTES])
{
	plaintext->data = malloc(share.size + 1);
	if (prio1_seal_open(batch->servers.pair[role], share.data, share.size, plaintext->data,
						&plaintext->size, aes_key) == PRIO_OK)
		return true;
	free(plaintext->data);
	return false;
}

/* The additional data is that of seal.c: a text, the ephemeral key and the nonce. */
void
seal_again(const uint8_t aes_key[PRIO_AES_KEY_BYTES], Bytes plaintext, uint8_t *sealed)
{
	enum
	{
		TEXT = 10,
		HEADER = PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES
	};
	uint8_t aad[TEXT + HEADER] = "PrioPacket";

	memcpy(aad + TEXT, sealed, HEADER);
	assert_ok(prio_gcm_encrypt(aes_key, sealed + PRIO_KEY_BYTES, aad, sizeof(aad),
							   plaintext.data, plaintext.size, sealed + HEADER));
}

/* ------------------------------------------------------------------ inputs */

/* malloc() would round the size of an empty block up. */
Bytes
exact_copy(const uint8_t *data, size_t size)
{
	uint8_t *block = malloc(size + 1);
	Bytes bytes = {block + 1, size};

	assert_non_null(block);
	memcpy(bytes.data, data, size);
	return bytes;
}

void
free_exact(Bytes bytes)
{
	free(bytes.data - 1);
}

bool
claims_about(Bytes message, size_t count)
{
	uint8_t first = message.size >= 5 ? message.data[0] : 0;
	prio_uint128 claim;

	if (first == 0xda || first == 0xdc)
		claim = slow_from_bytes(message.data + 1, 2);
	else if (first == 0xdb || first == 0xdd)
		claim = slow_from_bytes(message.data + 1, 4);
	else
		return false;
	return claim + 16 >= count && claim <= count + 16;
}

/* ------------------------------------------------------------------ assertions */

bool
slow_is_reduced(Field87 element)
{
	return element.lo < BIT(44) && element.hi < BIT(44) && slow_value(element) < SLOW_P;
}

static void
check_stored(const Prio1Verifier *verifier, bool with_key)
{
	const Field87 *elements[] = {&verifier->d, &verifier->e, &verifier->a,
								 &verifier->b, &verifier->c, &verifier->h};
	uint8_t stored[PRIO1_VERIFIER_BYTES];
	uint8_t again[PRIO1_VERIFIER_BYTES];
	Prio1Verifier loaded;
	const Field87 *loaded_elements[] = {&loaded.d, &loaded.e, &loaded.a,
										&loaded.b, &loaded.c, &loaded.h};

	prio1_verifier_store(verifier, with_key, stored);
	assert_ok(prio1_verifier_load(&loaded, stored, sizeof(stored)));
	prio1_verifier_store(&loaded, true, again);
	assert_memory_equal(stored, again, sizeof(stored));

	assert_int_equal(loaded.role, verifier->role);
	assert_int_equal(loaded.variant, verifier->variant);
	assert_int_equal(loaded.n, verifier->n);
	assert_memory_equal(loaded.digest, verifier->digest, PRIO1_DIGEST_BYTES);
	assert_memory_equal(loaded.tag_start, verifier->tag_start, PRIO1_TAG_START_BYTES);
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		assert_reduced(*elements[i]);
		assert_element(*loaded_elements[i], *elements[i]);
	}
	assert_true(loaded.has_key == (with_key && verifier->has_key));
	if (loaded.has_key)
		assert_memory_equal(loaded.key, verifier->key, PRIO_AES_KEY_BYTES);
	else
		assert_filled(loaded.key, PRIO_AES_KEY_BYTES, 0);
}

void
check_verifier(const Prio1Verifier *verifier)
{
	check_stored(verifier, false);
	check_stored(verifier, true);
}
