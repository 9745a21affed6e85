/*
 * verifier.c
 *		One server checks one packet: one dot product for f and g, one for h.
 */
#include "prio1/verifier.h"

#include "base/secret.h"

#include "prio1/vectors.h"

/* How many points are drawn between two questions whether to stop. */
#define POINTS_AT_ONCE 256

/* ------------------------------------------------------------------ context */

PrioStatus
prio1_verifier_point(const uint8_t shared_secret[PRIO1_SEED_BYTES], Prio1PrgVariant variant,
					 const uint8_t *batch_id, size_t batch_id_size, size_t n, uint64_t ordinal,
					 Prio1PointCursor *cursor, Field87 *r, PrioStop stop)
{
	Prio1PointCursor from = {0, 0};
	uint8_t key[PRIO_AES_KEY_BYTES];
	Field87 points[POINTS_AT_ONCE];
	uint64_t lower = n + 2;
	Prio1Prg prg;
	PrioStatus status;

	if (cursor != NULL && cursor->ordinal <= ordinal)
		from = *cursor;
	*r = FIELD87_ZERO;

	status = prio1_prg_key(shared_secret, variant, batch_id, batch_id_size, key);
	if (status == PRIO_OK)
		status = prio1_prg_open(&prg, key, from.candidates);
	prio_wipe(key, sizeof(key));
	if (status != PRIO_OK)
		return status;

	while (status == PRIO_OK && from.ordinal <= ordinal)
	{
		uint64_t left = ordinal - from.ordinal + 1;
		size_t count = left < POINTS_AT_ONCE ? (size_t) left : POINTS_AT_ONCE;

		status = prio1_prg_draw(&prg, FIELD87_P - lower, points, count);
		*r = points[count - 1];
		from.ordinal += count;
		if (from.ordinal <= ordinal && prio_stopped(stop))
			status = PRIO_INTERRUPTED;
	}
	if (cursor != NULL && (status == PRIO_OK || status == PRIO_INTERRUPTED))
	{
		cursor->ordinal = from.ordinal;
		cursor->candidates = prio1_prg_candidates(&prg);
	}
	*r = field87_add(*r, field87_from_integer(lower));
	prio_wipe(points, sizeof(points));
	prio1_prg_close(&prg);
	return status;
}

PrioStatus
prio1_verifier_context_init(Prio1VerifierContext *context, PrioRole role,
							Prio1PrgVariant variant, const uint8_t *batch_id,
							size_t batch_id_size, size_t n, Field87 r, Field87 *memory,
							PrioStop stop)
{
	uint8_t head[8];
	uint8_t hash[PRIO_HASH_BYTES];
	PrioStatus status;

	context->role = role;
	context->variant = variant;
	context->batch_id = batch_id;
	context->batch_id_size = batch_id_size;

	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t) (n >> (8 * i));
	memset(head + 4, 0, 4);
	head[4] = (uint8_t) variant;
	status = prio_sha256(head, sizeof(head), batch_id, batch_id_size, hash);
	if (status != PRIO_OK)
		return status;
	memcpy(context->digest, hash, PRIO1_DIGEST_BYTES);
	return prio_lagrange87_init(&context->weights, n, r, memory, stop);
}

/* The weights at index 0 stand for the point: l_0(r) and m_0(r). */
PrioStatus
prio1_verifier_fingerprint(const Prio1VerifierContext *context,
						   uint8_t fingerprint[PRIO_HASH_BYTES])
{
	uint8_t weights[2 * FIELD87_BYTES];
	PrioStatus status;

	field87_to_bytes(context->weights.data_0, weights);
	field87_to_bytes(context->weights.h_0, weights + FIELD87_BYTES);
	status = prio_sha256(context->digest, sizeof(context->digest), weights, sizeof(weights),
						 fingerprint);
	prio_wipe(weights, sizeof(weights));
	return status;
}

/* ------------------------------------------------------------------ opening */

size_t
prio1_verifier_max_share(size_t batch_id_size, size_t n)
{
	return 4096 +
		2 * (prio1_packet_max_plaintext(PRIO_A, batch_id_size, n) + PRIO1_SEAL_OVERHEAD);
}

/*
 * *value += the dot product of weights and the next vector of the share. The vector itself goes
 * to copy, unless that is NULL.
 */
static PrioStatus
evaluate_vector(Prio1Vectors *vectors, const Field87 *weights, size_t count, Field87 *value,
				Field87 *copy)
{
	Field87Sum sum = {0, 0, 0};
	PrioStatus status = prio1_vectors_next(vectors, count);
	size_t done = 0;

	while (status == PRIO_OK && done < count)
	{
		const Field87 *elements;
		size_t size = count - done;

		status = prio1_vectors_read(vectors, &elements, &size);
		if (status == PRIO_OK)
		{
			prio_kernels->add_dot(&sum, weights + done, elements, size);
			if (copy != NULL)
				memcpy(copy + done, elements, size * sizeof(Field87));
		}
		done += size;
	}
	*value = field87_add(*value, field87_sum_reduce(&sum));
	prio_wipe(&sum, sizeof(sum));
	return status;
}

