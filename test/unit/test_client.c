/*
 * test_client.c
 *		From a client's bits to the published counts, and what a client cannot get through.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ helpers */

/* Checks one client's data on both servers and adds them to both totals. */
static void
take_client(Servers *servers, const Field87 *data, Prio1Total total[2])
{
	Bytes share[2];
	Prio1Verifier verifier[2];

	client_make_shares(servers, data, share);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		assert_between(share[role].size, 1,
					   prio1_packet_max_plaintext((PrioRole) role, strlen(servers->batch_id),
												  servers->n) +
						   PRIO1_SEAL_OVERHEAD);
	assert_int_equal(servers_judge_shares(servers, share, verifier), ACCEPTED);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		assert_ok(total_take(&total[role], &verifier[role], share[role]));
	bytes_free_pair(share);
}

static void
assert_published(Prio1Total total[2], const int64_t *expected, size_t count)
{
	int64_t *counts = malloc(count * sizeof(int64_t));
	size_t where;

	assert_int_equal(total[PRIO_A].n, count);
	assert_ok(prio1_total_publish(&total[PRIO_A], &total[PRIO_B], counts, &where));
	assert_memory_equal(counts, expected, count * sizeof(int64_t));
	free(counts);
}

static void
totals_make(Prio1Total total[2], size_t n)
{
	total[PRIO_A] = total_make(PRIO_A, n);
	total[PRIO_B] = total_make(PRIO_B, n);
}

static void
totals_free(Prio1Total total[2])
{
	free(total[PRIO_A].sums);
	free(total[PRIO_B].sums);
}

/* ------------------------------------------------------------------ honest clients */

static void
check_counts(size_t n, Prio1PrgVariant variant, int clients)
{
	int64_t *expected = calloc(n, sizeof(int64_t));
	Servers servers;
	Prio1Total total[2];

	servers_make(&servers, "batch of counts", n, variant);
	totals_make(total, n);
	for (int i = 0; i < clients; i++)
	{
		Field87 *data = random_bits(n);

		for (size_t j = 0; j < n; j++)
			expected[j] += (int64_t) data[j].lo;
		take_client(&servers, data, total);
		free(data);
	}
	assert_published(total, expected, n);
	totals_free(total);
	servers_free(&servers);
	free(expected);
}

static void
the_bits_of_a_few_clients_are_counted(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 31, 32, 255, 256, 257};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		check_counts(sizes[i], PRIO1_PRG_BATCH, 4);
		check_counts(sizes[i], PRIO1_PRG_SEED, 4);
	}
}

static void
the_bits_of_long_vectors_are_counted(void **state)
{
	static const size_t sizes[] = {1000, 2046, 2047, 2048, 4095, 4096};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_counts(sizes[i], PRIO1_PRG_BATCH, 2);
}

static void
the_bits_of_the_longest_vector_are_counted(void **state)
{
	(void) state;
	check_counts(PRIO1_MAX_DATA, PRIO1_PRG_BATCH, 1);
}

/* The extremes that random bits do not show: none set, and all set. */
static void
all_zeros_and_all_ones_are_counted(void **state)
{
	static const int64_t expected[] = {1, 1, 1, 1, 1, 1, 1};
	Field87 data[7] = {{0, 0}};
	Servers servers;
	Prio1Total total[2];

	(void) state;
	servers_make(&servers, "extremes", 7, PRIO1_PRG_BATCH);
	totals_make(total, 7);
	take_client(&servers, data, total);
	for (size_t i = 0; i < 7; i++)
		data[i] = FIELD87_ONE;
	take_client(&servers, data, total);
	assert_published(total, expected, 7);
	totals_free(total);
	servers_free(&servers);
}

/* No batch id is too odd: empty, of bytes beyond ASCII, long. */
static void
batch_ids_may_be_odd(void **state)
{
	char long_id[70001];
	char *ids[] = {"", "\xff\xfe", long_id};

	(void) state;
	memset(long_id, 'x', sizeof(long_id));
	long_id[PRIO1_MAX_BATCH_ID] = '\0';
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
	{
		Field87 *data = random_bits(3);
		int64_t expected[] = {(int64_t) data[0].lo, (int64_t) data[1].lo, (int64_t) data[2].lo};
		Servers servers;
		Prio1Total total[2];

		servers_make(&servers, ids[i], 3, PRIO1_PRG_BATCH);
		totals_make(total, 3);
		take_client(&servers, data, total);
		assert_published(total, expected, 3);
		totals_free(total);
		servers_free(&servers);
		free(data);
	}
}

