/*
 * wipes.c
 *		Is anything secret left in memory after use? Looks for it, in all of it.
 *
 * A first process plays everybody and writes down what is secret on the way: keys, seeds,
 * points, shares, sums; masked, so that nobody who looks for them finds the list. Every
 * operation then runs in two processes of its own, on a stack of its own:
 *
 *	- one looks for all of these secrets, in pieces of eight bytes, in everything that is
 *	  mapped for writing: stacks, heap, variables, those of NSS included. The operation does
 *	  as src/pg does: it wipes what it gave and got, and calls prio_wipe_stack() at the end.
 *	  There is no list of what may be left. (NSS 3.87 wipes what it frees; but without
 *	  prio_wipe_stack() it would leave, of the last packet, the X25519 secret, half of the AES
 *	  key and the end of the plaintext on the stack.)
 *	- the other one counts the calls of prio_wipe() that did overwrite one of the secrets.
 *	  Without it hardly any of them would be missed: prio_wipe_stack() does most of their
 *	  work once more. The stack is not wiped here, and its depth is looked at instead.
 *
 * Linked with the very objects of the extension; prio_wipe() and a few more functions are
 * wrapped by the linker (--wrap). What is printed is TAP.
 */
#include "base/secret.h"
#include "prio1/client.h"
#include "prio1/vectors.h"
#include "prio1/total.h"

#include <keyhi.h>
#include <pk11pub.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* Several chunks of every kind: VECTORS_CHUNK elements, and those of the PRG. */
#define N_DATA 300
#define N_POINTS 512
#define FAR_ORDINAL 299 /* more points than are drawn at once */

#define MAX_MESSAGE 16384
#define MAX_SECRETS 65536
#define HASH_BITS 20
#define STACK_BYTES (1024 * 1024)
#define MASK UINT64_C(0xa5c3965a3c69e17b)

static const uint8_t batch_id[] = "wiped";
static const uint8_t other_batch_id[] = "other";

#define BATCH_ID_SIZE (sizeof(batch_id) - 1)

/* Eight bytes of a secret. */
typedef struct Secret
{
	uint64_t masked;
	const char *name;
	int next; /* with the same hash; 0 for the last one */
} Secret;

/* Bytes that are an input of an operation, masked. */
typedef struct Masked
{
	size_t size;
	uint8_t bytes[MAX_MESSAGE];
} Masked;

/* What is wrong with a packet. */
typedef enum Fault
{
	NO_FAULT,
	DAMAGED,      /* a changed tag */
	TOO_LONG,     /* something behind its end */
	OUT_OF_RANGE, /* A: the very last element */
	FAULTS
} Fault;

/* What all processes share. */
typedef struct Shared
{
	int count;
	Secret secrets[MAX_SECRETS];
	int first[1 << HASH_BITS];
	Masked private_key[2];
	uint8_t public_key[2][PRIO_KEY_BYTES];
	Masked shared_secret;
	Masked r;
	Masked data[N_DATA];
	Masked seed;
	Masked prg_key;
	Masked plaintext[2];
	Masked verifier[2];
	uint8_t sealed[2][FAULTS][MAX_MESSAGE];
	size_t sealed_size[2][FAULTS];
	int wipes; /* of a process that counts them */
	size_t depth;
} Shared;

static Shared *shared;

static void
require(bool condition, const char *what)
{
	if (!condition)
	{
		printf("Bail out! %s\n", what);
		fflush(stdout);
		_exit(1);
	}
}

static void
must(PrioStatus status)
{
	require(status == PRIO_OK, prio_status_text(status));
}

/* ------------------------------------------------------------------ secrets */

static uint32_t
hash(uint64_t masked)
{
	return (uint32_t) (masked * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HASH_BITS));
}

static void
remember_word(const char *name, uint64_t word)
{
	Secret *secret = &shared->secrets[++shared->count];
	uint64_t masked = word ^ MASK;

	require(shared->count + 1 < MAX_SECRETS, "there are too many secrets");
	secret->masked = masked;
	secret->name = name;
	secret->next = shared->first[hash(masked)];
	shared->first[hash(masked)] = shared->count;
}

/* Eight bytes or more. */
static void
remember(const char *name, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += 8)
	{
		uint64_t word;

		memcpy(&word, (const uint8_t *) bytes + (i + 8 <= size ? i : size - 8), 8);
		remember_word(name, word);
	}
}

