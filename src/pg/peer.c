/*
 * peer.c
 *		The way to another server's database: foreign servers of the wrapper prio_peer.
 *
 * Their options, and those of their user mappings, are libpq's, as far as this libpq knows
 * them, and one of our own: as whom the other server logs in here. What is in nobody's reach: how this module speaks to the other server
 * (client_encoding, application_name, replication), and what writes files or takes
 * somebody at a terminal.
 */
#include "peer.h"

#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "common/string.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "libpq-fe.h"

#include <errno.h>

PRIO_FUNCTION(prio_peer_validator);

/* ------------------------------------------------------------------ the table */

/* How long connecting may take if the server does not say so, in seconds. */
#define DEFAULT_CONNECT_TIMEOUT 10
#define MAX_CONNECT_TIMEOUT 86400

typedef enum PeerValue
{
	PEER_TEXT,
	PEER_SECRET,
	PEER_FILE, /* an absolute path on the machine of this server */
	PEER_SECONDS,
	PEER_LOGIN, /* a role of this cluster: nothing for libpq */
} PeerValue;

typedef struct PeerOption
{
	const char *name;
	Oid catalog; /* of the objects that have it */
	PeerValue value;
} PeerOption;

static const PeerOption peer_options[] = {
	{"service", ForeignServerRelationId, PEER_TEXT},
	{"host", ForeignServerRelationId, PEER_TEXT},
	{"hostaddr", ForeignServerRelationId, PEER_TEXT},
	{"port", ForeignServerRelationId, PEER_TEXT},
	{"dbname", ForeignServerRelationId, PEER_TEXT},
	{"connect_timeout", ForeignServerRelationId, PEER_SECONDS},
	{"target_session_attrs", ForeignServerRelationId, PEER_TEXT},
	{"load_balance_hosts", ForeignServerRelationId, PEER_TEXT},
	{"options", ForeignServerRelationId, PEER_TEXT},
	{"keepalives", ForeignServerRelationId, PEER_TEXT},
	{"keepalives_idle", ForeignServerRelationId, PEER_TEXT},
	{"keepalives_interval", ForeignServerRelationId, PEER_TEXT},
	{"keepalives_count", ForeignServerRelationId, PEER_TEXT},
	{"tcp_user_timeout", ForeignServerRelationId, PEER_TEXT},
	{"require_auth", ForeignServerRelationId, PEER_TEXT},
	{"requirepeer", ForeignServerRelationId, PEER_TEXT},
	{"channel_binding", ForeignServerRelationId, PEER_TEXT},
	{"min_protocol_version", ForeignServerRelationId, PEER_TEXT},
	{"max_protocol_version", ForeignServerRelationId, PEER_TEXT},
	{"sslmode", ForeignServerRelationId, PEER_TEXT},
	{"sslnegotiation", ForeignServerRelationId, PEER_TEXT},
	{"sslcertmode", ForeignServerRelationId, PEER_TEXT},
	{"sslrootcert", ForeignServerRelationId, PEER_TEXT}, /* of no secret content */
	{"sslcrl", ForeignServerRelationId, PEER_TEXT},
	{"sslcrldir", ForeignServerRelationId, PEER_TEXT},
	{"sslsni", ForeignServerRelationId, PEER_TEXT},
	{"ssl_min_protocol_version", ForeignServerRelationId, PEER_TEXT},
	{"ssl_max_protocol_version", ForeignServerRelationId, PEER_TEXT},
	{"gssencmode", ForeignServerRelationId, PEER_TEXT},
	{"gsslib", ForeignServerRelationId, PEER_TEXT},
	{"krbsrvname", ForeignServerRelationId, PEER_TEXT},
	{"login", ForeignServerRelationId, PEER_LOGIN},

	{"user", UserMappingRelationId, PEER_TEXT},
	{"password", UserMappingRelationId, PEER_SECRET},
	{"passfile", UserMappingRelationId, PEER_FILE},
	{"sslcert", UserMappingRelationId, PEER_FILE},
	{"sslkey", UserMappingRelationId, PEER_FILE},
	{"sslpassword", UserMappingRelationId, PEER_SECRET},
	{"scram_client_key", UserMappingRelationId, PEER_SECRET}, /* instead of the password */
	{"scram_server_key", UserMappingRelationId, PEER_SECRET},
};

