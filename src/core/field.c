/*
 * field.c
 *		What of the field is too long to be inlined.
 */
#include "field.h"

/* Generates the subgroup of order 2^19: 0x2597c14f48d5b65ed8dcca (PROTOCOL.md). */
static const uint8_t generator[FIELD_BYTES] = {0x25, 0x97, 0xc1, 0x4f, 0x48, 0xd5,
											   0xb6, 0x5e, 0xd8, 0xdc, 0xca};

FieldElement
field_pow(FieldElement a, uint128 exponent)
{
	FieldElement result = FIELD_ONE;

	for (; exponent != 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = field_mul(result, a);
		a = field_mul(a, a);
	}
	return result;
}

/* Fermat: a^(p - 2). */
FieldElement
field_inv(FieldElement a)
{
	return field_pow(a, FIELD_P - 2);
}

FieldElement
field_root(int log_order)
{
	FieldElement root = field_from_bytes(generator);

	for (int i = log_order; i < FIELD_TWO_ADICITY; i++)
		root = field_mul(root, root);
	return root;
}

void
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
