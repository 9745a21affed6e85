/*
 * nss.c
 *		The cryptographic primitives, as NSS gives them.
 *
 * Symmetric keys come in and go out as bytes: a verifier outlives the statement that
 * made it, an NSS object does not.
 */
#include "crypto/crypto.h"

#include "base/secret.h"

/* CK_GCM_PARAMS without ulIvBits is the form that every version of NSS 3 takes. */
#include <keyhi.h>
#include <nss.h>
#include <pk11pub.h>
#include <prerror.h>
#include <secerr.h>

#include <stdlib.h>

#define COUNTER_BLOCK_BYTES 16
/* Two or three times of what NSS was seen to take at its start, and for one operation. */
#define START_BYTES (8 * 1024 * 1024)
#define CALL_BYTES (32 * 1024)
/* What a digest is of may be up to so long and still be copied. */
#define DIGEST_TOGETHER 320

/*
 * DER around raw curve25519 keys. NSS knows them as id-ecPublicKey (1.2.840.10045.2.1)
 * with the named curve 1.3.6.1.4.1.11591.15.1, not by the OIDs of RFC 8410.
 */
/* clang-format off */
#define DER_ALGORITHM \
	0x30, 0x14, \
		0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, \
		0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01

/* SubjectPublicKeyInfo, up to the 32 bytes of the key. */
static const uint8_t der_public_prefix[] = {
	0x30, 0x39,
	DER_ALGORITHM,
	0x03, 0x21, 0x00
};

/* PKCS #8 PrivateKeyInfo holding an ECPrivateKey, up to the private key ... */
static const uint8_t der_private_prefix[] = {
	0x30, 0x67,
	0x02, 0x01, 0x00,
	DER_ALGORITHM,
	0x04, 0x4c,
	0x30, 0x4a,
	0x02, 0x01, 0x01,
	0x04, 0x20
};

/* ... and from there to the public key. */
static const uint8_t der_private_middle[] = {
	0xa1, 0x23, 0x03, 0x21, 0x00
};
/* clang-format on */

struct PrioKeyPair
{
	SECKEYPrivateKey *private_key;
	SECKEYPublicKey *peer; /* its 32 bytes are overwritten for every packet */
};

struct PrioCounterMode
{
	PK11SymKey *key;
	PK11Context *context;
};

/*
 * Counter blocks from zero up: the same for every key, so they are written once for the
 * part of a stream that packets of common sizes take, and at every use further on.
 */
#define COUNTERS_KEPT 8192
static uint8_t counters_kept[COUNTERS_KEPT * COUNTER_BLOCK_BYTES];
static size_t counters_ready;
static uint8_t counters_passing[PRIO_COUNTER_MODE_BLOCKS * COUNTER_BLOCK_BYTES];

/*
 * What one process keeps: NSS itself, its software token, and a digest that is started
 * anew for every use. Making the last two costs as much as hashing a short message.
 */
static NSSInitContext *nss_context;
static PK11SlotInfo *token;
static PK11Context *sha256;

/* The 32 bytes that multiply to the public key of a private one: u = 9. */
static const uint8_t base_point[PRIO_KEY_BYTES] = {9};

/*
 * Is there memory for NSS to work with? When it runs out in the middle, NSS may abort the
 * process, follow a null pointer, or at its start wait for itself forever. So nothing is
 * begun without some in sight.
 */
static bool
has_room(size_t size)
{
	void *volatile room = malloc(size); /* volatile: or it is optimised away */

	free(room);
	return room != NULL;
}

PrioStatus
prio_nss_init(void)
{
	if (!has_room(nss_context == NULL ? START_BYTES : CALL_BYTES))
		return PRIO_NO_MEMORY;
	if (nss_context == NULL)
		nss_context = NSS_InitContext("", "", "", "", NULL,
									  NSS_INIT_READONLY | NSS_INIT_NOCERTDB | NSS_INIT_NOMODDB |
										  NSS_INIT_FORCEOPEN | NSS_INIT_NOROOTINIT);
	if (nss_context != NULL && token == NULL)
		token = PK11_GetInternalSlot();
	if (token != NULL && sha256 == NULL)
		sha256 = PK11_CreateDigestContext(SEC_OID_SHA256);
	return sha256 != NULL ? PRIO_OK : PRIO_NSS_FAILED;
}

