/*
 * server.c
 *		Prio servers as foreign servers: options, secrets, and the cache.
 *
 * Everything that outlives a statement is here: per backend, a table of servers, keyed by
 * name and role, and a table of batches, keyed by server, n and batch id. A syscache
 * callback marks both as stale when anything changes that they were made from; the next
 * look-up empties them. So an entry never has to be checked again, and ALTER, DROP, GRANT
 * and REVOKE take effect at the next statement.
 */
#include "prio.h"

#include "access/parallel.h"
#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "foreign/foreign.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include <unistd.h>

#define VALIDATOR_NAME "prio_fdw_validator"

/* All batches together may take this much before the oldest goes. */
#define CACHE_MAX_BYTES ((Size) 64 * 1024 * 1024)

/* What a batch takes besides: headers of its chunks and of its hash entry, about. */
#define BATCH_OVERHEAD 256

/* With more servers than this in one session, the cache starts over. */
#define CACHE_MAX_SERVERS 1000

PRIO_FUNCTION(prio_fdw_validator);

/* ------------------------------------------------------------------ options */

/* What one option is, and where it may stand. */
typedef struct PrioOption
{
	const char *name;
	Oid catalog;
	void (*check)(const DefElem *def);
} PrioOption;

static void check_role(const DefElem *def);
static void check_prg(const DefElem *def);
static void check_key(const DefElem *def);
static void check_shared_secret(const DefElem *def);
static void check_file(const DefElem *def);

static const PrioOption prio_options[] = {
	{"role", ForeignServerRelationId, check_role},
	{"public_key", ForeignServerRelationId, check_key},
	{"prg", ForeignServerRelationId, check_prg},
	{"private_key", UserMappingRelationId, check_key},
	{"private_key_file", UserMappingRelationId, check_file},
	{"shared_secret", UserMappingRelationId, check_shared_secret},
	{"shared_secret_file", UserMappingRelationId, check_file},
};

static bool
parse_role(const char *value, PrioRole *role)
{
	*role = strcmp(value, "A") == 0 ? PRIO_A : PRIO_B;
	return *role == PRIO_A || strcmp(value, "B") == 0;
}

static bool
parse_prg(const char *value, Prio1PrgVariant *variant)
{
	*variant = strcmp(value, "batch") == 0 ? PRIO1_PRG_BATCH : PRIO1_PRG_SEED;
	return *variant == PRIO1_PRG_BATCH || strcmp(value, "seed") == 0;
}

/* Never shows the value: it may be a secret, or nearly one. */
static void
bad_option(const DefElem *def, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\"", def->defname),
			 errdetail("Expected %s.", expected)));
}

static void
check_role(const DefElem *def)
{
	PrioRole role;

	if (!parse_role(strVal(def->arg), &role))
		bad_option(def, "A or B");
}

static void
check_prg(const DefElem *def)
{
	Prio1PrgVariant variant;

	if (!parse_prg(strVal(def->arg), &variant))
		bad_option(def, "batch or seed");
}

/* Bytes in writing, which may be secret ones: at most PRIO_KEY_BYTES. */
static void
check_bytes(const DefElem *def, PrioParseSecret parse, const char *expected)
{
	uint8_t bytes[PRIO_KEY_BYTES];
	const char *value = strVal(def->arg);
	bool valid = parse(value, strlen(value), bytes);

	prio_wipe(bytes, sizeof(bytes));
	if (!valid)
		bad_option(def, expected);
}

static void
check_key(const DefElem *def)
{
	check_bytes(def, prio_parse_key, PRIO_EXPECTED_KEY);
}

static void
check_shared_secret(const DefElem *def)
{
	check_bytes(def, prio_parse_shared_secret, PRIO_EXPECTED_SHARED_SECRET);
}

static void
check_file(const DefElem *def)
{
	if (!is_absolute_path(strVal(def->arg)))
		bad_option(def, "an absolute path");

	/* Otherwise a mapping would read any file that the server can read. */
	if (!superuser() && !has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", def->defname),
				 errdetail(
					 "Only superusers and members of pg_read_server_files may name files of the server.")));
}

static const DefElem *
find_option(List *options, const char *name)
{
	ListCell *cell;

	foreach (cell, options)
	{
		const DefElem *def = (const DefElem *) lfirst(cell);

		if (strcmp(def->defname, name) == 0)
			return def;
	}
	return NULL;
}

static void
require_option(List *options, const char *name)
{
	if (find_option(options, name) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"%s\" is required", name)));
}

