/*
 * messages.c
 *		What comes from the other server, or out of this one's own tables.
 *
 * Input: which kind of bytes follows (1 byte), the batch and the server that are concerned
 * (1), a number (2, little endian), the bytes. Where the kind takes two strings of bytes,
 * the number is the size of the first.
 *
 * What is taken for a message is written the same way again, and gives the values that
 * plain integers give.
 */
#include "fuzz.h"

#define HEAD_BYTES 4

typedef enum Kind
{
	VERIFY1,
	VERIFY2, /* two of them */
	TOTAL,
	TOTALS, /* two of them */
	LONG_TOTAL,
	STORED_TOTAL,
	STORED_VERIFIER, /* and a share */
	KINDS
} Kind;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	fuzz_begin();
	return 0;
}

/* ------------------------------------------------------------------ mutations */

static size_t
number_of(const uint8_t *data)
{
	return data[2] | (size_t) data[3] << 8;
}

/*
 * Changes what is sealed in a packet, if the stored verifier has its key. That of B is
 * another one.
 */
static size_t
mutate_share(Bytes stored, uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	Prio1Verifier verifier;
	Bytes plaintext;

	if (max_size < PRIO1_SEAL_OVERHEAD ||
		prio1_verifier_load(&verifier, stored.data, stored.size) != PRIO_OK)
		return mutate_bytes(data, size, max_size);
	plaintext.data = malloc(max_size);
	if (prio1_seal_open_again(verifier.key, data, size, plaintext.data, &plaintext.size) ==
		PRIO_OK)
	{
		plaintext.size = mutate_message(plaintext.data, plaintext.size,
										max_size - PRIO1_SEAL_OVERHEAD, seed);
		seal_again(verifier.key, plaintext, data);
		size = plaintext.size + PRIO1_SEAL_OVERHEAD;
		/* The verifier knows the packet by its tag. */
		memcpy(stored.data + 22, data + size - PRIO_GCM_TAG_BYTES, PRIO1_TAG_START_BYTES);
	}
	else
		size = mutate_bytes(data, size, max_size);
	free(plaintext.data);
	return size;
}

/* One of two strings changes; the number remains the size of the first. */
static size_t
mutate_pair(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	bool is_verifier = data[0] % KINDS == STORED_VERIFIER;
	uint8_t *strings = data + HEAD_BYTES;
	size_t room = max_size - HEAD_BYTES;
	Bytes first = {strings, number_of(data)};
	Bytes second;

	size -= HEAD_BYTES;
	if (first.size > size)
		first.size = size;
	second = exact_copy(strings + first.size, size - first.size);
	if (seed % 2 == 0)
	{
		room -= first.size;
		size = first.size +
			(is_verifier ?
				 mutate_share(first, strings + first.size, second.size, room, seed / 2) :
				 mutate_message(strings + first.size, second.size, room, seed / 2));
	}
	else
	{
		room -= second.size;
		if (room > UINT16_MAX)
			room = UINT16_MAX;
		first.size = is_verifier ? mutate_bytes(strings, first.size, room) :
								   mutate_message(strings, first.size, room, seed / 2);
		memcpy(strings + first.size, second.data, second.size);
		size = first.size + second.size;
		data[2] = (uint8_t) first.size;
		data[3] = (uint8_t) (first.size >> 8);
	}
	free_exact(second);
	return HEAD_BYTES + size;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	Kind kind;

	if (size < HEAD_BYTES || seed % 8 == 0)
		return mutate_bytes(data, size, max_size);
	kind = (Kind) (data[0] % KINDS);
	if (kind == VERIFY2 || kind == TOTALS || kind == STORED_VERIFIER)
		return mutate_pair(data, size, max_size, seed / 8);
	if (kind == STORED_TOTAL)
		return HEAD_BYTES +
			mutate_bytes(data + HEAD_BYTES, size - HEAD_BYTES, max_size - HEAD_BYTES);
	return mutate_input(HEAD_BYTES, data, size, max_size, seed / 8);
}