/* Is it ours, or one of this libpq, which may be older or newer than what compiled us? */
static bool
is_known(const PeerOption *option)
{
	static bool asked;
	static bool known[lengthof(peer_options)];

	if (option->value == PEER_LOGIN)
		return true;
	if (!asked)
	{
		PQconninfoOption *all = PQconndefaults();

		if (all == NULL)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
		for (const PQconninfoOption *one = all; one->keyword != NULL; one++)
			for (int i = 0; i < (int) lengthof(peer_options); i++)
				if (strcmp(one->keyword, peer_options[i].name) == 0)
					known[i] = true;
		PQconninfoFree(all);
		asked = true;
	}
	return known[option - peer_options];
}

static const PeerOption *
find_peer_option(const char *name, Oid catalog)
{
	for (int i = 0; i < (int) lengthof(peer_options); i++)
		if (peer_options[i].catalog == catalog && strcmp(peer_options[i].name, name) == 0 &&
			is_known(&peer_options[i]))
			return &peer_options[i];
	return NULL;
}

/* ------------------------------------------------------------------ validator */

/* The options of one kind of object in words: "a, b and c". */
static const char *
option_names(Oid catalog)
{
	StringInfoData names;
	const char *last = NULL;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(peer_options); i++)
	{
		if (peer_options[i].catalog != catalog || !is_known(&peer_options[i]))
			continue;
		if (last != NULL)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", last);
		last = peer_options[i].name;
	}
	appendStringInfo(&names, " and %s", last);
	return names.data;
}

static _Noreturn void
unknown_option(const char *name, Oid catalog)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
			 find_peer_option(name, UserMappingRelationId) != NULL ?
				 errhint("It is an option of user mappings.") :
				 find_peer_option(name, ForeignServerRelationId) != NULL ?
				 errhint("It is an option of servers.") :
				 catalog == ForeignServerRelationId ?
				 errhint("Options of a server are %s.", option_names(catalog)) :
				 catalog == UserMappingRelationId ?
				 errhint("Options of a user mapping are %s.", option_names(catalog)) :
				 errhint("There are no options in this place.")));
}

/* Never shows the value: it may be a secret. */
static _Noreturn void
bad_value(const char *name, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\"", name),
			 errdetail("Expected %s.", expected)));
}

static bool
parse_seconds(const char *value, int *seconds)
{
	char *end;

	errno = 0;
	*seconds = strtoint(value, &end, 10);
	return errno == 0 && end != value && *end == '\0' && *seconds >= 0 &&
		*seconds <= MAX_CONNECT_TIMEOUT;
}

static void
check_value(const PeerOption *option, const char *value)
{
	int seconds;

	if (value == NULL)
		bad_value(option->name, "a value");
	if (option->value == PEER_SECONDS && !parse_seconds(value, &seconds))
		bad_value(option->name,
				  "a number of seconds between 0 and " CppAsString2(MAX_CONNECT_TIMEOUT));
	if (option->value != PEER_FILE)
		return;
	if (!is_absolute_path(value))
		bad_value(option->name, "an absolute path");

	/* Otherwise a mapping would make use of any file that the server can read. */
	if (!superuser() && !has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errdetail(
					 "Only superusers and members of pg_read_server_files may name files of the server.")));
}

/*
 * peer_validator(options text[], catalog oid): PostgreSQL calls it with all options that an
 * object is about to have, and anybody with anything.
 */
