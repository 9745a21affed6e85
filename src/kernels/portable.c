/*
 * portable.c
 *		Dot products and rejection sampling in plain C: the reference for all variants, and
 *		what runs on a machine without AVX.
 */
#include "kernels/variants.h"

void
prio_kernels_add_dot_portable(Field87Sum *sum, const Field87 *a, const Field87 *b, size_t count)
{
	Field87Sum local = *sum;

	for (size_t i = 0; i < count; i++)
		field87_sum_add_product(&local, a[i], b[i]);
	*sum = local;
}

/*
 * Lists what is accepted first, and fetches it then: both loops are free of jumps that
 * the processor could not predict. The top byte of the integer decides, but for the one
 * value of it in 256 that p begins with.
 */
size_t
prio_kernels_accept_portable(const uint8_t *bytes, size_t candidates, Field87 *out)
{
	enum
	{
		BLOCK = 256
	};
	size_t found = 0;

	while (candidates > 0)
	{
		uint16_t accepted[BLOCK];
		size_t block = candidates < BLOCK ? candidates : BLOCK;
		size_t count = 0;

		for (size_t i = 0; i < block; i++)
		{
			uint8_t top = bytes[i * FIELD87_CANDIDATE_BYTES + FIELD87_BYTES];

			accepted[count] = (uint16_t) (i * FIELD87_CANDIDATE_BYTES);
			count += top < 0x80;
			if (top == 0x80)
				count += field87_is_reduced(
							 field87_from_candidate(bytes + i * FIELD87_CANDIDATE_BYTES)) != 0;
		}
		for (size_t i = 0; i < count; i++)
			out[found + i] = field87_from_candidate(bytes + accepted[i]);
		found += count;
		bytes += block * FIELD87_CANDIDATE_BYTES;
		candidates -= block;
	}
	return found;
}

/* ------------------------------------------------------------------ Keccak */

#define LANE uint64_t
#define XOR(a, b) ((a) ^ (b))
#define XOR5(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define ROL(a, n) (((a) << (n)) | ((a) >> (64 - (n))))
#define CHI(a, b, c) ((a) ^ (~(b) & (c)))
#define CONSTANT(c) (c)
#define LOAD(from) (*(from))
#define STORE(to, a) (*(to) = (a))
#define KECCAK keccak_portable
#define KECCAK_TARGET
#define KECCAK_WIDTH 1

#include "kernels/keccak_template.h"

void
prio_kernels_keccak_portable(uint64_t state[25])
{
	keccak_portable(state);
}

const PrioKernels prio_kernels_portable = {"portable",
										   NULL,
										   prio_kernels_add_dot_portable,
										   prio_kernels_accept_portable,
										   KECCAK_WIDTH,
										   keccak_portable};