/* In all forms: bytes, and limbs (but no small ones: they could be anything). */
static void
remember_element(const char *name, Field87 element)
{
	uint8_t bytes[FIELD87_BYTES];

	field87_to_bytes(element, bytes);
	remember(name, bytes, sizeof(bytes));
	if (element.lo >> 32 != 0)
		remember_word(name, element.lo);
	if (element.hi >> 32 != 0)
		remember_word(name, element.hi);
}

static void
remember_elements(const char *name, const Field87 *elements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		remember_element(name, elements[i]);
}

/* The name of the secret at p, or NULL. */
static const char *
find_secret(const uint8_t *p)
{
	uint64_t masked;

	memcpy(&masked, p, sizeof(masked));
	masked ^= MASK;
	for (int i = shared->first[hash(masked)]; i != 0; i = shared->secrets[i].next)
		if (shared->secrets[i].masked == masked)
			return shared->secrets[i].name;
	return NULL;
}

static void
mask(Masked *masked, const void *bytes, size_t size)
{
	require(size <= sizeof(masked->bytes), "an input is too long");
	masked->size = size;
	for (size_t i = 0; i < size; i++)
		masked->bytes[i] = (uint8_t) (((const uint8_t *) bytes)[i] ^ MASK >> (i % 7 * 8));
}

static void
unmask(const Masked *masked, void *bytes)
{
	for (size_t i = 0; i < masked->size; i++)
		((volatile uint8_t *) bytes)[i] = (uint8_t) (masked->bytes[i] ^ MASK >> (i % 7 * 8));
}

/* ------------------------------------------------------------------ wrapped functions */

/* A wrapped function: the one that the callers get, and by its linker's name the real one. */
#define WRAP(type, name, ...) \
	extern type real_##name(__VA_ARGS__) __asm__("__real_" #name); \
	extern type wrapped_##name(__VA_ARGS__) __asm__("__wrap_" #name); \
	type wrapped_##name(__VA_ARGS__)

static bool counting; /* calls of prio_wipe() */

WRAP(void, prio_wipe, void *memory, size_t size)
{
	const uint8_t *bytes = memory;
	bool held_a_secret = false;

	for (size_t i = 0; counting && i + 8 <= size && !held_a_secret; i++)
		held_a_secret = find_secret(bytes + i) != NULL;
	shared->wipes += held_a_secret;
	real_prio_wipe(memory, size);
	for (size_t i = 0; counting && i < size; i++)
		require(bytes[i] == 0, "prio_wipe() does not wipe");
}

WRAP(void, prio_wipe_stack, void)
{
	if (!counting)
		real_prio_wipe_stack();
}

/* The same bytes in every process: so the secrets that come of them are known. */
static uint64_t random_state;

WRAP(PrioStatus, prio_random, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		random_state =
			random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		out[i] = (uint8_t) (random_state >> 56);
	}
	return prio_nss_init();
}

/* The ephemeral key is NSS's own, and so is what comes of it. */
WRAP(PrioStatus, prio_agree_ephemeral, const uint8_t *public_key, uint8_t *ephemeral,
	 uint8_t *aes_key)
{
	PrioStatus status = real_prio_agree_ephemeral(public_key, ephemeral, aes_key);

	remember("AES key of a packet being sealed", aes_key, PRIO_AES_KEY_BYTES);
	return status;
}

/* What X25519 gives never leaves NSS; the first process asks for it in addition. */
static bool remember_agreements;

WRAP(PK11SymKey *, PK11_PubDeriveWithKDF, SECKEYPrivateKey *private_key,
	 SECKEYPublicKey *public_key, PRBool is_sender, SECItem *a, SECItem *b,
	 CK_MECHANISM_TYPE derivation, CK_MECHANISM_TYPE target, CK_ATTRIBUTE_TYPE operation,
	 int key_size, CK_ULONG kdf, SECItem *shared_data, void *context)
{
	if (remember_agreements && kdf == CKD_SHA256_KDF)
	{
		PK11SymKey *key =
			real_PK11_PubDeriveWithKDF(private_key, public_key, is_sender, a, b, derivation,
									   CKM_SHA256_HMAC, CKA_SIGN, PRIO_KEY_BYTES, CKD_NULL,
									   shared_data, context);

		require(key != NULL && PK11_ExtractKeyValue(key) == SECSuccess, "NSS shows no secret");
		remember("X25519 secret", PK11_GetKeyData(key)->data, PK11_GetKeyData(key)->len);
		PK11_FreeSymKey(key);
	}
	return real_PK11_PubDeriveWithKDF(private_key, public_key, is_sender, a, b, derivation,
									  target, operation, key_size, kdf, shared_data, context);
}

/* ------------------------------------------------------------------ the first process */

