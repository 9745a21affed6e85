/*
 * module.c
 *		The loadable module, and the errors and checks that every file uses.
 *
 * Nothing happens when the module is loaded: with shared_preload_libraries that would be
 * in the postmaster, and NSS does not survive a fork.
 */
#include "prio.h"

#include "port/pg_crc32c.h"

PG_MODULE_MAGIC;

PRIO_FUNCTION(prio_max_data);
PRIO_FUNCTION(prio_max_uints);
PRIO_FUNCTION(prio_is_forgeable);

void
prio_check(PrioStatus status)
{
	switch (status)
	{
		case PRIO_INTERRUPTED:
			CHECK_FOR_INTERRUPTS();
			ereport(ERROR,
					(errcode(ERRCODE_QUERY_CANCELED),
					 errmsg("canceling statement due to user request")));
		case PRIO_NO_MEMORY:
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		case PRIO_NSS_FAILED:
			ereport(ERROR,
					(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
					 errmsg("cryptographic library failed"),
					 errdetail("NSS: %s.", prio_nss_error_text())));
		default:
			return;
	}
}

bool
prio_cancelled(void)
{
	return QueryCancelPending || ProcDiePending;
}

bytea *
prio_allocate_bytea(Size size)
{
	bytea *result = palloc(VARHDRSZ + size);

	SET_VARSIZE(result, VARHDRSZ + size);
	return result;
}

bytea *
prio_bytea(const void *data, Size size)
{
	bytea *result = prio_allocate_bytea(size);

	memcpy(VARDATA(result), data, size);
	return result;
}

/* The CRC-32C of size bytes, little endian. */
static void
make_checksum(const uint8_t *stored, Size size, uint8_t sum[PRIO_CHECKSUM_BYTES])
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, stored, size);
	FIN_CRC32C(crc);
	for (int i = 0; i < PRIO_CHECKSUM_BYTES; i++)
		sum[i] = (uint8_t) (crc >> (8 * i));
}

void
prio_write_checksum(uint8_t *stored, Size size)
{
	make_checksum(stored, size, stored + size);
}

bool
prio_has_checksum(const uint8_t *stored, Size size)
{
	uint8_t sum[PRIO_CHECKSUM_BYTES];

	make_checksum(stored, size, sum);
	return memcmp(stored + size, sum, sizeof(sum)) == 0;
}

/* What malloc() aligns to, and palloc() does not. */
#define SCRATCH_ALIGNMENT 16

/* Of a call site. */
typedef struct Scratch
{
	void *memory;
	Size room;
} Scratch;

void *
prio_call_scratch(FunctionCallInfo fcinfo, Size size)
{
	Scratch *scratch = fcinfo->flinfo->fn_extra;

	if (scratch == NULL)
		fcinfo->flinfo->fn_extra = scratch =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Scratch));
	size += SCRATCH_ALIGNMENT;
	if (scratch->room < size)
	{
		if (scratch->memory != NULL)
			pfree(scratch->memory);
		scratch->memory = NULL;
		scratch->room = 0;
		scratch->memory = MemoryContextAllocHuge(fcinfo->flinfo->fn_mcxt, size);
		scratch->room = size;
	}
	return (void *) TYPEALIGN(SCRATCH_ALIGNMENT, scratch->memory);
}

void
prio_check_n_data(int64 n_data)
{
	if (n_data < 1 || n_data > PRIO1_MAX_DATA)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of data fields is out of range"),
				 errdetail("It must be between 1 and %d, not " INT64_FORMAT ".",
						   PRIO1_MAX_DATA, n_data)));
}

void
prio_check_bits(int32 bits)
{
	if (bits < 1 || bits > PRIO1_MAX_BITS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bits is out of range"),
				 errdetail("It must be between 1 and %d, not %d.", PRIO1_MAX_BITS, bits)));
}

/*
 * prio_max_data() -> int: the largest number of data fields, 262143.
 */
Datum
prio_max_data(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(PRIO1_MAX_DATA);
}

/*
 * prio_max_uints(bits int) -> int: the largest number of integers of so many bits.
 */
Datum
prio_max_uints(PG_FUNCTION_ARGS)
{
	int32 bits = PG_GETARG_INT32(0);

	prio_check_bits(bits);
	PG_RETURN_INT32(PRIO1_MAX_DATA / bits);
}

/*
 * prio_is_forgeable(n_data int) -> boolean: can a client forge the proof of a packet with so
 * many data fields (docs/protocol.md, "Why it is sound")?
 */
Datum
prio_is_forgeable(PG_FUNCTION_ARGS)
{
	int32 n_data = PG_GETARG_INT32(0);

	prio_check_n_data(n_data);
	PG_RETURN_BOOL(prio1_is_forgeable((size_t) n_data));
}
