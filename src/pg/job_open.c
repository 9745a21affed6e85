/*
 * job_open.c
 *		Opening a chunk of shares and adding them up, in one pass; and what came of it.
 */
#include "job.h"

#include "prio1_context.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_open_shares_add);
PRIO_FUNCTION(prio_job_open_shares_result);
PRIO_FUNCTION(prio_job_opened_count);
PRIO_FUNCTION(prio_job_opened_total);
PRIO_FUNCTION(prio_job_opened_rows);
PRIO_FUNCTION(prio_job_opened_rejections);

/* Of a packet of v1: the key it was sealed with and the nonce. */
#define SEAL_HEAD_BYTES (PRIO_KEY_BYTES + PRIO_GCM_NONCE_BYTES)

struct JobOpening
{
	JobState job;
	MemoryContext memory;
	JobProtocol protocol; /* 0 before the first row */
	JobRows rows;
	JobPrio3Opening *prio3; /* NULL for v1: the rest is of that */
	bool begun;             /* the total, and what depends on n */
	Prio1Total total;
	Field87 *data;        /* of one share */
	JobScratch plaintext; /* of one share */
};

/* ------------------------------------------------------------------ opening */

static void
wipe_state(void *pointer)
{
	JobOpening *state = pointer;

	if (state->rows.entries.data != NULL)
		prio_wipe(state->rows.entries.data, state->rows.entries.size);
	if (state->prio3 != NULL)
		prio_job_prio3_wipe(state->prio3);
	if (state->begun)
	{
		prio_wipe(state->total.sums, state->total.n * sizeof(Field87));
		prio_wipe(state->data, state->total.n * sizeof(Field87));
	}
}

void
prio_job_several_batches(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("shares of a chunk must be of one batch"),
			 errdetail(
				 "Server, batch id and number of data fields have to be the same in all rows."),
			 errhint("Try again if the server was changed meanwhile.")));
}

void
prio_job_reject(JobRows *rows, int reason, const pg_uuid_t *id)
{
	JobRejections *rejections = &rows->rejections[reason];

	if (rejections->ids_count < JOB_MAX_IDS && id != NULL)
		rejections->ids[rejections->ids_count++] = *id;
	rejections->shares++;
}

/* All rows of a chunk are of one batch, the one that the first is opened for. */
static void
begin_or_check(JobOpening *state, const Prio1VerifierContext *context)
{
	Size n = context->weights.n;

	if (!state->begun)
	{
		Field87 *sums = MemoryContextAllocHuge(state->memory, n * sizeof(Field87));

		state->data = MemoryContextAllocHuge(state->memory, n * sizeof(Field87));
		prio1_total_init(&state->total, context->role, n, sums);
		state->rows.head.role = context->role;
		state->rows.head.n = (uint32) n;
		state->rows.head.record_bytes = JOB_PRIO1_RECORD_BYTES;
		memcpy(state->rows.head.digest, context->digest, PRIO1_DIGEST_BYTES);
		state->begun = true;
	}
	if (state->total.role != context->role ||
		memcmp(state->rows.head.digest, context->digest, PRIO1_DIGEST_BYTES) != 0)
		prio_job_several_batches();
}

PrioStatus
prio_job_digest(JobDomain domain, const uint8_t *bytes, Size size,
				uint8_t digest[JOB_DIGEST_BYTES])
{
	const uint8_t of_what = (uint8_t) domain;
	uint8_t hash[PRIO_HASH_BYTES];
	PrioStatus status = prio_sha256(&of_what, 1, bytes, size, hash);

	memcpy(digest, hash, JOB_DIGEST_BYTES);
	return status;
}

static PrioStatus
content_digest(const pg_uuid_t *id, int64 ordinal, const uint8_t *stored,
			   const uint8_t *packet, uint8_t digest[JOB_DIGEST_BYTES])
{
	enum
	{
		ORDINAL = UUID_LEN,
		STORED = ORDINAL + 8,
		SEAL_HEAD = STORED + PRIO1_VERIFIER_BYTES
	};
	uint8_t bytes[SEAL_HEAD + SEAL_HEAD_BYTES];
	PrioStatus status;

	memcpy(bytes, id->data, UUID_LEN);
	prio_job_write64(bytes + ORDINAL, (uint64) ordinal);
	memcpy(bytes + STORED, stored, PRIO1_VERIFIER_BYTES);
	memcpy(bytes + SEAL_HEAD, packet, SEAL_HEAD_BYTES);
	status = prio_job_digest(JOB_CONTENT, bytes, sizeof(bytes), digest);
	prio_wipe(bytes, sizeof(bytes));
	return status;
}

/*
 * Opens a row of v1, writes its entry and adds it up. Returns PRIO_OK, or why it is none of the
 * chunk: then only the caller knows of it.
 */
