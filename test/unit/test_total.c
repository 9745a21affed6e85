/*
 * test_total.c
 *		Sums of shares: added, merged, sent, stored and published.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ helpers */

/* Accepted packets of a few clients of one batch. */
#define CLIENTS 7

typedef struct Batch
{
	Servers servers;
	size_t n;
	Bytes share[CLIENTS][2];
	Prio1Verifier verifier[CLIENTS][2];
	int64_t *expected; /* the counts of all of them */
} Batch;

static void
batch_make(Batch *batch, size_t n)
{
	servers_make(&batch->servers, "batch", n, PRIO1_PRG_BATCH);
	batch->n = n;
	batch->expected = calloc(n, sizeof(int64_t));
	for (size_t i = 0; i < CLIENTS; i++)
	{
		Field87 *data = random_bits(n);

		for (size_t j = 0; j < n; j++)
			batch->expected[j] += (int64_t) data[j].lo;
		client_make_shares(&batch->servers, data, batch->share[i]);
		assert_int_equal(servers_judge_shares(&batch->servers, batch->share[i],
											  batch->verifier[i]),
						 ACCEPTED);
		free(data);
	}
}

static void
batch_free(Batch *batch)
{
	for (size_t i = 0; i < CLIENTS; i++)
		bytes_free_pair(batch->share[i]);
	servers_free(&batch->servers);
	free(batch->expected);
}

/* The total of those clients whose bits are set, in the order given by first and step. */
static Prio1Total
total_of(Batch *batch, PrioRole role, unsigned int clients, size_t first, size_t step)
{
	Prio1Total total = total_make(role, batch->n);

	for (size_t i = 0; i < CLIENTS; i++)
	{
		size_t client = (first + i * step) % CLIENTS;

		if (clients >> client & 1)
			assert_ok(total_take(&total, &batch->verifier[client][role],
								 batch->share[client][role]));
	}
	return total;
}

#define ALL_CLIENTS ((1u << CLIENTS) - 1)

static Prio1Total
total_of_all(Batch *batch, PrioRole role)
{
	return total_of(batch, role, ALL_CLIENTS, 0, 1);
}

/* A total with these sums. */
static Prio1Total
total_with(PrioRole role, const Field87 *sums, size_t n)
{
	Prio1Total total = total_make(role, n);

	memcpy(total.sums, sums, n * sizeof(Field87));
	return total;
}

static Prio1Total
random_total(PrioRole role, size_t n)
{
	Prio1Total total = total_make(role, n);

	for (size_t i = 0; i < n; i++)
		total.sums[i] = random_element();
	return total;
}

/* The message, in a block of exactly its size. */
static Bytes
message_of(Prio1Total *total)
{
	uint8_t *room = malloc(prio1_total_max_message(total->n));
	size_t size = prio1_total_write(total, room);
	Bytes message = {malloc(size), size};

	assert_between(size, 1, prio1_total_max_message(total->n));
	memcpy(message.data, room, size);
	free(room);
	return message;
}

/* A whole message as a total, which the caller frees; PRIO_OK, or why it is none. */
static PrioStatus
read_message(const uint8_t *bytes, size_t size, Prio1Total *total)
{
	Prio1PacketReader reader = prio1_packet_reader(bytes, size);
	PrioRole role;
	size_t n;
	PrioStatus status = prio1_total_read_head(&reader, &role, &n);

	total->sums = NULL;
	if (status != PRIO_OK)
		return status;
	assert_between(n, 1, PRIO1_MAX_DATA);
	*total = total_make(role, n);
	return prio1_total_add_message(total, &reader);
}

/* ------------------------------------------------------------------ adding and merging */

static void
the_order_of_the_packets_does_not_matter(void **state)
{
	static const size_t sizes[] = {1, 5, 255, 256, 257, 600};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		Batch batch;

		batch_make(&batch, sizes[i]);
		for (int role = PRIO_A; role <= PRIO_B; role++)
		{
			Prio1Total all = total_of_all(&batch, (PrioRole) role);

			for (size_t step = 1; step < CLIENTS; step++)
			{
				Prio1Total other = total_of(&batch, (PrioRole) role, ALL_CLIENTS, step, step);

				assert_same_total(&other, &all);
				free(other.sums);
			}
			free(all.sums);
		}
		batch_free(&batch);
	}
}

/* However the clients are divided among two totals, their sum is that of all. */
static void
merging_is_adding(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, 300);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total all = total_of_all(&batch, (PrioRole) role);

		for (unsigned int clients = 0; clients <= ALL_CLIENTS; clients += 9)
		{
			Prio1Total some = total_of(&batch, (PrioRole) role, clients, 0, 1);
			Prio1Total others = total_of(&batch, (PrioRole) role, ALL_CLIENTS & ~clients, 0, 1);
			Prio1Total others_copy =
				total_of(&batch, (PrioRole) role, ALL_CLIENTS & ~clients, 0, 1);

			assert_ok(prio1_total_merge(&some, &others));
			assert_same_total(&some, &all);
			/* What was merged is as it was, and goes on. */
			assert_same_total(&others, &others_copy);
			free(some.sums);
			free(others.sums);
			free(others_copy.sums);
		}
		free(all.sums);
	}
	batch_free(&batch);
}

