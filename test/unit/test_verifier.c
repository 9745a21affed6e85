/*
 * test_verifier.c
 *		One packet on one server: points, opening, both rounds, the stored form.
 */
#include "harness.h"

#include "prio1/vectors.h"

#include <stdlib.h>
#include <string.h>

#define N_DATA 5
#define N_POINTS 8

static const uint8_t batch_id[] = {'b', 'a', 't', 'c', 'h'};

/* Both servers of one batch of N_DATA bits, and an honest client's packets. */
typedef struct Batch
{
	Servers servers;
	Bytes plaintext[2];
	Bytes share[2];
	Prio1Verifier verifier[2];
} Batch;

static void
batch_make(Batch *batch, Prio1PrgVariant variant)
{
	Field87 *data = random_bits(N_DATA);

	servers_make(&batch->servers, "batch", N_DATA, variant);
	client_make_packets(&batch->servers, data, batch->plaintext);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		batch->share[role] =
			seal_bytes(&batch->servers, (PrioRole) role, batch->plaintext[role]);
	assert_int_equal(servers_judge_shares(&batch->servers, batch->share, batch->verifier),
					 ACCEPTED);
	free(data);
}

static void
batch_free(Batch *batch)
{
	bytes_free_pair(batch->plaintext);
	bytes_free_pair(batch->share);
	servers_free(&batch->servers);
}

/* ------------------------------------------------------------------ points */

#define POINTS 601

/* The point of one ordinal of a batch of N_DATA bits. */
static Field87
point_of(const uint8_t *secret, Prio1PrgVariant variant, uint64_t ordinal,
		 Prio1PointCursor *cursor)
{
	Field87 r;

	assert_ok(prio1_verifier_point(secret, variant, batch_id, sizeof(batch_id), N_DATA,
								   ordinal, cursor, &r, NULL));
	return r;
}

/* All of them by one draw after the other from one stream. */
static void
expected_points(const uint8_t *secret, Prio1PrgVariant variant, size_t n, Field87 *points)
{
	uint8_t key[PRIO_AES_KEY_BYTES];
	uint64_t lower = n + 2;
	Prio1Prg prg;

	assert_ok(prio1_prg_key(secret, variant, batch_id, sizeof(batch_id), key));
	assert_ok(prio1_prg_open(&prg, key, 0));
	for (size_t i = 0; i < POINTS; i++)
	{
		assert_ok(prio1_prg_draw(&prg, FIELD87_P - lower, &points[i], 1));
		points[i] = field87_from_integer(field87_to_integer(points[i]) + lower);
		assert_true(field87_is_reduced(points[i]));
	}
	prio1_prg_close(&prg);
}

static void
points_are_draws_of_one_stream(void **state)
{
	Bytes secret = random_bytes(PRIO1_SEED_BYTES);

	(void) state;
	for (int variant = PRIO1_PRG_BATCH; variant <= PRIO1_PRG_SEED; variant++)
	{
		Field87 points[POINTS];
		Prio1PointCursor cursor = {0, 0};
		Prio1PointCursor kept = {0, 0};

		expected_points(secret.data, (Prio1PrgVariant) variant, N_DATA, points);
		for (uint64_t i = 0; i < POINTS; i++)
		{
			assert_element(point_of(secret.data, (Prio1PrgVariant) variant, i, NULL), points[i]);
			assert_element(point_of(secret.data, (Prio1PrgVariant) variant, i, &cursor),
						   points[i]);
			assert_int_equal(cursor.ordinal, i + 1);
			if (i == 300)
				kept = cursor;
		}
		/* In any order: back, forth, and the same one again. */
		for (size_t i = 0; i < 1000; i++)
		{
			uint64_t ordinal = (test_random() >> 32) % POINTS;

			assert_element(point_of(secret.data, (Prio1PrgVariant) variant, ordinal, &cursor),
						   points[ordinal]);
			assert_element(point_of(secret.data, (Prio1PrgVariant) variant, ordinal, &cursor),
						   points[ordinal]);
		}
		for (uint64_t i = 301; i < POINTS; i += 50)
			assert_element(point_of(secret.data, (Prio1PrgVariant) variant, i, &kept),
						   points[i]);
	}
	free(secret.data);
}

/* By test/reference/prio_reference.py: the batch "batch" of five bits, the secret 00 01 .. 0f. */
static void
points_have_their_known_answers(void **state)
{
	uint8_t secret[PRIO1_SEED_BYTES];
	uint8_t expected[FIELD87_BYTES];

	(void) state;
	for (size_t i = 0; i < PRIO1_SEED_BYTES; i++)
		secret[i] = (uint8_t) i;
	bytes_from_hex("5a052bd5905392a8381e40", expected, FIELD87_BYTES);
	assert_element(point_of(secret, PRIO1_PRG_BATCH, 0, NULL), field87_from_bytes(expected));
	bytes_from_hex("76cf251fb7a2fcf47ed768", expected, FIELD87_BYTES);
	assert_element(point_of(secret, PRIO1_PRG_BATCH, 3, NULL), field87_from_bytes(expected));
}

/* The cursor saves the draws before it: it is what makes the next one start there. */
static void
the_cursor_is_where_the_next_point_begins(void **state)
{
	Bytes secret = random_bytes(PRIO1_SEED_BYTES);
	Prio1PointCursor cursor = {0, 0};
	Prio1PointCursor shifted;

	(void) state;
	(void) point_of(secret.data, PRIO1_PRG_BATCH, 9, &cursor);
	assert_int_equal(cursor.ordinal, 10);
	assert_true(cursor.candidates >= 10);
	shifted = (Prio1PointCursor){100, cursor.candidates};
	assert_element(point_of(secret.data, PRIO1_PRG_BATCH, 100, &shifted),
				   point_of(secret.data, PRIO1_PRG_BATCH, 10, NULL));
	assert_int_equal(shifted.ordinal, 101);
	free(secret.data);
}