const char *
prio_nss_error_text(void)
{
	const char *text = PR_ErrorToString(PR_GetError(), PR_LANGUAGE_I_DEFAULT);

	return text != NULL ? text : "unknown NSS error";
}

PrioStatus
prio_random(uint8_t *out, size_t size)
{
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	return PK11_GenerateRandom(out, (int) size) == SECSuccess ? PRIO_OK : PRIO_NSS_FAILED;
}

/* Short strings are put together first: a call of the digest takes as long as hashing one. */
PrioStatus
prio_sha256(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
			uint8_t hash[PRIO_HASH_BYTES])
{
	uint8_t both[DIGEST_TOGETHER];
	const bool together = b_size > 0 && a_size + b_size <= sizeof(both);
	PrioStatus status = prio_nss_init();
	unsigned int hash_size;

	if (status != PRIO_OK)
		return status;
	if (together)
	{
		memcpy(both, a, a_size);
		memcpy(both + a_size, b, b_size);
		a = both;
		a_size += b_size;
		b_size = 0;
	}
	if (PK11_DigestBegin(sha256) != SECSuccess ||
		PK11_DigestOp(sha256, a, (unsigned int) a_size) != SECSuccess ||
		(b_size > 0 && PK11_DigestOp(sha256, b, (unsigned int) b_size) != SECSuccess) ||
		PK11_DigestFinal(sha256, hash, &hash_size, PRIO_HASH_BYTES) != SECSuccess)
		status = PRIO_NSS_FAILED;
	if (together)
		prio_wipe(both, a_size);
	return status;
}

/* A public key of NSS's own from 32 raw bytes; NULL on failure. */
static SECKEYPublicKey *
import_public_key(const uint8_t raw[PRIO_KEY_BYTES])
{
	uint8_t der[sizeof(der_public_prefix) + PRIO_KEY_BYTES];
	SECItem item = {siBuffer, der, sizeof(der)};
	CERTSubjectPublicKeyInfo *info;
	SECKEYPublicKey *key;

	memcpy(der, der_public_prefix, sizeof(der_public_prefix));
	memcpy(der + sizeof(der_public_prefix), raw, PRIO_KEY_BYTES);
	info = SECKEY_DecodeDERSubjectPublicKeyInfo(&item);
	if (info == NULL)
		return NULL;
	key = SECKEY_ExtractPublicKey(info);
	SECKEY_DestroySubjectPublicKeyInfo(info);
	return key;
}

/* A private key of NSS's own, in memory alone; NULL on failure. */
static SECKEYPrivateKey *
import_private_key(const uint8_t raw_private[PRIO_KEY_BYTES],
				   const uint8_t raw_public[PRIO_KEY_BYTES])
{
	uint8_t der[sizeof(der_private_prefix) + PRIO_KEY_BYTES + sizeof(der_private_middle) +
				PRIO_KEY_BYTES];
	uint8_t *p = der;
	SECItem item = {siBuffer, der, sizeof(der)};
	SECKEYPrivateKey *key = NULL;

	memcpy(p, der_private_prefix, sizeof(der_private_prefix));
	p += sizeof(der_private_prefix);
	memcpy(p, raw_private, PRIO_KEY_BYTES);
	p += PRIO_KEY_BYTES;
	memcpy(p, der_private_middle, sizeof(der_private_middle));
	p += sizeof(der_private_middle);
	memcpy(p, raw_public, PRIO_KEY_BYTES);

	if (PK11_ImportDERPrivateKeyInfoAndReturnKey(token, &item, NULL, NULL, PR_FALSE, PR_FALSE,
												 KU_ALL, &key, NULL) != SECSuccess)
		key = NULL;
	prio_wipe(der, sizeof(der));
	return key;
}

