/*
 * test_seal.c
 *		Sealed packets, and the keys they are sealed to.
 */
#include "harness.h"

#include <prerror.h>

#include <stdlib.h>
#include <string.h>

/* RFC 7748, section 6.1. */
static const char *const alice_private =
	"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
static const char *const alice_public =
	"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
static const char *const bob_private =
	"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
static const char *const bob_public =
	"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

/*
 * The points of small order, with which every private key agrees on zero, and so on an
 * AES key that everybody knows. X25519 ignores the topmost bit of a point, so that each
 * has a second spelling.
 */
static const char *const small_order_points[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

#define SMALL_ORDER_SPELLINGS (2 * sizeof(small_order_points) / sizeof(small_order_points[0]))

static void
small_order_point(size_t i, uint8_t point[PRIO_KEY_BYTES])
{
	bytes_from_hex(small_order_points[i / 2], point, PRIO_KEY_BYTES);
	if (i % 2 == 1)
		point[PRIO_KEY_BYTES - 1] |= 0x80;
}

/* What an earlier failure left behind must not decide whose fault the next one is. */
static void
forget_last_error(void)
{
	PR_SetError(0, 0);
}

static PrioKeyPair *
import_hex(const char *private_hex, const char *public_hex)
{
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	PrioKeyPair *pair = NULL;

	bytes_from_hex(private_hex, private_key, PRIO_KEY_BYTES);
	bytes_from_hex(public_hex, public_key, PRIO_KEY_BYTES);
	assert_ok(prio_key_pair_import(private_key, public_key, &pair));
	assert_non_null(pair);
	return pair;
}

/* Alice's key pair, and what is sealed to it; both in blocks of exactly their size. */
typedef struct Sealed
{
	PrioKeyPair *pair;
	uint8_t public_key[PRIO_KEY_BYTES];
	Bytes plaintext;
	Bytes sealed;
} Sealed;

static Sealed
seal_to_alice(size_t size)
{
	Sealed s;

	s.pair = import_hex(alice_private, alice_public);
	bytes_from_hex(alice_public, s.public_key, PRIO_KEY_BYTES);
	s.plaintext = random_bytes(size);
	s.sealed.size = size + PRIO1_SEAL_OVERHEAD;
	s.sealed.data = malloc(s.sealed.size);
	assert_ok(prio1_seal(s.public_key, s.plaintext.data, size, s.sealed.data));
	return s;
}

static void
sealed_free(Sealed *s)
{
	prio_key_pair_free(s->pair);
	free(s->plaintext.data);
	free(s->sealed.data);
}

static PrioStatus
open_with(PrioKeyPair *pair, const uint8_t *sealed, size_t size)
{
	uint8_t aes_key[PRIO_AES_KEY_BYTES];
	uint8_t *plaintext = malloc(size + 1);
	size_t plaintext_size;
	PrioStatus status = prio1_seal_open(pair, sealed, size, plaintext, &plaintext_size, aes_key);

	free(plaintext);
	return status;
}

/* ------------------------------------------------------------------ sealing */

static void
what_is_sealed_opens_and_opens_again(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 255, 4096, 49000, 3145729};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		Sealed s = seal_to_alice(sizes[i]);
		uint8_t *opened = malloc(s.sealed.size);
		uint8_t aes_key[PRIO_AES_KEY_BYTES];
		size_t size = SIZE_MAX;

		assert_ok(prio1_seal_open(s.pair, s.sealed.data, s.sealed.size, opened, &size, aes_key));
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(opened, s.plaintext.data, size);

		memset(opened, 0, s.sealed.size);
		size = SIZE_MAX;
		assert_ok(prio1_seal_open_again(aes_key, s.sealed.data, s.sealed.size, opened, &size));
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(opened, s.plaintext.data, size);

		aes_key[7] ^= 1;
		assert_status(prio1_seal_open_again(aes_key, s.sealed.data, s.sealed.size, opened, &size),
					  PRIO_DECRYPTION_FAILED);
		free(opened);
		sealed_free(&s);
	}
}