/* ------------------------------------------------------------------ unsigned integers */

/* count integers as bits, most significant first; free() them. */
static Field87 *
bits_of(const int64_t *values, size_t count, int bits)
{
	Field87 *data = malloc(count * (size_t) bits * sizeof(Field87));

	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < bits; j++)
			data[i * (size_t) bits + (size_t) j] =
				(Field87){(uint64_t) values[i] >> (bits - 1 - j) & 1, 0};
	return data;
}

static void
check_integers(int bits, size_t count, int clients)
{
	size_t n = count * (size_t) bits;
	int64_t largest = (INT64_C(1) << bits) - 1;
	int64_t *expected = calloc(count, sizeof(int64_t));
	int64_t *values = malloc(count * sizeof(int64_t));
	Servers servers;
	Prio1Total total[2];
	Prio1Total uints[2];

	servers_make(&servers, "integers", n, PRIO1_PRG_BATCH);
	totals_make(total, n);
	for (int i = 0; i < clients; i++)
	{
		Field87 *data;

		/* The largest one and zero among random ones. */
		for (size_t j = 0; j < count; j++)
		{
			values[j] = j == 0 ? largest : (int64_t) (test_random() >> 1) & largest;
			if (j == 1 && i > 0)
				values[j] = 0;
			expected[j] += values[j];
		}
		data = bits_of(values, count, bits);
		take_client(&servers, data, total);
		free(data);
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
		assert_ok(prio1_total_to_uints(&total[role], bits, &uints[role],
									   malloc(count * sizeof(Field87))));
	assert_published(uints, expected, count);
	totals_free(uints);
	totals_free(total);
	servers_free(&servers);
	free(expected);
	free(values);
}

static void
unsigned_integers_are_summed(void **state)
{
	(void) state;
	for (int bits = 1; bits <= PRIO1_MAX_BITS; bits++)
		check_integers(bits, 3, 3);
	check_integers(8, 100, 2);
	check_integers(PRIO1_MAX_BITS, 1, 5);
}

/* ------------------------------------------------------------------ dishonest clients */

static void
check_rejected(Servers *servers, const Field87 *data)
{
	Bytes share[2];
	Prio1Verifier verifier[2];

	client_make_shares(servers, data, share);
	assert_int_equal(servers_judge_shares(servers, share, verifier), REJECTED);
	bytes_free_pair(share);
}

static void
data_that_are_not_bits_are_rejected(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 8, 31};
	Field87 bad[] = {{2, 0},
					 {3, 0},
					 {1000, 0},
					 FIELD87_HALF,
					 field87_from_integer(FIELD87_P - 1),
					 field87_from_integer(FIELD87_P - 2),
					 {0, 1},
					 random_element()};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		size_t n = sizes[i];
		Field87 *data = random_bits(n);
		Servers servers;

		servers_make(&servers, "dishonest", n, i % 2 == 0 ? PRIO1_PRG_BATCH : PRIO1_PRG_SEED);
		for (size_t j = 0; j < n; j++)
		{
			Field87 honest = data[j];

			for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			{
				data[j] = bad[k];
				check_rejected(&servers, data);
			}
			data[j] = honest;
		}
		/* 2 and -1: their sum could pass for a bit. */
		if (n > 1)
		{
			data[0] = bad[0];
			data[1] = bad[4];
			check_rejected(&servers, data);
		}
		free(data);
		servers_free(&servers);
	}
}

/* ------------------------------------------------------------------ what is in a packet */

/* What both plaintexts say, put together. */
typedef struct Opened
{
	Prio1PacketHeader header[2];
	Field87 data_a[5];
	Field87 h_a[8];
	uint8_t seed[PRIO1_SEED_BYTES];
} Opened;

