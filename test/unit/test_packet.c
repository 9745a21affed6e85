/*
 * test_packet.c
 *		The wire format: its bytes, its one spelling, and msgpack-c's opinion of it.
 */
#include "harness.h"

#include "reference.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ helpers */

/* The element with these big endian bytes in hex, which may be too large for one. */
static Field87
hex_element(const char *hex)
{
	uint8_t bytes[FIELD87_BYTES];

	bytes_from_hex(hex, bytes, FIELD87_BYTES);
	return field87_from_bytes(bytes);
}

/* A message written out in hex, in a block of exactly its size; free() its bytes. */
static Bytes
message_from_hex(const char *hex)
{
	Bytes message = {malloc(strlen(hex) / 2), strlen(hex) / 2};

	bytes_from_hex(hex, message.data, message.size);
	return message;
}

/* Elements of all lengths: one byte up to eleven, and zero. */
static Field87
element_of_any_length(void)
{
	prio_uint128 value = field87_to_integer(random_element());

	return field87_from_integer(value >> (8 * (test_random() % 12)));
}

static Bytes
write_array(const Field87 *elements, size_t count)
{
	Bytes message = {malloc(prio1_packet_max_array(count)), prio1_packet_max_array(count)};
	Prio1PacketWriter writer = prio1_packet_writer(message.data, message.size);

	prio1_packet_write_array(&writer, elements, count);
	assert_false(writer.overrun);
	message.size = (size_t) (writer.next - message.data);
	return message;
}

/* A whole array, and nothing behind it; elements has room for max of them. */
static PrioStatus
read_array(const uint8_t *bytes, size_t size, Field87 *elements, size_t max, size_t *count)
{
	Prio1PacketReader reader = prio1_packet_reader(bytes, size);
	PrioStatus status = prio1_packet_read_array(&reader, count);

	if (status != PRIO_OK)
		return status;
	assert_between(*count, 0, max);
	status = prio1_packet_read_elements(&reader, elements, *count);
	return status == PRIO_OK ? prio1_packet_read_end(&reader) : status;
}

static PrioStatus
read_one_element(const char *hex, Field87 *element)
{
	Bytes message = message_from_hex(hex);
	Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
	PrioStatus status = prio1_packet_read_element(&reader, element);

	if (status == PRIO_OK)
		status = prio1_packet_read_end(&reader);
	free(message.data);
	return status;
}

/* ------------------------------------------------------------------ elements */

static const struct
{
	const char *value; /* eleven bytes */
	const char *message;
} written_elements[] = {
	{"0000000000000000000000", "a100"},
	{"0000000000000000000001", "a101"},
	{"000000000000000000007f", "a17f"},
	{"0000000000000000000080", "a180"},
	{"00000000000000000000ff", "a1ff"},
	{"0000000000000000000100", "a20100"},
	{"000000000000000000ffff", "a2ffff"},
	{"0000000000000000010000", "a3010000"},
	{"0000000000ffffffffffff", "a6ffffffffffff"},
	{"00ffffffffffffffffffff", "aaffffffffffffffffffff"},
	{"0100000000000000000000", "ab0100000000000000000000"},
	{"8000000000000000080000", "ab8000000000000000080000"}, /* p - 1 */
};

#define WRITTEN_ELEMENTS (sizeof(written_elements) / sizeof(written_elements[0]))

static void
elements_are_written_without_leading_zeros(void **state)
{
	(void) state;
	for (size_t i = 0; i < WRITTEN_ELEMENTS; i++)
	{
		Bytes expected = message_from_hex(written_elements[i].message);
		Field87 value = hex_element(written_elements[i].value);
		Field87 read;
		uint8_t message[PRIO1_MAX_ELEMENT];
		Prio1PacketWriter writer = prio1_packet_writer(message, sizeof(message));

		prio1_packet_write_element(&writer, value);
		assert_false(writer.overrun);
		assert_int_equal(writer.next - message, expected.size);
		assert_memory_equal(message, expected.data, expected.size);
		assert_ok(read_one_element(written_elements[i].message, &read));
		assert_element(read, value);
		free(expected.data);
	}
}