/* ------------------------------------------------------------------ as msgpack-c sees it */

/* A message of so many elements and nothing else. */
static Faults
read_elements(Bytes message, Field87 *elements, size_t count)
{
	Faults faults = NO_FAULTS;
	size_t at = 0;

	for (size_t i = 0; i < count; i++)
	{
		size_t used;

		faults |=
			general_read_element(message.data + at, message.size - at, &elements[i], &used);
		if (used == 0)
			return faults;
		at += used;
	}
	return at == message.size ? faults : faults | FAULT(PRIO_MALFORMED);
}

/* A total; elements has room for message.size / 2 of them. */
static Faults
read_total(Bytes message, PrioRole *role, Field87 *elements, size_t *n)
{
	size_t role_used;
	size_t used;
	Faults faults = general_read_role(message.data, message.size, role, &role_used);

	if (faults != NO_FAULTS)
		return faults;
	*n = SIZE_MAX; /* unless it is known */
	faults = general_read_array(message.data + role_used, message.size - role_used, elements,
								n, &used);
	if (*n == 0)
		return FAULT(PRIO_WRONG_LENGTH);
	return role_used + used == message.size ? faults : faults | FAULT(PRIO_MALFORMED);
}

/* ------------------------------------------------------------------ rounds */

static prio_uint128
slow_sub(prio_uint128 a, prio_uint128 b)
{
	return slow_add(a, SLOW_P - b);
}

/* d e / 2 + d b + e a + c - h(r), where d and e are the sums of both servers'. */
static prio_uint128
slow_verify2(const Prio1Verifier *own, const Field87 peer[2])
{
	prio_uint128 d = slow_add(slow_value(own->d), slow_value(peer[0]));
	prio_uint128 e = slow_add(slow_value(own->e), slow_value(peer[1]));
	prio_uint128 half = (SLOW_P + 1) / 2;
	prio_uint128 value = slow_mul(slow_mul(d, e), half);

	value = slow_add(value, slow_mul(d, slow_value(own->b)));
	value = slow_add(value, slow_mul(e, slow_value(own->a)));
	return slow_sub(slow_add(value, slow_value(own->c)), slow_value(own->h));
}

static void
check_written_elements(Bytes message, const Field87 *elements, size_t count)
{
	uint8_t again[2 * PRIO1_MAX_ELEMENT];
	Prio1PacketWriter writer = prio1_packet_writer(again, sizeof(again));

	for (size_t i = 0; i < count; i++)
		prio1_packet_write_element(&writer, elements[i]);
	assert_int_equal(writer.next - again, message.size);
	assert_memory_equal(again, message.data, message.size);
}

static void
try_verify1(const Prio1Verifier *own, Bytes message)
{
	Field87 peer[2];
	uint8_t verify2[PRIO1_VERIFY2_MAX_BYTES];
	size_t size = 0;
	Faults faults = read_elements(message, peer, 2);
	PrioStatus status = prio1_verifier_verify2(own, message.data, message.size, verify2, &size);

	assert_true(faults_allow(faults, status));
	if (status == PRIO_OK)
	{
		Bytes written = {verify2, size};
		Field87 out;

		assert_true(message.size <= PRIO1_VERIFY1_MAX_BYTES);
		check_written_elements(message, peer, 2);
		assert_between(size, 2, PRIO1_VERIFY2_MAX_BYTES);
		assert_true(read_elements(written, &out, 1) == NO_FAULTS);
		assert_true(slow_value(out) == slow_verify2(own, peer));
	}
}