static PrioStatus
open_row(FunctionCallInfo fcinfo, JobOpening *state)
{
	const Size entry_size = JOB_OPENED_ENTRY_BYTES(JOB_PRIO1_RECORD_BYTES);
	int64 ordinal = PG_ARGISNULL(6) ? 0 : PG_GETARG_INT64(6);
	const pg_uuid_t *id;
	ItemPointer place;
	const Prio1VerifierContext *context;
	PrioKeyPair *pair;
	Datum datum;
	Size size;
	bytea *share;
	const uint8_t *packet;
	uint8_t *plaintext;
	uint8_t *entry;
	uint8_t *record;
	Prio1Verifier verifier;
	PrioStatus status;

	/* A packet of v1 has no header beside it. */
	if (PG_ARGISNULL(5) || !PG_ARGISNULL(7) || PG_ARGISNULL(8))
		return PRIO_MALFORMED;
	id = PG_GETARG_UUID_P(5);
	datum = PG_GETARG_DATUM(8);
	place = (ItemPointer) PG_GETARG_POINTER(9);
	context = prio_verifier_context(fcinfo, PG_GETARG_TEXT_PP(1), PG_GETARG_TEXT_PP(2),
									PG_GETARG_INT32(3), ordinal, &pair);
	begin_or_check(state, context);

	/* What cannot be a packet of this batch for its mere size is not even fetched. */
	size = toast_raw_datum_size(datum) - VARHDRSZ;
	if (size > prio1_verifier_max_share(context->batch_id_size, context->weights.n))
		return PRIO_WRONG_LENGTH;
	plaintext = prio_job_reserve(&state->plaintext, state->memory, size);
	share = DatumGetByteaPP(datum);
	packet = (const uint8_t *) VARDATA_ANY(share);

	entry = prio_job_extend(&state->rows.entries, entry_size);
	record = entry + UUID_LEN + JOB_DIGEST_BYTES;
	status = prio1_verifier_open_data(context, pair, packet, VARSIZE_ANY_EXHDR(share),
									  plaintext, &verifier, state->data);
	if (status == PRIO_OK)
	{
		memcpy(entry, id->data, UUID_LEN);
		prio_job_write_record_head(record, (uint64) ordinal, place, JOB_PRIO1, verifier.role);
		prio1_verifier_store(&verifier, true, record + JOB_RECORD_VERIFIER);
		prio_wipe(&verifier, sizeof(verifier));
		status = content_digest(id, ordinal, record + JOB_RECORD_VERIFIER, packet,
								record + JOB_RECORD_CONTENT);
	}
	if (status == PRIO_OK)
		status = prio_job_digest(JOB_REPLAY, packet, PRIO1_REPLAY_KEY_BYTES, entry + UUID_LEN);
	if (status == PRIO_OK)
	{
		prio1_total_add_data(&state->total, state->data);
		state->rows.head.count++;
	}
	else
	{
		prio_wipe(entry, entry_size);
		state->rows.entries.size -= entry_size;
	}
	if ((Pointer) share != DatumGetPointer(datum))
		pfree(share);
	return status;
}

static void
set_memory(JobOpening *state, MemoryContext memory)
{
	state->memory = state->rows.entries.memory = memory;
}

JobOpening *
prio_job_begin_opening(MemoryContext memory)
{
	JobOpening *state = prio_job_new_state(memory, sizeof(JobOpening), wipe_state);

	set_memory(state, memory);
	return state;
}

void
prio_job_open_share(JobOpening *state, FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"server", "packet_batch_id", "n_data"};
	PrioStatus status;

	prio_job_require(fcinfo, 1, names[0]);
	if (state->protocol == 0)
	{
		state->protocol = prio_job_protocol(PG_GETARG_TEXT_PP(1));
		state->rows.head.protocol = state->protocol;
	}
	prio_job_require(fcinfo, 9, "place");
	if (state->protocol != JOB_PRIO1)
	{
		if (state->prio3 == NULL)
			state->prio3 = prio_job_prio3_begin(PG_GETARG_TEXT_PP(1), &state->rows);
		prio_job_prio3_add(state->prio3, fcinfo);
		return;
	}
	for (int i = 1; i < (int) lengthof(names); i++)
		prio_job_require(fcinfo, i + 1, names[i]);

	status = open_row(fcinfo, state);
	prio_check(status);
	if (status != PRIO_OK)
		prio_job_reject(&state->rows, status, PG_ARGISNULL(5) ? NULL : PG_GETARG_UUID_P(5));
}