/*
 * The shares of f(r), g(r) and h(r), and from them d and e.
 *
 * g differs from f at index 0 and, on A alone, by the 1 that is taken off every data
 * share: g(r) = f(r) - l_0 f0 + l_0 g0 - [A] (l_1 + ... + l_n).
 */
static PrioStatus
evaluate_packet(const Prio1VerifierContext *context, const Prio1PacketHeader *header,
				Prio1Vectors *vectors, Prio1Verifier *verifier, Field87 *data)
{
	const Lagrange87 *weights = &context->weights;
	Field87 f = field87_mul(weights->data_0, header->f0);
	Field87 g;
	PrioStatus status;

	verifier->h = field87_mul(weights->h_0, header->h0);
	status = evaluate_vector(vectors, weights->data, weights->n, &f, data);
	if (status == PRIO_OK)
		status = evaluate_vector(vectors, weights->h, weights->domain, &verifier->h, NULL);
	if (status == PRIO_OK)
		status = prio1_vectors_check_end(vectors);

	g = field87_add(f, field87_mul(weights->data_0, field87_sub(header->g0, header->f0)));
	if (context->role == PRIO_A)
		g = field87_sub(g, weights->data_sum);
	verifier->d = field87_sub(f, header->a);
	verifier->e = field87_sub(g, header->b);
	prio_wipe(&f, sizeof(f));
	prio_wipe(&g, sizeof(g));
	return status;
}

static PrioStatus
open_plaintext(const Prio1VerifierContext *context, const uint8_t *plaintext, size_t size,
			   Prio1Verifier *verifier, Field87 *data)
{
	Prio1PacketReader reader = prio1_packet_reader(plaintext, size);
	Prio1PacketHeader header;
	PrioRole role = PRIO_A;
	Prio1Vectors vectors;
	uint8_t seed[PRIO1_SEED_BYTES];
	PrioStatus status;

	verifier->role = context->role;
	verifier->variant = context->variant;
	verifier->n = context->weights.n;
	memcpy(verifier->digest, context->digest, PRIO1_DIGEST_BYTES);

	status = prio1_packet_read_batch_id(&reader, context->batch_id, context->batch_id_size);
	if (status == PRIO_OK)
		status = prio1_packet_read_header(&reader, &header);
	if (status == PRIO_OK)
		status = prio1_packet_read_role(&reader, &role);
	if (status == PRIO_OK && role != context->role)
		status = PRIO_WRONG_SERVER;
	if (status == PRIO_OK && role == PRIO_B)
	{
		status = prio1_packet_read_bytes(&reader, seed, sizeof(seed));
		if (status == PRIO_OK)
			status = prio1_packet_read_end(&reader);
		if (status == PRIO_OK)
			status = prio1_prg_key(seed, context->variant, context->batch_id,
								   context->batch_id_size, verifier->key);
		prio_wipe(seed, sizeof(seed));
		if (status == PRIO_OK)
			status = prio1_vectors_begin_b(&vectors, verifier->key);
	}
	else if (status == PRIO_OK)
		prio1_vectors_begin_a(&vectors, reader);

	if (status == PRIO_OK)
	{
		status = evaluate_packet(context, &header, &vectors, verifier, data);
		prio1_vectors_end(&vectors);
		verifier->a = header.a;
		verifier->b = header.b;
		verifier->c = header.c;
	}
	prio_wipe(&header, sizeof(header));
	return status;
}

PrioStatus
prio1_verifier_open_plaintext(const Prio1VerifierContext *context, const uint8_t *plaintext,
							  size_t size, Prio1Verifier *verifier)
{
	return open_plaintext(context, plaintext, size, verifier, NULL);
}

PrioStatus
prio1_verifier_open(const Prio1VerifierContext *context, PrioKeyPair *pair, const uint8_t *share,
					size_t size, uint8_t *plaintext, Prio1Verifier *verifier)
{
	return prio1_verifier_open_data(context, pair, share, size, plaintext, verifier, NULL);
}

