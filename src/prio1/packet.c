/*
 * packet.c
 *		The messages, by msgpack-c.
 *
 * msgpack-c builds an object for every element of an array and takes the memory for all
 * of them when it sees the array's head, whatever that claims. Single objects are its
 * work here; the two big arrays, and the elements before them, have a reader of exactly
 * their shape.
 */
#include "prio1/packet.h"

#include "base/secret.h"

#include "field/lagrange87.h"

#include <msgpack.h>

/* ------------------------------------------------------------------ reading */

/*
 * One str or unsigned integer. Anything that could nest or allocate is refused before
 * msgpack-c sees it.
 */
static PrioStatus
read_scalar(Prio1PacketReader *reader, msgpack_object_type type, msgpack_object *object,
			size_t *size)
{
	msgpack_unpacked unpacked;
	msgpack_unpack_return result;
	size_t used = 0;
	uint8_t first;
	bool is_str;
	bool is_uint;

	if (reader->next == reader->end)
		return PRIO_MALFORMED;
	first = *reader->next;
	is_str = (first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb);
	is_uint = first <= 0x7f || (first >= 0xcc && first <= 0xcf);
	if (type == MSGPACK_OBJECT_STR ? !is_str : !is_uint)
		return PRIO_MALFORMED;

	msgpack_unpacked_init(&unpacked);
	result = msgpack_unpack_next(&unpacked, (const char *) reader->next,
								 (size_t) (reader->end - reader->next), &used);
	if (result != MSGPACK_UNPACK_SUCCESS || unpacked.data.type != type)
	{
		msgpack_unpacked_destroy(&unpacked);
		/* Nothing that a scalar claims takes memory: so it is not its fault. */
		return result == MSGPACK_UNPACK_NOMEM_ERROR ? PRIO_NO_MEMORY : PRIO_MALFORMED;
	}
	*object = unpacked.data; /* a str points into the message itself */
	msgpack_unpacked_destroy(&unpacked);
	reader->next += used;
	*size = used;
	return PRIO_OK;
}

/* Bytes of the shortest str with a content of this size. */
static size_t
str_size(size_t size)
{
	return size + (size < 32 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : 5);
}

/* The content of the next object, a str; it points into the message. */
static PrioStatus
read_str(Prio1PacketReader *reader, const uint8_t **content, size_t *content_size)
{
	msgpack_object object;
	size_t size;
	PrioStatus status = read_scalar(reader, MSGPACK_OBJECT_STR, &object, &size);

	if (status != PRIO_OK)
		return status;
	/* It ends where the object does; msgpack-c gives no pointer to an empty one. */
	*content_size = object.via.str.size;
	*content = reader->next - *content_size;
	return size == str_size(*content_size) ? PRIO_OK : PRIO_MALFORMED;
}

PrioStatus
prio1_packet_read_batch_id(Prio1PacketReader *reader, const uint8_t *batch_id, size_t size)
{
	const uint8_t *content;
	size_t content_size;
	PrioStatus status = read_str(reader, &content, &content_size);

	if (status != PRIO_OK)
		return status;
	if (content_size != size || memcmp(content, batch_id, size) != 0)
		return PRIO_WRONG_BATCH;
	return PRIO_OK;
}

PrioStatus
prio1_packet_skip_batch_id(Prio1PacketReader *reader)
{
	const uint8_t *content;
	size_t content_size;

	return read_str(reader, &content, &content_size);
}

PrioStatus
prio1_packet_read_bytes(Prio1PacketReader *reader, uint8_t *out, size_t size)
{
	const uint8_t *content;
	size_t content_size;
	PrioStatus status = read_str(reader, &content, &content_size);

	if (status != PRIO_OK)
		return status;
	if (content_size != size)
		return PRIO_WRONG_LENGTH;
	memcpy(out, content, size);
	return PRIO_OK;
}

/*
 * The element in size bytes without leading zeros. All lengths but the full one are rare
 * (1 in 128 for random elements); but a hostile client may write no others. What this shows of
 * the element is its length, and whether the packet has to be refused for it.
 */
static inline PrioStatus
element_from_content(const uint8_t *content, size_t size, Field87 *element)
{
	uint8_t padded[FIELD87_BYTES] = {0};
	uint64_t leading_zero;
	uint64_t faults;

	if (size == 0)
		return PRIO_MALFORMED;
	leading_zero = size > 1 ? content[0] == 0 : 0;
	if (size > FIELD87_BYTES)
		return prio_declassify(leading_zero) ? PRIO_MALFORMED : PRIO_OUT_OF_RANGE;
	memcpy(padded + FIELD87_BYTES - size, content, size);
	*element = field87_from_bytes(padded);
	faults = prio_declassify(leading_zero << 1 | (1 - field87_is_reduced(*element)));
	return faults == 0 ? PRIO_OK : faults > 1 ? PRIO_MALFORMED : PRIO_OUT_OF_RANGE;
}