/* Every one of them alone, and behind a full element where the fast way applies. */
static void
elements_in_another_spelling_are_refused(void **state)
{
	static const struct
	{
		const char *message;
		PrioStatus status;
	} cases[] = {
		{"ab8000000000000000080001", PRIO_OUT_OF_RANGE},   /* p */
		{"ab8000000000000000080002", PRIO_OUT_OF_RANGE},   /* p + 1 */
		{"abffffffffffffffffffffff", PRIO_OUT_OF_RANGE},   /* 2^88 - 1 */
		{"ac010000000000000000000000", PRIO_OUT_OF_RANGE}, /* twelve bytes */
		{"bf01000000000000000000000000000000000000000000000000000000000000", PRIO_OUT_OF_RANGE},
		{"d9200100000000000000000000000000000000000000000000000000000000000000",
		 PRIO_OUT_OF_RANGE},        /* a str8 of 32 */
		{"a0", PRIO_MALFORMED},     /* empty */
		{"a20001", PRIO_MALFORMED}, /* a leading zero */
		{"a20000", PRIO_MALFORMED},
		{"ab0000000000000000000001", PRIO_MALFORMED},
		{"ab0080000000000000000000", PRIO_MALFORMED},
		{"ac000100000000000000000000", PRIO_MALFORMED},
		{"d90101", PRIO_MALFORMED}, /* str8, str16, str32 that fit a shorter form */
		{"d90b0100000000000000000000", PRIO_MALFORMED},
		{"da000101", PRIO_MALFORMED},
		{"db0000000101", PRIO_MALFORMED},
		{"c40101", PRIO_MALFORMED}, /* bin */
		{"c40b0100000000000000000000", PRIO_MALFORMED},
		{"01", PRIO_MALFORMED}, /* integers */
		{"cc01", PRIO_MALFORMED},
		{"ff", PRIO_MALFORMED},
		{"c0", PRIO_MALFORMED}, /* nil, a reserved byte, false, true */
		{"c1", PRIO_MALFORMED},
		{"c2", PRIO_MALFORMED},
		{"c3", PRIO_MALFORMED},
		{"90", PRIO_MALFORMED}, /* arrays, a map, an extension */
		{"91a101", PRIO_MALFORMED},
		{"dc0001a101", PRIO_MALFORMED},
		{"80", PRIO_MALFORMED},
		{"d40101", PRIO_MALFORMED},
		{"a10101", PRIO_MALFORMED}, /* something behind it */
		{"", PRIO_MALFORMED},       /* cut short */
		{"a1", PRIO_MALFORMED},
		{"a201", PRIO_MALFORMED},
		{"ab80000000000000000800", PRIO_MALFORMED},
		{"d9", PRIO_MALFORMED},
		{"da00", PRIO_MALFORMED},
		{"db000000", PRIO_MALFORMED},
		{"dbffffffff01", PRIO_MALFORMED},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Field87 read[2];
		PrioStatus status = read_one_element(cases[i].message, &read[0]);
		char both[200] = "92ab0100000000000000000000";
		Bytes array;
		size_t count;

		if (status != cases[i].status)
			fail_msg("\"%s\": %s, not %s", cases[i].message, prio_status_text(status),
					 prio_status_text(cases[i].status));
		strcat(both, cases[i].message);
		array = message_from_hex(both);
		status = read_array(array.data, array.size, read, 2, &count);
		if (status != cases[i].status)
			fail_msg("\"%s\" in an array: %s, not %s", cases[i].message,
					 prio_status_text(status), prio_status_text(cases[i].status));
		free(array.data);
	}
}

/* One that is too large among many that are not, in every place. */
static void
no_place_in_an_array_hides_a_large_element(void **state)
{
	Field87 elements[20];
	Field87 read[20];

	(void) state;
	for (size_t place = 0; place < 20; place++)
	{
		Bytes message;
		size_t count;

		for (size_t i = 0; i < 20; i++)
			elements[i] = random_element();
		elements[place] = field87_from_integer(FIELD87_P + place);
		message = write_array(elements, 20);
		assert_status(read_array(message.data, message.size, read, 20, &count),
					  PRIO_OUT_OF_RANGE);
		free(message.data);
	}
}

/* Elements of full length are looked at together: the verdict is that of the first fault. */
static void
a_leading_zero_is_malformed_whatever_follows(void **state)
{
	static const char *const messages[] = {
		"92ab0080000000000000000001ac010000000000000000000001",
		"92ab0080000000000000000001ab8000000000000000080001",
		"92ab0080000000000000000001a10100",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		Bytes message = message_from_hex(messages[i]);
		Field87 read[2];
		size_t count;

		assert_status(read_array(message.data, message.size, read, 2, &count), PRIO_MALFORMED);
		free(message.data);
	}
}