/* n moves the range that points come from, up to its largest value. */
static void
points_depend_on_the_number_of_data(void **state)
{
	static const size_t sizes[] = {1, 2, 2046, PRIO1_MAX_DATA};
	Bytes secret = random_bytes(PRIO1_SEED_BYTES);

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		Field87 points[POINTS];

		expected_points(secret.data, PRIO1_PRG_BATCH, sizes[i], points);
		for (uint64_t j = 0; j < POINTS; j += 100)
		{
			Field87 r;

			assert_ok(prio1_verifier_point(secret.data, PRIO1_PRG_BATCH, batch_id,
										   sizeof(batch_id), sizes[i], j, NULL, &r, NULL));
			assert_element(r, points[j]);
			assert_true(field87_to_integer(r) >= sizes[i] + 2);
		}
	}
	free(secret.data);
}

static void
a_search_for_a_point_can_be_interrupted_and_goes_on(void **state)
{
	Bytes secret = random_bytes(PRIO1_SEED_BYTES);
	Prio1PointCursor cursor = {0, 0};
	uint64_t last = 0;
	Field87 at_once;
	Field87 r;

	/* Interrupted as often as it looks, it still gets there, and to the same point. */
	(void) state;
	assert_ok(prio1_verifier_point(secret.data, PRIO1_PRG_BATCH, batch_id, sizeof(batch_id),
								   N_DATA, 5000, NULL, &at_once, NULL));
	while (prio1_verifier_point(secret.data, PRIO1_PRG_BATCH, batch_id, sizeof(batch_id),
								N_DATA, 5000, &cursor, &r, stop_now) == PRIO_INTERRUPTED)
	{
		assert_true(cursor.ordinal > last && cursor.ordinal <= 5000);
		last = cursor.ordinal;
	}
	assert_true(last > 0);
	assert_int_equal(cursor.ordinal, 5001);
	assert_element(r, at_once);
	free(secret.data);
}

/* ------------------------------------------------------------------ the context */

static void
init_context(Prio1VerifierContext *context, Prio1PrgVariant variant, const char *id, size_t n)
{
	Field87 *memory = malloc(prio_lagrange87_size(n) * sizeof(Field87));

	assert_ok(prio1_verifier_context_init(context, PRIO_A, variant, (const uint8_t *) id,
										  strlen(id), n, (Field87){1000, 0}, memory, NULL));
	free(memory);
}

static void
the_digest_tells_batches_apart(void **state)
{
	static const struct
	{
		Prio1PrgVariant variant;
		const char *id;
		size_t n;
	} batches[] = {{PRIO1_PRG_BATCH, "batch", 5},
				   {PRIO1_PRG_SEED, "batch", 5},
				   {PRIO1_PRG_BATCH, "batch", 6},
				   {PRIO1_PRG_BATCH, "batch", 5 + 256},
				   {PRIO1_PRG_BATCH, "batch", 5 + 65536},
				   {PRIO1_PRG_BATCH, "Batch", 5},
				   {PRIO1_PRG_BATCH, "batch1", 5},
				   {PRIO1_PRG_BATCH, "batc", 5},
				   {PRIO1_PRG_BATCH, "", 5}};
	size_t count = sizeof(batches) / sizeof(batches[0]);
	Prio1VerifierContext contexts[sizeof(batches) / sizeof(batches[0])];
	Batch batch;

	(void) state;
	for (size_t i = 0; i < count; i++)
	{
		init_context(&contexts[i], batches[i].variant, batches[i].id, batches[i].n);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(contexts[i].digest, contexts[j].digest, PRIO1_DIGEST_BYTES);
	}

	/* Neither the role nor the point belongs to it, and a verifier carries it. */
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		assert_memory_equal(batch.servers.context[role].digest, contexts[0].digest,
							PRIO1_DIGEST_BYTES);
		assert_memory_equal(batch.verifier[role].digest, contexts[0].digest, PRIO1_DIGEST_BYTES);
	}
	batch_free(&batch);
}

static void
preparing_a_long_batch_can_be_interrupted(void **state)
{
	Field87 *memory = malloc(prio_lagrange87_size(100000) * sizeof(Field87));
	Prio1VerifierContext context;

	(void) state;
	assert_status(prio1_verifier_context_init(&context, PRIO_A, PRIO1_PRG_BATCH, batch_id,
											  sizeof(batch_id), 100000, random_element(),
											  memory, stop_now),
				  PRIO_INTERRUPTED);
	free(memory);
}

/* The packet's polynomials evaluate at any point, also at all roots of unity. */
static void
honest_packets_are_accepted_at_roots_of_unity(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (prio_uint128 i = 0; i < 2 * N_POINTS; i++)
	{
		for (int role = PRIO_A; role <= PRIO_B; role++)
			assert_ok(prio1_verifier_context_init(&batch.servers.context[role],
												  (PrioRole) role, PRIO1_PRG_BATCH, batch_id,
												  sizeof(batch_id), N_DATA,
												  prio_field87_pow(prio_field87_root(4), i),
												  batch.servers.memory[role], NULL));
		assert_int_equal(servers_judge(&batch.servers, batch.plaintext), ACCEPTED);
	}
	batch_free(&batch);
}

/* ------------------------------------------------------------------ opening */

/* A share that somebody else was meant to get, or that was made for something else. */
static void
packets_that_belong_elsewhere_are_refused(void **state)
{
	Batch batch;
	Batch other;
	Bytes resealed;
	Prio1Verifier verifier;
	Prio1VerifierContext context;
	Field87 memory[2 * 16];
	uint8_t plaintext[1000];

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	batch_make(&other, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Servers *servers = &batch.servers;
		PrioRole peer = (PrioRole) !role;

		/* Sealed to the peer; sealed to this server, but the peer's; sealed to another one. */
		assert_status(servers_open(servers, (PrioRole) role, batch.share[peer], &verifier),
					  PRIO_DECRYPTION_FAILED);
		resealed = seal_bytes(servers, (PrioRole) role, batch.plaintext[peer]);
		assert_status(servers_open(servers, (PrioRole) role, resealed, &verifier),
					  PRIO_WRONG_SERVER);
		free(resealed.data);
		assert_status(servers_open(servers, (PrioRole) role, other.share[role], &verifier),
					  PRIO_DECRYPTION_FAILED);

		/* For another batch. */
		context = servers->context[role];
		context.batch_id = (const uint8_t *) "Batch";
		assert_status(prio1_verifier_open(&context, servers->pair[role], batch.share[role].data,
										  batch.share[role].size, plaintext, &verifier),
					  PRIO_WRONG_BATCH);
	}

	/* For another number of data: A's packet shows it, B's cannot. */
	for (size_t n = 1; n <= 15; n++)
	{
		for (int role = PRIO_A; role <= PRIO_B; role++)
		{
			assert_ok(prio1_verifier_context_init(&context, (PrioRole) role, PRIO1_PRG_BATCH,
												  batch_id, sizeof(batch_id), n,
												  random_element(), memory, NULL));
			assert_status(prio1_verifier_open(&context, batch.servers.pair[role],
											  batch.share[role].data, batch.share[role].size,
											  plaintext, &verifier),
						  n == N_DATA || role == PRIO_B ? PRIO_OK : PRIO_WRONG_LENGTH);
		}
	}
	batch_free(&batch);
	batch_free(&other);
}

