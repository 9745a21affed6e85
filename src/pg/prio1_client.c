/*
 * prio1_client.c
 *		The client in SQL: data in, two sealed shares out.
 */
#include "prio.h"

#include "options.h"
#include "prio1_context.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/varbit.h"

PRIO_FUNCTION(prio_encode);
PRIO_FUNCTION(prio_encode_varbit);
PRIO_FUNCTION(prio_encode_uint);

/* What a call site keeps between rows: tables that depend on n alone. */
typedef struct ClientTables
{
	Prio1Client client;
	Field87 *memory;
} ClientTables;

/* The tables for n data fields, made anew only when n is not that of the row before. */
static const Prio1Client *
client_tables(FunctionCallInfo fcinfo, Size n)
{
	ClientTables *tables = fcinfo->flinfo->fn_extra;

	if (tables == NULL)
		fcinfo->flinfo->fn_extra = tables =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ClientTables));
	if (tables->client.n == n)
		return &tables->client;

	tables->client.n = 0;
	if (tables->memory != NULL)
		pfree(tables->memory);
	tables->memory = NULL;
	tables->memory =
		MemoryContextAllocHuge(fcinfo->flinfo->fn_mcxt, prio_coset87_size(n) * sizeof(Field87));
	prio_check(prio1_client_init(&tables->client, n, tables->memory, prio_cancelled));
	return &tables->client;
}

static const uint8_t *
public_key_arg(FunctionCallInfo fcinfo, int argument, const char *name)
{
	bytea *key = PG_GETARG_BYTEA_PP(argument);

	if (VARSIZE_ANY_EXHDR(key) != PRIO_KEY_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("length of %s is wrong", name),
				 errdetail("A public key has %d bytes, not %zu.", PRIO_KEY_BYTES,
						   VARSIZE_ANY_EXHDR(key))));
	return (const uint8_t *) VARDATA_ANY(key);
}

/* Raises an error unless the array has one dimension, or none, and no NULL in it. */
static void
check_array(ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("data must be a one-dimensional array")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("data must not contain nulls"),
				 errhint(
					 "What a client does not know is false, or zero: a missing value would tell something about it.")));
}

static Field87 *
allocate_elements(Size count)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(Field87));
}

/* Raises the error for a seal() that failed. */
static void
check_seal(PrioStatus status, const char *name)
{
	if (status == PRIO_MISMATCH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a usable public key", name)));
	prio_check(status);
}

/* Writes the n elements of the data, each zero or one: `bits` of them for every value. */
typedef void (*FillData)(Field87 *data, Size n, const void *values, int bits);

/*
 * The rest of all three functions: arguments 0 to 2 are the public keys and the batch id.
 * From where the data become elements nothing raises an error until all of it is wiped.
 */
static Datum
encode(FunctionCallInfo fcinfo, Size n, int prg_argument, FillData fill, const void *values,
	   int bits)
{
	const uint8_t *public_key_a = public_key_arg(fcinfo, 0, "public_key_a");
	const uint8_t *public_key_b = public_key_arg(fcinfo, 1, "public_key_b");
	Size batch_id_size;
	const uint8_t *batch_id = prio_batch_id(PG_GETARG_TEXT_PP(2), &batch_id_size);
	Prio1PrgVariant variant = prio_prg_variant(text_to_cstring(PG_GETARG_TEXT_PP(prg_argument)));
	const Prio1Client *client = client_tables(fcinfo, n);
	Size size_a = prio1_packet_max_plaintext(PRIO_A, batch_id_size, n);
	Size size_b = prio1_packet_max_plaintext(PRIO_B, batch_id_size, n);
	Size plaintext_size = size_a + size_b;
	uint8_t *plaintext_a = palloc(plaintext_size);
	uint8_t *plaintext_b = plaintext_a + size_a;
	bytea *share_a = palloc(VARHDRSZ + size_a + PRIO1_SEAL_OVERHEAD);
	bytea *share_b = palloc(VARHDRSZ + size_b + PRIO1_SEAL_OVERHEAD);
	Field87 *data = allocate_elements(n);
	Field87 *scratch = allocate_elements(prio1_client_scratch_size(n));
	TupleDesc row_type;
	Datum shares[2];
	bool nulls[2] = {false, false};
	PrioStatus status;
	PrioStatus status_a = PRIO_OK;
	PrioStatus status_b = PRIO_OK;

	fill(data, n, values, bits);
	status = prio1_client_packets(client, variant, batch_id, batch_id_size, data, plaintext_a,
								  &size_a, plaintext_b, &size_b, scratch, prio_cancelled);
	prio_wipe(data, n * sizeof(Field87));
	if (status == PRIO_OK)
	{
		status_a = prio1_seal(public_key_a, plaintext_a, size_a, (uint8_t *) VARDATA(share_a));
		status_b = prio1_seal(public_key_b, plaintext_b, size_b, (uint8_t *) VARDATA(share_b));
	}
	prio_wipe(plaintext_a, plaintext_size);
	prio_wipe_stack();
	prio_check(status);
	check_seal(status_a, "public_key_a");
	check_seal(status_b, "public_key_b");
	pfree(data);
	pfree(scratch);
	pfree(plaintext_a);

	SET_VARSIZE(share_a, VARHDRSZ + size_a + PRIO1_SEAL_OVERHEAD);
	SET_VARSIZE(share_b, VARHDRSZ + size_b + PRIO1_SEAL_OVERHEAD);
	shares[0] = PointerGetDatum(share_a);
	shares[1] = PointerGetDatum(share_b);
	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), shares, nulls));
}