/* ------------------------------------------------------------------ strings */

/* How many bytes of head the shortest str of a size has, and how they begin. */
static const struct
{
	size_t size;
	const char *head;
} str_sizes[] = {{0, "a0"},       {1, "a1"},       {5, "a5"},        {16, "b0"},
				 {31, "bf"},      {32, "d920"},    {33, "d921"},     {255, "d9ff"},
				 {256, "da0100"}, {257, "da0101"}, {4096, "da1000"}, {65535, "daffff"}};

#define STR_SIZES (sizeof(str_sizes) / sizeof(str_sizes[0]))

static void
batch_ids_are_the_shortest_str(void **state)
{
	(void) state;
	for (size_t i = 0; i < STR_SIZES; i++)
	{
		Bytes head = message_from_hex(str_sizes[i].head);
		Bytes id = random_bytes(str_sizes[i].size);
		size_t size = head.size + id.size;
		uint8_t *message = malloc(size);
		Prio1PacketWriter writer = prio1_packet_writer(message, size);
		Prio1PacketReader reader = prio1_packet_reader(message, size);
		uint8_t *read = malloc(id.size);

		prio1_packet_write_bytes(&writer, id.data, id.size);
		assert_false(writer.overrun);
		assert_int_equal(writer.next - message, size);
		assert_memory_equal(message, head.data, head.size);
		assert_memory_equal(message + head.size, id.data, id.size);

		assert_ok(prio1_packet_read_batch_id(&reader, id.data, id.size));
		assert_ok(prio1_packet_read_end(&reader));
		reader = prio1_packet_reader(message, size);
		assert_ok(prio1_packet_skip_batch_id(&reader));
		assert_ok(prio1_packet_read_end(&reader));
		reader = prio1_packet_reader(message, size);
		assert_ok(prio1_packet_read_bytes(&reader, read, id.size));
		assert_memory_equal(read, id.data, id.size);
		assert_ok(prio1_packet_read_end(&reader));
		free(head.data);
		free(id.data);
		free(message);
		free(read);
	}
}

static void
another_batch_id_is_a_wrong_batch(void **state)
{
	(void) state;
	for (size_t i = 1; i < STR_SIZES; i++)
	{
		size_t size = str_sizes[i].size;
		Bytes id = random_bytes(size + 1);
		uint8_t *message = malloc(5 + size);
		Prio1PacketWriter writer = prio1_packet_writer(message, 5 + size);
		const size_t places[] = {0, size / 2, size - 1};
		Prio1PacketReader reader;

		prio1_packet_write_bytes(&writer, id.data, size);
		for (size_t j = 0; j < 3; j++)
		{
			id.data[places[j]] ^= 1;
			reader = prio1_packet_reader(message, (size_t) (writer.next - message));
			assert_status(prio1_packet_read_batch_id(&reader, id.data, size), PRIO_WRONG_BATCH);
			id.data[places[j]] ^= 1;
		}
		reader = prio1_packet_reader(message, (size_t) (writer.next - message));
		assert_status(prio1_packet_read_batch_id(&reader, id.data, size - 1), PRIO_WRONG_BATCH);
		reader = prio1_packet_reader(message, (size_t) (writer.next - message));
		assert_status(prio1_packet_read_batch_id(&reader, id.data, size + 1), PRIO_WRONG_BATCH);
		free(id.data);
		free(message);
	}
}

static void
strings_in_another_spelling_are_refused(void **state)
{
	static const char *const spellings[] = {"d9056261746368",
											"da00056261746368",
											"db000000056261746368", /* longer forms */
											"c4056261746368",       /* bin */
											"a66261746368",
											"da000562617463", /* cut short */
											"05",
											"cc05",
											"9105",
											"c0",
											"c1",
											""};

	(void) state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		Bytes message = message_from_hex(spellings[i]);
		Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
		uint8_t read[5];

		assert_status(prio1_packet_read_batch_id(&reader, (const uint8_t *) "batch", 5),
					  PRIO_MALFORMED);
		reader = prio1_packet_reader(message.data, message.size);
		assert_status(prio1_packet_skip_batch_id(&reader), PRIO_MALFORMED);
		reader = prio1_packet_reader(message.data, message.size);
		assert_status(prio1_packet_read_bytes(&reader, read, 5), PRIO_MALFORMED);
		free(message.data);
	}
}

