/*
 * seal.c
 *		Sealed packets: X25519, one AES-128-GCM key a packet.
 */
#include "prio1/seal.h"

#include "base/secret.h"

#include "field/field87.h"

static const uint8_t aad_tag[] = {'P', 'r', 'i', 'o', 'P', 'a', 'c', 'k', 'e', 't'};

#define HEADER_BYTES (PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES)
#define AAD_BYTES (sizeof(aad_tag) + HEADER_BYTES)

/* The additional data is a fixed text and the packet's own header. */
static void
make_aad(const uint8_t *header, uint8_t aad[AAD_BYTES])
{
	memcpy(aad, aad_tag, sizeof(aad_tag));
	memcpy(aad + sizeof(aad_tag), header, HEADER_BYTES);
}

PrioStatus
prio1_seal(const uint8_t public_key[PRIO_KEY_BYTES], const uint8_t *plaintext, size_t size,
		   uint8_t *sealed)
{
	uint8_t aad[AAD_BYTES];
	uint8_t aes_key[PRIO_AES_KEY_BYTES];
	uint8_t *nonce = sealed + PRIO_KEY_BYTES;
	PrioStatus status = prio_agree_ephemeral(public_key, sealed, aes_key);

	if (status == PRIO_OK)
		status = prio_random(nonce, PRIO_GCM_NONCE_BYTES);
	if (status == PRIO_OK)
	{
		make_aad(sealed, aad);
		status = prio_gcm_encrypt(aes_key, nonce, aad, sizeof(aad), plaintext, size,
								  sealed + HEADER_BYTES);
	}
	prio_wipe(aes_key, sizeof(aes_key));
	return status;
}

PrioStatus
prio1_seal_open(PrioKeyPair *pair, const uint8_t *sealed, size_t size, uint8_t *plaintext,
				size_t *plaintext_size, uint8_t *aes_key)
{
	uint8_t aad[AAD_BYTES];

	if (size < PRIO1_SEAL_OVERHEAD)
		return PRIO_DECRYPTION_FAILED;
	make_aad(sealed, aad);
	*plaintext_size = size - PRIO1_SEAL_OVERHEAD;
	return prio_agree_and_decrypt(pair, sealed, sealed + PRIO_KEY_BYTES, aad, sizeof(aad),
								  sealed + HEADER_BYTES, size - HEADER_BYTES, plaintext,
								  aes_key);
}

PrioStatus
prio1_seal_open_again(const uint8_t aes_key[PRIO_AES_KEY_BYTES], const uint8_t *sealed,
					  size_t size, uint8_t *plaintext, size_t *plaintext_size)
{
	uint8_t aad[AAD_BYTES];

	if (size < PRIO1_SEAL_OVERHEAD)
		return PRIO_DECRYPTION_FAILED;
	make_aad(sealed, aad);
	*plaintext_size = size - PRIO1_SEAL_OVERHEAD;
	return prio_gcm_decrypt(aes_key, sealed + PRIO_KEY_BYTES, aad, sizeof(aad),
							sealed + HEADER_BYTES, size - HEADER_BYTES, plaintext);
}
