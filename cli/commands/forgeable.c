/*
 * forgeable.c
 *		What the commands for clients and for servers say about a bad choice of n.
 */
#include "commands/forgeable.h"

#include "base/params.h"
#include "log.h"

void
warn_if_forgeable(size_t n_data)
{
	if (prio1_is_forgeable(n_data))
		warn("with %zu data fields, one less than a power of two, a hostile client can forge its proof and count for any number; have clients send one more, which is always 0",
			 n_data);
}
