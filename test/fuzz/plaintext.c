/*
 * plaintext.c
 *		The plaintext of a client's packet, for either server.
 *
 * Input: the batch and the server (1 byte), the plaintext.
 *
 * prio1_verifier_open_plaintext() must come to the verdict of a reader made of msgpack-c, and
 * to the values that the formulas give (docs/protocol.md, "Server") for what that one has read.
 */
#include "fuzz.h"

#define HEAD_BYTES 1

/* What a packet holds, as msgpack-c sees it. */
typedef struct Packet
{
	Field87 header[6];   /* a, b, c, f0, g0, h0 */
	const uint8_t *seed; /* B */
	Field87 *vectors;    /* A: n data shares and N h points, free() them */
} Packet;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	fuzz_begin();
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return mutate_input(HEAD_BYTES, data, size, max_size, seed);
}

/* ------------------------------------------------------------------ as msgpack-c sees it */

/* An array of so many elements; moves *at behind it. */
static Faults
read_vector(Bytes plaintext, size_t *at, Field87 *elements, size_t count)
{
	size_t used;
	size_t claimed;
	Faults faults =
		general_read_head(plaintext.data + *at, plaintext.size - *at, &claimed, &used);

	if (faults != NO_FAULTS)
		return faults;
	if (claimed != count)
		return FAULT(PRIO_WRONG_LENGTH);
	*at += used;
	if (count > (plaintext.size - *at) / 2)
		return FAULT(PRIO_MALFORMED);
	for (size_t i = 0; i < count; i++)
	{
		faults |= general_read_element(plaintext.data + *at, plaintext.size - *at,
									   &elements[i], &used);
		if (used == 0)
			return faults;
		*at += used;
	}
	return faults;
}

/* Everything up to the role. */
static Faults
read_front(const Prio1VerifierContext *context, Bytes plaintext, size_t *at, Packet *packet)
{
	const uint8_t *batch_id;
	size_t batch_id_size;
	size_t used;
	PrioRole role;
	Faults faults =
		general_read_str(plaintext.data, plaintext.size, &batch_id, &batch_id_size, &used);

	if (faults != NO_FAULTS)
		return faults;
	if (batch_id_size != context->batch_id_size ||
		memcmp(batch_id, context->batch_id, batch_id_size) != 0)
		return FAULT(PRIO_WRONG_BATCH);
	*at = used;
	for (int i = 0; i < 6; i++)
	{
		faults |= general_read_element(plaintext.data + *at, plaintext.size - *at,
									   &packet->header[i], &used);
		if (used == 0)
			return faults;
		*at += used;
	}
	if (faults != NO_FAULTS)
		return faults;
	faults = general_read_role(plaintext.data + *at, plaintext.size - *at, &role, &used);
	*at += used;
	if (faults == NO_FAULTS && role != context->role)
		return FAULT(PRIO_WRONG_SERVER);
	return faults;
}

static Faults
read_packet(const Prio1VerifierContext *context, Bytes plaintext, Packet *packet)
{
	size_t n = context->weights.n;
	size_t domain = context->weights.domain;
	size_t at = 0;
	Faults faults = read_front(context, plaintext, &at, packet);

	packet->vectors = calloc(n + domain, sizeof(Field87));
	if (faults == NO_FAULTS && context->role == PRIO_B)
	{
		size_t seed_size;
		size_t used;

		faults = general_read_str(plaintext.data + at, plaintext.size - at, &packet->seed,
								  &seed_size, &used);
		if (faults == NO_FAULTS && seed_size != PRIO1_SEED_BYTES)
			return FAULT(PRIO_WRONG_LENGTH);
		at += used;
	}
	else if (faults == NO_FAULTS)
	{
		faults = read_vector(plaintext, &at, packet->vectors, n);
		if (faults == NO_FAULTS)
			faults = read_vector(plaintext, &at, packet->vectors + n, domain);
	}
	if (faults == NO_FAULTS && at != plaintext.size)
		return FAULT(PRIO_MALFORMED);
	return faults;
}

/* ------------------------------------------------------------------ what must hold */

/* B's vectors are those of its seed. */
static void
draw_vectors(const Prio1VerifierContext *context, Packet *packet)
{
	uint8_t key[PRIO_AES_KEY_BYTES];
	Prio1Prg prg;

	assert_ok(prio1_prg_key(packet->seed, context->variant, context->batch_id,
							context->batch_id_size, key));
	assert_ok(prio1_prg_open(&prg, key, 0));
	assert_ok(prio1_prg_draw(&prg, FIELD87_P, packet->vectors,
							 context->weights.n + context->weights.domain));
	prio1_prg_close(&prg);
}