/* A seed one byte shorter or longer than asked for. */
static void
bytes_of_another_length_are_told_from_malformed_ones(void **state)
{
	(void) state;
	for (size_t size = 0; size < 40; size++)
	{
		Bytes bytes = random_bytes(size);
		uint8_t message[42];
		uint8_t read[16];
		Prio1PacketWriter writer = prio1_packet_writer(message, sizeof(message));
		Prio1PacketReader reader;

		prio1_packet_write_bytes(&writer, bytes.data, size);
		reader = prio1_packet_reader(message, (size_t) (writer.next - message));
		assert_status(prio1_packet_read_bytes(&reader, read, 16),
					  size == 16 ? PRIO_OK : PRIO_WRONG_LENGTH);
		free(bytes.data);
	}
}

/* ------------------------------------------------------------------ roles */

static void
roles_are_one_byte(void **state)
{
	(void) state;
	for (unsigned int first = 0; first < 256; first++)
	{
		uint8_t *message = malloc(1);
		Prio1PacketReader reader = prio1_packet_reader(message, 1);
		PrioRole role;

		message[0] = (uint8_t) first;
		if (first > PRIO_B)
			assert_status(prio1_packet_read_role(&reader, &role), PRIO_MALFORMED);
		else
		{
			uint8_t written[1];
			Prio1PacketWriter writer = prio1_packet_writer(written, 1);

			assert_ok(prio1_packet_read_role(&reader, &role));
			assert_int_equal(role, first);
			assert_ok(prio1_packet_read_end(&reader));
			prio1_packet_write_role(&writer, role);
			assert_false(writer.overrun);
			assert_ptr_equal(writer.next, written + 1);
			assert_int_equal(written[0], first);
		}
		free(message);
	}
}

static void
roles_in_another_spelling_are_refused(void **state)
{
	static const char *const spellings[] = {"cc00",
											"cc01",
											"cd0001",
											"ce00000001",
											"cf0000000000000001",
											"d001",
											"d10001",
											"ca3f800000",
											"a101",
											"c3",
											"9101",
											"cc",
											"cf00",
											""};

	(void) state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		Bytes message = message_from_hex(spellings[i]);
		Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);
		PrioRole role;

		assert_status(prio1_packet_read_role(&reader, &role), PRIO_MALFORMED);
		free(message.data);
	}
}

/* ------------------------------------------------------------------ headers */

static void
headers_are_six_elements_in_order(void **state)
{
	static const char wire[] = "a101"
							   "a102"
							   "a20100"
							   "a100"
							   "ab8000000000000000080000"
							   "a106";
	Prio1PacketHeader header =
		{{1, 0}, {2, 0}, {256, 0}, {0, 0}, field87_from_integer(FIELD87_P - 1), {6, 0}};
	Bytes expected = message_from_hex(wire);
	uint8_t message[6 * PRIO1_MAX_ELEMENT];
	Prio1PacketWriter writer = prio1_packet_writer(message, sizeof(message));
	Prio1PacketReader reader = prio1_packet_reader(expected.data, expected.size);
	Prio1PacketHeader read;

	(void) state;
	prio1_packet_write_header(&writer, &header);
	assert_false(writer.overrun);
	assert_int_equal(writer.next - message, expected.size);
	assert_memory_equal(message, expected.data, expected.size);

	assert_ok(prio1_packet_read_header(&reader, &read));
	assert_ok(prio1_packet_read_end(&reader));
	assert_memory_equal(&read, &header, sizeof(header));
	free(expected.data);
}

static void
a_header_with_one_bad_element_is_refused(void **state)
{
	(void) state;
	for (size_t bad = 0; bad < 6; bad++)
	{
		Field87 elements[6];
		uint8_t message[6 * PRIO1_MAX_ELEMENT];
		Prio1PacketWriter writer = prio1_packet_writer(message, sizeof(message));
		Prio1PacketReader reader;
		Prio1PacketHeader header;

		for (size_t i = 0; i < 6; i++)
			elements[i] = i == bad ? field87_from_integer(FIELD87_P) : random_element();
		for (size_t i = 0; i < 6; i++)
			prio1_packet_write_element(&writer, elements[i]);
		reader = prio1_packet_reader(message, (size_t) (writer.next - message));
		assert_status(prio1_packet_read_header(&reader, &header), PRIO_OUT_OF_RANGE);
	}
}

