/*
 * job_records.c
 *		Records: what the rounds and the total need of a share that was opened.
 */
#include "job.h"

#include "access/detoast.h"
#include "funcapi.h"

PRIO_FUNCTION(prio_job_records_count);
PRIO_FUNCTION(prio_job_valid_places);
PRIO_FUNCTION(prio_job_sum_records_add);
PRIO_FUNCTION(prio_job_sum_records_result);

#define RECORD "records"

/* ------------------------------------------------------------------ one record */

void
prio_job_write_record_head(uint8_t record[JOB_RECORD_HEAD_BYTES], uint64 number,
						   const ItemPointerData *place, JobProtocol protocol, PrioRole role)
{
	prio_job_write64(record, number);
	prio_job_write32(record + JOB_RECORD_PLACE, ItemPointerGetBlockNumberNoCheck(place));
	prio_job_write32(record + JOB_RECORD_PLACE + 4, ItemPointerGetOffsetNumberNoCheck(place));
	record[JOB_RECORD_PROTOCOL] = (uint8_t) protocol;
	record[JOB_RECORD_ROLE] = (uint8_t) role;
}

ItemPointerData
prio_job_record_place(const uint8_t *record)
{
	ItemPointerData place;

	ItemPointerSet(&place, prio_job_read32(record + JOB_RECORD_PLACE),
				   (OffsetNumber) prio_job_read32(record + JOB_RECORD_PLACE + 4));
	return place;
}

void
prio_job_record_verifier(const uint8_t *record, Prio1Verifier *verifier)
{
	if (prio1_verifier_load(verifier, record + JOB_RECORD_VERIFIER, PRIO1_VERIFIER_BYTES) ==
			PRIO_OK &&
		verifier->has_key)
		return;
	prio_wipe(verifier, sizeof(*verifier));
	prio_job_damaged(RECORD, "The verifier of a share is none.");
}

/* Which batch a record of v1 is of, without its secrets. */
static void
head_of_prio1_record(const uint8_t *record, JobHead *head)
{
	Prio1Verifier verifier;

	prio_job_record_verifier(record, &verifier);
	head->role = verifier.role;
	head->n = (uint32) verifier.n;
	memcpy(head->digest, verifier.digest, PRIO1_DIGEST_BYTES);
	prio_wipe(&verifier, sizeof(verifier));
}

/* An argument that is one record, and which batch it is of. */
static const uint8_t *
record_arg(FunctionCallInfo fcinfo, int argument, JobHead *head)
{
	bytea *value;
	const uint8_t *record;
	Size size;

	prio_job_require(fcinfo, argument, "record");
	value = PG_GETARG_BYTEA_PP(argument);
	record = (const uint8_t *) VARDATA_ANY(value);
	size = VARSIZE_ANY_EXHDR(value);
	head->protocol =
		size > JOB_RECORD_HEAD_BYTES ? (JobProtocol) record[JOB_RECORD_PROTOCOL] : 0;
	head->record_bytes = (uint32) size;
	head->count = 0;
	if (head->protocol == JOB_PRIO1 && size == JOB_PRIO1_RECORD_BYTES)
		head_of_prio1_record(record, head);
	else if ((head->protocol == JOB_PRIO3 || head->protocol == JOB_DAP) &&
			 record[JOB_RECORD_ROLE] <= PRIO_B &&
			 prio_job_is_prio3_record(size, prio_job_read64(record)))
	{
		head->role = (PrioRole) record[JOB_RECORD_ROLE];
		head->n = (uint32) prio_job_read64(record);
		memcpy(head->digest, record + JOB_PRIO3_BATCH, JOB_DIGEST_BYTES);
	}
	else
		prio_job_damaged(RECORD, "The length of one is wrong.");
	return record;
}

void
prio_job_check_batch(const JobHead *a, const JobHead *b)
{
	if (a->protocol != b->protocol || a->role != b->role || a->n != b->n ||
		a->record_bytes != b->record_bytes ||
		memcmp(a->digest, b->digest, PRIO1_DIGEST_BYTES) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("records are not all of one batch"),
				 errdetail(
					 "Two of them differ in server, batch id, number of data fields, variant of the pseudo-random generator or VDAF.")));
}

/* ------------------------------------------------------------------ packing */

/*
 * records_count(records bytea) -> int.
 */
Datum
prio_job_records_count(PG_FUNCTION_ARGS)
{
	JobHead head;

	(void) prio_job_open_records(PG_GETARG_DATUM(0), &head);
	PG_RETURN_INT32((int32) head.count);
}

/* Between the rows of valid_places(). */
typedef struct ValidPlaces
{
	JobReader records;
	JobReader verdicts;
	Size record_bytes;
} ValidPlaces;

/*
 * valid_places(records bytea, verdicts bytea) -> SETOF (share_id uuid, place tid).
 */
