/*
 * poisoned.c
 *		Does anything branch or index on a secret? Run under valgrind, which says so.
 *
 * Memcheck tracks, bit by bit, which values were computed from memory that was never
 * written, and reports every conditional jump and every address that depends on one. So
 * here secrets are marked as never written, and whatever it reports is a leak: of the very
 * machine code of the extension, whose object files this is linked with. What is printed
 * is TAP.
 *
 * NSS is out of scope: the functions of crypto.h are wrapped (by the linker, --wrap), to
 * get arguments that are no secrets, and to give results that are.
 *
 * What the core means to be seen goes through prio_declassify(), which is wrapped, too.
 * Besides, two things about a secret are public here, because they decide what is kept of
 * it, or where it ends:
 *
 *	- whether a candidate for a random element was rejected. A rejected candidate is used for nothing,
 *	  and of the others only the top bit is known, which is zero in all of them
 *	  (prg.h says why that is harmless);
 *	- the form of a message: its length, and that of each element in it.
 */
#include "base/secret.h"
#include "prio1/client.h"
#include "prio1/vectors.h"
#include "codec/hex_base64.h"
#include "prio1/total.h"

#include <valgrind/memcheck.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Several chunks of every kind: VECTORS_CHUNK elements, and those of the PRG. */
#define N_DATA 900

static const uint8_t batch_id[] = "poisoned";

#define BATCH_ID_SIZE (sizeof(batch_id) - 1)

/* ------------------------------------------------------------------ secrets */

static void
make_secret(void *memory, size_t size)
{
	(void) VALGRIND_MAKE_MEM_UNDEFINED(memory, size);
}

static void
make_public(void *memory, size_t size)
{
	(void) VALGRIND_MAKE_MEM_DEFINED(memory, size);
}

/* Stops the run: what follows would show nothing. */
static void
require(bool condition, const char *what)
{
	if (!condition)
	{
		printf("Bail out! %s\n", what);
		exit(1);
	}
}

static void
must(PrioStatus status)
{
	require(status == PRIO_OK, prio_status_text(status));
}

/*
 * Is any of it secret? Had a computation lost the mark on its way, its silence would mean
 * nothing: so every case looks at what comes out.
 */
static bool
is_secret(const void *memory, size_t size)
{
	uint8_t bits[sizeof(Prio1Verifier)];

	require(size <= sizeof(bits), "a value is too large for is_secret()");
	require(VALGRIND_GET_VBITS(memory, bits, size) == 1, "memory is not addressable");
	for (size_t i = 0; i < size; i++)
		if (bits[i] != 0)
			return true;
	return false;
}

/* Every element of an array still has to be secret, and is public from then on. */
static void
publish_elements(Field87 *elements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		require(is_secret(&elements[i], sizeof(Field87)), "a secret was lost");
	make_public(elements, count * sizeof(Field87));
}

/* A copy that is no secret; free() it. */
static uint8_t *
public_copy(const uint8_t *secret, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	require(copy != NULL, "out of memory");
	memcpy(copy, secret, size);
	make_public(copy, size);
	return copy;
}

/* ------------------------------------------------------------------ around NSS */

/* A wrapped function: the one that the callers get, and by its linker's name the real one. */
#define WRAP(type, name, ...) \
	extern type real_##name(__VA_ARGS__) __asm__("__real_" #name); \
	extern type wrapped_##name(__VA_ARGS__) __asm__("__wrap_" #name); \
	type wrapped_##name(__VA_ARGS__)

WRAP(uint64_t, prio_declassify, uint64_t value)
{
	make_public(&value, sizeof(value));
	return real_prio_declassify(value);
}

WRAP(PrioStatus, prio_random, uint8_t *out, size_t size)
{
	PrioStatus status = real_prio_random(out, size);

	/* The nonce of a packet is sent along with it. */
	if (size != PRIO_GCM_NONCE_BYTES)
		make_secret(out, size);
	return status;
}

