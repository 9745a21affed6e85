/*
 * test_faults.c
 *		Every call to NSS and every request for memory fails, at every place in turn: whoever
 *		asked gets an error that is the machine's and no packet's, nothing leaks, and the
 *		next try works.
 */
#include "harness.h"

#include "prio1/vectors.h"

#include "../faults/inject.h"

#include <prerror.h>
#include <secerr.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What the core asks for itself comes by the linker's --wrap: with a sanitizer malloc() is
 * in this very program, and no call to another object.
 */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
extern void *__real_malloc(size_t size);
extern void *__real_calloc(size_t count, size_t size);
extern void __real_free(void *memory);
extern void *__wrap_malloc(size_t size);
extern void *__wrap_calloc(size_t count, size_t size);
extern void __wrap_free(void *memory);

void *
__wrap_malloc(size_t size)
{
	if (inject_fails(INJECT_MALLOC) || !inject_has_memory(size))
		return NULL;
	return inject_took_memory(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	if (inject_fails(INJECT_MALLOC) || !inject_has_memory(count * size))
		return NULL;
	return inject_took_memory(__real_calloc(count, size));
}

void
__wrap_free(void *memory)
{
	__real_free(inject_gave_memory(memory));
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* What every operation works with: enough data for several chunks of vector and stream. */
#define N_DATA 1500

static Servers servers; /* n is 0 before the first use of NSS */
static Field87 *data;
static Bytes plaintext[2];
static Bytes share[2];
static Prio1Verifier verifier[2];
static Bytes total[2]; /* messages: the total shares of this one client */
static Bytes verify1;  /* of B */
static Bytes verify2[2];
static uint8_t *scratch; /* for a plaintext */

/* ------------------------------------------------------------------ attempts */

/* What happens to the next attempt. */
static InjectKind kind;
static uint64_t skip = UINT64_MAX;
static bool forever;
static size_t memory_limit = SIZE_MAX;

static void
begin(void)
{
	/* NSS may fail without a word; what it said last was that a packet was damaged. */
	if (servers.n != 0)
		PR_SetError(SEC_ERROR_BAD_DATA, 0);
	if (memory_limit != SIZE_MAX)
		inject_limit_memory(memory_limit);
	else
		inject_arm(kind, skip, forever);
}

static PrioStatus
end(PrioStatus status)
{
	inject_disarm();
	return status;
}

/* One call into the core, in which something may fail. */
#define attempt(call) (begin(), end(call))

/* ------------------------------------------------------------------ operations */

/*
 * Each makes one attempt. When that says it succeeded, the result has to be right.
 */

static PrioStatus
make_hash(void)
{
	uint8_t hash[PRIO_HASH_BYTES];
	uint8_t expected[PRIO_HASH_BYTES];
	PrioStatus status =
		attempt(prio_sha256((const uint8_t *) "ab", 2, (const uint8_t *) "c", 1, hash));

	bytes_from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
				   expected, PRIO_HASH_BYTES);
	if (status == PRIO_OK)
		assert_memory_equal(hash, expected, PRIO_HASH_BYTES);
	return status;
}

static PrioStatus
draw_random_bytes(void)
{
	uint8_t bytes[32] = {0};
	uint8_t zeros[32] = {0};
	PrioStatus status = attempt(prio_random(bytes, sizeof(bytes)));

	if (status == PRIO_OK)
		assert_memory_not_equal(bytes, zeros, sizeof(bytes));
	return status;
}

static PrioStatus
generate_key(void)
{
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];
	PrioKeyPair *pair;
	PrioStatus status = attempt(prio_key_generate(private_key, public_key));

	if (status == PRIO_OK)
	{
		assert_ok(prio_key_pair_import(private_key, public_key, &pair));
		prio_key_pair_free(pair);
	}
	return status;
}

static PrioStatus
import_key(void)
{
	PrioKeyPair *pair = NULL;
	Prio1Verifier opened;
	PrioStatus status = attempt(
		prio_key_pair_import(servers.private_key[PRIO_A], servers.public_key[PRIO_A], &pair));

	if (status == PRIO_OK)
		assert_ok(prio1_verifier_open(&servers.context[PRIO_A], pair, share[PRIO_A].data,
									  share[PRIO_A].size, scratch, &opened));
	else
		assert_null(pair);
	prio_key_pair_free(pair);
	return status;
}

static PrioStatus
seal_packet(void)
{
	uint8_t sealed[PRIO1_SEAL_OVERHEAD + 5];
	uint8_t opened[sizeof(sealed)];
	size_t size;
	PrioStatus status =
		attempt(prio1_seal(servers.public_key[PRIO_A], (const uint8_t *) "hello", 5, sealed));

	if (status == PRIO_OK)
	{
		assert_ok(prio1_seal_open(servers.pair[PRIO_A], sealed, sizeof(sealed), opened, &size,
								  NULL));
		assert_int_equal(size, 5);
		assert_memory_equal(opened, "hello", 5);
	}
	return status;
}