/* Copies out the value of a symmetric key of a known size. */
static PrioStatus
extract_key(PK11SymKey *key, uint8_t *out, size_t size)
{
	SECItem *data;

	if (PK11_ExtractKeyValue(key) != SECSuccess)
		return PRIO_NSS_FAILED;
	data = PK11_GetKeyData(key);
	if (data == NULL || data->len != size)
		return PRIO_NSS_FAILED;
	memcpy(out, data->data, size);
	return PRIO_OK;
}

/* What becomes of the point that two keys agree on. */
typedef enum Agreement
{
	TO_ENCRYPT, /* an AES-GCM key, by NSS's KDF (docs/protocol.md, "Keys and sealing") */
	TO_DECRYPT,
	TO_DERIVE /* nothing: its 32 bytes */
} Agreement;

static PK11SymKey *
derive_key(SECKEYPrivateKey *private_key, SECKEYPublicKey *public_key, Agreement agreement)
{
	if (agreement == TO_DERIVE)
		return PK11_PubDeriveWithKDF(private_key, public_key, PR_FALSE, NULL, NULL,
									 CKM_ECDH1_DERIVE, CKM_SHA256_HMAC, CKA_SIGN,
									 PRIO_KEY_BYTES, CKD_NULL, NULL, NULL);
	return PK11_PubDeriveWithKDF(private_key, public_key, PR_FALSE, NULL, NULL,
								 CKM_ECDH1_DERIVE, CKM_AES_GCM,
								 agreement == TO_ENCRYPT ? CKA_ENCRYPT : CKA_DECRYPT,
								 PRIO_AES_KEY_BYTES, CKD_SHA256_KDF, NULL, NULL);
}

/*
 * The key that two keys agree on, for one operation. The caller frees it.
 *
 * NSS does not say why there is none: a point of small order leaves no error behind. Since
 * the machine's failures must not be held against a packet, another point then shows
 * whether it is the machine, and so does the same one, if it works after all.
 */
static PrioStatus
agree(SECKEYPrivateKey *private_key, SECKEYPublicKey *public_key, Agreement agreement,
	  PK11SymKey **key)
{
	SECKEYPublicKey *base;
	PK11SymKey *probe;
	PK11SymKey *again;

	*key = derive_key(private_key, public_key, agreement);
	if (*key != NULL)
		return PRIO_OK;

	base = import_public_key(base_point);
	if (base == NULL)
		return PRIO_NSS_FAILED;
	probe = derive_key(private_key, base, agreement);
	SECKEY_DestroyPublicKey(base);
	if (probe == NULL)
		return PRIO_NSS_FAILED;
	PK11_FreeSymKey(probe);

	again = derive_key(private_key, public_key, agreement);
	if (again == NULL)
		return PRIO_DECRYPTION_FAILED;
	PK11_FreeSymKey(again);
	return PRIO_NSS_FAILED;
}

/* The raw public key of a private one: X25519 with the base point, no KDF. */
static PrioStatus
derive_public_key(SECKEYPrivateKey *private_key, uint8_t raw_public[PRIO_KEY_BYTES])
{
	SECKEYPublicKey *base = import_public_key(base_point);
	PK11SymKey *key;
	PrioStatus status;

	if (base == NULL)
		return PRIO_NSS_FAILED;
	key = derive_key(private_key, base, TO_DERIVE);
	SECKEY_DestroyPublicKey(base);
	if (key == NULL)
		return PRIO_NSS_FAILED;
	status = extract_key(key, raw_public, PRIO_KEY_BYTES);
	PK11_FreeSymKey(key);
	return status;
}

/*
 * A fresh key pair, as raw bytes and in NSS; the caller destroys the latter and wipes the
 * former. Any 32 bytes are a private key (RFC 7748, section 5).
 *
 * Not by PK11_GenerateKeyPair(): when memory runs out there, it takes the process with it.
 */