/* A 16-byte secret, what SHA-256 makes of it and the batch id, and what that encrypts to. */
static void
remember_stream(const char *name, const uint8_t seed[PRIO1_SEED_BYTES], size_t elements)
{
	static Field87 stream[N_DATA + N_POINTS];
	uint8_t digest[PRIO_HASH_BYTES];
	Prio1Prg prg;

	remember(name, seed, PRIO1_SEED_BYTES);
	/* As SHA-256 sees it: words, big endian. */
	for (size_t i = 0; i < PRIO1_SEED_BYTES; i += 8)
	{
		uint64_t word = field87_load_be64(seed + i);

		remember_word(name, word << 32 | word >> 32);
	}
	must(prio_sha256(seed, PRIO1_SEED_BYTES, batch_id, BATCH_ID_SIZE, digest));
	remember(name, digest, sizeof(digest));
	must(prio1_prg_open(&prg, digest, 0));
	must(prio1_prg_draw(&prg, FIELD87_P, stream, elements));
	prio1_prg_close(&prg);
	remember_elements(name, stream, elements);
}

/* The unreduced dot product that comes up with a vector of a share. */
static void
remember_sum(const char *name, const Field87 *weights, const Field87 *elements, size_t count)
{
	Field87Sum sum = {0, 0, 0};

	prio_kernels->add_dot(&sum, weights, elements, count);
	remember(name, &sum, sizeof(sum));
}

/* Seals a plaintext to its server, with a fault. */
static void
make_sealed(PrioRole role, Fault fault, uint8_t *plaintext, size_t size)
{
	uint8_t *sealed = shared->sealed[role][fault];

	require(size + PRIO1_SEAL_OVERHEAD + 1 <= MAX_MESSAGE, "a packet is too long");
	plaintext[size] = 0;
	if (fault == TOO_LONG)
		size++;
	if (fault == OUT_OF_RANGE)
		memset(plaintext + size - FIELD87_BYTES, 0xff, FIELD87_BYTES);
	must(prio1_seal(shared->public_key[role], plaintext, size, sealed));
	shared->sealed_size[role][fault] = size + PRIO1_SEAL_OVERHEAD;
	if (fault == DAMAGED)
		sealed[size + PRIO1_SEAL_OVERHEAD - 1] ^= 1;
}

/* Everything about the packet of one server. */
static void
remember_packet(PrioRole role, Field87 r, uint8_t *plaintext, size_t size)
{
	static Field87 memory[N_DATA + N_POINTS];
	static Field87 elements[N_DATA + N_POINTS];
	static uint8_t opened[MAX_MESSAGE];
	Prio1PacketReader reader = prio1_packet_reader(plaintext, size);
	Prio1PacketHeader header;
	PrioRole role_read;
	Prio1VerifierContext context;
	Prio1Verifier verifier;
	PrioKeyPair *pair;
	uint8_t private_key[PRIO_KEY_BYTES];

	must(prio_key_generate(private_key, shared->public_key[role]));
	remember("private key", private_key, sizeof(private_key));
	mask(&shared->private_key[role], private_key, sizeof(private_key));
	mask(&shared->plaintext[role], plaintext, size);
	for (int fault = 0; fault < FAULTS; fault++)
	{
		unmask(&shared->plaintext[role], plaintext);
		make_sealed(role, (Fault) fault, plaintext, size);
	}
	unmask(&shared->plaintext[role], plaintext);

	must(prio1_packet_read_batch_id(&reader, batch_id, BATCH_ID_SIZE));
	must(prio1_packet_read_header(&reader, &header));
	must(prio1_packet_read_role(&reader, &role_read));
	remember_elements("header of a packet", &header.a, 6);
	must(prio1_verifier_context_init(&context, role, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
									 N_DATA, r, memory, NULL));
	require(context.weights.domain == N_POINTS, "N is another one");
	remember_elements("weights", memory, N_DATA + N_POINTS);
	remember_element("weights", context.weights.data_0);
	remember_element("weights", context.weights.h_0);
	remember_element("weights", context.weights.data_sum);
	if (role == PRIO_A)
	{
		must(prio1_packet_read_array_of(&reader, N_DATA));
		must(prio1_packet_read_elements(&reader, elements, N_DATA));
		must(prio1_packet_read_array_of(&reader, N_POINTS));
		must(prio1_packet_read_elements(&reader, elements + N_DATA, N_POINTS));
		remember_elements("share of A", elements, N_DATA + N_POINTS);
	}
	else
	{
		uint8_t seed[PRIO1_SEED_BYTES];
		uint8_t key[PRIO_AES_KEY_BYTES];
		Prio1Prg prg;

		must(prio1_packet_read_bytes(&reader, seed, sizeof(seed)));
		mask(&shared->seed, seed, sizeof(seed));
		remember_stream("share of B", seed, N_DATA + N_POINTS);
		must(prio1_prg_key(seed, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, key));
		mask(&shared->prg_key, key, sizeof(key));
		must(prio1_prg_open(&prg, key, 0));
		must(prio1_prg_draw(&prg, FIELD87_P, elements, N_DATA + N_POINTS));
		prio1_prg_close(&prg);
	}
	remember_sum("sum", context.weights.data, elements, N_DATA);
	remember_sum("sum", context.weights.h, elements + N_DATA, N_POINTS);

	must(prio_key_pair_import(private_key, shared->public_key[role], &pair));
	remember_agreements = true;
	for (int fault = 0; fault < FAULTS; fault++)
		if (fault != DAMAGED)
			(void) prio1_verifier_open(&context, pair, shared->sealed[role][fault],
									   shared->sealed_size[role][fault], opened, &verifier);
	must(prio1_verifier_open(&context, pair, shared->sealed[role][NO_FAULT],
							 shared->sealed_size[role][NO_FAULT], opened, &verifier));
	remember_agreements = false;
	mask(&shared->verifier[role], &verifier, sizeof(verifier));
	remember("key of a packet", verifier.key, sizeof(verifier.key));
	remember_element("f(r)", field87_add(verifier.d, header.a));
	remember_element("g(r)", field87_add(verifier.e, header.b));
	remember_element("h(r)", verifier.h);
	remember_element("d", verifier.d);
	remember_element("e", verifier.e);
}