/* Sealed by test/reference/prio_reference.py: Alice's ephemeral key, for Bob. */
static void
a_packet_sealed_elsewhere_opens(void **state)
{
	PrioKeyPair *bob = import_hex(bob_private, bob_public);
	uint8_t sealed[PRIO1_SEAL_OVERHEAD + 5];
	uint8_t opened[sizeof(sealed)];
	uint8_t aes_key[PRIO_AES_KEY_BYTES];
	uint8_t expected_key[PRIO_AES_KEY_BYTES];
	size_t size;

	(void) state;
	bytes_from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
				   "000102030405060708090a0b"
				   "cbde953b458a58a6732025c5102cce96e10ef89675",
				   sealed, sizeof(sealed));
	bytes_from_hex("86ca3c8a5e4a20d25fad21ac346ddf51", expected_key, PRIO_AES_KEY_BYTES);
	assert_ok(prio1_seal_open(bob, sealed, sizeof(sealed), opened, &size, aes_key));
	assert_int_equal(size, 5);
	assert_memory_equal(opened, "hello", 5);
	assert_memory_equal(aes_key, expected_key, PRIO_AES_KEY_BYTES);
	prio_key_pair_free(bob);
}

static void
every_changed_byte_shows(void **state)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	Sealed s = seal_to_alice(19);

	(void) state;
	for (size_t i = 0; i < s.sealed.size; i++)
	{
		for (size_t j = 0; j < sizeof(changes); j++)
		{
			s.sealed.data[i] ^= changes[j];
			assert_status(open_with(s.pair, s.sealed.data, s.sealed.size),
						  PRIO_DECRYPTION_FAILED);
			s.sealed.data[i] ^= changes[j];
		}
	}
	assert_ok(open_with(s.pair, s.sealed.data, s.sealed.size));
	sealed_free(&s);
}

static void
check_prefix(const uint8_t *prefix, size_t size, void *pair)
{
	uint8_t aes_key[PRIO_AES_KEY_BYTES] = {0};
	uint8_t *plaintext = malloc(size); /* no byte more than promised */
	size_t plaintext_size;

	assert_status(prio1_seal_open(pair, prefix, size, plaintext, &plaintext_size, aes_key),
				  PRIO_DECRYPTION_FAILED);
	assert_status(prio1_seal_open_again(aes_key, prefix, size, plaintext, &plaintext_size),
				  PRIO_DECRYPTION_FAILED);
	free(plaintext);
}

static void
packets_of_another_length_do_not_open(void **state)
{
	Sealed s = seal_to_alice(19);
	uint8_t *longer = malloc(s.sealed.size + 1);

	(void) state;
	each_proper_prefix(s.sealed, check_prefix, s.pair);
	memcpy(longer, s.sealed.data, s.sealed.size);
	longer[s.sealed.size] = 0;
	assert_status(open_with(s.pair, longer, s.sealed.size + 1), PRIO_DECRYPTION_FAILED);
	assert_status(open_with(s.pair, s.sealed.data + 1, s.sealed.size - 1),
				  PRIO_DECRYPTION_FAILED);
	free(longer);
	sealed_free(&s);
}

static void
another_key_does_not_open_it(void **state)
{
	Sealed s = seal_to_alice(19);
	PrioKeyPair *bob = import_hex(bob_private, bob_public);

	(void) state;
	assert_status(open_with(bob, s.sealed.data, s.sealed.size), PRIO_DECRYPTION_FAILED);
	/* A failure leaves nothing behind in the pairs. */
	assert_ok(open_with(s.pair, s.sealed.data, s.sealed.size));
	prio_key_pair_free(bob);
	sealed_free(&s);
}

static void
no_two_seals_are_alike(void **state)
{
	Sealed s = seal_to_alice(19);
	uint8_t *again = malloc(s.sealed.size);
	uint8_t *nonce = again + PRIO_KEY_BYTES;
	uint8_t *ciphertext = nonce + PRIO_GCM_NONCE_BYTES;

	(void) state;
	assert_ok(prio1_seal(s.public_key, s.plaintext.data, s.plaintext.size, again));
	assert_memory_not_equal(again, s.sealed.data, PRIO_KEY_BYTES);
	assert_memory_not_equal(nonce, s.sealed.data + PRIO_KEY_BYTES, PRIO_GCM_NONCE_BYTES);
	assert_memory_not_equal(ciphertext, s.sealed.data + (ciphertext - again), 19);
	assert_ok(open_with(s.pair, again, s.sealed.size));
	free(again);
	sealed_free(&s);
}

/* ------------------------------------------------------------------ keys */