/* Rows that were put together wrongly: each half is fine, the pair is not. */
static void
halves_of_different_packets_are_rejected(void **state)
{
	Batch batch;
	Field87 *data = random_bits(N_DATA);
	Bytes share[2];
	Bytes mixed[2];
	Prio1Verifier verifier[2];

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	client_make_shares(&batch.servers, data, share);
	assert_int_equal(servers_judge_shares(&batch.servers, share, verifier), ACCEPTED);
	mixed[PRIO_A] = share[PRIO_A];
	mixed[PRIO_B] = batch.share[PRIO_B];
	assert_int_equal(servers_judge_shares(&batch.servers, mixed, verifier), REJECTED);
	mixed[PRIO_A] = batch.share[PRIO_A];
	mixed[PRIO_B] = share[PRIO_B];
	assert_int_equal(servers_judge_shares(&batch.servers, mixed, verifier), REJECTED);
	bytes_free_pair(share);
	free(data);
	batch_free(&batch);
}

/* Both servers must use one point, one PRG and one n. */
static void
servers_that_disagree_reject(void **state)
{
	Batch batch;
	Prio1Verifier at[2][2]; /* by ordinal and role */
	Prio1Verifier other_variant;
	Prio1VerifierContext context;
	uint8_t plaintext[1000];

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (uint64_t ordinal = 0; ordinal < 2; ordinal++)
	{
		servers_set_ordinal(&batch.servers, ordinal);
		assert_int_equal(servers_judge_shares(&batch.servers, batch.share, at[ordinal]),
						 ACCEPTED);
	}
	assert_false(servers_exchange(&at[0][PRIO_A], &at[1][PRIO_B]));
	assert_false(servers_exchange(&at[1][PRIO_A], &at[0][PRIO_B]));

	context = batch.servers.context[PRIO_B];
	context.variant = PRIO1_PRG_SEED;
	assert_ok(prio1_verifier_open(&context, batch.servers.pair[PRIO_B], batch.share[PRIO_B].data,
								  batch.share[PRIO_B].size, plaintext, &other_variant));
	assert_false(servers_exchange(&at[1][PRIO_A], &other_variant));
	batch_free(&batch);
}

static void
packets_beyond_the_limit_are_not_looked_at(void **state)
{
	Batch batch;
	size_t limit = prio1_verifier_max_share(sizeof(batch_id), N_DATA);
	size_t longest =
		prio1_packet_max_plaintext(PRIO_A, sizeof(batch_id), N_DATA) + PRIO1_SEAL_OVERHEAD;
	Prio1Verifier verifier;

	(void) state;
	/* Room for packets that are worth a closer look, and not for much more. */
	assert_between(limit, 2 * longest, 2 * longest + 8192);

	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes huge = {calloc(limit + 1, 1), limit + 1};
		size_t cut = batch.share[role].size;

		memcpy(huge.data, batch.share[role].data, cut);
		assert_status(servers_open(&batch.servers, (PrioRole) role, huge, &verifier),
					  PRIO_WRONG_LENGTH);
		huge.size = limit;
		assert_status(servers_open(&batch.servers, (PrioRole) role, huge, &verifier),
					  PRIO_DECRYPTION_FAILED);
		free(huge.data);
	}
	batch_free(&batch);
}

/* ------------------------------------------------------------------ damaged packets */

/* What a plaintext of either server says; the parts that it has not stay as they are. */
typedef struct Plain
{
	PrioRole role;
	Prio1PacketHeader header;
	Field87 data[N_DATA];
	Field87 h[N_POINTS];
	uint8_t seed[PRIO1_SEED_BYTES];
} Plain;

static void
read_plain(Bytes plaintext, Plain *plain)
{
	Prio1PacketReader reader = prio1_packet_reader(plaintext.data, plaintext.size);

	assert_ok(prio1_packet_skip_batch_id(&reader));
	assert_ok(prio1_packet_read_header(&reader, &plain->header));
	assert_ok(prio1_packet_read_role(&reader, &plain->role));
	if (plain->role == PRIO_A)
	{
		assert_ok(prio1_packet_read_array_of(&reader, N_DATA));
		assert_ok(prio1_packet_read_elements(&reader, plain->data, N_DATA));
		assert_ok(prio1_packet_read_array_of(&reader, N_POINTS));
		assert_ok(prio1_packet_read_elements(&reader, plain->h, N_POINTS));
	}
	else
		assert_ok(prio1_packet_read_bytes(&reader, plain->seed, PRIO1_SEED_BYTES));
	assert_ok(prio1_packet_read_end(&reader));
}

