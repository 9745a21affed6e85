/*
 * options.c
 *		The command line and the environment.
 */
#include "options.h"

#include "base/secret.h"
#include "codec/hex_base64.h"
#include "codec/keyfile.h"
#include "exit.h"
#include "io/print.h"
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Settings settings = {.draft = PRIO3_DRAFT_18, .skipped_status = EXIT_SKIPPED};
static uint32_t given; /* bits of options */

/* ------------------------------------------------------------------ tables */

/* One option: where its value goes, and what a good value is. */
typedef struct Option
{
	const char *flag;
	const char *variable; /* of the environment */
	const char *metavar;
	const char *help;
	bool (*parse)(const char *value, void *target);
	void *target;
	const char *expected;
	bool is_secret; /* the value is wiped, and may be @FILE */
} Option;

static bool parse_n_data(const char *value, void *target);
static bool parse_batch_id(const char *value, void *target);
static bool parse_server_id(const char *value, void *target);
static bool parse_prg(const char *value, void *target);
static bool parse_key(const char *value, void *target);
static bool parse_shared_secret(const char *value, void *target);
static bool parse_path(const char *value, void *target);
static bool parse_vdaf(const char *value, void *target);
static bool parse_positive(const char *value, void *target);
static bool parse_bits(const char *value, void *target);
static bool parse_draft(const char *value, void *target);
static bool parse_context(const char *value, void *target);
static bool parse_ordinals(const char *value, void *target);
static bool parse_skipped_status(const char *value, void *target);

/* A number in a text. */
#define TEXT_OF(number) TEXT_OF_TOKEN(number)
#define TEXT_OF_TOKEN(token) #token
#define EXPECTED_PATH "a path"
#define EXPECTED_POSITIVE "a number from 1 to 18446744073709551615"

