/*
 * test_prg.c
 *		The pseudo-random generator against NSS's own counter mode and a slow reader of it.
 */
#include "harness.h"

#include <nss.h>
#include <pk11pub.h>

#include <stdlib.h>
#include <string.h>

#define BLOCK 16
#define CHUNK_BYTES (PRIO_COUNTER_MODE_BLOCKS * BLOCK)
#define CHUNK_CANDIDATES (CHUNK_BYTES / FIELD87_CANDIDATE_BYTES)

static const uint8_t seed[PRIO1_SEED_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
											   8, 9, 10, 11, 12, 13, 14, 15};

/* ------------------------------------------------------------------ the slow way */

/* CKM_AES_CTR over zeros: size bytes of key stream from this block on; free() them. */
static uint8_t *
counter_mode(const uint8_t key_bytes[PRIO_AES_KEY_BYTES], uint64_t first_block, size_t size)
{
	uint8_t *zeros = calloc(size, 1);
	uint8_t *stream = malloc(size);
	CK_AES_CTR_PARAMS params = {.ulCounterBits = 128};
	SECItem key_item = {siBuffer, (unsigned char *) key_bytes, PRIO_AES_KEY_BYTES};
	SECItem params_item = {siBuffer, (unsigned char *) &params, sizeof(params)};
	PK11SlotInfo *slot;
	PK11SymKey *key;
	unsigned int out_size;

	for (int i = 0; i < 8; i++)
		params.cb[BLOCK - 1 - i] = (uint8_t) (first_block >> (8 * i));
	assert_ok(prio_nss_init());
	slot = PK11_GetInternalSlot();
	key = PK11_ImportSymKey(slot, CKM_AES_CTR, PK11_OriginUnwrap, CKA_ENCRYPT, &key_item, NULL);
	assert_non_null(key);
	assert_int_equal(PK11_Encrypt(key, CKM_AES_CTR, &params_item, stream, &out_size,
								  (unsigned int) size, zeros, (unsigned int) size),
					 SECSuccess);
	assert_int_equal(out_size, size);
	PK11_FreeSymKey(key);
	PK11_FreeSlot(slot);
	free(zeros);
	return stream;
}

/*
 * An integer below M (docs/protocol.md, "Pseudo-random generator"), for any M: byte by byte,
 * from *position of the stream on, which it moves.
 */
static prio_uint128
slow_below(const uint8_t *stream, size_t *position, prio_uint128 bound)
{
	prio_uint128 top = bound - 1;
	int size = 1;
	uint8_t mask = 0;

	while (top >> (8 * size) != 0)
		size++;
	while (mask < top >> (8 * (size - 1)))
		mask = (uint8_t) (2 * mask + 1);
	for (;;)
	{
		prio_uint128 value = stream[*position + (size_t) size] & mask;

		for (int i = 1; i < size; i++)
			value = value << 8 | stream[*position + (size_t) i];
		*position += (size_t) size + 1;
		if (value < bound)
			return value;
	}
}

/* The first draws below a bound, and at which byte of the stream each begins. */
#define DRAWS 3000

typedef struct Expected
{
	uint8_t key[PRIO_AES_KEY_BYTES];
	prio_uint128 bound;
	uint8_t *stream;
	Field87 value[DRAWS];
	size_t position[DRAWS + 1];
} Expected;

static void
expected_make(Expected *expected, prio_uint128 bound)
{
	size_t position = 0;

	for (size_t i = 0; i < PRIO_AES_KEY_BYTES; i++)
		expected->key[i] = (uint8_t) (0xf0 - 7 * i);
	expected->bound = bound;
	expected->stream = counter_mode(expected->key, 0, 4 * DRAWS * FIELD87_CANDIDATE_BYTES);
	for (size_t i = 0; i < DRAWS; i++)
	{
		expected->position[i] = position;
		expected->value[i] =
			field87_from_integer(slow_below(expected->stream, &position, bound));
	}
	expected->position[DRAWS] = position;
}

/*
 * The bounds that the protocol has: p, and for r those of the smallest and largest n. Chance
 * does not tell them apart, so the last two, which it has not, show that the bound counts.
 */
static const prio_uint128 bounds[] = {FIELD87_P,
									  FIELD87_P - 3,
									  FIELD87_P - 7,
									  FIELD87_P - 2048,
									  FIELD87_P - 262145,
									  FIELD87_P + ((prio_uint128) 1 << 86),
									  FIELD87_P + ((prio_uint128) 1 << 85)};

#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

