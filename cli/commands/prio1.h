/*
 * prio1.h
 *		What the commands of Prio v1, for clients and for servers, have in common.
 */
#ifndef PRIO_CLI_PRIO1_H
#define PRIO_CLI_PRIO1_H

#include "options.h"

/* Ends the process if --bits and --n-data do not go together. */
extern void check_bits(const Settings *settings);

/* Warns of a number of data fields for which a client can forge the proof. */
extern void warn_if_forgeable(size_t n_data);

/* What a client has: integers, if there is --bits, or else as many bits as there are data fields. */
extern size_t value_count(const Settings *settings);

/* The largest of them. */
extern uint64_t largest_value(const Settings *settings);

#endif /* PRIO_CLI_PRIO1_H */
