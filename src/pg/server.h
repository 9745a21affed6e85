/*
 * server.h
 *		The Prio server of a name.
 */
#ifndef PRIO_PG_SERVER_H
#define PRIO_PG_SERVER_H

#include "cache.h"

/*
 * The server of this name, for the current role, from the cache if it is there: call
 * prio_cache_refresh() first. Raises an error when there is none, when the role may not use
 * it or has no mapping for it, when its options or files are of no use, or when it does not
 * speak Prio v1.
 */
extern CachedServer *prio_lookup_server(const text *server_name);

/*
 * The same for a server that speaks Prio3, whatever its draft and whether its shares are
 * bare or sealed; it calls prio_cache_refresh() itself. What is in the result holds until the
 * next call. Without with_secrets it is enough to know the server: verify key and key pairs may be
 * missing, and so may the user mapping.
 */
extern CachedServer *prio_lookup_prio3(const text *server_name, bool with_secrets);

/* prio_lookup_prio3() for what takes DAP; raises an error if shares are bare. */
extern CachedServer *prio_lookup_dap(const text *server_name, bool with_secrets);

/* The VDAF of such a server, with the tables that sharding and verifying take. */
extern const Prio3Vdaf *prio_vdaf_with_tables(CachedServer *server);

/*
 * Does the server of this name speak Prio3? For the current role, like prio_lookup_prio3()
 * without secrets.
 */
extern bool prio_server_speaks_prio3(const text *server_name);

/* Is that this server, still asked for by the same role? */
extern bool prio_is_server(const CachedServer *server, const text *server_name);

#endif /* PRIO_PG_SERVER_H */
