/*
 * cache.h
 *		What a session keeps of servers and of batches.
 *
 * A table of servers, keyed by name and role, and a table of batches, keyed by server, n
 * and batch id. Whoever looks something up calls prio_cache_refresh() first, which empties
 * both when anything changed that they were made from. So an entry never has to be checked
 * again, and ALTER, DROP, GRANT and REVOKE take effect at the next statement.
 */
#ifndef PRIO_PG_CACHE_H
#define PRIO_PG_CACHE_H

#include "prio.h"

#include "lib/ilist.h"

typedef struct ServerKey
{
	char name[NAMEDATALEN]; /* padded with zeros */
	Oid user_id;
} ServerKey;

/* A key that clients seal to. The pair is a secret. */
typedef struct CachedKey
{
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t config_id;
	PrioKeyPair *pair;
} CachedKey;

/* Of a server that speaks Prio3, in one chunk with what it points to. */
typedef struct CachedPrio3
{
	Prio3Vdaf vdaf; /* with its tables once somebody has needed them */
	uint8_t verify_key[PRIO3_MAX_SEED_BYTES]; /* a secret */

	bool is_dap; /* shares are sealed: the rest is DAP's */
	DapTask task;
	int keys; /* 1, or 2: the one before comes second */
	CachedKey key[2];

	Size memory_size; /* of this chunk */
	void *tables;     /* of vdaf, tables_size bytes; or NULL */
	Size tables_size;
} CachedPrio3;

/* A server as one role may use it. */
typedef struct CachedServer
{
	ServerKey key;
	PrioRole role;
	bool has_secrets; /* what comes from the user mapping is there */

	/* Prio v1, if prio3 is NULL. */
	Prio1PrgVariant variant;
	PrioKeyPair *pair;
	uint8_t shared_secret[PRIO1_SEED_BYTES];

	CachedPrio3 *prio3;
} CachedServer;

typedef struct BatchKey
{
	CachedServer *server;
	uint64 batch_id_hash;
	uint64 n_data;
} BatchKey;

/* The weights for one evaluation point. */
typedef struct CachedContext
{
	bool valid;
	int64 ordinal;
	Field87 point;   /* r */
	Field87 *memory; /* prio_context_size() bytes, or NULL */
	Prio1VerifierContext context;
} CachedContext;

/*
 * A batch has one context for ordinal 0, which is the normal use, and one for whatever
 * other ordinal came last.
 */
typedef struct CachedBatch
{
	BatchKey key;
	dlist_node node; /* among the batches by age */
	char *batch_id;  /* as the database has it; size 0: not filled in yet */
	Size batch_id_size;
	const uint8_t *wire_batch_id; /* as the packets have it, in the same chunk */
	Size wire_batch_id_size;
	Size memory_size;        /* bytes booked for it */
	Prio1PointCursor cursor; /* of the shared secret's stream */
	CachedContext at_zero;
	CachedContext elsewhere;
} CachedBatch;

/* The bytes of the weights for one point. */
static inline Size
prio_context_size(const CachedBatch *batch)
{
	return prio_lagrange87_size(batch->key.n_data) * sizeof(Field87);
}

/* Pointers into the cache hold as long as this stays and prio_cache_refresh() is called. */
extern uint64 prio_cache_generation;

/* Makes sure that the cache exists and that nothing in it is out of date. */
extern void prio_cache_refresh(void);

/*
 * The server of a key, or NULL. A new one has nothing but its key, and zeros: whoever makes
 * it fills it in, or forgets it again.
 */
extern CachedServer *prio_cache_find_server(const ServerKey *key);
extern CachedServer *prio_cache_new_server(const ServerKey *key);
extern void prio_cache_forget_server(CachedServer *server);

/* A new server's chunk for Prio3, of size bytes in all: zeros. */
extern CachedPrio3 *prio_cache_allocate_prio3(CachedServer *server, Size size);

/*
 * Room for the tables of a server's VDAF, aligned as malloc() does. Others lose theirs when
 * all together would take too much.
 */
extern void *prio_cache_allocate_tables(CachedServer *server, Size size);
extern void prio_cache_forget_tables(CachedServer *server);

/*
 * The same for batches. To find one makes it the one used last. Two batch ids with one hash
 * have one key: who finds the other one forgets it.
 */
extern CachedBatch *prio_cache_find_batch(const BatchKey *key);
extern CachedBatch *prio_cache_new_batch(const BatchKey *key);
extern void prio_cache_forget_batch(CachedBatch *batch);

/*
 * Allocates size bytes for a batch, the one used last from now on. The oldest others go
 * when all together would take too much.
 */
extern void *prio_cache_allocate(CachedBatch *batch, Size size);

#endif /* PRIO_PG_CACHE_H */