static void
a_packet_can_be_added_to_a_merged_total(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, 5);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total all = total_of_all(&batch, (PrioRole) role);
		Prio1Total some = total_of(&batch, (PrioRole) role, 3, 0, 1);
		Prio1Total others = total_of(&batch, (PrioRole) role, ALL_CLIENTS & ~7u, 0, 1);
		Bytes message = message_of(&some); /* writing it must not disturb it */

		assert_ok(prio1_total_merge(&some, &others));
		assert_ok(total_take(&some, &batch.verifier[2][role], batch.share[2][role]));
		assert_same_total(&some, &all);
		free(message.data);
		free(all.sums);
		free(some.sums);
		free(others.sums);
	}
	batch_free(&batch);
}

static void
totals_of_other_roles_or_lengths_do_not_merge(void **state)
{
	Prio1Total total = random_total(PRIO_A, 5);
	Prio1Total other_role = random_total(PRIO_B, 5);
	Prio1Total longer = random_total(PRIO_A, 6);
	Prio1Total shorter = random_total(PRIO_A, 4);
	Prio1Total copy = total_with(PRIO_A, total.sums, 5);

	(void) state;
	assert_status(prio1_total_merge(&total, &other_role), PRIO_MISMATCH);
	assert_status(prio1_total_merge(&total, &longer), PRIO_MISMATCH);
	assert_status(prio1_total_merge(&total, &shorter), PRIO_MISMATCH);
	assert_same_total(&total, &copy);
	free(total.sums);
	free(other_role.sums);
	free(longer.sums);
	free(shorter.sums);
	free(copy.sums);
}

/*
 * More vectors than fit unreduced limbs (2^19), of elements whose limbs are as large as
 * can be; right at the border and well behind it.
 */
static void
more_vectors_than_fit_unreduced_add_up(void **state)
{
	static const uint64_t stops[] = {1,
									 2,
									 (1 << 19) - 2,
									 (1 << 19) - 1,
									 1 << 19,
									 (1 << 19) + 1,
									 (1 << 20) - 2,
									 (1 << 20) - 1,
									 1 << 20,
									 1 << 21};
	Field87 elements[] = {field87_from_integer(FIELD87_P - 1),
						  field87_from_integer(((prio_uint128) 1 << 87) - 1),
						  field87_from_integer(((prio_uint128) 1 << 44) - 1),
						  FIELD87_ONE,
						  FIELD87_ZERO,
						  random_element()};
	size_t n = sizeof(elements) / sizeof(elements[0]);
	Prio1Total summand = total_with(PRIO_A, elements, n);
	uint64_t count = 0;
	Prio1Total total = total_make(PRIO_A, n);

	(void) state;
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
	{
		Field87 expected[sizeof(elements) / sizeof(elements[0])];
		Prio1Total product;

		for (; count < stops[i]; count++)
			if (prio1_total_merge(&total, &summand) != PRIO_OK)
				fail();
		for (size_t j = 0; j < n; j++)
			expected[j] = field87_mul(elements[j], (Field87){count, 0});
		product = total_with(PRIO_A, expected, n);
		assert_same_total(&total, &product);
		free(product.sums);
	}
	free(total.sums);
	free(summand.sums);
}

/* Totals that are as full as can be, merged before anything looked at them. */
static void
unreduced_totals_merge(void **state)
{
	uint64_t count = (1 << 19) - 10;
	Field87 element = field87_from_integer(((prio_uint128) 1 << 87) - 1);
	Field87 expected = field87_mul(element, (Field87){5 * count, 0});
	Prio1Total summand = total_with(PRIO_A, &element, 1);
	Prio1Total product = total_with(PRIO_A, &expected, 1);
	Prio1Total total = total_make(PRIO_A, 1);
	Prio1Total full = total_make(PRIO_A, 1);

	(void) state;
	for (uint64_t i = 0; i < count; i++)
		if (prio1_total_merge(&full, &summand) != PRIO_OK)
			fail();
	assert_int_equal(full.pending, count);
	for (int i = 0; i < 5; i++)
		assert_ok(prio1_total_merge(&total, &full));
	assert_same_total(&total, &product);
	free(summand.sums);
	free(product.sums);
	free(total.sums);
	free(full.sums);
}

/* The same by messages, which take another way into a total. */
static void
more_messages_than_fit_unreduced_add_up(void **state)
{
	Field87 element = field87_from_integer(((prio_uint128) 1 << 87) - 1);
	uint64_t count = (1 << 19) + 100;
	Field87 expected = field87_mul(element, (Field87){count, 0});
	Prio1Total summand = total_with(PRIO_A, &element, 1);
	Prio1Total product = total_with(PRIO_A, &expected, 1);
	Prio1Total total = total_make(PRIO_A, 1);
	Bytes message = message_of(&summand);

	(void) state;
	for (uint64_t i = 0; i < count; i++)
	{
		Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
		PrioRole role;
		size_t n;

		if (prio1_total_read_head(&reader, &role, &n) != PRIO_OK ||
			prio1_total_add_message(&total, &reader) != PRIO_OK)
			fail();
	}
	assert_same_total(&total, &product);
	free(message.data);
	free(summand.sums);
	free(product.sums);
	free(total.sums);
}

