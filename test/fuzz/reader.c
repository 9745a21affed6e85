/*
 * reader.c
 *		The hand-written reader of messages against msgpack-c: same verdict, same values,
 *		and it stops at the same byte.
 *
 * Input: what is read (1 byte), how many of it (1), the message, which need not end there.
 */
#include "fuzz.h"

#define HEAD_BYTES 2

typedef enum Shape
{
	ELEMENTS,
	HEADER,
	ROLE,
	BYTES,
	BATCH_ID,
	ARRAY,
	ARRAY_OF,
	LONG_ARRAY,
	LONG_STR,
	SHAPES
} Shape;

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return mutate_input(HEAD_BYTES, data, size, max_size, seed);
}

/* The verdicts fit, and a reader that takes the message stands behind it. */
static void
check_verdict(PrioStatus status, Faults faults, const Prio1PacketReader *reader, Bytes message,
			  size_t used)
{
	if (!faults_allow(faults, status))
		fail_msg("\"%s\" where the faults are %#x", prio_status_text(status), faults);
	if (status == PRIO_OK)
		assert_int_equal(reader->next - message.data, used);
	assert_ptr_equal(reader->end, message.data + message.size);
}

/* ------------------------------------------------------------------ elements */

/* The next count elements; *used is how far they reach. */
static Faults
general_read_elements(Bytes message, Field87 *elements, size_t count, size_t *used)
{
	Faults faults = NO_FAULTS;

	*used = 0;
	for (size_t i = 0; i < count; i++)
	{
		size_t one;

		faults |= general_read_element(message.data + *used, message.size - *used,
									   &elements[i], &one);
		if (one == 0)
			return faults;
		*used += one;
	}
	return faults;
}

static void
check_elements(Bytes message, size_t count)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	Field87 *elements = malloc(count * sizeof(Field87));
	Field87 *expected = malloc(count * sizeof(Field87));
	size_t used;
	PrioStatus status = prio1_packet_read_elements(&reader, elements, count);
	Faults faults = general_read_elements(message, expected, count, &used);

	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
		for (size_t i = 0; i < count; i++)
			assert_element(elements[i], expected[i]);
	if (count == 1)
	{
		reader = prio1_packet_reader(message.data, message.size);
		assert_status(prio1_packet_read_element(&reader, elements), status);
	}
	free(elements);
	free(expected);
}

static void
check_header(Bytes message)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	Prio1PacketHeader header;
	Field87 expected[6];
	size_t used;
	PrioStatus status = prio1_packet_read_header(&reader, &header);
	Faults faults = general_read_elements(message, expected, 6, &used);

	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
	{
		assert_element(header.a, expected[0]);
		assert_element(header.b, expected[1]);
		assert_element(header.c, expected[2]);
		assert_element(header.f0, expected[3]);
		assert_element(header.g0, expected[4]);
		assert_element(header.h0, expected[5]);
	}
}

/* ------------------------------------------------------------------ scalars */

static void
check_role(Bytes message)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	PrioRole role;
	PrioRole expected;
	size_t used;
	PrioStatus status = prio1_packet_read_role(&reader, &role);
	Faults faults = general_read_role(message.data, message.size, &expected, &used);

	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
		assert_int_equal(role, expected);
}

static void
check_bytes(Bytes message, size_t size)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	uint8_t *bytes = malloc(size);
	const uint8_t *content;
	size_t content_size = 0;
	size_t used;
	PrioStatus status = prio1_packet_read_bytes(&reader, bytes, size);
	Faults faults = general_read_str(message.data, message.size, &content, &content_size, &used);

	if (faults == NO_FAULTS && content_size != size)
		faults = FAULT(PRIO_WRONG_LENGTH);
	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
		assert_memory_equal(bytes, content, size);
	free(bytes);
}

/* The batch id is skipped, equals what it is, and equals nothing else. */
static void
check_batch_id(Bytes message, size_t place)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	const uint8_t *content;
	size_t size;
	size_t used;
	PrioStatus status = prio1_packet_skip_batch_id(&reader);
	Faults faults = general_read_str(message.data, message.size, &content, &size, &used);

	check_verdict(status, faults, &reader, message, used);
	reader = prio1_packet_reader(message.data, message.size);
	if (status != PRIO_OK)
		assert_status(prio1_packet_read_batch_id(&reader, (const uint8_t *) "batch", 5), status);
	else
	{
		Bytes other = exact_copy(content, size);

		check_verdict(prio1_packet_read_batch_id(&reader, other.data, size), NO_FAULTS,
					  &reader, message, used);
		if (size > 0)
		{
			reader = prio1_packet_reader(message.data, message.size);
			assert_status(prio1_packet_read_batch_id(&reader, other.data, size - 1),
						  PRIO_WRONG_BATCH);
			other.data[place % size] ^= 0x20;
			reader = prio1_packet_reader(message.data, message.size);
			assert_status(prio1_packet_read_batch_id(&reader, other.data, size),
						  PRIO_WRONG_BATCH);
		}
		free_exact(other);
	}
}