static void
require_one_of(List *options, const char *name, const char *file_name)
{
	bool inline_given = find_option(options, name) != NULL;
	bool file_given = find_option(options, file_name) != NULL;

	if (inline_given == file_given)
		ereport(ERROR,
				(errcode(inline_given ? ERRCODE_FDW_INVALID_OPTION_NAME :
										ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("exactly one of the options \"%s\" and \"%s\" is required", name,
						file_name)));
}

/*
 * prio_fdw_validator(options text[], catalog oid): PostgreSQL calls it with all options
 * that an object is about to have.
 */
Datum
prio_fdw_validator(PG_FUNCTION_ARGS)
{
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);
	ListCell *cell;

	foreach (cell, options)
	{
		const DefElem *def = (const DefElem *) lfirst(cell);
		const PrioOption *option = NULL;

		for (int i = 0; i < (int) lengthof(prio_options); i++)
			if (prio_options[i].catalog == catalog &&
				strcmp(prio_options[i].name, def->defname) == 0)
				option = &prio_options[i];
		if (option == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 catalog == ForeignServerRelationId ?
						 errhint("Options of a server are role, public_key and prg.") :
						 catalog == UserMappingRelationId ?
						 errhint(
							 "Options of a user mapping are private_key, private_key_file, shared_secret and shared_secret_file.") :
						 errhint("There are no options in this place.")));
		/* Anybody may call this function, with an option that has no value at all. */
		if (def->arg == NULL)
			bad_option(def, "a value");
		option->check(def);
	}

	if (catalog == ForeignServerRelationId)
	{
		require_option(options, "role");
		require_option(options, "public_key");
	}
	else if (catalog == UserMappingRelationId)
	{
		require_one_of(options, "private_key", "private_key_file");
		require_one_of(options, "shared_secret", "shared_secret_file");
	}
	PG_RETURN_VOID();
}

Prio1PrgVariant
prio_prg_variant(const char *name)
{
	Prio1PrgVariant variant;

	if (!parse_prg(name, &variant))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid variant of the pseudo-random generator"),
				 errdetail("Expected batch or seed.")));
	return variant;
}

/* ------------------------------------------------------------------ secrets */

/*
 * Reads a small text file, but not the white space at its end. What a caller gets to see
 * does not name the file, which only the owner of a mapping may know; the log does.
 */
static Size
read_key_file(const char *path, const char *server_name, char *out, Size size)
{
	int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	ssize_t length = fd < 0 ? -1 : read(fd, out, size);
	struct stat status;

	if (length < 0 || fstat(fd, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read a key file of server \"%s\": %m", server_name),
				 errdetail_log("The file is \"%s\".", path),
				 errhint(
					 "The server log names the file. The operating system user of the server must be able to read it.")));
	if (prio_key_file_is_open_to_others(&status))
	{
		prio_wipe(out, size);
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("a key file of server \"%s\" is open to others", server_name),
				 errdetail_log("The file is \"%s\".", path),
				 errhint(
					 "The server log names the file. It must have mode 0600, or 0640 if root owns it.")));
	}
	CloseTransientFile(fd);
	return prio_trimmed_length(out, (Size) length);
}

/*
 * One secret of a user mapping, from the option itself or from its file. Wipes its own
 * copies; an option that is no file stays in the caches of the catalogs.
 */
static void
load_secret(List *options, const char *name, const char *file_name, const char *server_name,
			PrioParseSecret parse, const char *expected, uint8_t *out)
{
	const DefElem *def = find_option(options, name);
	bool valid;

	if (def != NULL)
	{
		char *value = strVal(def->arg);

		valid = parse(value, strlen(value), out);
		prio_wipe(value, strlen(value));
	}
	else
	{
		char content[PRIO_KEY_FILE_MAX_BYTES];
		Size length;

		require_option(options, file_name);
		def = find_option(options, file_name);
		length = read_key_file(strVal(def->arg), server_name, content, sizeof(content));
		valid = parse(content, length, out);
		prio_wipe(content, sizeof(content));
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("option \"%s\" of the user mapping for server \"%s\" holds no key",
						def->defname, server_name),
				 errdetail("Expected %s.", expected)));
}

/* ------------------------------------------------------------------ cache */

typedef struct ServerKey
{
	char name[NAMEDATALEN]; /* padded with zeros */
	Oid user_id;
} ServerKey;

