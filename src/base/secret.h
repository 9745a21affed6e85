/*
 * secret.h
 *		What is done with secrets: they are wiped after use, and nothing that the code does
 *		depends on them but what they are meant to show.
 */
#ifndef PRIO_BASE_SECRET_H
#define PRIO_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* Overwrites memory that held something secret; never optimised away. */
extern void prio_wipe(void *memory, size_t size);

/*
 * Overwrites the stack below the caller, as far as anything here or NSS goes down. Variables
 * that hold secrets are wiped where they end; but the compiler puts registers aside wherever
 * it likes, and NSS makes copies of its own. So whoever uses the core for something secret
 * calls this afterwards, from a function that holds no secrets itself.
 */
#define PRIO_STACK_BYTES 32768
extern void prio_wipe_stack(void);

/*
 * A number that was computed from secrets and is meant to be seen. From a secret to a
 * branch or an index every way leads through here, and test/secrets/poisoned.c watches
 * that: so it is a function of its own, never inlined. The callers say why it is harmless.
 */
extern uint64_t prio_declassify(uint64_t value);

/*
 * All ones if bit is 1, zero if it is 0. The compiler does not see where the bit comes
 * from: it makes a branch of a mask otherwise, where it finds that cheaper.
 */
static inline uint64_t
prio_mask(uint64_t bit)
{
	__asm__("" : "+r"(bit));
	return -bit;
}

#endif /* PRIO_BASE_SECRET_H */