/* What is sealed with the key that follows from a secret opens, and that was the key. */
static void
check_agreement(PrioKeyPair *own, const char *other_public, const uint8_t *expected)
{
	static const uint8_t nonce[PRIO_GCM_NONCE_BYTES] = {0};
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t sealed[5 + PRIO_GCM_TAG_BYTES];
	uint8_t opened[sizeof(sealed)];
	uint8_t aes_key[PRIO_AES_KEY_BYTES];

	bytes_from_hex(other_public, public_key, PRIO_KEY_BYTES);
	assert_ok(prio_gcm_encrypt(expected, nonce, nonce, 1, (const uint8_t *) "hello", 5, sealed));
	assert_ok(prio_agree_and_decrypt(own, public_key, nonce, nonce, 1, sealed, sizeof(sealed),
									 opened, aes_key));
	assert_memory_equal(opened, "hello", 5);
	assert_memory_equal(aes_key, expected, PRIO_AES_KEY_BYTES);
}

/* RFC 7748's pairs import, and agree on the key that follows from its shared secret. */
static void
x25519_has_its_known_answers(void **state)
{
	PrioKeyPair *alice = import_hex(alice_private, alice_public);
	PrioKeyPair *bob = import_hex(bob_private, bob_public);
	uint8_t secret[PRIO_KEY_BYTES];
	uint8_t hash[PRIO_HASH_BYTES];

	(void) state;
	bytes_from_hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742", secret,
				   sizeof(secret));
	assert_ok(prio_sha256(secret, sizeof(secret), (const uint8_t *) "\0\0\0\1", 4, hash));

	check_agreement(alice, bob_public, hash);
	check_agreement(bob, alice_public, hash);
	prio_key_pair_free(alice);
	prio_key_pair_free(bob);
}

static void
a_public_key_that_does_not_belong_is_a_mismatch(void **state)
{
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	PrioKeyPair *pair;

	(void) state;
	bytes_from_hex(alice_private, private_key, PRIO_KEY_BYTES);
	bytes_from_hex(bob_public, public_key, PRIO_KEY_BYTES);
	assert_status(prio_key_pair_import(private_key, public_key, &pair), PRIO_MISMATCH);
	assert_null(pair);

	bytes_from_hex(alice_public, public_key, PRIO_KEY_BYTES);
	for (size_t i = 0; i < PRIO_KEY_BYTES; i++)
	{
		public_key[i] ^= 0x10;
		assert_status(prio_key_pair_import(private_key, public_key, &pair), PRIO_MISMATCH);
		public_key[i] ^= 0x10;
		/* None of the bits that X25519 ignores (0, 1, 2, 254 and 255). */
		private_key[i] ^= 0x10;
		assert_status(prio_key_pair_import(private_key, public_key, &pair), PRIO_MISMATCH);
		private_key[i] ^= 0x10;
	}
	memset(public_key, 0, sizeof(public_key));
	assert_status(prio_key_pair_import(private_key, public_key, &pair), PRIO_MISMATCH);
	prio_key_pair_free(NULL);
}

static void
generated_keys_import_and_differ(void **state)
{
	uint8_t last[PRIO_KEY_BYTES] = {0};

	(void) state;
	for (int i = 0; i < 64; i++)
	{
		uint8_t private_key[PRIO_KEY_BYTES];
		uint8_t public_key[PRIO_KEY_BYTES];
		uint8_t sealed[PRIO1_SEAL_OVERHEAD + 1];
		PrioKeyPair *pair;

		assert_ok(prio_key_generate(private_key, public_key));
		assert_ok(prio_key_pair_import(private_key, public_key, &pair));
		assert_ok(prio1_seal(public_key, (const uint8_t *) "x", 1, sealed));
		assert_ok(open_with(pair, sealed, sizeof(sealed)));
		assert_memory_not_equal(private_key, last, PRIO_KEY_BYTES);
		memcpy(last, private_key, PRIO_KEY_BYTES);
		prio_key_pair_free(pair);
	}
}

/* ------------------------------------------------------------------ points of small order */

/*
 * A packet that anybody could have made: sealed with the key that follows from a secret
 * of all zeros.
 */