static void
open_packets(const Servers *servers, Bytes plaintext[2], Opened *opened)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1PacketReader reader =
			prio1_packet_reader(plaintext[role].data, plaintext[role].size);
		PrioRole written;

		assert_ok(prio1_packet_read_batch_id(&reader, (const uint8_t *) servers->batch_id,
											 strlen(servers->batch_id)));
		assert_ok(prio1_packet_read_header(&reader, &opened->header[role]));
		assert_ok(prio1_packet_read_role(&reader, &written));
		assert_int_equal(written, role);
		if (role == PRIO_A)
		{
			assert_ok(prio1_packet_read_array_of(&reader, 5));
			assert_ok(prio1_packet_read_elements(&reader, opened->data_a, 5));
			assert_ok(prio1_packet_read_array_of(&reader, 8));
			assert_ok(prio1_packet_read_elements(&reader, opened->h_a, 8));
		}
		else
			assert_ok(prio1_packet_read_bytes(&reader, opened->seed, PRIO1_SEED_BYTES));
		assert_ok(prio1_packet_read_end(&reader));
	}
}

/* docs/protocol.md, "Client", steps 2 to 5, read off the packets of n = 5. */
static void
the_shares_add_up_to_what_the_protocol_says(void **state)
{
	Field87 *data = random_bits(5);
	Servers servers;
	Bytes plaintext[2];
	Opened opened;
	Prio1PacketHeader *a = &opened.header[PRIO_A];
	Prio1PacketHeader *b = &opened.header[PRIO_B];
	uint8_t key[PRIO_AES_KEY_BYTES];
	Field87 stream[5 + 8];
	Prio1Prg prg;

	(void) state;
	servers_make(&servers, "shares", 5, PRIO1_PRG_BATCH);
	client_make_packets(&servers, data, plaintext);
	open_packets(&servers, plaintext, &opened);

	assert_element(field87_mul(field87_add(a->a, b->a), field87_add(a->b, b->b)),
				   field87_add(a->c, b->c));
	assert_element(field87_mul(field87_add(a->f0, b->f0), field87_add(a->g0, b->g0)),
				   field87_add(a->h0, b->h0));
	assert_false(field87_equal(field87_add(a->f0, b->f0), field87_add(a->g0, b->g0)));
	assert_ok(prio1_prg_key(opened.seed, PRIO1_PRG_BATCH, (const uint8_t *) "shares", 6, key));
	assert_ok(prio1_prg_open(&prg, key, 0));
	assert_ok(prio1_prg_draw(&prg, FIELD87_P, stream, 5 + 8));
	prio1_prg_close(&prg);
	for (size_t i = 0; i < 5; i++)
		assert_element(field87_add(opened.data_a[i], stream[i]), data[i]);

	/* h is f g, which f and g through their points say at w_16^1, w_16^3 .. */
	for (size_t i = 0; i < 8; i++)
	{
		Field87 point = prio_field87_pow(prio_field87_root(4), 2 * i + 1);
		Field87 memory[5 + 8];
		Lagrange87 weights;
		Field87 f;
		Field87 g;

		assert_ok(prio_lagrange87_init(&weights, 5, point, memory, NULL));
		f = field87_mul(weights.data_0, field87_add(a->f0, b->f0));
		g = field87_mul(weights.data_0, field87_add(a->g0, b->g0));
		for (size_t j = 0; j < 5; j++)
		{
			f = field87_add(f, field87_mul(weights.data[j], data[j]));
			g = field87_add(g, field87_mul(weights.data[j], field87_sub(data[j], FIELD87_ONE)));
		}
		assert_element(field87_add(opened.h_a[i], stream[5 + i]), field87_mul(f, g));
	}
	bytes_free_pair(plaintext);
	servers_free(&servers);
	free(data);
}