/*
 * Transition of open_shares(server text, packet_batch_id text, n_data int, report_times tstzrange,
 * share_id uuid, ordinal bigint, header bytea, payload bytea, place tid) -> bytea: does for each
 * row what prio_verifier() and prio_total_share() do, or prio3_verify_init() and prio3_agg_share(),
 * from one decryption. A row that does not open is counted with its reason, and no error.
 *
 * Prio3 knows no packet_batch_id and no n_data. A row of DAP has to have a time in report_times,
 * if that is there.
 */
Datum
prio_job_open_shares_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory;
	JobOpening *state = prio_job_state(fcinfo, sizeof(JobOpening), &memory, wipe_state);

	if (PG_ARGISNULL(0))
		set_memory(state, memory);
	PG_TRY();
	{
		prio_job_open_share(state, fcinfo);
	}
	PG_FINALLY();
	{
		prio_wipe_stack();
	}
	PG_END_TRY();
	PG_RETURN_POINTER(state);
}

static const char *
reason_text(int reason)
{
	switch (reason)
	{
		case JOB_OTHER_ID:
			return "share_id is not the report id";
		case JOB_OTHER_TIME:
			return "report time is outside report_times";
		default:
			return prio_status_text((PrioStatus) reason);
	}
}

static void
write_rejections(JobBuffer *out, const JobRejections *all)
{
	Size count_at = out->size;
	uint8_t reasons = 0;

	(void) prio_job_extend(out, 1);
	for (int i = 0; i < JOB_REASONS; i++)
	{
		const JobRejections *rejections = &all[i];
		const char *reason = reason_text(i);
		Size ids_bytes = (Size) rejections->ids_count * UUID_LEN;
		uint8_t *p;

		if (rejections->shares == 0)
			continue;
		prio_job_write_entry(out, (const uint8_t *) reason, strlen(reason));
		p = prio_job_extend(out, 8 + 1 + ids_bytes);
		prio_job_write64(p, rejections->shares);
		p[8] = (uint8_t) rejections->ids_count;
		memcpy(p + 9, rejections->ids, ids_bytes);
		reasons++;
	}
	out->data[count_at] = reasons;
}

/* The total of the shares, as the message that it would be. */
static void
write_total(JobBuffer *out, const JobOpening *state)
{
	Size size;
	uint8_t *message;

	if (state->prio3 != NULL)
	{
		const uint8_t *total = prio_job_prio3_total(state->prio3, &size);

		prio_job_write_entry(out, total, size);
		return;
	}
	message = palloc(prio1_total_max_message(state->total.n));
	size = prio1_total_write(&state->total, message);

	prio_job_write_entry(out, message, size);
	prio_wipe(message, size);
	pfree(message);
}

bytea *
prio_job_opened_value(JobOpening *state)
{
	static const JobRejections no_rejections[JOB_REASONS];
	JobHead head = {JOB_PRIO1, PRIO_A, 0, 0, 0, {0}};
	JobBuffer out = {0};

	if (state != NULL && state->prio3 != NULL)
		prio_job_prio3_finish(state->prio3);
	if (state != NULL && state->rows.head.count > 0)
		head = state->rows.head;
	prio_job_write_head(prio_job_extend(&out, JOB_HEAD_BYTES), JOB_OPENED, &head);
	if (head.count > 0)
	{
		JobBuffer *entries = &state->rows.entries;

		prio_job_sort(entries, JOB_OPENED_ENTRY_BYTES(head.record_bytes));
		memcpy(prio_job_extend(&out, entries->size), entries->data, entries->size);
		prio_job_free(entries);
		write_total(&out, state);
	}
	write_rejections(&out, state != NULL ? state->rows.rejections : no_rejections);
	prio_job_close(&out);
	return prio_job_take(&out);
}

/*
 * Final function of open_shares(): the opened value. Also of no rows at all.
 */
Datum
prio_job_open_shares_result(PG_FUNCTION_ARGS)
{
	bytea *opened = prio_job_opened_value(prio_job_final_state(fcinfo));

	prio_wipe_stack();
	PG_RETURN_BYTEA_P(opened);
}

/* ------------------------------------------------------------------ what came of it */

/* An opened value apart. */
typedef struct Opened
{
	JobHead head;
	const uint8_t *total; /* the message; of no shares NULL */
	Size total_size;
	JobReader rejections;
	int reasons;
	JobReader entries;
} Opened;

/* One reason, which points into the value. */
typedef struct Reason
{
	const uint8_t *text;
	Size text_length;
	uint64 shares;
	const uint8_t *ids;
	Size ids_count;
} Reason;

static Reason
read_reason(JobReader *reader)
{
	Reason reason;

	if (!prio_job_read_entry(reader, &reason.text, &reason.text_length))
		prio_job_damaged(JOB_OPENED_NAME, "A reason is none.");
	reason.shares = prio_job_read64(prio_job_read(reader, 8));
	reason.ids_count = *prio_job_read(reader, 1);
	reason.ids = prio_job_read(reader, reason.ids_count * UUID_LEN);
	return reason;
}