WRAP(PrioStatus, prio_sha256, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
	 uint8_t hash[PRIO_HASH_BYTES])
{
	bool secret = a_size > 0 && is_secret(a, a_size);
	uint8_t *public_a = public_copy(a, a_size);
	PrioStatus status = real_prio_sha256(public_a, a_size, b, b_size, hash);

	free(public_a);
	if (secret)
		make_secret(hash, PRIO_HASH_BYTES);
	return status;
}

WRAP(PrioStatus, prio_agree_ephemeral, const uint8_t *public_key, uint8_t *ephemeral,
	 uint8_t *aes_key)
{
	PrioStatus status = real_prio_agree_ephemeral(public_key, ephemeral, aes_key);

	make_secret(aes_key, PRIO_AES_KEY_BYTES);
	return status;
}

WRAP(PrioStatus, prio_gcm_encrypt, const uint8_t *aes_key, const uint8_t *nonce,
	 const uint8_t *aad, size_t aad_size, const uint8_t *plaintext, size_t size, uint8_t *out)
{
	uint8_t *public_key = public_copy(aes_key, PRIO_AES_KEY_BYTES);
	uint8_t *public_text = public_copy(plaintext, size);
	PrioStatus status =
		real_prio_gcm_encrypt(public_key, nonce, aad, aad_size, public_text, size, out);

	free(public_key);
	free(public_text);
	return status;
}

/*
 * Marks the secrets in a plaintext: the content of every element, or the seed. What is
 * left, its form, is what anybody can write down who knows its length, but for the lengths
 * of the elements: 1 in 128 is shorter than the others.
 */
static void
make_plaintext_secret(uint8_t *plaintext, size_t size)
{
	Prio1PacketReader reader = prio1_packet_reader(plaintext, size);

	must(prio1_packet_read_batch_id(&reader, batch_id, BATCH_ID_SIZE));
	for (uint8_t *p = plaintext + (reader.next - plaintext); p < plaintext + size;)
	{
		uint8_t head = *p;
		size_t length = (head & 0xe0) == 0xa0 ? head & 0x1f : 0;

		require(p + 1 + length <= plaintext + size, "a packet ends in a string");
		make_secret(p + 1, length);
		p += 1 + length + (head == 0xdc ? 2 : head == 0xdd ? 4 : 0);
	}
}

WRAP(PrioStatus, prio_agree_and_decrypt, PrioKeyPair *pair, const uint8_t *ephemeral,
	 const uint8_t *nonce, const uint8_t *aad, size_t aad_size, const uint8_t *sealed,
	 size_t size, uint8_t *out, uint8_t *aes_key)
{
	PrioStatus status = real_prio_agree_and_decrypt(pair, ephemeral, nonce, aad, aad_size,
													sealed, size, out, aes_key);

	if (status == PRIO_OK)
		make_plaintext_secret(out, size - PRIO_GCM_TAG_BYTES);
	if (status == PRIO_OK && aes_key != NULL)
		make_secret(aes_key, PRIO_AES_KEY_BYTES);
	return status;
}

WRAP(PrioStatus, prio_gcm_decrypt, const uint8_t *aes_key, const uint8_t *nonce,
	 const uint8_t *aad, size_t aad_size, const uint8_t *sealed, size_t size, uint8_t *out)
{
	uint8_t *public_key = public_copy(aes_key, PRIO_AES_KEY_BYTES);
	PrioStatus status =
		real_prio_gcm_decrypt(public_key, nonce, aad, aad_size, sealed, size, out);

	free(public_key);
	if (status == PRIO_OK)
		make_plaintext_secret(out, size - PRIO_GCM_TAG_BYTES);
	return status;
}

WRAP(PrioStatus, prio_counter_mode_new, const uint8_t *aes_key, PrioCounterMode **mode)
{
	uint8_t *public_key = public_copy(aes_key, PRIO_AES_KEY_BYTES);
	PrioStatus status = real_prio_counter_mode_new(public_key, mode);

	free(public_key);
	return status;
}