/* ------------------------------------------------------------------ the stream */

static void
the_stream_is_aes_in_counter_mode(void **state)
{
	static const uint64_t first_blocks[] = {0,
											1,
											383,
											384,
											1000,
											UINT32_MAX - 3,
											UINT32_MAX,
											(uint64_t) 1 << 32,
											(uint64_t) 1 << 56};
	static const size_t sizes[] = {1, 2, 3, 16, 383, PRIO_COUNTER_MODE_BLOCKS};

	(void) state;
	for (size_t i = 0; i < sizeof(first_blocks) / sizeof(first_blocks[0]); i++)
	{
		PrioCounterMode *mode;

		assert_ok(prio_counter_mode_new(seed, &mode));
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
		{
			size_t size = sizes[j] * BLOCK;
			uint8_t *expected = counter_mode(seed, first_blocks[i], size);
			uint8_t *stream = malloc(size);

			assert_ok(prio_counter_mode_stream(mode, first_blocks[i], sizes[j], stream));
			assert_memory_equal(stream, expected, size);
			free(stream);
			free(expected);
		}
		prio_counter_mode_free(mode);
	}
}

/* AES-128 of the zero block under the zero key, as everybody knows it. */
static void
the_stream_has_its_known_answer(void **state)
{
	static const uint8_t zero_key[PRIO_AES_KEY_BYTES] = {0};
	PrioCounterMode *mode;
	uint8_t expected[BLOCK];
	uint8_t stream[BLOCK];

	(void) state;
	bytes_from_hex("66e94bd4ef8a2c3b884cfa59ca342b2e", expected, BLOCK);
	assert_ok(prio_counter_mode_new(zero_key, &mode));
	assert_ok(prio_counter_mode_stream(mode, 0, 1, stream));
	assert_memory_equal(stream, expected, BLOCK);
	prio_counter_mode_free(mode);
}

/* ------------------------------------------------------------------ draws */

static void
draws_are_those_of_the_protocol(void **state)
{
	(void) state;
	for (size_t i = 0; i < BOUNDS; i++)
	{
		Expected expected;
		Prio1Prg prg;
		Field87 *drawn = malloc(DRAWS * sizeof(Field87));

		expected_make(&expected, bounds[i]);
		assert_ok(prio1_prg_open(&prg, expected.key, 0));
		assert_int_equal(prio1_prg_candidates(&prg), 0);
		assert_ok(prio1_prg_draw(&prg, bounds[i], drawn, DRAWS));
		for (size_t j = 0; j < DRAWS; j++)
			assert_element(drawn[j], expected.value[j]);
		assert_int_equal(prio1_prg_candidates(&prg) * FIELD87_CANDIDATE_BYTES,
						 expected.position[DRAWS]);
		prio1_prg_close(&prg);
		free(drawn);
		free(expected.stream);
	}
}

static void
reading_in_pieces_is_reading_at_once(void **state)
{
	static const size_t pieces[] = {1, 2, 7, 255, 256, 257, 511, 512, 513, 1000};
	Expected expected;

	(void) state;
	expected_make(&expected, FIELD87_P);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
	{
		Prio1Prg prg;

		assert_ok(prio1_prg_open(&prg, expected.key, 0));
		for (size_t done = 0; done + pieces[i] <= DRAWS; done += pieces[i])
		{
			/* Of exactly this size: a draw too many would not fit. */
			Field87 *drawn = malloc(pieces[i] * sizeof(Field87));

			assert_ok(prio1_prg_draw(&prg, FIELD87_P, drawn, pieces[i]));
			for (size_t j = 0; j < pieces[i]; j++)
				assert_element(drawn[j], expected.value[done + j]);
			assert_ok(prio1_prg_draw(&prg, FIELD87_P, drawn, 0));
			free(drawn);
		}
		prio1_prg_close(&prg);
	}
	free(expected.stream);
}

/* prio1_prg_elements() is prio1_prg_draw() below p, in pieces of its own choice. */
static void
elements_are_draws_below_the_modulus(void **state)
{
	static const size_t most[] = {1, 2, 7, 255, 256, 257, 513, DRAWS};
	Expected expected;

	(void) state;
	expected_make(&expected, FIELD87_P);
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++)
	{
		Prio1Prg prg;
		size_t done = 0;

		assert_ok(prio1_prg_open(&prg, expected.key, 0));
		while (done < DRAWS)
		{
			const Field87 *elements;
			size_t count = DRAWS - done < most[i] ? DRAWS - done : most[i];
			size_t asked = count;

			assert_ok(prio1_prg_elements(&prg, &elements, &count));
			assert_between(count, 1, asked);
			for (size_t j = 0; j < count; j++)
				assert_element(elements[j], expected.value[done + j]);
			done += count;
		}
		prio1_prg_close(&prg);
	}
	free(expected.stream);
}

