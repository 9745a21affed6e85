/*
 * prio3_poisoned.c
 *		Does anything of Prio3 or HPKE branch or index on a secret? Run under valgrind, as
 *		poisoned.c is, which says how and why.
 *
 * Public on purpose, through prio_declassify(): whether a measurement is one (to the client
 * itself), whether elements are below p, whether the query point is a root of unity, whether the proof
 * holds, whether the message fits.
 */
#include "base/secret.h"
#include "crypto/hpke.h"
#include "kernels/kernels.h"
#include "prio3/aggregate.h"
#include "prio3/client.h"
#include "prio3/verify.h"

#include <valgrind/memcheck.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORTS 11

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

/* Is any of it secret? Had a computation lost the mark, its silence would mean nothing. */
static bool
is_secret(const void *memory, size_t size)
{
	uint8_t *bits = malloc(size);
	bool secret = false;

	require(VALGRIND_GET_VBITS(memory, bits, size) == 1, "memory is not addressable");
	for (size_t i = 0; i < size; i++)
		secret |= bits[i] != 0;
	free(bits);
	return secret;
}

/* What was computed from secrets, must still be marked, and may be looked at from here on. */
static void
publish(void *memory, size_t size)
{
	require(size == 0 || is_secret(memory, size), "a secret was lost");
	make_public(memory, size);
}

static uint8_t *
allocate(size_t size)
{
	uint8_t *memory = calloc(1, size + 16);

	require(memory != NULL, "out of memory");
	return memory;
}

static uint8_t *
public_copy(const uint8_t *secret, size_t size)
{
	uint8_t *copy = allocate(size);

	if (size > 0)
		memcpy(copy, secret, size);
	make_public(copy, size);
	return copy;
}

/* ------------------------------------------------------------------ wrapped functions */

#define WRAP(type, name, ...) \
	extern type real_##name(__VA_ARGS__) __asm__("__real_" #name); \
	extern type wrapped_##name(__VA_ARGS__) __asm__("__wrap_" #name); \
	type wrapped_##name(__VA_ARGS__)

WRAP(uint64_t, prio_declassify, uint64_t value)
{
	make_public(&value, sizeof(value));
	return real_prio_declassify(value);
}

/* NSS is out of scope. */
WRAP(PrioStatus, prio_sha256, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
	 uint8_t hash[PRIO_HASH_BYTES])
{
	bool secret = (a_size > 0 && is_secret(a, a_size)) || (b_size > 0 && is_secret(b, b_size));
	uint8_t *public_a = public_copy(a, a_size);
	uint8_t *public_b = public_copy(b, b_size);
	PrioStatus status = real_prio_sha256(public_a, a_size, public_b, b_size, hash);

	free(public_a);
	free(public_b);
	if (secret)
		make_secret(hash, PRIO_HASH_BYTES);
	return status;
}

/* ------------------------------------------------------------------ Prio3 */

/* Everything that a case needs, for one VDAF. */
typedef struct Fixture
{
	Prio3Vdaf vdaf;
	uint8_t *tables;
	uint8_t key[PRIO3_MAX_SEED_BYTES];
	uint8_t nonce[PRIO3_NONCE_BYTES];
	uint64_t *measurement;
	uint8_t *public_share;
	uint8_t *share[2];
} Fixture;

static const Prio3Parameters parameters[] = {
	{PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1},
	{PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 1000},
	{PRIO3_SUM_VEC, PRIO3_DRAFT_18, 9, 5, 100},
	{PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 40, 6, 1},
	{PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 20, 7, 7},
	{PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 5, 4, 9},
	{PRIO3_COUNT, PRIO3_DRAFT_8, 1, 0, 1},
	{PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, 65535},
	{PRIO3_SUM_VEC, PRIO3_DRAFT_8, 9, 4, 7},
	{PRIO3_HISTOGRAM, PRIO3_DRAFT_8, 40, 7, 1},
};

static Fixture
set_up(size_t number)
{
	Fixture f;

	must(prio3_vdaf_init(&f.vdaf, &parameters[number], NULL, 0));
	f.tables = allocate(prio3_tables_size(&f.vdaf));
	must(prio3_tables_init(&f.vdaf, f.tables, NULL));
	for (size_t i = 0; i < sizeof(f.key); i++)
		f.key[i] = (uint8_t) (7 * i);
	memset(f.nonce, 3, sizeof(f.nonce));
	f.measurement = (uint64_t *) (void *) allocate(f.vdaf.measurement_len * sizeof(uint64_t));
	f.measurement[0] = 1;
	f.public_share = allocate(f.vdaf.public_share_size);
	for (int role = 0; role < 2; role++)
		f.share[role] = allocate(f.vdaf.input_share_size[role]);
	return f;
}

static void
tear_down(Fixture *f)
{
	free(f->tables);
	free(f->measurement);
	free(f->public_share);
	free(f->share[0]);
	free(f->share[1]);
}