/* d, e and h by the definitions of f, g and h (docs/protocol.md, "Server", steps 3 and 4). */
static void
check_values(const Prio1VerifierContext *context, const Packet *packet,
			 const Prio1Verifier *verifier)
{
	const Lagrange87 *weights = &context->weights;
	Field87 f = field87_mul(weights->data_0, packet->header[3]);
	Field87 g = field87_mul(weights->data_0, packet->header[4]);
	Field87 h = field87_mul(weights->h_0, packet->header[5]);

	for (size_t i = 0; i < weights->n; i++)
	{
		Field87 x = packet->vectors[i];

		f = field87_add(f, field87_mul(weights->data[i], x));
		if (context->role == PRIO_A)
			x = field87_sub(x, FIELD87_ONE);
		g = field87_add(g, field87_mul(weights->data[i], x));
	}
	for (size_t i = 0; i < weights->domain; i++)
		h = field87_add(h, field87_mul(weights->h[i], packet->vectors[weights->n + i]));

	assert_element(verifier->a, packet->header[0]);
	assert_element(verifier->b, packet->header[1]);
	assert_element(verifier->c, packet->header[2]);
	assert_element(verifier->d, field87_sub(f, packet->header[0]));
	assert_element(verifier->e, field87_sub(g, packet->header[1]));
	assert_element(verifier->h, h);
	assert_int_equal(verifier->role, context->role);
	assert_int_equal(verifier->variant, context->variant);
	assert_int_equal(verifier->n, weights->n);
	assert_memory_equal(verifier->digest, context->digest, PRIO1_DIGEST_BYTES);
}

/* A packet has one spelling: written again it is the same, and not longer than promised. */
static void
check_spelling(const Prio1VerifierContext *context, const Packet *packet, Bytes plaintext)
{
	size_t n = context->weights.n;
	size_t max = prio1_packet_max_plaintext(context->role, context->batch_id_size, n);
	uint8_t *again = malloc(max);
	Prio1PacketWriter writer = prio1_packet_writer(again, max);
	Prio1PacketHeader header = {packet->header[0], packet->header[1], packet->header[2],
								packet->header[3], packet->header[4], packet->header[5]};

	prio1_packet_write_bytes(&writer, context->batch_id, context->batch_id_size);
	prio1_packet_write_header(&writer, &header);
	prio1_packet_write_role(&writer, context->role);
	if (context->role == PRIO_A)
	{
		prio1_packet_write_array(&writer, packet->vectors, n);
		prio1_packet_write_array(&writer, packet->vectors + n, context->weights.domain);
	}
	else
		prio1_packet_write_bytes(&writer, packet->seed, PRIO1_SEED_BYTES);
	assert_false(writer.overrun);
	assert_int_equal(writer.next - again, plaintext.size);
	assert_memory_equal(again, plaintext.data, plaintext.size);
	assert_true(plaintext.size + PRIO1_SEAL_OVERHEAD <=
				prio1_verifier_max_share(context->batch_id_size, n));
	free(again);
}

/* B's total takes the data shares from the verifier alone. */
static void
check_total(const Packet *packet, const Prio1Verifier *verifier)
{
	Prio1Total total = total_make(PRIO_B, verifier->n);

	assert_ok(prio1_total_add_share(&total, verifier, NULL, 0, NULL));
	for (size_t i = 0; i < verifier->n; i++)
		assert_element(total.sums[i], packet->vectors[i]);
	free(total.sums);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Batch *batch;
	PrioRole role;
	const Prio1VerifierContext *context;
	Bytes plaintext;
	Packet packet;
	Prio1Verifier verifier;
	Faults faults;
	PrioStatus status;

	if (size < HEAD_BYTES)
		return 0;
	batch = chosen_batch(data[0]);
	role = chosen_role(data[0]);
	context = &batch->servers.context[role];
	plaintext = exact_copy(data + HEAD_BYTES, size - HEAD_BYTES);

	memset(&verifier, 0xee, sizeof(verifier));
	status = prio1_verifier_open_plaintext(context, plaintext.data, plaintext.size, &verifier);
	faults = read_packet(context, plaintext, &packet);
	if (!faults_allow(faults, status))
		fail_msg("\"%s\" where the faults are %#x", prio_status_text(status), faults);
	assert_true(status == PRIO_OK || prio_is_packet_fault(status));

	if (status == PRIO_OK)
	{
		/* What only the sealed packet shows. */
		verifier.has_key = true;
		memset(verifier.tag_start, 0, PRIO1_TAG_START_BYTES);
		if (role == PRIO_A)
			memset(verifier.key, 0, PRIO_AES_KEY_BYTES);
		else
			draw_vectors(context, &packet);
		check_values(context, &packet, &verifier);
		check_spelling(context, &packet, plaintext);
		check_verifier(&verifier);
		/* An exchange with another packet's share: both rounds go through. */
		servers_exchange(&verifier, &batch->verifier[!role]);
		if (role == PRIO_B)
			check_total(&packet, &verifier);
	}
	free(packet.vectors);
	free_exact(plaintext);
	return 0;
}