Datum
prio_peer_validator(PG_FUNCTION_ARGS)
{
	List *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid catalog = PG_GETARG_OID(1);
	ListCell *cell;

	foreach (cell, options)
	{
		const DefElem *def = (const DefElem *) lfirst(cell);
		const PeerOption *option = find_peer_option(def->defname, catalog);

		if (option == NULL)
			unknown_option(def->defname, catalog);
		check_value(option, def->arg == NULL ? NULL : strVal(def->arg));
	}
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------ loading */

/* Is it our validator, and not another of that name? */
static bool
is_peer_wrapper(const ForeignDataWrapper *wrapper)
{
	FmgrInfo validator;

	if (!OidIsValid(wrapper->fdwvalidator))
		return false;
	fmgr_info(wrapper->fdwvalidator, &validator);
	return validator.fn_addr == prio_peer_validator;
}

/* The foreign server of this name, if the current user may pull through it. */
static ForeignServer *
find_peer_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult acl = foreign_server_usage(server->serverid, GetUserId());

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_FOREIGN_SERVER, server->servername);
	if (!is_peer_wrapper(GetForeignDataWrapper(server->fdwid)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a way to another database", server->servername),
				 errhint("Create one with CREATE SERVER ... FOREIGN DATA WRAPPER prio_peer.")));
	return server;
}

/* The options of the user mapping for the current user, or else of that for everybody. */
static List *
find_mapping_options(const ForeignServer *server)
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
				 errhint("Say who connects there with CREATE USER MAPPING.")));
	return GetUserMapping(user_id, server->serverid)->options;
}

static void
add_option(PrioPeer *peer, int *count, const char *keyword, const char *value)
{
	peer->keywords[*count] = keyword;
	peer->values[*count] = value;
	++*count;
}

/*
 * Adds the options of an object. It may have been made with a newer libpq: what this one does
 * not know is an error, since what is left out could be what makes the connection safe.
 */
static void
add_options(PrioPeer *peer, int *count, List *options, Oid catalog)
{
	int secrets = 0;
	ListCell *cell;

	foreach (cell, options)
	{
		const DefElem *def = (const DefElem *) lfirst(cell);
		const PeerOption *option = find_peer_option(def->defname, catalog);
		const char *value;

		if (option == NULL)
			unknown_option(def->defname, catalog);
		if (def->arg == NULL || option->value == PEER_LOGIN)
			continue;
		value = strVal(def->arg);
		if (option->value == PEER_SECONDS)
			parse_seconds(value, &peer->connect_timeout);
		if (option->value == PEER_SECRET && secrets < PRIO_PEER_MAX_SECRETS)
			peer->secrets[secrets++] = value;
		if (strcmp(option->name, "service") == 0)
			peer->has_service = true;
		add_option(peer, count, option->name, value);
	}
}

void
prio_peer_load(PrioPeer *peer, const char *name)
{
	ForeignServer *server = find_peer_server(name);
	List *mapping_options = find_mapping_options(server);
	int max_count = list_length(server->options) + list_length(mapping_options) + 3;
	int count = 0;

	memset(peer, 0, sizeof(*peer));
	peer->name = server->servername;
	peer->connect_timeout = DEFAULT_CONNECT_TIMEOUT;
	peer->keywords = palloc(max_count * sizeof(char *));
	peer->values = palloc(max_count * sizeof(char *));
	add_options(peer, &count, server->options, ForeignServerRelationId);
	add_options(peer, &count, mapping_options, UserMappingRelationId);

	/* Of several values of a keyword the last counts. */
	add_option(peer, &count, "client_encoding", "UTF8");
	add_option(peer, &count, "application_name", "prio_processor");
	add_option(peer, &count, NULL, NULL);
}

void
prio_peer_wipe(PrioPeer *peer)
{
	for (int i = 0; i < PRIO_PEER_MAX_SECRETS; i++)
		if (peer->secrets[i] != NULL)
			prio_wipe(unconstify(char *, peer->secrets[i]), strlen(peer->secrets[i]));
	memset(peer->secrets, 0, sizeof(peer->secrets));
}
