/*
 * forgeable.h
 *		What the commands for clients and for servers say about a bad choice of n.
 */
#ifndef PRIO_CLI_FORGEABLE_H
#define PRIO_CLI_FORGEABLE_H

#include <stddef.h>

/* Warns of a number of data fields for which a client can forge the proof. */
extern void warn_if_forgeable(size_t n_data);

#endif /* PRIO_CLI_FORGEABLE_H */
