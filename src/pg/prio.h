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

/*
 * A CRC-32C behind size bytes, little endian: what is kept has one, so that damage to it is not
 * taken for something else.
 */
#define PRIO_CHECKSUM_BYTES 4
extern void prio_write_checksum(uint8_t *stored, Size size);
extern bool prio_has_checksum(const uint8_t *stored, Size size);

/*
 * Memory for one row, aligned as malloc() does, which the call site keeps for its next one: size
 * bytes. Whoever writes secrets into it wipes them. Takes fn_extra, and gives the same memory for
 * every call: one at a time.
 */
extern void *prio_call_scratch(FunctionCallInfo fcinfo, Size size);

/* Raise an error unless the argument is in range. */
extern void prio_check_n_data(int64 n_data);
extern void prio_check_bits(int32 bits);

/* ------------------------------------------------------------------ prio1_verifier.c */

/* The verifier in a datum; raises an error when it is damaged. Wipe it after use. */
extern void prio_verifier_from_datum(Datum datum, Prio1Verifier *verifier);

#endif /* PRIO_H */
