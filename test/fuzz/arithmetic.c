/*
 * arithmetic.c
 *		The field, the loops for different processors, totals, weights and the transform
 *		against integers that are added and doubled bit by bit.
 *
 * Input: what is computed (1 byte), the operands. An operand that the input has no bytes
 * for is zero.
 */
#include "fuzz.h"

#include "kernels/kernels.h"

typedef enum Operation
{
	PAIR,
	POWER,
	SUM,
	DOT,
	LONG_DOT,
	ACCEPT,
	NORMALISE,
	WEIGHTS,
	TRANSFORM,
	OPERATIONS
} Operation;

/* ------------------------------------------------------------------ operands */

typedef struct Input
{
	const uint8_t *next;
	size_t left;
} Input;

/* An integer of size <= 16 bytes. */
static prio_uint128
take(Input *input, size_t size)
{
	uint8_t bytes[16] = {0};
	size_t present = size < input->left ? size : input->left;

	memcpy(bytes, input->next, present);
	input->next += present;
	input->left -= present;
	return slow_from_bytes(bytes, size);
}

/* A value below p. */
static prio_uint128
take_value(Input *input)
{
	return take(input, 11) % SLOW_P;
}

static void
assert_value(Field87 element, prio_uint128 value)
{
	assert_reduced(element);
	assert_true(slow_value(element) == value);
}

static prio_uint128
slow_neg(prio_uint128 a)
{
	return a == 0 ? 0 : SLOW_P - a;
}

/* ------------------------------------------------------------------ the field */

static void
check_bytes(const uint8_t *bytes)
{
	uint8_t *exact = malloc(11); /* shows a read or write beyond it */
	prio_uint128 value = slow_from_bytes(bytes, 11);
	Field87 element;

	memcpy(exact, bytes, 11);
	element = field87_from_bytes(exact);
	assert_true(slow_value(element) == value && element.lo < BIT(44) && element.hi < BIT(44));
	assert_int_equal(field87_is_reduced(element), value < SLOW_P);
	assert_true(field87_to_integer(element) == value);
	assert_element(field87_from_integer(value), element);
	memset(exact, 0xee, 11);
	field87_to_bytes(element, exact);
	assert_memory_equal(exact, bytes, 11);
	free(exact);
}

static void
check_pair(Input *input)
{
	uint8_t bytes[22] = {0};
	Input again = *input;
	prio_uint128 raw_a;
	prio_uint128 raw_b;
	prio_uint128 a;
	prio_uint128 b;
	Field87 x;
	Field87 y;

	memcpy(bytes, input->next, input->left < sizeof(bytes) ? input->left : sizeof(bytes));
	check_bytes(bytes);
	check_bytes(bytes + 11);
	raw_a = take(&again, 11);
	raw_b = take(&again, 11);
	assert_int_equal(field87_less(slow_element(raw_a), slow_element(raw_b)), raw_a < raw_b);

	a = take_value(input);
	b = take_value(input);
	x = slow_element(a);
	y = slow_element(b);
	assert_value(field87_add(x, y), slow_add(a, b));
	assert_value(field87_sub(x, y), slow_add(a, slow_neg(b)));
	assert_value(field87_neg(x), slow_neg(a));
	assert_value(field87_mul(x, y), slow_mul(a, b));
	assert_true(field87_equal(x, y) == (a == b));
	assert_true(field87_is_zero(x) == (a == 0));
	assert_value(field87_from_signed((prio_int128) a), a);
	assert_value(field87_from_signed(-(prio_int128) a), slow_neg(a));
}

static void
check_power(Input *input)
{
	prio_uint128 a = take_value(input);
	prio_uint128 exponent = take(input, 16);
	prio_uint128 inverse = slow_value(prio_field87_inv(slow_element(a)));

	assert_value(prio_field87_pow(slow_element(a), exponent), slow_pow(a, exponent));
	assert_reduced(slow_element(inverse));
	assert_true(slow_mul(a, inverse) == (a != 0));
	assert_true(a != 0 || inverse == 0);
	assert_value(prio_field87_root((int) (exponent % 20)), slow_root((int) (exponent % 20)));
}

/* ------------------------------------------------------------------ unreduced sums */

/* Anything within the bounds of Field87Sum: t2 and what is carried into it below 2^107. */
static Field87Sum
take_sum(Input *input)
{
	Field87Sum sum;
	prio_uint128 carry;

	sum.t0 = take(input, 14) % BIT(108);
	sum.t1 = take(input, 14) % BIT(109);
	carry = (sum.t1 + (sum.t0 >> 44)) >> 44;
	sum.t2 = take(input, 14) % (BIT(107) - carry);
	return sum;
}

static void
check_sum(Input *input)
{
	Field87Sum sum = take_sum(input);
	prio_uint128 a = take_value(input);
	prio_uint128 b = take_value(input);
	prio_uint128 expected = slow_sum(&sum);

	assert_value(field87_sum_reduce(&sum), expected);

	/* One more product; the sum is small enough for it. */
	sum.t0 %= BIT(107);
	sum.t1 %= BIT(108);
	sum.t2 %= BIT(106);
	expected = slow_add(slow_sum(&sum), slow_mul(a, b));
	field87_sum_add_product(&sum, slow_element(a), slow_element(b));
	assert_value(field87_sum_reduce(&sum), expected);
}