static PrioStatus
open_share(PrioRole role)
{
	Prio1Verifier opened;
	uint8_t stored[PRIO1_VERIFIER_BYTES];
	uint8_t expected[PRIO1_VERIFIER_BYTES];
	PrioStatus status =
		attempt(prio1_verifier_open(&servers.context[role], servers.pair[role],
									share[role].data, share[role].size, scratch, &opened));

	if (status == PRIO_OK)
	{
		prio1_verifier_store(&opened, true, stored);
		prio1_verifier_store(&verifier[role], true, expected);
		assert_memory_equal(stored, expected, PRIO1_VERIFIER_BYTES);
	}
	return status;
}

static PrioStatus
open_share_of_a(void)
{
	return open_share(PRIO_A);
}

static PrioStatus
open_share_of_b(void)
{
	return open_share(PRIO_B);
}

/* The next element behind five tries. */
static PrioStatus
read_stream(Field87 *element)
{
	static const uint8_t key[PRIO_AES_KEY_BYTES] = {1};
	Prio1Prg prg;
	PrioStatus status = prio1_prg_open(&prg, key, 5);

	if (status != PRIO_OK)
		return status;
	status = prio1_prg_draw(&prg, FIELD87_P, element, 1);
	prio1_prg_close(&prg);
	return status;
}

static PrioStatus
open_stream(void)
{
	Field87 element;
	Field87 expected;
	PrioStatus status = attempt(read_stream(&element));

	if (status == PRIO_OK)
	{
		assert_ok(read_stream(&expected));
		assert_element(element, expected);
	}
	return status;
}

/* Not the first point, and where the last attempt stopped. */
static PrioStatus
draw_point(void)
{
	static Prio1PointCursor cursor;
	Field87 r;
	Field87 expected;
	PrioStatus status =
		attempt(prio1_verifier_point(servers.shared_secret, servers.variant,
									 (uint8_t *) servers.batch_id, strlen(servers.batch_id),
									 servers.n, 1000, &cursor, &r, NULL));

	if (status == PRIO_OK)
	{
		assert_ok(prio1_verifier_point(servers.shared_secret, servers.variant,
									   (uint8_t *) servers.batch_id, strlen(servers.batch_id),
									   servers.n, 1000, NULL, &expected, NULL));
		assert_element(r, expected);
		memset(&cursor, 0, sizeof(cursor));
	}
	return status;
}

static PrioStatus
make_context(void)
{
	Field87 *memory = malloc(prio_lagrange87_size(N_DATA) * sizeof(Field87));
	Prio1VerifierContext context;
	PrioStatus status = attempt(prio1_verifier_context_init(&context, PRIO_A, servers.variant,
															(uint8_t *) servers.batch_id,
															strlen(servers.batch_id), N_DATA,
															random_element(), memory, NULL));

	if (status == PRIO_OK)
		assert_memory_equal(context.digest, servers.context[PRIO_A].digest, PRIO1_DIGEST_BYTES);
	free(memory);
	return status;
}

static PrioStatus
make_verify2(void)
{
	uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
	size_t size = 0;
	PrioStatus status = attempt(
		prio1_verifier_verify2(&verifier[PRIO_A], verify1.data, verify1.size, message, &size));

	if (status == PRIO_OK)
	{
		assert_int_equal(size, verify2[PRIO_A].size);
		assert_memory_equal(message, verify2[PRIO_A].data, size);
	}
	return status;
}

static PrioStatus
judge(void)
{
	bool valid = false;
	PrioStatus status =
		attempt(prio1_verifier_is_valid(verify2[PRIO_A].data, verify2[PRIO_A].size,
										verify2[PRIO_B].data, verify2[PRIO_B].size, &valid));

	if (status == PRIO_OK)
		assert_true(valid);
	return status;
}

static void
check_total(Prio1Total *sum, PrioRole role)
{
	uint8_t *message = malloc(prio1_total_max_message(sum->n));
	size_t size = prio1_total_write(sum, message);

	assert_int_equal(size, total[role].size);
	assert_memory_equal(message, total[role].data, size);
	free(message);
}

static PrioStatus
add_share(PrioRole role)
{
	Prio1Total sum = total_make(role, N_DATA);
	PrioStatus status = attempt(prio1_total_add_share(&sum, &verifier[role], share[role].data,
													  share[role].size, scratch));

	if (status == PRIO_OK)
		check_total(&sum, role);
	free(sum.sums);
	return status;
}

