/*
 * prio1_verifier.c
 *		Checking packets: the type prio_verifier and the two rounds.
 *
 * A prio_verifier is the stored form of the core and a CRC-32C over it. Its text leaves
 * out the packet's key, so that neither a log nor a dump holds it; its binary form, which
 * COPY and tables use, has it all.
 */
#include "prio.h"

#include "prio1_context.h"

#include "access/detoast.h"
#include "access/xact.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_verifier_in);
PRIO_FUNCTION(prio_verifier_out);
PRIO_FUNCTION(prio_verifier_recv);
PRIO_FUNCTION(prio_verifier_send);
PRIO_FUNCTION(prio_verifier);
PRIO_FUNCTION(prio_share_error);
PRIO_FUNCTION(prio_fingerprint);
PRIO_FUNCTION(prio_replay_key);
PRIO_FUNCTION(prio_verify1);
PRIO_FUNCTION(prio_verify2);
PRIO_FUNCTION(prio_is_valid);

/* The bytes of a prio_verifier behind its length word. */
#define STORED_BYTES (PRIO1_VERIFIER_BYTES + PRIO_CHECKSUM_BYTES)

static void
store_verifier(const Prio1Verifier *verifier, bool with_key, uint8_t stored[STORED_BYTES])
{
	prio1_verifier_store(verifier, with_key, stored);
	prio_write_checksum(stored, PRIO1_VERIFIER_BYTES);
}

/*
 * Raises an error with this SQLSTATE unless the bytes are a whole verifier. The check sum
 * stands at the end in every version: so what is damaged is not taken for another one.
 */
static void
load_verifier(const uint8_t *stored, Size size, int sqlstate, Prio1Verifier *verifier)
{
	Size body = size < PRIO_CHECKSUM_BYTES ? 0 : size - PRIO_CHECKSUM_BYTES;
	PrioStatus status = PRIO_MALFORMED;

	if (body > 0 && prio_has_checksum(stored, body))
		status = prio1_verifier_load(verifier, stored, body);
	if (status != PRIO_OK)
		prio_wipe(verifier, sizeof(*verifier));
	if (status == PRIO_OTHER_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("prio_verifier was stored by another version of the extension"),
				 errhint("Make it again with prio_verifier().")));
	if (status != PRIO_OK)
		ereport(ERROR,
				(errcode(sqlstate), errmsg("prio_verifier is damaged"),
				 errhint("Make it again with prio_verifier().")));
}

/* A verifier from outside, if it is one, and whether it has its packet's key. */
static Datum
checked_datum(const uint8_t *stored, Size size, int sqlstate, bool *has_key)
{
	Prio1Verifier verifier;

	load_verifier(stored, size, sqlstate, &verifier);
	*has_key = verifier.has_key;
	prio_wipe(&verifier, sizeof(verifier));
	return PointerGetDatum(prio_bytea(stored, size));
}

/*
 * Warns once a statement of a verifier without its packet's key: a dump, a foreign table or a
 * cast may have lost it without anybody's meaning to, which would show at the total and no
 * sooner. Of statements that are sent as one text, or run by a function, it is the whole.
 */
static void
warn_of_lost_key(void)
{
	static TimestampTz warned;

	if (warned == GetCurrentStatementStartTimestamp())
		return;
	warned = GetCurrentStatementStartTimestamp();
	ereport(WARNING,
			(errcode(ERRCODE_WARNING), errmsg("prio_verifier has lost its packet's key in text"),
			 errdetail("Both rounds go on with it, but it cannot be added up."),
			 errhint("Make it again with prio_verifier(), or move it in binary form: "
					 "COPY ... (FORMAT binary).")));
}

void
prio_verifier_from_datum(Datum datum, Prio1Verifier *verifier)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(datum);

	load_verifier((const uint8_t *) VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored),
				  ERRCODE_DATA_CORRUPTED, verifier);
}

/* ------------------------------------------------------------------ input and output */

/*
 * The text is that of bytea in hexadecimal.
 */
