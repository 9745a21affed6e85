/*
 * options.c
 *		The options of Prio servers and of their user mappings: which there are, what they
 *		may be, and what they mean.
 */
#include "options.h"

#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"

PRIO_FUNCTION(prio_fdw_validator);

/* ------------------------------------------------------------------ values */

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

static bool
is_role(const char *value)
{
	PrioRole role;

	return parse_role(value, &role);
}

static bool
is_prg(const char *value)
{
	Prio1PrgVariant variant;

	return parse_prg(value, &variant);
}

/* Bytes in writing, which may be secret ones: at most PRIO_KEY_BYTES. */
static bool
is_written(const char *value, PrioParseSecret parse)
{
	uint8_t bytes[PRIO_KEY_BYTES];
	bool valid = parse(value, strlen(value), bytes);

	prio_wipe(bytes, sizeof(bytes));
	return valid;
}

static bool
is_key(const char *value)
{
	return is_written(value, prio_parse_key);
}

static bool
is_shared_secret(const char *value)
{
	return is_written(value, prio_parse_shared_secret);
}

static bool
is_path(const char *value)
{
	return is_absolute_path(value);
}

/* ------------------------------------------------------------------ the table */

#define EXPECTED_ROLE "A or B"
#define EXPECTED_PRG "batch or seed"
#define EXPECTED_PATH "an absolute path"

/* What one option is, and what it belongs to. */
typedef struct PrioOption
{
	const char *name;
	Oid catalog; /* of the objects that have it */
	bool (*is_valid)(const char *value);
	const char *expected; /* in words, for the detail of an error */
	bool is_file;         /* names a file of the server's machine */
} PrioOption;

static const PrioOption prio_options[] = {
	{"role", ForeignServerRelationId, is_role, EXPECTED_ROLE, false},
	{"public_key", ForeignServerRelationId, is_key, PRIO_EXPECTED_KEY, false},
	{"prg", ForeignServerRelationId, is_prg, EXPECTED_PRG, false},

	{"private_key", UserMappingRelationId, is_key, PRIO_EXPECTED_KEY, false},
	{"private_key_file", UserMappingRelationId, is_path, EXPECTED_PATH, true},
	{"shared_secret", UserMappingRelationId, is_shared_secret, PRIO_EXPECTED_SHARED_SECRET,
	 false},
	{"shared_secret_file", UserMappingRelationId, is_path, EXPECTED_PATH, true},
};

/* What the objects of a catalog are called; NULL for those that have no options. */
static const char *
object_kind(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return "server";
		case UserMappingRelationId:
			return "user mapping";
		default:
			return NULL;
	}
}

/* The options of one kind of object in words: "a, b and c". */
static const char *
option_names(Oid catalog)
{
	StringInfoData names;
	const char *last = NULL;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(prio_options); i++)
	{
		if (prio_options[i].catalog != catalog)
			continue;
		if (last != NULL)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", last);
		last = prio_options[i].name;
	}
	if (last != NULL)
		appendStringInfo(&names, "%s%s", names.len > 0 ? " and " : "", last);
	return names.data;
}

/* Raises an error for an option that these objects do not have. */
static const PrioOption *
lookup_option(const char *name, Oid catalog)
{
	const char *kind = object_kind(catalog);

	for (int i = 0; i < (int) lengthof(prio_options); i++)
		if (prio_options[i].catalog == catalog && strcmp(prio_options[i].name, name) == 0)
			return &prio_options[i];

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME), errmsg("invalid option \"%s\"", name),
			 kind == NULL ? errhint("There are no options in this place.") :
							errhint("Options of a %s are %s.", kind, option_names(catalog))));
}

/* ------------------------------------------------------------------ reading */

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

char *
prio_option(List *options, const char *name)
{
	const DefElem *def = find_option(options, name);

	return def == NULL || def->arg == NULL ? NULL : strVal(def->arg);
}

char *
prio_required_option(List *options, const char *name)
{
	char *value = prio_option(options, name);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"%s\" is required", name)));
	return value;
}

void
prio_bad_option(const char *name, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("invalid value for option \"%s\"", name),
			 errdetail("Expected %s.", expected)));
}

PrioRole
prio_role_option(List *options)
{
	PrioRole role;

	if (!parse_role(prio_required_option(options, "role"), &role))
		prio_bad_option("role", EXPECTED_ROLE);
	return role;
}

Prio1PrgVariant
prio_prg_option(List *options)
{
	const char *value = prio_option(options, "prg");
	Prio1PrgVariant variant = PRIO1_PRG_BATCH;

	if (value != NULL && !parse_prg(value, &variant))
		prio_bad_option("prg", EXPECTED_PRG);
	return variant;
}

void
prio_public_key_option(List *options, uint8_t public_key[PRIO_KEY_BYTES])
{
	const char *value = prio_required_option(options, "public_key");

	if (!prio_parse_key(value, strlen(value), public_key))
		prio_bad_option("public_key", PRIO_EXPECTED_KEY);
}

Prio1PrgVariant
prio_prg_variant(const char *name)
{
	Prio1PrgVariant variant;

	if (!parse_prg(name, &variant))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid variant of the pseudo-random generator"),
				 errdetail("Expected %s.", EXPECTED_PRG)));
	return variant;
}

/* ------------------------------------------------------------------ the validator */

/* Otherwise a mapping would read any file that the server can read. */
static void
check_may_name_files(const char *name)
{
	if (!superuser() && !has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", name),
				 errdetail(
					 "Only superusers and members of pg_read_server_files may name files of the server.")));
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
		const PrioOption *option = lookup_option(def->defname, catalog);

		/* Anybody may call this function, with an option that has no value at all. */
		if (def->arg == NULL)
			prio_bad_option(option->name, "a value");
		if (!option->is_valid(strVal(def->arg)))
			prio_bad_option(option->name, option->expected);
		if (option->is_file)
			check_may_name_files(option->name);
	}

	if (catalog == ForeignServerRelationId)
	{
		prio_required_option(options, "role");
		prio_required_option(options, "public_key");
	}
	else if (catalog == UserMappingRelationId)
	{
		require_one_of(options, "private_key", "private_key_file");
		require_one_of(options, "shared_secret", "shared_secret_file");
	}
	PG_RETURN_VOID();
}
