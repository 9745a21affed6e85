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
	*role = strcmp(value, "A") == 0 || strcmp(value, "leader") == 0 ? PRIO_A : PRIO_B;
	return *role == PRIO_A || strcmp(value, "B") == 0 || strcmp(value, "helper") == 0;
}

static bool
parse_prg(const char *value, Prio1PrgVariant *variant)
{
	*variant = strcmp(value, "batch") == 0 ? PRIO1_PRG_BATCH : PRIO1_PRG_SEED;
	return *variant == PRIO1_PRG_BATCH || strcmp(value, "seed") == 0;
}

static bool
parse_draft(const char *value, Prio3Draft *draft)
{
	*draft = strcmp(value, "8") == 0 ? PRIO3_DRAFT_8 : PRIO3_DRAFT_18;
	return *draft == PRIO3_DRAFT_8 || strcmp(value, "18") == 0;
}

static bool
parse_dap(const char *value, DapVersion *version)
{
	*version = strcmp(value, "09") == 0 ? DAP_09 : DAP_18;
	return *version == DAP_09 || strcmp(value, "18") == 0;
}

/* Digits and nothing else, of a number in this range. */
static bool
parse_number(const char *value, uint64 lowest, uint64 highest, uint64 *number)
{
	*number = 0;
	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++)
	{
		uint64 digit = (uint64) (unsigned char) *value - '0';

		if (digit > 9 || *number > (PG_UINT64_MAX - digit) / 10)
			return false;
		*number = *number * 10 + digit;
	}
	return *number >= lowest && *number <= highest;
}

