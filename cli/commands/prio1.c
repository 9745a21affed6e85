/*
 * prio1.c
 *		What the commands of Prio v1, for clients and for servers, have in common.
 */
#include "commands/prio1.h"

#include "exit.h"

#include <inttypes.h>

void
check_bits(const Settings *settings)
{
	if (settings->bits > PRIO1_MAX_BITS)
		die(EXIT_USAGE, "integers of Prio v1 have at most %d bits; check --bits",
			PRIO1_MAX_BITS);
	if (settings->bits > 0 && settings->n_data % settings->bits != 0)
		die(EXIT_USAGE,
			"%zu data fields are no number of integers with %" PRIu64
			" bits each; check --n-data and --bits",
			settings->n_data, settings->bits);
}

void
warn_if_forgeable(size_t n_data)
{
	if (prio1_is_forgeable(n_data))
		warn("with %zu data fields, one less than a power of two, a hostile client can forge its proof and count for any number; have clients send one more, which is always 0",
			 n_data);
}

size_t
value_count(const Settings *settings)
{
	return settings->bits > 0 ? settings->n_data / settings->bits : settings->n_data;
}

uint64_t
largest_value(const Settings *settings)
{
	return settings->bits > 0 ? (UINT64_C(1) << settings->bits) - 1 : 1;
}
