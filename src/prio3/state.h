/*
 * state.h
 *		What a server keeps of a report between verify_init and verify_next.
 */
#ifndef PRIO_PRIO3_STATE_H
#define PRIO_PRIO3_STATE_H

#include "prio3/vdaf.h"

/*
 * The state is what a server keeps between verify_init and verify_next, in one piece that
 * says what it is. It is private to the server that made it.
 *
 *	byte(1) || byte(draft) || byte(kind) || byte(role)
 *	|| le64(length) || le64(chunk_length) || le64(max) || le16(size of context) || context
 *	|| verifier share || [joint randomness seed] || secret
 *
 * secret: A's output share, or the seed of B's measurement share, from which
 * prio3_verify_next() makes the output share again.
 */
extern size_t prio3_state_size(const Prio3Vdaf *vdaf, PrioRole role);

/* A state taken apart: everything points into its bytes. */
typedef struct Prio3State
{
	Prio3Vdaf vdaf;
	PrioRole role;
	const uint8_t *verifier_share; /* vdaf.verifier_share_size bytes */
	const uint8_t *joint_seed;     /* vdaf.message_size bytes */
	const uint8_t *secret;         /* NULL for one that is shown */
} Prio3State;

/*
 * Takes a state apart. PRIO_OTHER_VERSION: stored by a version that is not known here;
 * PRIO_MALFORMED: not a state.
 */
extern PrioStatus prio3_state_read(const uint8_t *bytes, size_t size, Prio3State *state);

/* The same for one that ends before its secret: what of a state may be shown. */
extern PrioStatus prio3_state_read_shown(const uint8_t *bytes, size_t size, Prio3State *state);

/* ------------------------------------------------------------------ for verify.c */

/* Bytes of the last part of a state. */
extern size_t prio3_state_secret_size(const Prio3Vdaf *vdaf, PrioRole role);

/* Writes what comes before the verifier share; returns where that goes. */
extern uint8_t *prio3_state_write_head(const Prio3Vdaf *vdaf, PrioRole role, uint8_t *state);

/*
 * Reads what a state begins with, up to the verifier share: head_size bytes of it. Fails as
 * prio3_state_read() does.
 */
extern PrioStatus prio3_state_read_head(const uint8_t *bytes, size_t size, Prio3Vdaf *vdaf,
										PrioRole *role, size_t *head_size);

#endif /* PRIO_PRIO3_STATE_H */
