/*
 * cache.c
 *		What a session keeps of servers and of batches, and when it is out of date.
 *
 * Everything that outlives a statement is here. A syscache callback marks it as stale when
 * anything changes that it was made from; the next look-up empties it.
 */
#include "cache.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* All batches together may take this much before the oldest goes. */
#define CACHE_MAX_BYTES ((Size) 64 * 1024 * 1024)

/* What a batch takes besides: headers of its chunks and of its hash entry, about. */
#define BATCH_OVERHEAD 256

/* And the tables of all servers together, before those of other servers go. */
#define TABLES_MAX_BYTES ((Size) 64 * 1024 * 1024)

/* What malloc() aligns to, and palloc() does not. */
#define TABLES_ALIGNMENT 16

/* With more servers than this in one session, the cache starts over. */
#define CACHE_MAX_SERVERS 1000

uint64 prio_cache_generation = 1;

static MemoryContext cache_memory;
static HTAB *servers;
static HTAB *batches;
static dlist_head batches_by_age; /* the one used last comes first */
static Size batches_memory_size;
static Size tables_memory_size;
static bool cache_stale;

static void
invalidate_callback(Datum arg, int cache_id, uint32 hash_value)
{
	cache_stale = true;
}

/*
 * Everything is made in a memory context of the caller's, which an error takes along, and
 * handed over as a whole.
 */
static void
create_cache(void)
{
	MemoryContext memory =
		AllocSetContextCreate(CurrentMemoryContext, "prio", ALLOCSET_DEFAULT_SIZES);
	HASHCTL control = {0};

	control.hcxt = memory;
	control.keysize = sizeof(ServerKey);
	control.entrysize = sizeof(CachedServer);
	servers = hash_create("prio servers", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	control.keysize = sizeof(BatchKey);
	control.entrysize = sizeof(CachedBatch);
	batches = hash_create("prio batches", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	dlist_init(&batches_by_age);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, invalidate_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNDATAWRAPPEROID, invalidate_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, invalidate_callback, (Datum) 0);
	/* USAGE may come from another role, or from being a superuser. */
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, invalidate_callback, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, invalidate_callback, (Datum) 0);
	/* The owner of the database is a member of pg_database_owner. */
	CacheRegisterSyscacheCallback(DATABASEOID, invalidate_callback, (Datum) 0);
	MemoryContextSetParent(memory, CacheMemoryContext);
	cache_memory = memory;
}

static void
flush_cache(void)
{
	HASH_SEQ_STATUS scan;
	CachedServer *server;

	while (!dlist_is_empty(&batches_by_age))
		prio_cache_forget_batch(dlist_head_element(CachedBatch, node, &batches_by_age));
	hash_seq_init(&scan, servers);
	while ((server = hash_seq_search(&scan)) != NULL)
		prio_cache_forget_server(server);
}

void
prio_cache_refresh(void)
{
	if (cache_memory == NULL)
		create_cache();

	/* A statement that locks no new relation would not hear of any change by itself. */
	AcceptInvalidationMessages();
	if (cache_stale)
	{
		cache_stale = false;
		flush_cache();
	}
}

/* ------------------------------------------------------------------ servers */

CachedServer *
prio_cache_find_server(const ServerKey *key)
{
	return hash_search(servers, key, HASH_FIND, NULL);
}

CachedServer *
prio_cache_new_server(const ServerKey *key)
{
	CachedServer *server;

	if (hash_get_num_entries(servers) >= CACHE_MAX_SERVERS)
		flush_cache();
	server = hash_search(servers, key, HASH_ENTER, NULL);
	memset((char *) server + sizeof(ServerKey), 0, sizeof(CachedServer) - sizeof(ServerKey));
	return server;
}

