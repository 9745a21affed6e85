/*
 * crypto.h
 *		The cryptographic primitives, as NSS gives them.
 *
 * Every function initialises NSS on first use, in the calling process: PKCS #11 does not
 * survive fork(), so nothing here may run in a process that forks later.
 */
#ifndef PRIO_CRYPTO_H
#define PRIO_CRYPTO_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

#define PRIO_KEY_BYTES 32 /* an X25519 key, private or public */
#define PRIO_AES_KEY_BYTES 16
#define PRIO_GCM_NONCE_BYTES 12
#define PRIO_GCM_TAG_BYTES 16
#define PRIO_HASH_BYTES 32 /* SHA-256 */

/* A server's private key; or none, when it only stands for the peer's public one. */
typedef struct NssKeyPair NssKeyPair;

/* One AES key, ready to turn counter blocks into a key stream. */
typedef struct NssCounterMode NssCounterMode;

/* Starts NSS in this process if it does not run yet: 1 to 9 ms. */
extern PrioStatus nss_init(void);

/* What NSS has to say about the last PRIO_NSS_FAILED of this process. */
extern const char *nss_error_text(void);

/* size random bytes, fit for keys. */
extern PrioStatus nss_random(uint8_t *out, size_t size);

/* SHA-256 of two strings, one after the other. */
extern PrioStatus nss_sha256(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
							 uint8_t hash[PRIO_HASH_BYTES]);

/* A fresh key pair as raw bytes. */
extern PrioStatus nss_generate_key(uint8_t private_key[PRIO_KEY_BYTES],
								   uint8_t public_key[PRIO_KEY_BYTES]);

/*
 * Takes a server's key pair into NSS. PRIO_MISMATCH when the private key does not belong
 * to the public one. The caller frees *pair with nss_key_pair_free().
 */
extern PrioStatus nss_key_pair_import(const uint8_t private_key[PRIO_KEY_BYTES],
									  const uint8_t public_key[PRIO_KEY_BYTES],
									  NssKeyPair **pair);
extern void nss_key_pair_free(NssKeyPair *pair);

/*
 * The sealing side: makes an ephemeral key pair, and the AES key it agrees on with
 * public_key. PRIO_MISMATCH when public_key is not a usable point.
 */
extern PrioStatus nss_agree_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES],
									  uint8_t ephemeral[PRIO_KEY_BYTES],
									  uint8_t aes_key[PRIO_AES_KEY_BYTES]);

/* AES-128-GCM: out has room for size bytes and the tag behind them. */
extern PrioStatus nss_gcm_encrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
								  const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
								  const uint8_t *aad, size_t aad_size,
								  const uint8_t *plaintext, size_t size, uint8_t *out);

/*
 * The way back: size counts the tag, at least PRIO_GCM_TAG_BYTES. out has room for size
 * bytes; size - PRIO_GCM_TAG_BYTES of them are the plaintext afterwards.
 */
extern PrioStatus nss_gcm_decrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
								  const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
								  const uint8_t *aad, size_t aad_size, const uint8_t *sealed,
								  size_t size, uint8_t *out);

/*
 * The opening side: nss_gcm_decrypt() with the key that a private key and an ephemeral
 * public key agree on (PROTOCOL.md, "Keys and sealing"). Copies that key to aes_key, unless
 * it is NULL. PRIO_DECRYPTION_FAILED also when the public key is not a usable point.
 */
extern PrioStatus nss_agree_and_decrypt(NssKeyPair *pair,
										const uint8_t ephemeral[PRIO_KEY_BYTES],
										const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
										const uint8_t *aad, size_t aad_size,
										const uint8_t *sealed, size_t size, uint8_t *out,
										uint8_t *aes_key);

/* The caller frees *mode with nss_counter_mode_free(), which wipes the key. */
extern PrioStatus nss_counter_mode_new(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
									   NssCounterMode **mode);
extern void nss_counter_mode_free(NssCounterMode *mode);

/*
 * Key stream of AES-128 in counter mode: the blocks first_block .. first_block + blocks - 1
 * (counter 128 bits, big endian, from zero), 16 bytes each. blocks <=
 * NSS_COUNTER_MODE_BLOCKS.
 */
#define NSS_COUNTER_MODE_BLOCKS 384
extern PrioStatus nss_counter_mode_stream(NssCounterMode *mode, uint64_t first_block,
										  size_t blocks, uint8_t *out);

#endif /* PRIO_CRYPTO_H */
