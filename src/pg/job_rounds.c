/*
 * job_rounds.c
 *		Both rounds of a chunk and the verdicts.
 */
#include "job.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_pack_bits_add);
PRIO_FUNCTION(prio_job_pack_bits_result);
PRIO_FUNCTION(prio_job_round1);
PRIO_FUNCTION(prio_job_round2);
PRIO_FUNCTION(prio_job_verdicts);
PRIO_FUNCTION(prio_job_verdict_counts);

#define MESSAGES "messages"
#define VERDICTS "verdicts"

/* ------------------------------------------------------------------ bitmaps */

/*
 * Transition of pack_bits(number int, is_set boolean) -> bytea.
 */
Datum
prio_job_pack_bits_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory;
	JobBuffer *bits;
	Size number;

	if (!AggCheckCallContext(fcinfo, &memory))
		elog(ERROR, "aggregate function called in non-aggregate context");
	prio_job_require(fcinfo, 1, "number");
	prio_job_require(fcinfo, 2, "is_set");
	number = prio_job_number(PG_GETARG_INT32(1));
	if (PG_ARGISNULL(0))
	{
		bits = MemoryContextAllocZero(memory, sizeof(JobBuffer));
		bits->memory = memory;
	}
	else
		bits = (JobBuffer *) PG_GETARG_POINTER(0);
	if (number / 8 >= bits->size)
	{
		Size more = number / 8 + 1 - bits->size;

		memset(prio_job_extend(bits, more), 0, more);
	}
	if (PG_GETARG_BOOL(2))
		bits->data[number / 8] |= (uint8_t) (1 << number % 8);
	PG_RETURN_POINTER(bits);
}

Datum
prio_job_pack_bits_result(PG_FUNCTION_ARGS)
{
	JobBuffer *bits = prio_job_final_state(fcinfo);

	if (bits == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(prio_job_take(bits));
}

/* A bitmap of what is left out of count shares; NULL for none of them. */
static const bytea *
left_out_arg(FunctionCallInfo fcinfo, int argument, Size count)
{
	const bytea *bits = PG_ARGISNULL(argument) ? NULL : PG_GETARG_BYTEA_PP(argument);

	if (bits != NULL && VARSIZE_ANY_EXHDR(bits) > (count + 7) / 8)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("left_out is of another chunk"),
				 errdetail("It has %zu bytes, for %zu shares.", VARSIZE_ANY_EXHDR(bits), count)));
	return bits;
}

/* ------------------------------------------------------------------ rounds */

/*
 * round1(records bytea, left_out bytea) -> bytea: the message of round 1 of each share
 * (docs/protocol.md, "Server").
 */
Datum
prio_job_round1(PG_FUNCTION_ARGS)
{
	JobHead head;
	JobReader records;
	const bytea *left_out;
	JobBuffer out = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	records = prio_job_open_records(PG_GETARG_DATUM(0), &head);
	left_out = left_out_arg(fcinfo, 1, head.count);
	for (Size i = 0; i < head.count; i++)
	{
		const uint8_t *entry = prio_job_read(&records, JOB_RECORDS_ENTRY_BYTES);
		uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
		Size size = 0;

		CHECK_FOR_INTERRUPTS();
		if (!prio_job_bit(left_out, i))
		{
			Prio1Verifier verifier;

			prio_job_record_verifier(entry + UUID_LEN, &verifier);
			size = prio1_verifier_verify1(&verifier, message);
			prio_wipe(&verifier, sizeof(verifier));
		}
		prio_job_write_entry(&out, message, size);
	}
	prio_wipe_stack();
	PG_RETURN_BYTEA_P(prio_job_take(&out));
}

/*
 * round2(records bytea, left_out bytea, own1 bytea, peer1 bytea) -> bytea: the message of
 * round 2 of each share. v1 has all it needs of its own message of round 1 in the records.
 */