/* A server as one role may use it. */
typedef struct CachedServer
{
	ServerKey key;
	PrioRole role;
	Prio1PrgVariant variant;
	PrioKeyPair *pair;
	uint8_t shared_secret[PRIO1_SEED_BYTES];
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
	Field87 *memory; /* prio_lagrange87_size(n_data) elements, or NULL */
	Prio1VerifierContext context;
} CachedContext;

/*
 * A batch has one context for ordinal 0, which is the normal use, and one for whatever
 * other ordinal came last.
 */
typedef struct CachedBatch
{
	BatchKey key;
	dlist_node node; /* in batches_by_age */
	char *batch_id;  /* as the database has it; size 0: not filled in yet */
	Size batch_id_size;
	const uint8_t *wire_batch_id; /* as the packets have it, in the same chunk */
	Size wire_batch_id_size;
	Size memory_size;        /* bytes booked for it */
	Prio1PointCursor cursor; /* of the shared secret's stream */
	CachedContext at_zero;
	CachedContext elsewhere;
} CachedBatch;

/* What a call site remembers of its last row. */
typedef struct LastRow
{
	uint64 generation;
	CachedServer *server;
	CachedBatch *batch;
} LastRow;

static MemoryContext cache_memory;
static HTAB *servers;
static HTAB *batches;
static dlist_head batches_by_age; /* the one used last comes first */
static Size batches_memory_size;

/* Pointers into the cache hold as long as this stays and the cache is not stale. */
static uint64 cache_generation = 1;
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

/* The weights of one point take so many bytes. */
static Size
context_size(const CachedBatch *batch)
{
	return prio_lagrange87_size(batch->key.n_data) * sizeof(Field87);
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

static void
free_batch(CachedBatch *batch)
{
	Size size = context_size(batch);

	dlist_delete(&batch->node);
	batches_memory_size -= batch->memory_size;
	free_context(&batch->at_zero, size);
	free_context(&batch->elsewhere, size);
	if (batch->batch_id != NULL)
		pfree(batch->batch_id);
	hash_search(batches, &batch->key, HASH_REMOVE, NULL);
	cache_generation++;
}

static void
forget_server(CachedServer *server)
{
	prio_key_pair_free(server->pair);
	server->pair = NULL;
	prio_wipe(server->shared_secret, sizeof(server->shared_secret));
	hash_search(servers, &server->key, HASH_REMOVE, NULL);
	cache_generation++;
}

static void
flush_cache(void)
{
	HASH_SEQ_STATUS scan;
	CachedServer *server;

	while (!dlist_is_empty(&batches_by_age))
		free_batch(dlist_head_element(CachedBatch, node, &batches_by_age));
	hash_seq_init(&scan, servers);
	while ((server = hash_seq_search(&scan)) != NULL)
		forget_server(server);
}

/* Makes sure that the cache exists and that nothing in it is out of date. */
static void
refresh_cache(void)
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

/* ------------------------------------------------------------------ looking up */

/* The foreign server of this name, if the current role may use it as a Prio server. */
static ForeignServer *
find_foreign_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	ForeignDataWrapper *wrapper = GetForeignDataWrapper(server->fdwid);
	char *validator =
		OidIsValid(wrapper->fdwvalidator) ? get_func_name(wrapper->fdwvalidator) : NULL;
	Oid user_id = GetUserId();
	AclResult acl = foreign_server_usage(server->serverid, user_id);

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, server->servername);
	if (validator == NULL || strcmp(validator, VALIDATOR_NAME) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a Prio server", server->servername),
				 errhint("Create one with CREATE SERVER ... FOREIGN DATA WRAPPER prio.")));
	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user_id),
							   ObjectIdGetDatum(server->serverid)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
							   ObjectIdGetDatum(server->serverid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no user mapping for role \"%s\" on server \"%s\"",
						GetUserNameFromId(user_id, false), server->servername),
				 errhint("Give the secrets with CREATE USER MAPPING.")));
	return server;
}

