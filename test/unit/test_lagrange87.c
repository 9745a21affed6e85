/*
 * test_poly.c
 *		Lagrange weights and the client's transform against their definitions.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ helpers */

/* The powers 1, w, w^2 .. of the root of unity of this order; free() them. */
static Field87 *
powers_of_root(size_t order)
{
	Field87 *powers = malloc(order * sizeof(Field87));
	Field87 root;
	int log_order = 0;

	while ((size_t) 1 << log_order < order)
		log_order++;
	root = prio_field87_root(log_order);
	powers[0] = FIELD87_ONE;
	for (size_t i = 1; i < order; i++)
		powers[i] = field87_mul(powers[i - 1], root);
	return powers;
}

/*
 * The value at r of the polynomial that is 1 at point i and 0 at the others: the product
 * of (r - w^j) / (w^i - w^j). It needs no exception for roots of unity, which
 * prio_lagrange87_init() does.
 */
static Field87
basis_at(const Field87 *points, size_t order, size_t i, Field87 r)
{
	Field87 numerator = FIELD87_ONE;
	Field87 denominator = FIELD87_ONE;

	for (size_t j = 0; j < order; j++)
	{
		if (j == i)
			continue;
		numerator = field87_mul(numerator, field87_sub(r, points[j]));
		denominator = field87_mul(denominator, field87_sub(points[i], points[j]));
	}
	return field87_mul(numerator, prio_field87_inv(denominator));
}

/* Horner; coefficients from the constant one up. */
static Field87
evaluate(const Field87 *coefficients, size_t count, Field87 x)
{
	Field87 value = FIELD87_ZERO;

	for (size_t i = count; i-- > 0;)
		value = field87_add(field87_mul(value, x), coefficients[i]);
	return value;
}

/* All weights for n data fields at r; the memory is of exactly the promised size. */
static Field87 *
make_weights(Lagrange87 *weights, size_t n, Field87 r)
{
	Field87 *memory = malloc(prio_lagrange87_size(n) * sizeof(Field87));

	/* Garbage that is no element: what is not written shows. */
	memset(memory, 0xee, prio_lagrange87_size(n) * sizeof(Field87));
	assert_ok(prio_lagrange87_init(weights, n, r, memory, NULL));
	assert_int_equal(weights->n, n);
	assert_int_equal(weights->domain, prio_lagrange87_domain(n, NULL));
	return memory;
}

static void
check_weights(size_t n, Field87 r)
{
	size_t domain = prio_lagrange87_domain(n, NULL);
	Field87 *points = powers_of_root(domain);
	Field87 *points_2n = powers_of_root(2 * domain);
	Field87 sum = FIELD87_ZERO;
	Lagrange87 weights;
	Field87 *memory = make_weights(&weights, n, r);

	assert_element(weights.data_0, basis_at(points, domain, 0, r));
	for (size_t i = 1; i <= n; i++)
	{
		assert_element(weights.data[i - 1], basis_at(points, domain, i, r));
		sum = field87_add(sum, weights.data[i - 1]);
	}
	assert_element(weights.data_sum, sum);
	assert_element(weights.h_0, basis_at(points_2n, 2 * domain, 0, r));
	for (size_t i = 0; i < domain; i++)
		assert_element(weights.h[i], basis_at(points_2n, 2 * domain, 2 * i + 1, r));
	free(memory);
	free(points);
	free(points_2n);
}

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 100};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* ------------------------------------------------------------------ weights */

static void
the_domain_is_the_smallest_power_of_two_above_n(void **state)
{
	static const struct
	{
		size_t n;
		size_t domain;
		int log_size;
	} cases[] = {{1, 2, 1},
				 {2, 4, 2},
				 {3, 4, 2},
				 {4, 8, 3},
				 {7, 8, 3},
				 {8, 16, 4},
				 {2046, 2048, 11},
				 {2047, 2048, 11},
				 {2048, 4096, 12},
				 {131071, 131072, 17},
				 {131072, 262144, 18},
				 {PRIO1_MAX_DATA, 262144, 18}};

	(void) state;
	assert_int_equal(PRIO1_MAX_DATA, 262143);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int log_size = -1;

		assert_int_equal(prio_lagrange87_domain(cases[i].n, &log_size), cases[i].domain);
		assert_int_equal(log_size, cases[i].log_size);
		assert_int_equal(prio_lagrange87_domain(cases[i].n, NULL), cases[i].domain);
		assert_int_equal(prio_lagrange87_size(cases[i].n), cases[i].n + cases[i].domain);
		assert_int_equal(prio_coset87_size(cases[i].n), 2 * cases[i].domain);
	}
}

static void
weights_are_the_lagrange_basis(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		for (int j = 0; j < 5; j++)
			check_weights(sizes[i], random_element());
		check_weights(sizes[i], FIELD87_ZERO);
		check_weights(sizes[i], (Field87){sizes[i] + 2, 0});
	}
}

