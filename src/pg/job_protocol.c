/*
 * job_protocol.c
 *		What a server speaks, and what follows from that for the sizes of shares and messages.
 */
#include "job.h"

#include "prio1_context.h"

#include "foreign/foreign.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_longest_share);
PRIO_FUNCTION(prio_job_longest_entry);
PRIO_FUNCTION(prio_job_decoy);

JobProtocol
prio_job_protocol(const text *server_name)
{
	/* A server has no option yet that says so: all speak v1. */
	(void) GetForeignServerByName(text_to_cstring(server_name), false);
	return JOB_PRIO1;
}

static void
check_round(int32 round)
{
	if (round != 1 && round != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no round %d", round),
				 errdetail("A batch has rounds 1 and 2.")));
}

/*
 * longest_share(server text, packet_batch_id text, n_data int) -> int: bytes of the longest
 * share that open_shares() looks into (docs/protocol.md, "Wire format").
 */
Datum
prio_job_longest_share(PG_FUNCTION_ARGS)
{
	int32 n_data = PG_GETARG_INT32(2);
	Size batch_id_size = 0;

	(void) prio_job_protocol(PG_GETARG_TEXT_PP(0));
	prio_check_n_data(n_data);
	(void) prio_batch_id(PG_GETARG_TEXT_PP(1), &batch_id_size);
	PG_RETURN_INT32((int32) prio1_verifier_max_share(batch_id_size, (Size) n_data));
}

/*
 * longest_entry(server text, n_data int, round int) -> int: bytes of the longest entry of a
 * message of this round.
 */
Datum
prio_job_longest_entry(PG_FUNCTION_ARGS)
{
	int32 round = PG_GETARG_INT32(2);

	(void) prio_job_protocol(PG_GETARG_TEXT_PP(0));
	prio_check_n_data(PG_GETARG_INT32(1));
	check_round(round);
	PG_RETURN_INT32(round == 1 ? (int32) PRIO1_VERIFY1_MAX_BYTES :
								 (int32) PRIO1_VERIFY2_MAX_BYTES);
}

/*
 * decoy(server text, round int) -> bytea: a message about nothing, which looks like any other.
 */
Datum
prio_job_decoy(PG_FUNCTION_ARGS)
{
	int32 round = PG_GETARG_INT32(1);
	uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
	Size size = 0;

	(void) prio_job_protocol(PG_GETARG_TEXT_PP(0));
	check_round(round);
	prio_check(prio1_verifier_decoy(round, message, &size));
	PG_RETURN_BYTEA_P(prio_bytea(message, size));
}
