/*
 * job_files.c
 *		What the job needs of files, and of the session that it runs in.
 */
#include "prio.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

PRIO_FUNCTION(prio_job_whole_lines);
PRIO_FUNCTION(prio_job_in_transaction_block);

/*
 * whole_lines(content bytea, OUT lines bytea[], OUT rest bytea): the lines that end within these
 * bytes, each without its LF or CR LF, and what follows the last of them. Whatever else stands in
 * a line is part of it.
 */
Datum
prio_job_whole_lines(PG_FUNCTION_ARGS)
{
	bytea *content = PG_GETARG_BYTEA_PP(0);
	const char *start = VARDATA_ANY(content);
	const char *end = start + VARSIZE_ANY_EXHDR(content);
	ArrayBuildState *lines = initArrayResult(BYTEAOID, CurrentMemoryContext, false);
	TupleDesc description;
	Datum values[2];
	bool nulls[2] = {false, false};
	const char *newline;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	while (start < end && (newline = memchr(start, '\n', (size_t) (end - start))) != NULL)
	{
		Size length = (Size) (newline - start);

		CHECK_FOR_INTERRUPTS();
		if (length > 0 && newline[-1] == '\r')
			length--;
		lines = accumArrayResult(lines, PointerGetDatum(prio_bytea(start, length)), false,
								 BYTEAOID, CurrentMemoryContext);
		start = newline + 1;
	}
	values[0] = makeArrayResult(lines, CurrentMemoryContext);
	values[1] = PointerGetDatum(prio_bytea(start, (Size) (end - start)));
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

/*
 * in_transaction_block() -> boolean: did somebody say BEGIN? Then a procedure cannot commit.
 */
Datum
prio_job_in_transaction_block(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(IsTransactionBlock());
}
