/*
 * prio3.c
 *		What Prio3 and HPKE take, next to one X25519 of NSS in the same run.
 *
 *	prio3 [variant of the kernels [part of a circuit's name]]
 *
 * One line a measurement, tab separated: kernels, what, who, reports in one call, µs of CPU a
 * report (the best of many short rounds), its ratio to one X25519.
 */
#include "crypto/hpke.h"
#include "kernels/kernels.h"
#include "prio3/aggregate.h"
#include "prio3/client.h"
#include "prio3/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 64
#define ROUNDS 60
#define ROUND_SECONDS 0.001

typedef struct Circuit
{
	const char *name;
	Prio3Parameters parameters;
} Circuit;

static const Circuit circuits[] = {
	{"Count", {PRIO3_COUNT, PRIO3_DRAFT_18, 1, 0, 1}},
	{"Sum 255", {PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, 255}},
	{"Sum 2^32 - 1", {PRIO3_SUM, PRIO3_DRAFT_18, 1, 0, UINT32_MAX}},
	{"Histogram 10, c 4", {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 10, 4, 1}},
	{"Histogram 100, c 7", {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 100, 7, 1}},
	{"Histogram 1000, c 33", {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 1000, 33, 1}},
	{"Histogram 10000, c 79", {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 10000, 79, 1}},
	{"SumVec 1000 x 1, c 33", {PRIO3_SUM_VEC, PRIO3_DRAFT_18, 1000, 33, 1}},
	{"SumVec 100 x 255, c 26", {PRIO3_SUM_VEC, PRIO3_DRAFT_18, 100, 26, 255}},
	{"SumVec 1000 x 255, c 63", {PRIO3_SUM_VEC, PRIO3_DRAFT_18, 1000, 63, 255}},
	{"MultihotCountVec 100/10, c 7", {PRIO3_MULTIHOT_COUNT_VEC, PRIO3_DRAFT_18, 100, 7, 10}},
	{"L1BoundSum 100, 255, c 27", {PRIO3_L1_BOUND_SUM, PRIO3_DRAFT_18, 100, 27, 255}},
	{"draft 8 Count", {PRIO3_COUNT, PRIO3_DRAFT_8, 1, 0, 1}},
	{"draft 8 Sum, 32 bits", {PRIO3_SUM, PRIO3_DRAFT_8, 1, 0, UINT32_MAX}},
	{"draft 8 Histogram 1000, c 33", {PRIO3_HISTOGRAM, PRIO3_DRAFT_8, 1000, 33, 1}},
};

static double floor_us;

/* Everything about one circuit: reports of one client, BATCH times. */
typedef struct Bench
{
	Prio3Vdaf vdaf;
	uint8_t key[32];
	uint64_t *measurement;
	uint8_t *rand;
	uint8_t *public_share;
	uint8_t *share[2];
	uint8_t *state[2];
	uint8_t *verifier_share[2];
	uint8_t *output_share;
	uint8_t message[32];
	uint8_t nonce[PRIO3_NONCE_BYTES];
	void *scratch;
	PrioRole role;
	size_t count;
} Bench;

static void *
allocate(size_t size)
{
	void *memory = calloc(1, size + 16);

	if (memory == NULL)
		exit(1);
	return memory;
}