PrioStatus
prio1_packet_read_element(Prio1PacketReader *reader, Field87 *element)
{
	const uint8_t *content;
	size_t size;
	PrioStatus status = read_str(reader, &content, &size);

	if (status != PRIO_OK)
		return status;
	return element_from_content(content, size, element);
}

PrioStatus
prio1_packet_read_header(Prio1PacketReader *reader, Prio1PacketHeader *header)
{
	Field87 elements[6];
	PrioStatus status = prio1_packet_read_elements(reader, elements, 6);

	if (status == PRIO_OK)
	{
		header->a = elements[0];
		header->b = elements[1];
		header->c = elements[2];
		header->f0 = elements[3];
		header->g0 = elements[4];
		header->h0 = elements[5];
	}
	prio_wipe(elements, sizeof(elements));
	return status;
}

PrioStatus
prio1_packet_read_role(Prio1PacketReader *reader, PrioRole *role)
{
	msgpack_object object;
	size_t size;
	PrioStatus status = read_scalar(reader, MSGPACK_OBJECT_POSITIVE_INTEGER, &object, &size);

	if (status != PRIO_OK)
		return status;
	if (size != 1 || object.via.u64 > PRIO_B)
		return PRIO_MALFORMED;
	*role = (PrioRole) object.via.u64;
	return PRIO_OK;
}

/* The count that an array's head claims, whatever follows it. */
static PrioStatus
read_array_head(Prio1PacketReader *reader, size_t *count)
{
	const uint8_t *p = reader->next;
	size_t left = (size_t) (reader->end - p);

	if (left >= 1 && (p[0] & 0xf0) == 0x90)
	{
		*count = p[0] & 0x0f;
		reader->next += 1;
		return PRIO_OK;
	}
	if (left >= 3 && p[0] == 0xdc)
	{
		*count = (size_t) p[1] << 8 | p[2];
		reader->next += 3;
		return *count >= 16 ? PRIO_OK : PRIO_MALFORMED;
	}
	if (left >= 5 && p[0] == 0xdd)
	{
		*count = (size_t) p[1] << 24 | (size_t) p[2] << 16 | (size_t) p[3] << 8 | p[4];
		reader->next += 5;
		return *count >= 65536 ? PRIO_OK : PRIO_MALFORMED;
	}
	return PRIO_MALFORMED;
}

/* Can count elements of two bytes or more still be there? */
static PrioStatus
check_room(const Prio1PacketReader *reader, size_t count)
{
	return count <= (size_t) (reader->end - reader->next) / 2 ? PRIO_OK : PRIO_MALFORMED;
}

PrioStatus
prio1_packet_read_array(Prio1PacketReader *reader, size_t *count)
{
	PrioStatus status = read_array_head(reader, count);

	return status == PRIO_OK ? check_room(reader, *count) : status;
}

PrioStatus
prio1_packet_read_array_of(Prio1PacketReader *reader, size_t count)
{
	size_t claimed;
	PrioStatus status = read_array_head(reader, &claimed);

	if (status != PRIO_OK)
		return status;
	return claimed == count ? check_room(reader, count) : PRIO_WRONG_LENGTH;
}

/* What is wrong with elements, found out without branching on them. */
typedef struct ElementFaults
{
	uint64_t leading_zero; /* its top bit: a first byte is zero */
	uint64_t all_reduced;
} ElementFaults;

/*
 * The elements up to the first one that is not written in full length, at most count of
 * them; returns how many, and moves *next behind them.
 */
static size_t
read_full_elements(const uint8_t **next, const uint8_t *end, Field87 *out, size_t count,
				   ElementFaults *faults)
{
	const uint8_t *p = *next;
	uint64_t leading_zero = faults->leading_zero;
	uint64_t all_reduced = faults->all_reduced;
	size_t i = 0;

	/* 0xa0 + 11: an element of full length */
	for (; i < count && (size_t) (end - p) > FIELD87_BYTES && p[0] == (0xa0 | FIELD87_BYTES);
		 i++)
	{
		out[i] = field87_from_bytes(p + 1);
		leading_zero |= out[i].hi - (UINT64_C(1) << 36);
		all_reduced &= field87_is_reduced(out[i]);
		p += 1 + FIELD87_BYTES;
	}
	*next = p;
	faults->leading_zero = leading_zero;
	faults->all_reduced = all_reduced;
	return i;
}

