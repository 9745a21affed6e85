/*
 * mistakes.c
 *		One SQL function for each mistake that script/valgrind must find, to prove that it
 *		would: without their reports a silent run means nothing.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(mistake_undefined_value);
PG_FUNCTION_INFO_V1(mistake_undefined_chunk);
PG_FUNCTION_INFO_V1(mistake_undefined_result);
PG_FUNCTION_INFO_V1(mistake_malloc_overrun);
PG_FUNCTION_INFO_V1(mistake_chunk_overrun);
PG_FUNCTION_INFO_V1(mistake_argument_overrun);
PG_FUNCTION_INFO_V1(mistake_use_after_pfree);
PG_FUNCTION_INFO_V1(mistake_leak);

/* Neither the compiler nor script/lint knows what these are, so they see no mistake. */
static void *(*volatile system_allocate)(size_t size) = malloc;
static void (*volatile system_free)(void *memory) = free;
static void *(*volatile allocate)(Size size) = palloc;
static void (*volatile release)(void *memory) = pfree;

static volatile int result;

Datum
mistake_undefined_value(PG_FUNCTION_ARGS)
{
	uint8 *memory = system_allocate(16);

	result = memory[0] == 'x' ? 1 : 2;
	system_free(memory);
	PG_RETURN_INT32(0);
}

/* The chunk was in use before, and holds what was left there. */
Datum
mistake_undefined_chunk(PG_FUNCTION_ARGS)
{
	uint8 *memory = allocate(64);

	memset(memory, 0, 64);
	release(memory);
	memory = allocate(64);
	result = memory[0] == 'x' ? 1 : 2;
	PG_RETURN_INT32(0);
}

/* Reported where it is stored. */
Datum
mistake_undefined_result(PG_FUNCTION_ARGS)
{
	bytea *memory = allocate(VARHDRSZ + 60);

	SET_VARSIZE(memory, VARHDRSZ + 60);
	PG_RETURN_BYTEA_P(memory);
}

Datum
mistake_malloc_overrun(PG_FUNCTION_ARGS)
{
	uint8 *memory = system_allocate(16);

	memory[16] = 'x';
	system_free(memory);
	PG_RETURN_INT32(0);
}

Datum
mistake_chunk_overrun(PG_FUNCTION_ARGS)
{
	uint8 *memory = allocate(64);

	memory[64] = 'x';
	PG_RETURN_INT32(0);
}

/* Takes a bytea that has, with its length word, a multiple of 8 bytes. */
Datum
mistake_argument_overrun(PG_FUNCTION_ARGS)
{
	bytea *argument = PG_GETARG_BYTEA_PP(0);
	const uint8 *bytes = (const uint8 *) VARDATA_ANY(argument);

	result = bytes[VARSIZE_ANY_EXHDR(argument)];
	PG_RETURN_INT32(0);
}

Datum
mistake_use_after_pfree(PG_FUNCTION_ARGS)
{
	uint8 *memory = allocate(64);

	memset(memory, 0, 64);
	release(memory);
	result = memory[0];
	PG_RETURN_INT32(0);
}

Datum
mistake_leak(PG_FUNCTION_ARGS)
{
	uint8 *memory = system_allocate(16);

	memory[0] = 'x';
	PG_RETURN_INT32(0);
}