/* Two bounds from one stream, as nobody does yet: each draw starts where the last ended. */
static void
bounds_may_change_between_draws(void **state)
{
	uint8_t *stream = counter_mode(seed, 0, 4 * DRAWS * FIELD87_CANDIDATE_BYTES);
	size_t position = 0;
	Prio1Prg prg;

	(void) state;
	assert_ok(prio1_prg_open(&prg, seed, 0));
	for (size_t i = 0; i < DRAWS; i++)
	{
		prio_uint128 bound = bounds[i % BOUNDS];
		Field87 drawn;

		assert_ok(prio1_prg_draw(&prg, bound, &drawn, 1));
		assert_element(drawn, field87_from_integer(slow_below(stream, &position, bound)));
	}
	prio1_prg_close(&prg);
	free(stream);
}

static void
opening_at_the_tries_of_a_stream_continues_it(void **state)
{
	Expected expected;
	Prio1Prg prg;

	(void) state;
	expected_make(&expected, FIELD87_P);
	assert_ok(prio1_prg_open(&prg, expected.key, 0));
	for (size_t i = 0; i + 3 <= DRAWS; i++)
	{
		uint64_t candidates = prio1_prg_candidates(&prg);
		Field87 drawn[3];
		Prio1Prg later;

		assert_int_equal(candidates * FIELD87_CANDIDATE_BYTES, expected.position[i]);
		assert_ok(prio1_prg_open(&later, expected.key, candidates));
		assert_int_equal(prio1_prg_candidates(&later), candidates);
		assert_ok(prio1_prg_draw(&later, FIELD87_P, drawn, 3));
		for (size_t j = 0; j < 3; j++)
			assert_element(drawn[j], expected.value[i + j]);
		assert_int_equal(prio1_prg_candidates(&later) * FIELD87_CANDIDATE_BYTES,
						 expected.position[i + 3]);
		prio1_prg_close(&later);
		assert_ok(prio1_prg_draw(&prg, FIELD87_P, drawn, 1));
	}
	prio1_prg_close(&prg);
	free(expected.stream);
}

/* Every offset, not only those where a draw ends; three borders of chunks among them. */
static void
opening_works_at_every_try(void **state)
{
	Expected expected;

	(void) state;
	expected_make(&expected, FIELD87_P);
	for (uint64_t candidates = 0; candidates < 3 * CHUNK_CANDIDATES + 10; candidates++)
	{
		size_t position = (size_t) candidates * FIELD87_CANDIDATE_BYTES;
		Field87 drawn[2];
		Prio1Prg prg;

		assert_ok(prio1_prg_open(&prg, expected.key, candidates));
		assert_int_equal(prio1_prg_candidates(&prg), candidates);
		assert_ok(prio1_prg_draw(&prg, FIELD87_P, drawn, 2));
		for (size_t i = 0; i < 2; i++)
			assert_element(drawn[i],
						   field87_from_integer(
							   slow_below(expected.stream, &position, FIELD87_P)));
		assert_int_equal(prio1_prg_candidates(&prg) * FIELD87_CANDIDATE_BYTES, position);
		prio1_prg_close(&prg);
	}
	free(expected.stream);
}

/* Beyond what 32 bits count: of blocks, and of bytes. */
static void
opening_works_far_into_the_stream(void **state)
{
	static const uint64_t far_chunks[] = {(uint64_t) 1 << 24, (uint64_t) 1 << 34};

	(void) state;
	for (size_t i = 0; i < sizeof(far_chunks) / sizeof(far_chunks[0]); i++)
	{
		uint8_t *stream =
			counter_mode(seed, far_chunks[i] * PRIO_COUNTER_MODE_BLOCKS, 100 * BLOCK);
		size_t position = 5 * FIELD87_CANDIDATE_BYTES;
		Field87 drawn;
		Prio1Prg prg;

		assert_ok(prio1_prg_open(&prg, seed, far_chunks[i] * CHUNK_CANDIDATES + 5));
		assert_ok(prio1_prg_draw(&prg, FIELD87_P, &drawn, 1));
		assert_element(drawn, field87_from_integer(slow_below(stream, &position, FIELD87_P)));
		prio1_prg_close(&prg);
		free(stream);
	}
}