static PrioStatus
generate_key(uint8_t raw_private[PRIO_KEY_BYTES], uint8_t raw_public[PRIO_KEY_BYTES],
			 SECKEYPrivateKey **private_key)
{
	PrioStatus status = prio_random(raw_private, PRIO_KEY_BYTES);

	if (status != PRIO_OK)
		return status;
	/* The public key is not known yet; NSS makes no more of it than a name. */
	*private_key = import_private_key(raw_private, base_point);
	if (*private_key == NULL)
		return PRIO_NSS_FAILED;
	status = derive_public_key(*private_key, raw_public);
	if (status != PRIO_OK)
		SECKEY_DestroyPrivateKey(*private_key);
	return status;
}

PrioStatus
prio_key_generate(uint8_t private_key[PRIO_KEY_BYTES], uint8_t public_key[PRIO_KEY_BYTES])
{
	SECKEYPrivateKey *nss_private;
	PrioStatus status = generate_key(private_key, public_key, &nss_private);

	if (status == PRIO_OK)
		SECKEY_DestroyPrivateKey(nss_private);
	return status;
}

PrioStatus
prio_key_pair_import(const uint8_t private_key[PRIO_KEY_BYTES],
					 const uint8_t public_key[PRIO_KEY_BYTES], PrioKeyPair **pair)
{
	uint8_t derived[PRIO_KEY_BYTES];
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	*pair = calloc(1, sizeof(PrioKeyPair));
	if (*pair == NULL)
		return PRIO_NO_MEMORY;

	(*pair)->private_key = import_private_key(private_key, public_key);
	(*pair)->peer = import_public_key(base_point);
	if ((*pair)->private_key == NULL || (*pair)->peer == NULL)
		status = PRIO_NSS_FAILED;
	else
		status = derive_public_key((*pair)->private_key, derived);
	if (status == PRIO_OK && memcmp(derived, public_key, PRIO_KEY_BYTES) != 0)
		status = PRIO_MISMATCH;
	if (status != PRIO_OK)
	{
		prio_key_pair_free(*pair);
		*pair = NULL;
	}
	return status;
}

void
prio_key_pair_free(PrioKeyPair *pair)
{
	if (pair == NULL)
		return;
	if (pair->private_key != NULL)
		SECKEY_DestroyPrivateKey(pair->private_key);
	if (pair->peer != NULL)
		SECKEY_DestroyPublicKey(pair->peer);
	free(pair);
}

/* Hands an AES key to NSS for one kind of use; NULL on failure. */
static PK11SymKey *
import_aes_key(const uint8_t aes_key[PRIO_AES_KEY_BYTES], CK_MECHANISM_TYPE mechanism,
			   CK_ATTRIBUTE_TYPE operation)
{
	SECItem item = {siBuffer, (unsigned char *) aes_key, PRIO_AES_KEY_BYTES};

	return PK11_ImportSymKey(token, mechanism, PK11_OriginUnwrap, operation, &item, NULL);
}

/* The parameters of one GCM operation: params points into them. */
static SECItem
gcm_params(CK_NSS_GCM_PARAMS *params, const uint8_t *nonce, const uint8_t *aad, size_t aad_size)
{
	SECItem item = {siBuffer, (unsigned char *) params, sizeof(*params)};

	memset(params, 0, sizeof(*params));
	params->pIv = (unsigned char *) nonce;
	params->ulIvLen = PRIO_GCM_NONCE_BYTES;
	params->pAAD = (unsigned char *) aad;
	params->ulAADLen = aad_size;
	params->ulTagBits = (CK_ULONG) PRIO_GCM_TAG_BYTES * 8;
	return item;
}

PrioStatus
prio_gcm_encrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
				 const uint8_t nonce[PRIO_GCM_NONCE_BYTES], const uint8_t *aad,
				 size_t aad_size, const uint8_t *plaintext, size_t size, uint8_t *out)
{
	CK_NSS_GCM_PARAMS params;
	SECItem item = gcm_params(&params, nonce, aad, aad_size);
	PK11SymKey *key;
	unsigned int out_size = 0;
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	key = import_aes_key(aes_key, CKM_AES_GCM, CKA_ENCRYPT);
	if (key == NULL)
		return PRIO_NSS_FAILED;
	if (PK11_Encrypt(key, CKM_AES_GCM, &item, out, &out_size,
					 (unsigned int) (size + PRIO_GCM_TAG_BYTES), plaintext,
					 (unsigned int) size) != SECSuccess ||
		out_size != size + PRIO_GCM_TAG_BYTES)
		status = PRIO_NSS_FAILED;
	PK11_FreeSymKey(key);
	return status;
}

