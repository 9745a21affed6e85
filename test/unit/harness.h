/*
 * harness.h
 *		What the unit tests share: cmocka, vectors, both servers of one batch in memory.
 */
#ifndef PRIO_TEST_HARNESS_H
#define PRIO_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "prio1/client.h"
#include "prio1/total.h"

typedef struct Bytes
{
	uint8_t *data;
	size_t size;
} Bytes;

#define assert_ok(status) \
	assert_string_equal(prio_status_text(status), prio_status_text(PRIO_OK))
#define assert_status(status, expected) \
	assert_string_equal(prio_status_text(status), prio_status_text(expected))
/* What cmocka 1 and 2 have under different names. */
#define assert_between(value, least, most) \
	assert_value_between(#value, (uintmax_t) (value), (uintmax_t) (least), (uintmax_t) (most))
#define assert_element(a, b) \
	do \
	{ \
		Field87 left_ = (a); \
		Field87 right_ = (b); \
		assert_true(left_.lo == right_.lo && left_.hi == right_.hi); \
	} while (0)

/* Both servers of one batch. */
typedef struct Servers
{
	uint8_t private_key[2][PRIO_KEY_BYTES];
	uint8_t public_key[2][PRIO_KEY_BYTES];
	uint8_t shared_secret[PRIO1_SEED_BYTES];
	PrioKeyPair *pair[2];
	Prio1PrgVariant variant;
	char *batch_id;
	size_t n;
	Prio1PointCursor cursor[2];
	Field87 *memory[2];
	Prio1VerifierContext context[2];
} Servers;

/* Fresh keys and secret, context at ordinal 0. */
extern void servers_make(Servers *servers, const char *batch_id, size_t n,
						 Prio1PrgVariant variant);
/* Those of a file of vectors. */
extern void servers_from_json(Servers *servers, json_t *file);
extern void servers_set_ordinal(Servers *servers, uint64_t ordinal);
extern void servers_free(Servers *servers);

extern PrioStatus servers_open(Servers *servers, PrioRole role, Bytes share,
							   Prio1Verifier *verifier);

/* prio1_verifier_is_valid(), whatever the order of the two messages. */
extern bool is_valid(const uint8_t *verify2_a, size_t size_a, const uint8_t *verify2_b,
					 size_t size_b);
/* Both rounds; what both servers then say. */
extern bool servers_exchange(const Prio1Verifier *a, const Prio1Verifier *b);

/* The two plaintexts of a client with these data, and sealing one; free() the bytes. */
extern void client_make_packets(const Servers *servers, const Field87 *data, Bytes plaintext[2]);
extern Bytes seal_bytes(const Servers *servers, PrioRole role, Bytes plaintext);

/* What two servers make of a pair of packets. */
typedef enum Verdict
{
	ACCEPTED,
	REJECTED, /* both opened theirs, and the exchange said no */
	REFUSED   /* one of them did not even open */
} Verdict;

/* Opens both shares and does both rounds. A refused share is at fault itself, always. */
extern Verdict servers_judge_shares(Servers *servers, const Bytes share[2],
									Prio1Verifier verifier[2]);
/* The same for plaintexts, sealed for the occasion. */
extern Verdict servers_judge(Servers *servers, const Bytes plaintext[2]);

/* The two sealed packets of a client with these data; bytes_free_pair() them. */
extern void client_make_shares(const Servers *servers, const Field87 *data, Bytes share[2]);
extern void bytes_free_pair(Bytes pair[2]);

/* A sum of nothing, in memory of exactly its size; free() its sums. */
extern Prio1Total total_make(PrioRole role, size_t n);
/* prio1_total_add_share() with scratch memory of its own. */
extern PrioStatus total_take(Prio1Total *total, const Prio1Verifier *verifier, Bytes share);
/* Asserts that both are the same share of a total. */
extern void assert_same_total(const Prio1Total *a, const Prio1Total *b);

/*
 * For tests that run once with every variant of the kernels that this processor has: chooses the
 * next one and returns a title with its name, or NULL behind the last one, and it begins again.
 */
extern const char *next_kernels(const char *group);

/* The same numbers in every run: tests that fail do so again. */
extern uint64_t test_random(void);
extern Field87 random_element(void);
extern Bytes random_bytes(size_t size);
/* count zeros and ones; free() them. */
extern Field87 *random_bits(size_t count);

/*
 * Calls check with every proper prefix of the message, the longest last. Each ends where
 * its block of memory ends, so that AddressSanitizer sees any read beyond it.
 */
typedef void (*PrefixCheck)(const uint8_t *prefix, size_t size, void *argument);
extern void each_proper_prefix(Bytes message, PrefixCheck check, void *argument);

/* For assert_between(). */
extern void assert_value_between(const char *expression, uintmax_t value, uintmax_t least,
								 uintmax_t most);

/* All size bytes have this value. */
extern void assert_filled(const void *memory, size_t size, uint8_t value);

/* For computations: stop at once, or go on. */
extern bool stop_now(void);
extern bool stop_never(void);

/* A file of test/vectors; json_decref() it. Hex strings of it; free() the bytes. */
extern json_t *load_vectors(const char *name);
extern Bytes hex_bytes(json_t *object, const char *name);
extern Bytes bytes_copy(const void *data, size_t size);
/* Of hex digits in a test; as many of them as size says, twice. */
extern void bytes_from_hex(const char *hex, uint8_t *out, size_t size);

#endif /* PRIO_TEST_HARNESS_H */
