/*
 * test_turboshake.c
 *		TurboSHAKE128: known answers, and every kernel and number of lanes against one lane in
 *		plain C.
 */
#include "harness.h"

#include "crypto/turboshake.h"
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

/* One stream, from a message to size bytes. */
static void
hash(const uint8_t *message, size_t message_size, uint8_t domain, uint8_t *out, size_t size)
{
	PrioTurboShake stream;

	prio_turboshake_init(&stream, 1);
	prio_turboshake_absorb_all(&stream, message, message_size);
	prio_turboshake_finish(&stream, domain);
	prio_turboshake_squeeze(&stream, &out, size);
}

static void
assert_hex(const uint8_t *data, size_t size, const char *hex)
{
	uint8_t *expected = malloc(size);

	bytes_from_hex(hex, expected, size);
	assert_memory_equal(data, expected, size);
	free(expected);
}

/* RFC 9861, section 5: the message ptn(n) is n bytes of 00 01 .. fa, 00 01 .. */
static void
known_answers(void **state)
{
	static const struct
	{
		size_t size;
		uint8_t domain;
		const char *hash;
	} answers[] = {
		{0, 0x1f, "1e415f1c5983aff2169217277d17bb538cd945a397ddec541f1ce41af2c1b74c"},
		{1, 0x1f, "55cedd6f60af7bb29a4042ae832ef3f58db7299f893ebb9247247d856958daa9"},
		{17, 0x1f, "9c97d036a3bac819db70ede0ca554ec6e4c2a1a4ffbfd9ec269ca6a111161233"},
		{289, 0x1f, "96c77c279e0126f7fc07c9b07f5cdae1e0be60bdbe10620040e75d7223a624d2"},
		{4913, 0x1f, "d4976eb56bcf118520582b709f73e1d6853e001fdaf80e1b13e0d0599d5fb372"},
		{0, 0x01, "868cbd53b078205abb85815d941f7d0376bff5b8888a6a2d03483afbaf83967f"},
		{167, 0x01, "0661376465c5f8cc2feebfc807ab86b10be46d740d6d8a2b2ef384a4f8aec5ae"},
		{168, 0x01, "926245945d0a7baba8660ffbfa27d2ff78e48ab57ecfda21ca650c1cf3aa9c4e"},
		{0, 0x7f, "e4e1fd449c36ef25256c896e1907af3f458253d4a0bd820a6fef83377ae031f9"},
	};
	uint8_t *message = malloc(17 * 17 * 17);
	uint8_t out[10032];

	(void) state;
	for (size_t i = 0; i < 17 * 17 * 17; i++)
		message[i] = (uint8_t) (i % 251);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
	{
		hash(message, answers[i].size, answers[i].domain, out, 32);
		assert_hex(out, 32, answers[i].hash);
	}
	hash(message, 0, 0x1f, out, sizeof(out));
	assert_hex(out + 10000, 32,
			   "a3b9b0385900ce761f22aed548e754da10a5242d62e8c658e3f3a923a7555607");
	free(message);
}