Datum
prio_job_valid_places(PG_FUNCTION_ARGS)
{
	FuncCallContext *calls;
	ValidPlaces *places;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;
		JobHead head;

		calls = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(calls->multi_call_memory_ctx);
		places = palloc(sizeof(ValidPlaces));
		places->records = prio_job_open_records(PG_GETARG_DATUM(0), &head);
		places->verdicts = prio_job_read_verdicts(PG_GETARG_DATUM(1));
		if (prio_job_left(&places->verdicts) != head.count)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("verdicts and records do not belong together"),
					 errdetail("There are %zu verdicts and %u records.",
							   prio_job_left(&places->verdicts), head.count)));
		places->record_bytes = head.record_bytes;
		calls->user_fctx = places;
		calls->tuple_desc = prio_job_row_type(fcinfo);
		MemoryContextSwitchTo(caller);
	}
	calls = SRF_PERCALL_SETUP();
	places = calls->user_fctx;
	while (prio_job_left(&places->verdicts) > 0)
	{
		const uint8_t *entry =
			prio_job_read(&places->records, JOB_RECORDS_ENTRY_BYTES(places->record_bytes));

		if (*prio_job_read(&places->verdicts, 1) == JOB_VALID)
		{
			ItemPointerData place = prio_job_record_place(entry + UUID_LEN);
			Datum values[2] = {PointerGetDatum(entry), PointerGetDatum(&place)};
			bool nulls[2] = {false};

			SRF_RETURN_NEXT(calls,
							HeapTupleGetDatum(heap_form_tuple(calls->tuple_desc, values, nulls)));
		}
	}
	SRF_RETURN_DONE(calls);
}

/* ------------------------------------------------------------------ adding up again */

typedef struct SumState
{
	JobState job;
	JobHead head;
	JobPrio3Sum *prio3; /* NULL for v1: the rest is of that */
	Prio1Total total;
	JobScratch plaintext;
} SumState;

static void
wipe_sum(void *pointer)
{
	SumState *state = pointer;

	if (state->prio3 != NULL)
		prio_job_prio3_wipe_sum(state->prio3);
	if (state->total.sums != NULL)
		prio_wipe(state->total.sums, state->total.n * sizeof(Field87));
}

static void
report_other_share(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED), errmsg("share is not what it was"),
			 errdetail("It does not open to what its record says.")));
}

/*
 * Adds up the share of one row by its record. Nothing in it raises an error while there is
 * something secret on the stack.
 */
static PrioStatus
sum_row(FunctionCallInfo fcinfo, SumState *state, MemoryContext memory, const uint8_t *record)
{
	bytea *share = NULL;
	const uint8_t *packet = NULL;
	Size size = 0;
	Prio1Verifier verifier;
	PrioStatus status;

	if (!PG_ARGISNULL(5))
		return PRIO_MISMATCH;
	if (!PG_ARGISNULL(6))
	{
		Datum datum = PG_GETARG_DATUM(6);

		size = toast_raw_datum_size(datum) - VARHDRSZ;
		if (size > prio1_verifier_max_share(PRIO1_MAX_BATCH_ID, state->total.n))
			return PRIO_MISMATCH;
		if (state->total.role == PRIO_A)
			prio_job_reserve(&state->plaintext, memory, size);
		share = DatumGetByteaPP(datum);
		packet = (const uint8_t *) VARDATA_ANY(share);
	}
	prio_job_record_verifier(record, &verifier);
	status =
		prio1_total_add_share(&state->total, &verifier, packet, size, state->plaintext.bytes);
	prio_wipe(&verifier, sizeof(verifier));
	if (share != NULL)
		PG_FREE_IF_COPY(share, 6);
	return status;
}

/*
 * Transition of sum_records(server text, n_data int, share_id uuid, record bytea, header bytea,
 * payload bytea) -> bytea: like prio_total_share() with what the record holds. B of v1 needs no
 * payload; if it is there, it is checked. Shares of Prio3 are opened by the keys of the server.
 */
Datum
prio_job_sum_records_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory;
	SumState *state = prio_job_state(fcinfo, sizeof(SumState), &memory, wipe_sum);
	JobHead head;
	const uint8_t *record = record_arg(fcinfo, 4, &head);
	PrioStatus status;

	if (head.protocol != JOB_PRIO1)
	{
		prio_job_require(fcinfo, 1, "server");
		prio_job_require(fcinfo, 3, "share_id");
		if (state->head.protocol == 0)
		{
			state->head = head;
			state->prio3 = prio_job_prio3_begin_sum(memory, PG_GETARG_TEXT_PP(1), &head);
		}
		prio_job_check_batch(&state->head, &head);
		if (!prio_job_prio3_sum(state->prio3, fcinfo, record))
			report_other_share();
		PG_RETURN_POINTER(state);
	}
	prio_job_require(fcinfo, 2, "n_data");
	if (state->head.protocol == 0)
	{
		Field87 *sums = MemoryContextAllocHuge(memory, head.n * sizeof(Field87));

		state->head = head;
		prio1_total_init(&state->total, head.role, head.n, sums);
	}
	prio_job_check_batch(&state->head, &head);
	if (PG_GETARG_INT32(2) != (int32) head.n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("record is of another number of data fields"),
				 errdetail("It is of %u, not %d.", head.n, PG_GETARG_INT32(2))));

	status = sum_row(fcinfo, state, memory, record);
	prio_wipe_stack();
	prio_check(status);
	if (status != PRIO_OK)
		report_other_share();
	PG_RETURN_POINTER(state);
}

Datum
prio_job_sum_records_result(PG_FUNCTION_ARGS)
{
	SumState *state = prio_job_final_state(fcinfo);
	bytea *result;

	if (state == NULL)
		PG_RETURN_NULL();
	if (state->prio3 != NULL)
		result = prio_job_prio3_sum_total(state->prio3);
	else
	{
		result = palloc(VARHDRSZ + prio1_total_max_message(state->total.n));
		SET_VARSIZE(result,
					VARHDRSZ + prio1_total_write(&state->total, (uint8_t *) VARDATA(result)));
	}
	prio_wipe_stack();
	PG_RETURN_BYTEA_P(result);
}