static PrioStatus
decrypt(PK11SymKey *key, const uint8_t *nonce, const uint8_t *aad, size_t aad_size,
		const uint8_t *sealed, size_t size, uint8_t *out)
{
	CK_NSS_GCM_PARAMS params;
	SECItem item = gcm_params(&params, nonce, aad, aad_size);
	unsigned int out_size = 0;

	PR_SetError(0, 0); /* what an earlier packet left behind decides nothing about this one */
	if (PK11_Decrypt(key, CKM_AES_GCM, &item, out, &out_size, (unsigned int) size, sealed,
					 (unsigned int) size) != SECSuccess)
		return PR_GetError() == SEC_ERROR_BAD_DATA ? PRIO_DECRYPTION_FAILED : PRIO_NSS_FAILED;
	return out_size == size - PRIO_GCM_TAG_BYTES ? PRIO_OK : PRIO_NSS_FAILED;
}

PrioStatus
prio_gcm_decrypt(const uint8_t aes_key[PRIO_AES_KEY_BYTES],
				 const uint8_t nonce[PRIO_GCM_NONCE_BYTES], const uint8_t *aad,
				 size_t aad_size, const uint8_t *sealed, size_t size, uint8_t *out)
{
	PK11SymKey *key;
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	key = import_aes_key(aes_key, CKM_AES_GCM, CKA_DECRYPT);
	if (key == NULL)
		return PRIO_NSS_FAILED;
	status = decrypt(key, nonce, aad, aad_size, sealed, size, out);
	PK11_FreeSymKey(key);
	return status;
}

/* ------------------------------------------------------------------ both together */

PrioStatus
prio_agree_and_decrypt(PrioKeyPair *pair, const uint8_t ephemeral[PRIO_KEY_BYTES],
					   const uint8_t nonce[PRIO_GCM_NONCE_BYTES], const uint8_t *aad,
					   size_t aad_size, const uint8_t *sealed, size_t size, uint8_t *out,
					   uint8_t *aes_key)
{
	PK11SymKey *key;
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	memcpy(pair->peer->u.ec.publicValue.data, ephemeral, PRIO_KEY_BYTES);
	status = agree(pair->private_key, pair->peer, TO_DECRYPT, &key);
	if (status != PRIO_OK)
		return status;
	status = decrypt(key, nonce, aad, aad_size, sealed, size, out);
	if (status == PRIO_OK && aes_key != NULL)
		status = extract_key(key, aes_key, PRIO_AES_KEY_BYTES);
	PK11_FreeSymKey(key);
	return status;
}

PrioStatus
prio_x25519(PrioKeyPair *pair, const uint8_t peer[PRIO_KEY_BYTES],
			uint8_t shared[PRIO_KEY_BYTES])
{
	PK11SymKey *key;
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	memcpy(pair->peer->u.ec.publicValue.data, peer, PRIO_KEY_BYTES);
	status = agree(pair->private_key, pair->peer, TO_DERIVE, &key);
	if (status != PRIO_OK)
		return status;
	status = extract_key(key, shared, PRIO_KEY_BYTES);
	PK11_FreeSymKey(key);
	return status;
}

/* Makes an ephemeral key pair, and size bytes of what it agrees on with public_key. */
static PrioStatus
agree_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES], Agreement agreement,
				uint8_t ephemeral[PRIO_KEY_BYTES], uint8_t *out, size_t size)
{
	uint8_t raw_private[PRIO_KEY_BYTES];
	SECKEYPrivateKey *own;
	SECKEYPublicKey *peer;
	PK11SymKey *key = NULL;
	PrioStatus status = generate_key(raw_private, ephemeral, &own);

	prio_wipe(raw_private, sizeof(raw_private));
	if (status != PRIO_OK)
		return status;

	peer = import_public_key(public_key);
	status = peer == NULL ? PRIO_NSS_FAILED : agree(own, peer, agreement, &key);
	if (status == PRIO_DECRYPTION_FAILED)
		status = PRIO_MISMATCH;
	if (status == PRIO_OK)
	{
		status = extract_key(key, out, size);
		PK11_FreeSymKey(key);
	}
	if (peer != NULL)
		SECKEY_DestroyPublicKey(peer);
	SECKEY_DestroyPrivateKey(own);
	return status;
}

