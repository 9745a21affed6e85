/*
 * prio3_state.c
 *		The type prio3_verify_state: what a server keeps of a report between verify_init and
 *		verify_next.
 *
 * It is the state of the core (docs/prio3.md, "State") and a CRC-32C over it. Its text leaves out
 * the secret at the end, so that neither a log nor a dump holds it; its binary form, which
 * COPY and tables use, has it all.
 */
#include "prio3_state.h"

#include "prio3/state.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio3_verify_state_in);
PRIO_FUNCTION(prio3_verify_state_out);
PRIO_FUNCTION(prio3_verify_state_recv);
PRIO_FUNCTION(prio3_verify_state_send);

bytea *
prio_allocate_state(const CachedServer *server)
{
	return prio_allocate_bytea(prio3_state_size(&server->prio3->vdaf, server->role) +
							   PRIO_CHECKSUM_BYTES);
}

void
prio_complete_state(bytea *state)
{
	prio_write_checksum((uint8_t *) VARDATA(state),
						VARSIZE(state) - VARHDRSZ - PRIO_CHECKSUM_BYTES);
}

/*
 * Takes a stored state apart, with its secret or without. Raises an error with this SQLSTATE unless
 * the bytes are one. The check sum stands at the end in every version: so what is damaged is not
 * taken for another one.
 */
static void
load_state(const uint8_t *stored, Size size, int sqlstate, Prio3State *state)
{
	Size body = size < PRIO_CHECKSUM_BYTES ? 0 : size - PRIO_CHECKSUM_BYTES;
	PrioStatus status = PRIO_MALFORMED;

	if (body > 0 && prio_has_checksum(stored, body))
	{
		status = prio3_state_read(stored, body, state);
		if (status == PRIO_MALFORMED)
			status = prio3_state_read_shown(stored, body, state);
	}
	if (status == PRIO_OTHER_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("prio3_verify_state was stored by another version of the extension"),
				 errhint("Make it again with prio3_verify_init() or dap_verify_init().")));
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(sqlstate), errmsg("prio3_verify_state is damaged"),
				 errhint("Make it again with prio3_verify_init() or dap_verify_init().")));
}

void
prio_state_from_datum(Datum datum, Prio3State *state)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(datum);

	load_state((const uint8_t *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored),
			   ERRCODE_DATA_CORRUPTED, state);
}

void
prio_whole_state_from_datum(Datum datum, Prio3State *state)
{
	prio_state_from_datum(datum, state);
	if (state->secret == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("prio3_verify_state has no secret"),
				 errdetail("It came from its text form, which leaves the secret out."),
				 errhint("Make it again with prio3_verify_init() or dap_verify_init().")));
}

/*
 * Warns once a statement: a dump, a foreign table or a cast may have lost the secret without
 * anybody's meaning to, which would show at the aggregate share and no sooner.
 */
static void
warn_of_lost_secret(void)
{
	static TimestampTz warned;

	if (warned == GetCurrentStatementStartTimestamp())
		return;
	warned = GetCurrentStatementStartTimestamp();
	ereport(WARNING,
			(errcode(ERRCODE_WARNING), errmsg("prio3_verify_state has lost its secret in text"),
			 errdetail("It still gives its verifier share, but no output share."),
			 errhint("Make it again with prio3_verify_init() or dap_verify_init(), or move it in "
					 "binary form: COPY ... (FORMAT binary).")));
}

/* ------------------------------------------------------------------ input and output */

/*
 * The text is that of bytea in hexadecimal.
 */
Datum
prio3_verify_state_in(PG_FUNCTION_ARGS)
{
	const char *text_form = PG_GETARG_CSTRING(0);
	Size length = strlen(text_form);
	Size size = length < 2 ? 0 : (length - 2) / 2;
	bytea *result = prio_allocate_bytea(size);
	Prio3State state;

	if (strncmp(text_form, "\\x", 2) != 0 ||
		!prio_parse_hex(text_form + 2, length - 2, (uint8_t *) VARDATA(result), size))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "prio3_verify_state"),
				 errhint("Only prio3_verify_init() and dap_verify_init() make states.")));
	load_state((const uint8_t *) VARDATA(result), size, ERRCODE_INVALID_TEXT_REPRESENTATION,
			   &state);
	if (state.secret == NULL)
		warn_of_lost_secret();
	PG_RETURN_BYTEA_P(result);
}

/*
 * Leaves out the secret: a server's part of the measurement, or the seed of it.
 */
Datum
prio3_verify_state_out(PG_FUNCTION_ARGS)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	Prio3State state;
	Size body;
	uint8_t *shown;
	char *result;

	prio_state_from_datum(PointerGetDatum(stored), &state);
	body = prio3_state_size(&state.vdaf, state.role) -
		prio3_state_secret_size(&state.vdaf, state.role);
	shown = palloc(body + PRIO_CHECKSUM_BYTES);
	memcpy(shown, VARDATA_ANY(stored), body);
	prio_write_checksum(shown, body);

	body += PRIO_CHECKSUM_BYTES;
	result = palloc(2 + 2 * body + 1);
	memcpy(result, "\\x", 2);
	hex_encode((const char *) shown, body, result + 2);
	result[2 + 2 * body] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
prio3_verify_state_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	int size = buffer->len - buffer->cursor;
	const uint8_t *stored = (const uint8_t *) pq_getmsgbytes(buffer, size);
	Prio3State state;

	load_state(stored, (Size) size, ERRCODE_INVALID_BINARY_REPRESENTATION, &state);
	PG_RETURN_BYTEA_P(prio_bytea(stored, (Size) size));
}

Datum
prio3_verify_state_send(PG_FUNCTION_ARGS)
{
	Prio3State state;

	prio_state_from_datum(PG_GETARG_DATUM(0), &state);
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