/*
 * Marks a stream of candidates. One that is rejected is public; of one that is accepted, only
 * that its top bit is zero. (Between 2^87 and p there is hardly ever one.)
 */
static void
make_tries_secret(uint8_t *bytes, size_t size)
{
	uint8_t top_bit_known = 0x7f;

	require(size % FIELD87_CANDIDATE_BYTES == 0, "a stream is no whole number of candidates");
	for (; size > 0; size -= FIELD87_CANDIDATE_BYTES, bytes += FIELD87_CANDIDATE_BYTES)
	{
		if (bytes[FIELD87_BYTES] >= 0x80)
			continue;
		make_secret(bytes, FIELD87_BYTES);
		require(VALGRIND_SET_VBITS(bytes + FIELD87_BYTES, &top_bit_known, 1) == 1,
				"memory is not addressable");
	}
}

WRAP(PrioStatus, prio_counter_mode_stream, PrioCounterMode *mode, uint64_t first_block,
	 size_t blocks, uint8_t *out)
{
	PrioStatus status = real_prio_counter_mode_stream(mode, first_block, blocks, out);

	make_tries_secret(out, blocks * 16);
	return status;
}

/* ------------------------------------------------------------------ values */

/* The same in every run. */
static uint64_t
next_random(void)
{
	static uint64_t state = 1;

	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return state >> 20;
}

/* Now and then one at an end of the range. */
static Field87
some_element(void)
{
	Field87 a = {next_random() & FIELD87_LIMB_MASK, next_random() & (FIELD87_LIMB_MASK >> 1)};

	switch (next_random() % 8)
	{
		case 0:
			return FIELD87_ZERO;
		case 1:
			return field87_from_integer(FIELD87_P - 1);
		default:
			return a;
	}
}

static void
secret_elements(Field87 *elements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		elements[i] = some_element();
	make_secret(elements, count * sizeof(Field87));
}

static Field87 *
allocate_elements(size_t count)
{
	Field87 *elements = malloc(count * sizeof(Field87));

	require(elements != NULL, "out of memory");
	return elements;
}

/* ------------------------------------------------------------------ the field */

#define ROUNDS 50

static void
field_operations(void)
{
	for (int i = 0; i < ROUNDS; i++)
	{
		Field87 in[2];
		Field87 out[12];
		uint8_t bytes[FIELD87_BYTES];
		uint64_t bits[4];
		Field87Sum sum = {0, 0, 0};

		secret_elements(in, 2);
		out[0] = field87_add(in[0], in[1]);
		out[1] = field87_sub(in[0], in[1]);
		out[2] = field87_neg(in[0]);
		out[3] = field87_mul(in[0], in[1]);
		out[4] = prio_field87_pow(in[0], 12345);
		out[5] = prio_field87_inv(in[0]);
		field87_sum_add_product(&sum, in[0], in[1]);
		field87_sum_add_product(&sum, in[1], in[1]);
		out[6] = field87_sum_reduce(&sum);
		out[7] = field87_from_integer(field87_to_integer(in[0]));
		out[8] = field87_from_signed((prio_int128) field87_to_integer(in[0]) -
									 (prio_int128) field87_to_integer(in[1]));
		field87_to_bytes(in[0], bytes);
		require(is_secret(bytes, sizeof(bytes)), "a secret was lost");
		out[9] = field87_from_bytes(bytes);
		make_secret(bytes, sizeof(bytes)); /* p and above, too */
		bits[0] = field87_less(in[0], in[1]);
		bits[1] = field87_is_reduced(field87_from_bytes(bytes));
		bits[2] = field87_equal(in[0], in[1]);
		bits[3] = field87_is_zero(in[0]);
		for (int j = 0; j < 4; j++)
			require(is_secret(&bits[j], sizeof(bits[j])), "a secret was lost");
		publish_elements(out, 10);
		make_public(in, sizeof(in));
		require(field87_equal(field87_sub(out[0], in[1]), in[0]), "sums are wrong");
		require(field87_equal(field87_mul(out[5], out[3]),
							  field87_is_zero(in[0]) ? FIELD87_ZERO : in[1]),
				"products are wrong");
	}
}

