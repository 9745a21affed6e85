/*
 * job_merge.c
 *		What needs all shares of a batch in the order of their ids: the list, what both servers
 *		have, and the records of that. Packed values are read one after the other, sorted where they
 *		are not in order, and walked through side by side: so memory does not grow with the batch,
 *		and a share costs no row of the executor.
 */
#include "job.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

PRIO_FUNCTION(prio_job_merged_list);
PRIO_FUNCTION(prio_job_distinct_packets);
PRIO_FUNCTION(prio_job_merged_agreed);
PRIO_FUNCTION(prio_job_merged_records);

/* ------------------------------------------------------------------ what is private */

/* Calls func(arg) when the current memory context is reset, also after an error. */
static void
when_reset(MemoryContextCallbackFunction func, void *arg)
{
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));

	callback->func = func;
	callback->arg = arg;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static void
wipe_value(void *value)
{
	prio_wipe(VARDATA(value), VARSIZE(value) - VARHDRSZ);
}

static void
wipe_buffer(void *pointer)
{
	const JobBuffer *buffer = pointer;

	if (buffer->data != NULL)
		prio_wipe(buffer->data, buffer->size);
}

/* ------------------------------------------------------------------ entries of stored values */

/* The entries of all values that a query gives, one after the other. */
typedef struct Stream
{
	Portal portal;
	const char *name; /* of the values, for errors */
	bool opened;      /* are they opened values? They say how large an entry is. */
	Size entry_size;
	JobHead head;         /* of opened values that have entries */
	MemoryContext memory; /* of the value at hand */
	JobReader entries;
} Stream;

#define LIST_QUERY \
	"SELECT l.entries FROM prio_internal.list AS l WHERE l.number OPERATOR(pg_catalog.=) $1 AND " \
	"l.role OPERATOR(pg_catalog.=) $2 ORDER BY l.piece"
#define OPENED_QUERY \
	"SELECT o.opened FROM prio_internal.opened AS o WHERE o.number OPERATOR(pg_catalog.=) $1 " \
	"ORDER BY o.chunk"

static void
open_stream(Stream *stream, const char *query, int32 number, const char *role)
{
	Oid types[] = {INT4OID, TEXTOID};
	Datum arguments[2] = {Int32GetDatum(number)};

	if (role != NULL)
		arguments[1] = CStringGetTextDatum(role);
	memset(stream, 0, sizeof(*stream));
	stream->memory =
		AllocSetContextCreate(CurrentMemoryContext, "packed value", ALLOCSET_DEFAULT_SIZES);
	stream->portal = SPI_cursor_open_with_args(NULL, query, role == NULL ? 1 : 2, types,
											   arguments, NULL, true, 0);
}

/* The list of a server, with entries of this size: ids alone of what another one sent. */
static void
open_list(Stream *stream, int32 number, PrioRole role, Size entry_size)
{
	open_stream(stream, LIST_QUERY, number, role == PRIO_A ? "A" : "B");
	stream->name = "list entries";
	stream->entry_size = entry_size;
}

static void
open_opened(Stream *stream, int32 number)
{
	open_stream(stream, OPENED_QUERY, number, NULL);
	stream->name = "opened shares";
	stream->opened = true;
}

static void
close_stream(Stream *stream)
{
	MemoryContextReset(stream->memory);
	SPI_cursor_close(stream->portal);
}

static bool
next_value(Stream *stream)
{
	MemoryContext caller;
	bytea *value;
	Datum datum;
	bool is_null;

	MemoryContextReset(stream->memory);
	SPI_cursor_fetch(stream->portal, true, 1);
	if (SPI_processed == 0)
		return false;
	datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	caller = MemoryContextSwitchTo(stream->memory);
	value = DatumGetByteaPCopy(datum);
	when_reset(wipe_value, value);
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	if (stream->opened)
	{
		JobHead head;

		stream->entries = prio_job_opened_entries(PointerGetDatum(value), &head);
		if (head.count == 0)
			return true;
		if (stream->head.count > 0)
			prio_job_check_batch(&stream->head, &head);
		stream->head = head;
		stream->entry_size = JOB_OPENED_ENTRY_BYTES(head.record_bytes);
	}
	else
	{
		stream->entries = prio_job_reader(PointerGetDatum(value), stream->name);
		(void) prio_job_entries(&stream->entries, stream->entry_size);
	}
	return true;
}