static void
fill_from_booleans(Field87 *data, Size n, const void *values, int bits)
{
	for (Size i = 0; i < n; i++)
		data[i] = field87_from_integer(((const bool *) values)[i]);
}

static void
fill_from_bits(Field87 *data, Size n, const void *values, int bits)
{
	for (Size i = 0; i < n; i++)
		data[i] = field87_from_integer(((const bits8 *) values)[i / BITS_PER_BYTE] >>
										   (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE) &
									   1);
}

static void
fill_from_integers(Field87 *data, Size n, const void *values, int bits)
{
	for (Size j = 0; j < n / (Size) bits; j++)
		for (int i = 0; i < bits; i++)
			data[j * (Size) bits + (Size) i] =
				field87_from_integer(((const uint64 *) values)[j] >> (bits - 1 - i) & 1);
}

/*
 * prio_encode(public_key_a bytea, public_key_b bytea, batch_id text, data boolean[],
 * prg text DEFAULT 'batch', OUT share_a bytea, OUT share_b bytea): what a client does
 * (docs/protocol.md, "Client"). Keys of 32 bytes; 1 .. prio_max_data() data fields.
 */
Datum
prio_encode(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(3);
	Size n = (Size) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	check_array(array);
	prio_check_n_data((int64) n);
	PG_RETURN_DATUM(encode(fcinfo, n, 4, fill_from_booleans, ARR_DATA_PTR(array), 1));
}

/*
 * The same with data bit varying.
 */
Datum
prio_encode_varbit(PG_FUNCTION_ARGS)
{
	VarBit *bits = PG_GETARG_VARBIT_P(3);
	Size n = (Size) VARBITLEN(bits);

	prio_check_n_data((int64) n);
	PG_RETURN_DATUM(encode(fcinfo, n, 4, fill_from_bits, VARBITS(bits), 1));
}

/*
 * prio_encode_uint(public_key_a bytea, public_key_b bytea, batch_id text, data bigint[],
 * bits int, prg text DEFAULT 'batch', OUT share_a bytea, OUT share_b bytea): integers
 * from 0 to 2^bits - 1, at most prio_max_uints(bits) of them. n_data is their number
 * times bits.
 */
Datum
prio_encode_uint(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(3);
	int32 bits = PG_GETARG_INT32(4);
	Size count = (Size) ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const int64 *integers = (const int64 *) ARR_DATA_PTR(array);
	uint64 too_large = 0;

	prio_check_bits(bits);
	check_array(array);
	prio_check_n_data((int64) count * bits);
	for (Size j = 0; j < count; j++)
		too_large |= (uint64) integers[j] >> bits;
	if (too_large != 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("integer out of range"),
				 errdetail("Integers of %d bits are between 0 and " INT64_FORMAT ".", bits,
						   (INT64CONST(1) << bits) - 1)));

	PG_RETURN_DATUM(encode(fcinfo, count * (Size) bits, 5, fill_from_integers, integers, bits));
}