/* The dot products of every variant that there is under valgrind. */
static void
dot_products(void)
{
	const PrioKernels *available;

	for (size_t v = 0; (available = prio_kernels_variant(v)) != NULL; v++)
	{
		printf("# dot product: %s\n", available->name);
		for (size_t count = 1; count < 40; count++)
		{
			Field87 a[40];
			Field87 b[40];
			Field87 dot;
			Field87 expected = FIELD87_ZERO;
			Field87Sum sum = {0, 0, 0};

			secret_elements(a, count);
			secret_elements(b, count);
			available->add_dot(&sum, a, b, count);
			dot = field87_sum_reduce(&sum);
			publish_elements(&dot, 1);
			make_public(a, sizeof(a));
			make_public(b, sizeof(b));
			for (size_t i = 0; i < count; i++)
				expected = field87_add(expected, field87_mul(a[i], b[i]));
			require(field87_equal(dot, expected), "dot products are wrong");
		}
	}
}

/* ------------------------------------------------------------------ keys */

static void
keys_in_writing(void)
{
	char hex[] = "5a6F60120c0ff365d345383de50436f5e8344578ad66b2ba6bfa2e5244aa209b";
	char base64[] = "kSlLpMezXN2y1yf+XQgOEg==";
	char white[] = "0 ";
	char text[2 * PRIO_KEY_BYTES + 1];
	uint8_t key[PRIO_KEY_BYTES];
	size_t length;

	make_secret(hex, sizeof(hex) - 1);
	require(prio_parse_hex(hex, sizeof(hex) - 1, key, PRIO_KEY_BYTES), "digits are refused");
	require(is_secret(key, PRIO_KEY_BYTES), "a secret was lost");
	prio_write_hex(key, PRIO_KEY_BYTES, text);
	require(is_secret(text, 2 * PRIO_KEY_BYTES), "a secret was lost");
	make_secret(base64, sizeof(base64) - 1);
	require(prio_parse_base64(base64, sizeof(base64) - 1, key, PRIO1_SEED_BYTES),
			"base64 is refused");
	require(is_secret(key, PRIO1_SEED_BYTES), "a secret was lost");
	prio_write_base64(key, PRIO1_SEED_BYTES, text);
	require(is_secret(text, 22), "a secret was lost");
	make_secret(white, sizeof(white) - 1);
	length = prio_trimmed_length(white, sizeof(white) - 1);
	require(length == 1 && !is_secret(&length, sizeof(length)), "a length is wrong");
}

/* ------------------------------------------------------------------ random elements */

static void
rejection_sampling(void)
{
	enum
	{
		TRIES = 1000
	};
	static uint8_t bytes[TRIES * FIELD87_CANDIDATE_BYTES];
	static Field87 elements[TRIES + KERNELS_ACCEPT_SLACK];
	const PrioKernels *available;

	for (size_t v = 0; (available = prio_kernels_variant(v)) != NULL; v++)
	{
		size_t count;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t) next_random();
		/* 2^87 and what follows: the top byte alone does not decide. */
		for (size_t i = 0; i < 20; i++)
			bytes[i * 7 * FIELD87_CANDIDATE_BYTES + FIELD87_BYTES] = 0x80;
		make_tries_secret(bytes, sizeof(bytes));
		count = available->accept(bytes, TRIES, elements);
		require(!is_secret(&count, sizeof(count)) && count > TRIES / 3, "too few elements");
		publish_elements(elements, count);
	}
}

static void
random_point(void)
{
	uint8_t secret[PRIO1_SEED_BYTES] = {1, 2, 3};
	Field87 r[2];

	make_secret(secret, sizeof(secret));
	for (int i = 0; i < 2; i++)
		must(prio1_verifier_point(secret, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, N_DATA,
								  (uint64_t) i * 300, NULL, &r[i], NULL));
	publish_elements(r, 2);
	require(!field87_equal(r[0], r[1]), "two points are the same");
}