static const Option options[OPTION_COUNT] = {
	[OPTION_N_DATA] = {"--n-data", "N_DATA", "NUMBER",
					   "data fields of a client, 1 to " TEXT_OF(PRIO1_MAX_DATA), parse_n_data,
					   &settings.n_data, "a number from 1 to " TEXT_OF(PRIO1_MAX_DATA), false},
	[OPTION_BATCH_ID] = {"--batch-id", "BATCH_ID", "TEXT", "name of the batch", parse_batch_id,
						 &settings.batch_id, "1 to " TEXT_OF(PRIO1_MAX_BATCH_ID) " bytes",
						 false},
	[OPTION_SERVER_ID] = {"--server-id", "SERVER_ID", "A|B", "which of the two servers this is",
						  parse_server_id, &settings.server_id, "A or B", false},
	[OPTION_PRIVATE_KEY_HEX] = {"--private-key-hex", "PRIVATE_KEY_HEX", "HEX|@FILE",
								"private key of this server", parse_key, settings.private_key,
								PRIO_EXPECTED_KEY, true},
	[OPTION_SHARED_SECRET] =
		{"--shared-secret", "SHARED_SECRET", "BASE64|@FILE", "secret that both servers share",
		 parse_shared_secret, settings.shared_secret,
		 "16 bytes in base64, as shared-seed prints them, or 32 hexadecimal digits", true},
	[OPTION_PUBLIC_KEY_HEX_INTERNAL] = {"--public-key-hex-internal", "PUBLIC_KEY_HEX_INTERNAL",
										"HEX",
										"public key of this server; of server A for encode-shares",
										parse_key, settings.public_key_internal,
										PRIO_EXPECTED_KEY, false},
	[OPTION_PUBLIC_KEY_HEX_EXTERNAL] = {"--public-key-hex-external", "PUBLIC_KEY_HEX_EXTERNAL",
										"HEX",
										"public key of the other server; of B for encode-shares",
										parse_key, settings.public_key_external,
										PRIO_EXPECTED_KEY, false},
	[OPTION_INPUT] = {"--input", "INPUT", "FILE", "lines from the clients", parse_path,
					  &settings.input, EXPECTED_PATH, false},
	[OPTION_INPUT_INTERNAL] = {"--input-internal", "INPUT_INTERNAL", "FILE",
							   "what this server wrote in the step before", parse_path,
							   &settings.input_internal, EXPECTED_PATH, false},
	[OPTION_INPUT_EXTERNAL] = {"--input-external", "INPUT_EXTERNAL", "FILE",
							   "what the other server wrote in the step before", parse_path,
							   &settings.input_external, EXPECTED_PATH, false},
	[OPTION_OUTPUT] = {"--output", "OUTPUT", "DIRECTORY", "where the file of the result goes",
					   parse_path, &settings.output, EXPECTED_PATH, false},
	[OPTION_OUTPUT_A] = {"--output-A", "OUTPUT_A", "DIRECTORY",
						 "where the shares for server A go", parse_path, &settings.output_a,
						 EXPECTED_PATH, false},
	[OPTION_OUTPUT_B] = {"--output-B", "OUTPUT_B", "DIRECTORY",
						 "where the shares for server B go", parse_path, &settings.output_b,
						 EXPECTED_PATH, false},
	[OPTION_PRG] = {"--prg", "PRG", "batch|seed",
					"pseudo-random generator: seed for clients of libprio before July 2020 [batch]",
					parse_prg, &settings.variant, "batch or seed", false},
	[OPTION_VDAF] = {"--vdaf", "VDAF", "NAME", PRIO3_KIND_NAMES, parse_vdaf, &settings.kind,
					 PRIO3_KIND_NAMES, false},
	[OPTION_MAX_MEASUREMENT] = {"--max-measurement", "MAX_MEASUREMENT", "NUMBER",
								"Sum, SumVec: the largest integer of a client", parse_positive,
								&settings.max_measurement, EXPECTED_POSITIVE, false},
	[OPTION_LENGTH] =
		{"--length", "LENGTH", "NUMBER",
		 "SumVec, Histogram, MultihotCountVec, L1BoundSum: integers, buckets or booleans of a client",
		 parse_positive, &settings.length, EXPECTED_POSITIVE, false},
	[OPTION_CHUNK_LENGTH] =
		{"--chunk-length", "CHUNK_LENGTH", "NUMBER",
		 "of the same: how the proof cuts the measurement [what makes shares smallest]",
		 parse_positive, &settings.chunk_length, EXPECTED_POSITIVE, false},
	[OPTION_MAX_WEIGHT] = {"--max-weight", "MAX_WEIGHT", "NUMBER",
						   "MultihotCountVec: how many booleans may be true", parse_positive,
						   &settings.max_weight, EXPECTED_POSITIVE, false},
	[OPTION_MAX_VALUE] = {"--max-value", "MAX_VALUE", "NUMBER",
						  "L1BoundSum: what all integers of a client make together at most",
						  parse_positive, &settings.max_value, EXPECTED_POSITIVE, false},
	[OPTION_BITS] = {"--bits", "BITS", "NUMBER",
					 "of an integer: Prio v1, 1 to " TEXT_OF(
						 PRIO1_MAX_BITS) ", and Sum, SumVec of draft 8",
					 parse_bits, &settings.bits, "a number from 1 to 64", false},
	[OPTION_DRAFT] = {"--draft", "DRAFT", "18|8", "of the VDAFs; 18 to 20 are the same [18]",
					  parse_draft, &settings.draft, "18 or 8", false},
	[OPTION_CONTEXT] = {"--context", "CONTEXT", "HEX", "draft 18: application context [none]",
						parse_context, &settings.context,
						"at most 65527 bytes, two hexadecimal digits each", false},
	[OPTION_ORDINALS] = {"--ordinals", "ORDINALS", "lines|none",
						 "points that shares are checked at: one a line, or one for all [lines]",
						 parse_ordinals, &settings.one_point, "lines or none", false},
	[OPTION_SKIPPED_STATUS] = {"--skipped-status", "SKIPPED_STATUS", "3|0",
							   "exit status when lines were skipped, or an input was empty [3]",
							   parse_skipped_status, &settings.skipped_status, "3 or 0", false},
};

/* ------------------------------------------------------------------ values */

/* Digits and nothing else, of a number from 1 to highest. */
static bool
parse_number(const char *value, uint64_t highest, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	return isdigit((unsigned char) value[0]) && *end == '\0' && errno == 0 && *number >= 1 &&
		*number <= highest;
}

static bool
parse_n_data(const char *value, void *target)
{
	uint64_t number;
	bool valid = parse_number(value, PRIO1_MAX_DATA, &number);

	*(size_t *) target = (size_t) number;
	return valid;
}

static bool
parse_batch_id(const char *value, void *target)
{
	*(const char **) target = value;
	return value[0] != '\0' && strlen(value) <= PRIO1_MAX_BATCH_ID;
}