/* Base64 as in URLs and without padding (RFC 4648, section 5), as DAP writes ids. */
static bool
parse_task_id(const char *value, uint8_t task_id[DAP_TASK_ID_BYTES])
{
	char base64[PRIO_BASE64_LENGTH(DAP_TASK_ID_BYTES) + 1];
	Size length = strlen(value);

	if (length != sizeof(base64) - 2 || strpbrk(value, "+/=") != NULL)
		return false;
	for (Size i = 0; i < length; i++)
	{
		base64[i] = value[i];
		if (value[i] == '-')
			base64[i] = '+';
		else if (value[i] == '_')
			base64[i] = '/';
	}
	base64[length] = '=';
	return prio_parse_base64(base64, length + 1, task_id, DAP_TASK_ID_BYTES);
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
is_vdaf(const char *value)
{
	Prio3Kind kind;

	return prio3_kind_from_name(value, &kind);
}

static bool
is_draft(const char *value)
{
	Prio3Draft draft;

	return parse_draft(value, &draft);
}

static bool
is_dap(const char *value)
{
	DapVersion version;

	return parse_dap(value, &version);
}

static bool
is_positive(const char *value)
{
	uint64 number;

	return parse_number(value, 1, PG_UINT64_MAX, &number);
}

static bool
is_seconds(const char *value)
{
	uint64 number;

	return parse_number(value, 1, PG_INT64_MAX, &number);
}

static bool
is_bits(const char *value)
{
	uint64 number;

	return parse_number(value, 1, 64, &number);
}

static bool
is_config_id(const char *value)
{
	uint64 number;

	return parse_number(value, 0, PG_UINT8_MAX, &number);
}

static bool
is_task_id(const char *value)
{
	uint8_t task_id[DAP_TASK_ID_BYTES];

	return parse_task_id(value, task_id);
}

static bool
is_hex(const char *value)
{
	Size length = strlen(value);
	uint8_t *bytes = palloc(length / 2 + 1);
	bool valid = prio_parse_hex(value, length, bytes, length / 2);

	pfree(bytes);
	return valid;
}

static bool
is_context(const char *value)
{
	return is_hex(value) && strlen(value) <= (Size) 2 * PRIO3_MAX_CONTEXT;
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

/* Of either draft: which one the validator of a user mapping does not know. */
static bool
is_verify_key(const char *value)
{
	return is_key(value) || is_written(value, prio_parse_short_verify_key);
}

static bool
is_path(const char *value)
{
	return is_absolute_path(value);
}

/* ------------------------------------------------------------------ the table */

#define EXPECTED_ROLE "A or B (leader or helper)"
#define EXPECTED_PRG "batch or seed"
#define EXPECTED_VDAF PRIO3_KIND_NAMES
#define EXPECTED_DRAFT "18 or 8"
#define EXPECTED_DAP "18 or 09"
#define EXPECTED_POSITIVE "an integer from 1 to 18446744073709551615"
#define EXPECTED_SECONDS "an integer from 1 to 9223372036854775807"
#define EXPECTED_BITS "an integer from 1 to 64"
#define EXPECTED_CONFIG_ID "an integer from 0 to 255"
#define EXPECTED_TASK_ID "43 characters of base64url without padding"
#define EXPECTED_HEX "hexadecimal digits, two a byte"
#define EXPECTED_CONTEXT "at most 65527 bytes, two hexadecimal digits each"
#define EXPECTED_PATH "an absolute path"
#define EXPECTED_VERIFY_KEY "64 hexadecimal digits, or 32 for draft 8"

/* What a server speaks, one bit each: which options it has follows from that, and from its VDAF. */
#define V1 0x01
#define BARE_18 0x02 /* Prio3, shares as they are */
#define BARE_8 0x04
#define SEALED_18 0x08 /* Prio3, shares sealed as DAP seals them */
#define SEALED_09 0x10
#define SEALED (SEALED_18 | SEALED_09)
#define PRIO3 (BARE_18 | BARE_8 | SEALED)
#define ANY (V1 | PRIO3)

/* What one option is, and what it belongs to. */
typedef struct PrioOption
{
	const char *name;
	Oid catalog; /* of the objects that have it */
	bool (*is_valid)(const char *value);
	const char *expected;   /* in words, for the detail of an error */
	bool is_file;           /* names a file of the server's machine */
	int speech;             /* of servers that may have it, or whose mappings may */
	int required;           /* of those that must */
	unsigned int parameter; /* of VDAFs: PRIO3_HAS_..., or 0 */
} PrioOption;

static const PrioOption prio_options[] = {
#define SERVER ForeignServerRelationId
	{"role", SERVER, is_role, EXPECTED_ROLE, false, ANY, ANY, 0},
	{"public_key", SERVER, is_key, PRIO_EXPECTED_KEY, false, ANY, V1 | SEALED, 0},
	{"prg", SERVER, is_prg, EXPECTED_PRG, false, V1, 0, 0},
	{"vdaf", SERVER, is_vdaf, EXPECTED_VDAF, false, PRIO3, PRIO3, 0},
	{"max_measurement", SERVER, is_positive, EXPECTED_POSITIVE, false, PRIO3, PRIO3,
	 PRIO3_HAS_MAX_MEASUREMENT},
	{"length", SERVER, is_positive, EXPECTED_POSITIVE, false, PRIO3, PRIO3, PRIO3_HAS_LENGTH},
	{"chunk_length", SERVER, is_positive, EXPECTED_POSITIVE, false, PRIO3, 0,
	 PRIO3_HAS_CHUNK_LENGTH},
	{"max_weight", SERVER, is_positive, EXPECTED_POSITIVE, false, PRIO3, PRIO3,
	 PRIO3_HAS_MAX_WEIGHT},
	{"max_value", SERVER, is_positive, EXPECTED_POSITIVE, false, PRIO3, PRIO3,
	 PRIO3_HAS_MAX_VALUE},
	{"bits", SERVER, is_bits, EXPECTED_BITS, false, PRIO3, PRIO3, PRIO3_HAS_BITS},
	{"draft", SERVER, is_draft, EXPECTED_DRAFT, false, PRIO3, 0, 0},
	{"context", SERVER, is_context, EXPECTED_CONTEXT, false, BARE_18, 0, 0},
	{"dap", SERVER, is_dap, EXPECTED_DAP, false, SEALED, SEALED, 0},
	{"task_id", SERVER, is_task_id, EXPECTED_TASK_ID, false, SEALED, SEALED, 0},
	{"task_configuration", SERVER, is_hex, EXPECTED_HEX, false, SEALED_18, SEALED_18, 0},
	{"time_precision", SERVER, is_seconds, EXPECTED_SECONDS, false, SEALED, SEALED, 0},
	{"hpke_config_id", SERVER, is_config_id, EXPECTED_CONFIG_ID, false, SEALED, SEALED, 0},
	{"previous_public_key", SERVER, is_key, PRIO_EXPECTED_KEY, false, SEALED, 0, 0},
	{"previous_hpke_config_id", SERVER, is_config_id, EXPECTED_CONFIG_ID, false, SEALED, 0, 0},
#undef SERVER

#define MAPPING UserMappingRelationId
	{"private_key", MAPPING, is_key, PRIO_EXPECTED_KEY, false, ANY, 0, 0},
	{"private_key_file", MAPPING, is_path, EXPECTED_PATH, true, ANY, 0, 0},
	{"shared_secret", MAPPING, is_shared_secret, PRIO_EXPECTED_SHARED_SECRET, false, V1, 0, 0},
	{"shared_secret_file", MAPPING, is_path, EXPECTED_PATH, true, V1, 0, 0},
	{"verify_key", MAPPING, is_verify_key, EXPECTED_VERIFY_KEY, false, PRIO3, 0, 0},
	{"verify_key_file", MAPPING, is_path, EXPECTED_PATH, true, PRIO3, 0, 0},
	{"previous_private_key", MAPPING, is_key, PRIO_EXPECTED_KEY, false, PRIO3, 0, 0},
	{"previous_private_key_file", MAPPING, is_path, EXPECTED_PATH, true, PRIO3, 0, 0},
#undef MAPPING
};

/* What a server is, or several. */
typedef struct Profile
{
	int speech;              /* of what is above */
	unsigned int parameters; /* PRIO3_HAS_..., of its VDAF */
} Profile;

static const Profile anything = {ANY, PRIO3_HAS_EVERY};

static bool
has_option(const PrioOption *option, Oid catalog, Profile profile)
{
	return option->catalog == catalog && (option->speech & profile.speech) != 0 &&
		(option->parameter == 0 || (option->parameter & profile.parameters) != 0);
}

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

/* The options of one kind of object with such a profile, in words: "a, b and c". */
static const char *
option_names(Oid catalog, Profile profile)
{
	StringInfoData names;
	const char *last = NULL;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(prio_options); i++)
	{
		if (!has_option(&prio_options[i], catalog, profile))
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
			 kind == NULL ?
				 errhint("There are no options in this place.") :
				 errhint("Options of a %s are %s.", kind, option_names(catalog, anything))));
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

/* ------------------------------------------------------------------ what a server speaks */

static const char *
vdaf_option(List *options, Prio3Kind *kind)
{
	const char *value = prio_option(options, "vdaf");

	if (value != NULL && !prio3_kind_from_name(value, kind))
		prio_bad_option("vdaf", EXPECTED_VDAF);
	return value;
}

/* The number in an option that is there, or else what it is then. */
static uint64
number_option(List *options, const char *name, uint64 lowest, uint64 highest,
			  const char *expected, uint64 otherwise)
{
	const char *value = prio_option(options, name);
	uint64 number = otherwise;

	if (value != NULL && !parse_number(value, lowest, highest, &number))
		prio_bad_option(name, expected);
	return number;
}

static uint64
positive_option(List *options, const char *name, uint64 otherwise)
{
	return number_option(options, name, 1, PG_UINT64_MAX, EXPECTED_POSITIVE, otherwise);
}

static uint8_t *
hex_option(List *options, const char *name, Size *size)
{
	const char *value = prio_option(options, name);
	Size length = value == NULL ? 0 : strlen(value);
	uint8_t *bytes = palloc(length / 2 + 1);

	if (value != NULL && !prio_parse_hex(value, length, bytes, length / 2))
		prio_bad_option(name, EXPECTED_HEX);
	*size = length / 2;
	return bytes;
}

static void
key_option(List *options, const char *name, uint8_t public_key[PRIO_KEY_BYTES])
{
	const char *value = prio_required_option(options, name);

	if (!prio_parse_key(value, strlen(value), public_key))
		prio_bad_option(name, PRIO_EXPECTED_KEY);
}

/* Raises the error for an option that others rule out. */
static _Noreturn void
report_conflict(const char *name, Oid catalog, Profile profile, const char *why,
				const char *whose)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"%s\" does not go with the other options", name),
			 errdetail("%s", why),
			 errhint("Options of a %s %s are %s.", object_kind(catalog), whose,
					 option_names(catalog, profile))));
}