static void
must(PrioStatus status)
{
	if (status != PRIO_OK)
	{
		fprintf(stderr, "%s\n", prio_status_text(status));
		exit(1);
	}
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

/*
 * Seconds of one call, in the best of several short rounds. Asking for the time takes as long as
 * some of the calls: so it is asked once a round.
 */
static double
measure(void (*work)(void *), void *argument)
{
	double best = 1e9;
	size_t calls = 1;

	for (int round = 0; round < ROUNDS;)
	{
		double start = now();
		double seconds;

		for (size_t i = 0; i < calls; i++)
			work(argument);
		seconds = now() - start;
		if (seconds < ROUND_SECONDS && round == 0)
		{
			calls *= 2;
			continue;
		}
		if (seconds / (double) calls < best)
			best = seconds / (double) calls;
		round++;
	}
	return best;
}

static void
print(const char *what, const char *who, size_t count, double seconds)
{
	double us = seconds * 1e6 / (double) count;

	printf("%s\t%s\t%s\t%zu\t%.2f\t%.3f\n", prio_kernels->name, what, who, count, us,
		   us / floor_us);
	fflush(stdout);
}

static void
do_shard(void *argument)
{
	Bench *b = argument;

	must(prio3_shard(&b->vdaf, b->measurement, b->nonce, b->rand, b->public_share, b->share,
					 b->scratch, NULL));
}

static void
do_verify_init(void *argument)
{
	Bench *b = argument;
	Prio3Report reports[BATCH] = {0};

	for (size_t i = 0; i < b->count; i++)
		reports[i] = (Prio3Report){.nonce = b->nonce,
								   .public_share = b->public_share,
								   .public_share_size = b->vdaf.public_share_size,
								   .input_share = b->share[b->role],
								   .input_share_size = b->vdaf.input_share_size[b->role],
								   .state = b->state[b->role],
								   .verifier_share = b->verifier_share[b->role]};
	must(prio3_verify_init(&b->vdaf, b->role, b->key, reports, b->count, b->scratch, NULL));
	for (size_t i = 0; i < b->count; i++)
		must(reports[i].status);
}

static void
do_message(void *argument)
{
	Bench *b = argument;

	must(prio3_verifier_message(&b->vdaf, b->verifier_share[0], b->vdaf.verifier_share_size,
								b->verifier_share[1], b->vdaf.verifier_share_size, b->message));
}

static void
do_verify_next(void *argument)
{
	Bench *b = argument;
	Prio3Finish reports[BATCH] = {0};
	Prio3State state;

	must(prio3_state_read(b->state[b->role], prio3_state_size(&b->vdaf, b->role), &state));
	for (size_t i = 0; i < b->count; i++)
		reports[i] = (Prio3Finish){.joint_seed = state.joint_seed,
								   .secret = state.secret,
								   .message = b->message,
								   .message_size = b->vdaf.message_size,
								   .output_share = b->output_share};
	must(prio3_verify_next(&b->vdaf, b->role, reports, b->count, b->scratch, NULL));
	must(reports[0].status);
}

static void
do_aggregate(void *argument)
{
	Bench *b = argument;

	prio3_aggregate_add(&b->vdaf, b->share[0], b->output_share);
}

static size_t
largest(const size_t *sizes, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		if (sizes[i] > size)
			size = sizes[i];
	return size;
}

static void
bench(const Circuit *circuit)
{
	static const char *const names[2] = {"leader", "helper"};
	static const size_t counts[2] = {1, BATCH};
	Bench b = {.count = 1};
	Prio3Vdaf *vdaf = &b.vdaf;
	static const uint8_t context[38] = "dap-18";
	char what[100];

	must(prio3_vdaf_init(vdaf, &circuit->parameters, context,
						 circuit->parameters.draft == PRIO3_DRAFT_18 ? sizeof(context) : 0));
	must(prio3_tables_init(vdaf, allocate(prio3_tables_size(vdaf)), NULL));
	{
		const size_t sizes[] = {prio3_shard_scratch(vdaf),
								prio3_verify_init_scratch(vdaf, PRIO_A, BATCH),
								prio3_verify_init_scratch(vdaf, PRIO_B, BATCH),
								prio3_verify_next_scratch(vdaf, PRIO_B, BATCH)};

		b.scratch = allocate(largest(sizes, 4));
	}
	b.measurement = allocate(vdaf->measurement_len * sizeof(uint64_t));
	b.rand = allocate(vdaf->rand_size);
	b.public_share = allocate(vdaf->public_share_size);
	b.output_share = allocate(vdaf->output_share_size);
	for (int role = 0; role < 2; role++)
	{
		b.share[role] = allocate(vdaf->input_share_size[role]);
		b.state[role] = allocate(prio3_state_size(vdaf, (PrioRole) role));
		b.verifier_share[role] = allocate(vdaf->verifier_share_size);
	}
	must(prio_random(b.rand, vdaf->rand_size));
	print(circuit->name, "shard", 1, measure(do_shard, &b));
	for (int role = 0; role < 2; role++)
		for (int i = 0; i < 2; i++)
		{
			b.role = (PrioRole) role;
			b.count = counts[i];
			snprintf(what, sizeof(what), "verify_init %s", names[role]);
			print(circuit->name, what, b.count, measure(do_verify_init, &b));
		}
	b.count = 1;
	print(circuit->name, "message", 1, measure(do_message, &b));
	for (int role = 0; role < 2; role++)
		for (int i = 0; i < 1 + role; i++)
		{
			b.role = (PrioRole) role;
			b.count = counts[i];
			snprintf(what, sizeof(what), "verify_next %s", names[role]);
			print(circuit->name, what, b.count, measure(do_verify_next, &b));
		}
	print(circuit->name, "aggregate", 1, measure(do_aggregate, &b));
}

/* ------------------------------------------------------------------ HPKE */

typedef struct Seal
{
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t shared[PRIO_KEY_BYTES];
	uint8_t enc[PRIO_HPKE_ENC_BYTES];
	uint8_t info[20];
	uint8_t aad[300];
	uint8_t plaintext[3000];
	uint8_t sealed[3000 + PRIO_HPKE_TAG_BYTES];
	uint8_t key[16];
	PrioKeyPair *pair;
} Seal;

static void
do_x25519(void *argument)
{
	Seal *s = argument;

	must(prio_x25519(s->pair, s->enc, s->shared));
}

static void
do_schedule(void *argument)
{
	Seal *s = argument;
	uint8_t nonce[12];

	must(prio_hpke_schedule(s->shared, s->enc, s->public_key, s->info, sizeof(s->info), s->key,
							nonce));
}

static void
do_gcm(void *argument)
{
	Seal *s = argument;
	uint8_t nonce[12] = {0};

	must(prio_gcm_encrypt(s->key, nonce, s->aad, sizeof(s->aad), s->plaintext, 200, s->sealed));
}

static void
do_open(void *argument)
{
	Seal *s = argument;

	must(prio_hpke_open(s->pair, s->public_key, s->info, sizeof(s->info), s->enc, s->aad,
						sizeof(s->aad), s->sealed, 200 + PRIO_HPKE_TAG_BYTES, s->plaintext));
}

static void
do_seal(void *argument)
{
	Seal *s = argument;

	must(prio_hpke_seal(s->public_key, s->info, sizeof(s->info), s->aad, sizeof(s->aad),
						s->plaintext, 200, s->enc, s->sealed));
}

static void
bench_hpke(void)
{
	static Seal s;
	double floor;

	must(prio_key_generate(s.private_key, s.public_key));
	must(prio_key_pair_import(s.private_key, s.public_key, &s.pair));
	do_seal(&s);
	floor = measure(do_x25519, &s);
	floor_us = floor * 1e6;
	print("X25519", "NSS", 1, floor);
	print("HPKE", "key schedule", 1, measure(do_schedule, &s));
	print("AES-128-GCM, 200 bytes", "NSS", 1, measure(do_gcm, &s));
	do_seal(&s);
	print("HPKE, 200 bytes", "open", 1, measure(do_open, &s));
	print("HPKE, 200 bytes", "seal", 1, measure(do_seal, &s));
	prio_key_pair_free(s.pair);
}

int
main(int argc, char **argv)
{
	const char *only = argc > 2 ? argv[2] : "";

	if (argc > 1 && !prio_kernels_choose(argv[1]))
	{
		fprintf(stderr, "this processor does not have %s\n", argv[1]);
		return 1;
	}
	bench_hpke();
	for (size_t i = 0; i < sizeof(circuits) / sizeof(circuits[0]); i++)
		if (strstr(circuits[i].name, only) != NULL)
			bench(&circuits[i]);
	return 0;
}
