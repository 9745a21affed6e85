/*
 * prio.h
 *		What the files of src/pg share.
 */
#ifndef PRIO_H
#define PRIO_H

#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/secret.h"
#include "codec/hex_base64.h"
#include "codec/keyfile.h"
#include "dap/report.h"
#include "prio1/client.h"
#include "prio1/total.h"
#include "prio3/vdaf.h"

/* ------------------------------------------------------------------ module.c */

/*
 * Raises the error for a status that is nobody's fault but the machine's, or that came of
 * a cancelled query. Returns for all others. Secrets must be wiped before.
 */
extern void prio_check(PrioStatus status);

/*
 * What long computations of the core ask: is the query cancelled, or the session at its
 * end, as that of a worker is when its leader is cancelled? They do not stop for interrupts
 * that do neither: they would have to start over, and with a timer shorter than the
 * computation they would never end.
 */
extern bool prio_cancelled(void);

/*
 * A value of size bytes, and one with these bytes. What is secret is better written where it
 * is going to stay: then there is no copy to wipe if the allocation raises an error.
 */
extern bytea *prio_allocate_bytea(Size size);
extern bytea *prio_bytea(const void *data, Size size);

/* Raise an error unless the argument is in range. */
extern void prio_check_n_data(int64 n_data);
extern void prio_check_bits(int32 bits);

/* ------------------------------------------------------------------ prio1_verifier.c */

/* The verifier in a datum; raises an error when it is damaged. Wipe it after use. */
extern void prio_verifier_from_datum(Datum datum, Prio1Verifier *verifier);

#endif /* PRIO_H */