/* ------------------------------------------------------------------ arrays */

static const struct
{
	size_t count;
	const char *head;
} array_sizes[] = {{0, "90"},
				   {1, "91"},
				   {2, "92"},
				   {15, "9f"},
				   {16, "dc0010"},
				   {17, "dc0011"},
				   {255, "dc00ff"},
				   {256, "dc0100"},
				   {65535, "dcffff"},
				   {65536, "dd00010000"},
				   {70000, "dd00011170"}};

#define ARRAY_SIZES (sizeof(array_sizes) / sizeof(array_sizes[0]))

static void
arrays_are_a_head_and_their_elements(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZES; i++)
	{
		size_t count = array_sizes[i].count;
		Bytes head = message_from_hex(array_sizes[i].head);
		Field87 *elements = malloc(count * sizeof(Field87));
		Field87 *read = malloc(count * sizeof(Field87));
		uint8_t *separate = malloc(prio1_packet_max_array(count));
		Prio1PacketWriter writer = prio1_packet_writer(separate, prio1_packet_max_array(count));
		Prio1PacketReader reader;
		Bytes message;
		size_t read_count;

		for (size_t j = 0; j < count; j++)
		{
			elements[j] = j % 4 == 0 ? element_of_any_length() : random_element();
			prio1_packet_write_element(&writer, elements[j]);
		}
		message = write_array(elements, count);
		assert_int_equal(message.size, head.size + (size_t) (writer.next - separate));
		assert_memory_equal(message.data, head.data, head.size);
		assert_memory_equal(message.data + head.size, separate, message.size - head.size);

		assert_ok(read_array(message.data, message.size, read, count, &read_count));
		assert_int_equal(read_count, count);
		for (size_t j = 0; j < count; j++)
			assert_element(read[j], elements[j]);

		reader = prio1_packet_reader(message.data, message.size);
		assert_ok(prio1_packet_read_array_of(&reader, count));
		assert_int_equal(reader.next - message.data, head.size);
		reader = prio1_packet_reader(message.data, message.size);
		assert_status(prio1_packet_read_array_of(&reader, count + 1), PRIO_WRONG_LENGTH);
		reader = prio1_packet_reader(message.data, message.size);
		assert_status(prio1_packet_read_array_of(&reader, count - 1), PRIO_WRONG_LENGTH);
		free(head.data);
		free(elements);
		free(read);
		free(separate);
		free(message.data);
	}
}

/* In pieces, as a share is read. */
static void
an_array_reads_in_pieces(void **state)
{
	Field87 elements[100];
	Field87 read[100];
	Bytes message;

	(void) state;
	for (size_t i = 0; i < 100; i++)
		elements[i] = element_of_any_length();
	message = write_array(elements, 100);
	for (size_t piece = 1; piece <= 100; piece++)
	{
		Prio1PacketReader reader = prio1_packet_reader(message.data, message.size);

		assert_ok(prio1_packet_read_array_of(&reader, 100));
		for (size_t done = 0; done < 100; done += piece)
			assert_ok(prio1_packet_read_elements(&reader, read + done,
												 100 - done < piece ? 100 - done : piece));
		assert_ok(prio1_packet_read_end(&reader));
		assert_memory_equal(read, elements, sizeof(elements));
	}
	free(message.data);
}

/* Heads in a longer form than needed, of other types, cut short, and those that lie. */
static void
array_heads_in_another_spelling_are_refused(void **state)
{
	static const char *const spellings[] =
		{"dc0000",
		 "dc0003a101a102a103",
		 "dc000fa101a101a101a101a101a101a101a101a101a101a101a101a101a101a101",
		 "dd00000000",
		 "dd00000003a101a102a103",
		 "83a101a102a103a104a105a106",
		 "de0003a101a102a103a104a105a106",
		 "a3010203",
		 "c403010203",
		 "03",
		 "c0",
		 "",
		 "dc",
		 "dc00",
		 "dd",
		 "dd0001",
		 "dd000100",
		 "ddffffffff",
		 "ddffffffffa101a102a103a104a105",
		 "dcffffa101",
		 "93a101a102",
		 "91a1",
		 "91"};
	/* 100 elements that are there, behind a head that could be shorter. */
	Bytes hundred = message_from_hex("dd00000064");
	uint8_t long_head[5 + 200];
	Prio1PacketReader reader;
	size_t count;

	(void) state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		Bytes message = message_from_hex(spellings[i]);
		Field87 read[16];

		if (read_array(message.data, message.size, read, 16, &count) != PRIO_MALFORMED)
			fail_msg("\"%s\" was not refused as malformed", spellings[i]);
		free(message.data);
	}

	memcpy(long_head, hundred.data, 5);
	for (size_t i = 0; i < 100; i++)
		memcpy(long_head + 5 + 2 * i, "\xa1\x01", 2);
	reader = prio1_packet_reader(long_head, sizeof(long_head));
	assert_status(prio1_packet_read_array(&reader, &count), PRIO_MALFORMED);
	reader = prio1_packet_reader(long_head, sizeof(long_head));
	assert_status(prio1_packet_read_array_of(&reader, 100), PRIO_MALFORMED);
	free(hundred.data);
}

