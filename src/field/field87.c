/*
 * field87.c
 *		What of the field is too long to be inlined.
 */
#include "field/field87.h"

/* Generates the subgroup of order 2^19: g of docs/protocol.md, "Parameters". */
static const uint8_t generator[FIELD87_BYTES] = {0x25, 0x97, 0xc1, 0x4f, 0x48, 0xd5,
												 0xb6, 0x5e, 0xd8, 0xdc, 0xca};

Field87
prio_field87_pow(Field87 a, prio_uint128 exponent)
{
	Field87 result = FIELD87_ONE;

	for (; exponent != 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = field87_mul(result, a);
		a = field87_mul(a, a);
	}
	return result;
}

/* Fermat: a^(p - 2). */
Field87
prio_field87_inv(Field87 a)
{
	return prio_field87_pow(a, FIELD87_P - 2);
}

Field87
prio_field87_root(int log_order)
{
	Field87 root = field87_from_bytes(generator);

	for (int i = log_order; i < FIELD87_TWO_ADICITY; i++)
		root = field87_mul(root, root);
	return root;
}
