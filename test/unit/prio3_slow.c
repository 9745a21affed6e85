/*
 * prio3_slow.c
 *		The query as the specification writes it.
 */
#include "prio3_slow.h"

#include <stdlib.h>
#include <string.h>

typedef prio_uint128 Int;

/* ------------------------------------------------------------------ integers modulo p */

static Int p;

static Int
add(Int a, Int b)
{
	return a >= p - b ? a - (p - b) : a + b;
}

static Int
sub(Int a, Int b)
{
	return a >= b ? a - b : a + (p - b);
}

static Int
mul(Int a, Int b)
{
	Int product = 0;

	if (p >> 64 == 0)
		return a * b % p;
	for (int bit = 127; bit >= 0; bit--)
	{
		product = add(product, product);
		if (b >> bit & 1)
			product = add(product, a);
	}
	return product;
}

static Int
power(Int a, Int exponent)
{
	Int result = 1;

	for (; exponent > 0; exponent >>= 1)
	{
		if (exponent & 1)
			result = mul(result, a);
		a = mul(a, a);
	}
	return result;
}

static Int
inverse(Int a)
{
	return power(a, p - 2);
}

/* Sets p, and gives the root of unity of this order: 7 generates the whole group. */
static Int
root(const Prio3Vdaf *vdaf, size_t order)
{
	p = vdaf->element_size == 8 ? (Int) 0xffffffff00000001 :
								  ((Int) 0xffffffffffffffe4 << 64) + 1;
	return power(7, (p - 1) / order);
}

static Int
get(const Prio3Vdaf *vdaf, const uint8_t *vector, size_t i)
{
	Int value = 0;

	for (size_t b = vdaf->element_size; b-- > 0;)
		value = value << 8 | vector[i * vdaf->element_size + b];
	return value;
}

static void
put(const Prio3Vdaf *vdaf, uint8_t *vector, size_t i, Int value)
{
	for (size_t b = 0; b < vdaf->element_size; b++, value >>= 8)
		vector[i * vdaf->element_size + b] = (uint8_t) value;
}

/* ------------------------------------------------------------------ polynomials */

static Int
horner(const Int *coefficients, size_t count, Int x)
{
	Int y = 0;

	while (count-- > 0)
		y = add(mul(y, x), coefficients[count]);
	return y;
}

/*
 * Lagrange's factors at t for values at the first count powers of w: what each value is
 * multiplied with to make that of the polynomial of degree below count.
 */
static Int *
lagrange(size_t count, Int w, Int t)
{
	Int *factor = malloc(count * sizeof(Int));
	Int *node = malloc(count * sizeof(Int));

	for (size_t i = 0; i < count; i++)
		node[i] = i == 0 ? 1 : mul(node[i - 1], w);
	for (size_t i = 0; i < count; i++)
	{
		Int numerator = 1;
		Int denominator = 1;

		for (size_t j = 0; j < count; j++)
			if (j != i)
			{
				numerator = mul(numerator, sub(t, node[j]));
				denominator = mul(denominator, sub(node[i], node[j]));
			}
		factor[i] = mul(numerator, inverse(denominator));
	}
	free(node);
	return factor;
}

static Int
dot(const Int *a, const Int *b, size_t count)
{
	Int sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = add(sum, mul(a[i], b[i]));
	return sum;
}

/* ------------------------------------------------------------------ circuits */

static Int
weighted(const Prio3Vdaf *vdaf, const uint8_t *meas, size_t first)
{
	Int sum = 0;
	Int rest = vdaf->parameters.max;

	for (size_t b = 0; b < vdaf->bits; b++)
	{
		Int weight = b + 1 < vdaf->bits ? (Int) 1 << b : rest;

		rest -= weight;
		sum = add(sum, mul(weight, get(vdaf, meas, first + b)));
	}
	return sum;
}

/* Input j of call k, from 0. */
static Int
call_input(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *joint_rand, size_t k,
		   size_t j)
{
	size_t chunk = (size_t) vdaf->parameters.chunk_length;
	size_t at = k * chunk + j / 2;
	bool draft_8 = vdaf->parameters.draft == PRIO3_DRAFT_8;
	Int x;

	if (chunk == 0)
		return get(vdaf, meas, k);
	x = at < vdaf->meas_len ? get(vdaf, meas, at) : 0;
	if (j % 2 == 1)
		return sub(x, inverse(2));
	return mul(x, power(get(vdaf, joint_rand, draft_8 ? 0 : k), draft_8 ? at + 1 : j / 2 + 1));
}