/* The plaintext that says so, and what both servers make of it next to its honest half. */
static Verdict
judge_plain(Batch *batch, const Plain *plain)
{
	size_t room = prio1_packet_max_plaintext(plain->role, sizeof(batch_id), N_DATA);
	uint8_t *memory = malloc(room);
	Prio1PacketWriter writer = prio1_packet_writer(memory, room);
	Bytes plaintext[2] = {batch->plaintext[PRIO_A], batch->plaintext[PRIO_B]};
	Verdict verdict;

	prio1_packet_write_bytes(&writer, batch_id, sizeof(batch_id));
	prio1_packet_write_header(&writer, &plain->header);
	prio1_packet_write_role(&writer, plain->role);
	if (plain->role == PRIO_A)
	{
		prio1_packet_write_array(&writer, plain->data, N_DATA);
		prio1_packet_write_array(&writer, plain->h, N_POINTS);
	}
	else
		prio1_packet_write_bytes(&writer, plain->seed, PRIO1_SEED_BYTES);
	assert_false(writer.overrun);
	plaintext[plain->role] = (Bytes){memory, (size_t) (writer.next - memory)};
	verdict = servers_judge(&batch->servers, plaintext);
	free(memory);
	return verdict;
}

static void
check_changed_elements(Batch *batch, Plain *plain, Field87 *elements, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		Field87 honest = elements[i];

		elements[i] = field87_add(honest, FIELD87_ONE);
		assert_int_equal(judge_plain(batch, plain), REJECTED);
		elements[i] = field87_add(honest, random_element());
		assert_int_equal(judge_plain(batch, plain), REJECTED);
		elements[i] = field87_from_integer(FIELD87_P);
		assert_int_equal(judge_plain(batch, plain), REFUSED);
		elements[i] = honest;
	}
}

static void
every_changed_field_is_refused_or_rejected(void **state)
{
	(void) state;
	for (int variant = PRIO1_PRG_BATCH; variant <= PRIO1_PRG_SEED; variant++)
	{
		Batch batch;

		batch_make(&batch, (Prio1PrgVariant) variant);
		for (int role = PRIO_A; role <= PRIO_B; role++)
		{
			Plain plain;

			read_plain(batch.plaintext[role], &plain);
			assert_int_equal(judge_plain(&batch, &plain), ACCEPTED);
			check_changed_elements(&batch, &plain, (Field87 *) &plain.header, 6);
			if (role == PRIO_A)
			{
				check_changed_elements(&batch, &plain, plain.data, N_DATA);
				check_changed_elements(&batch, &plain, plain.h, N_POINTS);
			}
			for (size_t i = 0; role == PRIO_B && i < PRIO1_SEED_BYTES; i++)
			{
				plain.seed[i] ^= 1;
				assert_int_equal(judge_plain(&batch, &plain), REJECTED);
				plain.seed[i] ^= 1;
			}
		}
		batch_free(&batch);
	}
}

/* Whatever a byte means: heads, role and batch id too. */
static void
every_changed_byte_is_refused_or_rejected(void **state)
{
	static const uint8_t changes[] = {0x01, 0x10, 0x80};
	Batch batch;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes *plaintext = &batch.plaintext[role];

		for (size_t i = 0; i < plaintext->size; i++)
		{
			for (size_t j = 0; j < sizeof(changes); j++)
			{
				plaintext->data[i] ^= changes[j];
				assert_int_not_equal(servers_judge(&batch.servers, batch.plaintext), ACCEPTED);
				plaintext->data[i] ^= changes[j];
			}
		}
	}
	assert_int_equal(servers_judge(&batch.servers, batch.plaintext), ACCEPTED);
	batch_free(&batch);
}

/* ... and every length but the right one. */
static void
plaintexts_of_every_other_length_are_refused(void **state)
{
	Batch batch;
	Prio1Verifier verifier;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes cut = bytes_copy(batch.plaintext[role].data, batch.plaintext[role].size);
		Bytes sealed;

		cut.data[cut.size] = 0;
		for (size_t size = 0; size <= batch.plaintext[role].size + 1; size++)
		{
			cut.size = size;
			sealed = seal_bytes(&batch.servers, (PrioRole) role, cut);
			assert_status(servers_open(&batch.servers, (PrioRole) role, sealed, &verifier),
						  size == batch.plaintext[role].size ? PRIO_OK : PRIO_MALFORMED);
			free(sealed.data);
		}
		free(cut.data);
	}
	batch_free(&batch);
}

/* ------------------------------------------------------------------ wiping */

/*
 * Opens with scratch memory of exactly the promised size, full of something else. What
 * was decrypted must be gone, whatever became of it, and nothing written behind it.
 */
static void
check_scratch(Batch *batch, PrioRole role, Bytes sealed, PrioStatus expected)
{
	uint8_t *scratch = malloc(sealed.size);
	size_t plaintext_size = sealed.size - PRIO1_SEAL_OVERHEAD;
	Prio1Verifier verifier;

	memset(scratch, 0xaa, sealed.size);
	assert_status(prio1_verifier_open(&batch->servers.context[role], batch->servers.pair[role],
									  sealed.data, sealed.size, scratch, &verifier),
				  expected);
	assert_filled(scratch, plaintext_size, 0);
	assert_filled(scratch + plaintext_size, PRIO1_SEAL_OVERHEAD, 0xaa);
	if (expected != PRIO_OK)
		assert_filled(&verifier, sizeof(verifier), 0);
	free(scratch);
}

static void
the_plaintext_is_wiped(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Bytes sealed;
		Bytes *plaintext = &batch.plaintext[role];

		check_scratch(&batch, (PrioRole) role, batch.share[role], PRIO_OK);

		/* Decrypted, but malformed in the end. */
		plaintext->size--;
		sealed = seal_bytes(&batch.servers, (PrioRole) role, *plaintext);
		plaintext->size++;
		check_scratch(&batch, (PrioRole) role, sealed, PRIO_MALFORMED);
		free(sealed.data);

		/* Decrypted perhaps, before the tag turned out not to fit. */
		sealed = batch.share[role];
		sealed.data[sealed.size - 1] ^= 1;
		check_scratch(&batch, (PrioRole) role, sealed, PRIO_DECRYPTION_FAILED);
		sealed.data[sealed.size - 1] ^= 1;
	}
	batch_free(&batch);
}

