/*
 * keys.c
 *		Fresh keys and secrets.
 */
#include "prio.h"

#include "funcapi.h"

PG_FUNCTION_INFO_V1(prio_keygen);
PG_FUNCTION_INFO_V1(prio_shared_secret);

/*
 * prio_keygen(OUT private_key bytea, OUT public_key bytea): a fresh X25519 key pair, 32
 * bytes each (PROTOCOL.md, "Keys and sealing").
 */
Datum
prio_keygen(PG_FUNCTION_ARGS)
{
	TupleDesc row_type;
	Datum values[2];
	bool nulls[2] = {false, false};
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key[PRIO_KEY_BYTES];

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	prio_check(nss_generate_key(private_key, public_key));
	values[0] = PointerGetDatum(prio_bytea(private_key, sizeof(private_key)));
	values[1] = PointerGetDatum(prio_bytea(public_key, sizeof(public_key)));
	prio_wipe(private_key, sizeof(private_key));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls)));
}

/*
 * prio_shared_secret() -> bytea: 16 random bytes, for the two servers alone.
 */
Datum
prio_shared_secret(PG_FUNCTION_ARGS)
{
	bytea *secret = palloc(VARHDRSZ + PRG_SEED_BYTES);

	SET_VARSIZE(secret, VARHDRSZ + PRG_SEED_BYTES);
	prio_check(nss_random((uint8_t *) VARDATA(secret), PRG_SEED_BYTES));
	PG_RETURN_BYTEA_P(secret);
}
