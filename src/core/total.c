/*
 * total.c
 *		Sums of shares, and what is published.
 */
#include "total.h"

#include "share.h"

/* After this many vectors the limbs are below 2^63 and must be brought down. */
#define MAX_PENDING ((UINT32_C(1) << 19) - 1)

void
total_init(Total *total, PrioRole role, size_t n, FieldElement *memory)
{
	total->role = role;
	total->n = n;
	total->pending = 0;
	total->sums = memory;
	memset(memory, 0, n * sizeof(FieldElement));
}

/*
 * Brings every element below p. With limbs below 2^63 the value is below 2^108; what lies
 * above bit 87 folds down to less than 2^41.
 */
static void
normalise(Total *total)
{
	uint128 low_mask = ((uint128) 1 << 87) - 1;

	if (total->pending == 0)
		return;
	for (size_t i = 0; i < total->n; i++)
	{
		uint128 value = field_to_integer(total->sums[i]);
		uint64_t high = (uint64_t) (value >> 87);

		total->sums[i] = field_from_signed((int128) (value & low_mask) -
										   (int128) ((uint128) high * FIELD_FOLD));
	}
	total->pending = 0;
}

/* sums[from ..] += elements. */
static void
add_elements(Total *total, size_t from, const FieldElement *elements, size_t count)
{
	FieldElement *sums = total->sums + from;

	for (size_t i = 0; i < count; i++)
	{
		sums[i].lo += elements[i].lo;
		sums[i].hi += elements[i].hi;
	}
}

static void
count_vector(Total *total)
{
	if (++total->pending == MAX_PENDING)
		normalise(total);
}

/* Adds the next vector of a share. */
static PrioStatus
add_vector(Total *total, Share *share)
{
	PrioStatus status = PRIO_OK;
	size_t done = 0;

	while (status == PRIO_OK && done < total->n)
	{
		const FieldElement *elements;
		size_t size = total->n - done;

		status = share_read(share, &elements, &size);
		if (status == PRIO_OK)
			add_elements(total, done, elements, size);
		done += size;
	}
	count_vector(total);
	return status;
}

/* Moves behind what precedes the vectors in a packet that verifier_open() once took. */
static PrioStatus
skip_to_vectors(PacketReader *reader)
{
	PacketHeader header;
	PrioRole role;
	PrioStatus status = packet_skip_batch_id(reader);

	if (status == PRIO_OK)
		status = packet_read_header(reader, &header);
	if (status == PRIO_OK)
		status = packet_read_role(reader, &role);
	prio_wipe(&header, sizeof(header));
	return status;
}

PrioStatus
total_add_share(Total *total, const Verifier *verifier, const uint8_t *share, size_t size,
				uint8_t *plaintext)
{
	size_t plaintext_size = 0;
	Share vectors;
	PrioStatus status;

	if (verifier->role != total->role || verifier->n != total->n || !verifier->has_key)
		return PRIO_MISMATCH;
	status = verifier_check_share(verifier, share, size);
	if (status != PRIO_OK)
		return status;

	if (verifier->role == PRIO_A)
	{
		PacketReader reader;

		if (share == NULL)
			return PRIO_MISMATCH;
		status = seal_open_again(verifier->key, share, size, plaintext, &plaintext_size);
		reader = packet_reader(plaintext, plaintext_size);
		if (status == PRIO_OK)
			status = skip_to_vectors(&reader);
		if (status == PRIO_OK)
			share_begin_a(&vectors, reader);
	}
	else
		status = share_begin_b(&vectors, verifier->key);

	if (status == PRIO_OK)
	{
		status = share_next_vector(&vectors, total->n);
		if (status == PRIO_OK)
			status = add_vector(total, &vectors);
		share_end(&vectors);
	}
	prio_wipe(plaintext, plaintext_size);

	/* The packet was fine when the verifier was made: so it is another one. */
	return prio_is_packet_fault(status) ? PRIO_MISMATCH : status;
}

PrioStatus
total_merge(Total *total, Total *other)
{
	if (total->role != other->role || total->n != other->n)
		return PRIO_MISMATCH;
	normalise(other);
	add_elements(total, 0, other->sums, other->n);
	count_vector(total);
	return PRIO_OK;
}

/* ------------------------------------------------------------------ messages */

size_t
total_max_message(size_t n)
{
	return 1 + packet_max_array(n);
}

size_t
total_write(Total *total, uint8_t *out)
{
	PacketWriter writer = packet_writer(out, total_max_message(total->n));

	normalise(total);
	packet_write_role(&writer, total->role);
	packet_write_array(&writer, total->sums, total->n);
	return (size_t) (writer.next - out);
}

PrioStatus
total_read_head(PacketReader *reader, PrioRole *role, size_t *n)
{
	PrioStatus status = packet_read_role(reader, role);

	if (status == PRIO_OK)
		status = packet_read_array(reader, n);
	if (status == PRIO_OK && (*n < 1 || *n > PRIO_MAX_DATA))
		status = PRIO_WRONG_LENGTH;
	return status;
}

PrioStatus
total_add_message(Total *total, PacketReader *reader)
{
	Share vector;
	PrioStatus status;

	share_begin_a(&vector, *reader);
	status = add_vector(total, &vector);
	if (status == PRIO_OK)
		status = share_check_end(&vector);
	*reader = vector.reader;
	share_end(&vector);
	return status;
}

/* ------------------------------------------------------------------ results */

PrioStatus
total_to_uints(Total *total, int bits, Total *uints, FieldElement *memory)
{
	if (total->n % (size_t) bits != 0)
		return PRIO_MISMATCH;
	normalise(total);
	total_init(uints, total->role, total->n / (size_t) bits, memory);
	for (size_t j = 0; j < uints->n; j++)
	{
		FieldElement value = FIELD_ZERO;

		/* Horner, from the most significant bit down. */
		for (size_t i = 0; i < (size_t) bits; i++)
			value = field_add(field_add(value, value), total->sums[j * (size_t) bits + i]);
		uints->sums[j] = value;
	}
	return PRIO_OK;
}

PrioStatus
total_publish(Total *a, Total *b, int64_t *counts, size_t *where)
{
	if (a->role == b->role || a->n != b->n)
		return PRIO_MISMATCH;
	normalise(a);
	normalise(b);
	for (size_t i = 0; i < a->n; i++)
	{
		uint128 value = field_to_integer(field_add(a->sums[i], b->sums[i]));

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

size_t
total_stored_size(size_t n)
{
	return n * FIELD_BYTES;
}

void
total_store(Total *total, uint8_t *out)
{
	normalise(total);
	for (size_t i = 0; i < total->n; i++)
		field_to_bytes(total->sums[i], out + i * FIELD_BYTES);
}

PrioStatus
total_load(Total *total, const uint8_t *stored, size_t size)
{
	uint64_t all_reduced = 1;

	if (size != total_stored_size(total->n))
		return PRIO_MALFORMED;
	for (size_t i = 0; i < total->n; i++)
	{
		total->sums[i] = field_from_bytes(stored + i * FIELD_BYTES);
		all_reduced &= field_is_reduced(total->sums[i]);
	}
	total->pending = 0;
	return prio_declassify(all_reduced) ? PRIO_OK : PRIO_MALFORMED;
}