/* Checks that these are options that go together, and that none is missing. */
static void
check_profile(List *options, Oid catalog, Profile profile, const char *why, const char *whose)
{
	for (int i = 0; i < (int) lengthof(prio_options); i++)
	{
		const PrioOption *option = &prio_options[i];

		if (option->catalog == catalog && !has_option(option, catalog, profile) &&
			find_option(options, option->name) != NULL)
			report_conflict(option->name, catalog, profile, why, whose);
	}
	for (int i = 0; i < (int) lengthof(prio_options); i++)
	{
		const PrioOption *option = &prio_options[i];

		if (!has_option(option, catalog, profile) || (option->required & profile.speech) == 0)
			continue;
		if (profile.speech == V1)
			(void) prio_required_option(options, option->name);
		else if (prio_option(options, option->name) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("option \"%s\" is required", option->name), errdetail("%s", why),
					 errhint("Options of a %s %s are %s.", object_kind(catalog), whose,
							 option_names(catalog, profile))));
	}
}

/* The draft of Prio3, which follows from DAP's if there is that. */
static Prio3Draft
draft_option(List *options, bool is_dap, DapVersion version)
{
	const char *value = prio_option(options, "draft");
	Prio3Draft draft = is_dap && version == DAP_09 ? PRIO3_DRAFT_8 : PRIO3_DRAFT_18;
	Prio3Draft given = draft;

	if (value != NULL && !parse_draft(value, &given))
		prio_bad_option("draft", EXPECTED_DRAFT);
	if (is_dap && given != draft)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"%s\" does not go with the other options", "draft"),
				 errdetail("The shares of DAP %s are of draft %d.",
						   prio_option(options, "dap"), (int) draft),
				 errhint("Leave the option draft out.")));
	return given;
}