/* The dot product of the pairs, over and over until there are count of them. */
static void
check_dot_of(const Field87 *pairs, size_t pair_count, size_t count)
{
	const PrioKernels *variant;
	Field87 *a = malloc(count * sizeof(Field87));
	Field87 *b = malloc(count * sizeof(Field87));
	prio_uint128 expected = 12345;

	for (size_t i = 0; i < count; i++)
	{
		a[i] = pairs[i % pair_count * 2];
		b[i] = pairs[i % pair_count * 2 + 1];
	}
	for (size_t i = 0; i < pair_count && i < count; i++)
	{
		prio_uint128 times = count / pair_count + (i < count % pair_count);

		expected =
			slow_add(expected, slow_mul(slow_mul(slow_value(a[i]), slow_value(b[i])), times));
	}
	for (size_t i = 0; (variant = prio_kernels_variant(i)) != NULL; i++)
	{
		Field87Sum sum = {12345, 0, 0};

		variant->add_dot(&sum, a, b, count);
		assert_value(field87_sum_reduce(&sum), expected);
	}
	free(a);
	free(b);
}

#define MAX_PAIRS 64

/* count terms of the pairs that the input holds, or as many as there are pairs. */
static void
check_dot(Input *input, size_t count)
{
	Field87 pairs[2 * MAX_PAIRS];
	size_t pair_count = 0;

	do
	{
		pairs[2 * pair_count] = slow_element(take_value(input));
		pairs[2 * pair_count + 1] = slow_element(take_value(input));
		pair_count++;
	} while (input->left > 0 && pair_count < MAX_PAIRS);
	check_dot_of(pairs, pair_count, count > 0 ? count : pair_count);
}

/* ------------------------------------------------------------------ rejection */

#define MAX_CANDIDATES 1023

/* The candidates of the input, over and over until there are as many as it says. */
static void
check_accept(Input *input)
{
	size_t said = (size_t) take(input, 2) % (MAX_CANDIDATES + 1);
	size_t present = input->left / FIELD87_CANDIDATE_BYTES;
	size_t candidates = said > 0 && present > 0 ? said : present;
	uint8_t *bytes = malloc(candidates * FIELD87_CANDIDATE_BYTES);
	Field87 *expected = malloc((candidates + 1) * sizeof(Field87));
	size_t count;
	const PrioKernels *variant;

	for (size_t i = 0; i < candidates; i++)
		memcpy(bytes + i * FIELD87_CANDIDATE_BYTES,
			   input->next + i % present * FIELD87_CANDIDATE_BYTES, FIELD87_CANDIDATE_BYTES);
	count = slow_accept(bytes, candidates, expected);
	for (size_t i = 0; (variant = prio_kernels_variant(i)) != NULL; i++)
	{
		Field87 *out = malloc((candidates + KERNELS_ACCEPT_SLACK) * sizeof(Field87));

		assert_int_equal(variant->accept(bytes, candidates, out), count);
		for (size_t j = 0; j < count; j++)
			assert_element(out[j], expected[j]);
		free(out);
	}
	free(expected);
	free(bytes);
}

/* ------------------------------------------------------------------ totals */

#define TOTAL_ELEMENTS 3

/* Limbs as full as so many vectors can make them, looked at at once or after one more. */
static void
check_normalise(Input *input)
{
	uint32_t pending = (uint32_t) take(input, 3) % ((1 << 19) - 1);
	bool one_more = take(input, 1) % 2 == 1;
	uint64_t bound = ((uint64_t) pending + 1) << 44;
	Field87 sums[TOTAL_ELEMENTS];
	Field87 summands[TOTAL_ELEMENTS];
	Prio1Total total;
	Prio1Total other;
	prio_uint128 expected[TOTAL_ELEMENTS];
	Prio1Total uints;
	Field87 reduced[TOTAL_ELEMENTS];

	prio1_total_init(&total, PRIO_A, TOTAL_ELEMENTS, sums);
	prio1_total_init(&other, PRIO_A, TOTAL_ELEMENTS, summands);
	total.pending = pending;
	for (size_t i = 0; i < TOTAL_ELEMENTS; i++)
	{
		prio_uint128 summand;

		sums[i].lo = (uint64_t) take(input, 8) % bound;
		sums[i].hi = (uint64_t) take(input, 8) % bound;
		if (pending == 0)
			sums[i] = slow_element(slow_value(sums[i]) % SLOW_P);
		summand = take_value(input);
		other.sums[i] = slow_element(summand);
		expected[i] = slow_add(slow_mul(sums[i].hi, BIT(44)), sums[i].lo);
		if (one_more)
			expected[i] = slow_add(expected[i], summand);
	}
	if (one_more)
		assert_ok(prio1_total_merge(&total, &other));
	assert_ok(prio1_total_to_uints(&total, 1, &uints, reduced));
	for (size_t i = 0; i < TOTAL_ELEMENTS; i++)
		assert_value(reduced[i], expected[i]);
}

