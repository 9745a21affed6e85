/*
 * job_messages.c
 *		Packed messages of a round: checking those of the other server, and taking them apart for
 *		partners that exchange files.
 */
#include "job.h"

#include "funcapi.h"
#include "port/pg_bswap.h"

PRIO_FUNCTION(prio_job_entries_fit);
PRIO_FUNCTION(prio_job_message_entries);
PRIO_FUNCTION(prio_job_pack_entries_add);
PRIO_FUNCTION(prio_job_pack_entries_result);

#define MESSAGES "messages"

/*
 * entries_fit(message bytea, count int, longest int) -> boolean: has what the other server sent
 * exactly so many entries, none longer than this, and nothing behind them?
 */
Datum
prio_job_entries_fit(PG_FUNCTION_ARGS)
{
	int32 count = PG_GETARG_INT32(1);
	int32 longest = PG_GETARG_INT32(2);
	JobReader reader;

	if (count < 0 || longest < 0)
		PG_RETURN_BOOL(false);
	reader = prio_job_reader(PG_GETARG_DATUM(0), MESSAGES);
	for (int32 i = 0; i < count; i++)
	{
		const uint8_t *bytes;
		Size size;

		if (!prio_job_read_entry(&reader, &bytes, &size) || size > (Size) longest)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(prio_job_left(&reader) == 0);
}

/*
 * message_entries(message bytea) -> SETOF (number int, payload bytea): NULL for an empty entry.
 */
Datum
prio_job_message_entries(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	JobReader *reader;
	const uint8_t *bytes;
	Size size;
	Datum values[2] = {0};
	bool nulls[2] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		reader = palloc(sizeof(JobReader));
		*reader = prio_job_reader(PG_GETARG_DATUM(0), MESSAGES);
		calls->user_fctx = reader;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	reader = calls->user_fctx;
	if (prio_job_left(reader) == 0)
		SRF_RETURN_DONE(calls);

	if (!prio_job_read_entry(reader, &bytes, &size))
		prio_job_damaged(MESSAGES, "An entry is none.");
	values[0] = Int32GetDatum((int32) calls->call_cntr);
	nulls[1] = size == 0;
	if (!nulls[1])
		values[1] = PointerGetDatum(prio_bytea(bytes, size));
	SRF_RETURN_NEXT(calls, HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
}

/* Where an entry is that came in any order; the number is big endian, so that bytes sort. */
#define INDEX_BYTES (4 + 8 + 4)

typedef struct EntriesState
{
	JobBuffer index; /* number (4), where in bytes (8), length (4) */
	JobBuffer bytes;
} EntriesState;

/*
 * Transition of pack_entries(number int, payload bytea) -> bytea.
 */
Datum
prio_job_pack_entries_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory;
	EntriesState *state;
	uint32 number;
	Size size = 0;
	uint8_t *index;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "aggregate function called in non-aggregate context");
	prio_job_require(fcinfo, 1, "number");
	number = pg_hton32((uint32) prio_job_number(PG_GETARG_INT32(1)));
	if (PG_ARGISNULL(0))
	{
		state = MemoryContextAllocZero(memory, sizeof(EntriesState));
		state->index.memory = state->bytes.memory = memory;
	}
	else
		state = (EntriesState *) PG_GETARG_POINTER(0);
	if (!PG_ARGISNULL(2))
	{
		bytea *payload = PG_GETARG_BYTEA_PP(2);

		size = VARSIZE_ANY_EXHDR(payload);
		if (size > 0)
			memcpy(prio_job_extend(&state->bytes, size), VARDATA_ANY(payload), size);
		PG_FREE_IF_COPY(payload, 2);
	}
	index = prio_job_extend(&state->index, INDEX_BYTES);
	memcpy(index, &number, 4);
	prio_job_write64(index + 4, state->bytes.size - size);
	prio_job_write32(index + 12, (uint32) size);
	PG_RETURN_POINTER(state);
}

/*
 * Final function of pack_entries(): raises an error unless there is each number from 0 once.
 */
Datum
prio_job_pack_entries_result(PG_FUNCTION_ARGS)
{
	EntriesState *state = prio_job_final_state(fcinfo);
	JobBuffer out = {0};

	if (state == NULL)
		PG_RETURN_NULL();
	prio_job_sort(&state->index, INDEX_BYTES);
	for (Size i = 0; i < state->index.size / INDEX_BYTES; i++)
	{
		const uint8_t *index = state->index.data + i * INDEX_BYTES;
		uint32 number;

		memcpy(&number, index, 4);
		if (pg_ntoh32(number) != i)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("entries of a message are not complete"),
					 errdetail("Entry %zu is missing, or another is there twice.", i)));
		prio_job_write_entry(&out, state->bytes.data + prio_job_read64(index + 4),
							 prio_job_read32(index + 12));
	}
	PG_RETURN_BYTEA_P(prio_job_take(&out));
}
