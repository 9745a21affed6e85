/*
 * secret.c
 *		Wiping, and showing on purpose.
 */
#include "base/secret.h"

#include <string.h>

/* Not inlined here either: test/secrets/compiled_wipes looks for the call. */
__attribute__((noinline)) void
prio_wipe(void *memory, size_t size)
{
	if (size > 0)
		explicit_bzero(memory, size);
}

void
prio_wipe_stack(void)
{
	uint8_t below[PRIO_STACK_BYTES];

	prio_wipe(below, sizeof(below));
}

uint64_t
prio_declassify(uint64_t value)
{
	return value;
}
