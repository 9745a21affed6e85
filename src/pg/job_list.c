/*
 * job_list.c
 *		Lists of shares, and ids.
 */
#include "job.h"

#include "funcapi.h"

PRIO_FUNCTION(prio_job_list_entries);
PRIO_FUNCTION(prio_job_list_ids);
PRIO_FUNCTION(prio_job_pack_ids_add);
PRIO_FUNCTION(prio_job_pack_ids_result);
PRIO_FUNCTION(prio_job_ids);
PRIO_FUNCTION(prio_job_ids_ascend);
PRIO_FUNCTION(prio_job_last_id);

#define LIST "list entries"
#define IDS "ids"

/*
 * list_entries(entries bytea) -> SETOF (share_id uuid, content uuid, replay uuid).
 */
Datum
prio_job_list_entries(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	JobReader *reader;
	const uint8_t *entry;
	Datum values[3];
	bool nulls[3] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		reader = palloc(sizeof(JobReader));
		*reader = prio_job_reader(PG_GETARG_DATUM(0), LIST);
		(void) prio_job_entries(reader, JOB_LIST_ENTRY_BYTES);
		calls->user_fctx = reader;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	reader = calls->user_fctx;
	if (prio_job_left(reader) == 0)
		SRF_RETURN_DONE(calls);

	entry = prio_job_read(reader, JOB_LIST_ENTRY_BYTES);
	for (int i = 0; i < 3; i++)
		values[i] = PointerGetDatum(entry + (Size) i * UUID_LEN);
	SRF_RETURN_NEXT(calls, HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
}

/*
 * list_ids(entries bytea) -> bytea: the ids alone, packed.
 */
Datum
prio_job_list_ids(PG_FUNCTION_ARGS)
{
	JobReader reader = prio_job_reader(PG_GETARG_DATUM(0), LIST);
	Size count = prio_job_entries(&reader, JOB_LIST_ENTRY_BYTES);
	bytea *result = prio_allocate_bytea(count * UUID_LEN);

	for (Size i = 0; i < count; i++)
		memcpy(VARDATA(result) + i * UUID_LEN, prio_job_read(&reader, JOB_LIST_ENTRY_BYTES),
			   UUID_LEN);
	PG_RETURN_BYTEA_P(result);
}

typedef struct PackState
{
	JobState job;
	JobBuffer ids;
} PackState;

static void
wipe_state(void *pointer)
{
	PackState *state = pointer;

	if (state->ids.data != NULL)
		prio_wipe(state->ids.data, state->ids.size);
}

/*
 * Transition of pack_ids(share_id uuid) -> bytea.
 */
Datum
prio_job_pack_ids_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory;
	PackState *state = prio_job_state(fcinfo, sizeof(PackState), &memory, wipe_state);

	prio_job_require(fcinfo, 1, "share_id");
	state->ids.memory = memory;
	memcpy(prio_job_extend(&state->ids, UUID_LEN), PG_GETARG_UUID_P(1)->data, UUID_LEN);
	PG_RETURN_POINTER(state);
}

/*
 * Final function of pack_ids(): sorted.
 */
Datum
prio_job_pack_ids_result(PG_FUNCTION_ARGS)
{
	PackState *state = prio_job_final_state(fcinfo);

	if (state == NULL)
		PG_RETURN_NULL();
	prio_job_sort(&state->ids, UUID_LEN);
	PG_RETURN_BYTEA_P(prio_job_take(&state->ids));
}

/*
 * ids(ids bytea) -> SETOF uuid.
 */
Datum
prio_job_ids(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	JobReader *reader;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		reader = palloc(sizeof(JobReader));
		*reader = prio_job_reader(PG_GETARG_DATUM(0), IDS);
		(void) prio_job_entries(reader, UUID_LEN);
		calls->user_fctx = reader;
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	reader = calls->user_fctx;
	if (prio_job_left(reader) == 0)
		SRF_RETURN_DONE(calls);
	SRF_RETURN_NEXT(calls, PointerGetDatum(prio_job_read(reader, UUID_LEN)));
}

/*
 * ids_ascend(ids bytea, after uuid) -> boolean: is this a piece of a list that another server
 * sent: one id or more, strictly ascending, all of them greater than this one? NULL: than none.
 */
Datum
prio_job_ids_ascend(PG_FUNCTION_ARGS)
{
	JobReader reader;
	const uint8_t *before = PG_ARGISNULL(1) ? NULL : PG_GETARG_UUID_P(1)->data;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reader = prio_job_reader(PG_GETARG_DATUM(0), IDS);
	if (prio_job_left(&reader) == 0 || prio_job_left(&reader) % UUID_LEN != 0)
		PG_RETURN_BOOL(false);
	while (prio_job_left(&reader) > 0)
	{
		const uint8_t *id = prio_job_read(&reader, UUID_LEN);

		if (before != NULL && memcmp(before, id, UUID_LEN) >= 0)
			PG_RETURN_BOOL(false);
		before = id;
	}
	PG_RETURN_BOOL(true);
}

/*
 * last_id(ids bytea) -> uuid; NULL when there are none.
 */
Datum
prio_job_last_id(PG_FUNCTION_ARGS)
{
	JobReader reader = prio_job_reader(PG_GETARG_DATUM(0), IDS);

	if (prio_job_entries(&reader, UUID_LEN) == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PointerGetDatum(reader.end - UUID_LEN));
}