static bool
make_secrets(void)
{
	static Field87 memory[4 * N_POINTS];
	static Field87 scratch[4 * N_POINTS];
	static Field87 data[N_DATA];
	static uint8_t plaintext[2][MAX_MESSAGE];
	uint8_t shared_secret[PRIO1_SEED_BYTES];
	Prio1PacketHeader header[2];
	size_t size[2];
	Prio1Client client;
	Field87 r;

	random_state = 2;
	must(prio_random(shared_secret, sizeof(shared_secret)));
	mask(&shared->shared_secret, shared_secret, sizeof(shared_secret));
	remember_stream("shared secret", shared_secret, FAR_ORDINAL + 1);
	for (uint64_t ordinal = 0; ordinal <= FAR_ORDINAL; ordinal++)
	{
		must(prio1_verifier_point(shared_secret, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
								  N_DATA, FAR_ORDINAL - ordinal, NULL, &r, NULL));
		remember_element("r", r);
	}
	mask(&shared->r, &r, sizeof(r));
	remember_element("r^N", prio_field87_pow(r, N_POINTS));

	for (size_t i = 0; i < N_DATA; i++)
	{
		data[i] = (Field87){i % 3 == 0, 0};
		mask(&shared->data[i], &data[i], sizeof(Field87));
	}
	random_state = 1;
	must(prio1_client_init(&client, N_DATA, memory, NULL));
	must(prio1_client_packets(&client, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, data,
							  plaintext[PRIO_A], &size[PRIO_A], plaintext[PRIO_B],
							  &size[PRIO_B], scratch, NULL));
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1PacketReader reader = prio1_packet_reader(plaintext[role], size[role]);

		must(prio1_packet_read_batch_id(&reader, batch_id, BATCH_ID_SIZE));
		must(prio1_packet_read_header(&reader, &header[role]));
		remember_packet((PrioRole) role, r, plaintext[role], size[role]);
	}
	remember_element("f(1)", field87_add(header[PRIO_A].f0, header[PRIO_B].f0));
	remember_element("g(1)", field87_add(header[PRIO_A].g0, header[PRIO_B].g0));
	remember_element("h(1)", field87_add(header[PRIO_A].h0, header[PRIO_B].h0));
	return true;
}

/* ------------------------------------------------------------------ operations */

/*
 * What they work with: variables of the caller, who wipes what is secret of it. The sums of a
 * total are none of it; they begin with something else than zero, or one packet would be all
 * that they hold.
 */
static struct
{
	PrioRole role;
	uint8_t input[MAX_MESSAGE];
	uint8_t output[2][MAX_MESSAGE];
	Field87 point;
	Field87 data[N_DATA];
	Field87 memory[4 * N_POINTS];
	Field87 scratch[4 * N_POINTS];
	Field87 sums[N_DATA];
	PrioKeyPair *pair;
	Prio1VerifierContext context;
	Prio1Verifier verifier;
	Prio1Total total;
	Prio1Client client;
} caller;