static bool
parse_server_id(const char *value, void *target)
{
	*(char *) target = value[0];
	return strcmp(value, "A") == 0 || strcmp(value, "B") == 0;
}

static bool
parse_prg(const char *value, void *target)
{
	Prio1PrgVariant variant = strcmp(value, "seed") == 0 ? PRIO1_PRG_SEED : PRIO1_PRG_BATCH;

	*(Prio1PrgVariant *) target = variant;
	return variant == PRIO1_PRG_SEED || strcmp(value, "batch") == 0;
}

static bool
parse_key(const char *value, void *target)
{
	return prio_parse_key(value, strlen(value), target);
}

static bool
parse_shared_secret(const char *value, void *target)
{
	return prio_parse_shared_secret(value, strlen(value), target);
}

static bool
parse_path(const char *value, void *target)
{
	*(const char **) target = value;
	return value[0] != '\0';
}

static bool
parse_vdaf(const char *value, void *target)
{
	return prio3_kind_from_name(value, target);
}

static bool
parse_positive(const char *value, void *target)
{
	return parse_number(value, UINT64_MAX, target);
}

static bool
parse_bits(const char *value, void *target)
{
	return parse_number(value, 64, target);
}

static bool
parse_draft(const char *value, void *target)
{
	Prio3Draft draft = strcmp(value, "8") == 0 ? PRIO3_DRAFT_8 : PRIO3_DRAFT_18;

	*(Prio3Draft *) target = draft;
	return draft == PRIO3_DRAFT_8 || strcmp(value, "18") == 0;
}

static bool
parse_context(const char *value, void *target)
{
	size_t length = strlen(value);

	*(const char **) target = value;
	return length % 2 == 0 && length / 2 <= PRIO3_MAX_CONTEXT &&
		strspn(value, "0123456789abcdefABCDEF") == length;
}

static bool
parse_ordinals(const char *value, void *target)
{
	*(bool *) target = strcmp(value, "none") == 0;
	return *(bool *) target || strcmp(value, "lines") == 0;
}

static bool
parse_skipped_status(const char *value, void *target)
{
	*(int *) target = strcmp(value, "0") == 0 ? EXIT_DONE : EXIT_SKIPPED;
	return *(int *) target == EXIT_DONE || strcmp(value, "3") == 0;
}

/* Reads a secret from its file, but not the white space at the end. */
static void
read_key_file(const Option *option, const char *path, char content[PRIO_KEY_FILE_MAX_BYTES + 1])
{
	int fd = open(path, O_RDONLY);
	struct stat status;
	ssize_t length = -1;

	if (fd >= 0 && fstat(fd, &status) == 0)
	{
		if (prio_key_file_is_open_to_others(&status))
			die(EXIT_USAGE, "the file \"%s\" for %s is open to others; its mode must be 0600",
				path, option->flag);
		length = read(fd, content, PRIO_KEY_FILE_MAX_BYTES);
	}
	if (length < 0)
		die(EXIT_USAGE, "cannot read the file \"%s\" for %s: %s", path, option->flag,
			strerror(errno));
	(void) close(fd);
	content[prio_trimmed_length(content, (size_t) length)] = '\0';
}

/* Takes a value. Never shows one: it may be a secret, or nearly one. */
static void
set_option(const Option *option, char *value, bool from_environment)
{
	char content[PRIO_KEY_FILE_MAX_BYTES + 1];
	bool from_file = option->is_secret && value[0] == '@';
	bool valid;

	if (from_file)
		read_key_file(option, value + 1, content);
	valid = option->parse(from_file ? content : value, option->target);
	if (from_file)
		prio_wipe(content, sizeof(content));
	else if (option->is_secret)
		prio_wipe(value, strlen(value)); /* where ps and /proc would show it */
	if (valid)
		return;
	if (from_file)
		die(EXIT_USAGE, "the file \"%s\" for %s holds no such value; expected %s", value + 1,
			option->flag, option->expected);
	die(EXIT_USAGE, "the value of %s%s is not valid; expected %s", from_environment ? "$" : "",
		from_environment ? option->variable : option->flag, option->expected);
}

/* ------------------------------------------------------------------ help */

#define MANUAL "The manual page prio(1) says more.\n"

static void
print_version(void)
{
	print("prio %s\n", PRIO_VERSION);
	print_flush();
}

