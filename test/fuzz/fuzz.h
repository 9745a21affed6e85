/*
 * fuzz.h
 *		What the fuzz targets share.
 *
 * An input is a head of a fixed size, which chooses what is done with the rest, and the
 * rest: a packet or message from the world outside. libFuzzer hands every input over in a
 * block of its own, so that AddressSanitizer sees any read beyond its end.
 *
 * What must hold is asserted with cmocka's macros, which abort() here: for libFuzzer that
 * is a crash, and the input is kept.
 */
#ifndef PRIO_FUZZ_H
#define PRIO_FUZZ_H

#include "harness.h"
#include "reference.h"

#include <stdlib.h>
#include <string.h>

/* libFuzzer calls these ... */
extern int LLVMFuzzerInitialize(int *argc, char ***argv);
extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
									  unsigned int seed);
/* ... and has this to offer. */
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* ------------------------------------------------------------------ batches */

/* A file of test/vectors: both servers of a batch, and its first honest client. */
typedef struct Batch
{
	const char *file;
	Servers servers;
	Bytes share[2];
	Prio1Verifier verifier[2];
} Batch;

/* One data field, an array's head of one byte and of three, more than one chunk. */
#define BATCHES 7
extern Batch batches[BATCHES];

/* The first one that has so many data fields. */
extern Batch *batch_of_size(size_t n);

/* Makes failed assertions abort(), and opens all batches. */
extern void fuzz_begin(void);

/* Which batch and server the first byte of an input chooses, and the way back. */
static inline Batch *
chosen_batch(uint8_t choice)
{
	return &batches[choice / 2 % BATCHES];
}

static inline PrioRole
chosen_role(uint8_t choice)
{
	return (PrioRole) (choice % 2);
}

static inline uint8_t
choice_of(const Batch *batch, PrioRole role)
{
	return (uint8_t) (2 * (batch - batches) + role);
}

/* The packet's plaintext; false when it does not open. free() its bytes. */
extern bool unseal(const Batch *batch, PrioRole role, Bytes share, Bytes *plaintext,
				   uint8_t aes_key[PRIO_AES_KEY_BYTES]);

/*
 * Seals with the AES key of a packet whose ephemeral key and nonce *sealed begins with: the
 * same bytes every time. For secrets that would be a mistake; nobody keeps any here. There
 * is room for plaintext.size + PRIO1_SEAL_OVERHEAD.
 */
extern void seal_again(const uint8_t aes_key[PRIO_AES_KEY_BYTES], Bytes plaintext,
					   uint8_t *sealed);

/* ------------------------------------------------------------------ inputs */

/*
 * A block of exactly its size, for AddressSanitizer; free_exact() it. An empty one, too,
 * has no byte that may be read.
 */
extern Bytes exact_copy(const uint8_t *data, size_t size);
extern void free_exact(Bytes bytes);

/* libFuzzer's own mutations; where there is no room, there is nothing. */
extern size_t mutate_bytes(uint8_t *data, size_t size, size_t max_size);

/*
 * Changes a message in place: an object of it, or any bytes. Returns its new size, at most
 * max_size.
 */
extern size_t mutate_message(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* The same for an input whose head has head_size bytes; now and then the head changes. */
extern size_t mutate_input(size_t head_size, uint8_t *data, size_t size, size_t max_size,
						   unsigned int seed);

/*
 * Does the head of a str or an array, with a length of two or four bytes, claim between 16
 * less and 16 more than so many? Where large inputs are made of small ones, the others
 * would take all the time.
 */
extern bool claims_about(Bytes message, size_t count);

/* ------------------------------------------------------------------ assertions */

#define assert_reduced(element) assert_true(slow_is_reduced(element))
extern bool slow_is_reduced(Field87 element);

/* A stored verifier that is loaded and stored again is the same, with and without key. */
extern void check_verifier(const Prio1Verifier *verifier);

#endif /* PRIO_FUZZ_H */