static void
closing_wipes_the_stream(void **state)
{
	Prio1Prg prg;

	/* From one element, of a short chunk, to several chunks of full size. */
	(void) state;
	for (size_t total = 1; total < 2000; total *= 3)
	{
		memset(&prg, 0, sizeof(prg));
		assert_ok(prio1_prg_open(&prg, seed, 0));
		for (size_t done = 0; done < total;)
		{
			const Field87 *elements;
			size_t count = total - done;

			assert_ok(prio1_prg_elements(&prg, &elements, &count));
			done += count;
		}
		prio1_prg_close(&prg);
		assert_filled(prg.chunk, sizeof(prg.chunk), 0);
		assert_filled((uint8_t *) prg.elements, sizeof(prg.elements), 0);
	}
}

/* ------------------------------------------------------------------ keys */

/* Answers by Python's hashlib: hashlib.sha256(seed + batch_id).digest()[:16] */
static void
the_batch_key_is_a_hash_of_seed_and_batch_id(void **state)
{
	uint8_t long_id[300];
	const struct
	{
		const uint8_t *batch_id;
		size_t size;
		const char *key;
	} cases[] = {
		{(const uint8_t *) "", 0, "be45cb2605bf36bebde684841a28f0fd"},
		{(const uint8_t *) "batch", 5, "2d3490117b61b099ecf5066c2a5a839d"},
		{long_id, sizeof(long_id), "8ad08cedf0b5f92e9d0fcf8acf612848"},
	};

	(void) state;
	memset(long_id, 'x', sizeof(long_id));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t expected[PRIO_AES_KEY_BYTES];
		uint8_t key[PRIO_AES_KEY_BYTES];

		bytes_from_hex(cases[i].key, expected, PRIO_AES_KEY_BYTES);
		assert_ok(prio1_prg_key(seed, PRIO1_PRG_BATCH, cases[i].batch_id, cases[i].size, key));
		assert_memory_equal(key, expected, PRIO_AES_KEY_BYTES);
	}
}

static void
the_seed_key_is_the_seed_itself(void **state)
{
	uint8_t key[PRIO_AES_KEY_BYTES];

	(void) state;
	assert_ok(prio1_prg_key(seed, PRIO1_PRG_SEED, (const uint8_t *) "batch", 5, key));
	assert_memory_equal(key, seed, PRIO_AES_KEY_BYTES);
}

/* By test/reference/prio_reference.py, for the seed and the batch id "batch". */
static void
the_first_elements_have_their_known_answers(void **state)
{
	static const char *const answers[] = {"5a052bd5905392a8381e39", "31ee2f33ea1ebf58f4fcb4",
										  "56b75b63508c9591a61925"};
	uint8_t key[PRIO_AES_KEY_BYTES];
	Field87 drawn[3];
	Prio1Prg prg;

	(void) state;
	assert_ok(prio1_prg_key(seed, PRIO1_PRG_BATCH, (const uint8_t *) "batch", 5, key));
	assert_ok(prio1_prg_open(&prg, key, 0));
	assert_ok(prio1_prg_draw(&prg, FIELD87_P, drawn, 3));
	for (size_t i = 0; i < 3; i++)
	{
		uint8_t expected[FIELD87_BYTES];

		bytes_from_hex(answers[i], expected, FIELD87_BYTES);
		assert_element(drawn[i], field87_from_bytes(expected));
	}
	prio1_prg_close(&prg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stream_is_aes_in_counter_mode),
		cmocka_unit_test(the_stream_has_its_known_answer),
		cmocka_unit_test(draws_are_those_of_the_protocol),
		cmocka_unit_test(reading_in_pieces_is_reading_at_once),
		cmocka_unit_test(elements_are_draws_below_the_modulus),
		cmocka_unit_test(bounds_may_change_between_draws),
		cmocka_unit_test(opening_at_the_tries_of_a_stream_continues_it),
		cmocka_unit_test(opening_works_at_every_try),
		cmocka_unit_test(opening_works_far_into_the_stream),
		cmocka_unit_test(closing_wipes_the_stream),
		cmocka_unit_test(the_batch_key_is_a_hash_of_seed_and_batch_id),
		cmocka_unit_test(the_seed_key_is_the_seed_itself),
		cmocka_unit_test(the_first_elements_have_their_known_answers),
	};
	const char *title;
	int failed = 0;

	while ((title = next_kernels("prg")) != NULL)
		failed += cmocka_run_group_tests_name(title, tests, NULL, NULL);
	return failed;
}