/* The elements that A's share was read into are data. */
static void
ending_a_share_wipes_what_it_read(void **state)
{
	Batch batch;
	Prio1Vectors share;
	Prio1PacketHeader header;
	PrioRole role;
	Prio1PacketReader reader;
	const Field87 *elements;
	size_t count = N_DATA;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	reader = prio1_packet_reader(batch.plaintext[PRIO_A].data, batch.plaintext[PRIO_A].size);
	assert_ok(prio1_packet_skip_batch_id(&reader));
	assert_ok(prio1_packet_read_header(&reader, &header));
	assert_ok(prio1_packet_read_role(&reader, &role));
	memset(&share, 0, sizeof(share));
	prio1_vectors_begin_a(&share, reader);
	assert_ok(prio1_vectors_next(&share, N_DATA));
	assert_ok(prio1_vectors_read(&share, &elements, &count));
	assert_int_equal(count, N_DATA);
	assert_false(field87_is_zero(elements[0]));
	prio1_vectors_end(&share);
	assert_filled(share.chunk, sizeof(share.chunk), 0);
	batch_free(&batch);
}

/* ------------------------------------------------------------------ messages */

static void
check_truncated_verify1(const uint8_t *prefix, size_t size, void *verifier)
{
	uint8_t out[PRIO1_VERIFY2_MAX_BYTES];
	size_t out_size;

	assert_status(prio1_verifier_verify2(verifier, prefix, size, out, &out_size),
				  PRIO_MALFORMED);
}

static void
malformed_messages_of_round_1_are_faults(void **state)
{
	static const struct
	{
		const char *message;
		PrioStatus status;
	} cases[] = {
		{"a101a101a101", PRIO_MALFORMED},
		{"a101a10100", PRIO_MALFORMED},
		{"0101", PRIO_MALFORMED},
		{"a10101", PRIO_MALFORMED},
		{"c40101a101", PRIO_MALFORMED},
		{"92a101a101", PRIO_MALFORMED},
		{"a0a101", PRIO_MALFORMED},
		{"a20001a101", PRIO_MALFORMED},
		{"a101d90101", PRIO_MALFORMED},
		{"ffffffff", PRIO_MALFORMED},
		{"ab8000000000000000080001a101", PRIO_OUT_OF_RANGE},
		{"a101abffffffffffffffffffffff", PRIO_OUT_OF_RANGE},
		{"a100a100", PRIO_OK},
	};
	Batch batch;
	uint8_t out[PRIO1_VERIFY2_MAX_BYTES];
	size_t out_size;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
		Bytes whole = {message, prio1_verifier_verify1(&batch.verifier[!role], message)};

		assert_ok(prio1_verifier_verify2(&batch.verifier[role], message, whole.size, out,
										 &out_size));
		each_proper_prefix(whole, check_truncated_verify1, &batch.verifier[role]);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		{
			size_t size = strlen(cases[i].message) / 2;
			uint8_t *bytes = malloc(size);

			bytes_from_hex(cases[i].message, bytes, size);
			assert_status(prio1_verifier_verify2(&batch.verifier[role], bytes, size, out,
												 &out_size),
						  cases[i].status);
			free(bytes);
		}
		/* Noise is a packet's fault too, if it is not a message by accident. */
		for (int i = 0; i < 20000; i++)
		{
			Bytes noise = random_bytes((test_random() >> 32) % 30);
			PrioStatus status = prio1_verifier_verify2(&batch.verifier[role], noise.data,
													   noise.size, out, &out_size);

			assert_true(status == PRIO_OK || prio_is_packet_fault(status));
			free(noise.data);
		}
	}
	batch_free(&batch);
}

/*
 * docs/protocol.md, "Server", steps 3 and 4: each server's own d and e, which both servers'
 * verdict alone could not tell from those of the other.
 */
static void
round_1_is_the_formula_of_the_protocol(void **state)
{
	(void) state;
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Batch batch;
		Lagrange87 *weights;
		Field87 f;
		Field87 g;
		Field87 h;
		Plain plain;

		batch_make(&batch, PRIO1_PRG_SEED);
		weights = &batch.servers.context[role].weights;
		read_plain(batch.plaintext[role], &plain);
		if (role == PRIO_B)
		{
			Prio1Prg prg;

			assert_ok(prio1_prg_open(&prg, plain.seed, 0));
			assert_ok(prio1_prg_draw(&prg, FIELD87_P, plain.data, N_DATA));
			assert_ok(prio1_prg_draw(&prg, FIELD87_P, plain.h, N_POINTS));
			prio1_prg_close(&prg);
		}
		f = field87_mul(weights->data_0, plain.header.f0);
		g = field87_mul(weights->data_0, plain.header.g0);
		h = field87_mul(weights->h_0, plain.header.h0);
		for (size_t i = 0; i < N_DATA; i++)
		{
			Field87 x_minus_1 =
				role == PRIO_A ? field87_sub(plain.data[i], FIELD87_ONE) : plain.data[i];

			f = field87_add(f, field87_mul(weights->data[i], plain.data[i]));
			g = field87_add(g, field87_mul(weights->data[i], x_minus_1));
		}
		for (size_t i = 0; i < N_POINTS; i++)
			h = field87_add(h, field87_mul(weights->h[i], plain.h[i]));
		assert_element(batch.verifier[role].d, field87_sub(f, plain.header.a));
		assert_element(batch.verifier[role].e, field87_sub(g, plain.header.b));
		assert_element(batch.verifier[role].h, h);
		assert_element(batch.verifier[role].a, plain.header.a);
		assert_element(batch.verifier[role].b, plain.header.b);
		assert_element(batch.verifier[role].c, plain.header.c);
		batch_free(&batch);
	}
}

