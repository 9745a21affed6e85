/*
 * kernels.h
 *		The two loops that nearly all of the arithmetic time goes into, in variants for
 *		different processors.
 *
 * The best variant that the processor has is chosen when the program or module is loaded.
 * All of them give the same results; the portable one is the reference.
 */
#ifndef PRIO_KERNELS_H
#define PRIO_KERNELS_H

#include "field.h"

#define TRY_BYTES (FIELD_BYTES + 1) /* what one try at a random element takes */

/* accept() may write this many elements more than there are tries. */
#define ACCEPT_SLACK 8

typedef struct Kernels
{
	const char *name;

	/* *sum += the dot product of a and b, count terms: see FIELD_SUM_TERMS. */
	void (*add_dot)(FieldSum *sum, const FieldElement *a, const FieldElement *b, size_t count);

	/*
	 * Makes random elements from `tries` tries of TRY_BYTES bytes each, by rejection, in
	 * their order (PROTOCOL.md, "Pseudo-random generator"). out has room for tries +
	 * ACCEPT_SLACK elements. Returns how many were accepted.
	 */
	size_t (*accept)(const uint8_t *bytes, size_t tries, FieldElement *out);
} Kernels;

/* The chosen variant. */
extern const Kernels *kernels;

/* All variants that this processor has, *count of them; the portable one is the first. */
extern const Kernels *const *kernels_available(size_t *count);

/*
 * One try: eleven bytes, big endian, of which the twelfth replaces the first. Taken apart
 * by loads alone, since writing that byte back would stall the load behind it.
 */
static inline FieldElement
element_from_try(const uint8_t *bytes)
{
	uint64_t top = (uint64_t) bytes[FIELD_BYTES] << 56;
	uint64_t rest = field_load_be64(bytes) & (UINT64_MAX >> 8);
	FieldElement a;

	a.hi = (top | rest) >> 20;
	a.lo = field_load_be64(bytes + 3) & FIELD_LIMB_MASK;
	return a;
}

#endif /* PRIO_KERNELS_H */