static void
claims_of_many_elements_are_not_believed(void **state)
{
	static const uint8_t claim[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x01, 0xa1, 0x02};
	Bytes message = message_from_hex("dd00010000");
	Prio1PacketReader reader = prio1_packet_reader(claim, sizeof(claim));
	uint8_t *many = malloc(5 + 2 * 65536);
	size_t count;

	(void) state;
	assert_status(prio1_packet_read_array(&reader, &count), PRIO_MALFORMED);
	reader = prio1_packet_reader(claim, sizeof(claim));
	assert_status(prio1_packet_read_array_of(&reader, 2), PRIO_WRONG_LENGTH);
	reader = prio1_packet_reader(claim, sizeof(claim));
	assert_status(prio1_packet_read_array_of(&reader, UINT32_MAX), PRIO_MALFORMED);

	/* Room for all of them, each of two bytes; and for all but one byte. */
	memset(many, 0xa1, 5 + 2 * 65536);
	memcpy(many, message.data, 5);
	reader = prio1_packet_reader(many, 5 + 2 * 65536);
	assert_ok(prio1_packet_read_array(&reader, &count));
	assert_int_equal(count, 65536);
	reader = prio1_packet_reader(many, 5 + 2 * 65536 - 1);
	assert_status(prio1_packet_read_array(&reader, &count), PRIO_MALFORMED);
	reader = prio1_packet_reader(many, 5 + 2 * 65536 - 1);
	assert_status(prio1_packet_read_array_of(&reader, 65536), PRIO_MALFORMED);
	free(many);
	free(message.data);
}

/* ------------------------------------------------------------------ msgpack-c's opinion */

/* Both readers of arrays come to the same verdict and the same values; which one. */
static bool
readers_agree(const uint8_t *bytes, size_t size)
{
	Field87 *elements = malloc(size * sizeof(Field87));
	Field87 *general = malloc(size * sizeof(Field87));
	size_t count = 0;
	size_t general_count = 0;
	size_t used;
	PrioStatus status = read_array(bytes, size, elements, size, &count);
	Faults faults = general_read_array(bytes, size, general, &general_count, &used);
	bool good = status == PRIO_OK;

	if (used != size)
		faults |= FAULT(PRIO_MALFORMED);
	assert_true(faults_allow(faults, status));
	if (good)
	{
		assert_int_equal(count, general_count);
		for (size_t i = 0; i < count; i++)
			assert_element(elements[i], general[i]);
	}
	free(elements);
	free(general);
	return good;
}

static void
msgpack_reads_the_same_values(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_SIZES; i++)
	{
		size_t count = array_sizes[i].count;
		Field87 *elements = malloc(count * sizeof(Field87));
		Bytes message;

		for (size_t j = 0; j < count; j++)
			elements[j] = j % 3 == 0 ? element_of_any_length() : random_element();
		message = write_array(elements, count);
		assert_true(readers_agree(message.data, message.size));
		free(elements);
		free(message.data);
	}
}

/* Bytes that mean something to msgpack, so that damage is more than noise. */
static uint8_t
interesting_byte(void)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0x80, 0x8f, 0x90, 0x91, 0x92, 0x93, 0xa0,
									0xa1, 0xa2, 0xab, 0xac, 0xb0, 0xbf, 0xc0, 0xc1, 0xc4,
									0xcc, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff};
	uint64_t random = test_random() >> 32;

	return random % 4 == 0 ? (uint8_t) (random >> 8) : bytes[(random >> 8) % sizeof(bytes)];
}

