/*
 * sealed.c
 *		Sealed packets, opened with the key of a server.
 *
 * Input: the batch and the server (1 byte), the packet.
 *
 * Nearly every change breaks the seal. So the mutator often opens the packet, changes its
 * plaintext, and seals it again.
 */
#include "fuzz.h"

#define HEAD_BYTES 1

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	fuzz_begin();
	return 0;
}

/* ------------------------------------------------------------------ mutations */

/*
 * Changes the plaintext of a packet, and seals it with its own key again. A packet that
 * does not open gives way to the honest one.
 */
static size_t
mutate_sealed(const Batch *batch, PrioRole role, uint8_t *data, size_t size, size_t max_size,
			  unsigned int seed)
{
	Bytes share = {data, size};
	Bytes plaintext;
	uint8_t aes_key[PRIO_AES_KEY_BYTES];

	if (!unseal(batch, role, share, &plaintext, aes_key))
	{
		share = batch->share[role];
		if (share.size > max_size)
			return mutate_bytes(data, size, max_size);
		assert_true(unseal(batch, role, share, &plaintext, aes_key));
		memcpy(data, share.data, PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES);
	}
	plaintext.data = realloc(plaintext.data, max_size);
	plaintext.size =
		mutate_message(plaintext.data, plaintext.size, max_size - PRIO1_SEAL_OVERHEAD, seed);
	seal_again(aes_key, plaintext, data);
	free(plaintext.data);
	return plaintext.size + PRIO1_SEAL_OVERHEAD;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (seed % 4 == 0 || size < HEAD_BYTES || max_size < HEAD_BYTES + PRIO1_SEAL_OVERHEAD)
		return mutate_bytes(data, size, max_size);
	return HEAD_BYTES +
		mutate_sealed(chosen_batch(data[0]), chosen_role(data[0]), data + HEAD_BYTES,
					  size - HEAD_BYTES, max_size - HEAD_BYTES, seed / 4);
}

/* ------------------------------------------------------------------ what must hold */

/* A's verifier opens its packet again, and its plaintext says the same. */
static void
check_opened_again(const Prio1VerifierContext *context, Bytes share,
				   const Prio1Verifier *verifier)
{
	uint8_t *plaintext = malloc(share.size);
	size_t plaintext_size;
	Prio1Verifier again = *verifier;
	uint8_t stored[2][PRIO1_VERIFIER_BYTES];

	assert_ok(prio1_seal_open_again(verifier->key, share.data, share.size, plaintext,
									&plaintext_size));
	assert_int_equal(plaintext_size, share.size - PRIO1_SEAL_OVERHEAD);
	assert_ok(prio1_verifier_open_plaintext(context, plaintext, plaintext_size, &again));
	prio1_verifier_store(verifier, true, stored[0]);
	prio1_verifier_store(&again, true, stored[1]);
	assert_memory_equal(stored[0], stored[1], PRIO1_VERIFIER_BYTES);
	free(plaintext);
}

/* The packet, and no other one, can be added up. */
static void
check_total(Bytes share, const Prio1Verifier *verifier)
{
	Prio1Total total = total_make(verifier->role, verifier->n);
	uint8_t *tag = share.data + share.size - PRIO_GCM_TAG_BYTES;

	assert_memory_equal(verifier->tag_start, tag, PRIO1_TAG_START_BYTES);
	assert_ok(total_take(&total, verifier, share));
	for (size_t i = 0; i < verifier->n; i++)
		assert_reduced(total.sums[i]);
	tag[0] ^= 1;
	assert_status(total_take(&total, verifier, share), PRIO_MISMATCH);
	tag[0] ^= 1;
	free(total.sums);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Batch *batch;
	PrioRole role;
	const Prio1VerifierContext *context;
	Bytes share;
	uint8_t *plaintext;
	Prio1Verifier verifier;
	PrioStatus status;

	if (size < HEAD_BYTES)
		return 0;
	batch = chosen_batch(data[0]);
	role = chosen_role(data[0]);
	context = &batch->servers.context[role];
	share = exact_copy(data + HEAD_BYTES, size - HEAD_BYTES);
	plaintext = malloc(share.size);

	memset(&verifier, 0xee, sizeof(verifier));
	memset(plaintext, 0xee, share.size);
	status = prio1_verifier_open(context, batch->servers.pair[role], share.data, share.size,
								 plaintext, &verifier);
	if (share.size > prio1_verifier_max_share(context->batch_id_size, context->weights.n))
	{
		assert_status(status, PRIO_WRONG_LENGTH);
		assert_filled(plaintext, share.size, 0xee);
	}
	else
	{
		/* Whatever came out of the packet is wiped. */
		if (share.size >= PRIO1_SEAL_OVERHEAD)
			assert_filled(plaintext, share.size - PRIO1_SEAL_OVERHEAD, 0);
		if (status != PRIO_OK)
			assert_filled(&verifier, sizeof(verifier), 0);
	}
	assert_true(status == PRIO_OK || prio_is_packet_fault(status));

	if (status == PRIO_OK)
	{
		assert_true(verifier.has_key);
		check_verifier(&verifier);
		servers_exchange(&verifier, &batch->verifier[!role]);
		if (role == PRIO_A)
			check_opened_again(context, share, &verifier);
		check_total(share, &verifier);
	}
	free(plaintext);
	free_exact(share);
	return 0;
}
