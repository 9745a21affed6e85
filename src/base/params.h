/*
 * params.h
 *		Roles, variants and limits: what every layer and every caller has to agree on.
 *
 * Both protocols have two servers. What begins with PRIO1_ is Prio v1's alone
 * (docs/protocol.md, "Parameters").
 */
#ifndef PRIO_BASE_PARAMS_H
#define PRIO_BASE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

/* Server A is the leader, server B the helper. */
typedef enum PrioRole
{
	PRIO_A = 0,
	PRIO_B = 1
} PrioRole;

/* How the key of a pseudo-random stream comes from its seed. */
typedef enum Prio1PrgVariant
{
	PRIO1_PRG_BATCH = 0, /* SHA-256 of seed and batch id, 16 bytes of it */
	PRIO1_PRG_SEED = 1   /* the seed itself: libprio up to 1.6, Firefox */
} Prio1PrgVariant;

#define PRIO_KEY_BYTES 32 /* an X25519 key, private or public */

#define PRIO1_MAX_DATA 262143 /* data fields: 2^18 - 1, by the roots of unity of the field */
#define PRIO1_MAX_BITS 42     /* of an unsigned integer */
#define PRIO1_MAX_BATCH_ID 65535 /* bytes: what a str with a 16-bit length holds */
#define PRIO1_SEED_BYTES 16      /* a client's seed, or the servers' shared secret */

/*
 * What is the same for every copy of a packet: the ephemeral public key that it begins with,
 * to which its tag is bound (docs/protocol.md, "Replays").
 */
#define PRIO1_REPLAY_KEY_BYTES 32

/*
 * Can a client forge the proof of a packet with n data fields? A triple with c = a b + s
 * adds the constant s to the polynomial f g - h that the check evaluates. It cannot make
 * that vanish where padding keeps f g - h at zero in some point; but n + 1 points of a
 * domain of n + 1 leave none. Then every x_i may be t or 1 - t, with s = t (1 - t), for any
 * t. The wire format has no place for a remedy (docs/protocol.md, "Why it is sound").
 */
static inline bool
prio1_is_forgeable(size_t n)
{
	return (n & (n + 1)) == 0;
}

#endif /* PRIO_BASE_PARAMS_H */