/* ------------------------------------------------------------------ subtracting */

/* However the clients are divided, all less some are the others. */
static void
subtracting_undoes_adding(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, 300);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		for (unsigned int clients = 0; clients <= ALL_CLIENTS; clients += 9)
		{
			Prio1Total rest = total_of_all(&batch, (PrioRole) role);
			Prio1Total some = total_of(&batch, (PrioRole) role, clients, 0, 1);
			Prio1Total some_copy = total_of(&batch, (PrioRole) role, clients, 0, 1);
			Prio1Total others = total_of(&batch, (PrioRole) role, ALL_CLIENTS & ~clients, 0, 1);

			assert_ok(prio1_total_subtract(&rest, &some));
			assert_same_total(&rest, &others);
			assert_memory_equal(some.sums, some_copy.sums, some.n * sizeof(Field87));
			assert_ok(prio1_total_merge(&rest, &some));
			assert_ok(prio1_total_subtract(&rest, &others));
			assert_same_total(&rest, &some);
			free(rest.sums);
			free(some.sums);
			free(some_copy.sums);
			free(others.sums);
		}
	batch_free(&batch);
}

static void
totals_of_other_roles_or_lengths_are_not_subtracted(void **state)
{
	Prio1Total total = random_total(PRIO_B, 5);
	Prio1Total other_role = random_total(PRIO_A, 5);
	Prio1Total longer = random_total(PRIO_B, 6);
	Prio1Total shorter = random_total(PRIO_B, 4);
	Prio1Total copy = total_with(PRIO_B, total.sums, 5);

	(void) state;
	assert_status(prio1_total_subtract(&total, &other_role), PRIO_MISMATCH);
	assert_status(prio1_total_subtract(&total, &longer), PRIO_MISMATCH);
	assert_status(prio1_total_subtract(&total, &shorter), PRIO_MISMATCH);
	assert_same_total(&total, &copy);
	free(total.sums);
	free(other_role.sums);
	free(longer.sums);
	free(shorter.sums);
	free(copy.sums);
}

/* What is subtracted takes room in the limbs as well: more often than fits them. */
static void
more_subtractions_than_fit_unreduced_are_right(void **state)
{
	Field87 elements[] = {FIELD87_ZERO, FIELD87_ONE, field87_from_integer(FIELD87_P - 1),
						  random_element()};
	Prio1Total part = total_with(PRIO_A, elements, 4);
	Prio1Total total = total_make(PRIO_A, 4);
	Prio1Total product = total_make(PRIO_A, 4);
	uint64_t count = (1 << 20) + 5;

	(void) state;
	for (uint64_t i = 0; i < count; i++)
		if (prio1_total_subtract(&total, &part) != PRIO_OK)
			fail();
	for (size_t j = 0; j < 4; j++)
		product.sums[j] = field87_neg(field87_mul(elements[j], (Field87){count, 0}));
	assert_same_total(&total, &product);
	free(part.sums);
	free(total.sums);
	free(product.sums);
}

/* ------------------------------------------------------------------ what does not belong */

/* Adding this must be refused, and leave the total as it was. */
static void
check_mismatch(Prio1Total *total, const Prio1Verifier *verifier, Bytes share)
{
	Prio1Total before = total_make(total->role, total->n);

	memcpy(before.sums, total->sums, total->n * sizeof(Field87));
	assert_status(total_take(total, verifier, share), PRIO_MISMATCH);
	assert_memory_equal(total->sums, before.sums, total->n * sizeof(Field87));
	free(before.sums);
}

static void
verifiers_and_shares_that_do_not_belong_are_a_mismatch(void **state)
{
	Batch batch;
	Bytes none = {NULL, 1000}; /* whatever its size says */

	(void) state;
	batch_make(&batch, 5);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		const Prio1Verifier *verifier = &batch.verifier[0][role];
		Bytes share = batch.share[0][role];
		Bytes cut = {share.data, PRIO1_SEAL_OVERHEAD - 1};
		Prio1Total total = total_make((PrioRole) role, 5);
		Prio1Total other_role = total_make((PrioRole) !role, 5);
		Prio1Total shorter = total_make((PrioRole) role, 4);
		Prio1Total longer = total_make((PrioRole) role, 6);
		uint8_t stored[PRIO1_VERIFIER_BYTES];
		Prio1Verifier keyless;

		check_mismatch(&other_role, verifier, share);
		check_mismatch(&shorter, verifier, share);
		check_mismatch(&longer, verifier, share);
		check_mismatch(&total, verifier, batch.share[1][role]);
		check_mismatch(&total, verifier, batch.share[0][!role]);
		check_mismatch(&total, verifier, cut);
		if (role == PRIO_A)
			check_mismatch(&total, verifier, none);

		prio1_verifier_store(verifier, false, stored);
		assert_ok(prio1_verifier_load(&keyless, stored, PRIO1_VERIFIER_BYTES));
		check_mismatch(&total, &keyless, share);
		if (role == PRIO_B)
			check_mismatch(&total, &keyless, none);

		assert_ok(total_take(&total, verifier, share));
		free(total.sums);
		free(other_role.sums);
		free(shorter.sums);
		free(longer.sums);
	}
	batch_free(&batch);
}

