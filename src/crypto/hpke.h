/*
 * hpke.h
 *		HPKE (RFC 9180), as DAP uses it: base mode, one message for one encapsulated key.
 *
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM: KEM 0x0020, KDF 0x0001, AEAD 0x0001.
 */
#ifndef PRIO_CRYPTO_HPKE_H
#define PRIO_CRYPTO_HPKE_H

#include "crypto/crypto.h"

#define PRIO_HPKE_KEM 0x0020
#define PRIO_HPKE_KDF 0x0001
#define PRIO_HPKE_AEAD 0x0001
#define PRIO_HPKE_ENC_BYTES 32
#define PRIO_HPKE_MAX_INFO 128 /* bytes */
#define PRIO_HPKE_TAG_BYTES PRIO_GCM_TAG_BYTES

/*
 * The key schedule: from what X25519 gave, the encapsulated key, the recipient's public key and info,
 * to the key and nonce of the first message (RFC 9180, sections 4.1 and 5.1). For the functions below,
 * and for tests.
 */
extern PrioStatus prio_hpke_schedule(const uint8_t shared[PRIO_KEY_BYTES],
									 const uint8_t enc[PRIO_HPKE_ENC_BYTES],
									 const uint8_t public_key[PRIO_KEY_BYTES],
									 const uint8_t *info, size_t info_size,
									 uint8_t key[PRIO_AES_KEY_BYTES],
									 uint8_t nonce[PRIO_GCM_NONCE_BYTES]);

/*
 * Opens a sealed message. enc: PRIO_HPKE_ENC_BYTES. sealed: size bytes, the tag included;
 * out has room for size bytes, and size - PRIO_HPKE_TAG_BYTES of them are the plaintext
 * afterwards. public_key is that of pair. PRIO_DECRYPTION_FAILED: not sealed to this key,
 * with this info and this additional data.
 */
extern PrioStatus prio_hpke_open(PrioKeyPair *pair, const uint8_t public_key[PRIO_KEY_BYTES],
								 const uint8_t *info, size_t info_size, const uint8_t *enc,
								 const uint8_t *aad, size_t aad_size, const uint8_t *sealed,
								 size_t size, uint8_t *out);

/*
 * Seals size bytes. enc: room for PRIO_HPKE_ENC_BYTES; out: for size + PRIO_HPKE_TAG_BYTES.
 * PRIO_MISMATCH: public_key is not a usable point.
 */
extern PrioStatus prio_hpke_seal(const uint8_t public_key[PRIO_KEY_BYTES], const uint8_t *info,
								 size_t info_size, const uint8_t *aad, size_t aad_size,
								 const uint8_t *plaintext, size_t size, uint8_t *enc,
								 uint8_t *out);

#endif /* PRIO_CRYPTO_HPKE_H */
