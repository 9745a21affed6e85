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

/*
 * Fills in a server from its options and those of the mapping. Between reading the private
 * key and wiping it nothing raises an error.
 */
static PrioStatus
load_server(CachedServer *server, List *options, List *mapping_options)
{
	const char *name = server->key.name;
	uint8_t public_key[PRIO_KEY_BYTES];
	uint8_t private_key[PRIO_KEY_BYTES];
	PrioStatus status;

	server->role = prio_role_option(options);
	server->variant = prio_prg_option(options);
	prio_public_key_option(options, public_key);
	prio_load_shared_secret(mapping_options, name, server->shared_secret);
	prio_load_private_key(mapping_options, name, private_key);
	status = prio_key_pair_import(private_key, public_key, &server->pair);
	prio_wipe(private_key, sizeof(private_key));
	return status;
}

/* A server that is not in the cache: there it is afterwards. */
static CachedServer *
add_server(const ServerKey *key)
{
	ForeignServer *foreign_server = find_foreign_server(key->name);
	UserMapping *mapping = GetUserMapping(key->user_id, foreign_server->serverid);
	CachedServer *server = prio_cache_new_server(key);
	volatile PrioStatus status = PRIO_OK;

	PG_TRY();
	{
		status = load_server(server, foreign_server->options, mapping->options);
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
						key->name),
				 errhint(
					 "Compare the option public_key of the server with the key in the user mapping.")));
	prio_check(status);
	return server;
}

CachedServer *
prio_lookup_server(const text *server_name)
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
	return server != NULL ? server : add_server(&key);
}

bool
prio_is_server(const CachedServer *server, const text *server_name)
{
	const char *name = VARDATA_ANY(server_name);
	Size size = VARSIZE_ANY_EXHDR(server_name);

	return server->key.user_id == GetUserId() && size < NAMEDATALEN &&
		memcmp(server->key.name, name, size) == 0 && server->key.name[size] == '\0';
}
