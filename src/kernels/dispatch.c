/*
 * dispatch.c
 *		Which variant of the kernels runs.
 */
#include "kernels/variants.h"

/* From the reference to the best one. */
static const PrioKernels *const variants[] = {
	&prio_kernels_portable,
#if defined(__x86_64__) && defined(__GNUC__)
	&prio_kernels_avx2,
	&prio_kernels_avx512,
#endif
};

#define VARIANT_COUNT (sizeof(variants) / sizeof(variants[0]))

const PrioKernels *prio_kernels = &prio_kernels_portable;

const PrioKernels *
prio_kernels_variant(size_t number)
{
	for (size_t i = 0; i < VARIANT_COUNT; i++)
		if ((variants[i]->is_supported == NULL || variants[i]->is_supported()) && number-- == 0)
			return variants[i];
	return NULL;
}

bool
prio_kernels_choose(const char *name)
{
	const PrioKernels *variant;
	bool found = false;

	for (size_t i = 0; (variant = prio_kernels_variant(i)) != NULL; i++)
		if (name == NULL || strcmp(variant->name, name) == 0)
		{
			prio_kernels = variant;
			found = true;
		}
	return found;
}

__attribute__((constructor)) static void
choose_best(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
	__builtin_cpu_init();
#endif
	(void) prio_kernels_choose(NULL);
}
