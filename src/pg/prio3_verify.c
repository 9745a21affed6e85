/*
 * prio3_verify.c
 *		Verifying reports of Prio3: from an input share to an output share.
 *
 * The functions of SQL have names that the core has, too: those in C begin with prio3_sql_.
 */
#include "prio3_state.h"

#include "base/bytes.h"

#include "access/detoast.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio3_sql_fingerprint);
PRIO_FUNCTION(prio3_sql_verify_init);
PRIO_FUNCTION(prio3_sql_share_error);
PRIO_FUNCTION(prio3_sql_verifier_share);
PRIO_FUNCTION(prio3_sql_verifier_message);
PRIO_FUNCTION(prio3_sql_verify_next);

const uint8_t *
prio_bytes_of_size(Datum datum, Size size)
{
	if (toast_raw_datum_size(datum) - VARHDRSZ != size)
		return NULL;
	return (const uint8_t *) VARDATA_ANY(DatumGetByteaPP(datum));
}

/* ------------------------------------------------------------------ fingerprint */

void
prio_prio3_fingerprint(const CachedServer *server, uint8_t fingerprint[PRIO_HASH_BYTES])
{
	static const char label[] = "prio3 fingerprint";
	const CachedPrio3 *prio3 = server->prio3;
	const Prio3Vdaf *vdaf = &prio3->vdaf;
	const Prio3Parameters *p = &vdaf->parameters;
	const DapTask *task = &prio3->task;
	Size size = sizeof(label) + 3 + (Size) 4 * 8 + vdaf->context_size + DAP_TASK_ID_BYTES + 8 +
		task->configuration_size;
	uint8_t *settings = palloc(size);
	uint8_t *at = settings;
	PrioStatus status;

	memcpy(at, label, sizeof(label));
	at += sizeof(label);
	*at++ = (uint8_t) p->draft;
	*at++ = (uint8_t) p->kind;
	*at++ = prio3->is_dap ? (uint8_t) task->version : 0;
	prio_store_le64(at, p->length);
	prio_store_le64(at + 8, p->chunk_length);
	prio_store_le64(at + 16, p->max);
	prio_store_le64(at + 24, vdaf->context_size);
	at += 32;
	memcpy(at, vdaf->context, vdaf->context_size);
	at += vdaf->context_size;
	if (prio3->is_dap)
	{
		memcpy(at, task->task_id, DAP_TASK_ID_BYTES);
		at += DAP_TASK_ID_BYTES;
		prio_store_le64(at, task->time_precision);
		at += 8;
		memcpy(at, task->configuration, task->configuration_size);
		at += task->configuration_size;
	}
	status = prio_sha256(settings, (Size) (at - settings), prio3->verify_key, vdaf->seed_size,
						 fingerprint);
	prio_wipe_stack();
	prio_check(status);
	pfree(settings);
}

/*
 * prio3_fingerprint(server text) -> bytea: 32 bytes that are the same on both servers if and only
 * if they verify alike. No secret: they may be compared.
 */
Datum
prio3_sql_fingerprint(PG_FUNCTION_ARGS)
{
	CachedServer *server = prio_lookup_prio3(PG_GETARG_TEXT_PP(0), true);
	bytea *result = prio_allocate_bytea(PRIO_HASH_BYTES);

	prio_prio3_fingerprint(server, (uint8_t *) VARDATA(result));
	PG_RETURN_BYTEA_P(result);
}

/* ------------------------------------------------------------------ verify_init */

Size
prio_verify_scratch(const CachedServer *server)
{
	return prio3_verify_init_scratch(&server->prio3->vdaf, server->role, 1);
}

PrioStatus
prio_verify_report(CachedServer *server, Prio3Report *report, void *scratch)
{
	const CachedPrio3 *prio3 = server->prio3;
	PrioStatus status = prio3_verify_init(&prio3->vdaf, server->role, prio3->verify_key,
										  report, 1, scratch, prio_cancelled);

	return status == PRIO_OK ? report->status : status;
}

/*
 * Verifies the report of a row: arguments 0 to 3 are server, nonce, public share and input share.
 * Returns PRIO_OK or what is wrong with the report; writes its state to *state unless that is
 * NULL. What cannot be of this VDAF for its mere size is not even fetched.
 */
