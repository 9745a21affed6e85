/*
 * reference.c
 *		What the core is compared with.
 */
#include "reference.h"

#include <msgpack.h>

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ integers below p */

prio_uint128
slow_add(prio_uint128 a, prio_uint128 b)
{
	prio_uint128 sum = a + b;

	return sum >= SLOW_P ? sum - SLOW_P : sum;
}

/* Double and add: nothing ever exceeds 2 p. */
prio_uint128
slow_mul(prio_uint128 a, prio_uint128 b)
{
	prio_uint128 product = 0;

	for (int bit = 127; bit >= 0; bit--)
	{
		product = slow_add(product, product);
		if (b >> bit & 1)
			product = slow_add(product, a);
	}
	return product;
}

prio_uint128
slow_pow(prio_uint128 a, prio_uint128 exponent)
{
	prio_uint128 power = 1;

	for (int bit = 127; bit >= 0; bit--)
	{
		power = slow_mul(power, power);
		if (exponent >> bit & 1)
			power = slow_mul(power, a);
	}
	return power;
}

/* From g of order 2^19 (docs/protocol.md, "Parameters"). */
prio_uint128
slow_root(int log_order)
{
	prio_uint128 g = ((prio_uint128) UINT64_C(0x2597c1) << 64) + UINT64_C(0x4f48d5b65ed8dcca);

	return slow_pow(g, BIT(19 - log_order));
}

prio_uint128
slow_sum(const Field87Sum *sum)
{
	prio_uint128 value = sum->t2 % SLOW_P;

	value = slow_add(slow_mul(value, BIT(44)), sum->t1 % SLOW_P);
	return slow_add(slow_mul(value, BIT(44)), sum->t0 % SLOW_P);
}

Field87
slow_element(prio_uint128 value)
{
	Field87 element = {(uint64_t) (value % BIT(44)), (uint64_t) (value / BIT(44))};

	return element;
}

prio_uint128
slow_value(Field87 element)
{
	return element.hi * BIT(44) + element.lo;
}

prio_uint128
slow_from_bytes(const uint8_t *bytes, size_t size)
{
	prio_uint128 value = 0;

	for (size_t i = 0; i < size; i++)
		value = value * 256 + bytes[i];
	return value;
}

size_t
slow_accept(const uint8_t *bytes, size_t candidates, Field87 *out)
{
	size_t found = 0;

	for (size_t i = 0; i < candidates; i++)
	{
		uint8_t integer[11];
		prio_uint128 value;

		memcpy(integer, bytes + 12 * i, 11);
		integer[0] = bytes[12 * i + 11];
		value = slow_from_bytes(integer, 11);
		if (value < SLOW_P)
			out[found++] = slow_element(value);
	}
	return found;
}

/* ------------------------------------------------------------------ messages */

/* size bytes at p, big endian: fewer, if the message ends before. */
static uint64_t
length_at(const uint8_t *p, const uint8_t *end, size_t size)
{
	uint64_t length = 0;

	for (size_t i = 0; i < size && p + i < end; i++)
		length = length << 8 | p[i];
	return length;
}

/*
 * msgpack-c takes the memory for as many objects as the head of an array or a map claims,
 * gigabytes of it. In the first object, is there a byte at least for each that any head
 * claims? If not, the message is cut short, and msgpack-c need not be asked.
 */
static bool
claims_are_possible(const uint8_t *bytes, size_t size)
{
	/* Of 0xc0 .. 0xdf: bytes of the head with fixed contents; and of a length in it. */
	static const uint8_t heads[32] = {1, 1, 1, 1, 2, 3, 5, 3,  4,  6, 5, 9, 2, 3, 5, 9,
									  2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5};
	static const uint8_t lengths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0,
										0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
	const uint8_t *p = bytes;
	const uint8_t *end = bytes + size;

	for (uint64_t objects = 1; objects > 0 && p < end; objects--)
	{
		uint8_t first = *p;
		uint64_t step = 1;
		uint64_t claim = 0;

		if ((first & 0xe0) == 0xa0)
			step = 1 + (first & 0x1f);
		else if ((first & 0xe0) == 0x80)
			claim = (first & 0x0f) << (first < 0x90); /* a map has two objects an entry */
		else if ((first & 0xe0) == 0xc0)
		{
			uint64_t length = length_at(p + 1, end, lengths[first & 0x1f]);

			step = heads[first & 0x1f];
			if (first >= 0xdc)
				claim = length << (first >= 0xde);
			else
				step += length;
		}
		if (step > (uint64_t) (end - p))
			return true;
		p += step;
		if (claim > (uint64_t) (end - p))
			return false;
		objects += claim;
	}
	return true;
}

/*
 * What msgpack-c makes of the first object, if it writes the same bytes again. The caller
 * destroys *unpacked in any case.
 */
