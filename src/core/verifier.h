/*
 * verifier.h
 *		One server checks one packet (PROTOCOL.md, "Server: opening and checking").
 */
#ifndef PRIO_VERIFIER_H
#define PRIO_VERIFIER_H

#include "packet.h"
#include "poly.h"
#include "seal.h"

#define VERIFIER_DIGEST_BYTES 16
#define VERIFIER_MARK_BYTES 8
#define VERIFIER_BYTES 112 /* a stored verifier */
#define VERIFY1_MAX_BYTES ((size_t) 2 * PACKET_MAX_ELEMENT)
#define VERIFY2_MAX_BYTES PACKET_MAX_ELEMENT

/*
 * Where a draw of the evaluation point begins in the stream of the shared secret, so
 * that the points of rising ordinals cost one draw each. All zero is the beginning.
 */
typedef struct PointCursor
{
	uint64_t ordinal;
	uint64_t tries;
} PointCursor;

/*
 * What the check of a packet needs and does not depend on the packet. It knows r, which
 * clients must not: wipe it after use, its memory too.
 */
typedef struct VerifierContext
{
	PrioRole role;
	PrgVariant variant;
	const uint8_t *batch_id; /* the caller's, who keeps it */
	size_t batch_id_size;
	uint8_t digest[VERIFIER_DIGEST_BYTES]; /* of batch id, n and variant */
	LagrangeWeights weights;
} VerifierContext;

/*
 * What one server keeps of a packet between the rounds, so that it opens nothing again.
 * Private state of this server.
 */
typedef struct Verifier
{
	PrioRole role;
	PrgVariant variant;
	size_t n;
	uint8_t digest[VERIFIER_DIGEST_BYTES]; /* the batch: VerifierContext.digest */
	uint8_t mark[VERIFIER_MARK_BYTES];     /* the packet: start of its tag */
	FieldElement d;                        /* f(r) - a, this server's share */
	FieldElement e;                        /* g(r) - b */
	FieldElement a;                        /* shares of the Beaver triple */
	FieldElement b;
	FieldElement c;
	FieldElement h; /* h(r) */
	bool has_key;
	uint8_t key[PRIO_AES_KEY_BYTES]; /* A: opens the packet; B: of the PRG stream */
} Verifier;

/*
 * Can a client forge the proof of a packet with n data fields? A triple with c = a b + s
 * adds the constant s to the polynomial f g - h that the check evaluates. It cannot make
 * that vanish where padding keeps f g - h at zero in some point; but n + 1 points of a
 * domain of n + 1 leave none. Then every x_i may be t or 1 - t, with s = t (1 - t), for any
 * t. The wire format has no place for a remedy (docs/protocol.md, "Why it is sound").
 */
static inline bool
verifier_is_forgeable(size_t n)
{
	return (n & (n + 1)) == 0;
}

/*
 * Draws the point r of a packet: an integer in [n + 2, p), number ordinal (from 0) of the
 * stream of the shared secret. cursor may be NULL; otherwise it belongs to this secret,
 * variant, batch id and n, saves the draws before it, and is moved behind this one. When
 * stop() ends this it is moved as far as the draws got, so that another call goes on there.
 */
extern PrioStatus verifier_point(const uint8_t shared_secret[PRG_SEED_BYTES],
								 PrgVariant variant, const uint8_t *batch_id,
								 size_t batch_id_size, size_t n, uint64_t ordinal,
								 PointCursor *cursor, FieldElement *r, PrioStop stop);

/*
 * Prepares the check of packets at the point r, 1 <= n <= PRIO_MAX_DATA. memory has room
 * for poly_weights_size(n) elements, and lives as long as the context.
 */
extern PrioStatus verifier_context_init(VerifierContext *context, PrioRole role,
										PrgVariant variant, const uint8_t *batch_id,
										size_t batch_id_size, size_t n, FieldElement r,
										FieldElement *memory, PrioStop stop);

/*
 * What two servers can compare to know that they will check packets alike: a digest of
 * batch id, n, variant and point. It tells nothing about the point, which has 87 bits.
 */
extern PrioStatus verifier_fingerprint(const VerifierContext *context,
									   uint8_t fingerprint[PRIO_HASH_BYTES]);

/*
 * No packet of n data fields is longer, hostile ones included that deserve a closer look
 * than PRIO_WRONG_LENGTH: bytes, about twice the longest honest one.
 */
extern size_t verifier_max_share(size_t batch_id_size, size_t n);

/*
 * Opens and checks one packet of size bytes; plaintext is scratch memory of size bytes,
 * which is wiped before the return. Packet faults: see status.h.
 */
extern PrioStatus verifier_open(const VerifierContext *context, NssKeyPair *pair,
								const uint8_t *share, size_t size, uint8_t *plaintext,
								Verifier *verifier);

/*
 * The part of verifier_open() behind the seal: reads a plaintext of size bytes. What only
 * the sealed packet shows, has_key, mark and the key of A, is the caller's to set.
 */
extern PrioStatus verifier_open_plaintext(const VerifierContext *context,
										  const uint8_t *plaintext, size_t size,
										  Verifier *verifier);

/* Writes the message of round 1, (d, e), into out; returns its bytes. */
extern size_t verifier_verify1(const Verifier *verifier, uint8_t out[VERIFY1_MAX_BYTES]);

/*
 * Writes the message of round 2 into out and its bytes to *out_size, from the peer's
 * message of round 1. A packet fault when that is none.
 */
extern PrioStatus verifier_verify2(const Verifier *verifier, const uint8_t *peer_verify1,
								   size_t size, uint8_t out[VERIFY2_MAX_BYTES],
								   size_t *out_size);

/*
 * Do both messages of round 2 together accept the packet? *valid is false for a malformed
 * one, which is no failure; the machine's are.
 */
extern PrioStatus verifier_is_valid(const uint8_t *verify2_a, size_t size_a,
									const uint8_t *verify2_b, size_t size_b, bool *valid);

/*
 * A stored verifier, in VERIFIER_BYTES bytes of a fixed layout. with_key = false leaves
 * out what is secret even from a reader of this server's tables: the AES key. Such a
 * verifier does for both rounds, but not for the total.
 */
extern void verifier_store(const Verifier *verifier, bool with_key, uint8_t out[VERIFIER_BYTES]);

/* PRIO_OTHER_VERSION, or PRIO_MALFORMED when no verifier looks like this. */
extern PrioStatus verifier_load(Verifier *verifier, const uint8_t *stored, size_t size);

/*
 * PRIO_MISMATCH if share is not NULL and not the packet that the verifier was made from.
 */
extern PrioStatus verifier_check_share(const Verifier *verifier, const uint8_t *share,
									   size_t size);

#endif /* PRIO_VERIFIER_H */