/* Where r is a point of one of the domains, or of both, the general formula divides 0 by 0. */
static void
weights_at_every_root_of_unity_are_the_lagrange_basis(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		size_t order = 2 * prio_lagrange87_domain(sizes[i], NULL);
		Field87 *roots = powers_of_root(order);

		for (size_t j = 0; j < order; j++)
			check_weights(sizes[i], roots[j]);
		free(roots);
	}
}

/*
 * The largest n, where the definition is too slow: f of low degree, and h = (x^N - 1) q
 * with q of low degree, which is 0 at the even powers and -2 q at the odd ones.
 */
static void
check_largest_weights(Field87 r)
{
	size_t n = PRIO1_MAX_DATA;
	size_t domain = n + 1;
	Field87 *roots = powers_of_root(2 * domain);
	Field87 minus_two = field87_neg((Field87){2, 0});
	Field87 f_value = FIELD87_ZERO;
	Field87 h_value = FIELD87_ZERO;
	Field87 coefficients[7];
	Lagrange87 weights;
	Field87 *memory = make_weights(&weights, n, r);

	for (size_t i = 0; i < 7; i++)
		coefficients[i] = random_element();
	for (size_t i = 0; i < domain; i++)
	{
		Field87 f = evaluate(coefficients, 7, roots[2 * i]);
		Field87 h = field87_mul(minus_two, evaluate(coefficients, 7, roots[2 * i + 1]));
		Field87 f_weight = i == 0 ? weights.data_0 : weights.data[i - 1];

		f_value = field87_add(f_value, field87_mul(f_weight, f));
		h_value = field87_add(h_value, field87_mul(weights.h[i], h));
	}
	assert_element(f_value, evaluate(coefficients, 7, r));
	assert_element(h_value,
				   field87_mul(field87_sub(prio_field87_pow(r, domain), FIELD87_ONE),
							   evaluate(coefficients, 7, r)));

	/* No point is left out, so that the basis of f sums up to 1. */
	assert_element(field87_add(weights.data_0, weights.data_sum), FIELD87_ONE);
	/* m_0(r) 2N (r - 1) = r^2N - 1 */
	assert_element(field87_mul(field87_mul(weights.h_0, (Field87){2 * domain, 0}),
							   field87_sub(r, FIELD87_ONE)),
				   field87_sub(prio_field87_pow(r, 2 * domain), FIELD87_ONE));
	free(memory);
	free(roots);
}

static void
the_largest_weights_evaluate_polynomials(void **state)
{
	Field87 root = prio_field87_root(FIELD87_TWO_ADICITY);

	(void) state;
	check_largest_weights(random_element());
	check_largest_weights(root); /* the points of h only */
	check_largest_weights(prio_field87_pow(root, 262145));
	check_largest_weights(prio_field87_pow(root, 4098));              /* those of f too */
	check_largest_weights(prio_field87_inv(field87_mul(root, root))); /* the last of f */
}

/* ------------------------------------------------------------------ the transform */

/* Tables in memory of exactly the promised size, which the caller frees. */
static Field87 *
make_transform(Coset87 *transform, size_t n)
{
	Field87 *memory = malloc(prio_coset87_size(n) * sizeof(Field87));

	assert_ok(prio_coset87_init(transform, n, memory, NULL));
	assert_int_equal(transform->domain, prio_lagrange87_domain(n, NULL));
	return memory;
}

/* count coefficients, evaluated at the powers of w_N, must come out at the odd ones of w_2N. */
static void
check_transform(size_t n, const Field87 *coefficients, size_t count)
{
	size_t domain = prio_lagrange87_domain(n, NULL);
	Field87 *roots = powers_of_root(2 * domain);
	Field87 *values = malloc(domain * sizeof(Field87));
	Coset87 transform;
	Field87 *memory = make_transform(&transform, n);

	for (size_t i = 0; i < domain; i++)
		values[i] = evaluate(coefficients, count, roots[2 * i]);
	assert_ok(prio_coset87_to_odd_powers(&transform, values, NULL));
	for (size_t i = 0; i < domain; i++)
		assert_element(values[i], evaluate(coefficients, count, roots[2 * i + 1]));
	free(memory);
	free(values);
	free(roots);
}

static void
the_transform_evaluates_at_the_odd_powers(void **state)
{
	(void) state;
	for (size_t i = 0; i < SIZES; i++)
	{
		size_t domain = prio_lagrange87_domain(sizes[i], NULL);
		Field87 *coefficients = malloc(domain * sizeof(Field87));

		for (size_t j = 0; j < domain; j++)
			coefficients[j] = random_element();
		check_transform(sizes[i], coefficients, domain);

		/* One coefficient at a time: which one goes where. */
		for (size_t j = 0; j < domain; j++)
		{
			memset(coefficients, 0, domain * sizeof(Field87));
			coefficients[j] = field87_neg(FIELD87_ONE);
			check_transform(sizes[i], coefficients, domain);
		}
		free(coefficients);
	}
}

