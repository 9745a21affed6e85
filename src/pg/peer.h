/*
 * peer.h
 *		The way to another server's database: foreign servers of the wrapper prio_peer.
 */
#ifndef PRIO_PG_PEER_H
#define PRIO_PG_PEER_H

#include "prio.h"

#define PRIO_PEER_MAX_SECRETS 4

/* What libpq takes to connect. */
typedef struct PrioPeer
{
	const char *name;      /* of the foreign server */
	const char **keywords; /* ends with NULL, as values do */
	const char **values;   /* secrets among them */
	int connect_timeout;   /* seconds; 0: as long as the deadline lets it */
	bool has_service;      /* does the foreign server name a service? */
	const char *secrets[PRIO_PEER_MAX_SECRETS]; /* those of the values that are, or NULL */
} PrioPeer;

/*
 * Reads the foreign server of this name and the user mapping of the current user. Raises an
 * error when there is none, or when the user may not use it. Wipe what comes of it after use.
 */
extern void prio_peer_load(PrioPeer *peer, const char *name);

extern void prio_peer_wipe(PrioPeer *peer);

#endif /* PRIO_PG_PEER_H */