/* Raises the error for parameters that no VDAF has, or that no value can hold. */
static void
check_parameters(const char *name, const Prio3Vdaf *vdaf, PrioStatus status,
				 const Prio3Parameters *p)
{
	const char *detail;

	if (status == PRIO_OK)
		return;
	if (status == PRIO_WRONG_LENGTH)
		detail = psprintf("A share of server A would have more than %u bytes.", PRIO3_MAX_SHARE);
	else if (p->kind == PRIO3_SUM && p->draft == PRIO3_DRAFT_18)
		detail = "The option max_measurement must be below 2^64 - 2^32 + 1.";
	else if (p->kind == PRIO3_MULTIHOT_COUNT_VEC && p->max > p->length)
		detail = "The option max_weight must not exceed the option length.";
	else
		detail = "The option chunk_length must not exceed the number of elements of a share: "
				 "the length times the bits of an integer, and those of one more integer "
				 "where the VDAF has one.";
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("parameters of %s are out of range", name), errdetail("%s", detail)));
}

/* Reads the parameters, and checks that all options go together. */
static void
read_vdaf(List *options, const char *name, PrioPrio3Options *out)
{
	Prio3Parameters *p = &out->parameters;
	const char *dap = prio_option(options, "dap");
	Profile profile;
	const char *whose;
	uint64 bits;

	out->is_dap = dap != NULL;
	if (dap != NULL && !parse_dap(dap, &out->task.version))
		prio_bad_option("dap", EXPECTED_DAP);
	p->draft = draft_option(options, out->is_dap, out->task.version);
	if (!prio3_draft_has(p->draft, p->kind))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE), errmsg("draft 8 has no %s", name),
				 errhint("Its VDAFs are Prio3Count, Prio3Sum, Prio3SumVec and Prio3Histogram.")));

	profile.parameters = prio3_parameters(p->draft, p->kind);
	profile.speech = !out->is_dap ? (p->draft == PRIO3_DRAFT_8 ? BARE_8 : BARE_18) :
									(p->draft == PRIO3_DRAFT_8 ? SEALED_09 : SEALED_18);
	whose = out->is_dap ? psprintf("for %s with DAP %s", name, dap) :
						  psprintf("for %s of draft %d", name, (int) p->draft);
	check_profile(options, ForeignServerRelationId, profile,
				  psprintf("The server is one %s.", whose), whose);

	bits = number_option(options, "bits", 1, 64, EXPECTED_BITS, 1);
	p->max = bits == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << bits) - 1;
	p->max = positive_option(options, "max_measurement", p->max);
	p->max = positive_option(options, "max_weight", p->max);
	p->max = positive_option(options, "max_value", p->max);
	p->length = positive_option(options, "length", 1);
	p->chunk_length = 0;
	if ((profile.parameters & PRIO3_HAS_CHUNK_LENGTH) != 0)
	{
		p->chunk_length = prio3_default_chunk_length(p);
		if (p->chunk_length == 0)
			p->chunk_length = 1; /* impossible for another reason */
		p->chunk_length = positive_option(options, "chunk_length", p->chunk_length);
	}
}