static Opened
read_opened(Datum datum)
{
	Opened opened;
	JobReader reader = prio_job_open(datum, JOB_OPENED, JOB_OPENED_NAME, &opened.head);

	opened.entries = reader;
	(void) prio_job_read(&reader,
						 opened.head.count * JOB_OPENED_ENTRY_BYTES(opened.head.record_bytes));
	opened.entries.end = reader.next;
	opened.total = NULL;
	if (opened.head.count > 0 &&
		!prio_job_read_entry(&reader, &opened.total, &opened.total_size))
		prio_job_damaged(JOB_OPENED_NAME, "The total is none.");
	opened.reasons = *prio_job_read(&reader, 1);
	opened.rejections = reader;
	for (int i = 0; i < opened.reasons; i++)
		(void) read_reason(&reader);
	if (prio_job_left(&reader) != 0)
		prio_job_damaged(JOB_OPENED_NAME, "There is something behind their end.");
	opened.rejections.end = reader.next;
	return opened;
}

/*
 * opened_count(opened bytea) -> bigint: how many shares opened.
 */
Datum
prio_job_opened_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(read_opened(PG_GETARG_DATUM(0)).head.count);
}

/*
 * opened_total(opened bytea) -> bytea: the message that prio_total_share() or prio3_agg_share()
 * would give; NULL when no share opened (docs/protocol.md, "Wire format").
 */
Datum
prio_job_opened_total(PG_FUNCTION_ARGS)
{
	Opened opened = read_opened(PG_GETARG_DATUM(0));

	if (opened.head.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(prio_bytea(opened.total, opened.total_size));
}

/* Between the rows of opened_rows(). */
typedef struct OpenedRows
{
	JobReader entries;
	Size record_bytes;
	bytea *record; /* the one of this row */
} OpenedRows;

/*
 * opened_rows(opened bytea) -> SETOF (share_id uuid, place tid, content uuid, replay uuid, record
 * bytea), in the order of the ids.
 */
Datum
prio_job_opened_rows(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	OpenedRows *rows;
	const uint8_t *entry;
	const uint8_t *record;
	ItemPointerData place;
	Datum values[5];
	bool nulls[5] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;
		Opened opened;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		rows = palloc(sizeof(OpenedRows));
		opened = read_opened(PG_GETARG_DATUM(0));
		rows->entries = opened.entries;
		rows->record_bytes = opened.head.record_bytes;
		rows->record = prio_allocate_bytea(rows->record_bytes);
		calls->user_fctx = rows;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	rows = calls->user_fctx;
	if (prio_job_left(&rows->entries) == 0)
		SRF_RETURN_DONE(calls);

	entry = prio_job_read(&rows->entries, JOB_OPENED_ENTRY_BYTES(rows->record_bytes));
	record = entry + UUID_LEN + JOB_DIGEST_BYTES;
	place = prio_job_record_place(record);
	memcpy(VARDATA(rows->record), record, rows->record_bytes);
	values[0] = PointerGetDatum(entry);
	values[1] = PointerGetDatum(&place);
	values[2] = PointerGetDatum(record + JOB_RECORD_CONTENT);
	values[3] = PointerGetDatum(entry + UUID_LEN);
	values[4] = PointerGetDatum(rows->record);
	SRF_RETURN_NEXT(calls, HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
}

/*
 * opened_rejections(opened bytea) -> SETOF (reason text, shares bigint, ids uuid[]): the reasons
 * are those of prio_share_error() and its like, and two of the job's own.
 */
Datum
prio_job_opened_rejections(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	JobReader *rejections;
	Reason reason;
	Datum ids[UINT8_MAX];
	Datum values[3];
	bool nulls[3] = {false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		rejections = palloc(sizeof(JobReader));
		*rejections = read_opened(PG_GETARG_DATUM(0)).rejections;
		calls->user_fctx = rejections;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	rejections = calls->user_fctx;
	if (prio_job_left(rejections) == 0)
		SRF_RETURN_DONE(calls);

	reason = read_reason(rejections);
	for (Size i = 0; i < reason.ids_count; i++)
		ids[i] = PointerGetDatum(reason.ids + i * UUID_LEN);
	values[0] = PointerGetDatum(
		cstring_to_text_with_len((const char *) reason.text, (int) reason.text_length));
	values[1] = Int64GetDatum((int64) reason.shares);
	values[2] = PointerGetDatum(
		construct_array(ids, (int) reason.ids_count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
	SRF_RETURN_NEXT(calls, HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
}
