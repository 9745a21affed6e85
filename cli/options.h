/*
 * options.h
 *		The commands, their options, and what those say.
 */
#ifndef PRIO_CLI_OPTIONS_H
#define PRIO_CLI_OPTIONS_H

#include "prio1/packet.h"

/* What the options of a run say. What was not given is zero, or NULL. */
typedef struct Settings
{
	size_t n_data;
	const char *batch_id;
	char server_id; /* 'A' or 'B' */
	Prio1PrgVariant variant;
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
} Settings;

typedef struct Command
{
	const char *name;
	const char *summary;
	uint32_t required; /* options, a bit each */
	uint32_t allowed;  /* more options */
	void (*run)(const Settings *settings);
} Command;

/* Reads a command line. Prints what --help and --version ask for, and returns NULL then. */
extern const Command *options_parse(int argc, char **argv);

/* The settings that it read; one process has one. */
extern const Settings *settings_get(void);

/* Wipes them, and what work with them has left on the stack. */
extern void settings_wipe(void);

#endif /* PRIO_CLI_OPTIONS_H */
