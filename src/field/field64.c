/*
 * field64.c
 *		What of Field64 is too long to be inlined.
 */
#include "field/field64.h"

/* 7^(2^32 - 1): generates the subgroup of order 2^32 (docs/prio3.md, "Fields"). */
static const Field64 generator = {UINT64_C(0x185629dcda58878c)};

Field64
prio_field64_pow(Field64 a, uint64_t exponent)
{
	Field64 result = FIELD64_ONE;

	for (; exponent != 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = field64_mul(result, a);
		a = field64_mul(a, a);
	}
	return result;
}

Field64
prio_field64_root(int log_order)
{
	Field64 root = generator;

	for (int i = log_order; i < FIELD64_TWO_ADICITY; i++)
		root = field64_mul(root, root);
	return root;
}