Datum
prio_job_round2(PG_FUNCTION_ARGS)
{
	JobHead head;
	JobReader records;
	JobReader peer;
	const bytea *left_out;
	JobBuffer out = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	records = prio_job_open_records(PG_GETARG_DATUM(0), &head);
	left_out = left_out_arg(fcinfo, 1, head.count);
	peer = prio_job_reader(PG_GETARG_DATUM(3), MESSAGES);
	for (Size i = 0; i < head.count; i++)
	{
		const uint8_t *entry = prio_job_read(&records, JOB_RECORDS_ENTRY_BYTES);
		uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
		const uint8_t *peer_message;
		Size peer_size;
		Size size = 0;

		CHECK_FOR_INTERRUPTS();
		if (!prio_job_read_entry(&peer, &peer_message, &peer_size))
			prio_job_damaged(MESSAGES, "An entry is none, or there are too few.");
		if (!prio_job_bit(left_out, i))
		{
			Prio1Verifier verifier;
			PrioStatus status;

			prio_job_record_verifier(entry + UUID_LEN, &verifier);
			status = prio1_verifier_verify2(&verifier, peer_message, peer_size, message, &size);
			prio_wipe(&verifier, sizeof(verifier));
			prio_check(status);
			if (status != PRIO_OK)
				size = 0;
		}
		prio_job_write_entry(&out, message, size);
	}
	if (prio_job_left(&peer) > 0)
		prio_job_damaged(MESSAGES, "There are more than shares.");
	prio_wipe_stack();
	PG_RETURN_BYTEA_P(prio_job_take(&out));
}

/* ------------------------------------------------------------------ verdicts */

/* Whether the message of A comes first. */
static bool
role_arg(FunctionCallInfo fcinfo, int argument)
{
	text *role = PG_GETARG_TEXT_PP(argument);

	if (VARSIZE_ANY_EXHDR(role) != 1 || (*VARDATA_ANY(role) != 'A' && *VARDATA_ANY(role) != 'B'))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("role must be A or B")));
	return *VARDATA_ANY(role) == 'A';
}

/*
 * verdicts(role text, left_out bytea, own2 bytea, peer2 bytea) -> bytea: a JobVerdict a share,
 * from the messages of round 2 of both servers.
 */
Datum
prio_job_verdicts(PG_FUNCTION_ARGS)
{
	JobReader own;
	JobReader peer;
	bytea *left_out;
	bool is_a;
	JobBuffer out = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	is_a = role_arg(fcinfo, 0);
	left_out = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	own = prio_job_reader(PG_GETARG_DATUM(2), MESSAGES);
	peer = prio_job_reader(PG_GETARG_DATUM(3), MESSAGES);
	while (prio_job_left(&own) > 0 && prio_job_left(&peer) > 0)
	{
		const uint8_t *own_message;
		const uint8_t *peer_message;
		Size own_size;
		Size peer_size;
		JobVerdict verdict;

		CHECK_FOR_INTERRUPTS();
		if (!prio_job_read_entry(&own, &own_message, &own_size) ||
			!prio_job_read_entry(&peer, &peer_message, &peer_size))
			prio_job_damaged(MESSAGES, "An entry is none.");
		if (prio_job_bit(left_out, out.size))
			verdict = JOB_LEFT_OUT_HERE;
		else if (own_size == 0 || peer_size == 0)
			verdict = JOB_LEFT_OUT_THERE;
		else
		{
			bool valid = false;

			if (is_a)
				prio_check(prio1_verifier_is_valid(own_message, own_size, peer_message,
												   peer_size, &valid));
			else
				prio_check(prio1_verifier_is_valid(peer_message, peer_size, own_message,
												   own_size, &valid));
			verdict = valid ? JOB_VALID : JOB_NOT_VALID;
		}
		*prio_job_extend(&out, 1) = (uint8_t) verdict;
	}
	if (prio_job_left(&own) != prio_job_left(&peer))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("messages of both servers do not belong together"),
				 errdetail("One has more entries than the other.")));
	(void) left_out_arg(fcinfo, 1, out.size);
	PG_RETURN_BYTEA_P(prio_job_take(&out));
}

JobReader
prio_job_read_verdicts(Datum datum)
{
	JobReader verdicts = prio_job_reader(datum, VERDICTS);

	for (const uint8_t *p = verdicts.next; p < verdicts.end; p++)
		if (*p >= JOB_VERDICTS)
			prio_job_damaged(VERDICTS, "One of them is none.");
	return verdicts;
}

/*
 * verdict_counts(verdicts bytea) -> int[]: how often there is each of the four.
 */
Datum
prio_job_verdict_counts(PG_FUNCTION_ARGS)
{
	JobReader verdicts = prio_job_read_verdicts(PG_GETARG_DATUM(0));
	int32 counts[JOB_VERDICTS] = {0};
	Datum values[JOB_VERDICTS];

	while (prio_job_left(&verdicts) > 0)
		counts[*prio_job_read(&verdicts, 1)]++;
	for (int i = 0; i < JOB_VERDICTS; i++)
		values[i] = Int32GetDatum(counts[i]);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(values, JOB_VERDICTS, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}