PrioStatus
prio1_packet_read_elements(Prio1PacketReader *reader, Field87 *out, size_t count)
{
	ElementFaults faults = {0, 1};
	size_t done = 0;

	for (;;)
	{
		PrioStatus status;
		size_t left;
		size_t size;

		done +=
			read_full_elements(&reader->next, reader->end, out + done, count - done, &faults);
		if (done == count)
			break;
		left = (size_t) (reader->end - reader->next);
		size = left > 0 ? (size_t) reader->next[0] - 0xa0 : 0; /* if it is a short str */
		if (size >= 1 && size < FIELD87_BYTES && left > size)
		{
			status = element_from_content(reader->next + 1, size, &out[done]);
			reader->next += 1 + size;
		}
		else
			status = prio1_packet_read_element(reader, &out[done]);
		if (status != PRIO_OK)
			return prio_declassify(faults.leading_zero >> 63) ? PRIO_MALFORMED : status;
		done++;
	}
	/* Whoever gets the verdict learns that some element is at fault, not which. */
	if (prio_declassify(faults.leading_zero >> 63))
		return PRIO_MALFORMED;
	return prio_declassify(faults.all_reduced) ? PRIO_OK : PRIO_OUT_OF_RANGE;
}

PrioStatus
prio1_packet_read_end(const Prio1PacketReader *reader)
{
	return reader->next == reader->end ? PRIO_OK : PRIO_MALFORMED;
}

/* ------------------------------------------------------------------ writing */

/* msgpack-c's way out: appends to the Prio1PacketWriter. */
static int
write_callback(void *data, const char *bytes, size_t size)
{
	Prio1PacketWriter *writer = data;

	if (size > (size_t) (writer->end - writer->next))
	{
		writer->overrun = true;
		return -1;
	}
	memcpy(writer->next, bytes, size);
	writer->next += size;
	return 0;
}

static msgpack_packer
packer_for(Prio1PacketWriter *writer)
{
	msgpack_packer packer;

	msgpack_packer_init(&packer, writer, write_callback);
	return packer;
}

static void
pack_bytes(msgpack_packer *packer, const uint8_t *bytes, size_t size)
{
	msgpack_pack_str(packer, size);
	msgpack_pack_str_body(packer, bytes, size);
}

/* How many of its eleven bytes are leading zeros; zero itself keeps the last one. */
static size_t
leading_zeros(Field87 element)
{
	uint64_t top = element.hi << 20 | element.lo >> 24; /* eight bytes */
	uint64_t next = element.lo >> 8 & 0xffff;           /* two more */
	uint64_t top_is_zero = top == 0;

	return (size_t) (__builtin_clzll(top | 1)) / 8 +
		(size_t) (top_is_zero * (1 + (next < 0x100) + (next == 0)));
}

/* The length of the message shows that of the element, whatever happens here. */
static void
pack_element(msgpack_packer *packer, Field87 element)
{
	uint8_t bytes[FIELD87_BYTES];
	size_t skip = prio_declassify(leading_zeros(element));

	field87_to_bytes(element, bytes);
	pack_bytes(packer, bytes + skip, FIELD87_BYTES - skip);
}

void
prio1_packet_write_bytes(Prio1PacketWriter *writer, const uint8_t *bytes, size_t size)
{
	msgpack_packer packer = packer_for(writer);

	pack_bytes(&packer, bytes, size);
}

void
prio1_packet_write_element(Prio1PacketWriter *writer, Field87 element)
{
	msgpack_packer packer = packer_for(writer);

	pack_element(&packer, element);
}

void
prio1_packet_write_header(Prio1PacketWriter *writer, const Prio1PacketHeader *header)
{
	prio1_packet_write_element(writer, header->a);
	prio1_packet_write_element(writer, header->b);
	prio1_packet_write_element(writer, header->c);
	prio1_packet_write_element(writer, header->f0);
	prio1_packet_write_element(writer, header->g0);
	prio1_packet_write_element(writer, header->h0);
}

void
prio1_packet_write_role(Prio1PacketWriter *writer, PrioRole role)
{
	msgpack_packer packer = packer_for(writer);

	msgpack_pack_uint8(&packer, (uint8_t) role);
}

void
prio1_packet_write_array_head(Prio1PacketWriter *writer, size_t count)
{
	msgpack_packer packer = packer_for(writer);

	msgpack_pack_array(&packer, count);
}

void
prio1_packet_write_elements(Prio1PacketWriter *writer, const Field87 *elements, size_t count)
{
	msgpack_packer packer = packer_for(writer);

	for (size_t i = 0; i < count; i++)
		pack_element(&packer, elements[i]);
}

void
prio1_packet_write_array(Prio1PacketWriter *writer, const Field87 *elements, size_t count)
{
	prio1_packet_write_array_head(writer, count);
	prio1_packet_write_elements(writer, elements, count);
}

/* ------------------------------------------------------------------ sizes */

size_t
prio1_packet_max_array(size_t count)
{
	return 5 + count * PRIO1_MAX_ELEMENT;
}

size_t
prio1_packet_max_plaintext(PrioRole role, size_t batch_id_size, size_t n)
{
	size_t size = str_size(batch_id_size) + (size_t) 6 * PRIO1_MAX_ELEMENT + 1;

	if (role == PRIO_A)
		return size + prio1_packet_max_array(n) +
			prio1_packet_max_array(prio_lagrange87_domain(n, NULL));
	return size + str_size(PRIO1_SEED_BYTES);
}