/* Secret measurement and randomness; what comes out is public from then on. */
static void
shard(Fixture *f)
{
	uint8_t *rand = allocate(f->vdaf.rand_size);
	uint8_t *scratch = allocate(prio3_shard_scratch(&f->vdaf));

	for (size_t i = 0; i < f->vdaf.rand_size; i++)
		rand[i] = (uint8_t) (31 * i + 5);
	make_secret(rand, f->vdaf.rand_size);
	make_secret(f->measurement, f->vdaf.measurement_len * sizeof(uint64_t));
	must(prio3_shard(&f->vdaf, f->measurement, f->nonce, rand, f->public_share, f->share,
					 scratch, NULL));
	require(!is_secret(scratch, prio3_shard_scratch(&f->vdaf)), "scratch memory is not wiped");
	publish(f->public_share, f->vdaf.public_share_size);
	for (int role = 0; role < 2; role++)
		publish(f->share[role], f->vdaf.input_share_size[role]);
	free(scratch);
	free(rand);
}

static void
sharding(void)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
	{
		Fixture f = set_up(i);

		shard(&f);
		tear_down(&f);
	}
}

/* What one server gets of verify_init. */
typedef struct Server
{
	uint8_t *state;
	uint8_t *verifier_share;
	uint8_t *output_share;
} Server;

/* So many copies of a report; of the last one the results are kept. */
static void
verify_init(Fixture *f, PrioRole role, size_t count, Server *server)
{
	Prio3Report reports[REPORTS];
	size_t scratch_size = prio3_verify_init_scratch(&f->vdaf, role, count);
	uint8_t *scratch = allocate(scratch_size);

	for (size_t i = 0; i < count; i++)
		reports[i] = (Prio3Report){.nonce = f->nonce,
								   .public_share = f->public_share,
								   .public_share_size = f->vdaf.public_share_size,
								   .input_share = f->share[role],
								   .input_share_size = f->vdaf.input_share_size[role],
								   .state = server->state,
								   .verifier_share = server->verifier_share,
								   .output_share = server->output_share};
	make_secret(f->key, f->vdaf.seed_size);
	make_secret(f->share[role], f->vdaf.input_share_size[role]);
	must(prio3_verify_init(&f->vdaf, role, f->key, reports, count, scratch, NULL));
	for (size_t i = 0; i < count; i++)
		must(reports[i].status);
	require(!is_secret(scratch, scratch_size), "scratch memory is not wiped");
	require(is_secret(server->output_share, f->vdaf.output_share_size), "a secret was lost");
	require(is_secret(server->verifier_share, f->vdaf.verifier_share_size), "a secret was lost");
	make_public(f->key, f->vdaf.seed_size);
	make_public(f->share[role], f->vdaf.input_share_size[role]);
	free(scratch);
}

/* The rest, with messages that are secret until they are sent. */
static void
finish(Fixture *f, Server servers[2])
{
	uint8_t message[PRIO3_MAX_SEED_BYTES];
	const Prio3Vdaf *vdaf = &f->vdaf;

	must(prio3_verifier_message(vdaf, servers[0].verifier_share, vdaf->verifier_share_size,
								servers[1].verifier_share, vdaf->verifier_share_size, message));
	if (vdaf->message_size > 0)
		publish(message, vdaf->message_size);
	for (int role = 0; role < 2; role++)
	{
		uint8_t *scratch = allocate(prio3_verify_next_scratch(vdaf, (PrioRole) role, 1));
		uint8_t *output = allocate(vdaf->output_share_size);
		Prio3Finish one = {.message = message, .message_size = vdaf->message_size};
		Prio3State taken;

		must(prio3_state_read(servers[role].state, prio3_state_size(vdaf, (PrioRole) role),
							  &taken));
		one.joint_seed = taken.joint_seed;
		one.secret = taken.secret;
		one.output_share = output;
		must(prio3_verify_next(vdaf, (PrioRole) role, &one, 1, scratch, NULL));
		must(one.status);
		prio3_aggregate_add(vdaf, servers[role].output_share, output);
		prio3_aggregate_subtract(vdaf, servers[role].output_share, output);
		publish(output, vdaf->output_share_size);
		publish(servers[role].output_share, vdaf->output_share_size);
		require(memcmp(output, servers[role].output_share, vdaf->output_share_size) == 0,
				"output shares differ");
		free(output);
		free(scratch);
	}
}

static void
verify_all(size_t count)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
	{
		Fixture f = set_up(i);
		Server servers[2];

		shard(&f);
		for (int role = 0; role < 2; role++)
		{
			servers[role].state = allocate(prio3_state_size(&f.vdaf, (PrioRole) role));
			servers[role].verifier_share = allocate(f.vdaf.verifier_share_size);
			servers[role].output_share = allocate(f.vdaf.output_share_size);
			verify_init(&f, (PrioRole) role, count, &servers[role]);
		}
		finish(&f, servers);
		for (int role = 0; role < 2; role++)
		{
			free(servers[role].state);
			free(servers[role].verifier_share);
			free(servers[role].output_share);
		}
		tear_down(&f);
	}
}

