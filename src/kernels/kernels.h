/*
 * kernels.h
 *		The loops that nearly all of the time goes into, in variants for different
 *		processors: the field arithmetic of Prio v1, and the permutation of TurboSHAKE.
 *
 * The best variant that the processor has is chosen when the program or module is loaded.
 * All of them give the same results; the portable one is the reference.
 */
#ifndef PRIO_KERNELS_KERNELS_H
#define PRIO_KERNELS_KERNELS_H

#include "field/field87.h"

/* accept() may write this many elements more than there are candidates. */
#define KERNELS_ACCEPT_SLACK 8

typedef struct PrioKernels
{
	const char *name;

	/* Does this processor have it? NULL: every one does. */
	bool (*is_supported)(void);

	/* *sum += the dot product of a and b, count terms: see FIELD87_SUM_TERMS. */
	void (*add_dot)(Field87Sum *sum, const Field87 *a, const Field87 *b, size_t count);

	/*
	 * Makes random elements from `candidates` candidates of FIELD87_CANDIDATE_BYTES bytes each, by rejection, in
	 * their order (docs/protocol.md, "Pseudo-random generator"). out has room for candidates +
	 * KERNELS_ACCEPT_SLACK elements. Returns how many were accepted.
	 */
	size_t (*accept)(const uint8_t *bytes, size_t candidates, Field87 *out);

	/*
	 * Keccak-p[1600, 12] on keccak_width states at once (1, 4 or 8): word i of state j is at
	 * states[i * keccak_width + j]. Takes the same time for one as for all of them.
	 */
	size_t keccak_width;
	void (*keccak)(uint64_t *states);
} PrioKernels;

/* The permutation of a single state in plain C, the fastest way for one. */
extern void prio_kernels_keccak_portable(uint64_t state[25]);

/* The chosen variant: the best one of this processor, if nobody said otherwise. */
extern const PrioKernels *prio_kernels;

/*
 * The variants that this processor has, from the reference to the best one: number i, or
 * NULL from the number of variants on.
 */
extern const PrioKernels *prio_kernels_variant(size_t i);

/*
 * Chooses a variant by its name, NULL for the best one; false if this processor does not have
 * it. For tests and benchmarks: no other thread may compute meanwhile.
 */
extern bool prio_kernels_choose(const char *name);

#endif /* PRIO_KERNELS_KERNELS_H */