/* ------------------------------------------------------------------ arrays */

/* The head alone, by both functions that read one. */
static void
check_head(Bytes message, size_t count)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	size_t claimed = 0;
	size_t expected = 0;
	size_t used;
	PrioStatus status = prio1_packet_read_array(&reader, &claimed);
	Faults head = general_read_head(message.data, message.size, &expected, &used);
	Faults faults = head;

	if (head == NO_FAULTS && 2 * expected > message.size - used)
		faults = FAULT(PRIO_MALFORMED);
	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
		assert_int_equal(claimed, expected);

	if (head == NO_FAULTS && expected != count)
		faults = FAULT(PRIO_WRONG_LENGTH);
	reader = prio1_packet_reader(message.data, message.size);
	check_verdict(prio1_packet_read_array_of(&reader, count), faults, &reader, message, used);
}

/* An array and its elements, as one object for msgpack-c. */
static void
check_array(Bytes message)
{
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	Field87 *elements = malloc(message.size / 2 * sizeof(Field87));
	Field87 *expected = malloc(message.size / 2 * sizeof(Field87));
	size_t count = 0;
	size_t expected_count = 0;
	size_t used;
	PrioStatus status = prio1_packet_read_array(&reader, &count);
	Faults faults =
		general_read_array(message.data, message.size, expected, &expected_count, &used);

	if (status == PRIO_OK)
		status = prio1_packet_read_elements(&reader, elements, count);
	check_verdict(status, faults, &reader, message, used);
	if (status == PRIO_OK)
	{
		assert_int_equal(count, expected_count);
		for (size_t i = 0; i < count; i++)
			assert_element(elements[i], expected[i]);
	}
	free(elements);
	free(expected);
}

/*
 * Around the 65536 elements from which on the head is a longer one: the message, and its
 * last twelve bytes, an element, as often as it takes.
 */
static void
check_long_array(Bytes message, size_t count)
{
	size_t copies = 65536 - 8 + count % 16;
	Bytes longer = {NULL, message.size + 12 * copies};

	if (message.size < 12 || !claims_about(message, 65536))
		return;
	longer.data = malloc(longer.size);
	memcpy(longer.data, message.data, message.size);
	for (size_t at = message.size; at < longer.size; at += 12)
		memcpy(longer.data + at, message.data + message.size - 12, 12);
	check_array(longer);
	free(longer.data);
}

/* The same for a str, which is longer by its last byte. */
static void
check_long_str(Bytes message, size_t count)
{
	Bytes longer = {NULL, message.size + 65536 - 8 + count % 16};

	if (!claims_about(message, 65536))
		return;
	longer.data = malloc(longer.size);
	memcpy(longer.data, message.data, message.size);
	memset(longer.data + message.size, message.data[message.size - 1],
		   longer.size - message.size);
	check_batch_id(longer, count * 257);
	free(longer.data);
}

/* ------------------------------------------------------------------ all of them */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes message;
	size_t count;

	if (size < HEAD_BYTES)
		return 0;
	count = data[1];
	message = exact_copy(data + HEAD_BYTES, size - HEAD_BYTES);
	switch ((Shape) (data[0] % SHAPES))
	{
		case ELEMENTS:
			check_elements(message, count);
			break;
		case HEADER:
			check_header(message);
			break;
		case ROLE:
			check_role(message);
			break;
		case BYTES:
			check_bytes(message, count);
			break;
		case BATCH_ID:
			check_batch_id(message, count);
			break;
		case ARRAY:
			check_array(message);
			break;
		case ARRAY_OF:
			check_head(message, count);
			break;
		case LONG_ARRAY:
			check_long_array(message, count);
			break;
		case LONG_STR:
			check_long_str(message, count);
			break;
		case SHAPES:
			break;
	}
	free_exact(message);
	return 0;
}
