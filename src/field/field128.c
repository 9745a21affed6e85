/*
 * field128.c
 *		What of Field128 is too long to be inlined.
 */
#include "field/field128.h"

/* 7^4611686018427387897: generates the subgroup of order 2^66 (docs/prio3.md, "Fields"). */
static const Field128 generator = {UINT64_C(0x1f9b2759c5109f06), UINT64_C(0x6d278fbf4f60228b)};

Field128
prio_field128_pow(Field128 a, prio_uint128 exponent)
{
	Field128 result = FIELD128_ONE;

	for (; exponent != 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = field128_mul(result, a);
		a = field128_mul(a, a);
	}
	return result;
}

Field128
prio_field128_root(int log_order)
{
	Field128 root = generator;

	for (int i = log_order; i < FIELD128_TWO_ADICITY; i++)
		root = field128_mul(root, root);
	return root;
}
