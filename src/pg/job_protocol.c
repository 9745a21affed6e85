/*
 * job_protocol.c
 *		What a server speaks, and what follows from that for the sizes of shares and messages.
 */
#include "job.h"

#include "options.h"
#include "prio1/packet.h"
#include "prio1/seal.h"
#include "prio1_context.h"

#include "foreign/foreign.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_protocol_name);
PRIO_FUNCTION(prio_job_longest_share);
PRIO_FUNCTION(prio_job_longest_header);
PRIO_FUNCTION(prio_job_usual_share);
PRIO_FUNCTION(prio_job_longest_entry);
PRIO_FUNCTION(prio_job_decoy);

static JobProtocol
protocol_of(const ForeignServer *server)
{
	if (prio_option(server->options, "vdaf") == NULL)
		return JOB_PRIO1;
	return prio_option(server->options, "dap") == NULL ? JOB_PRIO3 : JOB_DAP;
}

JobProtocol
prio_job_protocol(const text *server_name)
{
	return protocol_of(GetForeignServerByName(text_to_cstring(server_name), false));
}

PrioRole
prio_job_role(const text *server_name)
{
	return prio_role_option(GetForeignServerByName(text_to_cstring(server_name), false)->options);
}

const char *
prio_job_option(const text *server_name, const char *option)
{
	return prio_option(GetForeignServerByName(text_to_cstring(server_name), false)->options,
					   option);
}

/*
 * protocol(server text) -> text: v1, Prio3 or DAP; NULL if there is no such server.
 */
Datum
prio_job_protocol_name(PG_FUNCTION_ARGS)
{
	ForeignServer *server = GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);

	if (server == NULL)
		PG_RETURN_NULL();
	switch (protocol_of(server))
	{
		case JOB_PRIO3:
			PG_RETURN_TEXT_P(cstring_to_text("Prio3"));
		case JOB_DAP:
			PG_RETURN_TEXT_P(cstring_to_text("DAP"));
		default:
			PG_RETURN_TEXT_P(cstring_to_text("v1"));
	}
}

static void
check_round(int32 round, int32 last)
{
	if (round < 1 || round > last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no round %d", round),
				 errdetail("A batch has rounds 1 and 2.")));
}

/* What the sizes of a v1 share follow from: arguments 1 and 2. */
static void
v1_arguments(FunctionCallInfo fcinfo, int32 *n_data, Size *batch_id_size)
{
	prio_job_require(fcinfo, 1, "packet_batch_id");
	prio_job_require(fcinfo, 2, "n_data");
	*n_data = PG_GETARG_INT32(2);
	prio_check_n_data(*n_data);
	(void) prio_batch_id(PG_GETARG_TEXT_PP(1), batch_id_size);
}

/*
 * longest_share(server text, packet_batch_id text, n_data int) -> int: bytes of the longest
 * share that open_shares() looks into (docs/protocol.md, "Wire format"). Prio3 knows no batch id
 * and no n_data.
 */
Datum
prio_job_longest_share(PG_FUNCTION_ARGS)
{
	int32 n_data;
	Size batch_id_size;

	prio_job_require(fcinfo, 0, "server");
	if (prio_job_protocol(PG_GETARG_TEXT_PP(0)) != JOB_PRIO1)
		PG_RETURN_INT32((int32) prio_job_prio3_longest_share(PG_GETARG_TEXT_PP(0)));
	v1_arguments(fcinfo, &n_data, &batch_id_size);
	PG_RETURN_INT32((int32) prio1_verifier_max_share(batch_id_size, (Size) n_data));
}

/*
 * longest_header(server text) -> int: bytes of the longest header that open_shares() looks into; 0
 * if shares of this server have none.
 */
Datum
prio_job_longest_header(PG_FUNCTION_ARGS)
{
	const text *server = PG_GETARG_TEXT_PP(0);

	if (prio_job_protocol(server) == JOB_PRIO1)
		PG_RETURN_INT32(0);
	PG_RETURN_INT32((int32) prio_job_prio3_longest_header(server));
}

/*
 * usual_share(server text, packet_batch_id text, n_data int) -> int: about the bytes of an honest
 * share, and of the header beside it.
 */
Datum
prio_job_usual_share(PG_FUNCTION_ARGS)
{
	int32 n_data;
	Size batch_id_size;

	prio_job_require(fcinfo, 0, "server");
	if (prio_job_protocol(PG_GETARG_TEXT_PP(0)) != JOB_PRIO1)
		PG_RETURN_INT32((int32) prio_job_prio3_usual_share(PG_GETARG_TEXT_PP(0)));
	v1_arguments(fcinfo, &n_data, &batch_id_size);
	PG_RETURN_INT32((int32) (prio1_packet_max_plaintext(prio_job_role(PG_GETARG_TEXT_PP(0)),
														batch_id_size, (Size) n_data) +
							 PRIO1_SEAL_OVERHEAD));
}

/*
 * longest_entry(server text, n_data int, round int) -> int: bytes of the longest entry of a
 * message of this round; of round 3, of a total share.
 */
Datum
prio_job_longest_entry(PG_FUNCTION_ARGS)
{
	int32 round;

	prio_job_require(fcinfo, 0, "server");
	prio_job_require(fcinfo, 2, "round");
	round = PG_GETARG_INT32(2);
	check_round(round, 3);
	if (prio_job_protocol(PG_GETARG_TEXT_PP(0)) != JOB_PRIO1)
		PG_RETURN_INT32((int32) prio_job_prio3_longest_entry(PG_GETARG_TEXT_PP(0), round));
	prio_job_require(fcinfo, 1, "n_data");
	prio_check_n_data(PG_GETARG_INT32(1));
	if (round == 3)
		PG_RETURN_INT32((int32) prio1_total_max_message((Size) PG_GETARG_INT32(1)));
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

	check_round(round, 2);
	if (prio_job_protocol(PG_GETARG_TEXT_PP(0)) != JOB_PRIO1)
		PG_RETURN_BYTEA_P(prio_job_prio3_decoy(PG_GETARG_TEXT_PP(0), round));
	prio_check(prio1_verifier_decoy(round, message, &size));
	PG_RETURN_BYTEA_P(prio_bytea(message, size));
}
