/*
 * job_list.c
 *		Lists of shares, and ids.
 */
#include "job.h"

#include "funcapi.h"

PRIO_FUNCTION(prio_job_pack_list_add);
PRIO_FUNCTION(prio_job_pack_list_result);
PRIO_FUNCTION(prio_job_list_entries);
PRIO_FUNCTION(prio_job_list_ids);
PRIO_FUNCTION(prio_job_pack_ids_add);
PRIO_FUNCTION(prio_job_pack_ids_result);
PRIO_FUNCTION(prio_job_ids);
PRIO_FUNCTION(prio_job_ids_ascend);
PRIO_FUNCTION(prio_job_last_id);
PRIO_FUNCTION(prio_job_only_add);
PRIO_FUNCTION(prio_job_only_result);

#define LIST "list entries"
#define IDS "ids"

/* Of both pack_list() and pack_ids(). */
typedef struct PackState
{
	JobState job;
	JobBuffer entries;
} PackState;

static void
wipe_state(void *pointer)
{
	PackState *state = pointer;

	if (state->entries.data != NULL)
		prio_wipe(state->entries.data, state->entries.size);
}

/* Adds an entry of the arguments 1 to count, all of them uuid. */
static Datum
add_entry(FunctionCallInfo fcinfo, int count, const char *const *names)
{
	MemoryContext memory;
	PackState *state = prio_job_state(fcinfo, sizeof(PackState), &memory, wipe_state);
	uint8_t *entry;

	for (int i = 0; i < count; i++)
		prio_job_require(fcinfo, i + 1, names[i]);
	state->entries.memory = memory;
	entry = prio_job_extend(&state->entries, (Size) count * UUID_LEN);
	for (int i = 0; i < count; i++)
		memcpy(entry + (Size) i * UUID_LEN, PG_GETARG_UUID_P(i + 1)->data, UUID_LEN);
	PG_RETURN_POINTER(state);
}

static Datum
sorted_entries(FunctionCallInfo fcinfo, Size entry_size)
{
	PackState *state = prio_job_final_state(fcinfo);

	if (state == NULL)
		PG_RETURN_NULL();
	prio_job_sort(&state->entries, entry_size);
	PG_RETURN_BYTEA_P(prio_job_take(&state->entries));
}

/*
 * pack_list(share_id uuid, content uuid, replay uuid) -> bytea.
 */
Datum
prio_job_pack_list_add(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"share_id", "content", "replay"};

	return add_entry(fcinfo, lengthof(names), names);
}

Datum
prio_job_pack_list_result(PG_FUNCTION_ARGS)
{
	return sorted_entries(fcinfo, JOB_LIST_ENTRY_BYTES);
}

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

/*
 * pack_ids(share_id uuid) -> bytea.
 */
Datum
prio_job_pack_ids_add(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"share_id"};

	return add_entry(fcinfo, lengthof(names), names);
}

Datum
prio_job_pack_ids_result(PG_FUNCTION_ARGS)
{
	return sorted_entries(fcinfo, UUID_LEN);
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

/* ------------------------------------------------------------------ only */

typedef struct OnlyState
{
	bool differ; /* or one is NULL */
	pg_uuid_t value;
} OnlyState;

/*
 * only(value uuid) -> uuid: the value of all rows; NULL if they differ. A NULL differs from any
 * value.
 */
Datum
prio_job_only_add(PG_FUNCTION_ARGS)
{
	OnlyState *state;

	if (PG_ARGISNULL(0))
	{
		MemoryContext memory;

		if (!AggCheckCallContext(fcinfo, &memory))
			elog(ERROR, "aggregate function called in non-aggregate context");
		state = MemoryContextAlloc(memory, sizeof(OnlyState));
		state->differ = PG_ARGISNULL(1);
		if (!state->differ)
			state->value = *PG_GETARG_UUID_P(1);
	}
	else
	{
		state = (OnlyState *) PG_GETARG_POINTER(0);
		state->differ = state->differ || PG_ARGISNULL(1) ||
			memcmp(state->value.data, PG_GETARG_UUID_P(1)->data, UUID_LEN) != 0;
	}
	PG_RETURN_POINTER(state);
}

Datum
prio_job_only_result(PG_FUNCTION_ARGS)
{
	OnlyState *state = prio_job_final_state(fcinfo);

	if (state == NULL || state->differ)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(&state->value);
}