/* docs/protocol.md, "Server", step 5, in plain field operations. */
static void
round_2_is_the_formula_of_the_protocol(void **state)
{
	Batch batch;
	Prio1Verifier *a = &batch.verifier[PRIO_A];
	uint8_t expected[PRIO1_VERIFY2_MAX_BYTES];
	uint8_t verify1[PRIO1_VERIFY1_MAX_BYTES];
	uint8_t own_verify1[PRIO1_VERIFY1_MAX_BYTES];
	uint8_t verify2[PRIO1_VERIFY2_MAX_BYTES];
	Prio1PacketWriter writer;
	size_t size1;
	size_t size2;
	size_t expected_size;
	Field87 peer_d = random_element();
	Field87 peer_e = random_element();
	Field87 d;
	Field87 e;
	Field87 out;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	d = field87_add(a->d, peer_d);
	e = field87_add(a->e, peer_e);
	out = field87_mul(field87_mul(d, e), prio_field87_inv((Field87){2, 0}));
	out = field87_add(out, field87_mul(d, a->b));
	out = field87_add(out, field87_mul(e, a->a));
	out = field87_sub(field87_add(out, a->c), a->h);
	writer = prio1_packet_writer(expected, sizeof(expected));
	prio1_packet_write_element(&writer, out);
	expected_size = (size_t) (writer.next - expected);

	writer = prio1_packet_writer(verify1, sizeof(verify1));
	prio1_packet_write_element(&writer, peer_d);
	prio1_packet_write_element(&writer, peer_e);
	size1 = (size_t) (writer.next - verify1);
	assert_ok(prio1_verifier_verify2(a, verify1, size1, verify2, &size2));
	assert_int_equal(size2, expected_size);
	assert_memory_equal(verify2, expected, size2);

	/* The order of d and e in the message of round 1. */
	writer = prio1_packet_writer(verify1, sizeof(verify1));
	prio1_packet_write_element(&writer, a->d);
	prio1_packet_write_element(&writer, a->e);
	size1 = (size_t) (writer.next - verify1);
	assert_int_equal(prio1_verifier_verify1(a, own_verify1), size1);
	assert_memory_equal(own_verify1, verify1, size1);
	batch_free(&batch);
}

/* Is 1 next to the message p - 1, in either place? */
static bool
accepted_next_to_one(const uint8_t *message, size_t size)
{
	static const uint8_t one[] = {0xa1, 0x01};

	return is_valid(message, size, one, sizeof(one));
}

static void
check_truncated_verify2(const uint8_t *prefix, size_t size, void *argument)
{
	(void) argument;
	assert_false(accepted_next_to_one(prefix, size));
}

static void
only_messages_that_cancel_out_are_valid(void **state)
{
	static const struct
	{
		const char *message;
		bool valid;
	} cases[] = {
		{"ab8000000000000000080000", true}, /* p - 1 */
		{"ab8000000000000000080001", false},
		{"ab800000000000000007ffff", false},
		{"a100", false},
		{"a101", false},
		{"", false},
		{"a0", false},
		{"ab800000000000000008000000", false}, /* something behind it */
		{"d90b8000000000000000080000", false}, /* other spellings */
		{"c40b8000000000000000080000", false},
		{"ac008000000000000000080000", false},
		{"abffffffffffffffffffffff", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Bytes message = {malloc(strlen(cases[i].message) / 2), strlen(cases[i].message) / 2};

		bytes_from_hex(cases[i].message, message.data, message.size);
		assert_true(accepted_next_to_one(message.data, message.size) == cases[i].valid);
		if (cases[i].valid)
			each_proper_prefix(message, check_truncated_verify2, NULL);
		free(message.data);
	}
	/* Zero cancels itself. */
	assert_true(is_valid((const uint8_t *) "\xa1\0", 2, (const uint8_t *) "\xa1\0", 2));
}

/* ------------------------------------------------------------------ the stored form */

/* All six elements, in the order in which they are stored. */
static void
elements_of(Prio1Verifier *verifier, Field87 *elements[6])
{
	elements[0] = &verifier->d;
	elements[1] = &verifier->e;
	elements[2] = &verifier->a;
	elements[3] = &verifier->b;
	elements[4] = &verifier->c;
	elements[5] = &verifier->h;
}

static void
assert_same_verifier(Prio1Verifier *a, Prio1Verifier *b)
{
	Field87 *elements_a[6];
	Field87 *elements_b[6];

	assert_int_equal(a->role, b->role);
	assert_int_equal(a->variant, b->variant);
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->digest, b->digest, PRIO1_DIGEST_BYTES);
	assert_memory_equal(a->tag_start, b->tag_start, PRIO1_TAG_START_BYTES);
	elements_of(a, elements_a);
	elements_of(b, elements_b);
	for (size_t i = 0; i < 6; i++)
		assert_element(*elements_a[i], *elements_b[i]);
}

static void
a_stored_verifier_does_what_the_first_one_did(void **state)
{
	(void) state;
	for (int variant = PRIO1_PRG_BATCH; variant <= PRIO1_PRG_SEED; variant++)
	{
		Batch batch;
		Prio1Verifier loaded[2];
		Prio1Verifier keyless[2];
		uint8_t stored[PRIO1_VERIFIER_BYTES];
		uint8_t again[PRIO1_VERIFIER_BYTES];

		batch_make(&batch, (Prio1PrgVariant) variant);
		for (int role = PRIO_A; role <= PRIO_B; role++)
		{
			Prio1Verifier *verifier = &batch.verifier[role];

			assert_true(verifier->has_key);
			memset(stored, 0xaa, sizeof(stored));
			prio1_verifier_store(verifier, true, stored);
			assert_ok(prio1_verifier_load(&loaded[role], stored, sizeof(stored)));
			assert_same_verifier(&loaded[role], verifier);
			assert_true(loaded[role].has_key);
			assert_memory_equal(loaded[role].key, verifier->key, PRIO_AES_KEY_BYTES);
			prio1_verifier_store(&loaded[role], true, again);
			assert_memory_equal(again, stored, PRIO1_VERIFIER_BYTES);

			memset(stored, 0xaa, sizeof(stored));
			prio1_verifier_store(verifier, false, stored);
			assert_ok(prio1_verifier_load(&keyless[role], stored, sizeof(stored)));
			assert_same_verifier(&keyless[role], verifier);
			assert_false(keyless[role].has_key);
			/* The key is nowhere in it, and asking for it later brings nothing back. */
			for (size_t i = 0; i + 4 <= PRIO1_VERIFIER_BYTES; i++)
				assert_memory_not_equal(stored + i, verifier->key, 4);
			prio1_verifier_store(&keyless[role], true, again);
			assert_memory_equal(again, stored, PRIO1_VERIFIER_BYTES);
		}
		assert_true(servers_exchange(&loaded[PRIO_A], &loaded[PRIO_B]));
		assert_true(servers_exchange(&keyless[PRIO_A], &batch.verifier[PRIO_B]));
		assert_true(servers_exchange(&batch.verifier[PRIO_A], &keyless[PRIO_B]));
		batch_free(&batch);
	}
}

