/*
 * prio1_context.h
 *		What it takes to open the packets of a batch.
 */
#ifndef PRIO_PG_PRIO1_CONTEXT_H
#define PRIO_PG_PRIO1_CONTEXT_H

#include "prio.h"

/*
 * The bytes of a batch id: UTF-8 whatever the encoding of the database, so that two
 * databases agree on them. Raises an error unless there are 1 .. PRIO1_MAX_BATCH_ID.
 * May point into batch_id.
 */
extern const uint8_t *prio_batch_id(const text *batch_id, Size *size);

/*
 * Everything it takes to open packets of one batch for a server, from the cache: checks
 * that the current role may use the server, and raises an error for whatever the caller
 * got wrong. Valid until the next call.
 */
extern const Prio1VerifierContext *prio_verifier_context(FunctionCallInfo fcinfo,
														 const text *server_name,
														 const text *batch_id, int32 n_data,
														 int64 ordinal, PrioKeyPair **pair);

#endif /* PRIO_PG_PRIO1_CONTEXT_H */