/* A packet with the right mark that is another one all the same. */
static void
a_damaged_packet_is_a_mismatch(void **state)
{
	Batch batch;
	Bytes share;
	Prio1Total total = total_make(PRIO_A, 5);
	Prio1Verifier wrong_key;

	(void) state;
	batch_make(&batch, 5);
	share = batch.share[0][PRIO_A];
	for (size_t i = 0; i < share.size; i++)
	{
		share.data[i] ^= 1;
		check_mismatch(&total, &batch.verifier[0][PRIO_A], share);
		share.data[i] ^= 1;
	}
	wrong_key = batch.verifier[0][PRIO_A];
	wrong_key.key[0] ^= 1;
	check_mismatch(&total, &wrong_key, share);
	assert_ok(total_take(&total, &batch.verifier[0][PRIO_A], share));
	free(total.sums);
	batch_free(&batch);
}

/* The verifier of B has the key of the stream, so that the packet may be gone by then. */
static void
b_needs_no_packet(void **state)
{
	Batch batch;
	Prio1Total with;
	Prio1Total without;

	(void) state;
	batch_make(&batch, 257);
	with = total_of_all(&batch, PRIO_B);
	without = total_make(PRIO_B, 257);
	for (size_t i = 0; i < CLIENTS; i++)
		assert_ok(prio1_total_add_share(&without, &batch.verifier[i][PRIO_B], NULL, 0, NULL));
	assert_same_total(&with, &without);
	free(with.sums);
	free(without.sums);
	batch_free(&batch);
}

static void
the_plaintext_is_wiped(void **state)
{
	Batch batch;
	Bytes share;
	Prio1Total total = total_make(PRIO_A, 5);
	uint8_t *scratch;
	size_t plaintext_size;

	(void) state;
	batch_make(&batch, 5);
	share = batch.share[0][PRIO_A];
	plaintext_size = share.size - PRIO1_SEAL_OVERHEAD;
	scratch = malloc(share.size);
	memset(scratch, 0xaa, share.size);
	assert_ok(prio1_total_add_share(&total, &batch.verifier[0][PRIO_A], share.data, share.size,
									scratch));
	assert_filled(scratch, plaintext_size, 0);
	assert_filled(scratch + plaintext_size, PRIO1_SEAL_OVERHEAD, 0xaa);

	/* A total of another length only finds out when it reads the plaintext. */
	memset(scratch, 0xaa, share.size);
	batch.verifier[0][PRIO_A].n = total.n = 4;
	assert_status(prio1_total_add_share(&total, &batch.verifier[0][PRIO_A], share.data,
										share.size, scratch),
				  PRIO_MISMATCH);
	assert_filled(scratch, plaintext_size, 0);
	free(scratch);
	free(total.sums);
	batch_free(&batch);
}

/* ------------------------------------------------------------------ messages */

static void
a_total_is_written_as_role_and_array(void **state)
{
	Field87 sums[] = {{1, 0}, {0, 0}, field87_from_integer(FIELD87_P - 1)};
	static const char *const expected_hex[] = {"00"
											   "93"
											   "a101"
											   "a100"
											   "ab8000000000000000080000",
											   "01"
											   "93"
											   "a101"
											   "a100"
											   "ab8000000000000000080000"};

	(void) state;
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total total = total_with((PrioRole) role, sums, 3);
		Bytes message = message_of(&total);
		uint8_t expected[18];

		bytes_from_hex(expected_hex[role], expected, sizeof(expected));
		assert_int_equal(message.size, sizeof(expected));
		assert_memory_equal(message.data, expected, sizeof(expected));
		free(message.data);
		free(total.sums);
	}
}

static void
what_is_written_reads_back(void **state)
{
	static const size_t sizes[] = {1,   15,   16,    255,   256,
								   257, 2046, 65535, 65536, PRIO1_MAX_DATA};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		Prio1Total total = random_total(i % 2 == 0 ? PRIO_A : PRIO_B, sizes[i]);
		Bytes message = message_of(&total);
		Prio1Total read;

		assert_ok(read_message(message.data, message.size, &read));
		assert_int_equal(read.role, total.role);
		assert_int_equal(read.n, total.n);
		assert_same_total(&read, &total);
		free(message.data);
		free(total.sums);
		free(read.sums);
	}
}

static void
check_truncated_total(const uint8_t *prefix, size_t size, void *argument)
{
	Prio1Total total;

	(void) argument;
	assert_status(read_message(prefix, size, &total), PRIO_MALFORMED);
	free(total.sums);
}

