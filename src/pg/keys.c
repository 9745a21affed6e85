/*
 * keys.c
 *		Fresh keys and secrets.
 */
#include "prio.h"

#include "funcapi.h"

PRIO_FUNCTION(prio_keygen);
PRIO_FUNCTION(prio_shared_secret);

/*
 * prio_keygen(OUT private_key bytea, OUT public_key bytea): a fresh X25519 key pair, 32
 * bytes each (docs/protocol.md, "Keys and sealing").
 */
Datum
prio_keygen(PG_FUNCTION_ARGS)
{
	TupleDesc row_type;
	Datum values[2];
	bool nulls[2] = {false, false};
	bytea *private_key = prio_allocate_bytea(PRIO_KEY_BYTES);
	bytea *public_key = prio_allocate_bytea(PRIO_KEY_BYTES);
	HeapTuple row;
	PrioStatus status;

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	status =
		prio_key_generate((uint8_t *) VARDATA(private_key), (uint8_t *) VARDATA(public_key));
	prio_wipe_stack();
	prio_check(status);
	values[0] = PointerGetDatum(private_key);
	values[1] = PointerGetDatum(public_key);
	row = heap_form_tuple(BlessTupleDesc(row_type), values, nulls);
	prio_wipe(VARDATA(private_key), PRIO_KEY_BYTES); /* the row has a copy */
	PG_RETURN_DATUM(HeapTupleGetDatum(row));
}

/*
 * prio_shared_secret() -> bytea: 16 random bytes, for the two servers alone.
 */
Datum
prio_shared_secret(PG_FUNCTION_ARGS)
{
	bytea *secret = prio_allocate_bytea(PRIO1_SEED_BYTES);
	PrioStatus status = prio_random((uint8_t *) VARDATA(secret), PRIO1_SEED_BYTES);

	prio_wipe_stack();
	prio_check(status);
	PG_RETURN_BYTEA_P(secret);
}
