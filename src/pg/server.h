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
 * it or has no mapping for it, or when its options or files are of no use.
 */
extern CachedServer *prio_lookup_server(const text *server_name);

/* Is that this server, still asked for by the same role? */
extern bool prio_is_server(const CachedServer *server, const text *server_name);

#endif /* PRIO_PG_SERVER_H */
