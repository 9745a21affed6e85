/*
 * commands.h
 *		What the command does: client.c, server.c and publish.c.
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

#endif /* PRIO_CLI_COMMANDS_H */