static void
malformed_messages_are_refused(void **state)
{
	static const struct
	{
		const char *message;
		PrioStatus status;
	} cases[] = {
		{"0091a101", PRIO_OK},
		{"0191a101", PRIO_OK},
		{"0291a101", PRIO_MALFORMED},
		{"cc0091a101", PRIO_MALFORMED}, /* the role */
		{"a10091a101", PRIO_MALFORMED},
		{"ff91a101", PRIO_MALFORMED},
		{"91a101", PRIO_MALFORMED},
		{"0090", PRIO_WRONG_LENGTH}, /* no elements */
		{"00dc0001a101", PRIO_MALFORMED},
		{"00a101", PRIO_MALFORMED},
		{"0001", PRIO_MALFORMED},
		{"0092a101", PRIO_MALFORMED},
		{"0091a101a101", PRIO_MALFORMED},
		{"0091a10100", PRIO_MALFORMED},
		{"0091a20001", PRIO_MALFORMED},
		{"0091c40101", PRIO_MALFORMED},
		{"009101", PRIO_MALFORMED},
		{"009191a101", PRIO_MALFORMED},
		{"0091ab8000000000000000080001", PRIO_OUT_OF_RANGE},
		{"00ddffffffffa101a101", PRIO_MALFORMED},
	};
	Prio1Total total = random_total(PRIO_B, 20);
	Bytes message = message_of(&total);

	(void) state;
	each_proper_prefix(message, check_truncated_total, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t size = strlen(cases[i].message) / 2;
		uint8_t *bytes = malloc(size);
		Prio1Total read;
		PrioStatus status;

		bytes_from_hex(cases[i].message, bytes, size);
		status = read_message(bytes, size, &read);
		if (status != cases[i].status)
			fail_msg("\"%s\": %s, not %s", cases[i].message, prio_status_text(status),
					 prio_status_text(cases[i].status));
		free(bytes);
		free(read.sums);
	}
	free(message.data);
	free(total.sums);
}

/* One element more than any batch has, all of them there. */
static void
a_message_longer_than_any_batch_is_refused(void **state)
{
	size_t count = PRIO1_MAX_DATA + 1;
	size_t size = 1 + 5 + 2 * count;
	uint8_t *bytes = malloc(size);
	Prio1PacketReader reader = prio1_packet_reader(bytes, size);
	PrioRole role;
	size_t n;

	(void) state;
	bytes_from_hex("00dd00040000", bytes, 6);
	for (size_t i = 0; i < count; i++)
		memcpy(bytes + 6 + 2 * i, "\xa1\x01", 2);
	assert_status(prio1_total_read_head(&reader, &role, &n), PRIO_WRONG_LENGTH);
	free(bytes);
}

/* ------------------------------------------------------------------ results */

static void
counts_come_from_both_totals_in_any_order(void **state)
{
	Batch batch;
	Prio1Total total[2];
	int64_t *counts = malloc(300 * sizeof(int64_t));
	size_t where;

	(void) state;
	batch_make(&batch, 300);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		total[role] = total_of_all(&batch, (PrioRole) role);
	for (int first = PRIO_A; first <= PRIO_B; first++)
	{
		memset(counts, 0xee, 300 * sizeof(int64_t));
		assert_ok(prio1_total_publish(&total[first], &total[!first], counts, &where));
		assert_memory_equal(counts, batch.expected, 300 * sizeof(int64_t));
	}
	free(counts);
	free(total[PRIO_A].sums);
	free(total[PRIO_B].sums);
	batch_free(&batch);
}

/* a's sum is random, b's is what makes up value with it; in which entry it overflows. */
static PrioStatus
publish_value(prio_uint128 value, size_t entry, int64_t *counts, size_t *where)
{
	Field87 sums[2][3];
	Prio1Total total[2];
	PrioStatus status;

	for (size_t i = 0; i < 3; i++)
	{
		Field87 sum = i == entry ? field87_from_integer(value) : (Field87){i, 0};

		sums[PRIO_A][i] = random_element();
		sums[PRIO_B][i] = field87_sub(sum, sums[PRIO_A][i]);
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
		total[role] = total_with((PrioRole) role, sums[role], 3);
	status = prio1_total_publish(&total[PRIO_A], &total[PRIO_B], counts, where);
	free(total[PRIO_A].sums);
	free(total[PRIO_B].sums);
	return status;
}

static void
what_does_not_fit_63_bits_is_an_overflow(void **state)
{
	static const prio_uint128 good[] = {0, 1, (prio_uint128) 1 << 44, ((prio_uint128) 1 << 62),
										((prio_uint128) 1 << 63) - 1};
	static const prio_uint128 bad[] = {(prio_uint128) 1 << 63,
									   ((prio_uint128) 1 << 63) + 1,
									   ((prio_uint128) 1 << 64) - 1,
									   (prio_uint128) 1 << 64,
									   ((prio_uint128) 1 << 64) + 1,
									   (prio_uint128) 1 << 86,
									   FIELD87_P - 1};
	int64_t counts[3];

	(void) state;
	for (size_t entry = 0; entry < 3; entry++)
	{
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		{
			size_t where = 99;

			assert_ok(publish_value(good[i], entry, counts, &where));
			for (size_t j = 0; j < 3; j++)
				assert_true(counts[j] == (j == entry ? (int64_t) good[i] : (int64_t) j));
		}
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		{
			size_t where = 99;

			assert_status(publish_value(bad[i], entry, counts, &where), PRIO_OVERFLOW);
			assert_int_equal(where, entry);
		}
	}
}

static void
totals_that_do_not_belong_together_are_not_published(void **state)
{
	int64_t counts[6];
	size_t where;

	(void) state;
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total total = random_total((PrioRole) role, 5);
		Prio1Total same_role = random_total((PrioRole) role, 5);
		Prio1Total shorter = random_total((PrioRole) !role, 4);
		Prio1Total longer = random_total((PrioRole) !role, 6);

		assert_status(prio1_total_publish(&total, &same_role, counts, &where), PRIO_MISMATCH);
		assert_status(prio1_total_publish(&total, &total, counts, &where), PRIO_MISMATCH);
		assert_status(prio1_total_publish(&total, &shorter, counts, &where), PRIO_MISMATCH);
		assert_status(prio1_total_publish(&total, &longer, counts, &where), PRIO_MISMATCH);
		free(total.sums);
		free(same_role.sums);
		free(shorter.sums);
		free(longer.sums);
	}
}