static void
msgpack_comes_to_the_same_verdict_on_damaged_arrays(void **state)
{
	size_t good = 0;
	size_t bad = 0;

	(void) state;
	for (int round = 0; round < 100000; round++)
	{
		Field87 elements[20];
		size_t count = (test_random() >> 32) % 20;
		size_t damages = (test_random() >> 32) % 3;
		Bytes message;
		uint8_t *exact;

		for (size_t i = 0; i < count; i++)
			elements[i] = element_of_any_length();
		message = write_array(elements, count);
		for (size_t i = 0; i < damages; i++)
			message.data[(test_random() >> 32) % message.size] = interesting_byte();
		if (round % 5 == 0)
			message.size = (test_random() >> 32) % message.size + 1;
		exact = malloc(message.size);
		memcpy(exact, message.data, message.size);
		*(readers_agree(exact, message.size) ? &good : &bad) += 1;
		free(exact);
		free(message.data);
	}
	/* Neither verdict is a rare one here. */
	assert_between(good, 10000, 90000);
	assert_between(bad, 10000, 90000);
}

/* ------------------------------------------------------------------ whole packets */

#define N_DATA 5
#define N_POINTS 8

static Bytes
make_plaintext(PrioRole role)
{
	size_t max = prio1_packet_max_plaintext(role, 5, N_DATA);
	Bytes message = {malloc(max), max};
	Prio1PacketWriter writer = prio1_packet_writer(message.data, max);
	Field87 elements[N_POINTS];
	Prio1PacketHeader header;
	Bytes seed = random_bytes(PRIO1_SEED_BYTES);

	for (size_t i = 0; i < N_POINTS; i++)
		elements[i] = element_of_any_length();
	header.a = header.b = header.c = random_element();
	header.f0 = header.g0 = header.h0 = element_of_any_length();
	prio1_packet_write_bytes(&writer, (const uint8_t *) "batch", 5);
	prio1_packet_write_header(&writer, &header);
	prio1_packet_write_role(&writer, role);
	if (role == PRIO_A)
	{
		prio1_packet_write_array(&writer, elements, N_DATA);
		prio1_packet_write_array(&writer, elements, N_POINTS);
	}
	else
		prio1_packet_write_bytes(&writer, seed.data, seed.size);
	assert_false(writer.overrun);
	message.size = (size_t) (writer.next - message.data);
	free(seed.data);
	return message;
}

/* All of a plaintext, as a server reads it. */
static PrioStatus
read_plaintext(const uint8_t *bytes, size_t size)
{
	Prio1PacketReader reader = prio1_packet_reader(bytes, size);
	Prio1PacketHeader header;
	Field87 elements[N_POINTS];
	uint8_t seed[PRIO1_SEED_BYTES];
	PrioRole role = PRIO_A;
	PrioStatus status = prio1_packet_read_batch_id(&reader, (const uint8_t *) "batch", 5);

	if (status == PRIO_OK)
		status = prio1_packet_read_header(&reader, &header);
	if (status == PRIO_OK)
		status = prio1_packet_read_role(&reader, &role);
	if (status == PRIO_OK && role == PRIO_B)
		status = prio1_packet_read_bytes(&reader, seed, sizeof(seed));
	else
	{
		if (status == PRIO_OK)
			status = prio1_packet_read_array_of(&reader, N_DATA);
		if (status == PRIO_OK)
			status = prio1_packet_read_elements(&reader, elements, N_DATA);
		if (status == PRIO_OK)
			status = prio1_packet_read_array_of(&reader, N_POINTS);
		if (status == PRIO_OK)
			status = prio1_packet_read_elements(&reader, elements, N_POINTS);
	}
	return status == PRIO_OK ? prio1_packet_read_end(&reader) : status;
}

static void
check_truncated_plaintext(const uint8_t *prefix, size_t size, void *argument)
{
	(void) argument;
	assert_status(read_plaintext(prefix, size), PRIO_MALFORMED);
}