PrioStatus
prio1_verifier_open_data(const Prio1VerifierContext *context, PrioKeyPair *pair,
						 const uint8_t *share, size_t size, uint8_t *plaintext,
						 Prio1Verifier *verifier, Field87 *data)
{
	size_t plaintext_size = 0;
	PrioStatus status;

	if (size > prio1_verifier_max_share(context->batch_id_size, context->weights.n))
		return PRIO_WRONG_LENGTH;

	status = prio1_seal_open(pair, share, size, plaintext, &plaintext_size,
							 context->role == PRIO_A ? verifier->key : NULL);
	if (status == PRIO_OK)
	{
		verifier->has_key = true;
		memcpy(verifier->tag_start, share + size - PRIO_GCM_TAG_BYTES, PRIO1_TAG_START_BYTES);
		status = open_plaintext(context, plaintext, plaintext_size, verifier, data);
	}
	prio_wipe(plaintext, plaintext_size);
	if (status != PRIO_OK)
		prio_wipe(verifier, sizeof(*verifier));
	return status;
}

PrioStatus
prio1_verifier_check_share(const Prio1Verifier *verifier, const uint8_t *share, size_t size)
{
	if (share != NULL &&
		(size < PRIO1_SEAL_OVERHEAD ||
		 memcmp(share + size - PRIO_GCM_TAG_BYTES, verifier->tag_start,
				PRIO1_TAG_START_BYTES) != 0))
		return PRIO_MISMATCH;
	return PRIO_OK;
}

/* ------------------------------------------------------------------ rounds */

size_t
prio1_verifier_verify1(const Prio1Verifier *verifier, uint8_t out[PRIO1_VERIFY1_MAX_BYTES])
{
	Prio1PacketWriter writer = prio1_packet_writer(out, PRIO1_VERIFY1_MAX_BYTES);

	prio1_packet_write_element(&writer, verifier->d);
	prio1_packet_write_element(&writer, verifier->e);
	return (size_t) (writer.next - out);
}

/* out = d e / 2 + d b + e a + c - h(r), with d and e the sums of both servers' shares. */
PrioStatus
prio1_verifier_verify2(const Prio1Verifier *verifier, const uint8_t *peer_verify1, size_t size,
					   uint8_t out[PRIO1_VERIFY2_MAX_BYTES], size_t *out_size)
{
	Prio1PacketReader reader = prio1_packet_reader(peer_verify1, size);
	Prio1PacketWriter writer = prio1_packet_writer(out, PRIO1_VERIFY2_MAX_BYTES);
	Field87 d;
	Field87 e;
	Field87 value;
	Field87Sum sum = {0, 0, 0};
	PrioStatus status;

	status = prio1_packet_read_element(&reader, &d);
	if (status == PRIO_OK)
		status = prio1_packet_read_element(&reader, &e);
	if (status == PRIO_OK)
		status = prio1_packet_read_end(&reader);
	if (status != PRIO_OK)
		return status;

	d = field87_add(d, verifier->d);
	e = field87_add(e, verifier->e);
	field87_sum_add_product(&sum, field87_mul(d, FIELD87_HALF), e);
	field87_sum_add_product(&sum, d, verifier->b);
	field87_sum_add_product(&sum, e, verifier->a);
	value = field87_sub(field87_add(field87_sum_reduce(&sum), verifier->c), verifier->h);
	prio1_packet_write_element(&writer, value);
	*out_size = (size_t) (writer.next - out);
	return PRIO_OK;
}

static PrioStatus
read_verify2(const uint8_t *message, size_t size, Field87 *out)
{
	Prio1PacketReader reader = prio1_packet_reader(message, size);
	PrioStatus status = prio1_packet_read_element(&reader, out);

	return status == PRIO_OK ? prio1_packet_read_end(&reader) : status;
}

PrioStatus
prio1_verifier_is_valid(const uint8_t *verify2_a, size_t size_a, const uint8_t *verify2_b,
						size_t size_b, bool *valid)
{
	Field87 a = FIELD87_ZERO;
	Field87 b = FIELD87_ZERO;
	PrioStatus status = read_verify2(verify2_a, size_a, &a);

	if (status == PRIO_OK)
		status = read_verify2(verify2_b, size_b, &b);
	*valid = status == PRIO_OK && prio_declassify(field87_is_zero(field87_add(a, b)));
	return prio_is_packet_fault(status) ? PRIO_OK : status;
}

PrioStatus
prio1_verifier_decoy(int round, uint8_t out[PRIO1_VERIFY1_MAX_BYTES], size_t *out_size)
{
	Prio1PacketWriter writer = prio1_packet_writer(out, PRIO1_VERIFY1_MAX_BYTES);
	uint8_t key[PRIO_AES_KEY_BYTES];
	Field87 elements[2];
	size_t count = round == 1 ? 2 : 1;
	Prio1Prg prg;
	PrioStatus status = prio_random(key, sizeof(key));

	if (status == PRIO_OK)
		status = prio1_prg_open(&prg, key, 0);
	if (status != PRIO_OK)
		return status;
	status = prio1_prg_draw(&prg, FIELD87_P, elements, count);
	prio1_prg_close(&prg);
	for (size_t i = 0; status == PRIO_OK && i < count; i++)
		prio1_packet_write_element(&writer, elements[i]);
	*out_size = (size_t) (writer.next - out);
	return status;
}