static bool
stop(void)
{
	return true;
}

static void
import_key(void)
{
	unmask(&shared->private_key[caller.role], caller.input);
	must(prio_key_pair_import(caller.input, shared->public_key[caller.role], &caller.pair));
	prio_wipe(caller.input, PRIO_KEY_BYTES);
}

static void
make_context(void)
{
	unmask(&shared->r, &caller.point);
	must(prio1_verifier_context_init(&caller.context, caller.role, PRIO1_PRG_BATCH, batch_id,
									 BATCH_ID_SIZE, N_DATA, caller.point, caller.memory, NULL));
	prio_wipe(&caller.point, sizeof(caller.point));
}

/* A server that is about to open packets, and the end of it. */
static void
start_server(void)
{
	import_key();
	make_context();
	prio_wipe_stack();
}

static void
stop_server(void)
{
	prio_key_pair_free(caller.pair);
	prio_wipe(&caller.context, sizeof(caller.context));
	prio_wipe(caller.memory, prio_lagrange87_size(N_DATA) * sizeof(Field87));
	prio_wipe_stack();
}

static void
start_total(void)
{
	must(prio_nss_init());
	prio1_total_init(&caller.total, caller.role, N_DATA, caller.sums);
	for (size_t i = 0; i < N_DATA; i++)
		caller.sums[i] = (Field87){i + 12345, i + 67890};
	caller.total.pending = 1;
}

static void
start_client(void)
{
	must(prio_nss_init());
	must(prio1_client_init(&caller.client, N_DATA, caller.memory, NULL));
	for (size_t i = 0; i < N_DATA; i++)
		unmask(&shared->data[i], &caller.data[i]);
	random_state = 1;
}

static void
start_nss(void)
{
	must(prio_nss_init());
}

static void
leave_it(void)
{
}

static void
generate_key(void)
{
	uint8_t public_key[PRIO_KEY_BYTES];

	must(prio_key_generate(caller.output[0], public_key));
	remember("generated key", caller.output[0], PRIO_KEY_BYTES);
	prio_wipe(caller.output[0], PRIO_KEY_BYTES);
}

static void
generate_secret(void)
{
	must(real_prio_random(caller.output[0], PRIO1_SEED_BYTES));
	remember("generated secret", caller.output[0], PRIO1_SEED_BYTES);
	prio_wipe(caller.output[0], PRIO1_SEED_BYTES);
}

static void
import_and_free_key(void)
{
	import_key();
	prio_key_pair_free(caller.pair);
}

static void
import_wrong_key(void)
{
	unmask(&shared->private_key[caller.role], caller.input);
	require(prio_key_pair_import(caller.input, shared->public_key[PRIO_B - caller.role],
								 &caller.pair) == PRIO_MISMATCH,
			"another key is imported");
	prio_wipe(caller.input, PRIO_KEY_BYTES);
}

static void
draw_point(void)
{
	unmask(&shared->shared_secret, caller.input);
	must(prio1_verifier_point(caller.input, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, N_DATA,
							  FAR_ORDINAL, NULL, &caller.point, NULL));
	prio_wipe(caller.input, PRIO1_SEED_BYTES);
	prio_wipe(&caller.point, sizeof(caller.point));
}

static void
draw_point_interrupted(void)
{
	unmask(&shared->shared_secret, caller.input);
	require(prio1_verifier_point(caller.input, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE, N_DATA,
								 FAR_ORDINAL, NULL, &caller.point, &stop) == PRIO_INTERRUPTED,
			"the draw of a point is not interrupted");
	prio_wipe(caller.input, PRIO1_SEED_BYTES);
	prio_wipe(&caller.point, sizeof(caller.point));
}

static void
make_and_wipe_context(void)
{
	make_context();
	prio_wipe(&caller.context, sizeof(caller.context));
	prio_wipe(caller.memory, prio_lagrange87_size(N_DATA) * sizeof(Field87));
}

static void
read_stream(void)
{
	size_t left = N_DATA + N_POINTS;
	Prio1Prg prg;

	unmask(&shared->prg_key, caller.input);
	must(prio1_prg_open(&prg, caller.input, 0));
	prio_wipe(caller.input, PRIO_AES_KEY_BYTES);
	while (left > 0)
	{
		const Field87 *elements;
		size_t count = left;

		must(prio1_prg_elements(&prg, &elements, &count));
		left -= count;
	}
	prio1_prg_close(&prg);
}