static void
try_verify2(Bytes a, Bytes b)
{
	Field87 out[2];
	bool readable =
		read_elements(a, &out[0], 1) == NO_FAULTS && read_elements(b, &out[1], 1) == NO_FAULTS;
	bool valid = is_valid(a.data, a.size, b.data, b.size);

	assert_true(valid == (readable && slow_add(slow_value(out[0]), slow_value(out[1])) == 0));
	assert_true(valid == is_valid(b.data, b.size, a.data, a.size));
	if (readable)
	{
		check_written_elements(a, &out[0], 1);
		check_written_elements(b, &out[1], 1);
	}
}

/* ------------------------------------------------------------------ totals */

/* Reads a message into memory of exactly the size it asks for; free() the sums. */
static PrioStatus
take_total(Bytes message, Prio1Total *total)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	PrioRole role;
	size_t n;
	PrioStatus status = prio1_total_read_head(&reader, &role, &n);

	total->sums = NULL;
	if (status != PRIO_OK)
		return status;
	/* What a message can make its reader allocate. */
	assert_between(n, 1, PRIO1_MAX_DATA);
	assert_true(2 * n <= message.size);
	*total = total_make(role, n);
	return prio1_total_add_message(total, &reader);
}

/* take_total(), compared with msgpack-c; expected gets the elements, free() both. */
static PrioStatus
take_total_twice(Bytes message, Prio1Total *total, Field87 **expected)
{
	PrioRole role;
	size_t n;
	PrioStatus status = take_total(message, total);
	Faults faults;

	*expected = malloc(message.size * sizeof(Field87));
	faults = read_total(message, &role, *expected, &n);
	assert_true(faults_allow(faults, status));
	assert_true(status == PRIO_OK || prio_is_packet_fault(status));
	if (status == PRIO_OK)
	{
		assert_int_equal(total->role, role);
		assert_int_equal(total->n, n);
	}
	return status;
}

/* The total consists of these elements, and is written as this message. */
static void
check_total(const Prio1Total *total, const Field87 *elements, Bytes message)
{
	uint8_t *again = malloc(prio1_total_max_message(total->n));
	size_t size = prio1_total_write(total, again);

	assert_int_equal(size, message.size);
	assert_memory_equal(again, message.data, size);
	for (size_t i = 0; i < total->n; i++)
		assert_element(total->sums[i], elements[i]);
	free(again);
}

static void
check_uints(const Prio1Total *total, const Field87 *elements, int bits)
{
	Field87 *memory = malloc(total->n / (size_t) bits * sizeof(Field87));
	Prio1Total uints;
	PrioStatus status = prio1_total_to_uints(total, bits, &uints, memory);

	assert_status(status, total->n % (size_t) bits == 0 ? PRIO_OK : PRIO_MISMATCH);
	if (status == PRIO_OK)
	{
		assert_int_equal(uints.n, total->n / (size_t) bits);
		assert_int_equal(uints.role, total->role);
		for (size_t i = 0; i < uints.n; i++)
		{
			prio_uint128 value = 0;

			for (int j = 0; j < bits; j++)
				value = slow_add(slow_add(value, value),
								 slow_value(elements[i * (size_t) bits + (size_t) j]));
			assert_element(uints.sums[i], slow_element(value));
		}
	}
	free(memory);
}

/* The total written, and read as msgpack-c does: these are its elements. */
static void
check_sums(const Prio1Total *total, const prio_uint128 *expected)
{
	Bytes message = {malloc(prio1_total_max_message(total->n)), 0};
	Field87 *elements;
	Prio1Total copy;

	message.size = prio1_total_write(total, message.data);
	assert_ok(take_total_twice(message, &copy, &elements));
	for (size_t i = 0; i < total->n; i++)
		assert_true(slow_value(elements[i]) == expected[i]);
	free(message.data);
	free(copy.sums);
	free(elements);
}

