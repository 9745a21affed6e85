/*
 * options.h
 *		The options of Prio servers and of their user mappings.
 */
#ifndef PRIO_PG_OPTIONS_H
#define PRIO_PG_OPTIONS_H

#include "prio.h"

#include "nodes/pg_list.h"

/*
 * These read options as an object has them, which the validator need not have seen: the
 * object may be older than it. NULL for an option that is not there.
 */
extern char *prio_option(List *options, const char *name);

/* Raises an error for an option that is not there. */
extern char *prio_required_option(List *options, const char *name);

/* The error for an option with such a value, which it does not show: it may be a secret. */
extern _Noreturn void prio_bad_option(const char *name, const char *expected);

/* The options of a server, by their meaning; raise errors for what is missing or invalid. */
extern PrioRole prio_role_option(List *options);
extern Prio1PrgVariant prio_prg_option(List *options);
extern void prio_public_key_option(List *options, uint8_t public_key[PRIO_KEY_BYTES]);

/* What the options of a server that speaks Prio3 mean. */
typedef struct PrioPrio3Options
{
	Prio3Parameters parameters; /* possible ones */
	const uint8_t *context;     /* of the application, or of the task of DAP 18 */
	Size context_size;
	bool is_dap; /* the rest is DAP's */
	DapTask task;
	int keys; /* 1, or 2 while clients still seal to the key before */
	uint8_t public_key[2][PRIO_KEY_BYTES];
	uint8_t config_id[2];
} PrioPrio3Options;

/*
 * Reads all options of a server, and raises an error unless they go together. False: the
 * server speaks Prio v1. What it points to is in the current memory context.
 */
extern bool prio_prio3_options(List *options, PrioPrio3Options *out);

/* 'batch' or 'seed', an argument; raises an error for anything else. */
extern Prio1PrgVariant prio_prg_variant(const char *name);

#endif /* PRIO_PG_OPTIONS_H */
