/*
 * prio1_context.c
 *		What it takes to open the packets of a batch: keys, evaluation point and weights.
 */
#include "prio1_context.h"

#include "server.h"

#include "access/parallel.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"

/* What a call site remembers of its last row. */
typedef struct LastRow
{
	uint64 generation;
	CachedServer *server;
	CachedBatch *batch;
} LastRow;

const uint8_t *
prio_batch_id(const text *batch_id, Size *size)
{
	const char *bytes = VARDATA_ANY(batch_id);
	Size length = VARSIZE_ANY_EXHDR(batch_id);
	const char *wire = pg_server_to_any(bytes, (int) length, PG_UTF8);

	if (wire != bytes)
		length = strlen(wire);
	if (length < 1 || length > PRIO1_MAX_BATCH_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("length of the batch id is out of range"),
				 errdetail("It must be between 1 and %d bytes, not %zu.", PRIO1_MAX_BATCH_ID,
						   length)));
	*size = length;
	return (const uint8_t *) wire;
}

static bool
is_batch(const CachedBatch *batch, const text *batch_id, int32 n_data)
{
	return batch->key.n_data == (uint64) n_data &&
		batch->batch_id_size == VARSIZE_ANY_EXHDR(batch_id) &&
		memcmp(batch->batch_id, VARDATA_ANY(batch_id), batch->batch_id_size) == 0;
}

/* Once a session for each such number of data fields. */
static void
warn_if_forgeable(int32 n_data)
{
	static int32 warned; /* the sum of all n + 1, each a power of two */

	if (!prio1_is_forgeable((size_t) n_data) || (warned & (n_data + 1)) != 0 ||
		IsParallelWorker())
		return;
	warned |= n_data + 1;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("the proof of packets can be forged when n_data is %d", n_data),
			 errdetail(
				 "With one data field less than a power of two, a hostile client can count for any number."),
			 errhint("Have clients send one more data field, which is always false.")));
}

/* The batch of these arguments, from the cache if it is there. */
static CachedBatch *
lookup_batch(CachedServer *server, const text *batch_id, int32 n_data)
{
	BatchKey key;
	CachedBatch *batch;
	const uint8_t *wire;
	Size size = VARSIZE_ANY_EXHDR(batch_id);
	Size wire_size;

	memset(&key, 0, sizeof(key));
	key.server = server;
	key.n_data = (uint64) n_data;
	key.batch_id_hash =
		hash_bytes_extended((const unsigned char *) VARDATA_ANY(batch_id), (int) size, 0);
	batch = prio_cache_find_batch(&key);
	if (batch != NULL && is_batch(batch, batch_id, n_data))
		return batch;
	if (batch != NULL)
		prio_cache_forget_batch(batch); /* two ids with one hash: they take turns */

	wire = prio_batch_id(batch_id, &wire_size);
	warn_if_forgeable(n_data);
	batch = prio_cache_new_batch(&key);
	batch->batch_id = prio_cache_allocate(batch, size + wire_size);
	memcpy(batch->batch_id, VARDATA_ANY(batch_id), size);
	memcpy(batch->batch_id + size, wire, wire_size);
	batch->wire_batch_id = (const uint8_t *) batch->batch_id + size;
	batch->wire_batch_id_size = wire_size;
	batch->batch_id_size = size;
	return batch;
}

static bool
is_interrupted(void)
{
	return InterruptPending;
}

/*
 * Computes the weights of a batch at the point with this ordinal; PRIO_INTERRUPTED if there is
 * more to do. Never inlined: what it leaves on the stack, the point for one, must be below its
 * caller.
 */
static pg_noinline PrioStatus
compute_context(CachedBatch *batch, CachedContext *cached, int64 ordinal)
{
	CachedServer *server = batch->key.server;
	PrioStatus status;

	status =
		prio1_verifier_point(server->shared_secret, server->variant, batch->wire_batch_id,
							 batch->wire_batch_id_size, batch->key.n_data, (uint64_t) ordinal,
							 &batch->cursor, &cached->point, is_interrupted);
	if (status != PRIO_OK)
		return status;
	return prio1_verifier_context_init(&cached->context, server->role, server->variant,
									   batch->wire_batch_id, batch->wire_batch_id_size,
									   batch->key.n_data, cached->point, cached->memory,
									   prio_cancelled);
}

/*
 * How long this takes depends on the ordinal, so it stops for every interrupt; but it goes on
 * where it stopped. Errors leave nothing on the stack either.
 */
static void
fill_context(CachedBatch *batch, CachedContext *cached, int64 ordinal)
{
	PrioStatus status;

	cached->valid = false;
	if (cached->memory == NULL)
		cached->memory = prio_cache_allocate(batch, prio_context_size(batch));
	while ((status = compute_context(batch, cached, ordinal)) == PRIO_INTERRUPTED)
	{
		prio_wipe_stack();
		CHECK_FOR_INTERRUPTS();
	}
	prio_wipe_stack();
	prio_check(status);
	cached->ordinal = ordinal;
	cached->valid = true;
}

/* The call site's memory of its last row. */
static LastRow *
last_row(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastRow));
	return fcinfo->flinfo->fn_extra;
}

const Prio1VerifierContext *
prio_verifier_context(FunctionCallInfo fcinfo, const text *server_name, const text *batch_id,
					  int32 n_data, int64 ordinal, PrioKeyPair **pair)
{
	LastRow *last = last_row(fcinfo);
	CachedContext *cached;

	prio_check_n_data(n_data);
	if (ordinal < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ordinal must not be negative")));

	prio_cache_refresh();
	if (last->generation != prio_cache_generation || !prio_is_server(last->server, server_name))
	{
		last->generation = 0;
		last->server = prio_lookup_server(server_name);
		last->batch = NULL;
	}
	if (last->batch == NULL || !is_batch(last->batch, batch_id, n_data))
	{
		last->generation = 0;
		last->batch = lookup_batch(last->server, batch_id, n_data);
	}

	cached = ordinal == 0 ? &last->batch->at_zero : &last->batch->elsewhere;
	if (!cached->valid || cached->ordinal != ordinal)
	{
		last->generation = 0;
		fill_context(last->batch, cached, ordinal);
	}
	last->generation = prio_cache_generation;
	*pair = last->server->pair;
	return &cached->context;
}