/* Different sets of packets on both servers are noise, and noise shows. */
static void
totals_of_different_packets_overflow(void **state)
{
	Batch batch;
	Prio1Total all;
	Prio1Total all_but_one;
	int64_t counts[5];
	size_t where;

	(void) state;
	batch_make(&batch, 5);
	all = total_of_all(&batch, PRIO_A);
	all_but_one = total_of(&batch, PRIO_B, ALL_CLIENTS & ~8u, 0, 1);
	assert_status(prio1_total_publish(&all, &all_but_one, counts, &where), PRIO_OVERFLOW);
	free(all.sums);
	free(all_but_one.sums);
	batch_free(&batch);
}

/* Entry j = sum of 2^(bits - 1 - i) times entry bits j + i: by powers, not by Horner. */
static void
integers_are_the_sums_of_their_bits(void **state)
{
	(void) state;
	for (int bits = 1; bits <= PRIO1_MAX_BITS; bits++)
	{
		size_t count = 3;
		Prio1Total total = random_total(PRIO_B, count * (size_t) bits);
		Prio1Total copy = total_with(PRIO_B, total.sums, total.n);
		Field87 *memory = malloc(count * sizeof(Field87));
		Prio1Total uints;

		assert_ok(prio1_total_to_uints(&total, bits, &uints, memory));
		assert_int_equal(uints.role, PRIO_B);
		assert_int_equal(uints.n, count);
		for (size_t j = 0; j < count; j++)
		{
			Field87 value = FIELD87_ZERO;

			for (int i = 0; i < bits; i++)
				value = field87_add(value,
									field87_mul(field87_from_integer((prio_uint128) 1
																	 << (bits - 1 - i)),
												copy.sums[j * (size_t) bits + (size_t) i]));
			assert_element(uints.sums[j], value);
		}
		assert_same_total(&total, &copy);
		free(total.sums);
		free(copy.sums);
		free(memory);
	}
}

/* Also when the bits' own sums have not been reduced yet. */
static void
integers_of_unreduced_totals_are_right(void **state)
{
	Batch batch;
	Prio1Total total[2];
	Prio1Total uints[2];
	Field87 memory[2][4];
	int64_t counts[4];
	size_t where;

	(void) state;
	batch_make(&batch, 12);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		total[role] = total_of_all(&batch, (PrioRole) role);
		assert_int_not_equal(total[role].pending, 0);
		assert_ok(prio1_total_to_uints(&total[role], 3, &uints[role], memory[role]));
		free(total[role].sums);
	}
	assert_ok(prio1_total_publish(&uints[PRIO_A], &uints[PRIO_B], counts, &where));
	for (size_t j = 0; j < 4; j++)
		assert_int_equal(counts[j],
						 4 * batch.expected[3 * j] + 2 * batch.expected[3 * j + 1] +
							 batch.expected[3 * j + 2]);
	batch_free(&batch);
}

static void
bits_must_divide_the_length(void **state)
{
	Prio1Total total = random_total(PRIO_A, 12);
	Field87 memory[12];
	Prio1Total uints;

	(void) state;
	for (int bits = 1; bits <= PRIO1_MAX_BITS; bits++)
		assert_status(prio1_total_to_uints(&total, bits, &uints, memory),
					  12 % bits == 0 ? PRIO_OK : PRIO_MISMATCH);
	free(total.sums);
}

/* ------------------------------------------------------------------ the stored form */

/* Bytes of a stored total, which lie as they have to. */
typedef struct Stored
{
	uint8_t *block; /* what to free */
	uint8_t *bytes;
	size_t size;
} Stored;

static Stored
stored_make(size_t size)
{
	Stored stored = {malloc(4 + size), NULL, size};

	assert_non_null(stored.block);
	stored.bytes = stored.block + 4;
	return stored;
}

static const uint8_t some_digest[PRIO1_DIGEST_BYTES] = "digest of batch";

/* A stored total that was not added to; its memory holds something else. */
static Stored
stored_new(Prio1Total *total, PrioRole role, size_t n)
{
	Stored stored = stored_make(prio1_total_stored_size(n));

	memset(stored.bytes, 0xa5, stored.size);
	prio1_total_create(total, role, n, some_digest, stored.bytes);
	return stored;
}

