/*
 * mutate.c
 *		Changes to messages that leave most of one as it is: libFuzzer's own know bytes,
 *		these know objects.
 */
#include "fuzz.h"

/* ------------------------------------------------------------------ objects */

/* Objects on the borders of what a reader takes, and beyond. */
#define OBJECT(literal) \
	{ \
		(const uint8_t *) (literal), sizeof(literal) - 1 \
	}

static const struct
{
	const uint8_t *bytes;
	size_t size;
} objects[] = {
	/* elements: zero, one, of ten and eleven bytes, p - 1 and above */
	OBJECT("\xa1\x00"),
	OBJECT("\xa1\x01"),
	OBJECT("\xaa\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	OBJECT("\xab\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	OBJECT("\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00"),
	OBJECT("\xab\x80\x00\x00\x00\x00\x00\x00\x00\x08\x00\x01"),
	OBJECT("\xab\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
	OBJECT("\xac\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	/* in another spelling */
	OBJECT("\xa0"),
	OBJECT("\xa2\x00\x01"),
	OBJECT("\xab\x00\x80\x00\x00\x00\x00\x00\x00\x08\x00\x00"),
	OBJECT("\xd9\x01\x01"),
	OBJECT("\xda\x00\x01\x01"),
	OBJECT("\xdb\x00\x00\x00\x01\x01"),
	OBJECT("\xc4\x01\x01"),
	/* lengths that lie */
	OBJECT("\xbf"),
	OBJECT("\xd9\xff"),
	OBJECT("\xda\xff\xff"),
	OBJECT("\xdb\xff\xff\xff\xff"),
	/* roles, and what is none */
	OBJECT("\x00"),
	OBJECT("\x01"),
	OBJECT("\x02"),
	OBJECT("\xcc\x01"),
	OBJECT("\xcf\x00\x00\x00\x00\x00\x00\x00\x01"),
	OBJECT("\xff"),
	OBJECT("\xc0"),
	OBJECT("\xc1"),
	/* seeds of 16 bytes, and of 15 */
	OBJECT("\xb0"
		   "0123456789abcdef"),
	OBJECT("\xaf"
		   "0123456789abcde"),
	/* heads of arrays */
	OBJECT("\x90"),
	OBJECT("\x91"),
	OBJECT("\x9d"),
	OBJECT("\x9f"),
	OBJECT("\xdc\x00\x0f"),
	OBJECT("\xdc\x00\x10"),
	OBJECT("\xdc\x00\x20"),
	OBJECT("\xdc\xff\xff"),
	OBJECT("\xdd\x00\x00\x00\x01"),
	OBJECT("\xdd\x00\x00\xff\xff"),
	OBJECT("\xdd\x00\x01\x00\x00"),
	OBJECT("\xdd\xff\xff\xff\xff"),
	OBJECT("\x81"),
	OBJECT("\xdf\xff\xff\xff\xff"),
};

#define OBJECTS (sizeof(objects) / sizeof(objects[0]))

/* How many of the bytes belong to the first object; the head alone of an array. */
static size_t
object_size(const uint8_t *p, size_t left)
{
	size_t size = 1;

	if ((p[0] & 0xe0) == 0xa0)
		size = 1 + (p[0] & 0x1f);
	else if (p[0] == 0xd9 && left >= 2)
		size = 2 + p[1];
	else if (p[0] == 0xdc)
		size = 3;
	else if (p[0] == 0xdd)
		size = 5;
	return size < left ? size : left;
}

/* A part of a message. */
typedef struct Place
{
	size_t start;
	size_t size;
} Place;

/* xorshift32; state is not zero. */
static unsigned int
next_random(unsigned int *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Any object of a message that is not empty; an empty place behind the last one, too. */
static Place
choose_object(const uint8_t *data, size_t size, unsigned int *random)
{
	size_t count = 0;
	size_t chosen;
	Place place = {0, 0};

	for (size_t at = 0; at < size; at += object_size(data + at, size - at))
		count++;
	chosen = next_random(random) % (count + 1);
	for (size_t i = 0; i < chosen; i++)
		place.start += object_size(data + place.start, size - place.start);
	if (place.start < size)
		place.size = object_size(data + place.start, size - place.start);
	return place;
}

/* bytes in the place of what is there; the message's new size, or the old one if too long. */
static size_t
replace(uint8_t *data, size_t size, size_t max_size, Place place, const uint8_t *bytes,
		size_t bytes_size)
{
	if (size - place.size + bytes_size > max_size)
		return size;
	memmove(data + place.start + bytes_size, data + place.start + place.size,
			size - place.start - place.size);
	memcpy(data + place.start, bytes, bytes_size);
	return size - place.size + bytes_size;
}

/* ------------------------------------------------------------------ mutations */

#define MAX_OBJECT 300

size_t
mutate_bytes(uint8_t *data, size_t size, size_t max_size)
{
	return max_size == 0 ? 0 : LLVMFuzzerMutate(data, size, max_size);
}

size_t
mutate_message(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	unsigned int random = seed | 1;
	Place place = choose_object(data, size, &random);
	Place other = choose_object(data, size, &random);
	size_t which = next_random(&random) % OBJECTS;
	uint8_t object[MAX_OBJECT];

	if (place.size > MAX_OBJECT || other.size > MAX_OBJECT)
		return mutate_bytes(data, size, max_size);
	switch (next_random(&random) % 8)
	{
		case 0: /* another object instead */
			return replace(data, size, max_size, place, objects[which].bytes,
						   objects[which].size);
		case 1: /* one more */
			place.size = 0;
			return replace(data, size, max_size, place, objects[which].bytes,
						   objects[which].size);
		case 2: /* one less */
			return replace(data, size, max_size, place, object, 0);
		case 3: /* another one of the message, instead or as one more */
			memcpy(object, data + other.start, other.size);
			if (next_random(&random) % 2 == 0)
				place.size = 0;
			return replace(data, size, max_size, place, object, other.size);
		case 4:
		case 5: /* the object's bytes alone; it may grow */
			memcpy(object, data + place.start, place.size);
			return replace(data, size, max_size, place, object,
						   LLVMFuzzerMutate(object, place.size, MAX_OBJECT));
		case 6: /* cut */
			return place.start;
		default:
			return mutate_bytes(data, size, max_size);
	}
}

size_t
mutate_input(size_t head_size, uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	if (size < head_size || seed % 16 == 0)
		return mutate_bytes(data, size, max_size);
	return head_size +
		mutate_message(data + head_size, size - head_size, max_size - head_size, seed / 16);
}