PrioStatus
prio_agree_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES],
					 uint8_t ephemeral[PRIO_KEY_BYTES], uint8_t aes_key[PRIO_AES_KEY_BYTES])
{
	return agree_ephemeral(public_key, TO_ENCRYPT, ephemeral, aes_key, PRIO_AES_KEY_BYTES);
}

PrioStatus
prio_x25519_ephemeral(const uint8_t public_key[PRIO_KEY_BYTES],
					  uint8_t ephemeral[PRIO_KEY_BYTES], uint8_t shared[PRIO_KEY_BYTES])
{
	return agree_ephemeral(public_key, TO_DERIVE, ephemeral, shared, PRIO_KEY_BYTES);
}

/* ------------------------------------------------------------------ AES in counter mode */

PrioStatus
prio_counter_mode_new(const uint8_t aes_key[PRIO_AES_KEY_BYTES], PrioCounterMode **mode)
{
	SECItem no_params = {siBuffer, NULL, 0};
	PrioStatus status = prio_nss_init();

	if (status != PRIO_OK)
		return status;
	*mode = calloc(1, sizeof(PrioCounterMode));
	if (*mode == NULL)
		return PRIO_NO_MEMORY;
	(*mode)->key = import_aes_key(aes_key, CKM_AES_ECB, CKA_ENCRYPT);
	if ((*mode)->key != NULL)
		(*mode)->context =
			PK11_CreateContextBySymKey(CKM_AES_ECB, CKA_ENCRYPT, (*mode)->key, &no_params);
	if ((*mode)->context == NULL)
	{
		prio_counter_mode_free(*mode);
		*mode = NULL;
		return PRIO_NSS_FAILED;
	}
	return PRIO_OK;
}

void
prio_counter_mode_free(PrioCounterMode *mode)
{
	if (mode == NULL)
		return;
	if (mode->context != NULL)
		PK11_DestroyContext(mode->context, PR_TRUE);
	if (mode->key != NULL)
		PK11_FreeSymKey(mode->key);
	free(mode);
}

/* Writes counter blocks; their upper halves are zero already. */
static void
write_counters(uint8_t *out, uint64_t first, size_t blocks)
{
	for (size_t i = 0; i < blocks; i++)
	{
		uint64_t counter = first + i;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		counter = __builtin_bswap64(counter);
#endif
		memcpy(out + i * COUNTER_BLOCK_BYTES + 8, &counter, sizeof(counter));
	}
}

static const uint8_t *
counters_from(uint64_t first, size_t blocks)
{
	if (first + blocks > COUNTERS_KEPT)
	{
		write_counters(counters_passing, first, blocks);
		return counters_passing;
	}
	if (first + blocks > counters_ready)
	{
		write_counters(counters_kept + counters_ready * COUNTER_BLOCK_BYTES, counters_ready,
					   (size_t) first + blocks - counters_ready);
		counters_ready = (size_t) first + blocks;
	}
	return counters_kept + first * COUNTER_BLOCK_BYTES;
}

/*
 * NSS's own counter mode gives the same bytes ten times slower, so the counter blocks are
 * written here and encrypted one by one (ECB).
 */
PrioStatus
prio_counter_mode_stream(PrioCounterMode *mode, uint64_t first_block, size_t blocks,
						 uint8_t *out)
{
	int size = (int) (blocks * COUNTER_BLOCK_BYTES);
	int out_size = 0;

	if (PK11_CipherOp(mode->context, out, &out_size, size, counters_from(first_block, blocks),
					  size) != SECSuccess ||
		out_size != size)
		return PRIO_NSS_FAILED;
	return PRIO_OK;
}