/* Tables of older versions of the extension hold it: version 1 means this, for good. */
static void
the_stored_form_has_a_fixed_layout(void **state)
{
	Prio1Verifier verifier = {.role = PRIO_B,
							  .variant = PRIO1_PRG_SEED,
							  .n = 0x030201,
							  .has_key = true,
							  .d = {1, 0},
							  .e = {2, 0},
							  .a = {3, 0},
							  .b = {4, 0},
							  .c = {0, 1}};
	uint8_t expected[PRIO1_VERIFIER_BYTES];
	uint8_t stored[PRIO1_VERIFIER_BYTES];

	(void) state;
	verifier.h = field87_from_integer(FIELD87_P - 1);
	memset(verifier.digest, 0xd1, PRIO1_DIGEST_BYTES);
	memset(verifier.tag_start, 0x3a, PRIO1_TAG_START_BYTES);
	memset(verifier.key, 0x4e, PRIO_AES_KEY_BYTES);
	bytes_from_hex("01"
				   "07"
				   "01020300"
				   "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
				   "3a3a3a3a3a3a3a3a"
				   "0000000000000000000001"
				   "0000000000000000000002"
				   "0000000000000000000003"
				   "0000000000000000000004"
				   "0000000000100000000000"
				   "8000000000000000080000"
				   "4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e",
				   expected, PRIO1_VERIFIER_BYTES);
	prio1_verifier_store(&verifier, true, stored);
	assert_memory_equal(stored, expected, PRIO1_VERIFIER_BYTES);

	verifier.role = PRIO_A;
	verifier.variant = PRIO1_PRG_BATCH;
	expected[1] = 0;
	memset(expected + PRIO1_VERIFIER_BYTES - PRIO_AES_KEY_BYTES, 0, PRIO_AES_KEY_BYTES);
	prio1_verifier_store(&verifier, false, stored);
	assert_memory_equal(stored, expected, PRIO1_VERIFIER_BYTES);
}

static void
check_truncated_verifier(const uint8_t *prefix, size_t size, void *argument)
{
	Prio1Verifier verifier;

	(void) argument;
	assert_status(prio1_verifier_load(&verifier, prefix, size), PRIO_MALFORMED);
}

static void
damaged_stored_verifiers_are_refused(void **state)
{
	static const uint32_t bad_sizes[] = {0, PRIO1_MAX_DATA + 1, 1 << 24, UINT32_MAX};
	Batch batch;
	uint8_t stored[2 * PRIO1_VERIFIER_BYTES] = {0};
	Bytes whole = {stored, PRIO1_VERIFIER_BYTES};
	Prio1Verifier verifier;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	prio1_verifier_store(&batch.verifier[PRIO_A], true, stored);
	assert_ok(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES));

	each_proper_prefix(whole, check_truncated_verifier, NULL);
	for (size_t size = PRIO1_VERIFIER_BYTES + 1; size <= sizeof(stored); size++)
		assert_status(prio1_verifier_load(&verifier, stored, size), PRIO_MALFORMED);

	for (unsigned int version = 0; version < 256; version++)
	{
		stored[0] = (uint8_t) version;
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  version == 1 ? PRIO_OK : PRIO_OTHER_VERSION);
	}
	/* A later version may have any length. */
	stored[0] = 2;
	assert_status(prio1_verifier_load(&verifier, stored, 1), PRIO_OTHER_VERSION);
	assert_status(prio1_verifier_load(&verifier, stored, sizeof(stored)), PRIO_OTHER_VERSION);
	stored[0] = 1;

	/* With a key the flags say so; where they do not, there is no key. */
	for (unsigned int flags = 0; flags < 256; flags++)
	{
		stored[1] = (uint8_t) flags;
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  flags >= 4 && flags < 8 ? PRIO_OK : PRIO_MALFORMED);
	}
	memset(stored + PRIO1_VERIFIER_BYTES - PRIO_AES_KEY_BYTES, 0, PRIO_AES_KEY_BYTES);
	for (unsigned int flags = 0; flags < 256; flags++)
	{
		stored[1] = (uint8_t) flags;
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  flags < 8 ? PRIO_OK : PRIO_MALFORMED);
	}
	stored[1] = 0;
	for (size_t i = PRIO1_VERIFIER_BYTES - PRIO_AES_KEY_BYTES; i < PRIO1_VERIFIER_BYTES; i++)
	{
		stored[i] = 0x80;
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  PRIO_MALFORMED);
		stored[i] = 0;
	}

	for (size_t i = 0; i < sizeof(bad_sizes) / sizeof(bad_sizes[0]); i++)
	{
		for (int j = 0; j < 4; j++)
			stored[2 + j] = (uint8_t) (bad_sizes[i] >> (8 * j));
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  PRIO_MALFORMED);
	}
	for (int j = 0; j < 4; j++)
		stored[2 + j] = (uint8_t) (PRIO1_MAX_DATA >> (8 * j));
	assert_ok(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES));
	assert_int_equal(verifier.n, PRIO1_MAX_DATA);

	for (size_t i = 0; i < 6; i++)
	{
		uint8_t *element = stored + 30 + i * FIELD87_BYTES;
		uint8_t honest[FIELD87_BYTES];

		memcpy(honest, element, FIELD87_BYTES);
		field87_to_bytes(field87_from_integer(FIELD87_P - 1), element);
		assert_ok(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES));
		field87_to_bytes(field87_from_integer(FIELD87_P), element);
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  PRIO_MALFORMED);
		memset(element, 0xff, FIELD87_BYTES);
		assert_status(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES),
					  PRIO_MALFORMED);
		memcpy(element, honest, FIELD87_BYTES);
	}
	assert_ok(prio1_verifier_load(&verifier, stored, PRIO1_VERIFIER_BYTES));
	batch_free(&batch);
}

