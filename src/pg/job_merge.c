/*
 * job_merge.c
 *		What needs all shares of a batch in the order of their ids: the list, what both servers
 *		have, and the records of that. Packed values, which are sorted, are walked through side by
 *		side: so memory does not grow with the batch, and a share costs no row of the executor.
 */
#include "job.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

PRIO_FUNCTION(prio_job_merged_list);
PRIO_FUNCTION(prio_job_distinct_packets);
PRIO_FUNCTION(prio_job_merged_agreed);
PRIO_FUNCTION(prio_job_fill_work);

/* ------------------------------------------------------------------ lists */

/* The entries of the list of a server, piece by piece. */
typedef struct Stream
{
	Portal portal;
	Size entry_size;
	MemoryContext memory; /* of the piece at hand */
	JobReader entries;
} Stream;

#define LIST_QUERY \
	"SELECT l.entries FROM prio_internal.list AS l WHERE l.number OPERATOR(pg_catalog.=) $1 AND " \
	"l.role OPERATOR(pg_catalog.=) $2 ORDER BY l.piece"

/* The list of a server, with entries of this size: ids alone of what another one sent. */
static void
open_list(Stream *stream, int32 number, PrioRole role, Size entry_size)
{
	Oid types[] = {INT4OID, TEXTOID};
	Datum arguments[] = {Int32GetDatum(number), CStringGetTextDatum(role == PRIO_A ? "A" : "B")};

	memset(stream, 0, sizeof(*stream));
	stream->entry_size = entry_size;
	stream->memory =
		AllocSetContextCreate(CurrentMemoryContext, "piece of a list", ALLOCSET_DEFAULT_SIZES);
	stream->portal =
		SPI_cursor_open_with_args(NULL, LIST_QUERY, 2, types, arguments, NULL, true, 0);
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
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	stream->entries = prio_job_reader(PointerGetDatum(value), "list entries");
	(void) prio_job_entries(&stream->entries, stream->entry_size);
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

/* A row of the next number, from 0, and a value, which is freed. */
static void
emit(JobRowSet *rows, int32 *number, bytea *value)
{
	Datum values[] = {Int32GetDatum(*number), PointerGetDatum(value)};
	bool nulls[2] = {false};

	CHECK_FOR_INTERRUPTS();
	prio_job_put_row(rows, values, nulls);
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
	JobRuns *opened;
	const uint8_t *entry;
	uint8_t next[JOB_LIST_ENTRY_BYTES];
	uint8_t current[JOB_LIST_ENTRY_BYTES];
	bool begun = false;
	bool several = false;
	int32 piece = 0;
	JobBuffer entries = {0};

	begin();
	opened = prio_job_open_runs(PG_GETARG_INT32(0));
	do
	{
		entry = prio_job_next_of_runs(opened);
		if (entry != NULL)
		{
			const uint8_t *record = entry + UUID_LEN + JOB_DIGEST_BYTES;

			memcpy(next, entry, UUID_LEN);
			memcpy(next + UUID_LEN, record + JOB_RECORD_CONTENT, JOB_DIGEST_BYTES);
			memcpy(next + UUID_LEN + JOB_DIGEST_BYTES, entry + UUID_LEN, JOB_DIGEST_BYTES);
			if (begun && memcmp(current, next, UUID_LEN) == 0)
			{
				several = several || memcmp(current, next, JOB_LIST_ENTRY_BYTES) != 0;
				continue;
			}
		}
		if (begun && !several)
			memcpy(prio_job_extend(&entries, JOB_LIST_ENTRY_BYTES), current,
				   JOB_LIST_ENTRY_BYTES);
		if (entries.size > 0 && (entry == NULL || entries.size == piece_bytes))
			emit(&rows, &piece, prio_job_take(&entries));
		if (entry != NULL)
			memcpy(current, next, JOB_LIST_ENTRY_BYTES);
		begun = true;
		several = false;
	} while (entry != NULL);
	SPI_finish();
	return (Datum) 0;
}

/* What the replay digests of a list are compared by: all of them, or a number that few share. */
static Datum
packet_key(const uint8_t *digest, bool whole, bytea *copy)
{
	if (!whole)
		return Int64GetDatum((int64) prio_job_sort_key(digest));
	memcpy(VARDATA(copy), digest, JOB_DIGEST_BYTES);
	return PointerGetDatum(copy);
}

/* How many different keys the list of a server has; in *entries, how many it has at all. */
static int64
count_keys(int32 number, PrioRole role, bool whole, int64 *entries)
{
	const TypeCacheEntry *type = lookup_type_cache(whole ? BYTEAOID : INT8OID, TYPECACHE_LT_OPR);
	Tuplesortstate *sort = tuplesort_begin_datum(type->type_id, type->lt_opr, InvalidOid,
												 false, work_mem, NULL, 0);
	bytea *copy = prio_allocate_bytea(JOB_DIGEST_BYTES);
	Stream list;
	const uint8_t *entry;
	Datum last = (Datum) 0;
	Datum key;
	bool is_null;
	int64 count = 0;

	*entries = 0;
	open_list(&list, number, role, JOB_LIST_ENTRY_BYTES);
	while ((entry = next_entry(&list)) != NULL)
	{
		tuplesort_putdatum(sort, packet_key(entry + UUID_LEN + JOB_DIGEST_BYTES, whole, copy),
						   false);
		++*entries;
	}
	close_stream(&list);
	tuplesort_performsort(sort);
	while (prio_tuplesort_getdatum(sort, &key, &is_null))
	{
		bool is_first = count == 0;

		count += is_first || !datumIsEqual(last, key, type->typbyval, type->typlen);
		if (!is_first && !type->typbyval)
			pfree(DatumGetPointer(last));
		last = key;
	}
	tuplesort_end(sort);
	return count;
}

/*
 * distinct_packets(number int, role text) -> bigint: how many packets the list has, whatever ids
 * they are under.
 */
Datum
prio_job_distinct_packets(PG_FUNCTION_ARGS)
{
	int32 number = PG_GETARG_INT32(0);
	PrioRole role = role_arg(fcinfo, 1);
	int64 entries;
	int64 count;

	begin();
	count = count_keys(number, role, false, &entries);
	if (count < entries)
		count = count_keys(number, role, true, &entries);
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

#define WORK_INSERT \
	"INSERT INTO prio_internal.work (number, chunk, records) VALUES ($1, $2, $3)"

/* The records of a chunk, which are wiped also after an error. */
typedef struct WorkChunk
{
	MemoryContextCallback callback;
	int32 number;
	JobBuffer records;
	JobBuffer ids;
	bytea *value; /* what is stored now */
} WorkChunk;

static void
wipe_bytea(bytea *value)
{
	prio_wipe(VARDATA(value), VARSIZE(value) - VARHDRSZ);
}

static void
wipe_chunk(void *pointer)
{
	const WorkChunk *chunk = pointer;

	if (chunk->records.data != NULL)
		prio_wipe(chunk->records.data, chunk->records.size);
	if (chunk->value != NULL)
		wipe_bytea(chunk->value);
}

static void
add_record(WorkChunk *chunk, const JobHead *head, const uint8_t *entry)
{
	uint8_t *out;

	if (chunk->records.size == 0)
		(void) prio_job_extend(&chunk->records, JOB_HEAD_BYTES);
	out = prio_job_extend(&chunk->records, JOB_RECORDS_ENTRY_BYTES(head->record_bytes));
	memcpy(out, entry, UUID_LEN);
	memcpy(out + UUID_LEN, entry + UUID_LEN + JOB_DIGEST_BYTES, head->record_bytes);
	memcpy(prio_job_extend(&chunk->ids, UUID_LEN), entry, UUID_LEN);
}

/* Whose values are no constants that a planner would copy. */
static SPIPlanPtr
prepare_insert(void)
{
	Oid types[] = {INT4OID, INT4OID, BYTEAOID};
	SPIPlanPtr plan = SPI_prepare_cursor(WORK_INSERT, 3, types, CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed");
	return plan;
}

static void
store_chunk(JobRowSet *rows, SPIPlanPtr insert, int32 batch, WorkChunk *chunk,
			const JobHead *head)
{
	JobHead counted = *head;
	Datum arguments[] = {Int32GetDatum(batch), Int32GetDatum(chunk->number), (Datum) 0};
	bytea *digest = prio_allocate_bytea(PRIO_HASH_BYTES);
	Datum row[] = {Int32GetDatum(chunk->number), PointerGetDatum(digest)};
	bool nulls[2] = {false};

	CHECK_FOR_INTERRUPTS();
	counted.count = (uint32) (chunk->ids.size / UUID_LEN);
	prio_job_write_head(chunk->records.data, JOB_RECORDS, &counted);
	prio_job_close(&chunk->records);
	chunk->value = prio_job_take(&chunk->records);
	arguments[2] = PointerGetDatum(chunk->value);
	if (SPI_execute_plan(insert, arguments, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "records cannot be stored");
	wipe_bytea(chunk->value);
	pfree(chunk->value);
	chunk->value = NULL;

	prio_check(
		prio_sha256(chunk->ids.data, chunk->ids.size, NULL, 0, (uint8_t *) VARDATA(digest)));
	prio_job_put_row(rows, row, nulls);
	pfree(digest);
	prio_job_free(&chunk->ids);
	chunk->number++;
}

/*
 * fill_work(number int, role text, checkpoints boolean, chunk_shares int) -> SETOF (chunk int,
 * ids_digest bytea): stores the records of what both servers have, in the same chunks, and returns
 * SHA-256 over the ids of each. Of a share that is there twice one counts; one that opened to
 * something else than the list says is not in it.
 */
Datum
prio_job_fill_work(PG_FUNCTION_ARGS)
{
	const int32 number = PG_GETARG_INT32(0);
	const Size chunk_shares = chunk_shares_arg(fcinfo, 3);
	JobRowSet rows = prio_job_begin_rows(fcinfo);
	const JobHead *head;
	JobRuns *opened;
	Common common;
	const uint8_t *entry;
	const uint8_t *listed;
	SPIPlanPtr insert;
	WorkChunk *chunk;

	begin();
	insert = prepare_insert();
	chunk = palloc0(sizeof(WorkChunk));
	chunk->callback.func = wipe_chunk;
	chunk->callback.arg = chunk;
	chunk->records.memory = chunk->ids.memory = CurrentMemoryContext;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &chunk->callback);
	opened = prio_job_open_runs(number);
	head = prio_job_runs_head(opened);
	open_common(&common, fcinfo);
	listed = next_common(&common);
	while (listed != NULL && (entry = prio_job_next_of_runs(opened)) != NULL)
	{
		const uint8_t *content = entry + UUID_LEN + JOB_DIGEST_BYTES + JOB_RECORD_CONTENT;

		while (listed != NULL && memcmp(listed, entry, UUID_LEN) < 0)
			listed = next_common(&common);
		if (listed == NULL || memcmp(listed, entry, UUID_LEN) != 0 ||
			memcmp(listed + UUID_LEN, content, JOB_DIGEST_BYTES) != 0)
			continue;
		add_record(chunk, head, entry);
		listed = next_common(&common);
		if (chunk->ids.size == chunk_shares * UUID_LEN)
			store_chunk(&rows, insert, number, chunk, head);
	}
	/* Check sums are behind the end. */
	while (prio_job_next_of_runs(opened) != NULL)
		;
	if (chunk->ids.size > 0)
		store_chunk(&rows, insert, number, chunk, head);
	close_common(&common);
	SPI_finish();
	return (Datum) 0;
}
