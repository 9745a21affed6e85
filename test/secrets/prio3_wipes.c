/*
 * prio3_wipes.c
 *		Is anything secret of Prio3, HPKE or DAP left in memory after use? Looks for it.
 *
 * As wipes.c does it: a first process plays everybody and writes down what is secret, masked;
 * every operation then runs in a process and on a stack of its own, as src/pg would call it, and
 * everything that is mapped for writing is searched for pieces of eight bytes. What the caller
 * owns (inputs, results) it wipes itself. Prints TAP.
 */
#include "base/secret.h"
#include "crypto/hpke.h"
#include "dap/report.h"
#include "prio3/client.h"
#include "prio3/elements.h"
#include "prio3/verify.h"
#include "prio3/xof.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define MASK UINT64_C(0xa5c3965a3c69e17b)
#define MAX_SECRETS 32768
#define HASH_BITS 18
#define STACK_BYTES (1024 * 1024)
#define MAX_BYTES 16384
#define REPORTS 9 /* more than there are lanes */

typedef struct Secret
{
	uint64_t masked;
	const char *name;
	int next;
} Secret;

typedef struct Masked
{
	size_t size;
	uint8_t bytes[MAX_BYTES];
} Masked;

/* What all processes share. */
typedef struct Shared
{
	int count;
	Secret secrets[MAX_SECRETS];
	int first[1 << HASH_BITS];
	Masked verify_key;
	Masked rand;
	Masked measurement;
	Masked share[2];
	Masked state[2];
	Masked private_key;
	uint8_t public_share[MAX_BYTES];
	uint8_t message[PRIO3_MAX_SEED_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t report[MAX_BYTES];
	size_t report_size;
} Shared;

static Shared *shared;

static const Prio3Parameters parameters = {PRIO3_HISTOGRAM, PRIO3_DRAFT_18, 40, 6, 1};
static const uint8_t nonce[PRIO3_NONCE_BYTES] = "a nonce of 16";
static const uint8_t context[] = "context";

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

/* In pieces of eight bytes; what could be anything, like zeros, is none. */
static void
remember(const char *name, const void *bytes, size_t size)
{
	for (size_t i = 0; i + 8 <= size; i += 8)
	{
		uint64_t word;
		Secret *secret;

		memcpy(&word, (const uint8_t *) bytes + i, 8);
		if (word >> 32 == 0 || (word & UINT32_MAX) == 0)
			continue;
		require(shared->count + 1 < MAX_SECRETS, "there are too many secrets");
		secret = &shared->secrets[++shared->count];
		secret->masked = word ^ MASK;
		secret->name = name;
		secret->next = shared->first[hash(secret->masked)];
		shared->first[hash(secret->masked)] = shared->count;
	}
}

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

/* ------------------------------------------------------------------ what an operation has */

/* The caller's variables. */
static struct
{
	Prio3Vdaf vdaf;
	uint8_t key[PRIO3_MAX_SEED_BYTES];
	uint64_t measurement[64];
	uint8_t rand[256];
	uint8_t public_share[MAX_BYTES];
	uint8_t share[2][MAX_BYTES];
	uint8_t state[MAX_BYTES];
	uint8_t verifier_share[MAX_BYTES];
	uint8_t output_share[MAX_BYTES];
	uint8_t message[PRIO3_MAX_SEED_BYTES];
	uint8_t memory[MAX_BYTES];
	Prio3Report reports[REPORTS];
	Prio3Finish finish[REPORTS];
	void *tables;
	uint8_t *scratch;
	PrioKeyPair *pair;
	DapTask task;
	size_t left; /* questions before it stops */
} caller;

static size_t
largest_scratch(const Prio3Vdaf *vdaf)
{
	size_t shard = prio3_shard_scratch(vdaf);
	size_t init = prio3_verify_init_scratch(vdaf, PRIO_B, REPORTS);

	return shard > init ? shard : init;
}

static void
start(void)
{
	must(prio_nss_init());
	must(prio3_vdaf_init(&caller.vdaf, &parameters, context, sizeof(context)));
	caller.tables = malloc(prio3_tables_size(&caller.vdaf));
	must(prio3_tables_init(&caller.vdaf, caller.tables, NULL));
	caller.scratch = malloc(largest_scratch(&caller.vdaf));
	caller.task.version = DAP_18;
	caller.task.time_precision = 1;
}

static bool
stop_soon(void)
{
	return caller.left-- == 0;
}

/* The caller wipes what is its own. */
static void
wipe_own(void)
{
	prio_wipe(caller.key, sizeof(caller.key));
	prio_wipe(caller.measurement, sizeof(caller.measurement));
	prio_wipe(caller.rand, sizeof(caller.rand));
	prio_wipe(caller.share, sizeof(caller.share));
	prio_wipe(caller.state, sizeof(caller.state));
	prio_wipe(caller.verifier_share, sizeof(caller.verifier_share));
	prio_wipe(caller.output_share, sizeof(caller.output_share));
	prio_wipe(caller.memory, sizeof(caller.memory));
	prio_wipe(caller.public_share, sizeof(caller.public_share));
	prio_wipe(caller.message, sizeof(caller.message));
}

/* ------------------------------------------------------------------ operations */

static void
do_shard(void)
{
	uint8_t *share[2] = {caller.share[0], caller.share[1]};

	unmask(&shared->rand, caller.rand);
	unmask(&shared->measurement, caller.measurement);
	must(prio3_shard(&caller.vdaf, caller.measurement, nonce, caller.rand, caller.public_share,
					 share, caller.scratch, NULL));
	wipe_own();
}

static void
verify_init(PrioRole role, PrioStop stop, PrioStatus expected)
{
	unmask(&shared->verify_key, caller.key);
	unmask(&shared->share[role], caller.share[role]);
	for (size_t i = 0; i < REPORTS; i++)
		caller.reports[i] = (Prio3Report){.nonce = nonce,
										  .public_share = shared->public_share,
										  .public_share_size = caller.vdaf.public_share_size,
										  .input_share = caller.share[role],
										  .input_share_size = caller.vdaf.input_share_size[role],
										  .state = caller.state,
										  .verifier_share = caller.verifier_share,
										  .output_share = caller.output_share};
	require(prio3_verify_init(&caller.vdaf, role, caller.key, caller.reports, REPORTS,
							  caller.scratch, stop) == expected,
			"the status is another one");
	wipe_own();
}

static void
verify_init_a(void)
{
	verify_init(PRIO_A, NULL, PRIO_OK);
}

static void
verify_init_b(void)
{
	verify_init(PRIO_B, NULL, PRIO_OK);
}

static void
verify_init_interrupted(void)
{
	caller.left = 3;
	verify_init(PRIO_B, stop_soon, PRIO_INTERRUPTED);
}

static void
verify_next_b(void)
{
	Prio3State state;

	unmask(&shared->state[PRIO_B], caller.state);
	must(prio3_state_read(caller.state, shared->state[PRIO_B].size, &state));
	for (size_t i = 0; i < REPORTS; i++)
		caller.finish[i] = (Prio3Finish){.joint_seed = state.joint_seed,
										 .secret = state.secret,
										 .message = shared->message,
										 .message_size = caller.vdaf.message_size,
										 .output_share = caller.output_share};
	must(prio3_verify_next(&caller.vdaf, PRIO_B, caller.finish, REPORTS, caller.scratch, NULL));
	must(caller.finish[REPORTS - 1].status);
	wipe_own();
}

static void
import_key(void)
{
	unmask(&shared->private_key, caller.memory);
	must(prio_key_pair_import(caller.memory, shared->public_key, &caller.pair));
	prio_wipe(caller.memory, PRIO_KEY_BYTES);
}

static void
open_share(void)
{
	DapReport report;
	DapInputShare input;

	import_key();
	must(dap_report_parse(DAP_18, shared->report, shared->report_size, &report));
	must(dap_share_open(&caller.task, PRIO_A, caller.pair, shared->public_key, 1,
						report.header, report.header_size, report.share[PRIO_A],
						report.share_size[PRIO_A], caller.memory, &input));
	prio_key_pair_free(caller.pair);
	wipe_own();
}

static void
make_report(uint8_t *out, size_t *size)
{
	DapRecipient recipient[2];
	size_t sizes[2];

	for (int role = 0; role < 2; role++)
	{
		unmask(&shared->share[role], caller.share[role]);
		sizes[role] = shared->share[role].size;
		memcpy(recipient[role].public_key, shared->public_key, PRIO_KEY_BYTES);
		recipient[role].config_id = 1;
		recipient[role].input_share = caller.share[role];
		recipient[role].input_share_size = sizes[role];
	}
	*size = dap_report_size(&caller.task, caller.vdaf.public_share_size, sizes);
	require(*size <= MAX_BYTES, "a report is too long");
	must(dap_report_make(&caller.task, nonce, 5, shared->public_share,
						 caller.vdaf.public_share_size, recipient, caller.memory, out));
	wipe_own();
}

static void
seal_shares(void)
{
	static uint8_t sealed[MAX_BYTES];
	size_t size;

	make_report(sealed, &size);
}

/* Controls. */
static void
leave_in_scratch(void)
{
	unmask(&shared->share[PRIO_B], caller.scratch);
}

static void
leave_on_the_stack(void)
{
	uint8_t copy[256];

	unmask(&shared->rand, copy);
}

/* ------------------------------------------------------------------ the first process */

/* The vectors that come up on the way, which only the XOF knows. */
static void
remember_elements(const char *name, Prio3Usage usage, const uint8_t *seed,
				  const uint8_t *binder, size_t binder_size, size_t count)
{
	static uint8_t vector[MAX_BYTES];
	static PrioTurboShake stream;
	uint8_t *to = vector;

	prio3_xof_start(&stream, &caller.vdaf, usage, 1, &seed, true);
	prio_turboshake_absorb_all(&stream, binder, binder_size);
	must(prio3_xof_elements(&stream, &caller.vdaf, &to, count, NULL));
	remember(name, vector, count * caller.vdaf.element_size);
	remember(name, &stream.words, sizeof(stream.words));
}

static void
make_secrets(void)
{
	const Prio3Vdaf *vdaf = &caller.vdaf;
	static const uint8_t binder[3] = {1, 1, 0};
	uint8_t query_binder[1 + PRIO3_NONCE_BYTES] = {1};
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t *share[2] = {caller.share[0], caller.share[1]};
	uint8_t verifier[2][MAX_BYTES];

	start();
	must(prio_random(caller.key, sizeof(caller.key)));
	must(prio_random(caller.rand, vdaf->rand_size));
	caller.measurement[0] = 17;
	mask(&shared->verify_key, caller.key, sizeof(caller.key));
	mask(&shared->rand, caller.rand, vdaf->rand_size);
	mask(&shared->measurement, caller.measurement, sizeof(uint64_t));
	remember("verify key", caller.key, sizeof(caller.key));
	remember("client's randomness", caller.rand, vdaf->rand_size);
	must(prio3_shard(vdaf, caller.measurement, nonce, caller.rand, shared->public_share, share,
					 caller.scratch, NULL));
	for (int role = 0; role < 2; role++)
	{
		Prio3Report one = {.nonce = nonce,
						   .public_share = shared->public_share,
						   .public_share_size = vdaf->public_share_size,
						   .input_share = share[role],
						   .input_share_size = vdaf->input_share_size[role],
						   .state = caller.state,
						   .verifier_share = verifier[role],
						   .output_share = caller.output_share};

		mask(&shared->share[role], share[role], vdaf->input_share_size[role]);
		remember("input share", share[role], vdaf->input_share_size[role]);
		must(prio3_verify_init(vdaf, (PrioRole) role, caller.key, &one, 1, caller.scratch, NULL));
		must(one.status);
		mask(&shared->state[role], caller.state, prio3_state_size(vdaf, (PrioRole) role));
		remember("output share", caller.output_share, vdaf->output_share_size);
		/* Without the part: that is in the public share. */
		remember("verifier share", verifier[role], vdaf->verifier_len * vdaf->element_size);
	}
	must(prio3_verifier_message(vdaf, verifier[0], vdaf->verifier_share_size, verifier[1],
								vdaf->verifier_share_size, shared->message));
	memcpy(query_binder + 1, nonce, PRIO3_NONCE_BYTES);
	remember_elements("share of the measurement", PRIO3_MEAS_SHARE, share[PRIO_B], binder, 1,
					  vdaf->meas_len);
	remember_elements("share of the proof", PRIO3_PROOF_SHARE, share[PRIO_B], binder, 2,
					  vdaf->proof_len);
	remember_elements("query randomness", PRIO3_QUERY_RANDOMNESS, caller.key, query_binder,
					  sizeof(query_binder), vdaf->query_rand_len);
	remember_elements("prove randomness", PRIO3_PROVE_RANDOMNESS,
					  caller.rand + vdaf->rand_size - vdaf->seed_size, binder, 1, vdaf->arity);
	must(prio_key_generate(private_key, shared->public_key));
	mask(&shared->private_key, private_key, sizeof(private_key));
	remember("private key", private_key, sizeof(private_key));
	make_report(shared->report, &shared->report_size);
}

/* ------------------------------------------------------------------ one operation */

typedef struct Operation
{
	const char *name;
	void (*run)(void);
	bool leaks;
} Operation;

static const Operation operations[] = {
	{"control: a share in scratch memory is found", leave_in_scratch, true},
	{"control: randomness on the stack is found", leave_on_the_stack, true},
	{"sharding leaves nothing behind", do_shard, false},
	{"verify_init of A leaves nothing behind", verify_init_a, false},
	{"verify_init of B leaves nothing behind", verify_init_b, false},
	{"verify_init that is interrupted leaves nothing behind", verify_init_interrupted, false},
	{"verify_next of B leaves nothing behind", verify_next_b, false},
	{"opening a share leaves nothing behind", open_share, false},
	{"sealing shares leaves nothing behind", seal_shares, false},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static const Operation *operation;
static ucontext_t main_context;
static ucontext_t operation_context;

static void
run_operation(void)
{
	operation->run();
}

static void
run_and_wipe(void)
{
	run_operation();
	prio_wipe_stack();
}

static void
run_on_own_stack(void (*function)(void))
{
	uint8_t *stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	require(stack != MAP_FAILED && getcontext(&operation_context) == 0, "there is no stack");
	operation_context.uc_stack.ss_sp = stack;
	operation_context.uc_stack.ss_size = STACK_BYTES;
	operation_context.uc_link = &main_context;
	makecontext(&operation_context, function, 0);
	require(swapcontext(&main_context, &operation_context) == 0, "the stack cannot be used");
}

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
		uintptr_t begin = strtoul(line, &line, 16);
		uintptr_t end = strtoul(line + 1, &line, 16);

		if (strncmp(line, " rw", 3) != 0)
			continue;
		for (uintptr_t p = begin; p + 8 <= end; p++)
		{
			const char *name = find_secret((const uint8_t *) p);

			if (name != NULL && ++found <= 20 && !operation->leaks)
				printf("# %s: at %lx%.*s\n", name, (unsigned long) p,
					   (int) strcspn(line, "\n"), line);
		}
	}
	return found;
}