/* ------------------------------------------------------------------ polynomials */

static void
check_weights(size_t n, Field87 r)
{
	Field87 *memory = allocate_elements(prio_lagrange87_size(n));
	Lagrange87 weights;

	make_secret(&r, sizeof(r));
	must(prio_lagrange87_init(&weights, n, r, memory, NULL));
	publish_elements(memory, prio_lagrange87_size(n));
	publish_elements(&weights.data_0, 1);
	publish_elements(&weights.h_0, 1);
	publish_elements(&weights.data_sum, 1);
	free(memory);
}

static void
weights_of_a_secret_point(void)
{
	for (size_t n = 1; n < 70; n += 3)
		check_weights(n, (Field87){next_random() & FIELD87_LIMB_MASK, next_random()});
}

/* Of both kinds: points of f and g, which h has, too, and those of h alone. */
static void
weights_of_a_secret_root_of_unity(void)
{
	Field87 root = prio_field87_root(5);

	for (int i = 0; i < 32; i++)
		check_weights(10, prio_field87_pow(root, (prio_uint128) i));
}

static void
transform_of_secret_values(void)
{
	size_t domain = prio_lagrange87_domain(N_DATA, NULL);
	Field87 *memory = allocate_elements(prio_coset87_size(N_DATA));
	Field87 *values = allocate_elements(domain);
	Coset87 transform;

	must(prio_coset87_init(&transform, N_DATA, memory, NULL));
	secret_elements(values, domain);
	must(prio_coset87_to_odd_powers(&transform, values, NULL));
	publish_elements(values, domain);
	free(memory);
	free(values);
}

/* ------------------------------------------------------------------ packets */

/* Both servers of a batch, and the packets of one client. */
typedef struct Batch
{
	uint8_t public_key[2][PRIO_KEY_BYTES];
	PrioKeyPair *pair[2];
	Field87 *memory[2];
	Prio1VerifierContext context[2];
	Field87 *data;
	uint8_t *plaintext[2]; /* as the client wrote them: secret in part */
	size_t plaintext_size[2];
	uint8_t *sealed[2];
	size_t sealed_size[2];
	uint8_t *opened[2];
	Prio1Verifier verifier[2];
} Batch;

static Batch batch;

/* Keys, and contexts whose weights are secret. */
static void
make_servers(void)
{
	uint8_t secret[PRIO1_SEED_BYTES] = {42};
	Field87 r;

	make_secret(secret, sizeof(secret));
	must(prio1_verifier_point(secret, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, N_DATA, 0,
							  NULL, &r, NULL));
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t private_key[PRIO_KEY_BYTES];

		must(prio_key_generate(private_key, batch.public_key[role]));
		must(prio_key_pair_import(private_key, batch.public_key[role], &batch.pair[role]));
		batch.memory[role] = allocate_elements(prio_lagrange87_size(N_DATA));
		must(prio1_verifier_context_init(&batch.context[role], (PrioRole) role,
										 PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, N_DATA, r,
										 batch.memory[role], NULL));
	}
}