/* The next entry, valid until the one after it is asked for; NULL behind the last one. */
static const uint8_t *
next_entry(Stream *stream)
{
	while (prio_job_left(&stream->entries) == 0)
		if (!next_value(stream))
			return NULL;
	return prio_job_read(&stream->entries, stream->entry_size);
}

/* ------------------------------------------------------------------ sorting */

/* Entries in the order of their bytes, on disk where they are more than work_mem. */
typedef struct EntrySort
{
	Tuplesortstate *state;
	bytea *scratch; /* the entry to add */
	Datum current;
} EntrySort;

static void
wipe_sort(void *pointer)
{
	EntrySort *sort = pointer;

	wipe_value(sort->scratch);
	if (sort->current != (Datum) 0)
		wipe_value(DatumGetPointer(sort->current));
}

static EntrySort *
begin_sort(Size entry_size)
{
	Oid less = lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR)->lt_opr;
	EntrySort *sort = palloc(sizeof(EntrySort));

	sort->state = tuplesort_begin_datum(BYTEAOID, less, InvalidOid, false, work_mem, NULL, 0);
	sort->scratch = prio_allocate_bytea(entry_size);
	sort->current = (Datum) 0;
	when_reset(wipe_sort, sort);
	return sort;
}

static void
add_to_sort(EntrySort *sort)
{
	tuplesort_putdatum(sort->state, PointerGetDatum(sort->scratch), false);
}

/* The next entry, valid until the one after it is asked for; NULL behind the last one. */
static const uint8_t *
next_sorted(EntrySort *sort)
{
	bool is_null;

	if (sort->current != (Datum) 0)
	{
		wipe_value(DatumGetPointer(sort->current));
		pfree(DatumGetPointer(sort->current));
		sort->current = (Datum) 0;
	}
	if (!prio_tuplesort_getdatum(sort->state, &sort->current, &is_null))
	{
		sort->current = (Datum) 0;
		return NULL;
	}
	return (const uint8_t *) VARDATA(DatumGetPointer(sort->current));
}

/* ------------------------------------------------------------------ arguments */

static Size
chunk_shares_arg(FunctionCallInfo fcinfo, int argument)
{
	Size shares = prio_job_number(PG_GETARG_INT32(argument));

	if (shares == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a chunk must have a share or more")));
	return shares;
}

static PrioRole
role_arg(FunctionCallInfo fcinfo, int argument)
{
	const text *role = PG_GETARG_TEXT_PP(argument);
	const char *name = VARDATA_ANY(role);

	if (VARSIZE_ANY_EXHDR(role) != 1 || (*name != 'A' && *name != 'B'))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("role must be A or B")));
	return *name == 'A' ? PRIO_A : PRIO_B;
}

static void
begin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* A row of the next number, from 0, and a value, which is wiped then. */
static void
emit(JobRowSet *rows, int32 *number, bytea *value)
{
	Datum values[] = {Int32GetDatum(*number), PointerGetDatum(value)};
	bool nulls[2] = {false};

	CHECK_FOR_INTERRUPTS();
	prio_job_put_row(rows, values, nulls);
	wipe_value(value);
	pfree(value);
	++*number;
}

/* ------------------------------------------------------------------ the list */

/*
 * merged_list(number int, chunk_shares int) -> SETOF (piece int, entries bytea): the shares of a
 * batch that opened, in order. The same one twice is one; an id that has several is in no piece.
 */