static PrioStatus
verify_row(FunctionCallInfo fcinfo, bytea **state)
{
	CachedServer *server = prio_lookup_prio3(PG_GETARG_TEXT_PP(0), true);
	const Prio3Vdaf *vdaf = prio_vdaf_with_tables(server);
	Size share_size = vdaf->input_share_size[server->role];
	Prio3Report report = {.public_share_size = vdaf->public_share_size,
						  .input_share_size = share_size};
	PrioStatus status;

	report.nonce = prio_bytes_of_size(PG_GETARG_DATUM(1), PRIO3_NONCE_BYTES);
	report.public_share = prio_bytes_of_size(PG_GETARG_DATUM(2), vdaf->public_share_size);
	report.input_share = prio_bytes_of_size(PG_GETARG_DATUM(3), share_size);
	if (report.nonce == NULL || report.public_share == NULL || report.input_share == NULL)
		return PRIO_WRONG_LENGTH;
	if (state != NULL)
	{
		*state = prio_allocate_state(server);
		report.state = (uint8_t *) VARDATA(*state);
	}
	status = prio_verify_report(server, &report,
								prio_call_scratch(fcinfo, prio_verify_scratch(server)));
	prio_wipe_stack();
	prio_check(status);
	if (state != NULL && status == PRIO_OK)
		prio_complete_state(*state);
	return status;
}

/*
 * prio3_verify_init(server text, nonce bytea, public_share bytea, share bytea) ->
 * prio3_verify_state: expands an input share and queries its proof; NULL for a report that is
 * malformed (docs/prio3.md, "Prio3 around it").
 */
Datum
prio3_sql_verify_init(PG_FUNCTION_ARGS)
{
	bytea *state;

	if (verify_row(fcinfo, &state) != PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(state);
}

/*
 * prio3_share_error(server text, nonce bytea, public_share bytea, share bytea) -> text: why
 * prio3_verify_init() gives NULL; NULL when it does not.
 */
Datum
prio3_sql_share_error(PG_FUNCTION_ARGS)
{
	PrioStatus status = verify_row(fcinfo, NULL);

	if (status == PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(prio_status_text(status)));
}

/* ------------------------------------------------------------------ both servers */

/*
 * prio3_verifier_share(state prio3_verify_state) -> bytea: the message to the other server.
 */
Datum
prio3_sql_verifier_share(PG_FUNCTION_ARGS)
{
	Prio3State state;

	prio_state_from_datum(PG_GETARG_DATUM(0), &state);
	PG_RETURN_BYTEA_P(prio_bytea(state.verifier_share, state.vdaf.verifier_share_size));
}

/*
 * prio3_verifier_message(server text, verifier_share_a bytea, verifier_share_b bytea) -> bytea:
 * the message for both servers, which may be empty; NULL when the proof does not hold or a share
 * is malformed (docs/prio3.md, "The decision").
 */
Datum
prio3_sql_verifier_message(PG_FUNCTION_ARGS)
{
	const Prio3Vdaf *vdaf = &prio_lookup_prio3(PG_GETARG_TEXT_PP(0), false)->prio3->vdaf;
	Size size = vdaf->verifier_share_size;
	const uint8_t *share_a = prio_bytes_of_size(PG_GETARG_DATUM(1), size);
	const uint8_t *share_b = prio_bytes_of_size(PG_GETARG_DATUM(2), size);
	bytea *message = prio_allocate_bytea(vdaf->message_size);

	if (share_a == NULL || share_b == NULL ||
		prio3_verifier_message(vdaf, share_a, size, share_b, size,
							   (uint8_t *) VARDATA(message)) != PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(message);
}

/*
 * prio3_verify_next(state prio3_verify_state, message bytea) -> bytea: the output share; NULL when
 * the message does not fit the joint randomness that was used here.
 */
Datum
prio3_sql_verify_next(PG_FUNCTION_ARGS)
{
	Prio3State state;
	Prio3Finish report = {0};
	bytea *result;
	void *scratch;
	PrioStatus status;

	prio_whole_state_from_datum(PG_GETARG_DATUM(0), &state);
	report.message = prio_bytes_of_size(PG_GETARG_DATUM(1), state.vdaf.message_size);
	if (report.message == NULL)
		PG_RETURN_NULL();
	result = prio_allocate_bytea(state.vdaf.output_share_size);
	scratch = prio_call_scratch(fcinfo, prio3_verify_next_scratch(&state.vdaf, state.role, 1));
	report.joint_seed = state.joint_seed;
	report.secret = state.secret;
	report.message_size = state.vdaf.message_size;
	report.output_share = (uint8_t *) VARDATA(result);
	status = prio3_verify_next(&state.vdaf, state.role, &report, 1, scratch, prio_cancelled);
	prio_wipe_stack();
	prio_check(status);
	if (report.status != PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(result);
}