static void
verifying_one(void)
{
	verify_all(1);
}

/* With every kernel that runs under valgrind. */
static void
verifying_many(void)
{
	const PrioKernels *variant;

	for (size_t v = 0; (variant = prio_kernels_variant(v)) != NULL; v++)
	{
		require(prio_kernels_choose(variant->name), "a kernel is not there");
		verify_all(REPORTS);
	}
	require(prio_kernels_choose(NULL), "no kernel is there");
}

/* Proofs that do not hold, and measurements that are none. */
static void
refusing(void)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
	{
		Fixture f = set_up(i);
		Server servers[2];
		uint8_t message[PRIO3_MAX_SEED_BYTES];
		uint8_t *scratch = allocate(prio3_shard_scratch(&f.vdaf));
		uint8_t *rand = allocate(f.vdaf.rand_size);

		shard(&f);
		f.share[PRIO_A][0] ^= 1;
		for (int role = 0; role < 2; role++)
		{
			servers[role].state = allocate(prio3_state_size(&f.vdaf, (PrioRole) role));
			servers[role].verifier_share = allocate(f.vdaf.verifier_share_size);
			servers[role].output_share = allocate(f.vdaf.output_share_size);
			verify_init(&f, (PrioRole) role, 1, &servers[role]);
		}
		require(prio3_verifier_message(&f.vdaf, servers[0].verifier_share,
									   f.vdaf.verifier_share_size, servers[1].verifier_share,
									   f.vdaf.verifier_share_size, message) == PRIO_PROOF_FAILED,
				"a false proof holds");
		f.measurement[0] = UINT64_MAX;
		make_secret(f.measurement, f.vdaf.measurement_len * sizeof(uint64_t));
		make_secret(rand, f.vdaf.rand_size);
		require(prio3_shard(&f.vdaf, f.measurement, f.nonce, rand, f.public_share, f.share,
							scratch, NULL) == PRIO_OUT_OF_RANGE,
				"a measurement is not out of range");
		for (int role = 0; role < 2; role++)
		{
			free(servers[role].state);
			free(servers[role].verifier_share);
			free(servers[role].output_share);
		}
		free(scratch);
		free(rand);
		tear_down(&f);
	}
}

/* ------------------------------------------------------------------ HPKE */

static void
key_schedule(void)
{
	uint8_t shared[PRIO_KEY_BYTES] = {9};
	uint8_t enc[PRIO_HPKE_ENC_BYTES] = {1};
	uint8_t key[PRIO_AES_KEY_BYTES];
	uint8_t nonce[PRIO_GCM_NONCE_BYTES];

	make_secret(shared, sizeof(shared));
	must(prio_hpke_schedule(shared, enc, enc, enc, sizeof(enc), key, nonce));
	publish(key, sizeof(key));
	publish(nonce, sizeof(nonce));
}

/* ------------------------------------------------------------------ controls */

static volatile uint64_t sink;

static void
leak_by_a_branch(void)
{
	uint64_t secret = 5;

	make_secret(&secret, sizeof(secret));
	if (secret == 5)
		sink = 1;
}

/* A verifier's share, compared as nobody should. */
static void
leak_of_an_output_share(void)
{
	Fixture f = set_up(0);
	Server server;

	shard(&f);
	server.state = allocate(prio3_state_size(&f.vdaf, PRIO_A));
	server.verifier_share = allocate(f.vdaf.verifier_share_size);
	server.output_share = allocate(f.vdaf.output_share_size);
	verify_init(&f, PRIO_A, 1, &server);
	if (server.output_share[3] == 77)
		sink = 2;
	free(server.state);
	free(server.verifier_share);
	free(server.output_share);
	tear_down(&f);
}

typedef struct Case
{
	const char *name;
	void (*run)(void);
	bool leaks;
} Case;

static const Case cases[] = {
	{"control: valgrind sees a branch on a secret", leak_by_a_branch, true},
	{"control: valgrind sees a branch on an output share", leak_of_an_output_share, true},
	{"a client shows nothing of its measurement or randomness", sharding, false},
	{"verifying a report shows nothing but the verdict", verifying_one, false},
	{"verifying many shows nothing but the verdicts", verifying_many, false},
	{"refusing shows nothing but that", refusing, false},
	{"the key schedule of HPKE shows nothing", key_schedule, false},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

int
main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	require(RUNNING_ON_VALGRIND, "this shows nothing without valgrind");
	printf("1..%zu\n", CASES);
	for (size_t i = 0; i < CASES; i++)
	{
		unsigned long before = VALGRIND_COUNT_ERRORS;
		bool leaked;

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