Datum
prio_job_merged_list(PG_FUNCTION_ARGS)
{
	const Size piece_bytes = chunk_shares_arg(fcinfo, 1) * JOB_LIST_ENTRY_BYTES;
	JobRowSet rows = prio_job_begin_rows(fcinfo);
	Stream opened;
	EntrySort *sort;
	const uint8_t *entry;
	uint8_t current[JOB_LIST_ENTRY_BYTES];
	bool begun = false;
	bool several = false;
	int32 piece = 0;
	JobBuffer entries = {0};

	begin();
	sort = begin_sort(JOB_LIST_ENTRY_BYTES);
	open_opened(&opened, PG_GETARG_INT32(0));
	while ((entry = next_entry(&opened)) != NULL)
	{
		uint8_t *out = (uint8_t *) VARDATA(sort->scratch);
		const uint8_t *record = entry + UUID_LEN + JOB_DIGEST_BYTES;

		memcpy(out, entry, UUID_LEN);
		memcpy(out + UUID_LEN, record + JOB_RECORD_CONTENT, JOB_DIGEST_BYTES);
		memcpy(out + UUID_LEN + JOB_DIGEST_BYTES, entry + UUID_LEN, JOB_DIGEST_BYTES);
		add_to_sort(sort);
	}
	close_stream(&opened);
	tuplesort_performsort(sort->state);

	do
	{
		entry = next_sorted(sort);
		if (begun && entry != NULL && memcmp(current, entry, UUID_LEN) == 0)
		{
			several = several || memcmp(current, entry, JOB_LIST_ENTRY_BYTES) != 0;
			continue;
		}
		if (begun && !several)
			memcpy(prio_job_extend(&entries, JOB_LIST_ENTRY_BYTES), current,
				   JOB_LIST_ENTRY_BYTES);
		if (entries.size > 0 && (entry == NULL || entries.size == piece_bytes))
			emit(&rows, &piece, prio_job_take(&entries));
		if (entry != NULL)
			memcpy(current, entry, JOB_LIST_ENTRY_BYTES);
		begun = true;
		several = false;
	} while (entry != NULL);
	tuplesort_end(sort->state);
	SPI_finish();
	return (Datum) 0;
}

/*
 * distinct_packets(number int, role text) -> bigint: how many packets the list has, whatever ids
 * they are under.
 */
Datum
prio_job_distinct_packets(PG_FUNCTION_ARGS)
{
	Stream list;
	EntrySort *sort;
	const uint8_t *entry;
	uint8_t current[JOB_DIGEST_BYTES];
	int64 count = 0;

	begin();
	sort = begin_sort(JOB_DIGEST_BYTES);
	open_list(&list, PG_GETARG_INT32(0), role_arg(fcinfo, 1), JOB_LIST_ENTRY_BYTES);
	while ((entry = next_entry(&list)) != NULL)
	{
		memcpy(VARDATA(sort->scratch), entry + UUID_LEN + JOB_DIGEST_BYTES, JOB_DIGEST_BYTES);
		add_to_sort(sort);
	}
	close_stream(&list);
	tuplesort_performsort(sort->state);
	while ((entry = next_sorted(sort)) != NULL)
	{
		if (count == 0 || memcmp(current, entry, JOB_DIGEST_BYTES) != 0)
			count++;
		memcpy(current, entry, JOB_DIGEST_BYTES);
	}
	tuplesort_end(sort->state);
	SPI_finish();
	PG_RETURN_INT64(count);
}

/* ------------------------------------------------------------------ what both servers have */

/*
 * The list of this server, and that of the other one; a partner that exchanges files has none, and
 * all of this one's.
 */
typedef struct Common
{
	Stream own;
	Stream other;
	bool has_other;
	const uint8_t *other_id; /* where it is; NULL behind the end */
} Common;

/* Arguments number, role, checkpoints. */
static void
open_common(Common *common, FunctionCallInfo fcinfo)
{
	int32 number = PG_GETARG_INT32(0);
	PrioRole role = role_arg(fcinfo, 1);

	open_list(&common->own, number, role, JOB_LIST_ENTRY_BYTES);
	common->has_other = PG_GETARG_BOOL(2);
	if (common->has_other)
	{
		open_list(&common->other, number, role == PRIO_A ? PRIO_B : PRIO_A, UUID_LEN);
		common->other_id = next_entry(&common->other);
	}
}