/* The client: secret bits, whose packets are secret but for their form. */
static void
client_packets_of_secret_data(void)
{
	Field87 *memory = allocate_elements(prio_coset87_size(N_DATA));
	Field87 *scratch = allocate_elements(prio1_client_scratch_size(N_DATA));
	Field87 *data = allocate_elements(N_DATA);
	Prio1Client client;

	batch.data = allocate_elements(N_DATA);
	for (size_t i = 0; i < N_DATA; i++)
	{
		batch.data[i] = (Field87){next_random() & 1, 0};
		data[i] = batch.data[i];
		make_secret(&data[i], sizeof(Field87));
	}
	for (int role = PRIO_A; role <= PRIO_B; role++)
		batch.plaintext[role] =
			malloc(prio1_packet_max_plaintext((PrioRole) role, BATCH_ID_SIZE, N_DATA));
	must(prio1_client_init(&client, N_DATA, memory, NULL));
	must(prio1_client_packets(&client, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, data,
							  batch.plaintext[PRIO_A], &batch.plaintext_size[PRIO_A],
							  batch.plaintext[PRIO_B], &batch.plaintext_size[PRIO_B], scratch,
							  NULL));
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		size_t size = batch.plaintext_size[role];

		require(!is_secret(&batch.plaintext_size[role], sizeof(size)), "a size is secret");
		require(is_secret(batch.plaintext[role] + size - 1, 1), "a secret was lost");
		batch.sealed[role] = malloc(size + PRIO1_SEAL_OVERHEAD);
		batch.sealed_size[role] = size + PRIO1_SEAL_OVERHEAD;
		must(prio1_seal(batch.public_key[role], batch.plaintext[role], size, batch.sealed[role]));
		require(!is_secret(batch.sealed[role] + size, 1), "a sealed packet is secret");
	}
	free(memory);
	free(scratch);
	free(data);
}

static void
opening_packets(void)
{
	Field87 *data = allocate_elements(N_DATA);
	Field87 *sums = allocate_elements(N_DATA);
	Prio1Total total;

	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Verifier *verifier = &batch.verifier[role];

		batch.opened[role] = malloc(batch.sealed_size[role]);
		must(prio1_verifier_open_data(&batch.context[role], batch.pair[role],
									  batch.sealed[role], batch.sealed_size[role],
									  batch.opened[role], verifier, data));
		prio1_total_init(&total, (PrioRole) role, N_DATA, sums);
		prio1_total_add_data(&total, data);
		require(is_secret(&data[N_DATA - 1], sizeof(Field87)) &&
					is_secret(&sums[N_DATA - 1], sizeof(Field87)),
				"a secret was lost");
		require(is_secret(&verifier->d, sizeof(Field87)) &&
					is_secret(&verifier->e, sizeof(Field87)) &&
					is_secret(&verifier->h, sizeof(Field87)) &&
					is_secret(verifier->key, sizeof(verifier->key)),
				"a secret was lost");
	}
	free(data);
	free(sums);
}

/* Of A's packet, without a seal, when its length shows that an element is out of range. */
static void
refusing_a_packet(void)
{
	uint8_t *plaintext = public_copy(batch.plaintext[PRIO_A], batch.plaintext_size[PRIO_A]);
	size_t size = batch.plaintext_size[PRIO_A];
	Prio1Verifier verifier;
	size_t at = size;

	for (size_t i = 0; i + FIELD87_BYTES < size; i++)
		if (plaintext[i] == (0xa0 | FIELD87_BYTES))
			at = i + 1;
	for (int top = 0; top <= 0xff; top += 0xff)
	{
		plaintext[at] = (uint8_t) top;
		make_plaintext_secret(plaintext, size);
		require(prio1_verifier_open_plaintext(&batch.context[PRIO_A], plaintext, size,
											  &verifier) ==
					(top == 0 ? PRIO_MALFORMED : PRIO_OUT_OF_RANGE),
				"a bad element was not refused");
		make_public(plaintext, size);
	}
	free(plaintext);
}

static void
storing_and_loading_verifiers(void)
{
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t stored[PRIO1_VERIFIER_BYTES];
		Prio1Verifier without_key;

		prio1_verifier_store(&batch.verifier[role], false, stored);
		must(prio1_verifier_load(&without_key, stored, sizeof(stored)));
		prio1_verifier_store(&batch.verifier[role], true, stored);
		require(is_secret(stored, sizeof(stored)), "a secret was lost");
		memset(&batch.verifier[role], 0, sizeof(Prio1Verifier));
		must(prio1_verifier_load(&batch.verifier[role], stored, sizeof(stored)));
		require(is_secret(batch.verifier[role].key, PRIO_AES_KEY_BYTES), "a secret was lost");
	}
}