static void
truncated_packets_are_malformed(void **state)
{
	(void) state;
	for (int round = 0; round < 40; round++)
	{
		Bytes plaintext = make_plaintext(round % 2 == 0 ? PRIO_A : PRIO_B);
		uint8_t *longer = malloc(plaintext.size + 1);

		assert_ok(read_plaintext(plaintext.data, plaintext.size));
		each_proper_prefix(plaintext, check_truncated_plaintext, NULL);
		memcpy(longer, plaintext.data, plaintext.size);
		longer[plaintext.size] = 0;
		assert_status(read_plaintext(longer, plaintext.size + 1), PRIO_MALFORMED);
		free(longer);
		free(plaintext.data);
	}
}

/* A plaintext whose elements are all as long as can be is as long as promised. */
static void
the_longest_packet_is_as_long_as_promised(void **state)
{
	static const size_t sizes[] = {65536, 100000, 262143};

	(void) state;
	for (size_t i = 0; i < STR_SIZES; i++)
	{
		for (size_t j = 0; j < 3; j++)
		{
			size_t id_size = str_sizes[i].size;
			size_t n = sizes[j];
			size_t id_bytes = strlen(str_sizes[i].head) / 2 + id_size;
			size_t head = id_bytes + 6 * 12 + 1;

			assert_int_equal(prio1_packet_max_array(n), 5 + 12 * n);
			assert_int_equal(prio1_packet_max_plaintext(PRIO_A, id_size, n),
							 head + 5 + 12 * n + 5 + 12 * (n < 131072 ? 131072 : 262144));
			assert_int_equal(prio1_packet_max_plaintext(PRIO_B, id_size, n), head + 17);
		}
	}
}

/* ------------------------------------------------------------------ too little room */

/* One of everything, into so much room; where the writer then stands. */
static Prio1PacketWriter
write_everything(uint8_t *memory, size_t room)
{
	Prio1PacketWriter writer = prio1_packet_writer(memory, room);
	Prio1PacketHeader header;
	Field87 elements[17];

	for (size_t i = 0; i < 17; i++)
		elements[i] = (Field87){i * i, i};
	header.a = header.b = header.c = header.f0 = header.g0 = header.h0 = elements[16];
	prio1_packet_write_bytes(&writer, (const uint8_t *) "batch", 5);
	prio1_packet_write_header(&writer, &header);
	prio1_packet_write_role(&writer, PRIO_A);
	prio1_packet_write_array(&writer, elements, 17);
	return writer;
}

static void
an_overrun_is_noticed_and_not_written(void **state)
{
	uint8_t whole[400];
	Prio1PacketWriter writer = write_everything(whole, sizeof(whole));
	size_t needed = (size_t) (writer.next - whole);

	(void) state;
	assert_false(writer.overrun);
	for (size_t room = 0; room <= needed + 1; room++)
	{
		uint8_t *memory = malloc(room + 1);

		memory[room] = 0x5a;
		writer = write_everything(memory, room);
		assert_true(writer.overrun == (room < needed));
		assert_true(writer.next <= memory + room);
		assert_int_equal(memory[room], 0x5a);
		if (room >= needed)
			assert_memory_equal(memory, whole, needed);
		free(memory);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_written_without_leading_zeros),
		cmocka_unit_test(elements_in_another_spelling_are_refused),
		cmocka_unit_test(no_place_in_an_array_hides_a_large_element),
		cmocka_unit_test(a_leading_zero_is_malformed_whatever_follows),
		cmocka_unit_test(batch_ids_are_the_shortest_str),
		cmocka_unit_test(another_batch_id_is_a_wrong_batch),
		cmocka_unit_test(strings_in_another_spelling_are_refused),
		cmocka_unit_test(bytes_of_another_length_are_told_from_malformed_ones),
		cmocka_unit_test(roles_are_one_byte),
		cmocka_unit_test(roles_in_another_spelling_are_refused),
		cmocka_unit_test(headers_are_six_elements_in_order),
		cmocka_unit_test(a_header_with_one_bad_element_is_refused),
		cmocka_unit_test(arrays_are_a_head_and_their_elements),
		cmocka_unit_test(an_array_reads_in_pieces),
		cmocka_unit_test(array_heads_in_another_spelling_are_refused),
		cmocka_unit_test(claims_of_many_elements_are_not_believed),
		cmocka_unit_test(msgpack_reads_the_same_values),
		cmocka_unit_test(msgpack_comes_to_the_same_verdict_on_damaged_arrays),
		cmocka_unit_test(truncated_packets_are_malformed),
		cmocka_unit_test(the_longest_packet_is_as_long_as_promised),
		cmocka_unit_test(an_overrun_is_noticed_and_not_written),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