/* What servers make of a client that says t or 1 - t everywhere, and shifts its triple. */
static Verdict
judge_forged(size_t n, Field87 t)
{
	size_t domain = prio_lagrange87_domain(n, NULL);
	Field87 shift = field87_mul(t, field87_sub(FIELD87_ONE, t));
	Field87 *data = malloc(n * sizeof(Field87));
	Field87 *h = malloc(domain * sizeof(Field87));
	Servers servers;
	Bytes plaintext[2];
	Prio1PacketReader reader;
	Prio1PacketWriter writer;
	Prio1PacketHeader header;
	PrioRole role;
	Verdict verdict;

	servers_make(&servers, "forged", n, PRIO1_PRG_BATCH);
	for (size_t i = 0; i < n; i++)
		data[i] = i % 3 == 0 ? t : field87_sub(FIELD87_ONE, t);
	client_make_packets(&servers, data, plaintext);

	reader = prio1_packet_reader(plaintext[PRIO_A].data, plaintext[PRIO_A].size);
	assert_ok(prio1_packet_skip_batch_id(&reader));
	assert_ok(prio1_packet_read_header(&reader, &header));
	assert_ok(prio1_packet_read_role(&reader, &role));
	assert_ok(prio1_packet_read_array_of(&reader, n));
	assert_ok(prio1_packet_read_elements(&reader, data, n));
	assert_ok(prio1_packet_read_array_of(&reader, domain));
	assert_ok(prio1_packet_read_elements(&reader, h, domain));
	header.c = field87_add(header.c, shift);
	header.h0 = field87_add(header.h0, shift);
	for (size_t i = 0; i < domain; i++)
		h[i] = field87_add(h[i], shift);

	free(plaintext[PRIO_A].data);
	plaintext[PRIO_A].data = malloc(prio1_packet_max_plaintext(PRIO_A, strlen("forged"), n));
	writer = prio1_packet_writer(plaintext[PRIO_A].data,
								 prio1_packet_max_plaintext(PRIO_A, strlen("forged"), n));
	prio1_packet_write_bytes(&writer, (const uint8_t *) "forged", strlen("forged"));
	prio1_packet_write_header(&writer, &header);
	prio1_packet_write_role(&writer, PRIO_A);
	prio1_packet_write_array(&writer, data, n);
	prio1_packet_write_array(&writer, h, domain);
	plaintext[PRIO_A].size = (size_t) (writer.next - plaintext[PRIO_A].data);

	verdict = servers_judge(&servers, plaintext);
	bytes_free_pair(plaintext);
	servers_free(&servers);
	free(data);
	free(h);
	return verdict;
}

/* A weakness of the protocol, which callers are warned of. */
static void
a_shifted_triple_passes_only_without_padding(void **state)
{
	(void) state;
	for (size_t n = 1; n <= 70; n++)
	{
		Verdict verdict = prio1_is_forgeable(n) ? ACCEPTED : REJECTED;

		assert_true(prio1_is_forgeable(n) == (prio_lagrange87_domain(n, NULL) == n + 1));
		assert_int_equal(judge_forged(n, (Field87){1000000, 0}), verdict);
		assert_int_equal(judge_forged(n, random_element()), verdict);
	}
}

static void
a_verifier_knows_its_packet(void **state)
{
	Batch batch;
	Batch other;

	(void) state;
	batch_make(&batch, PRIO1_PRG_BATCH);
	batch_make(&other, PRIO1_PRG_BATCH);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Verifier *verifier = &batch.verifier[role];
		Bytes share = batch.share[role];
		uint8_t *exact = malloc(PRIO1_SEAL_OVERHEAD - 1);

		assert_ok(prio1_verifier_check_share(verifier, share.data, share.size));
		assert_ok(prio1_verifier_check_share(verifier, NULL, 0));
		assert_status(prio1_verifier_check_share(verifier, other.share[role].data,
												 other.share[role].size),
					  PRIO_MISMATCH);
		assert_status(prio1_verifier_check_share(verifier, share.data, share.size - 1),
					  PRIO_MISMATCH);
		for (size_t size = 0; size < PRIO1_SEAL_OVERHEAD; size++)
			assert_status(prio1_verifier_check_share(verifier, exact, size), PRIO_MISMATCH);
		free(exact);
	}
	batch_free(&batch);
	batch_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_draws_of_one_stream),
		cmocka_unit_test(points_have_their_known_answers),
		cmocka_unit_test(the_cursor_is_where_the_next_point_begins),
		cmocka_unit_test(points_depend_on_the_number_of_data),
		cmocka_unit_test(a_search_for_a_point_can_be_interrupted_and_goes_on),
		cmocka_unit_test(the_digest_tells_batches_apart),
		cmocka_unit_test(preparing_a_long_batch_can_be_interrupted),
		cmocka_unit_test(honest_packets_are_accepted_at_roots_of_unity),
		cmocka_unit_test(packets_that_belong_elsewhere_are_refused),
		cmocka_unit_test(halves_of_different_packets_are_rejected),
		cmocka_unit_test(servers_that_disagree_reject),
		cmocka_unit_test(packets_beyond_the_limit_are_not_looked_at),
		cmocka_unit_test(every_changed_field_is_refused_or_rejected),
		cmocka_unit_test(every_changed_byte_is_refused_or_rejected),
		cmocka_unit_test(plaintexts_of_every_other_length_are_refused),
		cmocka_unit_test(the_plaintext_is_wiped),
		cmocka_unit_test(ending_a_share_wipes_what_it_read),
		cmocka_unit_test(malformed_messages_of_round_1_are_faults),
		cmocka_unit_test(round_1_is_the_formula_of_the_protocol),
		cmocka_unit_test(round_2_is_the_formula_of_the_protocol),
		cmocka_unit_test(only_messages_that_cancel_out_are_valid),
		cmocka_unit_test(a_stored_verifier_does_what_the_first_one_did),
		cmocka_unit_test(the_stored_form_has_a_fixed_layout),
		cmocka_unit_test(damaged_stored_verifiers_are_refused),
		cmocka_unit_test(a_shifted_triple_passes_only_without_padding),
		cmocka_unit_test(a_verifier_knows_its_packet),
	};
	const char *title;
	int failed = 0;

	while ((title = next_kernels("verifier")) != NULL)
		failed += cmocka_run_group_tests_name(title, tests, NULL, NULL);
	return failed;
}
