/*
 * prio3_state.h
 *		The type prio3_verify_state, and verifying one report.
 */
#ifndef PRIO_PG_PRIO3_STATE_H
#define PRIO_PG_PRIO3_STATE_H

#include "server.h"

#include "prio3/verify.h"

/*
 * A prio3_verify_state for a server's VDAF and role, without what is in it. prio_complete_state()
 * completes it when the core has written its bytes to VARDATA().
 */
extern bytea *prio_allocate_state(const CachedServer *server);
extern void prio_complete_state(bytea *state);

/*
 * A state that came as a datum, taken apart: it points into the datum, or a copy in the
 * current memory context. Raises an error when it is damaged.
 */
extern void prio_state_from_datum(Datum datum, Prio3State *state);

/* The same, and an error for one that has lost its secret in text. */
extern void prio_whole_state_from_datum(Datum datum, Prio3State *state);

/*
 * The bytes of a value that may be hostile, if it has exactly so many; NULL otherwise. What is
 * longer than expected is not even fetched.
 */
extern const uint8_t *prio_bytes_of_size(Datum datum, Size size);

/* Bytes of scratch memory that prio_verify_report() takes, for prio_call_scratch(). */
extern Size prio_verify_scratch(const CachedServer *server);

/*
 * prio3_verify_init() for one report, by a server with its secrets and tables. Raises errors for
 * nothing: prio_check() the result when secrets are wiped.
 */
extern PrioStatus prio_verify_report(CachedServer *server, Prio3Report *report, void *scratch);

/*
 * SHA-256 over all that two servers have to have in common to verify alike: equal on both
 * sides if they do. With secrets.
 */
extern void prio_prio3_fingerprint(const CachedServer *server,
								   uint8_t fingerprint[PRIO_HASH_BYTES]);

#endif /* PRIO_PG_PRIO3_STATE_H */
