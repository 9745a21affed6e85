/*
 * variants.h
 *		The variants that dispatch.c chooses from. A new one is a file, a line here and a line
 *		in its table.
 */
#ifndef PRIO_KERNELS_VARIANTS_H
#define PRIO_KERNELS_VARIANTS_H

#include "kernels/kernels.h"

extern const PrioKernels prio_kernels_portable;
#if defined(__x86_64__) && defined(__GNUC__)
extern const PrioKernels prio_kernels_avx2;
extern const PrioKernels prio_kernels_avx512;
#endif

/* What the others leave to the reference: the rest of a vector, and rare cases. */
extern void prio_kernels_add_dot_portable(Field87Sum *sum, const Field87 *a, const Field87 *b,
										  size_t count);
extern size_t prio_kernels_accept_portable(const uint8_t *bytes, size_t candidates,
										   Field87 *out);

#endif /* PRIO_KERNELS_VARIANTS_H */