/* Nothing in a packet is a function of the data alone, or of the packet before. */
static void
packets_of_the_same_data_have_nothing_in_common(void **state)
{
	enum
	{
		/* both headers, A's vectors, f(1) and g(1) */
		elements = 2 * 6 + 5 + 8 + 2
	};
	Field87 *data = random_bits(5);
	Servers servers;
	Field87 seen[2][elements];
	uint8_t seeds[2][PRIO1_SEED_BYTES];

	(void) state;
	servers_make(&servers, "random", 5, PRIO1_PRG_BATCH);
	for (size_t i = 0; i < 2; i++)
	{
		Bytes plaintext[2];
		Opened opened;

		client_make_packets(&servers, data, plaintext);
		open_packets(&servers, plaintext, &opened);
		memcpy(seen[i], opened.header, sizeof(opened.header));
		memcpy(seen[i] + 12, opened.data_a, sizeof(opened.data_a));
		memcpy(seen[i] + 17, opened.h_a, sizeof(opened.h_a));
		seen[i][25] = field87_add(opened.header[PRIO_A].f0, opened.header[PRIO_B].f0);
		seen[i][26] = field87_add(opened.header[PRIO_A].g0, opened.header[PRIO_B].g0);
		memcpy(seeds[i], opened.seed, PRIO1_SEED_BYTES);
		bytes_free_pair(plaintext);
	}
	assert_memory_not_equal(seeds[0], seeds[1], PRIO1_SEED_BYTES);
	for (size_t i = 0; i < 2 * elements; i++)
		for (size_t j = 0; j < i; j++)
			assert_false(field87_equal(seen[i / elements][i % elements],
									   seen[j / elements][j % elements]));
	servers_free(&servers);
	free(data);
}

/* ------------------------------------------------------------------ memory, interruption */

/* Makes packets of n bits; the scratch memory is zero afterwards. */
static PrioStatus
make_packets(size_t n, PrioStop stop)
{
	Field87 *memory = malloc(prio_coset87_size(n) * sizeof(Field87));
	size_t scratch_size = prio1_client_scratch_size(n) * sizeof(Field87);
	Field87 *scratch = malloc(scratch_size);
	Field87 *data = random_bits(n);
	uint8_t *plaintext[2];
	size_t size[2];
	Prio1Client client;
	PrioStatus status;

	for (int role = PRIO_A; role <= PRIO_B; role++)
		plaintext[role] = malloc(prio1_packet_max_plaintext((PrioRole) role, 5, n));
	memset(scratch, 0xaa, scratch_size);
	assert_ok(prio1_client_init(&client, n, memory, NULL));
	assert_int_equal(client.n, n);
	status = prio1_client_packets(&client, PRIO1_PRG_BATCH, (const uint8_t *) "batch", 5, data,
								  plaintext[PRIO_A], &size[PRIO_A], plaintext[PRIO_B],
								  &size[PRIO_B], scratch, stop);
	assert_filled(scratch, scratch_size, 0);
	free(plaintext[PRIO_A]);
	free(plaintext[PRIO_B]);
	free(memory);
	free(scratch);
	free(data);
	return status;
}

static void
the_scratch_memory_is_wiped_and_a_stop_heeded(void **state)
{
	static const size_t sizes[] = {1, 5, 1000, 65536};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		size_t n = sizes[i];
		Field87 *memory = malloc(prio_coset87_size(n) * sizeof(Field87));
		Prio1Client client;

		assert_status(prio1_client_init(&client, n, memory, stop_now), PRIO_INTERRUPTED);
		assert_ok(prio1_client_init(&client, n, memory, stop_never));
		assert_status(make_packets(n, stop_now), PRIO_INTERRUPTED);
		assert_ok(make_packets(n, stop_never));
		assert_ok(make_packets(n, NULL));
		free(memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bits_of_a_few_clients_are_counted),
		cmocka_unit_test(the_bits_of_long_vectors_are_counted),
		cmocka_unit_test(the_bits_of_the_longest_vector_are_counted),
		cmocka_unit_test(all_zeros_and_all_ones_are_counted),
		cmocka_unit_test(batch_ids_may_be_odd),
		cmocka_unit_test(unsigned_integers_are_summed),
		cmocka_unit_test(data_that_are_not_bits_are_rejected),
		cmocka_unit_test(the_shares_add_up_to_what_the_protocol_says),
		cmocka_unit_test(packets_of_the_same_data_have_nothing_in_common),
		cmocka_unit_test(the_scratch_memory_is_wiped_and_a_stop_heeded),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