static PrioStatus
add_share_of_a(void)
{
	return add_share(PRIO_A);
}

static PrioStatus
add_share_of_b(void)
{
	return add_share(PRIO_B);
}

static PrioStatus
make_packets(void)
{
	Field87 *memory = malloc(prio_coset87_size(N_DATA) * sizeof(Field87));
	Field87 *work = malloc(prio1_client_scratch_size(N_DATA) * sizeof(Field87));
	Bytes made[2];
	Prio1Client client;
	PrioStatus status;

	for (int role = PRIO_A; role <= PRIO_B; role++)
		made[role].data = malloc(
			prio1_packet_max_plaintext((PrioRole) role, strlen(servers.batch_id), N_DATA));
	assert_ok(prio1_client_init(&client, N_DATA, memory, NULL));
	status = attempt(prio1_client_packets(&client, servers.variant, (uint8_t *) servers.batch_id,
										  strlen(servers.batch_id), data, made[PRIO_A].data,
										  &made[PRIO_A].size, made[PRIO_B].data,
										  &made[PRIO_B].size, work, NULL));
	if (status == PRIO_OK)
		assert_int_equal(servers_judge(&servers, made), ACCEPTED);
	bytes_free_pair(made);
	free(memory);
	free(work);
	return status;
}

static const struct
{
	const char *name;
	PrioStatus (*run)(void);
	int nss_calls; /* at least so many, or the test tests nothing */
	int mallocs;
} operations[] = {
	{"hash", make_hash, 3, 1},
	{"random bytes", draw_random_bytes, 1, 1},
	{"key generation", generate_key, 7, 1},
	{"key import", import_key, 8, 2},
	{"seal", seal_packet, 15, 3},
	{"open A", open_share_of_a, 4, 3},
	{"open B", open_share_of_b, 20, 7},
	{"stream", open_stream, 3, 2},
	{"point", draw_point, 10, 3},
	{"context", make_context, 3, 1},
	{"verify2", make_verify2, 0, 2},
	{"is_valid", judge, 0, 2},
	{"total A", add_share_of_a, 2, 3},
	{"total B", add_share_of_b, 8, 2},
	{"client", make_packets, 30, 12},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ------------------------------------------------------------------ tests */

static void
check_failure(PrioStatus status, const char *name)
{
	if (status != PRIO_NSS_FAILED && status != PRIO_NO_MEMORY)
		fail_msg("%s: %s when %s %" PRIu64 "%s fails", name, prio_status_text(status),
				 kind == INJECT_NSS ? "NSS call" : "malloc", skip,
				 forever ? " and every later one" : "");
}

/*
 * Lets every call of one kind fail in turn, until there is none left to fail; returns how
 * many there were.
 */
static int
fail_each_call(InjectKind which, bool for_good, size_t operation)
{
	int64_t live = inject_live_objects();
	PrioStatus status;
	int calls = 0;

	kind = which;
	forever = for_good;
	for (;; calls++)
	{
		skip = (uint64_t) calls;
		status = operations[operation].run();
		if (!inject_disarm())
			break;
		check_failure(status, operations[operation].name);
		assert_int_equal(inject_live_objects(), live);

		skip = UINT64_MAX;
		assert_ok(operations[operation].run());
		assert_int_equal(inject_live_objects(), live);
	}
	assert_ok(status);
	return calls;
}

static void
failing_calls_of(InjectKind which)
{
	for (size_t i = 0; i < OPERATIONS; i++)
	{
		int expected = which == INJECT_NSS ? operations[i].nss_calls : operations[i].mallocs;
		int once = fail_each_call(which, false, i);

		assert_true(once >= expected);
		fail_each_call(which, true, i);
	}
}

static void
a_failing_nss_call_is_no_packets_fault_and_leaks_nothing(void **state)
{
	(void) state;
	assert_null(inject_forgotten(""));
	failing_calls_of(INJECT_NSS);
}

static void
a_failing_malloc_is_no_packets_fault_and_leaks_nothing(void **state)
{
	(void) state;
	failing_calls_of(INJECT_MALLOC);
}

/* With any amount of memory an operation works, or says that there is too little. */
static void
memory_that_runs_out_is_no_packets_fault_and_leaks_nothing(void **state)
{
	int64_t live = inject_live_objects();

	(void) state;
	skip = UINT64_MAX;
	for (size_t i = 0; i < OPERATIONS; i++)
	{
		int failures = 0;
		int successes = 0;

		for (size_t bytes = 0; bytes < 48 << 10; bytes += 1024)
		{
			PrioStatus status;

			memory_limit = bytes;
			status = operations[i].run();
			if (status == PRIO_OK)
				successes++;
			else
			{
				/* NSS itself, which may not bear it, never ran out. */
				assert_status(status, PRIO_NO_MEMORY);
				failures++;
			}
			assert_int_equal(inject_live_objects(), live);

			memory_limit = SIZE_MAX;
			assert_ok(operations[i].run());
			assert_int_equal(inject_live_objects(), live);
		}
		assert_true(failures > 0 && successes > 0);
	}
}

/* How the process of a first use ends; cmocka ends a failed one otherwise. */
enum
{
	NOTHING_FAILED = 100,
	FAILED_THEN_WORKED
};

/* NSS is used for the first time, in a process of its own; then, with nothing to fail, again. */
static int
first_use(void)
{
	pid_t child = fork();
	int result;

	assert_true(child >= 0);
	if (child == 0)
	{
		PrioStatus status;
		bool failed;

		alarm(60); /* whoever waits for nobody dies */
		inject_install("");
		status = make_hash();
		failed = inject_disarm();
		if (failed)
			check_failure(status, "first use");
		skip = memory_limit = SIZE_MAX;
		assert_ok(make_hash());
		/* NSS itself, its token and a digest */
		assert_int_equal(inject_live_objects(), 3);
		exit(failed ? FAILED_THEN_WORKED : NOTHING_FAILED);
	}
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_true(WIFEXITED(result));
	assert_between(WEXITSTATUS(result), NOTHING_FAILED, FAILED_THEN_WORKED);
	return WEXITSTATUS(result);
}

/* Runs before any test that uses NSS in this process. */
static void
nss_that_does_not_start_starts_later(void **state)
{
	int calls = 0;

	(void) state;
	kind = INJECT_NSS;
	for (skip = 0; first_use() == FAILED_THEN_WORKED; skip = (uint64_t) calls)
		calls++;
	skip = UINT64_MAX;
	assert_int_equal(calls, 6); /* three to start, three to hash */
}

/* With any amount of memory NSS starts, or another time: it never begins and fails. */
static void
nss_that_has_no_room_to_start_starts_later(void **state)
{
	size_t last_failure = 0;

	(void) state;
	for (memory_limit = 0; memory_limit < 16 << 20;
		 memory_limit += memory_limit < 1 << 20 ? 32 << 10 : 1 << 20)
	{
		if (first_use() == FAILED_THEN_WORKED)
			last_failure = memory_limit;
	}
	memory_limit = SIZE_MAX;
	assert_between(last_failure, 4 << 20, 15 << 20);
}

static Bytes
message_of(Prio1Total *sum)
{
	Bytes message = {malloc(prio1_total_max_message(sum->n)), 0};

	message.size = prio1_total_write(sum, message.data);
	return message;
}

static int
set_up(void **state)
{
	uint8_t buffer[2][PRIO1_VERIFY1_MAX_BYTES];
	size_t size[2];

	(void) state;
	servers_make(&servers, "batch", N_DATA, PRIO1_PRG_BATCH);
	data = random_bits(N_DATA);
	client_make_packets(&servers, data, plaintext);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		Prio1Total sum = total_make((PrioRole) role, N_DATA);

		share[role] = seal_bytes(&servers, (PrioRole) role, plaintext[role]);
		assert_ok(servers_open(&servers, (PrioRole) role, share[role], &verifier[role]));
		assert_ok(total_take(&sum, &verifier[role], share[role]));
		total[role] = message_of(&sum);
		free(sum.sums);
		size[role] = prio1_verifier_verify1(&verifier[role], buffer[role]);
	}
	verify1 = bytes_copy(buffer[PRIO_B], size[PRIO_B]);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
		size_t message_size;

		assert_ok(prio1_verifier_verify2(&verifier[role], buffer[!role], size[!role], message,
										 &message_size));
		verify2[role] = bytes_copy(message, message_size);
	}
	scratch = malloc(share[PRIO_A].size);
	inject_install("");
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	bytes_free_pair(plaintext);
	bytes_free_pair(share);
	bytes_free_pair(total);
	bytes_free_pair(verify2);
	free(verify1.data);
	free(data);
	free(scratch);
	servers_free(&servers);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest first[] = {
		cmocka_unit_test(nss_that_does_not_start_starts_later),
		cmocka_unit_test(nss_that_has_no_room_to_start_starts_later),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failing_nss_call_is_no_packets_fault_and_leaks_nothing),
		cmocka_unit_test(a_failing_malloc_is_no_packets_fault_and_leaks_nothing),
		cmocka_unit_test(memory_that_runs_out_is_no_packets_fault_and_leaks_nothing),
	};

	return cmocka_run_group_tests_name("faults, first use", first, NULL, NULL) +
		cmocka_run_group_tests_name("faults", tests, set_up, tear_down);
}