static void
points_of_small_order_do_not_open(void **state)
{
	static const uint8_t zero_secret[PRIO_KEY_BYTES] = {0};
	static const uint8_t tag[] = {'P', 'r', 'i', 'o', 'P', 'a', 'c', 'k', 'e', 't'};
	PrioKeyPair *alice = import_hex(alice_private, alice_public);
	uint8_t hash[PRIO_HASH_BYTES];

	(void) state;
	assert_ok(
		prio_sha256(zero_secret, sizeof(zero_secret), (const uint8_t *) "\0\0\0\1", 4, hash));
	for (size_t i = 0; i < SMALL_ORDER_SPELLINGS; i++)
	{
		uint8_t sealed[PRIO1_SEAL_OVERHEAD + 5];
		uint8_t aad[sizeof(tag) + PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES];
		uint8_t *nonce = sealed + PRIO_KEY_BYTES;

		small_order_point(i, sealed);
		memset(nonce, 0, PRIO_GCM_NONCE_BYTES);
		memcpy(aad, tag, sizeof(tag));
		memcpy(aad + sizeof(tag), sealed, PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES);
		assert_ok(prio_gcm_encrypt(hash, nonce, aad, sizeof(aad), (const uint8_t *) "hello", 5,
								   nonce + PRIO_GCM_NONCE_BYTES));

		forget_last_error();
		assert_status(open_with(alice, sealed, sizeof(sealed)), PRIO_DECRYPTION_FAILED);
	}
	prio_key_pair_free(alice);
}

static void
sealing_to_a_point_of_small_order_is_a_mismatch(void **state)
{
	uint8_t sealed[PRIO1_SEAL_OVERHEAD + 5];

	(void) state;
	for (size_t i = 0; i < SMALL_ORDER_SPELLINGS; i++)
	{
		uint8_t public_key[PRIO_KEY_BYTES];

		small_order_point(i, public_key);
		forget_last_error();
		assert_status(prio1_seal(public_key, (const uint8_t *) "hello", 5, sealed),
					  PRIO_MISMATCH);
	}
}

/* ------------------------------------------------------------------ what else NSS does */

static void
assert_sha256_however_cut(const uint8_t *text, size_t size, const char *expected_hex)
{
	uint8_t expected[PRIO_HASH_BYTES];

	bytes_from_hex(expected_hex, expected, PRIO_HASH_BYTES);
	for (size_t cut = 0; cut <= size; cut++)
	{
		uint8_t hash[PRIO_HASH_BYTES];

		assert_ok(prio_sha256(text, cut, text + cut, size - cut, hash));
		assert_memory_equal(hash, expected, PRIO_HASH_BYTES);
	}
}

/* FIPS 180-2's "abc", and what sha256sum says of many letters. */
static void
sha256_has_its_known_answers(void **state)
{
	uint8_t letters[1000];

	(void) state;
	memset(letters, 'a', sizeof(letters));
	assert_sha256_however_cut((const uint8_t *) "abc", 3,
							  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_sha256_however_cut(letters, 320,
							  "fee1a848cb6763c3088a0e523541b46ac171af2677b062178a9116c4612b352f");
	assert_sha256_however_cut(letters, sizeof(letters),
							  "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void
random_bytes_fill_what_they_are_asked_for(void **state)
{
	uint8_t first[40];
	uint8_t second[40];

	(void) state;
	memset(first, 0xaa, sizeof(first));
	memset(second, 0xaa, sizeof(second));
	assert_ok(prio_random(first, 32));
	assert_ok(prio_random(second, 32));
	assert_memory_not_equal(first, second, 32);
	assert_memory_not_equal(first + 16, second + 16, 16);
	assert_filled(first + 32, 8, 0xaa);
	assert_filled(second + 32, 8, 0xaa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens_and_opens_again),
		cmocka_unit_test(a_packet_sealed_elsewhere_opens),
		cmocka_unit_test(every_changed_byte_shows),
		cmocka_unit_test(packets_of_another_length_do_not_open),
		cmocka_unit_test(another_key_does_not_open_it),
		cmocka_unit_test(no_two_seals_are_alike),
		cmocka_unit_test(x25519_has_its_known_answers),
		cmocka_unit_test(a_public_key_that_does_not_belong_is_a_mismatch),
		cmocka_unit_test(generated_keys_import_and_differ),
		cmocka_unit_test(points_of_small_order_do_not_open),
		cmocka_unit_test(sealing_to_a_point_of_small_order_is_a_mismatch),
		cmocka_unit_test(sha256_has_its_known_answers),
		cmocka_unit_test(random_bytes_fill_what_they_are_asked_for),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