/* Twice a total, by merging, and what subtracting it leaves. */
static void
check_merged(const Prio1Total *total, const Field87 *elements)
{
	Prio1Total sum = total_make(total->role, total->n);
	prio_uint128 *expected = calloc(total->n + 1, sizeof(*expected));

	assert_ok(prio1_total_merge(&sum, total));
	assert_ok(prio1_total_merge(&sum, total));
	for (size_t i = 0; i < total->n; i++)
		expected[i] = slow_add(slow_value(elements[i]), slow_value(elements[i]));
	check_sums(&sum, expected);
	for (int times = 0; times < 3; times++)
		assert_ok(prio1_total_subtract(&sum, total));
	for (size_t i = 0; i < total->n; i++)
		expected[i] = slow_sub(0, slow_value(elements[i])) % SLOW_P;
	check_sums(&sum, expected);
	free(sum.sums);
	free(expected);
}

static void
try_total(Bytes message, int bits)
{
	Prio1Total total;
	Field87 *elements;

	if (take_total_twice(message, &total, &elements) == PRIO_OK)
	{
		check_total(&total, elements, message);
		check_uints(&total, elements, bits);
		check_merged(&total, elements);
	}
	free(total.sums);
	free(elements);
}

/* The first entry that does not fit 63 bits; n if all do. */
static size_t
first_overflow(const Field87 *a, const Field87 *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slow_add(slow_value(a[i]), slow_value(b[i])) >= BIT(63))
			return i;
	return n;
}

static void
check_published(Prio1Total *a, Prio1Total *b, const Field87 *elements_a,
				const Field87 *elements_b)
{
	int64_t *counts = malloc(a->n * sizeof(int64_t));
	size_t where = 0;
	PrioStatus status = prio1_total_publish(a, b, counts, &where);

	if (a->role == b->role || a->n != b->n)
		assert_status(status, PRIO_MISMATCH);
	else if (status == PRIO_OVERFLOW)
		assert_int_equal(where, first_overflow(elements_a, elements_b, a->n));
	else
	{
		assert_ok(status);
		assert_int_equal(first_overflow(elements_a, elements_b, a->n), a->n);
		for (size_t i = 0; i < a->n; i++)
			assert_true((prio_uint128) counts[i] ==
						slow_add(slow_value(elements_a[i]), slow_value(elements_b[i])));
	}
	free(counts);
}

/* The head of one with about as many elements as there may be: the message, and zeros. */
static void
try_long_total(Bytes message, size_t number)
{
	Bytes array = {message.data + 1, message.size - 1};
	size_t size = message.size + 2 * (PRIO1_MAX_DATA - 8 + number % 16);
	uint8_t *longer;
	Prio1PacketReader reader;
	PrioRole role;
	PrioRole expected_role;
	size_t n;
	size_t expected_n;
	size_t role_used;
	size_t used;
	PrioStatus status;
	Faults faults;

	if (message.size < 1 || !claims_about(array, PRIO1_MAX_DATA))
		return;
	longer = calloc(1, size);
	memcpy(longer, message.data, message.size);
	reader = prio1_packet_reader(longer, size);
	status = prio1_total_read_head(&reader, &role, &n);
	faults = general_read_role(longer, size, &expected_role, &role_used);
	if (faults == NO_FAULTS)
		faults = general_read_head(longer + role_used, size - role_used, &expected_n, &used);
	if (faults == NO_FAULTS && 2 * expected_n > size - role_used - used)
		faults = FAULT(PRIO_MALFORMED);
	if (faults == NO_FAULTS && (expected_n < 1 || expected_n > PRIO1_MAX_DATA))
		faults = FAULT(PRIO_WRONG_LENGTH);
	assert_true(faults_allow(faults, status));
	if (status == PRIO_OK)
	{
		assert_int_equal(role, expected_role);
		assert_int_equal(n, expected_n);
	}
	free(longer);
}