/* Messages and streams around the rate, in pieces of every size, several lanes. */
static void
kernels_and_lanes_agree(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 50, 166, 167, 168, 169, 335, 336, 337, 1000};
	const PrioKernels *variant;

	(void) state;
	for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
	{
		assert_true(prio_kernels_choose(variant->name));
		for (size_t lanes = 1; lanes <= PRIO_TURBOSHAKE_LANES; lanes++)
			for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			{
				size_t size = sizes[s];
				size_t out_size = sizes[(s + lanes) % (sizeof(sizes) / sizeof(sizes[0]))];
				size_t step = 1 + test_random() % 200;
				size_t out_step = 8 * (1 + test_random() % 40);
				Bytes message[PRIO_TURBOSHAKE_LANES];
				Bytes out[PRIO_TURBOSHAKE_LANES];
				uint8_t *expected = malloc(out_size + 1);
				PrioTurboShake stream;

				prio_turboshake_init(&stream, lanes);
				for (size_t lane = 0; lane < lanes; lane++)
				{
					message[lane] = random_bytes(size + 5);
					memcpy(message[lane].data, "same ", 5);
					out[lane] = (Bytes){malloc(out_size + 1), out_size};
				}
				prio_turboshake_absorb_all(&stream, (const uint8_t *) "same ", 5);
				for (size_t at = 0; at < size; at += step)
				{
					const uint8_t *piece[PRIO_TURBOSHAKE_LANES];

					for (size_t lane = 0; lane < lanes; lane++)
						piece[lane] = message[lane].data + 5 + at;
					prio_turboshake_absorb(&stream, piece, size - at < step ? size - at : step);
				}
				prio_turboshake_finish(&stream, 1);
				for (size_t at = 0; at < out_size; at += out_step)
				{
					uint8_t *piece[PRIO_TURBOSHAKE_LANES];

					for (size_t lane = 0; lane < lanes; lane++)
						piece[lane] = out[lane].data + at;
					prio_turboshake_squeeze(&stream, piece,
											out_size - at < out_step ? out_size - at : out_step);
				}
				for (size_t lane = 0; lane < lanes; lane++)
				{
					hash(message[lane].data, size + 5, 1, expected, out_size);
					assert_memory_equal(out[lane].data, expected, out_size);
					free(message[lane].data);
					free(out[lane].data);
				}
				free(expected);
			}
	}
	assert_true(prio_kernels_choose(NULL));
}

/* What one stream squeezes and another absorbs at once, against both by themselves, at every place in a block. */
static void
squeezing_into_another_agrees(void **state)
{
	enum
	{
		MOST = 8 * 60 + 8 * 30 + 50
	};
	const PrioKernels *variant;

	(void) state;
	for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
	{
		assert_true(prio_kernels_choose(variant->name));
		for (size_t at = 0; at < 2 * PRIO_TURBOSHAKE_RATE; at++)
		{
			/* Of the first stream, some bytes are gone; the other one has absorbed some. */
			size_t gone = 8 * (at % (PRIO_TURBOSHAKE_RATE / 8 + 1));
			size_t pieces[] = {8 * (test_random() % 60), 8 * (test_random() % 30),
							   test_random() % 50};
			PrioTurboShake stream[2];
			Bytes before = random_bytes(at);
			Bytes seed = random_bytes(20);
			uint8_t message[2 * PRIO_TURBOSHAKE_RATE + MOST];
			uint8_t squeezed[PRIO_TURBOSHAKE_RATE + MOST];
			uint8_t expected[sizeof(squeezed)];
			uint8_t *out = squeezed;
			size_t size = gone;
			uint8_t hashed[2][32];

			prio_turboshake_init(&stream[0], 1);
			prio_turboshake_absorb_all(&stream[0], seed.data, seed.size);
			prio_turboshake_finish(&stream[0], 1);
			prio_turboshake_squeeze(&stream[0], &out, gone);
			prio_turboshake_init(&stream[1], 1);
			prio_turboshake_absorb_all(&stream[1], before.data, before.size);
			for (size_t i = 0; i < 3; i++)
			{
				prio_turboshake_squeeze_into(&stream[0], &stream[1], squeezed + size, pieces[i]);
				size += pieces[i];
			}
			out = hashed[0];
			prio_turboshake_finish(&stream[1], 2);
			prio_turboshake_squeeze(&stream[1], &out, 32);

			hash(seed.data, seed.size, 1, expected, size);
			assert_memory_equal(squeezed, expected, size);
			memcpy(message, before.data, at);
			memcpy(message + at, expected + gone, size - gone);
			hash(message, at + size - gone, 2, hashed[1], 32);
			assert_memory_equal(hashed[0], hashed[1], 32);
			free(before.data);
			free(seed.data);
		}
	}
	assert_true(prio_kernels_choose(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(kernels_and_lanes_agree),
		cmocka_unit_test(squeezing_into_another_agrees),
	};

	return cmocka_run_group_tests_name("turboshake", tests, NULL, NULL);
}
