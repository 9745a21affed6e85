/*
 * prio3_client.c
 *		The client of Prio3 in SQL: a measurement in, shares out.
 */
#include "prio3_measurement.h"

#include "options.h"

#include "prio3/client.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"

PRIO_FUNCTION(prio3_sql_verify_key);
PRIO_FUNCTION(prio3_sql_chunk_length);
PRIO_FUNCTION(prio3_sql_shard_bigint);
PRIO_FUNCTION(prio3_sql_shard_bigints);
PRIO_FUNCTION(prio3_sql_shard_booleans);

/*
 * prio3_verify_key() -> bytea: 32 random bytes, for the two servers alone. Of draft 8 the first 16
 * are enough.
 */
Datum
prio3_sql_verify_key(PG_FUNCTION_ARGS)
{
	bytea *key = prio_allocate_bytea(PRIO3_MAX_SEED_BYTES);
	PrioStatus status = prio_random((uint8_t *) VARDATA(key), PRIO3_MAX_SEED_BYTES);

	prio_wipe_stack();
	prio_check(status);
	PG_RETURN_BYTEA_P(key);
}

/*
 * prio3_chunk_length(elements int) -> int: the chunk length that makes shares smallest, for so many
 * elements of a measurement (docs/prio3.md, "Chunk length").
 */
Datum
prio3_sql_chunk_length(PG_FUNCTION_ARGS)
{
	int32 elements = PG_GETARG_INT32(0);

	if (elements < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of elements is out of range"),
				 errdetail("It must be at least 1, not %d.", elements)));
	PG_RETURN_INT32((int32) prio3_optimal_chunk_length((uint64) elements));
}

/* ------------------------------------------------------------------ measurements */

/* What a measurement of a VDAF is, in words. */
static const char *
measurement_words(const Prio3Vdaf *vdaf)
{
	const Prio3Parameters *p = &vdaf->parameters;

	switch (p->kind)
	{
		case PRIO3_COUNT:
			return "A measurement of Prio3Count is a bigint, 0 or 1.";
		case PRIO3_SUM:
			return psprintf("A measurement of this Prio3Sum is a bigint from 0 to " UINT64_FORMAT
							".",
							p->max);
		case PRIO3_SUM_VEC:
			return psprintf("A measurement of this Prio3SumVec is a bigint[] of " UINT64_FORMAT
							" integers from 0 to " UINT64_FORMAT ".",
							p->length, p->max);
		case PRIO3_HISTOGRAM:
			return psprintf("A measurement of this Prio3Histogram is a bigint, the number of a "
							"bucket from 0 to " UINT64_FORMAT ".",
							p->length - 1);
		case PRIO3_MULTIHOT_COUNT_VEC:
			return psprintf("A measurement of this Prio3MultihotCountVec is a boolean[] of " UINT64_FORMAT
							" entries, of which at most " UINT64_FORMAT " are true.",
							p->length, p->max);
		case PRIO3_L1_BOUND_SUM:
			return psprintf("A measurement of this Prio3L1BoundSum is a bigint[] of " UINT64_FORMAT
							" integers from 0, together at most " UINT64_FORMAT ".",
							p->length, p->max);
	}
	return "There is no such VDAF.";
}

static PrioMeasurement
measurement_type(Prio3Kind kind)
{
	switch (kind)
	{
		case PRIO3_SUM_VEC:
		case PRIO3_L1_BOUND_SUM:
			return PRIO_BIGINTS;
		case PRIO3_MULTIHOT_COUNT_VEC:
			return PRIO_BOOLEANS;
		default:
			return PRIO_BIGINT;
	}
}

/* The array in an argument, with as many entries as the VDAF has it. */
static ArrayType *
array_arg(FunctionCallInfo fcinfo, int argument, const Prio3Vdaf *vdaf)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("measurement must be a one-dimensional array")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("measurement must not contain nulls")));
	if ((Size) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != vdaf->measurement_len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("measurement has the wrong length"),
				 errdetail("%s", measurement_words(vdaf))));
	return array;
}

/* Writes the integers of a measurement; true if all of them are at least 0. */
static bool
fill_measurement(uint64_t *out, Size count, PrioMeasurement type, const void *values)
{
	uint64_t all = 0;

	for (Size i = 0; i < count; i++)
	{
		out[i] = type == PRIO_BOOLEANS ? ((const bool *) values)[i] :
										 (uint64_t) ((const int64 *) values)[i];
		all |= out[i];
	}
	return all >> 63 == 0;
}

/*
 * From where the measurement is copied nothing raises an error until everything but the shares is
 * wiped.
 */
