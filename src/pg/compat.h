/*
 * compat.h
 *		Everything that differs between PostgreSQL 14 and 18.
 *
 * Includes postgres.h: include it first.
 */
#ifndef PRIO_COMPAT_H
#define PRIO_COMPAT_H

/* Before PostgreSQL 16 it is empty, and modules show everything. */
#define PGDLLEXPORT __attribute__((visibility("default")))

#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_foreign_server.h"
#include "fmgr.h"
#include "utils/acl.h"
#include "utils/tuplesort.h"

#if PG_VERSION_NUM < 140000
#error "prio needs PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* A function that SQL calls: of ours, nothing else is seen outside the module. */
#define PRIO_FUNCTION(name) \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

static inline AclResult
foreign_server_usage(Oid server_id, Oid role_id)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ForeignServerRelationId, server_id, role_id, ACL_USAGE);
#else
	return pg_foreign_server_aclcheck(server_id, role_id, ACL_USAGE);
#endif
}

/* The next datum of a sort, a copy where it is by reference; false behind the last one. */
static inline bool
prio_tuplesort_getdatum(Tuplesortstate *state, Datum *datum, bool *is_null)
{
#if PG_VERSION_NUM >= 160000
	return tuplesort_getdatum(state, true, true, datum, is_null, NULL);
#else
	return tuplesort_getdatum(state, true, datum, is_null, NULL);
#endif
}

/* The timeline that the log is written on. Call RecoveryInProgress() first: it must be over. */
static inline TimeLineID
prio_insertion_timeline(void)
{
#if PG_VERSION_NUM >= 150000
	return GetWALInsertionTimeLine();
#else
	return ThisTimeLineID;
#endif
}

#endif /* PRIO_COMPAT_H */
