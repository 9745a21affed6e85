/*
 * verifier.h
 *		One server checks one packet (docs/protocol.md, "Server").
 */
#ifndef PRIO_PRIO1_VERIFIER_H
#define PRIO_PRIO1_VERIFIER_H

#include "prio1/packet.h"
#include "field/lagrange87.h"
#include "prio1/seal.h"

#define PRIO1_DIGEST_BYTES 16
#define PRIO1_TAG_START_BYTES 8
#define PRIO1_VERIFIER_BYTES 112 /* a stored verifier */
#define PRIO1_VERIFY1_MAX_BYTES ((size_t) 2 * PRIO1_MAX_ELEMENT)
#define PRIO1_VERIFY2_MAX_BYTES PRIO1_MAX_ELEMENT

/*
 * Where a draw of the evaluation point begins in the stream of the shared secret, so
 * that the points of rising ordinals cost one draw each. All zero is the beginning.
 */
typedef struct Prio1PointCursor
{
	uint64_t ordinal;
	uint64_t candidates;
} Prio1PointCursor;

/*
 * What the check of a packet needs and does not depend on the packet. It knows r, which
 * clients must not: wipe it after use, its memory too.
 */
typedef struct Prio1VerifierContext
{
	PrioRole role;
	Prio1PrgVariant variant;
	const uint8_t *batch_id; /* the caller's, who keeps it */
	size_t batch_id_size;
	uint8_t digest[PRIO1_DIGEST_BYTES]; /* of batch id, n and variant */
	Lagrange87 weights;
} Prio1VerifierContext;

/*
 * What one server keeps of a packet between the rounds, so that it opens nothing again.
 * Private state of this server.
 */
typedef struct Prio1Verifier
{
	PrioRole role;
	Prio1PrgVariant variant;
	size_t n;
	uint8_t digest[PRIO1_DIGEST_BYTES];       /* the batch: Prio1VerifierContext.digest */
	uint8_t tag_start[PRIO1_TAG_START_BYTES]; /* the packet: start of its tag */
	Field87 d;                                /* f(r) - a, this server's share */
	Field87 e;                                /* g(r) - b */
	Field87 a;                                /* shares of the Beaver triple */
	Field87 b;
	Field87 c;
	Field87 h; /* h(r) */
	bool has_key;
	uint8_t key[PRIO_AES_KEY_BYTES]; /* A: opens the packet; B: of the PRG stream */
} Prio1Verifier;

/*
 * Draws the point r of a packet: an integer in [n + 2, p), number ordinal (from 0) of the
 * stream of the shared secret. cursor may be NULL; otherwise it belongs to this secret,
 * variant, batch id and n, saves the draws before it, and is moved behind this one. When
 * stop() ends this it is moved as far as the draws got, so that another call goes on there.
 */
extern PrioStatus prio1_verifier_point(const uint8_t shared_secret[PRIO1_SEED_BYTES],
									   Prio1PrgVariant variant, const uint8_t *batch_id,
									   size_t batch_id_size, size_t n, uint64_t ordinal,
									   Prio1PointCursor *cursor, Field87 *r, PrioStop stop);

/*
 * Prepares the check of packets at the point r, 1 <= n <= PRIO1_MAX_DATA. memory has room
 * for prio_lagrange87_size(n) elements, and lives as long as the context.
 */
extern PrioStatus prio1_verifier_context_init(Prio1VerifierContext *context, PrioRole role,
											  Prio1PrgVariant variant, const uint8_t *batch_id,
											  size_t batch_id_size, size_t n, Field87 r,
											  Field87 *memory, PrioStop stop);

/*
 * What two servers can compare to know that they will check packets alike: a digest of
 * batch id, n, variant and point. It tells nothing about the point, which has 87 bits.
 */
extern PrioStatus prio1_verifier_fingerprint(const Prio1VerifierContext *context,
											 uint8_t fingerprint[PRIO_HASH_BYTES]);

/*
 * No packet of n data fields is longer, hostile ones included that deserve a closer look
 * than PRIO_WRONG_LENGTH: bytes, about twice the longest honest one.
 */
extern size_t prio1_verifier_max_share(size_t batch_id_size, size_t n);

/*
 * Opens and checks one packet of size bytes; plaintext is scratch memory of size bytes,
 * which is wiped before the return. Packet faults: see status.h.
 */
extern PrioStatus prio1_verifier_open(const Prio1VerifierContext *context, PrioKeyPair *pair,
									  const uint8_t *share, size_t size, uint8_t *plaintext,
									  Prio1Verifier *verifier);

/*
 * The part of prio1_verifier_open() behind the seal: reads a plaintext of size bytes. What only
 * the sealed packet shows, has_key, mark and the key of A, is the caller's to set.
 */
extern PrioStatus prio1_verifier_open_plaintext(const Prio1VerifierContext *context,
												const uint8_t *plaintext, size_t size,
												Prio1Verifier *verifier);

/* Writes the message of round 1, (d, e), into out; returns its bytes. */
extern size_t prio1_verifier_verify1(const Prio1Verifier *verifier,
									 uint8_t out[PRIO1_VERIFY1_MAX_BYTES]);

/*
 * Writes the message of round 2 into out and its bytes to *out_size, from the peer's
 * message of round 1. A packet fault when that is none.
 */
extern PrioStatus prio1_verifier_verify2(const Prio1Verifier *verifier,
										 const uint8_t *peer_verify1, size_t size,
										 uint8_t out[PRIO1_VERIFY2_MAX_BYTES], size_t *out_size);

/*
 * Do both messages of round 2 together accept the packet? *valid is false for a malformed
 * one, which is no failure; the machine's are.
 */
extern PrioStatus prio1_verifier_is_valid(const uint8_t *verify2_a, size_t size_a,
										  const uint8_t *verify2_b, size_t size_b, bool *valid);

/*
 * A stored verifier, in PRIO1_VERIFIER_BYTES bytes of a fixed layout. with_key = false leaves
 * out what is secret even from a reader of this server's tables: the AES key. Such a
 * verifier does for both rounds, but not for the total.
 */
extern void prio1_verifier_store(const Prio1Verifier *verifier, bool with_key,
								 uint8_t out[PRIO1_VERIFIER_BYTES]);

/* PRIO_OTHER_VERSION, or PRIO_MALFORMED when no verifier looks like this. */
extern PrioStatus prio1_verifier_load(Prio1Verifier *verifier, const uint8_t *stored,
									  size_t size);

/*
 * PRIO_MISMATCH if share is not NULL and not the packet that the verifier was made from.
 */
extern PrioStatus prio1_verifier_check_share(const Prio1Verifier *verifier,
											 const uint8_t *share, size_t size);

#endif /* PRIO_PRIO1_VERIFIER_H */