void
prio_shard_measurement(FunctionCallInfo fcinfo, CachedServer *server, int argument,
					   PrioMeasurement type, const uint8_t nonce[PRIO3_NONCE_BYTES],
					   uint8_t *public_share, uint8_t *const input_share[2])
{
	const Prio3Vdaf *vdaf = prio_vdaf_with_tables(server);
	Size count = vdaf->measurement_len;
	void *scratch;
	uint64_t *measurement;
	int64 integer = 0;
	const void *values = &integer;
	uint8_t rand[4 * PRIO3_MAX_SEED_BYTES];
	PrioStatus status;

	if (type != measurement_type(vdaf->parameters.kind))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("measurement has the wrong type"),
				 errdetail("%s", measurement_words(vdaf)),
				 errhint("Cast it: the type of the argument says which function is meant.")));
	if (type == PRIO_BIGINT)
		integer = PG_GETARG_INT64(argument);
	else
		values = ARR_DATA_PTR(array_arg(fcinfo, argument, vdaf));
	scratch = prio_call_scratch(fcinfo, prio3_shard_scratch(vdaf));
	measurement = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(uint64_t));

	Assert(vdaf->rand_size <= sizeof(rand));
	status = prio_random(rand, vdaf->rand_size);
	if (status == PRIO_OK)
		status =
			fill_measurement(measurement, count, type, values) ? PRIO_OK : PRIO_OUT_OF_RANGE;
	if (status == PRIO_OK)
		status = prio3_shard(vdaf, measurement, nonce, rand, public_share, input_share,
							 scratch, prio_cancelled);
	prio_wipe(rand, sizeof(rand));
	prio_wipe(measurement, count * sizeof(uint64_t));
	prio_wipe(&integer, sizeof(integer));
	pfree(measurement);
	prio_wipe_stack();
	if (status == PRIO_OK)
		return;
	for (int role = PRIO_A; role <= PRIO_B; role++)
		prio_wipe(input_share[role], vdaf->input_share_size[role]);
	prio_check(status);
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("measurement is out of range"), errdetail("%s", measurement_words(vdaf))));
}

/* ------------------------------------------------------------------ prio3_shard */

/* The nonce that was given, or a fresh one. */
static bytea *
nonce_arg(FunctionCallInfo fcinfo, int argument)
{
	bytea *nonce;

	if (PG_ARGISNULL(argument))
	{
		nonce = prio_allocate_bytea(PRIO3_NONCE_BYTES);
		prio_check(prio_random((uint8_t *) VARDATA(nonce), PRIO3_NONCE_BYTES));
		return nonce;
	}
	nonce = PG_GETARG_BYTEA_P_COPY(argument);
	if (VARSIZE(nonce) - VARHDRSZ != PRIO3_NONCE_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("length of nonce is wrong"),
				 errdetail("A nonce has %d bytes, not %zu.", PRIO3_NONCE_BYTES,
						   (Size) VARSIZE(nonce) - VARHDRSZ)));
	return nonce;
}

/*
 * prio3_shard(server text, measurement ..., nonce bytea DEFAULT NULL, OUT nonce bytea, OUT
 * public_share bytea, OUT share_a bytea, OUT share_b bytea): what a client does.
 */
static Datum
shard(FunctionCallInfo fcinfo, PrioMeasurement type)
{
	CachedServer *server;
	const Prio3Vdaf *vdaf;
	bytea *nonce;
	bytea *public_share;
	bytea *share[2];
	uint8_t *input_share[2];
	TupleDesc row_type;
	Datum values[4];
	bool nulls[4] = {false};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	server = prio_lookup_prio3(PG_GETARG_TEXT_PP(0), false);
	vdaf = &server->prio3->vdaf;
	nonce = nonce_arg(fcinfo, 2);
	public_share = prio_allocate_bytea(vdaf->public_share_size);
	for (int role = PRIO_A; role <= PRIO_B; role++)
	{
		share[role] = prio_allocate_bytea(vdaf->input_share_size[role]);
		input_share[role] = (uint8_t *) VARDATA(share[role]);
	}
	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	prio_shard_measurement(fcinfo, server, 1, type, (const uint8_t *) VARDATA(nonce),
						   (uint8_t *) VARDATA(public_share), input_share);
	values[0] = PointerGetDatum(nonce);
	values[1] = PointerGetDatum(public_share);
	values[2] = PointerGetDatum(share[PRIO_A]);
	values[3] = PointerGetDatum(share[PRIO_B]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls));
}

/*
 * prio3_shard(..., measurement bigint, ...)
 */
Datum
prio3_sql_shard_bigint(PG_FUNCTION_ARGS)
{
	return shard(fcinfo, PRIO_BIGINT);
}

/*
 * prio3_shard(..., measurement bigint[], ...)
 */
Datum
prio3_sql_shard_bigints(PG_FUNCTION_ARGS)
{
	return shard(fcinfo, PRIO_BIGINTS);
}

/*
 * prio3_shard(..., measurement boolean[], ...)
 */
Datum
prio3_sql_shard_booleans(PG_FUNCTION_ARGS)
{
	return shard(fcinfo, PRIO_BOOLEANS);
}
