/*
 * hpke.c
 *		The key schedule of HPKE, around X25519, SHA-256 and AES-GCM by NSS.
 *
 * NSS has HPKE itself, but spends as much on HKDF through PKCS #11 as on the curve.
 */
#include "crypto/hpke.h"

#include "base/secret.h"

#include <string.h>

#define BLOCK_BYTES 64 /* of SHA-256 */

/* The longest HMAC input: version, suite, label, and what they are about. */
#define INPUT_BYTES (64 + 128)

typedef struct Input
{
	uint8_t bytes[INPUT_BYTES];
	size_t size;
} Input;

static const uint8_t kem_suite[] = {'K', 'E', 'M', 0, PRIO_HPKE_KEM};
static const uint8_t hpke_suite[] = {'H',           'P', 'K',           'E', 0,
									 PRIO_HPKE_KEM, 0,   PRIO_HPKE_KDF, 0,   PRIO_HPKE_AEAD};

static void
append(Input *input, const void *data, size_t size)
{
	if (size > 0)
		memcpy(input->bytes + input->size, data, size);
	input->size += size;
}

/* HMAC-SHA256 (RFC 2104) with a key of up to PRIO_HASH_BYTES. */
static PrioStatus
hmac(const uint8_t *key, size_t key_size, const Input *input, uint8_t out[PRIO_HASH_BYTES])
{
	uint8_t pad[BLOCK_BYTES] = {0};
	uint8_t inner[PRIO_HASH_BYTES];
	PrioStatus status;

	if (key_size > 0)
		memcpy(pad, key, key_size);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36;
	status = prio_sha256(pad, sizeof(pad), input->bytes, input->size, inner);
	for (size_t i = 0; i < BLOCK_BYTES; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	if (status == PRIO_OK)
		status = prio_sha256(pad, sizeof(pad), inner, sizeof(inner), out);
	prio_wipe(pad, sizeof(pad));
	prio_wipe(inner, sizeof(inner));
	return status;
}

static void
begin(Input *input, const uint8_t *suite, size_t suite_size, const char *label)
{
	append(input, "HPKE-v1", 7);
	append(input, suite, suite_size);
	append(input, label, strlen(label));
}

/* LabeledExtract (RFC 9180, section 4). */
static PrioStatus
extract(const uint8_t *suite, size_t suite_size, const uint8_t *salt, size_t salt_size,
		const char *label, const uint8_t *ikm, size_t ikm_size, uint8_t out[PRIO_HASH_BYTES])
{
	Input input = {.size = 0};
	PrioStatus status;

	begin(&input, suite, suite_size, label);
	append(&input, ikm, ikm_size);
	status = hmac(salt, salt_size, &input, out);
	prio_wipe(&input, sizeof(input));
	return status;
}

/* LabeledExpand to at most PRIO_HASH_BYTES. */
static PrioStatus
expand(const uint8_t *suite, size_t suite_size, const uint8_t prk[PRIO_HASH_BYTES],
	   const char *label, const uint8_t *info, size_t info_size, uint8_t *out, size_t size)
{
	static const uint8_t first = 1;
	uint8_t length[2] = {0, (uint8_t) size};
	uint8_t block[PRIO_HASH_BYTES];
	Input input = {.size = 0};
	PrioStatus status;

	append(&input, length, sizeof(length));
	begin(&input, suite, suite_size, label);
	append(&input, info, info_size);
	append(&input, &first, 1);
	status = hmac(prk, PRIO_HASH_BYTES, &input, block);
	memcpy(out, block, size);
	prio_wipe(block, sizeof(block));
	return status;
}

/* The base mode, the hash of no psk_id, the hash of info: none of it is secret. */
static PrioStatus
make_context(const uint8_t *info, size_t info_size, uint8_t context[1 + 2 * PRIO_HASH_BYTES])
{
	PrioStatus status;

	context[0] = 0;
	status =
		extract(hpke_suite, sizeof(hpke_suite), NULL, 0, "psk_id_hash", NULL, 0, context + 1);
	if (status == PRIO_OK)
		status = extract(hpke_suite, sizeof(hpke_suite), NULL, 0, "info_hash", info, info_size,
						 context + 1 + PRIO_HASH_BYTES);
	return status;
}

/*
 * The context for an info, from the last time if it was the same: a server has one
 * info string for all reports.
 */
static PrioStatus
find_context(const uint8_t *info, size_t info_size, const uint8_t **context)
{
	static uint8_t kept[1 + 2 * PRIO_HASH_BYTES];
	static uint8_t kept_info[PRIO_HPKE_MAX_INFO];
	static size_t kept_size = SIZE_MAX;
	PrioStatus status;

	*context = kept;
	if (kept_size == info_size && memcmp(kept_info, info, info_size) == 0)
		return PRIO_OK;
	kept_size = SIZE_MAX;
	status = make_context(info, info_size, kept);
	if (status == PRIO_OK)
	{
		memcpy(kept_info, info, info_size);
		kept_size = info_size;
	}
	return status;
}

PrioStatus
prio_hpke_schedule(const uint8_t shared[PRIO_KEY_BYTES], const uint8_t enc[PRIO_HPKE_ENC_BYTES],
				   const uint8_t public_key[PRIO_KEY_BYTES], const uint8_t *info,
				   size_t info_size, uint8_t key[PRIO_AES_KEY_BYTES],
				   uint8_t nonce[PRIO_GCM_NONCE_BYTES])
{
	uint8_t kem_context[PRIO_HPKE_ENC_BYTES + PRIO_KEY_BYTES];
	const size_t context_size = 1 + 2 * PRIO_HASH_BYTES;
	const uint8_t *context;
	uint8_t secret[PRIO_HASH_BYTES];
	uint8_t shared_secret[PRIO_HASH_BYTES];
	PrioStatus status;

	if (info_size > PRIO_HPKE_MAX_INFO)
		return PRIO_WRONG_LENGTH;
	memcpy(kem_context, enc, PRIO_HPKE_ENC_BYTES);
	memcpy(kem_context + PRIO_HPKE_ENC_BYTES, public_key, PRIO_KEY_BYTES);

	status = find_context(info, info_size, &context);
	if (status == PRIO_OK)
		status = extract(kem_suite, sizeof(kem_suite), NULL, 0, "eae_prk", shared,
						 PRIO_KEY_BYTES, secret);
	if (status == PRIO_OK)
		status = expand(kem_suite, sizeof(kem_suite), secret, "shared_secret", kem_context,
						sizeof(kem_context), shared_secret, sizeof(shared_secret));
	if (status == PRIO_OK)
		status = extract(hpke_suite, sizeof(hpke_suite), shared_secret, sizeof(shared_secret),
						 "secret", NULL, 0, secret);
	if (status == PRIO_OK)
		status = expand(hpke_suite, sizeof(hpke_suite), secret, "key", context, context_size,
						key, PRIO_AES_KEY_BYTES);
	if (status == PRIO_OK)
		status = expand(hpke_suite, sizeof(hpke_suite), secret, "base_nonce", context,
						context_size, nonce, PRIO_GCM_NONCE_BYTES);
	prio_wipe(secret, sizeof(secret));
	prio_wipe(shared_secret, sizeof(shared_secret));
	return status;
}

PrioStatus
prio_hpke_open(PrioKeyPair *pair, const uint8_t public_key[PRIO_KEY_BYTES],
			   const uint8_t *info, size_t info_size, const uint8_t *enc, const uint8_t *aad,
			   size_t aad_size, const uint8_t *sealed, size_t size, uint8_t *out)
{
	uint8_t shared[PRIO_KEY_BYTES];
	uint8_t key[PRIO_AES_KEY_BYTES];
	uint8_t nonce[PRIO_GCM_NONCE_BYTES];
	PrioStatus status;

	if (size < PRIO_HPKE_TAG_BYTES)
		return PRIO_DECRYPTION_FAILED;
	status = prio_x25519(pair, enc, shared);
	if (status != PRIO_OK)
		return status;
	status = prio_hpke_schedule(shared, enc, public_key, info, info_size, key, nonce);
	if (status == PRIO_OK)
		status = prio_gcm_decrypt(key, nonce, aad, aad_size, sealed, size, out);
	prio_wipe(shared, sizeof(shared));
	prio_wipe(key, sizeof(key));
	prio_wipe(nonce, sizeof(nonce));
	return status;
}

PrioStatus
prio_hpke_seal(const uint8_t public_key[PRIO_KEY_BYTES], const uint8_t *info, size_t info_size,
			   const uint8_t *aad, size_t aad_size, const uint8_t *plaintext, size_t size,
			   uint8_t *enc, uint8_t *out)
{
	uint8_t shared[PRIO_KEY_BYTES];
	uint8_t key[PRIO_AES_KEY_BYTES];
	uint8_t nonce[PRIO_GCM_NONCE_BYTES];
	PrioStatus status = prio_x25519_ephemeral(public_key, enc, shared);

	if (status != PRIO_OK)
		return status;
	status = prio_hpke_schedule(shared, enc, public_key, info, info_size, key, nonce);
	if (status == PRIO_OK)
		status = prio_gcm_encrypt(key, nonce, aad, aad_size, plaintext, size, out);
	prio_wipe(shared, sizeof(shared));
	prio_wipe(key, sizeof(key));
	prio_wipe(nonce, sizeof(nonce));
	return status;
}
