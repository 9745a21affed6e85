/*
 * compat.h
 *		Everything that differs between PostgreSQL 14 and 18.
 *
 * Includes postgres.h: include it first.
 */
#ifndef PRIO_COMPAT_H
#define PRIO_COMPAT_H

#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "utils/acl.h"

#if PG_VERSION_NUM < 140000
#error "prio needs PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

static inline AclResult
foreign_server_usage(Oid server_id, Oid role_id)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ForeignServerRelationId, server_id, role_id, ACL_USAGE);
#else
	return pg_foreign_server_aclcheck(server_id, role_id, ACL_USAGE);
#endif
}

#endif /* PRIO_COMPAT_H */
