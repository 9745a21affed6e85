/*
 * client.c
 *		The client: proves that its data are zeros and ones, and splits it in two.
 */
#include "prio1/client.h"

#include "base/secret.h"

#include "prio1/prg.h"

PrioStatus
prio1_client_init(Prio1Client *client, size_t n, Field87 *memory, PrioStop stop)
{
	PrioStatus status = prio_coset87_init(&client->transform, n, memory, stop);

	client->n = status == PRIO_OK ? n : 0;
	return status;
}

/* Random elements, by rejection: about two candidates each. prg.h says what that shows. */
static PrioStatus
random_elements(Field87 *out, size_t count)
{
	uint8_t bytes[FIELD87_BYTES] = {0};
	PrioStatus status = PRIO_OK;

	for (size_t i = 0; status == PRIO_OK && i < count; i++)
	{
		do
		{
			status = prio_random(bytes, sizeof(bytes));
			out[i] = field87_from_bytes(bytes);
		} while (status == PRIO_OK && !prio_declassify(field87_is_reduced(out[i])));
	}
	prio_wipe(bytes, sizeof(bytes));
	return status;
}

size_t
prio1_client_scratch_size(size_t n)
{
	return n + 2 * prio_lagrange87_domain(n, NULL);
}

/*
 * f_values becomes the N h points, h = f g at the odd powers of w_2N; both arguments
 * come as the values at the powers of w_N.
 */
static PrioStatus
make_h_points(const Prio1Client *client, Field87 *f_values, Field87 *g_values, PrioStop stop)
{
	PrioStatus status = prio_coset87_to_odd_powers(&client->transform, f_values, stop);

	if (status == PRIO_OK)
		status = prio_coset87_to_odd_powers(&client->transform, g_values, stop);
	if (status != PRIO_OK)
		return status;
	for (size_t i = 0; i < client->transform.domain; i++)
		f_values[i] = field87_mul(f_values[i], g_values[i]);
	return PRIO_OK;
}

/* elements -= the next ones of the stream: B's share of them goes, A's stays. */
static PrioStatus
subtract_stream(Prio1Prg *prg, Field87 *elements, size_t count)
{
	while (count > 0)
	{
		const Field87 *random;
		size_t size = count;
		PrioStatus status = prio1_prg_elements(prg, &random, &size);

		if (status != PRIO_OK)
			return status;
		for (size_t i = 0; i < size; i++)
			elements[i] = field87_sub(elements[i], random[i]);
		elements += size;
		count -= size;
	}
	return PRIO_OK;
}

/*
 * The headers of both packets: shares of f(1) and g(1), which the caller drew, of their
 * product h(1), and of a Beaver triple.
 */
static PrioStatus
make_headers(Field87 f0, Field87 g0, Prio1PacketHeader *a, Prio1PacketHeader *b)
{
	/* Independent random ones first: all of A's but c, and a, b and c of B's. */
	Field87 random[8] = {{0, 0}};
	PrioStatus status = random_elements(random, 8);

	a->a = random[0];
	a->b = random[1];
	a->f0 = random[2];
	a->g0 = random[3];
	a->h0 = random[4];
	b->a = random[5];
	b->b = random[6];
	b->c = random[7];
	a->c = field87_sub(field87_mul(field87_add(a->a, b->a), field87_add(a->b, b->b)), b->c);
	b->f0 = field87_sub(f0, a->f0);
	b->g0 = field87_sub(g0, a->g0);
	b->h0 = field87_sub(field87_mul(f0, g0), a->h0);
	prio_wipe(random, sizeof(random));
	return status;
}

PrioStatus
prio1_client_packets(const Prio1Client *client, Prio1PrgVariant variant,
					 const uint8_t *batch_id, size_t batch_id_size, const Field87 *data,
					 uint8_t *plaintext_a, size_t *size_a, uint8_t *plaintext_b,
					 size_t *size_b, Field87 *scratch, PrioStop stop)
{
	size_t n = client->n;
	size_t domain = client->transform.domain;
	Field87 *data_a = scratch;
	Field87 *f_values = scratch + n; /* later the h points, later A's share of them */
	Field87 *g_values = f_values + domain;
	Prio1PacketHeader header_a = {0};
	Prio1PacketHeader header_b = {0};
	uint8_t seed[PRIO1_SEED_BYTES] = {0};
	uint8_t key[PRIO_AES_KEY_BYTES] = {0};
	Prio1PacketWriter writer_a;
	Prio1PacketWriter writer_b;
	Prio1Prg prg;
	PrioStatus status;

	/* f(1) and g(1) hide what the checks at r reveal of f and g. */
	memset(f_values, 0, domain * sizeof(Field87));
	memset(g_values, 0, domain * sizeof(Field87));
	status = random_elements(&f_values[0], 1);
	if (status == PRIO_OK)
		status = random_elements(&g_values[0], 1);
	for (size_t i = 0; i < n; i++)
	{
		data_a[i] = data[i];
		f_values[i + 1] = data[i];
		g_values[i + 1] = field87_sub(data[i], FIELD87_ONE);
	}
	if (status == PRIO_OK)
		status = make_headers(f_values[0], g_values[0], &header_a, &header_b);
	if (status == PRIO_OK)
		status = make_h_points(client, f_values, g_values, stop);

	if (status == PRIO_OK)
		status = prio_random(seed, sizeof(seed));
	if (status == PRIO_OK)
		status = prio1_prg_key(seed, variant, batch_id, batch_id_size, key);
	if (status == PRIO_OK)
		status = prio1_prg_open(&prg, key, 0);
	if (status == PRIO_OK)
	{
		status = subtract_stream(&prg, data_a, n);
		if (status == PRIO_OK)
			status = subtract_stream(&prg, f_values, domain);
		prio1_prg_close(&prg);
	}

	if (status == PRIO_OK)
	{
		writer_a = prio1_packet_writer(plaintext_a,
									   prio1_packet_max_plaintext(PRIO_A, batch_id_size, n));
		prio1_packet_write_bytes(&writer_a, batch_id, batch_id_size);
		prio1_packet_write_header(&writer_a, &header_a);
		prio1_packet_write_role(&writer_a, PRIO_A);
		prio1_packet_write_array(&writer_a, data_a, n);
		prio1_packet_write_array(&writer_a, f_values, domain);
		*size_a = (size_t) (writer_a.next - plaintext_a);

		writer_b = prio1_packet_writer(plaintext_b,
									   prio1_packet_max_plaintext(PRIO_B, batch_id_size, n));
		prio1_packet_write_bytes(&writer_b, batch_id, batch_id_size);
		prio1_packet_write_header(&writer_b, &header_b);
		prio1_packet_write_role(&writer_b, PRIO_B);
		prio1_packet_write_bytes(&writer_b, seed, sizeof(seed));
		*size_b = (size_t) (writer_b.next - plaintext_b);
	}

	prio_wipe(scratch, prio1_client_scratch_size(n) * sizeof(Field87));
	prio_wipe(&header_a, sizeof(header_a));
	prio_wipe(&header_b, sizeof(header_b));
	prio_wipe(seed, sizeof(seed));
	prio_wipe(key, sizeof(key));
	return status;
}