/* Exit statuses of processes; 1 is that of require(). */
enum
{
	EXIT_CLEAN = 2,
	EXIT_FOUND = 3
};

static int
in_child(int (*function)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	require(child >= 0, "there is no process");
	if (child == 0)
	{
		int result = function();

		fflush(stdout);
		_exit(result);
	}
	require(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
				WEXITSTATUS(status) >= EXIT_CLEAN,
			"a process failed");
	return WEXITSTATUS(status);
}

static int
prepare(void)
{
	make_secrets();
	return EXIT_CLEAN;
}

static int
search_after_operation(void)
{
	start();
	run_on_own_stack(operation->leaks ? run_operation : run_and_wipe);
	return search_memory() > 0 ? EXIT_FOUND : EXIT_CLEAN;
}

int
main(void)
{
	int failed = 0;

	shared =
		mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(shared != MAP_FAILED, "there is no memory");
	(void) in_child(prepare);
	printf("1..%zu\n", OPERATIONS);
	for (size_t i = 0; i < OPERATIONS; i++)
	{
		bool found;

		operation = &operations[i];
		found = in_child(search_after_operation) == EXIT_FOUND;
		failed += found != operation->leaks;
		printf("%s %zu - %s\n", found == operation->leaks ? "ok" : "not ok", i + 1,
			   operation->name);
	}
	return failed == 0 ? 0 : 1;
}