static void
close_common(Common *common)
{
	close_stream(&common->own);
	if (common->has_other)
		close_stream(&common->other);
}

/* The next entry of this server's list that the other one has as well; NULL behind the last one. */
static const uint8_t *
next_common(Common *common)
{
	const uint8_t *entry;

	while ((entry = next_entry(&common->own)) != NULL && common->has_other)
	{
		while (common->other_id != NULL && memcmp(common->other_id, entry, UUID_LEN) < 0)
			common->other_id = next_entry(&common->other);
		if (common->other_id == NULL)
			return NULL;
		if (memcmp(common->other_id, entry, UUID_LEN) == 0)
			break;
	}
	return entry;
}

/* Is an id among sorted ones? Asked in the order of ids: what is before it is skipped. */
static bool
is_among(JobReader *ids, const uint8_t *id)
{
	while (prio_job_left(ids) > 0 && memcmp(ids->next, id, UUID_LEN) < 0)
		(void) prio_job_read(ids, UUID_LEN);
	return prio_job_left(ids) > 0 && memcmp(ids->next, id, UUID_LEN) == 0;
}

/* A chunk of the agreed list. */
typedef struct AgreedChunk
{
	int32 number;
	int32 shares;
	int32 copies;
	int32 replays;
	JobBuffer ids;      /* of all shares */
	JobBuffer left_out; /* a bitmap */
	JobBuffer kept;     /* ids of those that are not left out */
	JobBuffer digests;  /* and their replay digests */
} AgreedChunk;

static void
add_agreed(AgreedChunk *chunk, const uint8_t *entry, bool is_copy, bool is_replay)
{
	memcpy(prio_job_extend(&chunk->ids, UUID_LEN), entry, UUID_LEN);
	if (chunk->shares % 8 == 0)
		*prio_job_extend(&chunk->left_out, 1) = 0;
	if (is_copy || is_replay)
		chunk->left_out.data[chunk->shares / 8] |= (uint8_t) (1 << chunk->shares % 8);
	else
	{
		memcpy(prio_job_extend(&chunk->kept, UUID_LEN), entry, UUID_LEN);
		memcpy(prio_job_extend(&chunk->digests, JOB_DIGEST_BYTES),
			   entry + UUID_LEN + JOB_DIGEST_BYTES, JOB_DIGEST_BYTES);
	}
	chunk->shares++;
	chunk->copies += is_copy;
	chunk->replays += is_replay;
}

static void
emit_agreed(JobRowSet *rows, AgreedChunk *chunk)
{
	bool none_left_out = chunk->copies + chunk->replays == 0;
	bool none_kept = chunk->kept.size == 0;
	Datum values[8];
	bool nulls[8] = {false, false, false, false, false, none_left_out, none_kept, none_kept};

	CHECK_FOR_INTERRUPTS();
	prio_job_sort(&chunk->digests, JOB_DIGEST_BYTES);
	values[0] = Int32GetDatum(chunk->number);
	values[1] = Int32GetDatum(chunk->shares);
	values[2] = Int32GetDatum(chunk->copies);
	values[3] = Int32GetDatum(chunk->replays);
	values[4] = PointerGetDatum(prio_job_take(&chunk->ids));
	values[5] = PointerGetDatum(prio_job_take(&chunk->left_out));
	values[6] = PointerGetDatum(prio_job_take(&chunk->kept));
	values[7] = PointerGetDatum(prio_job_take(&chunk->digests));
	prio_job_put_row(rows, values, nulls);
	for (int i = 4; i < 8; i++)
		pfree(DatumGetPointer(values[i]));
	chunk->number++;
	chunk->shares = chunk->copies = chunk->replays = 0;
}

/*
 * merged_agreed(number int, role text, checkpoints boolean, chunk_shares int, copies bytea, replays
 * bytea) -> SETOF (chunk int, shares int, copies_here int, replays_here int, ids bytea, left_out
 * bytea, kept bytea, digests bytea): what both servers have, in chunks. Of the ids in copies and in
 * replays, which are packed, the shares are left out; one that is both is a copy. What is kept
 * has ids and replay digests; it and left_out are NULL if there is none.
 */