static CachedServer *
lookup_server(const char *name, Size name_size)
{
	ServerKey key;
	CachedServer *server;
	ForeignServer *foreign_server;
	List *options;
	const DefElem *prg;
	const char *hex;
	uint8_t public_key[PRIO_KEY_BYTES];
	PrioRole role;
	Prio1PrgVariant variant;
	uint8_t private_key[PRIO_KEY_BYTES];
	volatile PrioStatus status = PRIO_OK;

	if (name_size >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", pnstrdup(name, name_size))));
	memset(&key, 0, sizeof(key));
	key.user_id = GetUserId();
	memcpy(key.name, name, name_size);

	server = hash_search(servers, &key, HASH_FIND, NULL);
	if (server != NULL)
		return server;
	if (hash_get_num_entries(servers) >= CACHE_MAX_SERVERS)
		flush_cache();

	foreign_server = find_foreign_server(key.name);
	require_option(foreign_server->options, "role");
	require_option(foreign_server->options, "public_key");
	parse_role(strVal(find_option(foreign_server->options, "role")->arg), &role);
	hex = strVal(find_option(foreign_server->options, "public_key")->arg);
	prio_parse_hex(hex, strlen(hex), public_key, sizeof(public_key));
	prg = find_option(foreign_server->options, "prg");
	variant = prg == NULL ? PRIO1_PRG_BATCH : prio_prg_variant(strVal(prg->arg));

	options = GetUserMapping(key.user_id, foreign_server->serverid)->options;
	server = hash_search(servers, &key, HASH_ENTER, NULL);
	server->role = role;
	server->variant = variant;
	server->pair = NULL;
	PG_TRY();
	{
		load_secret(options, "private_key", "private_key_file", key.name, prio_parse_key,
					PRIO_EXPECTED_KEY, private_key);
		load_secret(options, "shared_secret", "shared_secret_file", key.name,
					prio_parse_shared_secret, PRIO_EXPECTED_SHARED_SECRET,
					server->shared_secret);
		status = prio_key_pair_import(private_key, public_key, &server->pair);
	}
	PG_CATCH();
	{
		prio_wipe(private_key, sizeof(private_key));
		forget_server(server);
		PG_RE_THROW();
	}
	PG_END_TRY();
	prio_wipe(private_key, sizeof(private_key));
	prio_wipe_stack();
	if (status != PRIO_OK)
		forget_server(server);

	if (status == PRIO_MISMATCH)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("private key does not belong to the public key of server \"%s\"",
						key.name),
				 errhint(
					 "Compare the option public_key of the server with the key in the user mapping.")));
	prio_check(status);
	return server;
}

const uint8_t *
prio_batch_id(const text *batch_id, Size *size)
{
	const char *bytes = VARDATA_ANY(batch_id);
	Size length = VARSIZE_ANY_EXHDR(batch_id);
	const char *wire = pg_server_to_any(bytes, (int) length, PG_UTF8);

	if (wire != bytes)
		length = strlen(wire);
	if (length < 1 || length > PRIO1_MAX_BATCH_ID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("length of the batch id is out of range"),
				 errdetail("It must be between 1 and %d bytes, not %zu.", PRIO1_MAX_BATCH_ID,
						   length)));
	*size = length;
	return (const uint8_t *) wire;
}

static bool
is_batch(const CachedBatch *batch, const text *batch_id, int32 n_data)
{
	return batch->key.n_data == (uint64) n_data &&
		batch->batch_id_size == VARSIZE_ANY_EXHDR(batch_id) &&
		memcmp(batch->batch_id, VARDATA_ANY(batch_id), batch->batch_id_size) == 0;
}

/*
 * Allocates size bytes for a batch, the one used last from now on. The oldest others go
 * when there would be too much.
 */
static void *
allocate_for_batch(CachedBatch *batch, Size size)
{
	void *memory;

	dlist_move_head(&batches_by_age, &batch->node);
	while (batches_memory_size + size > CACHE_MAX_BYTES &&
		   dlist_has_prev(&batches_by_age, dlist_tail_node(&batches_by_age)))
		free_batch(dlist_tail_element(CachedBatch, node, &batches_by_age));
	memory = MemoryContextAllocHuge(cache_memory, size);
	batch->memory_size += size;
	batches_memory_size += size;
	return memory;
}

/* Once a session for each such number of data fields. */
static void
warn_if_forgeable(int32 n_data)
{
	static int32 warned; /* the sum of all n + 1, each a power of two */

	if (!prio1_is_forgeable((size_t) n_data) || (warned & (n_data + 1)) != 0 ||
		IsParallelWorker())
		return;
	warned |= n_data + 1;
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("the proof of packets can be forged when n_data is %d", n_data),
			 errdetail(
				 "With one data field less than a power of two, a hostile client can count for any number."),
			 errhint("Have clients send one more data field, which is always false.")));
}