CachedPrio3 *
prio_cache_allocate_prio3(CachedServer *server, Size size)
{
	server->prio3 =
		MemoryContextAllocExtended(cache_memory, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	server->prio3->memory_size = size;
	return server->prio3;
}

void
prio_cache_forget_tables(CachedServer *server)
{
	CachedPrio3 *prio3 = server->prio3;

	if (prio3 == NULL || prio3->tables == NULL)
		return;
	pfree(prio3->tables);
	tables_memory_size -= prio3->tables_size;
	prio3->tables = NULL;
	prio3->vdaf.roots = NULL;
	prio_cache_generation++;
}

void *
prio_cache_allocate_tables(CachedServer *server, Size size)
{
	HASH_SEQ_STATUS scan;
	CachedServer *other;

	prio_cache_forget_tables(server);
	size += TABLES_ALIGNMENT;
	if (tables_memory_size + size > TABLES_MAX_BYTES)
	{
		hash_seq_init(&scan, servers);
		while ((other = hash_seq_search(&scan)) != NULL)
			prio_cache_forget_tables(other);
	}
	server->prio3->tables = MemoryContextAllocHuge(cache_memory, size);
	server->prio3->tables_size = size;
	tables_memory_size += size;
	return (void *) TYPEALIGN(TABLES_ALIGNMENT, server->prio3->tables);
}

void
prio_cache_forget_server(CachedServer *server)
{
	CachedPrio3 *prio3 = server->prio3;

	prio_key_pair_free(server->pair);
	server->pair = NULL;
	prio_wipe(server->shared_secret, sizeof(server->shared_secret));
	if (prio3 != NULL)
	{
		prio_cache_forget_tables(server);
		for (int i = 0; i < (int) lengthof(prio3->key); i++)
			prio_key_pair_free(prio3->key[i].pair);
		prio_wipe(prio3, prio3->memory_size);
		pfree(prio3);
		server->prio3 = NULL;
	}
	hash_search(servers, &server->key, HASH_REMOVE, NULL);
	prio_cache_generation++;
}

/* ------------------------------------------------------------------ batches */

CachedBatch *
prio_cache_find_batch(const BatchKey *key)
{
	CachedBatch *batch = hash_search(batches, key, HASH_FIND, NULL);

	if (batch != NULL)
		dlist_move_head(&batches_by_age, &batch->node);
	return batch;
}

CachedBatch *
prio_cache_new_batch(const BatchKey *key)
{
	CachedBatch *batch = hash_search(batches, key, HASH_ENTER, NULL);

	memset((char *) batch + sizeof(BatchKey), 0, sizeof(CachedBatch) - sizeof(BatchKey));
	dlist_push_head(&batches_by_age, &batch->node);
	batch->memory_size = sizeof(CachedBatch) + BATCH_OVERHEAD;
	batches_memory_size += batch->memory_size;
	return batch;
}

static void
free_context(CachedContext *cached, Size size)
{
	if (cached->memory != NULL)
	{
		prio_wipe(cached->memory, size);
		pfree(cached->memory);
	}
	prio_wipe(cached, sizeof(*cached));
}

void
prio_cache_forget_batch(CachedBatch *batch)
{
	Size size = prio_context_size(batch);

	dlist_delete(&batch->node);
	batches_memory_size -= batch->memory_size;
	free_context(&batch->at_zero, size);
	free_context(&batch->elsewhere, size);
	if (batch->batch_id != NULL)
		pfree(batch->batch_id);
	hash_search(batches, &batch->key, HASH_REMOVE, NULL);
	prio_cache_generation++;
}

void *
prio_cache_allocate(CachedBatch *batch, Size size)
{
	void *memory;

	dlist_move_head(&batches_by_age, &batch->node);
	while (batches_memory_size + size > CACHE_MAX_BYTES &&
		   dlist_has_prev(&batches_by_age, dlist_tail_node(&batches_by_age)))
		prio_cache_forget_batch(dlist_tail_element(CachedBatch, node, &batches_by_age));
	memory = MemoryContextAllocHuge(cache_memory, size);
	batch->memory_size += size;
	batches_memory_size += size;
	return memory;
}