static void
print_help(const Command *commands, size_t count)
{
	print("Usage: prio COMMAND [OPTION]...\n\n"
		  "The steps of the Prio protocol over files of JSON lines: sums over clients, of\n"
		  "which neither of two servers learns anything about one client.\n\n"
		  "Commands:\n");
	for (size_t i = 0; i < count; i++)
		print("  %-14s %s\n", commands[i].name, commands[i].summary);
	print("\n"
		  "  prio COMMAND --help    the options of a command\n"
		  "  prio --version         the version\n\n" MANUAL);
	print_flush();
}

static void
print_options(uint32_t set)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((set & OPTION_BIT(i)) != 0)
			print("  %s %s\n      %s ($%s)\n", options[i].flag, options[i].metavar,
				  options[i].help, options[i].variable);
}

static void
print_command_help(const Command *command)
{
	print("Usage: prio %s%s\n\n%c%s.\n", command->name,
		  (command->required | command->allowed) != 0 ? " OPTION..." : "",
		  toupper((unsigned char) command->summary[0]), command->summary + 1);
	if (command->required != 0)
	{
		print("\nRequired, here or in the environment:\n");
		print_options(command->required);
	}
	if (command->allowed != 0)
	{
		print("\nOptional:\n");
		print_options(command->allowed);
	}
	print("\n" MANUAL);
	print_flush();
}

/* ------------------------------------------------------------------ command line */

static const Command *
find_command(const Command *commands, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	die(EXIT_USAGE, "there is no command \"%s\"; prio --help lists them", name);
}

/* The option that an argument names; its value, if it is in the same argument. */
static size_t
find_option(const Command *command, char *argument, char **value)
{
	size_t length = strcspn(argument, "=");

	*value = argument[length] == '=' ? argument + length + 1 : NULL;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (((command->required | command->allowed) & OPTION_BIT(i)) != 0 &&
			strlen(options[i].flag) == length && strncmp(options[i].flag, argument, length) == 0)
			return i;
	if (strncmp(argument, "--", 2) != 0)
		die(EXIT_USAGE, "unexpected argument \"%s\"; prio %s --help lists the options",
			argument, command->name);
	die(EXIT_USAGE, "there is no option %.*s; prio %s --help lists them", (int) length,
		argument, command->name);
}

/* Ends the process with a list of these options if nothing gave them a value. */
static void
check_required(uint32_t required)
{
	uint32_t missing = required & ~given;

	if (missing == 0)
		return;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((missing & OPTION_BIT(i)) != 0)
			warn("%s is missing; give it, or set %s in the environment", options[i].flag,
				 options[i].variable);
	exit(EXIT_USAGE);
}

const Command *
options_parse(const Command *commands, size_t count, int argc, char **argv)
{
	const Command *command;

	if (argc < 2)
		die(EXIT_USAGE, "no command given; prio --help lists them");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0)
	{
		if (argv[1][2] == 'h')
			print_help(commands, count);
		else
			print_version();
		return NULL;
	}

	command = find_command(commands, count, argv[1]);
	settings.command = command->name;
	log_set_command(command->name);
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
		{
			print_command_help(command);
			return NULL;
		}
	for (int i = 2; i < argc; i++)
	{
		char *value;
		size_t option = find_option(command, argv[i], &value);

		if (value == NULL && ++i == argc)
			die(EXIT_USAGE, "%s needs a value", options[option].flag);
		set_option(&options[option], value != NULL ? value : argv[i], false);
		given |= OPTION_BIT(option);
	}

	/* As other tools have it, an empty variable is as good as none. */
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (((command->required | command->allowed) & ~given & OPTION_BIT(i)) != 0)
		{
			char *value = getenv(options[i].variable);

			if (value != NULL && value[0] != '\0')
			{
				set_option(&options[i], value, true);
				given |= OPTION_BIT(i);
			}
		}
	check_required(command->required);
	return command;
}

void
options_check(uint32_t required, uint32_t excluded, const char *others)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((excluded & given & OPTION_BIT(i)) != 0)
			die(EXIT_USAGE,
				"%s does not go with %s; leave it out, or unset %s in the environment",
				options[i].flag, others, options[i].variable);
	check_required(required);
}

const Settings *
settings_get(void)
{
	return &settings;
}

void
settings_wipe(void)
{
	prio_wipe(&settings, sizeof(settings));
	prio_wipe_stack();
}