static void
both_rounds(void)
{
	uint8_t verify1[2][PRIO1_VERIFY1_MAX_BYTES];
	uint8_t verify2[2][PRIO1_VERIFY2_MAX_BYTES];
	size_t size1[2];
	size_t size2[2];
	bool valid;

	for (int role = PRIO_A; role <= PRIO_B; role++)
		size1[role] = prio1_verifier_verify1(&batch.verifier[role], verify1[role]);
	for (int role = PRIO_A; role <= PRIO_B; role++)
		must(prio1_verifier_verify2(&batch.verifier[role], verify1[PRIO_B - role],
									size1[PRIO_B - role], verify2[role], &size2[role]));
	for (int role = PRIO_A; role <= PRIO_B; role++)
		require(is_secret(verify1[role], size1[role]) && is_secret(verify2[role], size2[role]),
				"a secret was lost");
	must(prio1_verifier_is_valid(verify2[PRIO_A], size2[PRIO_A], verify2[PRIO_B],
								 size2[PRIO_B], &valid));
	require(valid, "an honest packet is not valid");
}

/* ------------------------------------------------------------------ totals */

#define UINT_BITS 9

/* A total that went through everything that totals can go through. */
static void
totals(void)
{
	Field87 *memory = allocate_elements(8 * N_DATA);
	uint8_t *block = malloc(4 + prio1_total_stored_size(N_DATA));
	uint8_t *stored = block + 4; /* as behind a length word: the sums are aligned */
	uint8_t *message = malloc(prio1_total_max_message(N_DATA));
	Prio1Total total[2];
	Prio1Total read[2];
	Prio1Total uints;
	int64_t counts[N_DATA];
	size_t where;

	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total other;
		Prio1PacketReader reader;
		PrioRole role_read;
		size_t n_read;
		size_t size;

		prio1_total_create(&total[role], (PrioRole) role, N_DATA, batch.verifier[role].digest,
						   stored);
		prio1_total_init(&other, (PrioRole) role, N_DATA, memory + (4 * role + 1) * N_DATA);
		for (int i = 0; i < 3; i++)
			must(prio1_total_add_share(i == 0 ? &total[role] : &other, &batch.verifier[role],
									   batch.sealed[role], batch.sealed_size[role],
									   batch.opened[role]));
		must(prio1_total_merge(&total[role], &other));
		must(prio1_total_merge(&total[role], &other));
		must(prio1_total_subtract(&total[role], &other));
		prio1_total_save(&total[role], stored);
		require(is_secret(stored + PRIO1_TOTAL_HEAD_BYTES, sizeof(Field87)),
				"a secret was lost");
		must(prio1_total_open(&total[role], stored, prio1_total_stored_size(N_DATA)));
		must(prio1_total_to_uints(&total[role], UINT_BITS, &uints,
								  memory + (4 * role + 2) * N_DATA));
		publish_elements(uints.sums, N_DATA / UINT_BITS);

		size = prio1_total_write(&total[role], message);
		require(is_secret(message + size - FIELD87_BYTES, FIELD87_BYTES), "a secret was lost");
		reader = prio1_packet_reader(message, size);
		must(prio1_total_read_head(&reader, &role_read, &n_read));
		prio1_total_init(&read[role], role_read, n_read, memory + (4 * role + 3) * N_DATA);
		must(prio1_total_add_message(&read[role], &reader));
	}

	/* The result is there to be seen. */
	for (int role = PRIO_A; role <= PRIO_B; role++)
		publish_elements(read[role].sums, N_DATA);
	must(prio1_total_publish(&read[PRIO_A], &read[PRIO_B], counts, &where));
	for (size_t i = 0; i < N_DATA; i++)
		require(counts[i] == 3 * (int64_t) batch.data[i].lo, "a count is wrong");
	free(memory);
	free(block);
	free(message);
}

/* ------------------------------------------------------------------ controls */