static void
a_stored_total_goes_on_as_if_nothing_had_been(void **state)
{
	Batch batch;

	(void) state;
	batch_make(&batch, 257);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total all = total_of_all(&batch, (PrioRole) role);
		Prio1Total total;
		Stored stored = stored_new(&total, (PrioRole) role, 257);

		assert_int_equal(stored.size, PRIO1_TOTAL_HEAD_BYTES + 257 * sizeof(Field87));
		for (size_t i = 0; i < CLIENTS; i++)
		{
			Stored elsewhere = stored_make(stored.size);

			assert_ok(total_take(&total, &batch.verifier[i][role], batch.share[i][role]));
			prio1_total_save(&total, stored.bytes);
			memcpy(elsewhere.bytes, stored.bytes, stored.size);
			free(stored.block);
			stored = elsewhere;
			memset(&total, 0, sizeof(total));
			assert_ok(prio1_total_open(&total, stored.bytes, stored.size));
			assert_int_equal(total.role, role);
			assert_int_equal(total.n, 257);
			assert_int_equal(total.pending, i + 1);
			assert_memory_equal(prio1_total_digest(stored.bytes), some_digest,
								PRIO1_DIGEST_BYTES);
		}
		assert_same_total(&total, &all);
		free(stored.block);
		free(all.sums);
	}
	batch_free(&batch);
}

static void
a_total_without_a_digest_has_zeros(void **state)
{
	static const uint8_t zeros[PRIO1_DIGEST_BYTES] = {0};
	Stored stored = stored_make(prio1_total_stored_size(1));
	Prio1Total total;

	(void) state;
	prio1_total_create(&total, PRIO_B, 1, NULL, stored.bytes);
	assert_memory_equal(prio1_total_digest(stored.bytes), zeros, PRIO1_DIGEST_BYTES);
	free(stored.block);
}

/* In memory of its own, so that a sanitizer sees what is read beyond it. */
static void
check_truncated_state(const uint8_t *prefix, size_t size, void *total)
{
	Stored stored = stored_make(size);

	memcpy(stored.bytes, prefix, size);
	assert_status(prio1_total_open(total, stored.bytes, size), PRIO_MALFORMED);
	free(stored.block);
}

static void
damaged_stored_totals_are_refused(void **state)
{
	/* Numbers of two or four bytes, as the machine writes them. */
	static const struct
	{
		size_t at;
		size_t bytes;
		uint32_t value;
		PrioStatus status;
	} damages[] = {
		{0, 2, 0, PRIO_OTHER_VERSION},
		{0, 2, 2, PRIO_OTHER_VERSION},
		{0, 2, 0x0100, PRIO_OTHER_VERSION}, /* ours, on a machine with another byte order */
		{0, 2, 1, PRIO_OK},
		{2, 2, 2, PRIO_MALFORMED},
		{2, 2, 0x0100, PRIO_MALFORMED},
		{2, 2, UINT16_MAX, PRIO_MALFORMED},
		{2, 2, PRIO_B, PRIO_OK},
		{4, 4, 0, PRIO_MALFORMED},
		{4, 4, 4, PRIO_MALFORMED},
		{4, 4, 6, PRIO_MALFORMED},
		{4, 4, 0x10000005, PRIO_MALFORMED}, /* its size modulo 2^32 would be right */
		{4, 4, UINT32_MAX, PRIO_MALFORMED},
		{8, 4, (1 << 19) - 2, PRIO_OK},
		{8, 4, (1 << 19) - 1, PRIO_MALFORMED},
		{8, 4, UINT32_MAX, PRIO_MALFORMED},
	};
	Prio1Total total;
	Stored stored = stored_new(&total, PRIO_A, 5);
	Stored longer = stored_make(stored.size + sizeof(Field87));

	(void) state;
	each_proper_prefix((Bytes){stored.bytes, stored.size}, check_truncated_state, &total);
	memset(longer.bytes, 0, longer.size);
	memcpy(longer.bytes, stored.bytes, stored.size);
	for (size_t size = stored.size + 1; size <= longer.size; size++)
		assert_status(prio1_total_open(&total, longer.bytes, size), PRIO_MALFORMED);

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
	{
		uint8_t *place = stored.bytes + damages[i].at;
		uint16_t half = (uint16_t) damages[i].value;
		const void *value = damages[i].bytes == 2 ? (const void *) &half : &damages[i].value;
		uint8_t honest[4];

		memcpy(honest, place, damages[i].bytes);
		memcpy(place, value, damages[i].bytes);
		assert_status(prio1_total_open(&total, stored.bytes, stored.size), damages[i].status);
		memcpy(place, honest, damages[i].bytes);
	}
	assert_ok(prio1_total_open(&total, stored.bytes, stored.size));
	free(stored.block);
	free(longer.block);
}

static void
no_stored_total_has_more_elements_than_any_batch(void **state)
{
	size_t n = PRIO1_MAX_DATA + 1;
	Prio1Total total;
	Stored stored = stored_new(&total, PRIO_A, n);

	(void) state;
	assert_status(prio1_total_open(&total, stored.bytes, stored.size), PRIO_MALFORMED);
	prio1_total_create(&total, PRIO_A, n - 1, NULL, stored.bytes);
	assert_ok(prio1_total_open(&total, stored.bytes, prio1_total_stored_size(n - 1)));
	free(stored.block);
}

