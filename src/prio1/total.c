/*
 * total.c
 *		Sums of shares, and what is published.
 */
#include "prio1/total.h"

#include "base/secret.h"

#include "prio1/vectors.h"

/* After this many vectors the limbs are below 2^63 and must be brought down. */
#define MAX_PENDING ((UINT32_C(1) << 19) - 1)

void
prio1_total_init(Prio1Total *total, PrioRole role, size_t n, Field87 *memory)
{
	total->role = role;
	total->n = n;
	total->pending = 0;
	total->fresh = false;
	total->sums = memory;
	memset(memory, 0, n * sizeof(Field87));
}

/*
 * The element that a sum stands for, whatever its limbs are. Its value is below 2^109; what
 * lies above bit 87 folds down to less than 2^42.
 */
static Field87
reduced(Field87 sum)
{
	prio_uint128 low_mask = ((prio_uint128) 1 << 87) - 1;
	prio_uint128 value = field87_to_integer(sum);
	uint64_t high = (uint64_t) (value >> 87);

	return field87_from_signed((prio_int128) (value & low_mask) -
							   (prio_int128) ((prio_uint128) high * FIELD87_FOLD));
}

static inline void
add_element(Field87 *sum, Field87 element)
{
	sum->lo += element.lo;
	sum->hi += element.hi;
}

/* sums[from ..] += elements. */
static void
add_elements(Prio1Total *total, size_t from, const Field87 *elements, size_t count)
{
	Field87 *sums = total->sums + from;

	if (total->fresh)
	{
		memcpy(sums, elements, count * sizeof(Field87));
		return;
	}
	for (size_t i = 0; i < count; i++)
		add_element(&sums[i], elements[i]);
}

/* After every vector: makes room for the next one. */
static void
count_vector(Prio1Total *total)
{
	total->fresh = false;
	if (++total->pending < MAX_PENDING)
		return;
	for (size_t i = 0; i < total->n; i++)
		total->sums[i] = reduced(total->sums[i]);
	total->pending = 0;
}

/* Adds the next vector of a share. */
static PrioStatus
add_vector(Prio1Total *total, Prio1Vectors *vectors)
{
	PrioStatus status = PRIO_OK;
	size_t done = 0;

	while (status == PRIO_OK && done < total->n)
	{
		const Field87 *elements;
		size_t size = total->n - done;

		status = prio1_vectors_read(vectors, &elements, &size);
		if (status == PRIO_OK)
			add_elements(total, done, elements, size);
		done += size;
	}
	count_vector(total);
	return status;
}

/* Moves behind what precedes the vectors in a packet that prio1_verifier_open() once took. */
static PrioStatus
skip_to_vectors(Prio1PacketReader *reader)
{
	Prio1PacketHeader header;
	PrioRole role;
	PrioStatus status = prio1_packet_skip_batch_id(reader);

	if (status == PRIO_OK)
		status = prio1_packet_read_header(reader, &header);
	if (status == PRIO_OK)
		status = prio1_packet_read_role(reader, &role);
	prio_wipe(&header, sizeof(header));
	return status;
}

PrioStatus
prio1_total_add_share(Prio1Total *total, const Prio1Verifier *verifier, const uint8_t *share,
					  size_t size, uint8_t *plaintext)
{
	size_t plaintext_size = 0;
	Prio1Vectors vectors;
	PrioStatus status;

	if (verifier->role != total->role || verifier->n != total->n || !verifier->has_key)
		return PRIO_MISMATCH;
	status = prio1_verifier_check_share(verifier, share, size);
	if (status != PRIO_OK)
		return status;

	if (verifier->role == PRIO_A)
	{
		Prio1PacketReader reader;

		if (share == NULL)
			return PRIO_MISMATCH;
		status = prio1_seal_open_again(verifier->key, share, size, plaintext, &plaintext_size);
		reader = prio1_packet_reader(plaintext, plaintext_size);
		if (status == PRIO_OK)
			status = skip_to_vectors(&reader);
		if (status == PRIO_OK)
			prio1_vectors_begin_a(&vectors, reader);
	}
	else
		status = prio1_vectors_begin_b(&vectors, verifier->key);

	if (status == PRIO_OK)
	{
		status = prio1_vectors_next(&vectors, total->n);
		if (status == PRIO_OK)
			status = add_vector(total, &vectors);
		prio1_vectors_end(&vectors);
	}
	prio_wipe(plaintext, plaintext_size);

	/* The packet was fine when the verifier was made: so it is another one. */
	return prio_is_packet_fault(status) ? PRIO_MISMATCH : status;
}

PrioStatus
prio1_total_merge(Prio1Total *total, const Prio1Total *other)
{
	if (total->role != other->role || total->n != other->n)
		return PRIO_MISMATCH;
	for (size_t i = 0; i < total->n; i++)
		add_element(&total->sums[i], reduced(other->sums[i]));
	count_vector(total);
	return PRIO_OK;
}

PrioStatus
prio1_total_subtract(Prio1Total *total, const Prio1Total *part)
{
	if (total->role != part->role || total->n != part->n)
		return PRIO_MISMATCH;
	for (size_t i = 0; i < total->n; i++)
		add_element(&total->sums[i], field87_neg(reduced(part->sums[i])));
	count_vector(total);
	return PRIO_OK;
}

/* ------------------------------------------------------------------ messages */

size_t
prio1_total_max_message(size_t n)
{
	return 1 + prio1_packet_max_array(n);
}