static void
seal_packet(void)
{
	unmask(&shared->plaintext[caller.role], caller.input);
	must(prio1_seal(shared->public_key[caller.role], caller.input,
					shared->plaintext[caller.role].size, caller.output[0]));
	prio_wipe(caller.input, shared->plaintext[caller.role].size);
}

/* With and without a copy of the key. */
static void
open_seal(void)
{
	size_t size;

	for (int with_key = 0; with_key < 2; with_key++)
	{
		must(prio1_seal_open(caller.pair, shared->sealed[caller.role][NO_FAULT],
							 shared->sealed_size[caller.role][NO_FAULT], caller.output[0],
							 &size, with_key ? caller.output[1] : NULL));
		prio_wipe(caller.output[0], size);
		prio_wipe(caller.output[1], PRIO_AES_KEY_BYTES);
	}
}

static void
open_packet(Fault fault, PrioStatus expected)
{
	/* For what prio1_verifier_open() does not get to write. */
	memset(&caller.verifier, 0, sizeof(caller.verifier));
	require(prio1_verifier_open(&caller.context, caller.pair, shared->sealed[caller.role][fault],
								shared->sealed_size[caller.role][fault], caller.output[0],
								&caller.verifier) == expected,
			"the status is another one");
	if (expected == PRIO_OK)
		prio_wipe(&caller.verifier, sizeof(caller.verifier));
}

static void
open_good_packet(void)
{
	open_packet(NO_FAULT, PRIO_OK);
}

static void
open_damaged_packet(void)
{
	open_packet(DAMAGED, PRIO_DECRYPTION_FAILED);
}

static void
open_long_packet(void)
{
	open_packet(TOO_LONG, PRIO_MALFORMED);
}

static void
open_packet_out_of_range(void)
{
	open_packet(OUT_OF_RANGE, PRIO_OUT_OF_RANGE);
}

static void
open_packet_of_other_batch(void)
{
	caller.context.batch_id = other_batch_id;
	open_packet(NO_FAULT, PRIO_WRONG_BATCH);
}

static void
open_packet_of_other_server(void)
{
	caller.context.role = PRIO_B - caller.role;
	open_packet(NO_FAULT, PRIO_WRONG_SERVER);
}

static void
add_share(void)
{
	unmask(&shared->verifier[caller.role], &caller.verifier);
	must(prio1_total_add_share(&caller.total, &caller.verifier,
							   shared->sealed[caller.role][NO_FAULT],
							   shared->sealed_size[caller.role][NO_FAULT], caller.output[0]));
	prio_wipe(&caller.verifier, sizeof(caller.verifier));
}

/* Whose plaintext is another one than that of the verifier. */
static void
add_other_share(void)
{
	unmask(&shared->verifier[caller.role], &caller.verifier);
	memcpy(caller.verifier.tag_start,
		   shared->sealed[caller.role][TOO_LONG] + shared->sealed_size[caller.role][TOO_LONG] -
			   PRIO_GCM_TAG_BYTES,
		   PRIO1_TAG_START_BYTES);
	require(prio1_total_add_share(&caller.total, &caller.verifier,
								  shared->sealed[caller.role][TOO_LONG],
								  shared->sealed_size[caller.role][TOO_LONG],
								  caller.output[0]) == PRIO_MISMATCH,
			"another share is added");
	prio_wipe(&caller.verifier, sizeof(caller.verifier));
}

static void
make_client_packets(PrioStop flag, PrioStatus expected)
{
	size_t size[2] = {MAX_MESSAGE, MAX_MESSAGE};

	require(prio1_client_packets(&caller.client, PRIO1_PRG_BATCH, batch_id, BATCH_ID_SIZE,
								 caller.data, caller.output[PRIO_A], &size[PRIO_A],
								 caller.output[PRIO_B], &size[PRIO_B], caller.scratch,
								 flag) == expected,
			"the status is another one");
	prio_wipe(caller.data, sizeof(caller.data));
	prio_wipe(caller.output[PRIO_A], size[PRIO_A]);
	prio_wipe(caller.output[PRIO_B], size[PRIO_B]);
}

static void
make_packets(void)
{
	make_client_packets(NULL, PRIO_OK);
}

static void
make_packets_interrupted(void)
{
	make_client_packets(&stop, PRIO_INTERRUPTED);
}

/* Controls: what is found must have been there to be found. */
static void
leave_on_the_stack(void)
{
	uint8_t copy[4 * PRIO_KEY_BYTES];

	unmask(&shared->private_key[caller.role], copy + 2 * PRIO_KEY_BYTES);
}

