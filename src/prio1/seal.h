/*
 * seal.h
 *		Sealed packets (docs/protocol.md, "Keys and sealing"):
 *		ephemeral public key (32) || nonce (12) || ciphertext || tag (16).
 */
#ifndef PRIO_PRIO1_SEAL_H
#define PRIO_PRIO1_SEAL_H

#include "crypto/crypto.h"

#define PRIO1_SEAL_OVERHEAD (PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES + PRIO_GCM_TAG_BYTES)

/*
 * Seals size bytes to a server's public key; sealed has room for size + PRIO1_SEAL_OVERHEAD.
 * PRIO_MISMATCH when public_key is not a usable point.
 */
extern PrioStatus prio1_seal(const uint8_t public_key[PRIO_KEY_BYTES],
							 const uint8_t *plaintext, size_t size, uint8_t *sealed);

/*
 * Opens a sealed packet of size bytes. plaintext has room for size bytes;
 * *plaintext_size of them are the plaintext, unless the packet is shorter than any. If
 * aes_key is not NULL, what prio1_seal_open_again() takes goes there.
 */
extern PrioStatus prio1_seal_open(PrioKeyPair *pair, const uint8_t *sealed, size_t size,
								  uint8_t *plaintext, size_t *plaintext_size, uint8_t *aes_key);

/* Opens a packet that was opened before, without its X25519. */
extern PrioStatus prio1_seal_open_again(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
										const uint8_t *sealed, size_t size, uint8_t *plaintext,
										size_t *plaintext_size);

#endif /* PRIO_PRIO1_SEAL_H */