size_t
prio1_total_write(const Prio1Total *total, uint8_t *out)
{
	Prio1PacketWriter writer = prio1_packet_writer(out, prio1_total_max_message(total->n));
	Field87 chunk[VECTORS_CHUNK];

	prio1_packet_write_role(&writer, total->role);
	prio1_packet_write_array_head(&writer, total->n);
	for (size_t done = 0; done < total->n;)
	{
		size_t size = total->n - done < VECTORS_CHUNK ? total->n - done : VECTORS_CHUNK;

		for (size_t i = 0; i < size; i++)
			chunk[i] = reduced(total->sums[done + i]);
		prio1_packet_write_elements(&writer, chunk, size);
		done += size;
	}
	return (size_t) (writer.next - out);
}

PrioStatus
prio1_total_read_head(Prio1PacketReader *reader, PrioRole *role, size_t *n)
{
	PrioStatus status = prio1_packet_read_role(reader, role);

	if (status == PRIO_OK)
		status = prio1_packet_read_array(reader, n);
	if (status == PRIO_OK && (*n < 1 || *n > PRIO1_MAX_DATA))
		status = PRIO_WRONG_LENGTH;
	return status;
}

PrioStatus
prio1_total_add_message(Prio1Total *total, Prio1PacketReader *reader)
{
	Prio1Vectors vector;
	PrioStatus status;

	prio1_vectors_begin_a(&vector, *reader);
	status = add_vector(total, &vector);
	if (status == PRIO_OK)
		status = prio1_vectors_check_end(&vector);
	*reader = vector.reader;
	prio1_vectors_end(&vector);
	return status;
}

/* ------------------------------------------------------------------ results */

PrioStatus
prio1_total_to_uints(const Prio1Total *total, int bits, Prio1Total *uints, Field87 *memory)
{
	if (total->n % (size_t) bits != 0)
		return PRIO_MISMATCH;
	prio1_total_init(uints, total->role, total->n / (size_t) bits, memory);
	for (size_t j = 0; j < uints->n; j++)
	{
		Field87 value = FIELD87_ZERO;

		/* Horner, from the most significant bit down. */
		for (size_t i = 0; i < (size_t) bits; i++)
			value = field87_add(field87_add(value, value),
								reduced(total->sums[j * (size_t) bits + i]));
		uints->sums[j] = value;
	}
	return PRIO_OK;
}

PrioStatus
prio1_total_publish(const Prio1Total *a, const Prio1Total *b, int64_t *counts, size_t *where)
{
	if (a->role == b->role || a->n != b->n)
		return PRIO_MISMATCH;
	for (size_t i = 0; i < a->n; i++)
	{
		prio_uint128 value =
			field87_to_integer(field87_add(reduced(a->sums[i]), reduced(b->sums[i])));

		if (value >> 63 != 0)
		{
			*where = i;
			return PRIO_OVERFLOW;
		}
		counts[i] = (int64_t) value;
	}
	return PRIO_OK;
}

/* ------------------------------------------------------------------ stored form */

/* Written as it is: that another byte order is another version is meant so. */
#define STORED_VERSION 1

typedef struct StoredHead
{
	uint16_t version;
	uint16_t role;
	uint32_t n;
	uint32_t pending;
	uint8_t digest[PRIO1_DIGEST_BYTES];
} StoredHead;

_Static_assert(sizeof(StoredHead) == PRIO1_TOTAL_HEAD_BYTES, "the head has no gaps");

size_t
prio1_total_stored_size(size_t n)
{
	return PRIO1_TOTAL_HEAD_BYTES + n * sizeof(Field87);
}

static Field87 *
stored_sums(uint8_t *stored)
{
	return (Field87 *) (void *) (stored + PRIO1_TOTAL_HEAD_BYTES);
}

void
prio1_total_create(Prio1Total *total, PrioRole role, size_t n,
				   const uint8_t digest[PRIO1_DIGEST_BYTES], uint8_t *stored)
{
	StoredHead head = {STORED_VERSION, (uint16_t) role, (uint32_t) n, 0, {0}};

	if (digest != NULL)
		memcpy(head.digest, digest, sizeof(head.digest));
	memcpy(stored, &head, sizeof(head));
	total->role = role;
	total->n = n;
	total->pending = 0;
	total->fresh = true;
	total->sums = stored_sums(stored);
}

PrioStatus
prio1_total_open(Prio1Total *total, uint8_t *stored, size_t size)
{
	StoredHead head;

	if (size < sizeof(head))
		return PRIO_MALFORMED;
	memcpy(&head, stored, sizeof(head));
	if (head.version != STORED_VERSION)
		return PRIO_OTHER_VERSION;
	if (head.role > PRIO_B || head.n < 1 || head.n > PRIO1_MAX_DATA ||
		size != prio1_total_stored_size(head.n) || head.pending >= MAX_PENDING)
		return PRIO_MALFORMED;
	total->role = (PrioRole) head.role;
	total->n = head.n;
	total->pending = head.pending;
	total->fresh = false;
	total->sums = stored_sums(stored);
	return PRIO_OK;
}

void
prio1_total_save(const Prio1Total *total, uint8_t *stored)
{
	memcpy(stored + offsetof(StoredHead, pending), &total->pending, sizeof(total->pending));
}

const uint8_t *
prio1_total_digest(const uint8_t *stored)
{
	return stored + offsetof(StoredHead, digest);
}