static CachedBatch *
lookup_batch(CachedServer *server, const text *batch_id, int32 n_data)
{
	BatchKey key;
	CachedBatch *batch;
	const uint8_t *wire;
	Size size = VARSIZE_ANY_EXHDR(batch_id);
	Size wire_size;

	memset(&key, 0, sizeof(key));
	key.server = server;
	key.n_data = (uint64) n_data;
	key.batch_id_hash =
		hash_bytes_extended((const unsigned char *) VARDATA_ANY(batch_id), (int) size, 0);
	batch = hash_search(batches, &key, HASH_FIND, NULL);
	if (batch != NULL)
	{
		if (is_batch(batch, batch_id, n_data))
		{
			dlist_move_head(&batches_by_age, &batch->node);
			return batch;
		}
		free_batch(batch); /* two ids with one hash: they take turns */
	}

	wire = prio_batch_id(batch_id, &wire_size);
	warn_if_forgeable(n_data);
	batch = hash_search(batches, &key, HASH_ENTER, NULL);
	memset((char *) batch + sizeof(BatchKey), 0, sizeof(CachedBatch) - sizeof(BatchKey));
	dlist_push_head(&batches_by_age, &batch->node);
	batch->memory_size = sizeof(CachedBatch) + BATCH_OVERHEAD;
	batches_memory_size += batch->memory_size;

	batch->batch_id = allocate_for_batch(batch, size + wire_size);
	memcpy(batch->batch_id, VARDATA_ANY(batch_id), size);
	memcpy(batch->batch_id + size, wire, wire_size);
	batch->wire_batch_id = (const uint8_t *) batch->batch_id + size;
	batch->wire_batch_id_size = wire_size;
	batch->batch_id_size = size;
	return batch;
}

static bool
is_interrupted(void)
{
	return InterruptPending;
}

/*
 * Computes the weights of a batch at the point with this ordinal. Never inlined: what it
 * leaves on the stack, the point for one, must be below its caller.
 */
static pg_noinline void
fill_context(CachedBatch *batch, CachedContext *cached, int64 ordinal)
{
	CachedServer *server = batch->key.server;
	PrioStatus status;

	cached->valid = false;
	if (cached->memory == NULL)
		cached->memory = allocate_for_batch(batch, context_size(batch));

	/*
	 * How long this takes depends on the ordinal, so it stops for every interrupt; but it
	 * goes on where it stopped.
	 */
	while ((status = prio1_verifier_point(server->shared_secret, server->variant,
										  batch->wire_batch_id, batch->wire_batch_id_size,
										  batch->key.n_data, (uint64_t) ordinal, &batch->cursor,
										  &cached->point, is_interrupted)) == PRIO_INTERRUPTED)
		CHECK_FOR_INTERRUPTS();
	prio_check(status);
	prio_check(prio1_verifier_context_init(&cached->context, server->role, server->variant,
										   batch->wire_batch_id, batch->wire_batch_id_size,
										   batch->key.n_data, cached->point, cached->memory,
										   prio_cancelled));
	cached->ordinal = ordinal;
	cached->valid = true;
}

/* The call site's memory of its last row. */
static LastRow *
last_row(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(LastRow));
	return fcinfo->flinfo->fn_extra;
}

static bool
is_server(const CachedServer *server, const char *name, Size name_size)
{
	return server->key.user_id == GetUserId() && name_size < NAMEDATALEN &&
		memcmp(server->key.name, name, name_size) == 0 && server->key.name[name_size] == '\0';
}

const Prio1VerifierContext *
prio_verifier_context(FunctionCallInfo fcinfo, const text *server_name, const text *batch_id,
					  int32 n_data, int64 ordinal, PrioKeyPair **pair)
{
	LastRow *last = last_row(fcinfo);
	const char *name = VARDATA_ANY(server_name);
	Size name_size = VARSIZE_ANY_EXHDR(server_name);
	CachedContext *cached;

	prio_check_n_data(n_data);
	if (ordinal < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ordinal must not be negative")));

	refresh_cache();
	if (last->generation != cache_generation || !is_server(last->server, name, name_size))
	{
		last->generation = 0;
		last->server = lookup_server(name, name_size);
		last->batch = NULL;
	}
	if (last->batch == NULL || !is_batch(last->batch, batch_id, n_data))
	{
		last->generation = 0;
		last->batch = lookup_batch(last->server, batch_id, n_data);
	}

	cached = ordinal == 0 ? &last->batch->at_zero : &last->batch->elsewhere;
	if (!cached->valid || cached->ordinal != ordinal)
	{
		last->generation = 0;
		fill_context(last->batch, cached, ordinal);
		prio_wipe_stack();
	}
	last->generation = cache_generation;
	*pair = last->server->pair;
	return &cached->context;
}
