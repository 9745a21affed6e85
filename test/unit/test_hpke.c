/*
 * test_hpke.c
 *		HPKE: the vectors of RFC 9180, there and back, and whatever is changed does not open.
 */
#include "harness.h"

#include "crypto/hpke.h"

#include <stdlib.h>
#include <string.h>

/* RFC 9180, appendix A.1.1: base mode, the first message. */
#define VECTOR_INFO "4f6465206f6e2061204772656369616e2055726e"
#define VECTOR_ENC "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
#define VECTOR_PUBLIC "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"
#define VECTOR_PRIVATE "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"
#define VECTOR_KEY "4531685d41d65f03dc48f6b8302c05b0"
#define VECTOR_NONCE "56d890e5accaaf011cff4b7d"
#define VECTOR_AAD "436f756e742d30"
#define VECTOR_PLAINTEXT "4265617574792069732074727574682c20747275746820626561757479"
#define VECTOR_SEALED \
	"f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9" \
	"6d8770ac83d07bea87e13c512a"

typedef struct Sealed
{
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t enc[PRIO_HPKE_ENC_BYTES];
	Bytes info;
	Bytes aad;
	Bytes sealed;
} Sealed;

static Bytes
from_hex(const char *hex)
{
	Bytes bytes = {malloc(strlen(hex) / 2 + 1), strlen(hex) / 2};

	bytes_from_hex(hex, bytes.data, bytes.size);
	return bytes;
}

static void
load_vector(Sealed *s)
{
	bytes_from_hex(VECTOR_PRIVATE, s->private_key, PRIO_KEY_BYTES);
	bytes_from_hex(VECTOR_PUBLIC, s->public_key, PRIO_KEY_BYTES);
	bytes_from_hex(VECTOR_ENC, s->enc, PRIO_HPKE_ENC_BYTES);
	s->info = from_hex(VECTOR_INFO);
	s->aad = from_hex(VECTOR_AAD);
	s->sealed = from_hex(VECTOR_SEALED);
}

static void
sealed_free(Sealed *s)
{
	free(s->info.data);
	free(s->aad.data);
	free(s->sealed.data);
}

static PrioStatus
open_sealed(const Sealed *s, uint8_t *out)
{
	PrioKeyPair *pair;
	PrioStatus status;

	assert_ok(prio_key_pair_import(s->private_key, s->public_key, &pair));
	status = prio_hpke_open(pair, s->public_key, s->info.data, s->info.size, s->enc,
							s->aad.data, s->aad.size, s->sealed.data, s->sealed.size, out);
	prio_key_pair_free(pair);
	return status;
}

static void
vector_opens(void **state)
{
	Bytes expected = from_hex(VECTOR_PLAINTEXT);
	uint8_t out[64];
	Sealed s;

	(void) state;
	load_vector(&s);
	assert_ok(open_sealed(&s, out));
	assert_int_equal(s.sealed.size, expected.size + PRIO_HPKE_TAG_BYTES);
	assert_memory_equal(out, expected.data, expected.size);
	free(expected.data);
	sealed_free(&s);
}

static void
key_schedule_of_the_vector(void **state)
{
	uint8_t shared[PRIO_KEY_BYTES];
	uint8_t expected[PRIO_AES_KEY_BYTES];
	uint8_t key[PRIO_AES_KEY_BYTES];
	uint8_t nonce[PRIO_GCM_NONCE_BYTES];
	PrioKeyPair *pair;
	Sealed s;

	(void) state;
	load_vector(&s);
	assert_ok(prio_key_pair_import(s.private_key, s.public_key, &pair));
	assert_ok(prio_x25519(pair, s.enc, shared));
	assert_ok(
		prio_hpke_schedule(shared, s.enc, s.public_key, s.info.data, s.info.size, key, nonce));
	bytes_from_hex(VECTOR_KEY, expected, sizeof(key));
	assert_memory_equal(key, expected, sizeof(key));
	bytes_from_hex(VECTOR_NONCE, expected, sizeof(nonce));
	assert_memory_equal(nonce, expected, sizeof(nonce));
	assert_status(prio_hpke_schedule(shared, s.enc, s.public_key, s.info.data,
									 PRIO_HPKE_MAX_INFO + 1, key, nonce),
				  PRIO_WRONG_LENGTH);
	prio_key_pair_free(pair);
	sealed_free(&s);
}

/* Every bit of every part, one after another. */
static void
changed_bits_do_not_open(void **state)
{
	uint8_t out[64];
	Sealed s;

	(void) state;
	load_vector(&s);
	{
		struct
		{
			uint8_t *data;
			size_t size;
		} parts[] = {{s.enc, sizeof(s.enc)},
					 {s.info.data, s.info.size},
					 {s.aad.data, s.aad.size},
					 {s.sealed.data, s.sealed.size}};

		for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++)
			for (size_t i = 0; i < parts[part].size; i++)
			{
				uint8_t bit = (uint8_t) (1 << i % 8);

				parts[part].data[i] ^= bit;
				/* The top bit of a point means nothing: but enc is hashed as it is. */
				assert_status(open_sealed(&s, out), PRIO_DECRYPTION_FAILED);
				parts[part].data[i] ^= bit;
			}
	}
	for (; s.sealed.size > 0; s.sealed.size--)
		if (s.sealed.size < 45)
			assert_status(open_sealed(&s, out), PRIO_DECRYPTION_FAILED);
	assert_status(open_sealed(&s, out), PRIO_DECRYPTION_FAILED);
	sealed_free(&s);
}

static void
small_order_points_are_refused(void **state)
{
	uint8_t out[64];
	uint8_t public_key[PRIO_KEY_BYTES] = {0};
	uint8_t enc[PRIO_HPKE_ENC_BYTES];
	Sealed s;

	(void) state;
	load_vector(&s);
	for (uint8_t u = 0; u < 2; u++)
	{
		memset(s.enc, 0, sizeof(s.enc));
		s.enc[0] = public_key[0] = u;
		assert_status(open_sealed(&s, out), PRIO_DECRYPTION_FAILED);
		assert_status(prio_hpke_seal(public_key, s.info.data, s.info.size, NULL, 0, out, 1,
									 enc, out + 1),
					  PRIO_MISMATCH);
	}
	sealed_free(&s);
}

static void
there_and_back(void **state)
{
	(void) state;
	for (size_t size = 0; size < 300; size += 37)
	{
		Bytes plaintext = random_bytes(size);
		uint8_t *out = malloc(size + PRIO_HPKE_TAG_BYTES);
		Sealed s;

		assert_ok(prio_key_generate(s.private_key, s.public_key));
		s.info = random_bytes(size % 100);
		s.aad = random_bytes(3 * size);
		s.sealed = (Bytes){malloc(size + PRIO_HPKE_TAG_BYTES), size + PRIO_HPKE_TAG_BYTES};
		assert_ok(prio_hpke_seal(s.public_key, s.info.data, s.info.size, s.aad.data,
								 s.aad.size, plaintext.data, size, s.enc, s.sealed.data));
		assert_ok(open_sealed(&s, out));
		assert_memory_equal(out, plaintext.data, size);
		free(out);
		free(plaintext.data);
		sealed_free(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_opens),
		cmocka_unit_test(key_schedule_of_the_vector),
		cmocka_unit_test(changed_bits_do_not_open),
		cmocka_unit_test(small_order_points_are_refused),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests_name("hpke", tests, NULL, NULL);
}