/* Leaks of every kind, which valgrind has to see, or its silence elsewhere means nothing. */
static volatile uint64_t sink;
static const uint8_t table[256] = {1, 2, 3};

static void
leak_by_a_branch(void)
{
	Field87 a;

	secret_elements(&a, 1);
	if (field87_is_zero(a))
		sink = table[0];
}

static void
leak_by_an_index(void)
{
	Field87 a;

	secret_elements(&a, 1);
	sink = table[a.lo & 0xff];
}

/* Counting what is accepted is fine, looking at what it is is not. */
static void
leak_by_a_random_element(void)
{
	uint8_t bytes[FIELD87_CANDIDATE_BYTES];
	Field87 a;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 0x55;
	make_tries_secret(bytes, sizeof(bytes));
	a = field87_from_candidate(bytes);
	require((a.hi >> 43) == 0, "the top bit is not zero"); /* known: no leak */
	if ((a.hi & 1) == 0)
		sink = table[0];
}

static void
leak_by_a_comparison(void)
{
	uint8_t bytes[PRIO_KEY_BYTES] = {0};
	uint8_t other[PRIO_KEY_BYTES] = {0};

	make_secret(bytes, sizeof(bytes));
	sink = (uint64_t) memcmp(bytes, other, sizeof(bytes));
}

/* ------------------------------------------------------------------ */

typedef struct Case
{
	const char *name;
	void (*run)(void);
	bool leaks;
} Case;

static const Case cases[] = {
	{"control: valgrind sees a branch on a secret", leak_by_a_branch, true},
	{"control: valgrind sees an index that is secret", leak_by_an_index, true},
	{"control: valgrind sees a branch on an accepted random element", leak_by_a_random_element,
	 true},
	{"control: valgrind sees a comparison of secret bytes", leak_by_a_comparison, true},
	{"field operations do not branch or index on elements", field_operations, false},
	{"dot products do not branch or index on elements", dot_products, false},
	{"reading and writing keys does not branch or index on them", keys_in_writing, false},
	{"rejection sampling shows nothing but what it rejects", rejection_sampling, false},
	{"drawing the point does not branch or index on it", random_point, false},
	{"weights do not branch or index on the point", weights_of_a_secret_point, false},
	{"weights at a root of unity show nothing but that it is one",
	 weights_of_a_secret_root_of_unity, false},
	{"the transform does not branch or index on values", transform_of_secret_values, false},
	{"contexts do not branch or index on the shared secret", make_servers, false},
	{"a client shows nothing of its data but the form of its packets",
	 client_packets_of_secret_data, false},
	{"opening a packet shows nothing but its form", opening_packets, false},
	{"refusing a packet shows nothing but its form and why", refusing_a_packet, false},
	{"storing a verifier does not branch or index on it", storing_and_loading_verifiers, false},
	{"both rounds show nothing but the form of the messages and the verdict", both_rounds, false},
	{"totals show nothing but the form of their message", totals, false},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* poisoned variants: the names of the variants of the kernels that run here, and no test. */
int
main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 2 && strcmp(argv[1], "variants") == 0)
	{
		for (size_t v = 0; prio_kernels_variant(v) != NULL; v++)
			printf("%s\n", prio_kernels_variant(v)->name);
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	require(RUNNING_ON_VALGRIND, "this shows nothing without valgrind");
	printf("1..%zu\n", CASES);
	for (size_t i = 0; i < CASES; i++)
	{
		unsigned long before = VALGRIND_COUNT_ERRORS;
		bool leaked;

		/* Into valgrind's log, for what it has to say about this case. */
		(void) VALGRIND_PRINTF("%s%s\n", cases[i].leaks ? "meant to leak: " : "", cases[i].name);
		cases[i].run();
		leaked = VALGRIND_COUNT_ERRORS > before;
		if (leaked != cases[i].leaks)
			failed++;
		printf("%s %zu - %s\n", leaked == cases[i].leaks ? "ok" : "not ok", i + 1,
			   cases[i].name);
	}
	return failed == 0 ? 0 : 1;
}