static void
try_totals(Bytes message_a, Bytes message_b)
{
	Prio1Total a;
	Prio1Total b;
	Field87 *elements_a;
	Field87 *elements_b;
	PrioStatus status_a = take_total_twice(message_a, &a, &elements_a);
	PrioStatus status_b = take_total_twice(message_b, &b, &elements_b);

	if (status_a == PRIO_OK && status_b == PRIO_OK)
	{
		PrioStatus expected = a.role == b.role && a.n == b.n ? PRIO_OK : PRIO_MISMATCH;

		check_published(&a, &b, elements_a, elements_b);
		check_published(&b, &a, elements_b, elements_a);
		assert_status(prio1_total_merge(&a, &b), expected);
		assert_status(prio1_total_subtract(&a, &b), expected);
	}
	free(a.sums);
	free(b.sums);
	free(elements_a);
	free(elements_b);
}

/* ------------------------------------------------------------------ stored forms */

/* The number at these bytes, as the machine writes it. */
static uint32_t
stored_number(Bytes stored, size_t at, size_t bytes)
{
	uint16_t half;
	uint32_t number;

	memcpy(&half, stored.data + at, sizeof(half));
	memcpy(&number, stored.data + at, sizeof(number));
	return bytes == sizeof(half) ? half : number;
}

/*
 * A stored total of anybody's: there are few rules for the head, and none for the sums, which
 * go into every use as what they stand for. summand is added to all of them.
 */
static void
try_stored_total(uint32_t summand, Bytes stored)
{
	uint8_t *block = malloc(4 + stored.size);
	uint8_t *bytes = block + 4; /* as behind a length word: the sums are aligned */
	Prio1Total total;
	PrioStatus status;

	memcpy(bytes, stored.data, stored.size);
	status = prio1_total_open(&total, bytes, stored.size);
	if (stored.size < 28)
		assert_status(status, PRIO_MALFORMED);
	else if (stored_number(stored, 0, 2) != 1)
		assert_status(status, PRIO_OTHER_VERSION);
	else if (stored_number(stored, 2, 2) > 1 || stored_number(stored, 4, 4) < 1 ||
			 stored_number(stored, 4, 4) > PRIO1_MAX_DATA ||
			 stored.size != 28 + (size_t) 16 * stored_number(stored, 4, 4) ||
			 stored_number(stored, 8, 4) >= (1 << 19) - 1)
		assert_status(status, PRIO_MALFORMED);
	else
	{
		prio_uint128 *expected = malloc(total.n * sizeof(*expected));
		Prio1Total all = total_make(total.role, total.n);

		assert_ok(status);
		assert_int_equal(total.n, stored_number(stored, 4, 4));
		for (size_t i = 0; i < total.n; i++)
		{
			uint64_t limbs[2];

			memcpy(limbs, stored.data + 28 + 16 * i, 16);
			expected[i] = slow_add(slow_mul(BIT(44), limbs[1]), limbs[0]);
		}
		check_sums(&total, expected);
		assert_ok(prio1_total_merge(&all, &total));
		check_sums(&all, expected);

		/* Where there is room for it, as there always is in what was made here. */
		for (size_t i = 0; i < total.n; i++)
		{
			all.sums[i] = (Field87){summand, 0};
			total.sums[i].lo &= UINT64_MAX >> 1;
			total.sums[i].hi &= UINT64_MAX >> 1;
			expected[i] = slow_add(slow_mul(BIT(44), total.sums[i].hi), total.sums[i].lo);
			expected[i] = slow_add(expected[i], summand);
		}
		assert_ok(prio1_total_merge(&total, &all));
		prio1_total_save(&total, bytes);
		assert_ok(prio1_total_open(&total, bytes, stored.size));
		check_sums(&total, expected);
		assert_memory_equal(prio1_total_digest(bytes), stored.data + 12, PRIO1_DIGEST_BYTES);
		free(all.sums);
		free(expected);
	}
	free(block);
}

/*
 * The total of a share that the verifier may or may not have been made from. Where it was
 * not, there is no more than a mismatch, whatever the share holds.
 */