/* What is DAP's. */
static void
read_task(List *options, PrioPrio3Options *out)
{
	const char *task_id = prio_required_option(options, "task_id");

	if (!parse_task_id(task_id, out->task.task_id))
		prio_bad_option("task_id", EXPECTED_TASK_ID);
	out->task.configuration =
		hex_option(options, "task_configuration", &out->task.configuration_size);
	out->task.time_precision =
		number_option(options, "time_precision", 1, PG_INT64_MAX, EXPECTED_SECONDS, 1);
	out->keys = 1;
	key_option(options, "public_key", out->public_key[0]);
	out->config_id[0] = (uint8_t) number_option(options, "hpke_config_id", 0, PG_UINT8_MAX,
												EXPECTED_CONFIG_ID, 0);
	if (prio_option(options, "previous_public_key") == NULL &&
		prio_option(options, "previous_hpke_config_id") == NULL)
		return;
	out->keys = 2;
	key_option(options, "previous_public_key", out->public_key[1]);
	(void) prio_required_option(options, "previous_hpke_config_id");
	out->config_id[1] = (uint8_t) number_option(options, "previous_hpke_config_id", 0,
												PG_UINT8_MAX, EXPECTED_CONFIG_ID, 0);
	if (out->config_id[0] == out->config_id[1])
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("both keys of a server have one configuration id"),
				 errdetail("A sealed share says by it which key it is sealed to."),
				 errhint("Give each key an id of its own.")));
}

bool
prio_prio3_options(List *options, PrioPrio3Options *out)
{
	Prio3Vdaf vdaf;
	const char *name;

	memset(out, 0, sizeof(*out));
	name = vdaf_option(options, &out->parameters.kind);
	if (name == NULL)
	{
		const Profile v1 = {V1, PRIO3_HAS_EVERY};

		check_profile(options, ForeignServerRelationId, v1,
					  "The server has no option vdaf: so it speaks Prio v1.",
					  "that speaks Prio v1");
		return false;
	}
	(void) prio_role_option(options);
	read_vdaf(options, name, out);
	if (out->is_dap)
	{
		read_task(options, out);
		if (out->task.version == DAP_18)
		{
			uint8_t *context = palloc(DAP_CONTEXT_BYTES);

			dap_context(&out->task, context);
			out->context = context;
			out->context_size = DAP_CONTEXT_BYTES;
		}
	}
	else
		out->context = hex_option(options, "context", &out->context_size);
	check_parameters(name, &vdaf,
					 prio3_vdaf_init(&vdaf, &out->parameters, out->context, out->context_size),
					 &out->parameters);
	return true;
}

void
prio_public_key_option(List *options, uint8_t public_key[PRIO_KEY_BYTES])
{
	key_option(options, "public_key", public_key);
}

/* ------------------------------------------------------------------ arguments */

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

static bool
has_one_of(List *options, const char *name, const char *file_name)
{
	return find_option(options, name) != NULL || find_option(options, file_name) != NULL;
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
 * The server of a mapping is not known here: it speaks Prio3 if the mapping has a verify key.
 */
static void
check_mapping(List *options)
{
	const Profile v1 = {V1, PRIO3_HAS_EVERY};
	const Profile prio3 = {PRIO3, PRIO3_HAS_EVERY};

	if (!has_one_of(options, "verify_key", "verify_key_file"))
	{
		check_profile(options, UserMappingRelationId, v1,
					  "Without a verify key the user mapping is one for Prio v1.",
					  "for Prio v1");
		require_one_of(options, "private_key", "private_key_file");
		require_one_of(options, "shared_secret", "shared_secret_file");
		return;
	}
	check_profile(options, UserMappingRelationId, prio3,
				  "With a verify key the user mapping is one for Prio3.", "for Prio3");
	require_one_of(options, "verify_key", "verify_key_file");
	if (has_one_of(options, "previous_private_key", "previous_private_key_file"))
	{
		require_one_of(options, "previous_private_key", "previous_private_key_file");
		require_one_of(options, "private_key", "private_key_file");
	}
	else if (has_one_of(options, "private_key", "private_key_file"))
		require_one_of(options, "private_key", "private_key_file");
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
		PrioPrio3Options prio3;

		(void) prio_prio3_options(options, &prio3);
	}
	else if (catalog == UserMappingRelationId)
		check_mapping(options);
	PG_RETURN_VOID();
}