static void
leave_in_freed_memory(void)
{
	/* What free() writes into it is shorter. */
	uint8_t *copy = malloc(4 * PRIO_KEY_BYTES);

	unmask(&shared->private_key[caller.role], copy + 2 * PRIO_KEY_BYTES);
	free(copy);
}

static void
leave_half_an_element(void)
{
	static volatile uint64_t limb;

	unmask(&shared->r, &caller.point);
	limb = caller.point.hi;
	prio_wipe(&caller.point, sizeof(caller.point));
	(void) limb;
}

/* ------------------------------------------------------------------ one operation */

#define LEAKS (-1) /* instead of a number of wipes */

typedef struct Operation
{
	const char *name;
	void (*start)(void);
	void (*run)(void);
	void (*stop)(void);
	PrioRole role;
	int wipes; /* of the core, and those in this file */
} Operation;

static const Operation *operation;
static ucontext_t main_context;
static ucontext_t operation_context;
static uint8_t *stack;

static void
run_operation(void)
{
	operation->run();
}

/* Wipes the stack below as src/pg does, so that it is not the function above that does. */
static void
run_and_wipe(void)
{
	run_operation();
	prio_wipe_stack();
}

/* Runs on a stack that nobody else writes to before it is looked at. */
static void
run_on_own_stack(void (*function)(void))
{
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(stack != MAP_FAILED && getcontext(&operation_context) == 0, "there is no stack");
	operation_context.uc_stack.ss_sp = stack;
	operation_context.uc_stack.ss_size = STACK_BYTES;
	operation_context.uc_link = &main_context;
	makecontext(&operation_context, function, 0);
	require(swapcontext(&main_context, &operation_context) == 0, "the stack cannot be used");
}

/* All secrets in memory that is mapped for writing; returns how many. */
static int
search_memory(void)
{
	static char maps[256 * 1024];
	int file = open("/proc/self/maps", O_RDONLY);
	size_t size = 0;
	ssize_t got;
	int found = 0;

	while ((got = read(file, maps + size, sizeof(maps) - 1 - size)) > 0)
		size += (size_t) got;
	close(file);
	require(size > 0 && size < sizeof(maps) - 1, "there is no list of mappings");
	for (char *line = maps; *line != '\0'; line = strchr(line, '\n') + 1)
	{
		uintptr_t start = strtoul(line, &line, 16);
		uintptr_t end = strtoul(line + 1, &line, 16);

		if (strncmp(line, " rw", 3) != 0)
			continue;
		for (uintptr_t p = start; p + 8 <= end; p++)
		{
			const char *name = find_secret((const uint8_t *) p);

			if (name == NULL)
				continue;
			if (++found <= 20 && operation->wipes != LEAKS)
				printf("# %s: at %lx%s%.*s\n", name, (unsigned long) p,
					   p - (uintptr_t) stack < STACK_BYTES ? ", on the stack of the operation" :
															 "",
					   (int) strcspn(line, "\n"), line);
		}
	}
	return found;
}

/* Bytes of the stack that were written to. */
static size_t
stack_depth(void)
{
	size_t untouched = 0;

	while (untouched < STACK_BYTES && stack[untouched] == 0)
		untouched++;
	return STACK_BYTES - untouched;
}

static bool
search_after_operation(void)
{
	operation->start();
	run_on_own_stack(operation->wipes == LEAKS ? run_operation : run_and_wipe);
	operation->stop();
	return search_memory() > 0;
}

static bool
count_during_operation(void)
{
	operation->start();
	shared->wipes = 0;
	counting = true;
	run_on_own_stack(run_operation);
	counting = false;
	shared->depth = stack_depth();
	return true;
}

/* Exit statuses of processes; 1 is that of require(). */
enum
{
	EXIT_TRUE = 2,
	EXIT_FALSE = 3
};

/* What a function returns in a process of its own. */
static bool
in_child(bool (*function)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	require(child >= 0, "there is no process");
	if (child == 0)
	{
		bool result = function();

		fflush(stdout);
		_exit(result ? EXIT_TRUE : EXIT_FALSE);
	}
	require(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
				WEXITSTATUS(status) >= EXIT_TRUE,
			"a process failed");
	return WEXITSTATUS(status) == EXIT_TRUE;
}

