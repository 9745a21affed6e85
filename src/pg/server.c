/*
 * server.c
 *		The Prio server of a name: may the current role use it, and what are its role and
 *		its keys?
 */
#include "server.h"

#include "options.h"
#include "secrets.h"

#include "catalog/pg_foreign_data_wrapper.h"
#include "foreign/foreign.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#define VALIDATOR_NAME "prio_fdw_validator"

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
	return server;
}

/* The mapping of the current role, or of PUBLIC. */
static UserMapping *
find_mapping(const ForeignServer *server)
{
	Oid user_id = GetUserId();

	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user_id),
							   ObjectIdGetDatum(server->serverid)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
							   ObjectIdGetDatum(server->serverid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no user mapping for role \"%s\" on server \"%s\"",
						GetUserNameFromId(user_id, false), server->servername),
				 errhint("Give the secrets with CREATE USER MAPPING.")));
	return GetUserMapping(user_id, server->serverid);
}

/* ------------------------------------------------------------------ options */

/* Fills in what is DAP's and no secret; what it points to goes to memory. */
static void
load_task(CachedPrio3 *prio3, const PrioPrio3Options *options, uint8_t *memory)
{
	prio3->is_dap = options->is_dap;
	prio3->task = options->task;
	if (options->task.configuration_size > 0)
		memcpy(memory, options->task.configuration, options->task.configuration_size);
	prio3->task.configuration = memory;
	prio3->keys = options->keys;
	for (int i = 0; i < options->keys; i++)
	{
		memcpy(prio3->key[i].public_key, options->public_key[i], PRIO_KEY_BYTES);
		prio3->key[i].config_id = options->config_id[i];
	}
}

/* Fills in a server from its options. */
static void
load_options(CachedServer *server, List *options)
{
	PrioPrio3Options prio3_options;
	CachedPrio3 *prio3;
	uint8_t *context;

	server->role = prio_role_option(options);
	if (!prio_prio3_options(options, &prio3_options))
	{
		server->variant = prio_prg_option(options);
		return;
	}
	prio3 = prio_cache_allocate_prio3(server,
									  sizeof(CachedPrio3) + prio3_options.context_size +
										  prio3_options.task.configuration_size);
	context = (uint8_t *) (prio3 + 1);
	if (prio3_options.context_size > 0)
		memcpy(context, prio3_options.context, prio3_options.context_size);
	if (prio3_vdaf_init(&prio3->vdaf, &prio3_options.parameters, context,
						prio3_options.context_size) != PRIO_OK)
		elog(ERROR, "no such VDAF");
	load_task(prio3, &prio3_options, context + prio3_options.context_size);
}

/* ------------------------------------------------------------------ secrets */

/*
 * Takes a private key into NSS, and wipes it. Between reading it and wiping it nothing raises an
 * error.
 */
static PrioStatus
import_key(uint8_t private_key[PRIO_KEY_BYTES], const uint8_t public_key[PRIO_KEY_BYTES],
		   PrioKeyPair **pair)
{
	PrioStatus status = prio_key_pair_import(private_key, public_key, pair);

	prio_wipe(private_key, PRIO_KEY_BYTES);
	return status;
}

static PrioStatus
load_v1_secrets(CachedServer *server, List *options, List *mapping_options)
{
	const char *name = server->key.name;
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t private_key[PRIO_KEY_BYTES];

	prio_public_key_option(options, public_key);
	prio_load_shared_secret(mapping_options, name, server->shared_secret);
	prio_load_private_key(mapping_options, name, private_key);
	return import_key(private_key, public_key, &server->pair);
}

static PrioStatus
load_prio3_secrets(CachedServer *server, List *mapping_options)
{
	const char *name = server->key.name;
	CachedPrio3 *prio3 = server->prio3;
	uint8_t private_key[PRIO_KEY_BYTES];
	PrioStatus status = PRIO_OK;

	prio_load_verify_key(mapping_options, name, prio3->vdaf.seed_size, prio3->verify_key);
	for (int i = 0; i < prio3->keys && status == PRIO_OK; i++)
	{
		if (i == 0)
			prio_load_private_key(mapping_options, name, private_key);
		else
			prio_load_previous_private_key(mapping_options, name, private_key);
		status = import_key(private_key, prio3->key[i].public_key, &prio3->key[i].pair);
	}
	return status;
}