Datum
prio_verifier_in(PG_FUNCTION_ARGS)
{
	const char *text_form = PG_GETARG_CSTRING(0);
	Size length = strlen(text_form);
	Size size = length / 2; /* of the bytes, and one more for \x */
	uint8_t *stored = palloc(size);
	bool has_key;
	Datum result;

	if (strncmp(text_form, "\\x", 2) != 0 ||
		!prio_parse_hex(text_form + 2, length - 2, stored, size - 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "prio_verifier"),
				 errhint("Only prio_verifier() makes verifiers.")));
	result = checked_datum(stored, size - 1, ERRCODE_INVALID_TEXT_REPRESENTATION, &has_key);
	if (!has_key)
		warn_of_lost_key();
	PG_RETURN_DATUM(result);
}

/*
 * Leaves out the key of the packet: whoever reads this text, together with the packet,
 * would know the share.
 */
Datum
prio_verifier_out(PG_FUNCTION_ARGS)
{
	Prio1Verifier verifier;
	uint8_t stored[STORED_BYTES];
	char *result = palloc(2 + 2 * STORED_BYTES + 1);

	prio_verifier_from_datum(PG_GETARG_DATUM(0), &verifier);
	store_verifier(&verifier, false, stored);
	prio_wipe(&verifier, sizeof(verifier));
	memcpy(result, "\\x", 2);
	hex_encode((const char *) stored, STORED_BYTES, result + 2);
	result[2 + 2 * STORED_BYTES] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
prio_verifier_recv(PG_FUNCTION_ARGS)
{
	StringInfo buffer = (StringInfo) PG_GETARG_POINTER(0);
	int size = buffer->len - buffer->cursor;
	const uint8_t *stored = (const uint8_t *) pq_getmsgbytes(buffer, size);
	bool has_key;

	PG_RETURN_DATUM(
		checked_datum(stored, (Size) size, ERRCODE_INVALID_BINARY_REPRESENTATION, &has_key));
}

Datum
prio_verifier_send(PG_FUNCTION_ARGS)
{
	Prio1Verifier verifier;

	prio_verifier_from_datum(PG_GETARG_DATUM(0), &verifier);
	prio_wipe(&verifier, sizeof(verifier));
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

/* ------------------------------------------------------------------ opening */

/*
 * Opens the packet of a row. Returns PRIO_OK or a packet fault. What cannot be a packet
 * of this batch for its mere size is not even fetched.
 */
static PrioStatus
open_share(FunctionCallInfo fcinfo, int64 ordinal, Prio1Verifier *verifier)
{
	text *server_name = PG_GETARG_TEXT_PP(0);
	text *batch_id = PG_GETARG_TEXT_PP(1);
	PrioKeyPair *pair;
	const Prio1VerifierContext *context =
		prio_verifier_context(fcinfo, server_name, batch_id, PG_GETARG_INT32(2), ordinal, &pair);
	Datum datum = PG_GETARG_DATUM(3);
	Size size = toast_raw_datum_size(datum) - VARHDRSZ;
	bytea *share;
	uint8_t *plaintext;
	PrioStatus status;

	if (size > prio1_verifier_max_share(context->batch_id_size, context->weights.n))
		return PRIO_WRONG_LENGTH;

	share = DatumGetByteaPP(datum);
	plaintext = palloc(size);
	status = prio1_verifier_open(context, pair, (const uint8_t *) VARDATA_ANY(share),
								 VARSIZE_ANY_EXHDR(share), plaintext, verifier);
	prio_wipe_stack();
	pfree(plaintext);
	prio_check(status);
	if ((Pointer) share != DatumGetPointer(datum))
		pfree(share);
	return status;
}

/*
 * prio_verifier(server text, batch_id text, n_data int, share bytea, ordinal bigint
 * DEFAULT 0) -> prio_verifier: opens one packet and evaluates its polynomials; NULL for a
 * packet that is none (docs/protocol.md, "Server").
 */
Datum
prio_verifier(PG_FUNCTION_ARGS)
{
	bytea *result = prio_allocate_bytea(STORED_BYTES);
	Prio1Verifier verifier;

	if (open_share(fcinfo, PG_GETARG_INT64(4), &verifier) != PRIO_OK)
		PG_RETURN_NULL();
	store_verifier(&verifier, true, (uint8_t *) VARDATA(result));
	prio_wipe(&verifier, sizeof(verifier));
	PG_RETURN_BYTEA_P(result);
}

/*
 * prio_share_error(server text, batch_id text, n_data int, share bytea) -> text: why
 * prio_verifier() gives NULL; NULL when it does not.
 */
Datum
prio_share_error(PG_FUNCTION_ARGS)
{
	Prio1Verifier verifier;
	PrioStatus status = open_share(fcinfo, 0, &verifier);

	if (status == PRIO_OK)
	{
		prio_wipe(&verifier, sizeof(verifier));
		PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text(prio_status_text(status)));
}

/*
 * prio_fingerprint(server text, batch_id text, n_data int) -> bytea: 32 bytes that are the
 * same on both servers if and only if they will check packets of this batch alike: batch id,
 * n_data, variant of the generator and shared secret. No secret: they may be compared.
 */
Datum
prio_fingerprint(PG_FUNCTION_ARGS)
{
	PrioKeyPair *pair;
	const Prio1VerifierContext *context =
		prio_verifier_context(fcinfo, PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1),
							  PG_GETARG_INT32(2), 0, &pair);
	uint8_t fingerprint[PRIO_HASH_BYTES];

	prio_check(prio1_verifier_fingerprint(context, fingerprint));
	PG_RETURN_BYTEA_P(prio_bytea(fingerprint, sizeof(fingerprint)));
}

/*
 * prio_replay_key(share bytea) -> bytea: what every copy of a packet has in common, whoever
 * sealed it again (docs/protocol.md, "Replays"); NULL for what is too short to have it. No
 * more of the share is fetched.
 */
Datum
prio_replay_key(PG_FUNCTION_ARGS)
{
	bytea *key = PG_GETARG_BYTEA_P_SLICE(0, 0, PRIO1_REPLAY_KEY_BYTES);

	if (VARSIZE(key) - VARHDRSZ != PRIO1_REPLAY_KEY_BYTES)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(key);
}

/* ------------------------------------------------------------------ rounds */

/*
 * prio_verify1(prio_verifier) -> bytea: the message of round 1, at most 24 bytes.
 */
Datum
prio_verify1(PG_FUNCTION_ARGS)
{
	Prio1Verifier verifier;
	uint8_t message[PRIO1_VERIFY1_MAX_BYTES];
	Size size;

	prio_verifier_from_datum(PG_GETARG_DATUM(0), &verifier);
	size = prio1_verifier_verify1(&verifier, message);
	prio_wipe(&verifier, sizeof(verifier));
	PG_RETURN_BYTEA_P(prio_bytea(message, size));
}

/* Is a message longer than any? Then it is malformed, and not even fetched. */
static bool
is_too_long(Datum message, Size longest)
{
	return toast_raw_datum_size(message) - VARHDRSZ > longest;
}

/*
 * prio_verify2(prio_verifier, peer_verify1 bytea) -> bytea: the message of round 2, at
 * most 12 bytes; NULL when the peer's is malformed.
 */
Datum
prio_verify2(PG_FUNCTION_ARGS)
{
	bytea *peer;
	Prio1Verifier verifier;
	uint8_t message[PRIO1_VERIFY2_MAX_BYTES];
	Size size;
	PrioStatus status;

	if (is_too_long(PG_GETARG_DATUM(1), PRIO1_VERIFY1_MAX_BYTES))
		PG_RETURN_NULL();
	peer = PG_GETARG_BYTEA_PP(1);
	prio_verifier_from_datum(PG_GETARG_DATUM(0), &verifier);
	status = prio1_verifier_verify2(&verifier, (const uint8_t *) VARDATA_ANY(peer),
									VARSIZE_ANY_EXHDR(peer), message, &size);
	prio_wipe(&verifier, sizeof(verifier));
	prio_check(status);
	if (status != PRIO_OK)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(prio_bytea(message, size));
}

/*
 * prio_is_valid(verify2_a bytea, verify2_b bytea) -> boolean: do both messages together
 * accept the packet? False for a malformed one.
 */
Datum
prio_is_valid(PG_FUNCTION_ARGS)
{
	bytea *a;
	bytea *b;
	bool valid;

	if (is_too_long(PG_GETARG_DATUM(0), PRIO1_VERIFY2_MAX_BYTES) ||
		is_too_long(PG_GETARG_DATUM(1), PRIO1_VERIFY2_MAX_BYTES))
		PG_RETURN_BOOL(false);
	a = PG_GETARG_BYTEA_PP(0);
	b = PG_GETARG_BYTEA_PP(1);
	prio_check(prio1_verifier_is_valid((const uint8_t *) VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a),
									   (const uint8_t *) VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b),
									   &valid));
	PG_RETURN_BOOL(valid);
}
