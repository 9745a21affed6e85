/*
 * job_rounds.c
 *		Both rounds of a chunk and the verdicts.
 */
#include "job.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_round1);
PRIO_FUNCTION(prio_job_round2);
PRIO_FUNCTION(prio_job_verdicts);
PRIO_FUNCTION(prio_job_verdict_counts);

#define MESSAGES "messages"
#define VERDICTS "verdicts"

/* ------------------------------------------------------------------ bitmaps */

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
 * (docs/protocol.md, "Server"; docs/prio3.md, "The query").
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
		const uint8_t *entry =
			prio_job_read(&records, JOB_RECORDS_ENTRY_BYTES(head.record_bytes));
		uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
		Size size = 0;

		CHECK_FOR_INTERRUPTS();
		if (head.protocol != JOB_PRIO1)
		{
			/* The share is in the record as it is sent. */
			prio_job_write_entry(&out, entry + UUID_LEN + JOB_PRIO3_VERIFIER_SHARE,
								 prio_job_bit(left_out, i) ? 0 : head.n);
			continue;
		}
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

/* One message of v1; *size is 0 when what the other server said is none. */
static void
prio1_round2(const uint8_t *record, const uint8_t *peer, Size peer_size,
			 uint8_t message[PRIO1_VERIFY2_MAX_BYTES], Size *size)
{
	Prio1Verifier verifier;
	PrioStatus status;

	prio_job_record_verifier(record, &verifier);
	status = prio1_verifier_verify2(&verifier, peer, peer_size, message, size);
	prio_wipe(&verifier, sizeof(verifier));
	prio_check(status);
	if (status != PRIO_OK)
		*size = 0;
}

/*
 * round2(server text, records bytea, left_out bytea, own1 bytea, peer1 bytea) -> bytea: the
 * message of round 2 of each share. All that it needs of the own message of round 1 is in the
 * records.
 */
Datum
prio_job_round2(PG_FUNCTION_ARGS)
{
	JobHead head;
	JobReader records;
	JobReader peer;
	const bytea *left_out;
	const Prio3Vdaf *vdaf = NULL;
	JobBuffer out = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	records = prio_job_open_records(PG_GETARG_DATUM(1), &head);
	left_out = left_out_arg(fcinfo, 2, head.count);
	peer = prio_job_reader(PG_GETARG_DATUM(4), MESSAGES);
	if (head.protocol != JOB_PRIO1)
		vdaf = prio_job_prio3_vdaf(PG_GETARG_TEXT_PP(0), &head);
	for (Size i = 0; i < head.count; i++)
	{
		const uint8_t *entry =
			prio_job_read(&records, JOB_RECORDS_ENTRY_BYTES(head.record_bytes));
		uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
		const uint8_t *peer_message;
		Size peer_size;
		Size size = 0;

		CHECK_FOR_INTERRUPTS();
		if (!prio_job_read_entry(&peer, &peer_message, &peer_size))
			prio_job_damaged(MESSAGES, "An entry is none, or there are too few.");
		if (!prio_job_bit(left_out, i) && vdaf != NULL)
			size = prio_job_prio3_round2(vdaf, &head, entry + UUID_LEN, peer_message,
										 peer_size, message);
		else if (!prio_job_bit(left_out, i))
			prio1_round2(entry + UUID_LEN, peer_message, peer_size, message, &size);
		prio_job_write_entry(&out, message, size);
	}
	if (prio_job_left(&peer) > 0)
		prio_job_damaged(MESSAGES, "There are more than shares.");
	prio_wipe_stack();
	PG_RETURN_BYTEA_P(prio_job_take(&out));
}

/* ------------------------------------------------------------------ verdicts */

/* Do both messages of round 2 of v1 together accept the share? */
static bool
prio1_is_valid(PrioRole role, const uint8_t *own, Size own_size, const uint8_t *peer,
			   Size peer_size)
{
	bool valid = false;

	if (role == PRIO_A)
		prio_check(prio1_verifier_is_valid(own, own_size, peer, peer_size, &valid));
	else
		prio_check(prio1_verifier_is_valid(peer, peer_size, own, own_size, &valid));
	return valid;
}

static bool
accepts(const uint8_t *message, Size size)
{
	return size == 1 && message[0] == 1;
}

/*
 * verdicts(server text, left_out bytea, own2 bytea, peer2 bytea) -> bytea: a JobVerdict a share,
 * from the messages of round 2 of both servers. A share of Prio3 is valid when both say so: one
 * server may accept what the other refuses (docs/prio3.md, "Prio3 around it").
 */
Datum
prio_job_verdicts(PG_FUNCTION_ARGS)
{
	JobReader own;
	JobReader peer;
	bytea *left_out;
	JobProtocol protocol;
	PrioRole role;
	JobBuffer out = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	protocol = prio_job_protocol(PG_GETARG_TEXT_PP(0));
	role = prio_job_role(PG_GETARG_TEXT_PP(0));
	left_out = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	own = prio_job_reader(PG_GETARG_DATUM(2), MESSAGES);
	peer = prio_job_reader(PG_GETARG_DATUM(3), MESSAGES);
	while (prio_job_left(&own) > 0 && prio_job_left(&peer) > 0)
	{
		const uint8_t *own_message;
		const uint8_t *peer_message;
		Size own_size;
		Size peer_size;
		JobVerdict verdict = JOB_NOT_VALID;

		CHECK_FOR_INTERRUPTS();
		if (!prio_job_read_entry(&own, &own_message, &own_size) ||
			!prio_job_read_entry(&peer, &peer_message, &peer_size))
			prio_job_damaged(MESSAGES, "An entry is none.");
		if (prio_job_bit(left_out, out.size))
			verdict = JOB_LEFT_OUT_HERE;
		else if (own_size == 0 || peer_size == 0)
			verdict = JOB_LEFT_OUT_THERE;
		else if (protocol == JOB_PRIO1)
		{
			if (prio1_is_valid(role, own_message, own_size, peer_message, peer_size))
				verdict = JOB_VALID;
		}
		else if (accepts(own_message, own_size))
			verdict = accepts(peer_message, peer_size) ? JOB_VALID : JOB_LEFT_OUT_THERE;
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