/* ------------------------------------------------------------------ both */

/* Fills in what is not there yet. */
static PrioStatus
load_server(CachedServer *server, bool is_new, bool with_secrets)
{
	ForeignServer *foreign_server = find_foreign_server(server->key.name);
	UserMapping *mapping;
	PrioStatus status;

	if (is_new)
		load_options(server, foreign_server->options);
	if (!with_secrets)
		return PRIO_OK;
	mapping = find_mapping(foreign_server);
	status = server->prio3 == NULL ?
		load_v1_secrets(server, foreign_server->options, mapping->options) :
		load_prio3_secrets(server, mapping->options);
	server->has_secrets = status == PRIO_OK;
	return status;
}

/* Fills in what a server in the cache lacks; if that fails, it is in there no more. */
static void
complete_server(CachedServer *server, bool is_new, bool with_secrets)
{
	ServerKey key = server->key;
	volatile PrioStatus status = PRIO_OK;

	PG_TRY();
	{
		status = load_server(server, is_new, with_secrets);
	}
	PG_CATCH();
	{
		prio_cache_forget_server(server);
		PG_RE_THROW();
	}
	PG_END_TRY();
	prio_wipe_stack();
	if (status != PRIO_OK)
		prio_cache_forget_server(server);

	if (status == PRIO_MISMATCH)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("private key does not belong to the public key of server \"%s\"",
						key.name),
				 errhint(
					 "Compare the option public_key of the server with the key in the user mapping.")));
	prio_check(status);
}

static CachedServer *
lookup(const text *server_name, bool with_secrets)
{
	const char *name = VARDATA_ANY(server_name);
	Size size = VARSIZE_ANY_EXHDR(server_name);
	ServerKey key;
	CachedServer *server;

	if (size >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", pnstrdup(name, size))));
	memset(&key, 0, sizeof(key));
	key.user_id = GetUserId();
	memcpy(key.name, name, size);

	server = prio_cache_find_server(&key);
	if (server == NULL)
	{
		server = prio_cache_new_server(&key);
		complete_server(server, true, with_secrets);
	}
	else if (with_secrets && !server->has_secrets)
		complete_server(server, false, true);
	return server;
}

CachedServer *
prio_lookup_server(const text *server_name)
{
	CachedServer *server = lookup(server_name, false);

	if (server->prio3 != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" speaks Prio3", server->key.name),
				 errhint("Use the functions whose names begin with prio3_ or dap_.")));
	return lookup(server_name, true);
}

bool
prio_server_speaks_prio3(const text *server_name)
{
	prio_cache_refresh();
	return lookup(server_name, false)->prio3 != NULL;
}

CachedServer *
prio_lookup_prio3(const text *server_name, bool with_secrets)
{
	CachedServer *server;

	prio_cache_refresh();
	server = lookup(server_name, false);
	if (server->prio3 == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" does not speak Prio3", server->key.name),
				 errhint("Make a server with the option vdaf.")));
	return with_secrets ? lookup(server_name, true) : server;
}

CachedServer *
prio_lookup_dap(const text *server_name, bool with_secrets)
{
	CachedServer *server = prio_lookup_prio3(server_name, with_secrets);

	if (!server->prio3->is_dap)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" has no task of DAP", server->key.name),
				 errhint("Make a server with the options dap and task_id.")));
	return server;
}

const Prio3Vdaf *
prio_vdaf_with_tables(CachedServer *server)
{
	Prio3Vdaf *vdaf = &server->prio3->vdaf;
	PrioStatus status;

	if (vdaf->roots != NULL)
		return vdaf;
	status = prio3_tables_init(vdaf, prio_cache_allocate_tables(server, prio3_tables_size(vdaf)),
							   prio_cancelled);
	if (status != PRIO_OK)
		prio_cache_forget_tables(server);
	prio_check(status);
	return vdaf;
}

bool
prio_is_server(const CachedServer *server, const text *server_name)
{
	const char *name = VARDATA_ANY(server_name);
	Size size = VARSIZE_ANY_EXHDR(server_name);

	return server->key.user_id == GetUserId() && size < NAMEDATALEN &&
		memcmp(server->key.name, name, size) == 0 && server->key.name[size] == '\0';
}