/* The results of the circuit, from the outputs of its calls, reduced to one. */
static Int
reduced_results(const Prio3Vdaf *vdaf, const uint8_t *meas, const Int *outputs,
				const uint8_t *query_rand, const uint8_t *joint_rand)
{
	bool draft_8 = vdaf->parameters.draft == PRIO3_DRAFT_8;
	Int first = 0;
	Int second = 0;
	Int r = joint_rand != NULL && vdaf->joint_rand_len > 0 ? get(vdaf, joint_rand, 0) : 0;

	if (vdaf->parameters.kind == PRIO3_COUNT)
		return sub(outputs[0], get(vdaf, meas, 0));
	for (size_t k = 0; k < vdaf->calls; k++)
	{
		Int factor = 1;

		if (vdaf->parameters.kind == PRIO3_SUM && draft_8)
			factor = power(r, k + 1);
		else if (vdaf->parameters.kind == PRIO3_SUM && vdaf->calls > 1)
			factor = get(vdaf, query_rand, k);
		first = add(first, mul(factor, outputs[k]));
	}
	switch (vdaf->parameters.kind)
	{
		case PRIO3_HISTOGRAM:
			for (size_t i = 0; i < vdaf->meas_len; i++)
				second = add(second, get(vdaf, meas, i));
			second = sub(second, inverse(2));
			if (draft_8)
			{
				Int s = get(vdaf, joint_rand, 1);

				return add(mul(s, first), mul(mul(s, s), second));
			}
			break;
		case PRIO3_MULTIHOT_COUNT_VEC:
			for (size_t i = 0; i < vdaf->output_len; i++)
				second = add(second, get(vdaf, meas, i));
			second = sub(second, weighted(vdaf, meas, vdaf->output_len));
			break;
		case PRIO3_L1_BOUND_SUM:
			for (size_t i = 0; i < vdaf->output_len; i++)
				second = add(second, weighted(vdaf, meas, i * vdaf->bits));
			second = sub(second, weighted(vdaf, meas, vdaf->output_len * vdaf->bits));
			break;
		default:
			return first;
	}
	return add(mul(get(vdaf, query_rand, 0), first), mul(get(vdaf, query_rand, 1), second));
}

bool
slow_query(const Prio3Vdaf *vdaf, const uint8_t *meas, const uint8_t *proof,
		   const uint8_t *query_rand, const uint8_t *joint_rand, uint8_t *verifier)
{
	size_t wire_len = vdaf->wire_len;
	size_t gadget_len = 2 * wire_len - 1;
	Int w = root(vdaf, wire_len);
	Int t = get(vdaf, query_rand, vdaf->query_rand_len - 1);
	Int *wire = calloc(wire_len, sizeof(Int));
	Int *gadget = calloc(gadget_len, sizeof(Int));
	Int *outputs = calloc(vdaf->calls, sizeof(Int));
	bool draft_8 = vdaf->parameters.draft == PRIO3_DRAFT_8;
	bool is_root = power(t, wire_len) == 1;
	Int *wire_factor = lagrange(wire_len, w, t);
	Int *gadget_factor = draft_8 ? NULL : lagrange(gadget_len, root(vdaf, 2 * wire_len), t);

	for (size_t i = 0; i < gadget_len; i++)
		gadget[i] = get(vdaf, proof, vdaf->arity + i);
	for (size_t k = 0; k < vdaf->calls; k++)
		outputs[k] = draft_8 ? horner(gadget, gadget_len, power(w, k + 1)) : gadget[2 * (k + 1)];
	put(vdaf, verifier, 0, reduced_results(vdaf, meas, outputs, query_rand, joint_rand));
	for (size_t j = 0; j < vdaf->arity; j++)
	{
		wire[0] = get(vdaf, proof, j);
		for (size_t k = 0; k < vdaf->calls; k++)
			wire[k + 1] = call_input(vdaf, meas, joint_rand, k, j);
		put(vdaf, verifier, 1 + j, dot(wire_factor, wire, wire_len));
	}
	put(vdaf, verifier, vdaf->verifier_len - 1,
		draft_8 ? horner(gadget, gadget_len, t) : dot(gadget_factor, gadget, gadget_len));
	free(wire_factor);
	free(gadget_factor);
	free(wire);
	free(gadget);
	free(outputs);
	return !is_root;
}

void
slow_truncate(const Prio3Vdaf *vdaf, const uint8_t *meas, uint8_t *output)
{
	Prio3Kind kind = vdaf->parameters.kind;
	bool has_bits = kind == PRIO3_SUM || kind == PRIO3_SUM_VEC || kind == PRIO3_L1_BOUND_SUM;

	(void) root(vdaf, 1);
	for (size_t i = 0; i < vdaf->output_len; i++)
		put(vdaf, output, i,
			has_bits ? weighted(vdaf, meas, i * vdaf->bits) : get(vdaf, meas, i));
}