/* ------------------------------------------------------------------ stored form */

/*
 * version (1), flags (1), n (4, little endian), digest (16), mark (8), d, e, a, b, c and
 * h (11 each, big endian), key (16, zero when it is left out).
 */
#define STORED_VERSION 1
#define FLAG_ROLE_B 0x01
#define FLAG_PRG_SEED 0x02
#define FLAG_HAS_KEY 0x04
#define FLAGS_KNOWN (FLAG_ROLE_B | FLAG_PRG_SEED | FLAG_HAS_KEY)

_Static_assert(PRIO1_VERIFIER_BYTES ==
				   6 + PRIO1_DIGEST_BYTES + PRIO1_TAG_START_BYTES + 6 * FIELD87_BYTES +
					   PRIO_AES_KEY_BYTES,
			   "VERIFIER_BYTES must be the size of the layout");

void
prio1_verifier_store(const Prio1Verifier *verifier, bool with_key,
					 uint8_t out[PRIO1_VERIFIER_BYTES])
{
	const Field87 *elements[] = {&verifier->d, &verifier->e, &verifier->a,
								 &verifier->b, &verifier->c, &verifier->h};
	uint8_t *p = out;

	with_key = with_key && verifier->has_key;
	*p++ = STORED_VERSION;
	*p++ = (uint8_t) ((verifier->role == PRIO_B ? FLAG_ROLE_B : 0) |
					  (verifier->variant == PRIO1_PRG_SEED ? FLAG_PRG_SEED : 0) |
					  (with_key ? FLAG_HAS_KEY : 0));
	for (int i = 0; i < 4; i++)
		*p++ = (uint8_t) (verifier->n >> (8 * i));
	memcpy(p, verifier->digest, PRIO1_DIGEST_BYTES);
	p += PRIO1_DIGEST_BYTES;
	memcpy(p, verifier->tag_start, PRIO1_TAG_START_BYTES);
	p += PRIO1_TAG_START_BYTES;
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		field87_to_bytes(*elements[i], p);
		p += FIELD87_BYTES;
	}
	if (with_key)
		memcpy(p, verifier->key, PRIO_AES_KEY_BYTES);
	else
		memset(p, 0, PRIO_AES_KEY_BYTES);
}

PrioStatus
prio1_verifier_load(Prio1Verifier *verifier, const uint8_t *stored, size_t size)
{
	Field87 *elements[] = {&verifier->d, &verifier->e, &verifier->a,
						   &verifier->b, &verifier->c, &verifier->h};
	const uint8_t *p = stored;
	uint64_t all_reduced = 1;
	uint8_t any_key = 0;
	uint8_t flags;

	if (size < 1)
		return PRIO_MALFORMED;
	if (*p++ != STORED_VERSION)
		return PRIO_OTHER_VERSION;
	if (size != PRIO1_VERIFIER_BYTES)
		return PRIO_MALFORMED;

	flags = *p++;
	verifier->role = (flags & FLAG_ROLE_B) != 0 ? PRIO_B : PRIO_A;
	verifier->variant = (flags & FLAG_PRG_SEED) != 0 ? PRIO1_PRG_SEED : PRIO1_PRG_BATCH;
	verifier->has_key = (flags & FLAG_HAS_KEY) != 0;
	verifier->n = 0;
	for (int i = 0; i < 4; i++)
		verifier->n |= (size_t) *p++ << (8 * i);
	memcpy(verifier->digest, p, PRIO1_DIGEST_BYTES);
	p += PRIO1_DIGEST_BYTES;
	memcpy(verifier->tag_start, p, PRIO1_TAG_START_BYTES);
	p += PRIO1_TAG_START_BYTES;
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
	{
		*elements[i] = field87_from_bytes(p);
		all_reduced &= field87_is_reduced(*elements[i]);
		p += FIELD87_BYTES;
	}
	memcpy(verifier->key, p, PRIO_AES_KEY_BYTES);
	for (int i = 0; i < PRIO_AES_KEY_BYTES; i++)
		any_key |= p[i];

	/*
	 * What is taken is written the same way again: no key, then no bytes of one either.
	 * That bytes which nobody says are a key are not zero, anybody may know.
	 */
	if (!verifier->has_key && prio_declassify(any_key) != 0)
		return PRIO_MALFORMED;
	if ((flags & ~FLAGS_KNOWN) != 0 || verifier->n < 1 || verifier->n > PRIO1_MAX_DATA ||
		!prio_declassify(all_reduced))
		return PRIO_MALFORMED;
	return PRIO_OK;
}