Datum
prio_job_merged_agreed(PG_FUNCTION_ARGS)
{
	const int32 chunk_shares = (int32) chunk_shares_arg(fcinfo, 3);
	JobRowSet rows = prio_job_begin_rows(fcinfo);
	JobReader copies = prio_job_reader(PG_GETARG_DATUM(4), "ids of copies");
	JobReader replays = prio_job_reader(PG_GETARG_DATUM(5), "ids of replays");
	Common common;
	const uint8_t *entry;
	AgreedChunk chunk = {0};

	(void) prio_job_entries(&copies, UUID_LEN);
	(void) prio_job_entries(&replays, UUID_LEN);
	begin();
	open_common(&common, fcinfo);
	while ((entry = next_common(&common)) != NULL)
	{
		bool is_copy = is_among(&copies, entry);

		add_agreed(&chunk, entry, is_copy, !is_copy && is_among(&replays, entry));
		if (chunk.shares == chunk_shares)
			emit_agreed(&rows, &chunk);
	}
	if (chunk.shares > 0)
		emit_agreed(&rows, &chunk);
	close_common(&common);
	SPI_finish();
	return (Datum) 0;
}

/* ------------------------------------------------------------------ their records */

/*
 * merged_records(number int, role text, checkpoints boolean, chunk_shares int) -> SETOF (chunk int,
 * records bytea): the records of what both servers have, in the same chunks. Of a share that is
 * there twice one counts; one that opened to something else than the list says is not in it.
 */
Datum
prio_job_merged_records(PG_FUNCTION_ARGS)
{
	const Size chunk_shares = chunk_shares_arg(fcinfo, 3);
	JobRowSet rows = prio_job_begin_rows(fcinfo);
	Stream opened;
	EntrySort *sort = NULL;
	Size record_bytes;
	Common common;
	const uint8_t *entry;
	const uint8_t *listed;
	int32 chunk = 0;
	JobBuffer *entries;

	begin();
	entries = palloc0(sizeof(JobBuffer));
	entries->memory = CurrentMemoryContext;
	when_reset(wipe_buffer, entries);
	open_opened(&opened, PG_GETARG_INT32(0));
	while ((entry = next_entry(&opened)) != NULL)
	{
		if (sort == NULL)
			sort = begin_sort(opened.entry_size);
		memcpy(VARDATA(sort->scratch), entry, opened.entry_size);
		add_to_sort(sort);
	}
	close_stream(&opened);
	record_bytes = opened.head.record_bytes;
	if (sort != NULL)
	{
		tuplesort_performsort(sort->state);
		open_common(&common, fcinfo);
		listed = next_common(&common);
		while (listed != NULL && (entry = next_sorted(sort)) != NULL)
		{
			const uint8_t *record = entry + UUID_LEN + JOB_DIGEST_BYTES;
			uint8_t *out;

			while (listed != NULL && memcmp(listed, entry, UUID_LEN) < 0)
				listed = next_common(&common);
			if (listed == NULL || memcmp(listed, entry, UUID_LEN) != 0 ||
				memcmp(listed + UUID_LEN, record + JOB_RECORD_CONTENT, JOB_DIGEST_BYTES) != 0)
				continue;
			out = prio_job_extend(entries, JOB_RECORDS_ENTRY_BYTES(record_bytes));
			memcpy(out, entry, UUID_LEN);
			memcpy(out + UUID_LEN, record, record_bytes);
			listed = next_common(&common);
			if (entries->size == chunk_shares * JOB_RECORDS_ENTRY_BYTES(record_bytes))
				emit(&rows, &chunk, prio_job_pack_records(&opened.head, entries));
		}
		if (entries->size > 0)
			emit(&rows, &chunk, prio_job_pack_records(&opened.head, entries));
		close_common(&common);
		tuplesort_end(sort->state);
	}
	SPI_finish();
	return (Datum) 0;
}