static bool
general_read(const uint8_t *bytes, size_t size, msgpack_object_type type,
			 msgpack_unpacked *unpacked, size_t *used)
{
	msgpack_sbuffer again;
	msgpack_packer packer;
	bool good;

	size_t parsed = 0;

	*used = 0;
	msgpack_unpacked_init(unpacked);
	if (!claims_are_possible(bytes, size) ||
		msgpack_unpack_next(unpacked, (const char *) bytes, size, &parsed) !=
			MSGPACK_UNPACK_SUCCESS ||
		unpacked->data.type != type)
		return false;
	msgpack_sbuffer_init(&again);
	msgpack_packer_init(&packer, &again, msgpack_sbuffer_write);
	good = msgpack_pack_object(&packer, unpacked->data) == 0 && again.size == parsed &&
		memcmp(again.data, bytes, parsed) == 0;
	msgpack_sbuffer_destroy(&again);
	if (good)
		*used = parsed;
	return good;
}

Faults
general_read_str(const uint8_t *bytes, size_t size, const uint8_t **content,
				 size_t *content_size, size_t *used)
{
	msgpack_unpacked unpacked;
	bool good = general_read(bytes, size, MSGPACK_OBJECT_STR, &unpacked, used);

	if (good)
	{
		*content_size = unpacked.data.via.str.size;
		*content = bytes + *used - *content_size;
	}
	msgpack_unpacked_destroy(&unpacked);
	return good ? NO_FAULTS : FAULT(PRIO_MALFORMED);
}

static Faults
element_of(const uint8_t *content, size_t size, Field87 *element)
{
	prio_uint128 value;

	if (size == 0 || (size > 1 && content[0] == 0))
		return FAULT(PRIO_MALFORMED);
	if (size > 11)
		return FAULT(PRIO_OUT_OF_RANGE);
	value = slow_from_bytes(content, size);
	if (value >= SLOW_P)
		return FAULT(PRIO_OUT_OF_RANGE);
	*element = slow_element(value);
	return NO_FAULTS;
}

Faults
general_read_element(const uint8_t *bytes, size_t size, Field87 *element, size_t *used)
{
	const uint8_t *content;
	size_t content_size;
	Faults faults = general_read_str(bytes, size, &content, &content_size, used);

	return faults == NO_FAULTS ? element_of(content, content_size, element) : faults;
}

Faults
general_read_role(const uint8_t *bytes, size_t size, PrioRole *role, size_t *used)
{
	msgpack_unpacked unpacked;
	bool good = general_read(bytes, size, MSGPACK_OBJECT_POSITIVE_INTEGER, &unpacked, used) &&
		unpacked.data.via.u64 <= 1;

	if (good)
		*role = unpacked.data.via.u64 == 0 ? PRIO_A : PRIO_B;
	msgpack_unpacked_destroy(&unpacked);
	return good ? NO_FAULTS : FAULT(PRIO_MALFORMED);
}

/* msgpack-c reads no heads alone: it gets as many nils behind it as are claimed. */
Faults
general_read_head(const uint8_t *bytes, size_t size, size_t *count, size_t *used)
{
	size_t head_size;
	uint64_t claim;
	uint8_t *message;
	msgpack_unpacked unpacked;
	bool good;

	*used = 0;
	if (size >= 1 && (bytes[0] & 0xf0) == 0x90)
		head_size = 1;
	else if (size >= 3 && bytes[0] == 0xdc)
		head_size = 3;
	else if (size >= 5 && bytes[0] == 0xdd)
		head_size = 5;
	else
		return FAULT(PRIO_MALFORMED);
	claim = head_size == 1 ? bytes[0] & 0x0f : slow_from_bytes(bytes + 1, head_size - 1);
	if (claim > size)
		return FAULT(PRIO_MALFORMED) | FAULT(PRIO_WRONG_LENGTH);

	message = malloc(head_size + claim);
	memcpy(message, bytes, head_size);
	memset(message + head_size, 0xc0, claim);
	good = general_read(message, head_size + claim, MSGPACK_OBJECT_ARRAY, &unpacked, used);
	if (good)
	{
		*count = unpacked.data.via.array.size;
		*used -= *count;
	}
	msgpack_unpacked_destroy(&unpacked);
	free(message);
	return good ? NO_FAULTS : FAULT(PRIO_MALFORMED);
}

Faults
general_read_array(const uint8_t *bytes, size_t size, Field87 *elements, size_t *count,
				   size_t *used)
{
	msgpack_unpacked unpacked;
	Faults faults = NO_FAULTS;

	if (!general_read(bytes, size, MSGPACK_OBJECT_ARRAY, &unpacked, used))
	{
		/* An element in front of what is malformed may be out of range. */
		msgpack_unpacked_destroy(&unpacked);
		return FAULT(PRIO_MALFORMED) | FAULT(PRIO_OUT_OF_RANGE);
	}
	*count = unpacked.data.via.array.size;
	for (size_t i = 0; i < *count; i++)
	{
		const msgpack_object *object = &unpacked.data.via.array.ptr[i];
		Field87 element = {0, 0};

		if (object->type != MSGPACK_OBJECT_STR)
			faults |= FAULT(PRIO_MALFORMED);
		else
			faults |= element_of((const uint8_t *) object->via.str.ptr, object->via.str.size,
								 &element);
		if (faults == NO_FAULTS)
			elements[i] = element;
	}
	msgpack_unpacked_destroy(&unpacked);
	return faults;
}
