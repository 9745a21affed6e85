/*
 * commands.h
 *		What the command does: client.c, server.c, publish.c and prio3.c.
 */
#ifndef PRIO_CLI_COMMANDS_H
#define PRIO_CLI_COMMANDS_H

#include "options.h"

extern void run_keygen(const Settings *settings);
extern void run_shared_seed(const Settings *settings);
extern void run_encode_shares(const Settings *settings);
extern void run_verify1(const Settings *settings);
extern void run_verify2(const Settings *settings);
extern void run_aggregate(const Settings *settings);
extern void run_publish(const Settings *settings);
extern void run_prio3_keygen(const Settings *settings);
extern void run_prio3_shard(const Settings *settings);

/* What a VDAF may have besides its draft; which of them it has, run_prio3_shard() knows. */
#define PRIO3_PARAMETERS \
	(OPTION_BIT(OPTION_MAX_MEASUREMENT) | OPTION_BIT(OPTION_LENGTH) | \
	 OPTION_BIT(OPTION_CHUNK_LENGTH) | OPTION_BIT(OPTION_MAX_WEIGHT) | \
	 OPTION_BIT(OPTION_MAX_VALUE) | OPTION_BIT(OPTION_BITS) | OPTION_BIT(OPTION_CONTEXT))

#endif /* PRIO_CLI_COMMANDS_H */
