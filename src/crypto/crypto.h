/*
 * crypto.h
 *		The cryptographic primitives, as NSS gives them.
 *
 * Every function initialises NSS on first use, in the calling process: PKCS #11 does not
 * survive fork(), so nothing here may run in a process that forks later.
 */
#ifndef PRIO_CRYPTO_CRYPTO_H
#define PRIO_CRYPTO_CRYPTO_H

#include "base/params.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define PRIO_AES_KEY_BYTES 16
#define PRIO_GCM_NONCE_BYTES 12
#define PRIO_GCM_TAG_BYTES 16
#define PRIO_HASH_BYTES 32 /* SHA-256 */

/* A server's private key; or none, when it only stands for the peer's public one. */
typedef struct PrioKeyPair PrioKeyPair;

/* One AES key, ready to turn counter blocks into a key stream. */
typedef struct PrioCounterMode PrioCounterMode;

/* Starts NSS in this process if it does not run yet: 1 to 9 ms. */
extern PrioStatus prio_nss_init(void);

/* What NSS has to say about the last PRIO_NSS_FAILED of this process. */
extern const char *prio_nss_error_text(void);

/* size random bytes, fit for keys. */
extern PrioStatus prio_random(uint8_t *out, size_t size);

/* SHA-256 of two strings, one after the other. */
extern PrioStatus prio_sha256(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
							  uint8_t hash[PRIO_HASH_BYTES]);

/* A fresh key pair as raw bytes. */
extern PrioStatus prio_key_generate(uint8_t private_key[PRIO_KEY_BYTES],
									uint8_t public_key[PRIO_KEY_BYTES]);

/*
 * Takes a server's key pair into NSS. PRIO_MISMATCH when the private key does not belong
 * to the public one. The caller frees *pair with prio_key_pair_free().
 */
extern PrioStatus prio_key_pair_import(const uint8_t private_key[PRIO_KEY_BYTES],
									   const uint8_t public_key[PRIO_KEY_BYTES],
									   PrioKeyPair **pair);
extern void prio_key_pair_free(PrioKeyPair *pair);

/*
 * The sealing side: makes an ephemeral key pair, and the AES key it agrees on with
 * public_key. PRIO_MISMATCH when public_key is not a usable point.
 */
extern PrioStatus prio_agree_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES],
									   uint8_t ephemeral[PRIO_KEY_BYTES],
									   uint8_t aes_key[PRIO_AES_KEY_BYTES]);

/*
 * X25519 alone, without a KDF: what pair's private key and peer agree on.
 * PRIO_DECRYPTION_FAILED when peer is not a usable point.
 */
extern PrioStatus prio_x25519(PrioKeyPair *pair, const uint8_t peer[PRIO_KEY_BYTES],
							  uint8_t shared[PRIO_KEY_BYTES]);

/* The same with a fresh ephemeral key. PRIO_MISMATCH as in prio_agree_ephemeral(). */
extern PrioStatus prio_x25519_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES],
										uint8_t ephemeral[PRIO_KEY_BYTES],
										uint8_t shared[PRIO_KEY_BYTES]);

/* AES-128-GCM: out has room for size bytes and the tag behind them. */
extern PrioStatus prio_gcm_encrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
								   const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
								   const uint8_t *aad, size_t aad_size,
								   const uint8_t *plaintext, size_t size, uint8_t *out);

/*
 * The way back: size counts the tag, at least PRIO_GCM_TAG_BYTES. out has room for size
 * bytes; size - PRIO_GCM_TAG_BYTES of them are the plaintext afterwards.
 */
extern PrioStatus prio_gcm_decrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
								   const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
								   const uint8_t *aad, size_t aad_size, const uint8_t *sealed,
								   size_t size, uint8_t *out);

/*
 * The opening side: prio_gcm_decrypt() with the key that a private key and an ephemeral
 * public key agree on (docs/protocol.md, "Keys and sealing"). Copies that key to aes_key, unless
 * it is NULL. PRIO_DECRYPTION_FAILED also when the public key is not a usable point.
 */
extern PrioStatus prio_agree_and_decrypt(PrioKeyPair *pair,
										 const uint8_t ephemeral[PRIO_KEY_BYTES],
										 const uint8_t nonce[PRIO_GCM_NONCE_BYTES],
										 const uint8_t *aad, size_t aad_size,
										 const uint8_t *sealed, size_t size, uint8_t *out,
										 uint8_t *aes_key);

/* The caller frees *mode with prio_counter_mode_free(), which wipes the key. */
extern PrioStatus prio_counter_mode_new(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
										PrioCounterMode **mode);
extern void prio_counter_mode_free(PrioCounterMode *mode);

/*
 * Key stream of AES-128 in counter mode: the blocks first_block .. first_block + blocks - 1
 * (counter 128 bits, big endian, from zero), 16 bytes each. blocks <=
 * PRIO_COUNTER_MODE_BLOCKS.
 */
#define PRIO_COUNTER_MODE_BLOCKS 384
extern PrioStatus prio_counter_mode_stream(PrioCounterMode *mode, uint64_t first_block,
										   size_t blocks, uint8_t *out);

#endif /* PRIO_CRYPTO_CRYPTO_H */