/* Whatever somebody writes for limbs stands for some sum, and is read as that one. */
static void
all_limbs_stand_for_a_sum(void **state)
{
	static const uint64_t limbs[] = {0,
									 1,
									 FIELD87_LIMB_MASK,
									 FIELD87_LIMB_MASK + 1,
									 UINT64_C(1) << 63,
									 UINT64_MAX - 1,
									 UINT64_MAX};
	size_t count = sizeof(limbs) / sizeof(limbs[0]);
	size_t n = count * count;
	Prio1Total total;
	Stored stored = stored_new(&total, PRIO_A, n);
	Prio1Total expected = total_make(PRIO_A, n);
	Prio1Total nothing = total_make(PRIO_A, n);
	Prio1Total other_side = total_make(PRIO_B, n);
	Prio1Total uints;
	Field87 *memory = malloc(n * sizeof(Field87));
	int64_t *counts = malloc(n * sizeof(int64_t));
	size_t where;

	(void) state;
	for (size_t i = 0; i < n; i++)
	{
		prio_uint128 lo = limbs[i / count];
		prio_uint128 hi = limbs[i % count];

		total.sums[i] = (Field87){(uint64_t) lo, (uint64_t) hi};
		expected.sums[i] = field87_from_integer((lo + (hi << 44)) % FIELD87_P);
		other_side.sums[i] = field87_neg(expected.sums[i]);
	}
	assert_ok(prio1_total_open(&total, stored.bytes, stored.size));
	assert_same_total(&total, &expected);
	assert_ok(prio1_total_merge(&nothing, &total));
	assert_same_total(&nothing, &expected);
	assert_ok(prio1_total_subtract(&nothing, &total));
	assert_ok(prio1_total_merge(&nothing, &total));
	assert_same_total(&nothing, &expected);
	assert_ok(prio1_total_to_uints(&total, 1, &uints, memory));
	assert_same_total(&uints, &expected);
	assert_ok(prio1_total_publish(&total, &other_side, counts, &where));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(counts[i], 0);

	/* Also where they claim to be as full as can be, and one more makes them so. */
	total.pending = (1 << 19) - 2;
	prio1_total_save(&total, stored.bytes);
	assert_ok(prio1_total_open(&total, stored.bytes, stored.size));
	memset(other_side.sums, 0, n * sizeof(Field87));
	other_side.role = PRIO_A;
	assert_ok(prio1_total_merge(&total, &other_side));
	assert_int_equal(total.pending, 0);
	assert_same_total(&total, &expected);
	free(stored.block);
	free(expected.sums);
	free(nothing.sums);
	free(other_side.sums);
	free(memory);
	free(counts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_the_packets_does_not_matter),
		cmocka_unit_test(merging_is_adding),
		cmocka_unit_test(a_packet_can_be_added_to_a_merged_total),
		cmocka_unit_test(totals_of_other_roles_or_lengths_do_not_merge),
		cmocka_unit_test(more_vectors_than_fit_unreduced_add_up),
		cmocka_unit_test(unreduced_totals_merge),
		cmocka_unit_test(more_messages_than_fit_unreduced_add_up),
		cmocka_unit_test(subtracting_undoes_adding),
		cmocka_unit_test(totals_of_other_roles_or_lengths_are_not_subtracted),
		cmocka_unit_test(more_subtractions_than_fit_unreduced_are_right),
		cmocka_unit_test(verifiers_and_shares_that_do_not_belong_are_a_mismatch),
		cmocka_unit_test(a_damaged_packet_is_a_mismatch),
		cmocka_unit_test(b_needs_no_packet),
		cmocka_unit_test(the_plaintext_is_wiped),
		cmocka_unit_test(a_total_is_written_as_role_and_array),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(malformed_messages_are_refused),
		cmocka_unit_test(a_message_longer_than_any_batch_is_refused),
		cmocka_unit_test(counts_come_from_both_totals_in_any_order),
		cmocka_unit_test(what_does_not_fit_63_bits_is_an_overflow),
		cmocka_unit_test(totals_that_do_not_belong_together_are_not_published),
		cmocka_unit_test(totals_of_different_packets_overflow),
		cmocka_unit_test(integers_are_the_sums_of_their_bits),
		cmocka_unit_test(integers_of_unreduced_totals_are_right),
		cmocka_unit_test(bits_must_divide_the_length),
		cmocka_unit_test(a_stored_total_goes_on_as_if_nothing_had_been),
		cmocka_unit_test(a_total_without_a_digest_has_zeros),
		cmocka_unit_test(damaged_stored_totals_are_refused),
		cmocka_unit_test(no_stored_total_has_more_elements_than_any_batch),
		cmocka_unit_test(all_limbs_stand_for_a_sum),
	};
	const char *title;
	int failed = 0;

	while ((title = next_kernels("total")) != NULL)
		failed += cmocka_run_group_tests_name(title, tests, NULL, NULL);
	return failed;
}