static void
the_largest_transform_evaluates_at_the_odd_powers(void **state)
{
	Field87 coefficients[5];

	(void) state;
	for (size_t i = 0; i < 5; i++)
		coefficients[i] = random_element();
	check_transform(PRIO1_MAX_DATA, coefficients, 5);
}

/* ------------------------------------------------------------------ interruption */

/*
 * A computation ends itself when it writes an element that was zero: so it stops in the
 * middle, at the same place every time.
 */
static Field87 *watched;

static bool
is_written(void)
{
	return !field87_is_zero(*watched);
}

static PrioStop
stop_after_writing(Field87 *element)
{
	*element = FIELD87_ZERO;
	watched = element;
	return is_written;
}

static void
weights_stop_in_either_pass(void **state)
{
	size_t n = 100000;
	Field87 *memory = calloc(prio_lagrange87_size(n), sizeof(Field87));
	Field87 *last = memory + prio_lagrange87_size(n) - 1;
	Lagrange87 weights;

	(void) state;
	/* Early on the way up, so that it does not get to the last weight. */
	assert_status(prio_lagrange87_init(&weights, n, random_element(), memory, stop_now),
				  PRIO_INTERRUPTED);
	assert_true(field87_is_zero(*last));
	/* On the way down: the way up ends with writing that one. */
	assert_status(prio_lagrange87_init(&weights, n, random_element(), memory,
									   stop_after_writing(last)),
				  PRIO_INTERRUPTED);
	assert_false(field87_is_zero(*last));
	free(memory);
}

static void
transforms_stop_in_either_half(void **state)
{
	size_t n = 100000;
	size_t domain = prio_lagrange87_domain(n, NULL);
	Field87 *memory = calloc(prio_coset87_size(n), sizeof(Field87));
	Field87 *values = calloc(domain, sizeof(Field87));
	Coset87 transform;

	(void) state;
	/* The tables: the roots come first, the shift last. */
	assert_status(prio_coset87_init(&transform, n, memory, stop_now), PRIO_INTERRUPTED);
	assert_true(field87_is_zero(memory[domain / 2 - 1]));
	assert_status(prio_coset87_init(&transform, n, memory,
									stop_after_writing(&memory[domain / 2 - 1])),
				  PRIO_INTERRUPTED);
	assert_false(field87_is_zero(memory[domain / 2 - 1]));

	/*
	 * The way to the coefficients spreads a single value over all places, and gets to the
	 * one next to it last.
	 */
	assert_ok(prio_coset87_init(&transform, n, memory, NULL));
	values[0] = FIELD87_ONE;
	assert_status(prio_coset87_to_odd_powers(&transform, values, stop_now), PRIO_INTERRUPTED);
	assert_true(field87_is_zero(values[1]));
	values[0] = FIELD87_ONE;
	assert_status(prio_coset87_to_odd_powers(&transform, values, stop_after_writing(&values[1])),
				  PRIO_INTERRUPTED);
	assert_false(field87_is_zero(values[1]));
	free(memory);
	free(values);
}

static void
long_computations_ask_whether_to_stop(void **state)
{
	static const size_t large[] = {8192, 100000, PRIO1_MAX_DATA};

	(void) state;
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
	{
		size_t n = large[i];
		Field87 r = random_element();
		Field87 *memory = malloc(prio_lagrange87_size(n) * sizeof(Field87));
		Field87 *tables = malloc(prio_coset87_size(n) * sizeof(Field87));
		Field87 *values = calloc(prio_lagrange87_domain(n, NULL), sizeof(Field87));
		Lagrange87 weights;
		Coset87 transform;

		assert_status(prio_lagrange87_init(&weights, n, r, memory, stop_now), PRIO_INTERRUPTED);
		assert_ok(prio_lagrange87_init(&weights, n, r, memory, stop_never));
		assert_status(prio_coset87_init(&transform, n, tables, stop_now), PRIO_INTERRUPTED);
		assert_ok(prio_coset87_init(&transform, n, tables, stop_never));
		assert_status(prio_coset87_to_odd_powers(&transform, values, stop_now),
					  PRIO_INTERRUPTED);
		assert_ok(prio_coset87_to_odd_powers(&transform, values, stop_never));
		free(memory);
		free(tables);
		free(values);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_domain_is_the_smallest_power_of_two_above_n),
		cmocka_unit_test(weights_are_the_lagrange_basis),
		cmocka_unit_test(weights_at_every_root_of_unity_are_the_lagrange_basis),
		cmocka_unit_test(the_largest_weights_evaluate_polynomials),
		cmocka_unit_test(the_transform_evaluates_at_the_odd_powers),
		cmocka_unit_test(the_largest_transform_evaluates_at_the_odd_powers),
		cmocka_unit_test(long_computations_ask_whether_to_stop),
		cmocka_unit_test(weights_stop_in_either_pass),
		cmocka_unit_test(transforms_stop_in_either_half),
	};

	return cmocka_run_group_tests_name("poly", tests, NULL, NULL);
}