static void
add_up(const Prio1Verifier *verifier, Bytes share)
{
	Prio1Total total = total_make(verifier->role, verifier->n);
	Prio1Total of_other_length = total_make(verifier->role, verifier->n + 1);
	Prio1Total of_other_role = total_make((PrioRole) !verifier->role, verifier->n);
	PrioStatus status = total_take(&total, verifier, share);
	bool marked = share.size >= PRIO1_SEAL_OVERHEAD &&
		memcmp(verifier->tag_start, share.data + share.size - PRIO_GCM_TAG_BYTES,
			   PRIO1_TAG_START_BYTES) == 0;

	if (!verifier->has_key || !marked)
		assert_status(status, PRIO_MISMATCH);
	else if (verifier->role == PRIO_B)
		assert_ok(status);
	else
		assert_true(status == PRIO_OK || status == PRIO_MISMATCH);
	if (status == PRIO_OK)
		for (size_t i = 0; i < total.n; i++)
			assert_reduced(total.sums[i]);
	assert_status(total_take(&of_other_length, verifier, share), PRIO_MISMATCH);
	assert_status(total_take(&of_other_role, verifier, share), PRIO_MISMATCH);
	assert_status(prio1_total_add_share(&total, verifier, NULL, 0, NULL),
				  verifier->has_key && verifier->role == PRIO_B ? PRIO_OK : PRIO_MISMATCH);
	free(total.sums);
	free(of_other_length.sums);
	free(of_other_role.sums);
}

static void
try_stored_verifier(const Batch *batch, Bytes stored, Bytes share)
{
	Prio1Verifier verifier;
	PrioStatus status = prio1_verifier_load(&verifier, stored.data, stored.size);
	uint8_t again[PRIO1_VERIFIER_BYTES];

	if (stored.size >= 1 && stored.data[0] != 1)
		assert_status(status, PRIO_OTHER_VERSION);
	else if (stored.size != PRIO1_VERIFIER_BYTES)
		assert_status(status, PRIO_MALFORMED);
	else
		assert_true(status == PRIO_OK || status == PRIO_MALFORMED);
	if (status != PRIO_OK)
		return;

	assert_between(verifier.n, 1, PRIO1_MAX_DATA);
	prio1_verifier_store(&verifier, true, again);
	assert_memory_equal(again, stored.data, PRIO1_VERIFIER_BYTES);
	check_verifier(&verifier);
	servers_exchange(&verifier, &batch->verifier[!verifier.role]);
	/* Of the largest ones the seconds would go into the generator. */
	if (verifier.n <= 4096)
		add_up(&verifier, share);
}

/* ------------------------------------------------------------------ all of them */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Batch *batch;
	PrioRole role;
	size_t number;
	size_t first_size;
	Bytes all;
	Bytes first;
	Bytes second;

	if (size < HEAD_BYTES)
		return 0;
	batch = chosen_batch(data[1]);
	role = chosen_role(data[1]);
	number = number_of(data);
	data += HEAD_BYTES;
	size -= HEAD_BYTES;
	first_size = number < size ? number : size;
	all = exact_copy(data, size);
	first = exact_copy(data, first_size);
	second = exact_copy(data + first_size, size - first_size);

	switch ((Kind) (data[-HEAD_BYTES] % KINDS))
	{
		case VERIFY1:
			try_verify1(&batch->verifier[role], all);
			break;
		case VERIFY2:
			try_verify2(first, second);
			break;
		case TOTAL:
			try_total(all, 1 + (int) (number % PRIO1_MAX_BITS));
			break;
		case TOTALS:
			try_totals(first, second);
			break;
		case LONG_TOTAL:
			try_long_total(all, number);
			break;
		case STORED_TOTAL:
			try_stored_total((uint32_t) number, all);
			break;
		case STORED_VERIFIER:
			try_stored_verifier(batch, first, second);
			break;
		case KINDS:
			break;
	}
	free_exact(all);
	free_exact(first);
	free_exact(second);
	return 0;
}
