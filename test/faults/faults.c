/*
 * faults.c
 *		A module for tests: makes calls fail that this backend makes for prio, and tells how
 *		much work it does.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_foreign_server.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "inject.h"

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(faults_arm);
PG_FUNCTION_INFO_V1(faults_limit_memory);
PG_FUNCTION_INFO_V1(faults_limit_process);
PG_FUNCTION_INFO_V1(faults_disarm);
PG_FUNCTION_INFO_V1(faults_live_objects);
PG_FUNCTION_INFO_V1(faults_kilobytes);
PG_FUNCTION_INFO_V1(faults_forget);
PG_FUNCTION_INFO_V1(faults_cpu_milliseconds);

/* The end of the path of the module under test. */
#define PRIO "/prio.so"

/* ------------------------------------------------------------------ what may fail */

static void
out_of_memory_if_armed(void)
{
	if (inject_fails(INJECT_POSTGRESQL))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
				 errdetail("Not really: this is a test.")));
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types and parameters do not go into any */

/* A function that may raise an error, if only for memory. */
#define MAY_FAIL(type, name, parameters, arguments) \
	static type(*original_##name) parameters; \
	static type replaced_##name parameters \
	{ \
		out_of_memory_if_armed(); \
		return original_##name arguments; \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

MAY_FAIL(MemoryContext, AllocSetContextCreateInternal,
		 (MemoryContext parent, const char *name, Size minimum, Size initial, Size maximum),
		 (parent, name, minimum, initial, maximum))
MAY_FAIL(TupleDesc, BlessTupleDesc, (TupleDesc description), (description))
MAY_FAIL(ForeignDataWrapper *, GetForeignDataWrapper, (Oid id), (id))
MAY_FAIL(ForeignServer *, GetForeignServerByName, (const char *name, bool missing_ok),
		 (name, missing_ok))
MAY_FAIL(UserMapping *, GetUserMapping, (Oid user, Oid server), (user, server))
MAY_FAIL(Datum, HeapTupleHeaderGetDatum, (HeapTupleHeader tuple), (tuple))
MAY_FAIL(void *, MemoryContextAllocHuge, (MemoryContext context, Size size), (context, size))
MAY_FAIL(void *, MemoryContextAllocZero, (MemoryContext context, Size size), (context, size))
MAY_FAIL(int, OpenTransientFile, (const char *name, int flags), (name, flags))
MAY_FAIL(bool, SearchSysCacheExists, (int id, Datum a, Datum b, Datum c, Datum d),
		 (id, a, b, c, d))
MAY_FAIL(ArrayType *, construct_array,
		 (Datum * elements, int count, Oid type, int length, bool by_value, char align),
		 (elements, count, type, length, by_value, align))
MAY_FAIL(text *, cstring_to_text, (const char *s), (s))
MAY_FAIL(void, enlargeStringInfo, (StringInfo s, int needed), (s, needed))
MAY_FAIL(TypeFuncClass, get_call_result_type,
		 (FunctionCallInfo fcinfo, Oid *type, TupleDesc *description),
		 (fcinfo, type, description))
MAY_FAIL(char *, get_func_name, (Oid id), (id))
MAY_FAIL(HTAB *, hash_create,
		 (const char *name, long elements, const HASHCTL *control, int flags),
		 (name, elements, control, flags))
MAY_FAIL(HeapTuple, heap_form_tuple, (TupleDesc description, Datum *values, bool *nulls),
		 (description, values, nulls))
MAY_FAIL(void *, palloc, (Size size), (size))
MAY_FAIL(struct varlena *, pg_detoast_datum, (struct varlena * datum), (datum))
MAY_FAIL(struct varlena *, pg_detoast_datum_copy, (struct varlena * datum), (datum))
MAY_FAIL(struct varlena *, pg_detoast_datum_packed, (struct varlena * datum), (datum))
MAY_FAIL(char *, pg_server_to_any, (const char *s, int length, int encoding),
		 (s, length, encoding))
MAY_FAIL(void, pq_begintypsend, (StringInfo buffer), (buffer))
MAY_FAIL(char *, text_to_cstring, (const text *t), (t))
MAY_FAIL(Size, toast_raw_datum_size, (Datum value), (value))

/* Only what enters something takes memory. */
static void *(*original_hash_search)(HTAB *, const void *, HASHACTION, bool *);

static void *
replaced_hash_search(HTAB *table, const void *key, HASHACTION action, bool *found)
{
	if (action == HASH_ENTER)
		out_of_memory_if_armed();
	return original_hash_search(table, key, action, found);
}

#define REPLACE(name) \
	{ \
#name, (void *) replaced_##name, (void **) &original_##name \
	}

static const InjectFunction functions[] = {
	REPLACE(AllocSetContextCreateInternal),
	REPLACE(BlessTupleDesc),
	REPLACE(GetForeignDataWrapper),
	REPLACE(GetForeignServerByName),
	REPLACE(GetUserMapping),
	REPLACE(HeapTupleHeaderGetDatum),
	REPLACE(MemoryContextAllocHuge),
	REPLACE(MemoryContextAllocZero),
	REPLACE(OpenTransientFile),
	REPLACE(SearchSysCacheExists),
	REPLACE(construct_array),
	REPLACE(cstring_to_text),
	REPLACE(enlargeStringInfo),
	REPLACE(get_call_result_type),
	REPLACE(get_func_name),
	REPLACE(hash_create),
	REPLACE(hash_search),
	REPLACE(heap_form_tuple),
	REPLACE(palloc),
	REPLACE(pg_detoast_datum),
	REPLACE(pg_detoast_datum_copy),
	REPLACE(pg_detoast_datum_packed),
	REPLACE(pg_server_to_any),
	REPLACE(pq_begintypsend),
	REPLACE(text_to_cstring),
	REPLACE(toast_raw_datum_size),
};

static void
install(void)
{
	inject_install(PRIO);
	inject_replace(PRIO, functions, lengthof(functions));
	if (inject_forgotten(PRIO) != NULL)
		elog(ERROR, "test/faults/inject.c does not know %s()", inject_forgotten(PRIO));
}

/* ------------------------------------------------------------------ in SQL */

/*
 * faults_arm(kind int, skip bigint, forever boolean) -> boolean (true): inject_arm().
 */
Datum
faults_arm(PG_FUNCTION_ARGS)
{
	install();
	inject_arm((InjectKind) PG_GETARG_INT32(0), (uint64_t) PG_GETARG_INT64(1),
			   PG_GETARG_BOOL(2));
	PG_RETURN_BOOL(true);
}

/*
 * faults_limit_memory(bytes bigint) -> boolean (true): inject_limit_memory().
 */
Datum
faults_limit_memory(PG_FUNCTION_ARGS)
{
	install();
	inject_limit_memory((size_t) PG_GETARG_INT64(0));
	PG_RETURN_BOOL(true);
}

/*
 * faults_limit_process(bytes bigint) -> boolean (true): so much more address space does this
 * process get from now on. -1 takes the limit off.
 */
Datum
faults_limit_process(PG_FUNCTION_ARGS)
{
	int64 bytes = PG_GETARG_INT64(0);
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	volatile char stack[512 * 1024];
	unsigned long pages;
	FILE *statm;

	/* A stack has no way to say that it found no room: let it grow before. */
	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 0;
	malloc_trim(0); /* what malloc() has in reserve counts as well */
	statm = fopen("/proc/self/statm", "r");
	if (statm == NULL || fscanf(statm, "%lu", &pages) != 1)
		elog(ERROR, "cannot read /proc/self/statm");
	fclose(statm);
	if (bytes >= 0)
		limit.rlim_cur = (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE) + (rlim_t) bytes;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		elog(ERROR, "setrlimit: %m");
	PG_RETURN_BOOL(true);
}

/*
 * faults_disarm() -> boolean: inject_disarm().
 */
Datum
faults_disarm(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(inject_disarm());
}

/*
 * faults_live_objects() -> bigint: inject_live_objects().
 */
Datum
faults_live_objects(PG_FUNCTION_ARGS)
{
	install();
	PG_RETURN_INT64(inject_live_objects());
}

/*
 * faults_kilobytes() -> integer: what was asked of malloc() and not given back. How much more of
 * it malloc() holds in readiness depends on the order of the calls before.
 */
Datum
faults_kilobytes(PG_FUNCTION_ARGS)
{
	struct mallinfo2 memory = mallinfo2();

	PG_RETURN_INT32((int32) ((memory.uordblks + memory.hblkhd) / 1024));
}

/*
 * faults_forget() -> boolean (true): as if somebody had altered all servers.
 */
Datum
faults_forget(PG_FUNCTION_ARGS)
{
	CallSyscacheCallbacks(FOREIGNSERVEROID, 0);
	PG_RETURN_BOOL(true);
}

/*
 * faults_cpu_milliseconds() -> float8: the time that this process has computed so far, which
 * other processes do not make longer.
 */
Datum
faults_cpu_milliseconds(PG_FUNCTION_ARGS)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0)
		elog(ERROR, "clock_gettime: %m");
	PG_RETURN_FLOAT8((double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6);
}
