/*
 * options.h
 *		The command line and the environment: which command, and what its options say.
 */
#ifndef PRIO_CLI_OPTIONS_H
#define PRIO_CLI_OPTIONS_H

#include "base/params.h"
#include "prio3/vdaf.h"

#include <stddef.h>
#include <stdint.h>

/* All options there are. A command names those that it takes by their bits. */
enum
{
	OPTION_N_DATA,
	OPTION_BATCH_ID,
	OPTION_SERVER_ID,
	OPTION_PRIVATE_KEY_HEX,
	OPTION_SHARED_SECRET,
	OPTION_PUBLIC_KEY_HEX_INTERNAL,
	OPTION_PUBLIC_KEY_HEX_EXTERNAL,
	OPTION_INPUT,
	OPTION_INPUT_INTERNAL,
	OPTION_INPUT_EXTERNAL,
	OPTION_OUTPUT,
	OPTION_OUTPUT_A,
	OPTION_OUTPUT_B,
	OPTION_PRG,
	OPTION_VDAF,
	OPTION_MAX_MEASUREMENT,
	OPTION_LENGTH,
	OPTION_CHUNK_LENGTH,
	OPTION_MAX_WEIGHT,
	OPTION_MAX_VALUE,
	OPTION_BITS,
	OPTION_DRAFT,
	OPTION_CONTEXT,
	OPTION_ORDINALS,
	OPTION_SKIPPED_STATUS,
	OPTION_COUNT
};

#define OPTION_BIT(option) (UINT32_C(1) << (option))

/* What the options of a run say. What was not given is zero, or NULL. */
typedef struct Settings
{
	const char *command; /* its name */
	size_t n_data;
	const char *batch_id;
	char server_id; /* 'A' or 'B' */
	Prio1PrgVariant variant;
	bool one_point;     /* all shares are checked at the point of ordinal 0 */
	int skipped_status; /* exit status when lines were skipped */
	uint8_t private_key[PRIO_KEY_BYTES];
	uint8_t public_key_internal[PRIO_KEY_BYTES];
	uint8_t public_key_external[PRIO_KEY_BYTES];
	uint8_t shared_secret[PRIO1_SEED_BYTES];
	const char *input;
	const char *input_internal;
	const char *input_external;
	const char *output;
	const char *output_a;
	const char *output_b;

	/* Of an integer: Prio v1, where 0 means that there are none, and draft 8 of Prio3. */
	uint64_t bits;

	/* Prio3, docs/prio3.md */
	Prio3Kind kind;
	Prio3Draft draft; /* 18 without the option */
	uint64_t max_measurement;
	uint64_t length;
	uint64_t chunk_length;
	uint64_t max_weight;
	uint64_t max_value;
	const char *context; /* hexadecimal digits, two a byte */
} Settings;

typedef struct Command
{
	const char *name;
	const char *summary;
	uint32_t required; /* bits of options */
	uint32_t allowed;  /* of more options */
	void (*run)(const Settings *settings);
} Command;

/*
 * Reads a command line, with one of so many commands. Prints what --help and --version ask for,
 * and returns NULL then. Ends the process if the command line is wrong.
 */
extern const Command *options_parse(const Command *commands, size_t count, int argc,
									char **argv);

/*
 * What it cannot know: which options go with the values of others, which the words name. Ends the
 * process if one of these is missing, or if one is there that does not go with them.
 */
extern void options_check(uint32_t required, uint32_t excluded, const char *others);

/* The settings that it read; one process has one. */
extern const Settings *settings_get(void);

/* Wipes them, and what work with them has left on the stack. */
extern void settings_wipe(void);

#endif /* PRIO_CLI_OPTIONS_H */