static const Operation operations[] = {
	{"control: a key on the stack is found", start_nss, leave_on_the_stack, leave_it, PRIO_A,
	 LEAKS},
	{"control: a key in freed memory is found", start_nss, leave_in_freed_memory, leave_it,
	 PRIO_A, LEAKS},
	{"control: half an element in a variable is found", start_nss, leave_half_an_element,
	 leave_it, PRIO_A, LEAKS},
	{"generating a key pair", start_nss, generate_key, leave_it, PRIO_A, 1},
	{"generating a shared secret", start_nss, generate_secret, leave_it, PRIO_A, 1},
	{"importing a private key, and freeing it", start_nss, import_and_free_key, leave_it,
	 PRIO_A, 2},
	{"importing the wrong private key", start_nss, import_wrong_key, leave_it, PRIO_A, 2},
	{"drawing a point", start_nss, draw_point, leave_it, PRIO_A, 7},
	{"drawing a point, interrupted", start_nss, draw_point_interrupted, leave_it, PRIO_A, 7},
	{"making a context, and wiping it", start_nss, make_and_wipe_context, leave_it, PRIO_A, 4},
	{"reading a stream", start_nss, read_stream, leave_it, PRIO_B, 3},
	{"sealing a packet", start_nss, seal_packet, leave_it, PRIO_A, 2},
	{"opening the seal of A's packet", start_server, open_seal, stop_server, PRIO_A, 3},
	{"opening the seal of B's packet", start_server, open_seal, stop_server, PRIO_B, 3},
	{"opening A's packet", start_server, open_good_packet, stop_server, PRIO_A, 9},
	{"opening B's packet", start_server, open_good_packet, stop_server, PRIO_B, 13},
	{"A refusing a damaged packet", start_server, open_damaged_packet, stop_server, PRIO_A, 0},
	{"B refusing a damaged packet", start_server, open_damaged_packet, stop_server, PRIO_B, 0},
	{"A refusing a packet that is too long", start_server, open_long_packet, stop_server,
	 PRIO_A, 9},
	{"B refusing a packet that is too long", start_server, open_long_packet, stop_server,
	 PRIO_B, 4},
	{"A refusing an element out of range", start_server, open_packet_out_of_range, stop_server,
	 PRIO_A, 8},
	{"A refusing a packet of another batch", start_server, open_packet_of_other_batch,
	 stop_server, PRIO_A, 2},
	{"B refusing a packet of another batch", start_server, open_packet_of_other_batch,
	 stop_server, PRIO_B, 1},
	{"A refusing a packet for B", start_server, open_packet_of_other_server, stop_server,
	 PRIO_A, 3},
	{"B refusing a packet for A", start_server, open_packet_of_other_server, stop_server,
	 PRIO_B, 4},
	{"adding up A's share", start_total, add_share, leave_it, PRIO_A, 5},
	{"adding up B's share", start_total, add_share, leave_it, PRIO_B, 3},
	{"A refusing to add up another share", start_total, add_other_share, leave_it, PRIO_A, 1},
	{"making the packets of a client", start_client, make_packets, leave_it, PRIO_A, 15},
	{"making the packets of a client, interrupted", start_client, make_packets_interrupted,
	 leave_it, PRIO_A, 7},
};

#define OPERATIONS ((int) (sizeof(operations) / sizeof(operations[0])))

/* wipes: the names of all variants of the kernels; wipes NAME: the test, with that one. */
int
main(int argc, char **argv)
{
	bool failed = false;

	if (argc < 2)
	{
		for (size_t v = 0; prio_kernels_variant(v) != NULL; v++)
			printf("%s\n", prio_kernels_variant(v)->name);
		return 0;
	}
	require(prio_kernels_choose(argv[1]), "there are no such kernels");
	shared =
		mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(shared != MAP_FAILED, "out of memory");
	printf("1..%d\n", OPERATIONS);
	require(in_child(make_secrets), "there are no secrets");
	for (int i = 0; i < OPERATIONS; i++)
	{
		bool found;
		bool passed;

		operation = &operations[i];
		caller.role = operation->role;
		found = in_child(search_after_operation);
		if (operation->wipes == LEAKS)
			passed = found;
		else
		{
			require(in_child(count_during_operation), "the operation fails");
			passed = !found && shared->wipes == operation->wipes &&
				shared->depth < PRIO_STACK_BYTES;
			if (shared->wipes != operation->wipes)
				printf("# %d variables with secrets are wiped, not %d\n", shared->wipes,
					   operation->wipes);
			if (shared->depth >= PRIO_STACK_BYTES)
				printf("# the stack is %zu bytes deep\n", shared->depth);
		}
		printf("%s %d - %s: %s%s\n", passed ? "ok" : "not ok", i + 1, prio_kernels->name,
			   operation->name, operation->wipes == LEAKS ? "" : " leaves nothing behind");
		failed |= !passed;
	}
	return failed;
}