/* ------------------------------------------------------------------ polynomials */

/* The powers of the root of unity of order 2^log_order, all of them. */
static void
slow_powers(int log_order, prio_uint128 *powers)
{
	prio_uint128 root = slow_root(log_order);

	powers[0] = 1;
	for (size_t i = 1; i < (size_t) 1 << log_order; i++)
		powers[i] = slow_mul(powers[i - 1], root);
}

/*
 * Is weight the value at r of the polynomial that is 1 at powers[i] and 0 at the others?
 * That is the product of (r - w^j) / (w^i - w^j).
 */
static void
check_weight(Field87 weight, const prio_uint128 *powers, size_t order, size_t i, prio_uint128 r)
{
	prio_uint128 numerator = 1;
	prio_uint128 denominator = 1;

	for (size_t j = 0; j < order; j++)
	{
		if (j == i)
			continue;
		numerator = slow_mul(numerator, slow_add(r, slow_neg(powers[j])));
		denominator = slow_mul(denominator, slow_add(powers[i], slow_neg(powers[j])));
	}
	assert_reduced(weight);
	assert_true(slow_mul(slow_value(weight), denominator) == numerator);
}

/* At any point, or at a root of unity, where the formulas divide by zero. */
static void
check_weights(Input *input)
{
	size_t n = 1 + (size_t) take(input, 1) % 5;
	bool at_root = take(input, 1) % 4 == 0;
	prio_uint128 r = take_value(input);
	int log_domain;
	size_t domain = prio_lagrange87_domain(n, &log_domain);
	Field87 *memory = malloc(prio_lagrange87_size(n) * sizeof(Field87));
	Lagrange87 weights;
	prio_uint128 powers[8];
	prio_uint128 powers_2n[16];
	prio_uint128 sum = 0;

	slow_powers(log_domain, powers);
	slow_powers(log_domain + 1, powers_2n);
	if (at_root)
		r = powers_2n[r % (2 * domain)];
	assert_ok(prio_lagrange87_init(&weights, n, slow_element(r), memory, NULL));
	assert_int_equal(weights.n, n);
	assert_int_equal(weights.domain, domain);
	check_weight(weights.data_0, powers, domain, 0, r);
	check_weight(weights.h_0, powers_2n, 2 * domain, 0, r);
	for (size_t i = 1; i <= n; i++)
	{
		check_weight(weights.data[i - 1], powers, domain, i, r);
		sum = slow_add(sum, slow_value(weights.data[i - 1]));
	}
	for (size_t i = 0; i < domain; i++)
		check_weight(weights.h[i], powers_2n, 2 * domain, 2 * i + 1, r);
	assert_value(weights.data_sum, sum);
	free(memory);
}

/* From values to coefficients and on to other values, by their definitions. */
static void
check_transform(Input *input)
{
	size_t n = 1 + (size_t) take(input, 1) % 7;
	int log_domain;
	size_t domain = prio_lagrange87_domain(n, &log_domain);
	Field87 *memory = malloc(prio_coset87_size(n) * sizeof(Field87));
	Field87 *values = malloc(domain * sizeof(Field87));
	Coset87 transform;
	prio_uint128 powers[8];
	prio_uint128 powers_2n[16];
	prio_uint128 coefficients[8] = {0};
	prio_uint128 inverse = slow_pow(domain, SLOW_P - 2);

	slow_powers(log_domain, powers);
	slow_powers(log_domain + 1, powers_2n);
	for (size_t i = 0; i < domain; i++)
	{
		prio_uint128 value = take_value(input);

		values[i] = slow_element(value);
		for (size_t k = 0; k < domain; k++)
			coefficients[k] =
				slow_add(coefficients[k],
						 slow_mul(slow_mul(value, inverse), powers[(domain - i) * k % domain]));
	}
	assert_ok(prio_coset87_init(&transform, n, memory, NULL));
	assert_ok(prio_coset87_to_odd_powers(&transform, values, NULL));
	for (size_t i = 0; i < domain; i++)
	{
		prio_uint128 value = 0;

		for (size_t k = 0; k < domain; k++)
			value =
				slow_add(value,
						 slow_mul(coefficients[k], powers_2n[(2 * i + 1) * k % (2 * domain)]));
		assert_value(values[i], value);
	}
	free(memory);
	free(values);
}

/* ------------------------------------------------------------------ all of them */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input input = {data + 1, size - 1};

	if (size < 1)
		return 0;
	switch ((Operation) (data[0] % OPERATIONS))
	{
		case PAIR:
			check_pair(&input);
			break;
		case POWER:
			check_power(&input);
			break;
		case SUM:
			check_sum(&input);
			break;
		case DOT:
			check_dot(&input, 0);
			break;
		case LONG_DOT:
			check_dot(&input, (size_t) take(&input, 2));
			break;
		case ACCEPT:
			check_accept(&input);
			break;
		case NORMALISE:
			check_normalise(&input);
			break;
		case WEIGHTS:
			check_weights(&input);
			break;
		case TRANSFORM:
			check_transform(&input);
			break;
		case OPERATIONS:
			break;
	}
	return 0;
}
